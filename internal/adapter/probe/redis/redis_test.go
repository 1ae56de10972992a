package redis

import (
	"context"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

func run(t *testing.T, address string, change func(*Config)) observe.Result {
	t.Helper()
	c := newConfig()
	c.Address, c.Timeout = address, observe.Duration(500*time.Millisecond)
	if change != nil {
		change(c)
	}
	require.NoError(t, c.Validate())
	p, err := c.Probe(observe.ProbeEnv{})
	require.NoError(t, err)
	return p.Run(context.Background())
}

func TestRealServer(t *testing.T) {
	t.Parallel()
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		testkit.Missing(t, "redis-server is not installed")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := ln.Addr().String()
	_, port, _ := net.SplitHostPort(addr)
	require.NoError(t, ln.Close())
	cmd := exec.Command(bin, "--port", port, "--bind", "127.0.0.1", "--save", "", "--requirepass", "right", "--dir", t.TempDir())
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	ok := func(c *Config) { c.Password, c.Info, c.Expect = "right", "role", "master" }
	require.Eventually(t, func() bool { return run(t, addr, ok).Status == observe.OK }, 20*time.Second, 20*time.Millisecond)
	r := run(t, addr, ok)
	require.Contains(t, r.Output, "role is master")
	require.Len(t, r.Measures, 3)
	require.Contains(t, run(t, addr, nil).Output, "NOAUTH")
	r = run(t, addr, func(c *Config) { c.Password = "wrongpw" })
	require.Equal(t, observe.Critical, r.Status)
	require.NotContains(t, r.Output, "wrongpw")
	require.Equal(t, observe.Critical, run(t, addr, func(c *Config) { ok(c); c.Expect = "slave" }).Status)
}

func TestBadServers(t *testing.T) {
	t.Parallel()
	for out, answer := range map[string]string{
		"no answer in time": "", "does not speak": "garbage\r\n", "more than the limit": strings.Repeat("x", 9000),
		"larger than the limit": "$99999999\r\n", "no route for you": "-ERR no route for you\r\n",
	} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		t.Cleanup(func() { _ = ln.Close() })
		go func() {
			if c, err := ln.Accept(); err == nil {
				_, _ = c.Write([]byte(answer))
				_, _ = c.Read(make([]byte, 100))
				_, _ = c.Read(make([]byte, 100))
				_ = c.Close()
			}
		}()
		r := run(t, ln.Addr().String(), nil)
		require.Equal(t, observe.Critical, r.Status)
		require.Contains(t, r.Output, out)
	}
}
