package index

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/packet"
	"github.com/mainstay-ops/mainstay/internal/core/packet/capture"
	"github.com/mainstay-ops/mainstay/internal/core/packet/filter"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// joined puts all recorded captures of one link type into one, so that there is
// something of everything in it.
func joined(t testing.TB) []byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(testkit.Data(t, "captures"), "*.pcap"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var out bytes.Buffer
	w := capture.NewPcapNG(&out)
	for _, name := range files {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		r, err := capture.NewReader(bytes.NewReader(b))
		require.NoError(t, err)
		for {
			p, err := r.Next()
			if err != nil {
				break
			}
			require.NoError(t, w.Write(p))
		}
	}
	return out.Bytes()
}

func build(t testing.TB, b []byte) *Index {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "x"))
	require.NoError(t, err)
	x, err := Build(f, bytes.NewReader(b), int64(len(b)), nil)
	require.NoError(t, err)
	t.Cleanup(func() { x.Close() })
	return x
}

// dissected calls f with every packet of a capture, taken apart from its begin.
func dissected(t testing.TB, b []byte, f func(*packet.Packet)) {
	t.Helper()
	r, err := capture.NewReader(bytes.NewReader(b))
	require.NoError(t, err)
	d := packet.NewDissector(packet.Limits{})
	var p packet.Packet
	for {
		c, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
		d.Dissect(c, &p)
		f(&p)
	}
}

var filters = []string{
	"", "tcp", "dns", "not tcp", "http.request", "tcp.port == 80", "ip.addr == 192.168.0.0/16", "tcp.flags.syn == 1 and tcp.flags.ack == 0",
	"frame.len > 500", "dns.qry.name contains \"com\"", "http.host matches \"^www\"", "tcp.analysis.retransmission", "tcp.stream == 2", "udp.port in {53, 123}",
	"tcp.payload[0:3] == \"GET\"", "frame contains \"HTTP\"", "http contains \"200\"", "eth.src[0:3] == 00:00:5e", "len(dns.qry.name) > 10", "count(dns.a) > 1",
	"tcp.port != 80", "all tcp.port > 1024", "tls.handshake.type == 1", "tcp.flags & 0x12", "frame.time_delta > 0.5", "tcp.analysis.ack_rtt > 0.01", "ipv6", "data",
	"http.file_data contains \"a\"", "udp contains 01:00", "tcp.len > 0 && ip.ttl < 100", "_ws.malformed", "smtp or imap", "lower(http.server) contains \"apache\"",
}

// What an index answers is what taking the capture apart answers, also when it
// was opened again from its file.
func TestMatchIsWhatDissectingSays(t *testing.T) {
	t.Parallel()
	b := joined(t)
	x := build(t, b)
	again, err := Open(x.file, bytes.NewReader(b))
	require.NoError(t, err)
	found := 0
	for _, src := range filters {
		f, err := filter.Compile(src)
		require.NoError(t, err, src)
		var want []uint32
		dissected(t, b, func(p *packet.Packet) {
			if f.Match(p) {
				want = append(want, uint32(p.Number))
			}
		})
		for _, x := range []*Index{x, again} {
			got, seen, err := x.Match(t.Context(), f, 0)
			require.NoError(t, err, src)
			require.Equal(t, x.Len(), seen)
			require.Equal(t, want, got, src)
		}
		if len(want) > 0 {
			found++
		}
		rest, _, err := x.Match(t.Context(), f, 100)
		require.NoError(t, err)
		n := 0
		for _, v := range want {
			if v > 100 {
				require.Equal(t, v, rest[n])
				n++
			}
		}
		require.Len(t, rest, n)
	}
	require.Greater(t, found, len(filters)*2/3, "the captures have something for most filters")
}

// Rows and single packets are those of the whole capture.
func TestRowsAndPackets(t *testing.T) {
	t.Parallel()
	b := joined(t)
	x := build(t, b)
	n := 0
	dissected(t, b, func(p *packet.Packet) {
		n++
		rows, err := x.Rows([]uint32{uint32(p.Number)})
		require.NoError(t, err)
		require.Len(t, rows, 1)
		src, dst := p.Ends()
		r := rows[0]
		require.Equal(t, []any{p.Number, p.Time, src, dst, p.Protocol, p.Length, clip(p.Info, 300)}, []any{r.Number, r.Time, r.Src, r.Dst, r.Protocol, r.Length, r.Info})
		require.Len(t, r.Findings, len(p.Findings))
		if n%3 != 0 {
			return
		}
		one, c, err := x.One(t.Context(), p.Number)
		require.NoError(t, err)
		require.Equal(t, p.Number, c.Number)
		require.Equal(t, p.Tree(), one.Tree(), "packet %d", p.Number)
	})
	require.Equal(t, n, x.Len())
	require.Equal(t, n, x.Totals().Packets)
	_, _, err := x.One(t.Context(), n+1)
	require.True(t, IsNone(err))
}

// An object is what was transferred, unpacked.
func TestFollowAndObjects(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(filepath.Join(testkit.Data(t, "captures"), "http-content-gzip.pcap"))
	if err != nil {
		b = joined(t)
	}
	x := build(t, b)
	objects := x.Totals().Objects
	require.NotEmpty(t, objects)
	some := false
	for _, o := range objects {
		require.NotEmpty(t, o.Name, "an answer is named by its request")
		f, err := x.Follow(t.Context(), o.Conversation, 1<<20)
		require.NoError(t, err)
		require.NotEmpty(t, f.Pieces)
		if body, err := x.Content(t.Context(), o, 1<<20); err == nil && len(body) > 0 {
			some = true
			require.NotEqual(t, []byte{0x1f, 0x8b}, body[:min(2, len(body))], "it is unpacked")
		}
	}
	require.True(t, some)
	f, err := x.Follow(t.Context(), objects[0].Conversation, 10)
	require.NoError(t, err)
	require.True(t, f.Cut)
	require.Equal(t, 10, f.Client+f.Server)
}

func TestStopped(t *testing.T) {
	t.Parallel()
	b := joined(t)
	x := build(t, b)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f, err := filter.Compile("tcp")
	require.NoError(t, err)
	_, _, err = x.Match(ctx, f, 0)
	require.ErrorIs(t, err, context.Canceled)
	_, err = Build(x.file, bytes.NewReader(b), int64(len(b)), func() error { return io.ErrClosedPipe })
	require.ErrorIs(t, err, io.ErrClosedPipe)
}

// FuzzOpen reads damaged indexes: an error, or answers within the sizes.
func FuzzOpen(f *testing.F) {
	b := joined(f)
	b = b[:min(len(b), 20_000)]
	dir := f.TempDir()
	file, err := os.Create(filepath.Join(dir, "seed"))
	require.NoError(f, err)
	x, err := Build(file, bytes.NewReader(b), int64(len(b)), nil)
	require.NoError(f, err)
	seed, err := os.ReadFile(file.Name())
	require.NoError(f, err)
	require.NoError(f, x.Close())
	f.Add(seed)
	f.Add(seed[:len(seed)/2])
	want, err := filter.Compile("tcp.port == 80 or dns or frame contains \"x\"")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, raw []byte) {
		file, err := os.CreateTemp(t.TempDir(), "x")
		require.NoError(t, err)
		_, err = file.Write(raw)
		require.NoError(t, err)
		x, err := Open(file, bytes.NewReader(b))
		if err != nil {
			file.Close()
			return
		}
		defer x.Close()
		found, _, err := x.Match(t.Context(), want, 0)
		if err == nil {
			_, _ = x.Rows(found)
		}
		_, _, _ = x.One(t.Context(), 1)
	})
}
