package plugin

import (
	"context"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/adapter/probe/internal/probekit"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

func run(t testing.TB, timeout time.Duration, argv ...string) observe.Result {
	t.Helper()
	c := newConfig()
	c.Command, c.Timeout = argv, observe.Duration(timeout)
	require.NoError(t, c.Validate())
	p, err := c.Probe(observe.ProbeEnv{})
	require.NoError(t, err)
	return p.Run(context.Background())
}

func sh(t testing.TB, script string) observe.Result {
	return run(t, 10*time.Second, "/bin/sh", "-c", script)
}

func TestExitCodesAndOutput(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]observe.Status{"0": observe.OK, "1": observe.Warning, "2": observe.Critical, "3": observe.Unknown, "4": observe.Unknown, "127": observe.Unknown} {
		r := sh(t, "echo 'TEXT | a=1s;2;3'; exit "+code)
		require.Equal(t, want, r.Status, code)
		require.Contains(t, r.Output, "TEXT")
		require.Len(t, r.Measures, 3)
	}
	r := sh(t, "printf 'one\\ntwo\\nthree | x=4\\n'")
	require.Equal(t, "one", r.Output)
	require.Equal(t, "two\nthree", r.Detail)
	require.InDelta(t, 4, r.Measures[0].Value, 0)
	require.Contains(t, sh(t, "exit 1").Output, "no output")
	require.Contains(t, run(t, time.Second, "/nonexistent/check").Output, "no such file")
	require.Contains(t, sh(t, "kill -11 $$").Output, "signal 11")
}

func TestHangAndFlood(t *testing.T) {
	t.Parallel()
	r := run(t, 200*time.Millisecond, "/bin/sh", "-c", "echo begun; sleep 300")
	require.Equal(t, observe.Unknown, r.Status)
	require.Contains(t, r.Output, "killed")
	require.Less(t, r.Duration, 5*time.Second)
	r = sh(t, "yes 'ten megabytes' | head -c 10000000")
	require.Equal(t, observe.Unknown, r.Status)
	require.Contains(t, r.Output, "more than 64 KiB")
	require.LessOrEqual(t, len(r.Detail), probekit.MaxDetail)
	r = sh(t, "head -c 20000 /dev/urandom")
	require.Equal(t, observe.OK, r.Status)
}

func TestRealPlugins(t *testing.T) {
	t.Parallel()
	const dir = "/usr/lib/nagios/plugins/"
	if _, err := os.Stat(dir + "check_load"); err != nil {
		testkit.Missing(t, "monitoring-plugins are not installed")
	}
	r := run(t, 5*time.Second, dir+"check_load", "-w", "5000,4000,3000", "-c", "10000,8000,6000")
	require.Equal(t, observe.OK, r.Status, r.Output)
	labels := ""
	for _, m := range r.Measures {
		labels += m.Name + "/" + m.Labels["label"] + " "
	}
	require.Contains(t, labels, "probe_perfdata/load1 ")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	r = run(t, 5*time.Second, dir+"check_tcp", "-H", "127.0.0.1", "-p", port)
	require.Equal(t, observe.OK, r.Status, r.Output)
	require.NoError(t, ln.Close())
	r = run(t, 5*time.Second, dir+"check_tcp", "-H", "127.0.0.1", "-p", port)
	require.Equal(t, observe.Critical, r.Status, r.Output)
}

func TestValidate(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, newConfig().Validate(), "command")
	c := newConfig()
	c.Command, c.Env = []string{"x"}, map[string]string{"A=B": "hidden"}
	err := c.Validate()
	require.ErrorContains(t, err, "env.A=B")
	require.False(t, strings.Contains(err.Error(), "hidden"))
}

func BenchmarkPlugin(b *testing.B) {
	c := newConfig()
	c.Command = []string{"/bin/true"}
	p, _ := c.Probe(observe.ProbeEnv{})
	for b.Loop() {
		p.Run(context.Background())
	}
}

func BenchmarkBareForkExec(b *testing.B) {
	for b.Loop() {
		_ = exec.Command("/bin/true").Run()
	}
}
