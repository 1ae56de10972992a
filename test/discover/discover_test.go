// Package discover runs the real program against the real snmpd: one device read
// from the command line, in each version of the protocol, and what it says when it
// cannot.
package discover

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/device"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

func binary(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mainstay")
	cmd := exec.Command("go", "build", "-o", path, "../../cmd/mainstay")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return path
}

// snmpd starts the agent of Debian on loopback and waits until it answers.
func snmpd(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("snmpd")
	if err != nil {
		if program = "/usr/sbin/snmpd"; !exists(program) {
			testkit.Missing(t, "snmpd is not installed")
		}
	}
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	address := c.LocalAddr().String()
	require.NoError(t, c.Close())
	dir := t.TempDir()
	conf := filepath.Join(dir, "snmpd.conf")
	require.NoError(t, os.WriteFile(conf, fmt.Appendf(nil, `agentaddress udp:%s
rocommunity public 127.0.0.1
sysname edge-host
syslocation rack 7
createUser ops SHA-256 authpassword1 AES privpassword1
rouser ops priv
`, address), 0o600))
	cmd := exec.Command(program, "-f", "-C", "-c", conf, "-Lf", filepath.Join(dir, "log"), "-p", filepath.Join(dir, "pid"))
	cmd.Env = append(os.Environ(), "SNMP_PERSISTENT_DIR="+dir)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	testkit.Eventually(t, 20*time.Second, "snmpd answers", func() bool {
		s, err := snmp.Open(t.Context(), snmp.Target{Address: address, Community: "public", Timeout: 200 * time.Millisecond, Retries: -1})
		if err != nil {
			return false
		}
		defer s.Close()
		_, err = s.Get(t.Context(), "1.3.6.1.2.1.1.5.0")
		return err == nil
	})
	return address
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

func TestDiscover(t *testing.T) {
	t.Parallel()
	address, program := snmpd(t), binary(t)
	run := func(env []string, args ...string) (string, string, int) {
		cmd := exec.Command(program, append([]string{"discover"}, args...)...)
		cmd.Env = append(os.Environ(), env...)
		var out, errOut strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &errOut
		_ = cmd.Run()
		return out.String(), errOut.String(), cmd.ProcessState.ExitCode()
	}
	v3 := []string{address, "--version", "3", "--user", "ops", "--auth-protocol", "SHA-256", "--priv-protocol", "AES", "--json"}
	secrets := []string{"MAINSTAY_SNMP_AUTH_PASSWORD=authpassword1", "MAINSTAY_SNMP_PRIV_PASSWORD=privpassword1"}
	for name, c := range map[string]struct{ env, args []string }{
		"v1":  {nil, []string{address, "--version", "1", "--community", "public", "--json"}},
		"v2c": {[]string{"MAINSTAY_SNMP_COMMUNITY=public"}, []string{address, "--json"}},
		"v3":  {secrets, v3},
	} {
		t.Run(name, func(t *testing.T) {
			out, errOut, code := run(c.env, c.args...)
			require.Zero(t, code, errOut)
			var d device.Device
			require.NoError(t, json.Unmarshal([]byte(out), &d))
			require.Equal(t, "edge-host", d.Item.Name)
			require.Equal(t, "rack 7", d.Item.Location)
			require.Equal(t, "host", d.Item.Kind)
			require.Equal(t, "linux", d.Item.OS)
			require.Empty(t, d.Limits)
			require.NotEmpty(t, d.Storages)
			require.NotEmpty(t, d.Memories)
			var lo device.Interface
			for _, f := range d.Interfaces {
				if f.Name == "lo" {
					lo = f
				}
			}
			require.Equal(t, "softwareLoopback", lo.Type)
			require.Equal(t, "up", lo.OperStatus)
			require.Contains(t, d.Addresses, device.Address{Address: "127.0.0.1", PrefixLength: 8, IfIndex: lo.Index})
		})
	}
	out, errOut, code := run(nil, address, "--community", "public")
	require.Zero(t, code, errOut)
	require.Contains(t, out, "edge-host")
	require.Contains(t, out, "127.0.0.1/8")

	quick := []string{"--timeout", "300ms", "--retries", "0"}
	for _, c := range []struct {
		env  []string
		args []string
		says string
	}{
		{nil, append([]string{address, "--community", "wrong"}, quick...), "the community may be wrong"},
		{nil, []string{address}, "community is missing"},
		{nil, []string{"127.0.0.1:1", "--community", "public"}, "has no SNMP agent on that port"},
		{nil, []string{"127.0.0.1:70000", "--community", "public"}, "port from 1 to 65535"},
		{nil, []string{address, "--version", "4", "--community", "public"}, "must be 1, 2c or 3"},
		{[]string{"MAINSTAY_SNMP_AUTH_PASSWORD=wrongpassword", secrets[1]}, append(v3, quick...), "the authentication password or protocol is wrong"},
		{[]string{secrets[0], "MAINSTAY_SNMP_PRIV_PASSWORD=wrongpassword"}, append(v3, quick...), "the user or a password may be wrong"},
		{secrets, []string{address, "--user", "ops", "--priv-protocol", "AES"}, "no privacy without authentication"},
	} {
		out, errOut, code := run(c.env, c.args...)
		require.NotZero(t, code, c.args)
		require.Empty(t, out)
		require.Contains(t, errOut, c.says, c.args)
		require.NotContains(t, errOut, "wrongpassword")
		require.NotContains(t, errOut, "goroutine")
	}
}
