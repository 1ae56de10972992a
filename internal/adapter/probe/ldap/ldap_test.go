package ldap

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

func run(t *testing.T, handle func(net.Conn)) observe.Result {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		if c, err := ln.Accept(); err == nil {
			handle(c)
			_ = c.Close()
		}
	}()
	c := newConfig()
	c.URL, c.Timeout = "ldap://"+ln.Addr().String(), observe.Duration(400*time.Millisecond)
	require.NoError(t, c.Validate())
	p, err := c.Probe(observe.ProbeEnv{})
	require.NoError(t, err)
	return p.Run(context.Background())
}

// result is an LDAP answer with a message number, an operation tag and a code.
func result(id, op, code byte) []byte {
	return []byte{0x30, 12, 2, 1, id, op, 7, 10, 1, code, 4, 0, 4, 0}
}

func TestBindAndSearch(t *testing.T) {
	t.Parallel()
	serve := func(bind byte, entry bool) func(net.Conn) {
		return func(c net.Conn) {
			b := make([]byte, 500)
			_, _ = c.Read(b)
			_, _ = c.Write(result(b[4], 0x61, bind))
			if n, err := c.Read(b); err == nil && n > 5 {
				if entry { // an entry without name or attributes
					_, _ = c.Write([]byte{0x30, 9, 2, 1, b[4], 0x64, 4, 4, 0, 0x30, 0})
				}
				_, _ = c.Write(result(b[4], 0x65, 0))
				_, _ = c.Read(b)
			}
		}
	}
	r := run(t, serve(0, true))
	require.Equal(t, observe.OK, r.Status, r.Output)
	r = run(t, serve(0, false))
	require.Contains(t, r.Output, "no entry matches")
	r = run(t, serve(49, true))
	require.Equal(t, observe.Critical, r.Status)
	require.Contains(t, r.Output, "Invalid Credentials")
}

func TestBadServers(t *testing.T) {
	t.Parallel()
	for name, handle := range map[string]func(net.Conn){
		"hang":    func(c net.Conn) { _, _ = c.Read(make([]byte, 500)); _, _ = c.Read(make([]byte, 500)) },
		"close":   func(net.Conn) {},
		"garbage": func(c net.Conn) { _, _ = c.Write([]byte(strings.Repeat("\xff\x30zz", 500))) },
		"huge":    func(c net.Conn) { _, _ = c.Write([]byte("\x30\x84\x7f\xff\xff\xff" + strings.Repeat("x", 100000))) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t, handle)
			require.Equal(t, observe.Critical, r.Status)
			require.Less(t, r.Duration, 5*time.Second)
		})
	}
}
