package mysql

import (
	"bytes"
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/netline"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

const salt = "01234567890123456789"

func greet(plugin string) []byte {
	b := append([]byte{10}, "8.4.0-test\x00"...)
	b = append(b, 1, 0, 0, 0)
	b = append(b, salt[:8]...)
	b = append(b, 0, 0xff, 0xf7, 45, 2, 0, 0xff, 0xdf, 21)
	b = append(b, make([]byte, 10)...)
	b = append(b, salt[8:]...)
	return append(append(b, 0), plugin+"\x00"...)
}

func run(t *testing.T, user, password string, handle func(net.Conn, *wire)) observe.Result {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		if c, err := ln.Accept(); err == nil {
			handle(c, &wire{c: netline.New(context.Background(), c, 0)})
			_ = c.Close()
		}
	}()
	c := newConfig()
	c.Address, c.User, c.Password, c.Timeout = ln.Addr().String(), user, password, observe.Duration(300*time.Millisecond)
	require.NoError(t, c.Validate())
	p, err := c.Probe(observe.ProbeEnv{})
	require.NoError(t, err)
	return p.Run(context.Background())
}

func TestLogin(t *testing.T) {
	t.Parallel()
	r := run(t, "", "", func(_ net.Conn, w *wire) { _ = w.write(greet("x")) })
	require.Equal(t, observe.OK, r.Status, r.Output)
	require.Contains(t, r.Output, "8.4.0-test")
	for _, plugin := range []string{"mysql_native_password", "caching_sha2_password"} {
		server := func(_ net.Conn, w *wire) {
			_ = w.write(greet(plugin))
			b, _ := w.read()
			want, _ := prove(plugin, "right", []byte(salt))
			if bytes.Contains(b, append([]byte("me\x00"), append([]byte{byte(len(want))}, want...)...)) {
				if plugin == "caching_sha2_password" {
					_ = w.write([]byte{1, 3})
				}
				_ = w.write([]byte{0, 0, 0, 2, 0, 0, 0})
				_, _ = w.read()
				return
			}
			_ = w.write(append([]byte{0xff, 0x15, 4}, "#28000Access denied"...))
		}
		r = run(t, "me", "right", server)
		require.Equal(t, observe.OK, r.Status, r.Output)
		r = run(t, "me", "wrong", server)
		require.Equal(t, observe.Critical, r.Status)
		require.Contains(t, r.Output, "Access denied")
		require.NotContains(t, r.Output, "wrong")
	}
}

func TestBadServers(t *testing.T) {
	t.Parallel()
	for out, handle := range map[string]func(net.Conn, *wire){
		"no answer in time":           func(c net.Conn, _ *wire) { _, _ = c.Read(make([]byte, 1)) },
		"closed the connection early": func(net.Conn, *wire) {},
		"does not speak":              func(c net.Conn, _ *wire) { _, _ = c.Write(bytes.Repeat([]byte("garbage "), 99)) },
		"too many":                    func(_ net.Conn, w *wire) { _ = w.write(append([]byte{0xff, 1, 1}, "too many"...)) },
	} {
		r := run(t, "", "", handle)
		require.Equal(t, observe.Critical, r.Status)
		require.Contains(t, r.Output, out)
	}
}

func FuzzGreeting(f *testing.F) {
	f.Add(greet("mysql_native_password"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if g, err := parseGreeting(b); err == nil && g.plugin == "" {
			t.Fatal("no plugin")
		}
	})
}
