package flow_test

import (
	"encoding/binary"
	"net"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/testkit"
	"github.com/mainstay-ops/mainstay/internal/testkit/apptest"
)

type sums struct{ Bytes, Packets, Flows uint64 }

type label struct{ Text, Item string }

type topRow struct {
	Key     []string
	Labels  []label
	Percent float64
	Before  *sums
	sums
	Bytes, Packets, Flows uint64
}

type top struct {
	Source, Note string
	Total        sums
	Before       *sums
	Rows         []topRow
	Seconds      float64
}

type list[T any] struct {
	Items []T
	Next  string
}

// listening opens the ports on addresses that the system chooses.
func listening(c *config.Config) {
	c.Listen.Ports = map[string]string{"netflow": freeUDP(), "ipfix": freeUDP(), "sflow": freeUDP()}
}

func freeUDP() string {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return "127.0.0.1:0"
	}
	defer c.Close()
	return c.LocalAddr().String()
}

func each(t *testing.T, f func(t *testing.T, s *apptest.Server)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); f(t, apptest.Start(t, listening)) })
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		dsn := testkit.PostgresURL(t)
		f(t, apptest.Start(t, listening, func(c *config.Config) { c.Database.URL = dsn }))
	})
}

func ports(s *apptest.Server) map[string]string {
	var st struct {
		Ports []struct{ Name, Address string }
	}
	s.Get("/api/v1/flows/status", &st)
	out := map[string]string{}
	for _, p := range st.Ports {
		out[p.Name] = p.Address
	}
	return out
}

func send(t *testing.T, to string, datagrams ...[]byte) {
	t.Helper()
	c, err := net.Dial("udp", to)
	require.NoError(t, err)
	defer c.Close()
	for _, b := range datagrams {
		_, err := c.Write(b)
		require.NoError(t, err)
	}
}

// flow5 is one record of NetFlow 5.
type flow5 struct {
	src, dst       string
	sport, dport   uint16
	proto, flags   uint8
	packets, bytes uint32
	in, out        uint16
	srcAS, dstAS   uint16
	tos            uint8
}

// netflow5 writes a datagram; sampling is one of n.
func netflow5(seq uint32, sampling uint16, flows ...flow5) []byte {
	be := binary.BigEndian
	b := make([]byte, 24, 24+48*len(flows))
	be.PutUint16(b, 5)
	be.PutUint16(b[2:], uint16(len(flows)))
	be.PutUint32(b[4:], 3_600_000)
	be.PutUint32(b[8:], uint32(time.Now().Unix()))
	be.PutUint32(b[16:], seq)
	if sampling > 0 {
		be.PutUint16(b[22:], 1<<14|sampling)
	}
	for _, f := range flows {
		r := make([]byte, 48)
		src, dst := netip.MustParseAddr(f.src).As4(), netip.MustParseAddr(f.dst).As4()
		copy(r, src[:])
		copy(r[4:], dst[:])
		be.PutUint16(r[12:], f.in)
		be.PutUint16(r[14:], f.out)
		be.PutUint32(r[16:], f.packets)
		be.PutUint32(r[20:], f.bytes)
		be.PutUint32(r[24:], 3_590_000)
		be.PutUint32(r[28:], 3_599_000)
		be.PutUint16(r[32:], f.sport)
		be.PutUint16(r[34:], f.dport)
		r[37], r[38], r[39] = f.flags, f.proto, f.tos
		be.PutUint16(r[40:], f.srcAS)
		be.PutUint16(r[42:], f.dstAS)
		b = append(b, r...)
	}
	return b
}

func topOf(s *apptest.Server, query string) top {
	var v top
	s.Get("/api/v1/flows/top?from=10m&"+query, &v)
	return v
}

