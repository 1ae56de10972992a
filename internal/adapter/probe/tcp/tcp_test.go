package tcp

import (
	"bytes"
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

func serve(t testing.TB, handle func(net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); handle(c) }()
		}
	}()
	return ln.Addr().String()
}

func run(t testing.TB, change func(*Config)) observe.Result {
	t.Helper()
	c := newConfig()
	change(c)
	require.NoError(t, c.Validate())
	p, err := c.Probe(observe.ProbeEnv{})
	require.NoError(t, err)
	return p.Run(context.Background())
}

func TestConnectAndTalk(t *testing.T) {
	t.Parallel()
	echo := serve(t, func(c net.Conn) {
		b := make([]byte, 100)
		n, _ := c.Read(b)
		_, _ = c.Write(append([]byte("got "), b[:n]...))
	})
	r := run(t, func(c *Config) { c.Address = echo })
	require.Equal(t, observe.OK, r.Status, r.Output)
	require.Equal(t, "probe_tcp_connect_seconds", r.Measures[0].Name)
	r = run(t, func(c *Config) { c.Address, c.Send, c.Expect = echo, "ping", "got ping" })
	require.Equal(t, observe.OK, r.Status, r.Output)
	r = run(t, func(c *Config) { c.Address, c.Send, c.Expect = echo, "ping", "pong" })
	require.Equal(t, observe.Critical, r.Status)
	require.Contains(t, r.Output, "got ping")
	r = run(t, func(c *Config) { c.Address, c.TLS = echo, true })
	require.Equal(t, observe.Critical, r.Status)
	require.Contains(t, r.Output, "does not speak TLS")
	r = run(t, func(c *Config) { c.Address, c.Warn, c.Crit = echo, 1, 2 })
	require.Equal(t, observe.Critical, r.Status)
}

func TestBadTargets(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	closed := ln.Addr().String()
	require.NoError(t, ln.Close())
	require.Contains(t, run(t, func(c *Config) { c.Address = closed }).Output, "connection refused")

	hang := serve(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) })
	r := run(t, func(c *Config) { c.Address, c.Expect, c.Timeout = hang, "x", observe.Duration(100*time.Millisecond) })
	require.Equal(t, observe.Critical, r.Status)
	require.Contains(t, r.Output, "no answer in time")
	require.Less(t, r.Duration, 3*time.Second)

	stream := serve(t, func(c net.Conn) {
		b := bytes.Repeat([]byte{0xff, 0}, 4096)
		for {
			if _, err := c.Write(b); err != nil {
				return
			}
		}
	})
	r = run(t, func(c *Config) { c.Address, c.Expect = stream, "never" })
	require.Equal(t, observe.Critical, r.Status)
	require.Contains(t, r.Output, "more than the limit")

	early := serve(t, func(net.Conn) {})
	require.Contains(t, run(t, func(c *Config) { c.Address, c.Expect = early, "x" }).Output, "closed the connection early")
	require.Contains(t, run(t, func(c *Config) { c.Address = "169.254.169.254:80" }).Output, "metadata")
}

func TestValidate(t *testing.T) {
	t.Parallel()
	c := newConfig()
	c.Address, c.Warn, c.Crit, c.Timeout = "nohost", 5, 2, -1
	err := c.Validate()
	for _, field := range []string{"address", "warn", "timeout"} {
		require.ErrorContains(t, err, field+":")
	}
}

func BenchmarkProbe(b *testing.B) {
	addr := serve(b, func(net.Conn) {})
	c := newConfig()
	c.Address = addr
	p, _ := c.Probe(observe.ProbeEnv{})
	for b.Loop() {
		p.Run(context.Background())
	}
}

func BenchmarkBareDial(b *testing.B) {
	addr := serve(b, func(net.Conn) {})
	for b.Loop() {
		c, err := net.Dial("tcp", addr)
		require.NoError(b, err)
		_ = c.Close()
	}
}
