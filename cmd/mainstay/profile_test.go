package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	"github.com/mainstay-ops/mainstay/internal/testkit/snmpreplay"
)

func TestProfileCheck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	command := func(args ...string) (int, string, string) {
		var out, errOut bytes.Buffer
		code := run(append([]string{"profile"}, args...), &out, &errOut)
		return code, out.String(), errOut.String()
	}

	bad := write("bad.yaml", "profiles:\n  - name: acme\n    sensors:\n      - sensr: temperature\n        value: 1.3.x\n")
	code, _, told := command("check", bad)
	require.Equal(t, 1, code)
	require.Contains(t, told, "line 4: bad.yaml: profiles[0].sensors[0].sensr (\"sensr\") is not a known key")
	require.Contains(t, told, "line 5: bad.yaml: profiles[0].sensors[0].value")

	good := write("good.yaml", `profiles:
  - name: acme
    extends: switch
    match: [{object_id: 1.3.6.1.4.1.99999}]
    identity: {vendor: ACME, os: acme, os_name: ACME}
    sensors:
      - {class: temperature, descr: Inlet, value: 1.3.6.1.4.1.99999.1.0}
      - {class: state, descr: Fan, value: 1.3.6.1.4.1.99999.2.0, states: {1: ok}}
`)
	code, out, told := command("check", good)
	require.Equal(t, 0, code, told)
	require.Equal(t, good+" is right.\n", out)

	code, _, told = command("check", good, "--against", "127.0.0.1:1")
	require.Equal(t, 1, code)
	require.Contains(t, told, "--community")

	address := snmpreplay.New(
		snmp.Var{OID: "1.3.6.1.2.1.1.1.0", Kind: snmp.OctetString, Raw: []byte("ACME")},
		snmp.Var{OID: "1.3.6.1.2.1.1.2.0", Kind: snmp.ObjectID, Raw: []byte("1.3.6.1.4.1.99999.1")},
		snmp.Var{OID: "1.3.6.1.4.1.99999.1.0", Kind: snmp.Integer, Num: 21},
		snmp.Var{OID: "1.3.6.1.4.1.99999.2.0", Kind: snmp.Integer, Num: 1},
	).Serve(t, "public")
	code, out, told = command("check", good, "--against", address, "--community", "public")
	require.Equal(t, 0, code, told)
	require.Contains(t, out, "profile    acme\n")
	require.Contains(t, out, "temperature Inlet: 21 celsius\n")
	require.Contains(t, out, "state      Fan: ok\n")
	code, out, told = command("check", good, "--against", address, "--community", "public", "--json")
	require.Equal(t, 0, code, told)
	require.Contains(t, out, `"vendor": "ACME"`)
}

func TestProfileList(t *testing.T) {
	t.Parallel()
	var out, errOut bytes.Buffer
	require.Equal(t, 0, run([]string{"profile", "list"}, &out, &errOut), errOut.String())
	require.Contains(t, out.String(), "\njunos\n")
	require.NotContains(t, out.String(), "\nswitch\n", "what is only there to be extended is not listed")
}
