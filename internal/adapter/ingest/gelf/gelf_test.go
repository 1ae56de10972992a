package gelf

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/ingesttest"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

const sample = `{"version":"1.1","host":"web1","short_message":"it broke","full_message":"it broke\nat line 1","timestamp":1772359200.25,"level":3,"_user":"ada","_container_name":"shop"}`

func TestParse(t *testing.T) {
	t.Parallel()
	l, err := Parse([]byte(sample))
	require.NoError(t, err)
	require.Equal(t, signal.Line{
		At: time.Unix(1772359200, 25e7).UTC(), Message: "it broke\nat line 1", Level: "error",
		Stream: []signal.Field{{Name: "host", Value: "web1"}, {Name: "app", Value: "shop"}}, Fields: []signal.Field{{Name: "user", Value: "ada"}},
		Hints: signal.Hints{Host: "web1", Service: "shop"},
	}, l)
	_, err = Parse([]byte(`{"host":"x"}`))
	require.ErrorContains(t, err, "short_message is missing")
}

func chunks(id byte, b []byte, size int) [][]byte {
	n := (len(b) + size - 1) / size
	var out [][]byte
	for i := range n {
		head := []byte{0x1e, 0x0f, id, 0, 0, 0, 0, 0, 0, 0, byte(i), byte(n)}
		out = append(out, append(head, b[i*size:min(len(b), (i+1)*size)]...))
	}
	return out
}

func TestChunks(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	a := newAssembly(func() time.Time { return now })
	from := signal.Source{Sender: "a"}
	parts := chunks(1, []byte(sample), 50)
	for i := len(parts) - 1; i > 0; i-- {
		whole, err := a.add(from, parts[i])
		require.NoError(t, err)
		require.Nil(t, whole)
	}
	whole, err := a.add(from, parts[0])
	require.NoError(t, err)
	require.Equal(t, sample, string(whole))
	require.Empty(t, a.open)
	require.Zero(t, a.bytes)

	_, err = a.add(from, parts[0])
	require.NoError(t, err)
	now = now.Add(time.Minute)
	_, err = a.add(from, parts[1])
	require.ErrorIs(t, err, errLost)
	_, err = a.add(from, []byte{0x1e, 0x0f, 1, 2})
	require.ErrorIs(t, err, errChunk)
	for i := range maxOpen + 10 {
		_, err = a.add(signal.Source{Sender: fmt.Sprint(i)}, parts[0])
	}
	require.ErrorIs(t, err, errFull)
}

func TestListeners(t *testing.T) {
	t.Parallel()
	rec := &ingesttest.Recorder{}
	ctx, cancel := context.WithCancel(t.Context())
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan error, 2)
	go func() { ended <- packets(ctx, rec.Env(), []net.PacketConn{udp}) }()
	go func() { ended <- stream(ctx, rec.Env(), tcp) }()
	u, err := net.Dial("udp", udp.LocalAddr().String())
	require.NoError(t, err)
	var zip, z bytes.Buffer
	g := gzip.NewWriter(&zip)
	_, _ = g.Write([]byte(sample))
	require.NoError(t, g.Close())
	zw := zlib.NewWriter(&z)
	_, _ = zw.Write([]byte(sample))
	require.NoError(t, zw.Close())
	for _, b := range append(chunks(3, zip.Bytes(), 40), z.Bytes(), []byte(sample), []byte("junk")) {
		_, err := u.Write(b)
		require.NoError(t, err)
	}
	c, err := net.Dial("tcp", tcp.Addr().String())
	require.NoError(t, err)
	_, err = c.Write([]byte(sample + "\x00bad\x00" + sample + "\x00"))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(rec.Lines()) == 5 && len(rec.Malformed()) == 2 }, 10*time.Second, time.Millisecond)
	cancel()
	_ = udp.Close()
	require.NoError(t, <-ended)
	require.NoError(t, <-ended)
}

func TestHTTPAndBombs(t *testing.T) {
	t.Parallel()
	rec := &ingesttest.Recorder{}
	h := rec.Handler("gelf")
	require.Equal(t, 202, ingesttest.Do(h, "POST", "/gelf", []byte(sample+"\n"+sample)).Code)
	require.Len(t, rec.Lines(), 2)
	res := ingesttest.Do(h, "POST", "/", []byte("{}"))
	require.Equal(t, 422, res.Code)
	require.Contains(t, res.Body.String(), "short_message is missing")
	require.Equal(t, 404, ingesttest.Do(h, "POST", "/x", nil).Code)

	var bomb bytes.Buffer
	g := gzip.NewWriter(&bomb)
	_, _ = g.Write([]byte(strings.Repeat(" ", 2*maxMessage)))
	require.NoError(t, g.Close())
	_, err := datagram(bomb.Bytes())
	require.ErrorContains(t, err, "larger than 2 MiB")
}

func FuzzDatagram(f *testing.F) {
	f.Add([]byte(sample))
	for _, c := range chunks(1, []byte(sample), 100) {
		f.Add(c)
	}
	f.Fuzz(func(_ *testing.T, b []byte) {
		a := newAssembly(time.Now)
		if whole, err := a.add(signal.Source{}, b); err == nil && whole != nil {
			_, _ = datagram(whole)
		}
	})
}
