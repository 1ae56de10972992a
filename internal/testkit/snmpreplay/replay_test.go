package snmpreplay

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
)

const sample = "1.3.6.1.2.1.1.5.0|4|core|sw1\r\n" +
	"1.3.6.1.2.1.1.1.0|4x|41420a43\r\n" +
	"1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.9.1.1\r\n" +
	"1.3.6.1.2.1.2.1.0|5|\r\n" +
	"1.3.6.1.2.1.2.2.1.10.2|65|7\r\n" +
	"1.3.6.1.2.1.2.2.1.10.10|70|18446744073709551615\r\n" +
	"1.3.6.1.2.1.2.2.1.10.2|65|8\r\n" +
	"1.3.6.1.2.1.4.20.1.1.10.0.0.1|64x|0A000001\r\n" +
	"1.3.6.1.2.1.5.1|4e|\\x07\\t\\\\a\\101\r\n" +
	"1.3.6.1.2.1.6.1|68x|9f780441c80000\r\n" +
	"1.3.6.1.2.1.7.1|2|-5\r\n" +
	"no line\n" +
	"1.3.6.1.2.1.8.1|66|12"

func load(t *testing.T) *Recording {
	t.Helper()
	at := filepath.Join(t.TempDir(), "a.snmprec")
	require.NoError(t, os.WriteFile(at, []byte(sample), 0o600))
	r, err := Load(at)
	require.NoError(t, err)
	return r
}

func TestLoad(t *testing.T) {
	t.Parallel()
	r := load(t)
	require.Equal(t, 1, r.Skipped)
	var got []string
	for _, v := range r.Vars() {
		got = append(got, string(v.OID)+"="+v.Text())
	}
	require.Equal(t, []string{
		"1.3.6.1.2.1.1.1.0=AB C", "1.3.6.1.2.1.1.2.0=1.3.6.1.4.1.9.1.1", "1.3.6.1.2.1.1.5.0=core|sw1",
		"1.3.6.1.2.1.2.2.1.10.2=7", "1.3.6.1.2.1.2.2.1.10.10=18446744073709551615",
		"1.3.6.1.2.1.4.20.1.1.10.0.0.1=10.0.0.1", "1.3.6.1.2.1.5.1=\\aA", "1.3.6.1.2.1.6.1=25",
		"1.3.6.1.2.1.7.1=-5", "1.3.6.1.2.1.8.1=12",
	}, got)
	require.Equal(t, "\a\t\\aA", string(r.Vars()[6].Raw))
}

// The agent gives over UDP what the recording holds, in both versions.
func TestServe(t *testing.T) {
	t.Parallel()
	r := load(t)
	for _, version := range []snmp.Version{snmp.V1, snmp.V2c} {
		s, err := snmp.Open(t.Context(), snmp.Target{Address: r.Serve(t, "public"), Version: version, Community: "public"})
		require.NoError(t, err)
		defer s.Close()
		var want, got []snmp.Var
		for _, v := range r.Vars() {
			if version != snmp.V1 || v.Kind != snmp.Counter64 {
				want = append(want, v)
			}
		}
		require.NoError(t, s.Walk(t.Context(), "1.3.6", func(v snmp.Var) error { got = append(got, v); return nil }))
		require.Equal(t, want, got, version)
		one, err := s.Get(t.Context(), "1.3.6.1.2.1.1.5.0", "1.3.6.1.2.1.99.1", "1.3.6.1.2.1.7.1")
		require.NoError(t, err)
		require.Equal(t, []string{"core|sw1", "", "-5"}, []string{one[0].Text(), one[1].Text(), one[2].Text()})
		require.Equal(t, snmp.Missing, one[1].Kind)
	}
}
