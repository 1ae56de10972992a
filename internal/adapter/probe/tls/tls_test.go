package tls

import (
	"context"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/adapter/probe/internal/probekit"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

func run(t *testing.T, address string, change func(*Config)) observe.Result {
	t.Helper()
	c := newConfig()
	c.Address, c.Timeout = address, observe.Duration(time.Second)
	if change != nil {
		change(c)
	}
	require.NoError(t, c.Validate())
	p, err := c.Probe(observe.ProbeEnv{})
	require.NoError(t, err)
	return p.Run(context.Background())
}

func TestCertificate(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(nil)
	t.Cleanup(s.Close)
	addr := s.Listener.Addr().String()
	r := run(t, addr, nil)
	require.Equal(t, observe.Critical, r.Status)
	require.Contains(t, r.Output, "unknown authority")
	require.Equal(t, s.Certificate().NotAfter.Unix(), r.CertNotAfter.Unix())
	r = run(t, addr, func(c *Config) { c.SkipVerify = true })
	require.Equal(t, observe.OK, r.Status, r.Output)
	require.Equal(t, "probe_tls_days_left", r.Measures[0].Name)
	r = run(t, addr, func(c *Config) { c.SkipVerify, c.Warn, c.Crit = true, 0, 0 })
	require.Equal(t, observe.OK, r.Status)

	now := s.Certificate().NotAfter
	st, _, text := probekit.CertDays(now, now.Add(-36*time.Hour), 3, 1)
	require.Equal(t, observe.Warning, st)
	require.Contains(t, text, "1 days")
	st, _, _ = probekit.CertDays(now, now.Add(time.Second), 0, 0)
	require.Equal(t, observe.Critical, st)
}

func TestBadServers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		handle func(net.Conn)
		out    string
	}{
		"garbage": {func(c net.Conn) { _, _ = c.Write([]byte(strings.Repeat("HTTP/1.0 400 no\r\n", 9))) }, "does not speak TLS"},
		"hang":    {func(c net.Conn) { _, _ = c.Read(make([]byte, 9000)); _, _ = c.Read(make([]byte, 1)) }, "no answer in time"},
		"close":   {func(c net.Conn) { _, _ = c.Read(make([]byte, 9000)) }, "closed the connection early"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			t.Cleanup(func() { _ = ln.Close() })
			go func() {
				if c, err := ln.Accept(); err == nil {
					tt.handle(c)
					_ = c.Close()
				}
			}()
			r := run(t, ln.Addr().String(), nil)
			require.Equal(t, observe.Critical, r.Status)
			require.Contains(t, r.Output, tt.out)
		})
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	c := newConfig()
	c.Address, c.StartTLS, c.Warn, c.Crit = "", "gopher", 3, 5
	for _, f := range []string{"address:", "starttls:", "crit:"} {
		require.ErrorContains(t, c.Validate(), f)
	}
}
