// Package linetest is the test that every check of a service that greets with a line
// passes: SMTP, IMAP, POP3 and FTP.
package linetest

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

// Protocol is what differs between them.
type Protocol struct {
	// Type of the check.
	Type string
	// Greeting and Refusal are whole lines.
	Greeting, Refusal string
	// Answers maps a line of the client to what the server says; after Secure's it
	// begins TLS.
	Answers map[string]string
	Secure  string
}

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

func (p Protocol) run(t *testing.T, address string, change func(*probekit.LineService)) observe.Result {
	t.Helper()
	pt, ok := observe.ProbeTypeByName(p.Type)
	require.True(t, ok)
	cfg := pt.New().(*probekit.LineService)
	cfg.Address, cfg.Timeout = address, observe.Duration(10*time.Second)
	if change != nil {
		change(cfg)
	}
	require.NoError(t, cfg.Validate())
	probe, err := cfg.Probe(observe.ProbeEnv{})
	require.NoError(t, err)
	return probe.Run(context.Background())
}

// talk greets and answers one conversation, with TLS when asked for.
func (p Protocol) talk(cert *tls.Config) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = c.Write([]byte(p.Greeting))
		r := bufio.NewReader(c)
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			for asked, answer := range p.Answers {
				if strings.HasPrefix(line, asked) {
					_, _ = c.Write([]byte(answer))
				}
			}
			if strings.TrimSpace(line) == p.Secure {
				s := tls.Server(c, cert)
				_ = s.Handshake()
				_, _ = s.Read(make([]byte, 100))
				return
			}
		}
	}
}

// Run proves that the check tells good servers from bad ones.
func (p Protocol) Run(t *testing.T) {
	t.Run("server", p.server)
	t.Run("bad servers", p.badServers)
}

func (p Protocol) server(t *testing.T) {
	t.Parallel()
	srv := httptest.NewTLSServer(nil)
	t.Cleanup(srv.Close)
	cert := &tls.Config{Certificates: srv.TLS.Certificates}
	addr := serve(t, p.talk(cert))
	r := p.run(t, addr, nil)
	require.Equal(t, observe.OK, r.Status, r.Output)
	r = p.run(t, addr, func(c *probekit.LineService) { c.Expect = "other" })
	require.Equal(t, observe.Critical, r.Status)
	r = p.run(t, addr, func(c *probekit.LineService) { c.TLS, c.TLSSkipVerify = "starttls", true })
	require.Equal(t, observe.OK, r.Status, r.Output)
	require.False(t, r.CertNotAfter.IsZero())
	r = p.run(t, addr, func(c *probekit.LineService) { c.TLS = "starttls" })
	require.Equal(t, observe.Critical, r.Status)
	require.Contains(t, r.Output, "certificate")
	r = p.run(t, addr, func(c *probekit.LineService) { c.TLS = "implicit" })
	require.Contains(t, r.Output, "does not speak TLS")
}

func (p Protocol) badServers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		handle func(net.Conn)
		out    string
	}{
		"refuses": {func(c net.Conn) { _, _ = c.Write([]byte(p.Refusal)) }, "answered"},
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
			r := p.run(t, serve(t, tt.handle), nil)
			require.Equal(t, observe.Critical, r.Status)
			require.Contains(t, r.Output, tt.out)
		})
	}
}