func TestTopTalkers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *apptest.Server) {
		send(t, ports(s)["netflow"], netflow5(1, 100,
			flow5{src: "10.1.0.5", dst: "192.0.2.10", sport: 50000, dport: 443, proto: 6, flags: 0x1b, packets: 10, bytes: 9000, in: 3, out: 4, srcAS: 65001, dstAS: 64500, tos: 46 << 2},
			flow5{src: "192.0.2.10", dst: "10.1.0.5", sport: 443, dport: 50000, proto: 6, flags: 0x1b, packets: 30, bytes: 40000, in: 4, out: 3},
			flow5{src: "10.1.0.6", dst: "192.0.2.53", sport: 40000, dport: 53, proto: 17, packets: 1, bytes: 80, in: 3, out: 4},
		))
		testkit.Eventually(t, 20*time.Second, "the records are counted", func() bool { return topOf(s, "by=src").Total.Flows == 3 })
		testkit.Eventually(t, 20*time.Second, "the records are found", func() bool { return topOf(s, "by=src&source=records").Total.Flows == 3 })
		v := topOf(s, "by=src")
		require.Equal(t, "sums", v.Source)
		require.EqualValues(t, 49080*100, v.Total.Bytes, "multiplied by the sampling rate")
		require.Equal(t, []string{"192.0.2.10"}, v.Rows[0].Key)
		require.EqualValues(t, 4_000_000, v.Rows[0].Bytes)
		require.InDelta(t, 81.5, v.Rows[0].Percent, 0.1)
		by := func(dim, key string) topRow {
			t.Helper()
			for _, source := range []string{"sums", "records"} {
				v := topOf(s, "by="+dim+"&source="+source)
				require.Equal(t, source, v.Source)
				found := false
				for _, r := range v.Rows {
					if r.Key[0] == key {
						found = true
						if source == "records" {
							return r
						}
					}
				}
				require.True(t, found, "%s of %s in %s: %+v", key, dim, source, v.Rows)
			}
			return topRow{}
		}
		require.EqualValues(t, 4_900_000, by("address", "10.1.0.5").Bytes)
		require.EqualValues(t, 4_900_000, by("service", "tcp/443").Bytes)
		require.EqualValues(t, 8_000, by("app", "dns").Bytes)
		require.EqualValues(t, 8_000, by("protocol", "udp").Bytes)
		require.EqualValues(t, 908_000, by("src_net", "10.1.0.0/24").Bytes)
		require.EqualValues(t, 4_000_000, by("pair", "192.0.2.10>10.1.0.5").Bytes)
		require.EqualValues(t, 908_000, by("in", "127.0.0.1/3").Bytes)
		require.EqualValues(t, 4_908_000, by("interface", "127.0.0.1/3").Bytes)
		require.EqualValues(t, 900_000, by("dst_as", "64500").Bytes)
		require.EqualValues(t, "AS64500", by("dst_as", "64500").Labels[0].Text)
		require.EqualValues(t, "EF (46)", by("dscp", "46").Labels[0].Text)
		require.EqualValues(t, "FIN SYN PSH ACK", by("tcp_flags", "27").Labels[0].Text)
		require.EqualValues(t, 8_000, by("dst_port", "53").Bytes)
		require.EqualValues(t, 3, by("exporter", "127.0.0.1").Flows)

		f := func(filter string) string { return "by=dst&filter=" + url.QueryEscape(filter) }
		for _, source := range []string{"records", "conversations"} {
			for filter, bytes := range map[string]uint64{
				"src:10.1.0.5": 900_000, "src:10.1.0.0/16": 908_000, "!app:https": 8_000, "address:192.0.2.10": 4_900_000, "in:127.0.0.1/3": 908_000,
				"interface:127.0.0.1/4": 4_908_000, "protocol:tcp": 4_900_000, "pair:10.1.0.6>192.0.2.53": 8_000, "!address:10.1.0.5": 8_000, "service:udp/53": 8_000,
			} {
				v := topOf(s, f(filter)+"&source="+source)
				require.Equal(t, bytes, v.Total.Bytes, "%s from %s", filter, source)
			}
		}
		v = topOf(s, "by=src,app,dst&metric=packets")
		require.Equal(t, []string{"192.0.2.10", "https", "10.1.0.5"}, v.Rows[0].Key)
		require.EqualValues(t, 3000, v.Rows[0].Packets)

		var line struct {
			Totals []uint64
			Lines  []struct{ Values []uint64 }
		}
		for _, source := range []string{"sums", "records"} {
			s.Get("/api/v1/flows/series?from=10m&by=app&limit=1&source="+source, &line)
			require.EqualValues(t, 4_908_000, total(line.Totals))
			require.Len(t, line.Lines, 1)
			require.EqualValues(t, 4_900_000, total(line.Lines[0].Values))
		}

		var recs list[struct {
			Bytes    uint64
			From, To label
			Fields   map[string]string
		}]
		s.Get("/api/v1/flows/records?from=10m&limit=2", &recs)
		require.Len(t, recs.Items, 2)
		first := recs.Next
		require.NotEmpty(t, first)
		recs.Next = ""
		s.Get("/api/v1/flows/records?from=10m&limit=2&cursor="+first, &recs)
		require.Len(t, recs.Items, 1)
		require.Equal(t, "10.1.0.5", recs.Items[0].Fields["src"])
		require.Empty(t, recs.Next)
	})
}

func total(vs []uint64) (n uint64) {
	for _, v := range vs {
		n += v
	}
	return n
}
