package config_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

func said(err error) string {
	var e *errs.Error
	if !errors.As(err, &e) {
		return fmt.Sprint(err)
	}
	b := e.Message + "\n"
	for _, f := range e.Fields {
		b += fmt.Sprintf("%s: %s\n", f.Path, f.Message)
	}
	return b
}

// Each bad file in testdata/bad has its message beside it, word for word.
func TestBadFiles(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/bad/*.yaml")
	require.NoError(t, err)
	require.Greater(t, len(files), 10)
	for _, f := range files {
		_, err := config.Load(f, nil, nil)
		require.True(t, errs.Is(err, errs.Invalid), f)
		want := strings.TrimSuffix(f, ".yaml") + ".want"
		if os.Getenv("MAINSTAY_UPDATE") != "" {
			require.NoError(t, os.WriteFile(want, []byte(said(err)), 0o600))
		}
		b, err2 := os.ReadFile(want)
		require.NoError(t, err2)
		require.Equal(t, string(b), said(err), f)
		require.NotContains(t, fmt.Sprintf("%v %+v", err, errs.FieldsOf(err)), "hunter2", f)
	}
}

func TestLayers(t *testing.T) {
	t.Parallel()
	f := filepath.Join(t.TempDir(), "c.yaml")
	require.NoError(t, os.WriteFile(f, []byte("listen: 127.0.0.1:1\ndata: /file\nlog: {level: warn}\n"), 0o600))
	c, err := config.Load(f, []string{"MAINSTAY_LISTEN=127.0.0.1:2", "MAINSTAY_DATA=/env", "MAINSTAY_METRICS__RETENTION=15d", "LISTEN=127.0.0.1:9", "MAINSTAY_URL=x"}, map[string]string{"listen": "127.0.0.1:3"})
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:3", c.Listen.HTTP)
	require.Equal(t, "/env", c.Data)
	require.Equal(t, "warn", c.Log.Level)
	require.Equal(t, 15*24*time.Hour, c.Metrics.Retention.D())
	require.Equal(t, "http://127.0.0.1:3", c.PublicURL)
	_, err = config.Load("", []string{"MAINSTAY_LISTEN=x", "MAINSTAY_METRICS__MAX_BYTES=lots"}, map[string]string{"lissten": "x", "log.level": "loud"})
	for _, want := range []string{"listen", "MAINSTAY_METRICS__MAX_BYTES: must be a size", "--lissten: is not a setting", "listen", "log.level: must be one of"} {
		require.Contains(t, said(err), want)
	}
}

// What the defaults print decodes to the defaults, and the page about the settings
// agrees with them.
func TestDefaultsAndTheirPage(t *testing.T) {
	t.Parallel()
	b, err := yaml.Marshal(config.Default())
	require.NoError(t, err)
	f := filepath.Join(t.TempDir(), "c.yaml")
	require.NoError(t, os.WriteFile(f, b, 0o600))
	c, err := config.Load(f, nil, nil)
	require.NoError(t, err)
	want, err := config.Load("", nil, nil)
	require.NoError(t, err)
	require.Equal(t, want, c)

	page, err := os.ReadFile("../../../docs/configuration.md")
	require.NoError(t, err)
	flags := map[string]string{}
	for _, line := range strings.Split(string(page), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !strings.HasPrefix(strings.TrimSpace(cells[1]), "`") {
			continue
		}
		for _, key := range strings.Split(cells[1], ",") {
			flags[strings.Trim(key, " `")] = strings.Trim(cells[2], " `")
		}
	}
	require.ElementsMatch(t, config.Keys(), slices.Collect(maps.Keys(flags)), "every setting is on the page")
	c, err = config.Load("", nil, flags)
	require.NoError(t, err, "each default on the page is a value")
	require.Equal(t, want, c, "and it is the default")

	_, sample, ok := strings.Cut(string(page), "```yaml\n")
	require.True(t, ok)
	sample, _, _ = strings.Cut(sample, "```")
	require.NoError(t, os.WriteFile(f, []byte(sample), 0o600))
	c, err = config.Load(f, nil, nil)
	require.NoError(t, err, "the sample is a valid file")
	require.Equal(t, 90*24*time.Hour, c.Metrics.Retention.D())
	require.NotContains(t, fmt.Sprintf("%v %+v %#v %s", c, c, c.Database, c.LogValue()), "secret@", "a password is not printed")
}

func TestUnits(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]time.Duration{"15d": 360 * time.Hour, "1.5d": 36 * time.Hour, "90s": 90 * time.Second, "0d": 0} {
		var d config.Duration
		require.NoError(t, d.UnmarshalText([]byte(in)), in)
		require.Equal(t, want, d.D(), in)
	}
	for _, in := range []string{"", "d", "-1d", "NaNd", "1e9d", "5", "1w"} {
		var d config.Duration
		require.Error(t, d.UnmarshalText([]byte(in)), in)
	}
	for in, want := range map[string]config.Bytes{"0": 0, "512MiB": 512 << 20, "2 GiB": 2 << 30, "7": 7} {
		var v config.Bytes
		require.NoError(t, v.UnmarshalText([]byte(in)), in)
		require.Equal(t, want, v, in)
	}
	for _, in := range []string{"", "-1", "1GB", "MiB", "99999999999TiB", "1.5GiB"} {
		var v config.Bytes
		require.Error(t, v.UnmarshalText([]byte(in)), in)
	}
}

// The agents' port follows that of people unless it is told otherwise.
func TestAgentAddress(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		listen, agents, want string
		chosen               bool
	}{
		{"127.0.0.1:8080", "", "127.0.0.1:8081", false},
		{"[::]:80", "", "[::]:81", false},
		{"127.0.0.1:0", "", "127.0.0.1:0", false},
		{"127.0.0.1:65535", "", "", false},
		{"127.0.0.1:8080", "off", "", true},
		{"127.0.0.1:8080", "0.0.0.0:9", "0.0.0.0:9", true},
	} {
		got, chosen := config.Config{Listen: config.Listen{HTTP: c.listen}, Agents: config.Agents{Listen: c.agents}}.AgentAddress()
		require.Equal(t, c.want, got, c.listen)
		require.Equal(t, c.chosen, chosen, c.listen)
	}
	for _, bad := range []map[string]string{{"agents.listen": "nowhere"}, {"agents.listen": "a:99999"}, {"agents.public_url": "http://x"}, {"agents.public_url": "https://x/path"}, {"edges.listen": "nowhere"}, {"edges.public_url": "https://x:1"}, {"edges.public_url": "tls://x"}} {
		_, err := config.Load("", nil, bad)
		require.True(t, errs.Is(err, errs.Invalid), "%v", bad)
	}
}

// The address of the UI stands alone or in a block with those of protocols.
func TestListenBlock(t *testing.T) {
	t.Parallel()
	f := filepath.Join(t.TempDir(), "c.yaml")
	load := func(text string) (config.Config, error) {
		require.NoError(t, os.WriteFile(f, []byte(text), 0o600))
		return config.Load(f, nil, nil)
	}
	c, err := load("listen: {http: \"127.0.0.1:1\"}")
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:1", c.Listen.HTTP)
	_, err = load("listen: {htp: x}")
	require.Contains(t, said(err), "listen.htp: is not a protocol")
	require.Contains(t, said(err), "http")
	_, err = load("listen: [1]")
	require.True(t, errs.Is(err, errs.Invalid))
	for _, p := range config.Ports() {
		c, err = load("listen: {http: \"127.0.0.1:1\", " + p.Name + ": \"127.0.0.1:7\"}")
		require.NoError(t, err)
		addr, chosen := c.Listen.Address(p.Name)
		require.Equal(t, "127.0.0.1:7", addr)
		require.True(t, chosen)
		_, err = load("listen: {" + p.Name + ": nowhere}")
		require.Contains(t, said(err), "listen."+p.Name+": must be an address and a port")
		all := config.Default().Listen
		addr, _ = all.Address(p.Name)
		require.Empty(t, addr, "off until set")
		all.All = true
		addr, chosen = all.Address(p.Name)
		require.Equal(t, fmt.Sprintf("127.0.0.1:%d", p.Usual), addr)
		require.False(t, chosen)
	}
}
