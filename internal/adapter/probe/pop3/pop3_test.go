package pop3

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/adapter/probe/internal/probekit"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

const (
	greeting = "+OK ready\r\n"
	refusal  = "-ERR busy\r\n"
)

func serve(t *testing.T, handle func(net.Conn)) string {
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

func run(t *testing.T, address string, change func(*probekit.LineService)) observe.Result {
	t.Helper()
	pt, ok := observe.ProbeTypeByName("pop3")
	require.True(t, ok)
	cfg := pt.New().(*probekit.LineService)
	cfg.Address, cfg.Timeout = address, observe.Duration(500*time.Millisecond)
	if change != nil {
		change(cfg)
	}
	require.NoError(t, cfg.Validate())
	p, err := cfg.Probe(observe.ProbeEnv{})
	require.NoError(t, err)
	return p.Run(context.Background())
}

// talk greets and answers one conversation, with TLS when asked for.
func talk(cert *tls.Config) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = c.Write([]byte(greeting))
		r := bufio.NewReader(c)
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			switch {
			case strings.HasPrefix(line, "EHLO"):
				_, _ = c.Write([]byte("250-here\r\n250 STARTTLS\r\n"))
			case strings.TrimSpace(line) == "STLS":
				_, _ = c.Write([]byte("+OK go\r\n"))
				s := tls.Server(c, cert)
				_ = s.Handshake()
				_, _ = s.Read(make([]byte, 100))
				return
			}
		}
	}
}

func TestServer(t *testing.T) {
	t.Parallel()
	srv := httptest.NewTLSServer(nil)
	t.Cleanup(srv.Close)
	cert := &tls.Config{Certificates: srv.TLS.Certificates}
	addr := serve(t, talk(cert))
	r := run(t, addr, nil)
	require.Equal(t, observe.OK, r.Status, r.Output)
	r = run(t, addr, func(c *probekit.LineService) { c.Expect = "other" })
	require.Equal(t, observe.Critical, r.Status)
	r = run(t, addr, func(c *probekit.LineService) { c.TLS, c.TLSSkipVerify = "starttls", true })
	require.Equal(t, observe.OK, r.Status, r.Output)
	require.False(t, r.CertNotAfter.IsZero())
	r = run(t, addr, func(c *probekit.LineService) { c.TLS = "starttls" })
	require.Equal(t, observe.Critical, r.Status)
	require.Contains(t, r.Output, "certificate")
	r = run(t, addr, func(c *probekit.LineService) { c.TLS = "implicit" })
	require.Contains(t, r.Output, "does not speak TLS")
}

func TestBadServers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		handle func(net.Conn)
		out    string
	}{
		"refuses": {func(c net.Conn) { _, _ = c.Write([]byte(refusal)) }, "answered"},
		"garbage": {func(c net.Conn) { _, _ = c.Write([]byte("\xff\x00zz\n")) }, "answer"},
		"hang":    {func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) }, "no answer in time"},
		"close":   {func(net.Conn) {}, "closed the connection early"},
		"stream": {func(c net.Conn) {
			for {
				if _, err := c.Write([]byte(strings.Repeat("x", 1000))); err != nil {
					return
				}
			}
		}, "more than the limit"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t, serve(t, tt.handle), nil)
			require.Equal(t, observe.Critical, r.Status)
			require.Contains(t, r.Output, tt.out)
		})
	}
}
