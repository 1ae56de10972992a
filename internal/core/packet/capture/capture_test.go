package capture

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
)

var when = time.Unix(1_700_000_000, 123_456_789).UTC()

// sample is a file of two packets, the second cut when it was captured.
func sample(t testing.TB, ng bool) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewPcap(&b, Ethernet)
	if ng {
		w = NewPcapNG(&b)
	}
	require.NoError(t, w.Write(&Packet{Number: 1, Time: when, Data: []byte("first"), Length: 5, Link: Ethernet, Comment: "a word"}))
	require.NoError(t, w.Write(&Packet{Number: 2, Time: when.Add(time.Second), Data: []byte("second"), Length: 60, Link: Ethernet}))
	return b.Bytes()
}

func readAll(b []byte) (out []Packet, err error) {
	r, err := NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	for {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		c := *p
		c.Data = slices.Clone(p.Data)
		out = append(out, c)
	}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, ng := range []bool{false, true} {
		got, err := readAll(sample(t, ng))
		require.NoError(t, err)
		require.Len(t, got, 2)
		require.Equal(t, "first", string(got[0].Data))
		require.True(t, when.Equal(got[0].Time), got[0].Time)
		require.Equal(t, 60, got[1].Length)
		require.Equal(t, Ethernet, got[1].Link)
		require.Equal(t, 2, got[1].Number)
		if ng {
			require.Equal(t, "a word", got[0].Comment)
		}
	}
}

func TestSeveralLinkTypes(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	w := NewPcapNG(&b)
	for i, l := range []LinkType{Ethernet, Raw, Ethernet} {
		require.NoError(t, w.Write(&Packet{Number: i + 1, Time: when, Data: []byte{1}, Length: 1, Link: l}))
	}
	got, err := readAll(b.Bytes())
	require.NoError(t, err)
	require.Equal(t, []LinkType{Ethernet, Raw, Ethernet}, []LinkType{got[0].Link, got[1].Link, got[2].Link})
	require.Error(t, NewPcap(io.Discard, Ethernet).Write(&Packet{Link: Raw}), "pcap holds one link type")
}

func TestCompressed(t *testing.T) {
	t.Parallel()
	want, err := readAll(sample(t, true))
	require.NoError(t, err)
	var gz, zs bytes.Buffer
	g := gzip.NewWriter(&gz)
	_, _ = g.Write(sample(t, true))
	require.NoError(t, g.Close())
	z, err := zstd.NewWriter(&zs)
	require.NoError(t, err)
	_, _ = z.Write(sample(t, true))
	require.NoError(t, z.Close())
	for _, b := range [][]byte{gz.Bytes(), zs.Bytes()} {
		require.True(t, Is(b))
		got, err := readAll(b)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestOrdersAndResolutions(t *testing.T) {
	t.Parallel()
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		for magic, frac := range map[uint32]uint32{0xa1b2c3d4: 123_456, 0xa1b23c4d: 123_456_000, 0xa1b2cd34: 123_456} {
			b := order.AppendUint32(nil, magic)
			b = append(b, make([]byte, 16)...)
			b = order.AppendUint32(b, 1)
			for _, w := range []uint32{1_700_000_000, frac, 2, 9} {
				b = order.AppendUint32(b, w)
			}
			if magic == 0xa1b2cd34 {
				b = append(b, make([]byte, 8)...)
			}
			got, err := readAll(append(b, 7, 8))
			require.NoError(t, err)
			require.Len(t, got, 1)
			require.Equal(t, 123_456_000, got[0].Time.Nanosecond())
			require.Equal(t, []byte{7, 8}, got[0].Data)
		}
	}
	require.EqualValues(t, 1e9, resolution(9))
	require.EqualValues(t, 1024, resolution(0x80|10))
	require.EqualValues(t, 1e6, resolution(200), "what does not fit is taken as microseconds")
	require.Equal(t, int64(1500), stampTime(1536, iface{perSec: 1024}).UnixMilli())
}

func TestEveryCutIsSaid(t *testing.T) {
	t.Parallel()
	for _, ng := range []bool{false, true} {
		b := sample(t, ng)
		for n := range b {
			got, err := readAll(b[:n])
			require.LessOrEqual(t, len(got), 2)
			if err != nil {
				require.True(t, errors.Is(err, ErrCut) || errors.Is(err, ErrFormat), "%d: %v", n, err)
			}
		}
	}
}

func TestDamageIsSaid(t *testing.T) {
	t.Parallel()
	b := sample(t, false)
	binary.LittleEndian.PutUint32(b[24+8:], 1<<30)
	_, err := readAll(b)
	require.ErrorContains(t, err, "the file is damaged")
	_, err = readAll([]byte("no capture at all"))
	require.ErrorIs(t, err, ErrFormat)
	require.False(t, Is([]byte("no")))
}

func FuzzReader(f *testing.F) {
	f.Add(sample(f, false))
	f.Add(sample(f, true))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, _ := readAll(b)
		var out bytes.Buffer
		w := NewPcapNG(&out)
		for i := range got {
			if got[i].Length < len(got[i].Data) {
				t.Fatal("a packet is shorter on the wire than captured")
			}
			if got[i].Link > 0xffff { // pcapng has 16 bits for it
				return
			}
			if err := w.Write(&got[i]); err != nil {
				t.Fatal(err)
			}
		}
		again, err := readAll(out.Bytes())
		if len(got) > 0 && (err != nil || len(again) != len(got)) {
			t.Fatalf("%d packets became %d: %v", len(got), len(again), err)
		}
	})
}
