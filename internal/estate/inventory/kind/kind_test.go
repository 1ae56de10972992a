package kind

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBuild(t *testing.T) {
	t.Parallel()
	m, err := Build([]Kind{
		{Name: "core", Parent: "router", Precedence: []string{"snmp"}, Attributes: []Attribute{{Name: "slot", Type: Integer}}},
		{Name: "network_device", Attributes: []Attribute{{Name: "mac", Type: MAC}}},
		{Name: "router", Parent: "network_device", Attributes: []Attribute{{Name: "asn", Type: Integer, Precedence: []string{"agent"}}}},
	}, nil)
	require.NoError(t, err)
	m.Precedence = []string{"sweep"}
	var got []string
	for _, d := range m.Attributes("core") {
		got = append(got, d.By+"."+d.Name)
	}
	require.Equal(t, []string{"network_device.mac", "router.asn", "core.slot"}, got)
	require.Equal(t, []string{"network_device", "router", "core"}, m.Within("network_device"))
	require.Equal(t, []string{"agent"}, m.Order("core", "asn"))
	require.Equal(t, []string{"snmp"}, m.Order("core", "free"))
	require.Equal(t, []string{"sweep"}, m.Order("router", "mac"))
	require.Nil(t, m.Attribute("host", "mac"))
	for _, bad := range [][]Kind{
		{{Name: "a", Parent: "b"}, {Name: "b", Parent: "a"}},
		{{Name: "a", Parent: "nothing"}},
		{{Name: "host", Attributes: []Attribute{{Name: "x", Type: Text}}}, {Name: "a", Parent: "host", Attributes: []Attribute{{Name: "x", Type: Text}}}},
	} {
		_, err := Build(bad, nil)
		require.Error(t, err)
	}
}

// What a value is brought into stays as it is when it is looked at again.
func FuzzValue(f *testing.F) {
	for n, v := range []string{`"8"`, `true`, `"2026-05-31"`, `"2026-05-31T18:00:00+02:00"`, `"fe80::1%eth0"`, `"00-00-5E-00-53-01"`, `["a","b"]`, `{"x":[null]}`, `1e300`, `"https://example.org/%zz"`} {
		f.Add(uint8(n), v, "[a-z]+")
	}
	f.Fuzz(func(t *testing.T, typ uint8, value, pattern string) {
		var v any
		if json.Unmarshal([]byte(value), &v) != nil || v == nil {
			return
		}
		a := Attribute{Name: "a", Type: Types()[int(typ)%len(Types())], Options: []string{"a", "b"}, Pattern: pattern}
		out, wrong := a.Value(v)
		if wrong != "" {
			return
		}
		again, wrong := a.Value(out)
		require.Empty(t, wrong)
		require.Equal(t, out, again)
	})
}
