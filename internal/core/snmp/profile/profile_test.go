package profile

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/strict"
)

var update = flag.Bool("update", false, "write what is told now into testdata/bad/*.txt")

func messages(err error) string {
	var b strings.Builder
	b.WriteString(errs.Message(err) + "\n")
	for _, f := range errs.FieldsOf(err) {
		fmt.Fprintf(&b, "line %d: %s (%q) %s\n", f.Line, f.Path, f.Value, f.Message)
	}
	return b.String()
}

// Each bad file has a text beside it: what a person is told.
func TestBadProfiles(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/bad/*.yaml")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 10)
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		_, err = Check(filepath.Base(f), b)
		require.True(t, errs.Is(err, errs.Invalid), f)
		golden := strings.TrimSuffix(f, ".yaml") + ".txt"
		if *update {
			require.NoError(t, os.WriteFile(golden, []byte(messages(err)), 0o600))
		}
		want, err2 := os.ReadFile(golden)
		require.NoError(t, err2)
		require.Equal(t, string(want), messages(err), f)
	}
}

// The shipped profiles fit together: names, references, and no two for the same
// devices. What they say of a device can be shown.
func TestShippedProfiles(t *testing.T) {
	t.Parallel()
	set, err := Shipped()
	require.NoError(t, err)
	require.Greater(t, len(set.Names()), 400)
	kinds := map[string]bool{"network_device": true, "host": true, "storage": true, "printer": true, "ups": true, "iot_device": true}
	for _, name := range set.Names() {
		p := set.Profile(name)
		if !p.Matches() {
			continue
		}
		id := p.Identity
		require.Len(t, id.OS, 1, name)
		require.Regexp(t, `^[A-Za-z0-9_-]+$`, id.OS[0].Text, name)
		require.NotEmpty(t, id.OSName, name)
		require.Len(t, id.Kind, 1, name)
		require.True(t, kinds[id.Kind[0].Text], "%s: %s", name, id.Kind[0].Text)
		if name != "ups-mib" {
			require.NotEmpty(t, id.Vendor, name)
		}
		require.NotEmpty(t, p.Metrics, "%s does not extend generic", name)
	}
}

func TestVendors(t *testing.T) {
	t.Parallel()
	var doc struct {
		Vendors map[string]string `yaml:"vendors" required:"true"`
	}
	require.NoError(t, strict.Decode("vendors.yaml", vendorsYAML, &doc))
	require.Greater(t, len(doc.Vendors), 150)
	for id, want := range map[string]string{
		"1.3.6.1.4.1.9.1.1": "Cisco", ".1.3.6.1.4.1.2636.1": "Juniper", "1.3.6.1.4.1.8072.3.2.10": "",
		"1.3.6.1.4.1.99": "", "1.3.6.1.2.1": "", "": "", "1.3.6.1.4.1.x": "",
	} {
		require.Equal(t, want, VendorOf(id), id)
	}
}

func TestLoadReplacesByName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	set, err := Load(filepath.Join(dir, "none"))
	require.NoError(t, err)
	require.Equal(t, "Junos", set.Profile("junos").Identity.OSName[0].Text)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "own.yaml"), []byte(`profiles:
  - {name: junos, extends: router, match: [{object_id: 1.3.6.1.4.1.2636.1}], identity: {os_name: Ours, vendor: J, os: junos}}
  - {name: ours, extends: junos}
`), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("not a profile"), 0o600))
	set, err = Load(dir)
	require.NoError(t, err)
	require.Equal(t, "Ours", set.Profile("junos").Identity.OSName[0].Text)
	require.Equal(t, "Ours", set.Profile("ours").Identity.OSName[0].Text)
	require.Equal(t, "router", set.Profile("ours").Identity.Role[0].Text)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "bad.yaml"), []byte("profiles: [{nam: x}]"), 0o600))
	_, err = Load(dir)
	require.ErrorContains(t, err, filepath.Join(dir, "bad.yaml")+": profiles[0].nam")
}

func FuzzCheck(f *testing.F) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	require.NoError(f, err)
	for _, name := range append(files, "profiles/cisco.yaml", "profiles/bases.yaml") {
		b, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		set, err := Check("f.yaml", b)
		if (set == nil) == (err == nil) {
			t.Fatalf("set %v and error %v", set, err)
		}
		if err != nil && len(errs.FieldsOf(err)) == 0 {
			t.Fatalf("an error without fields: %v", err)
		}
	})
}
