package postgres

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

func run(t *testing.T, handle func(net.Conn), change func(*Config)) observe.Result {
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
	c := newConfig()
	c.Host, c.Port, c.SSLMode, c.Timeout = "127.0.0.1", ln.Addr().(*net.TCPAddr).Port, "disable", observe.Duration(400*time.Millisecond)
	c.Password = `it's \a secret`
	if change != nil {
		change(c)
	}
	require.NoError(t, c.Validate())
	p, err := c.Probe(observe.ProbeEnv{})
	require.NoError(t, err)
	return p.Run(context.Background())
}

func TestBadServers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		handle func(net.Conn)
		out    string
	}{
		"hang":  {func(c net.Conn) { _, _ = c.Read(make([]byte, 500)); _, _ = c.Read(make([]byte, 500)) }, "in time"},
		"close": {func(c net.Conn) { _, _ = c.Read(make([]byte, 500)) }, "closed the connection early"},
		"denied": {func(c net.Conn) {
			_, _ = c.Read(make([]byte, 500))
			_, _ = c.Write([]byte("E\x00\x00\x00\x29SFATAL\x00C28P01\x00Mno entry for you now\x00\x00"))
		}, "no entry for you"},
		"garbage": {func(c net.Conn) { _, _ = c.Write([]byte(strings.Repeat("\xff", 5000))) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t, tt.handle, nil)
			require.Equal(t, observe.Critical, r.Status, r.Output)
			require.Contains(t, r.Output, tt.out)
			require.NotContains(t, r.Output, "secret")
			require.Less(t, r.Duration, 5*time.Second)
		})
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	c := newConfig()
	c.SSLMode, c.Query = "maybe", ""
	for _, f := range []string{"host:", "sslmode:", "query:"} {
		require.ErrorContains(t, c.Validate(), f)
	}
	c = newConfig()
	c.DSN = "postgres://u:hidden@[bad"
	err := c.Validate()
	require.ErrorContains(t, err, "dsn:")
	require.NotContains(t, err.Error(), "hidden")
}
