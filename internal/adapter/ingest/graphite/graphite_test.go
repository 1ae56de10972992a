package graphite

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/ingesttest"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

func TestParse(t *testing.T) {
	t.Parallel()
	now := time.Unix(5, 0)
	s, err := parse([]byte("servers.web-1.cpu;host=web-1;core=0 1.5 1700000000.5"), now)
	require.NoError(t, err)
	require.Equal(t, "servers_web_1_cpu{core=0,host=web-1}", ingesttest.Key(s))
	require.Equal(t, time.UnixMilli(1700000000500), s.At)
	require.Equal(t, "web-1", s.Hints.Host)
	s, err = parse([]byte("a 1 -1"), now)
	require.NoError(t, err)
	require.Equal(t, now, s.At)
	for _, bad := range []string{"a", "a b 1", "a nan 1", "a 1 x", "a;b 1 1", "a 1 1 1", "a 1 1e300"} {
		_, err := parse([]byte(bad), now)
		require.Error(t, err, bad)
	}
}

func TestPorts(t *testing.T) {
	t.Parallel()
	r := &ingesttest.Recorder{}
	ctx, cancel := context.WithCancel(t.Context())
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 2)
	go func() { done <- stream(ctx, r.Env(), ln) }()
	go func() { done <- packets(ctx, r.Env(), []net.PacketConn{pc}) }()
	c, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	var b strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&b, "m%d %d 1700000000\n", i, i)
	}
	_, err = c.Write([]byte(b.String() + "wrong\n\nlast 1 1700000000"))
	require.NoError(t, err)
	require.NoError(t, c.Close())
	u, err := net.Dial("udp", pc.LocalAddr().String())
	require.NoError(t, err)
	_, err = u.Write([]byte("u1 1 1700000000\nu2 2 1700000000\nnothing\n"))
	require.NoError(t, err)
	testkit.Eventually(t, 10*time.Second, "all come", func() bool { return len(r.Samples()) == 3003 && len(r.Malformed()) == 2 })
	cancel()
	_ = pc.Close()
	require.NoError(t, <-done)
	require.NoError(t, <-done)
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("a.b;c=d 1 1700000000"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := parse(b, time.Now()); err == nil && s.Name == "" {
			t.Fatal("no name")
		}
	})
}
