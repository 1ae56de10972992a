package stats

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/packet"
	"github.com/mainstay-ops/mainstay/internal/core/packet/capture"
	"github.com/mainstay-ops/mainstay/internal/core/packet/session"
)

var at = time.Unix(1_700_000_000, 0).UTC()

// datagram is a frame of UDP between two addresses of 192.0.2.0/24.
func datagram(src, dst byte, sport, dport uint16, body string) []byte {
	n := len(body)
	b := []byte{
		2, 0, 0, 0, 0, dst, 2, 0, 0, 0, 0, src, 8, 0, 0x45, 0, 0, byte(28 + n), 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, src, 192, 0, 2, dst,
		byte(sport >> 8), byte(sport), byte(dport >> 8), byte(dport), 0, byte(8 + n), 0, 0,
	}
	return append(b, body...)
}

func TestCounts(t *testing.T) {
	t.Parallel()
	d := packet.NewDissector(packet.Limits{})
	table := session.NewTable(0)
	var h Hierarchy
	var p packet.Packet
	found := NewFindings(1)
	arp := []byte("\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x07\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01\x02\x00\x00\x00\x00\x07\xc0\x00\x02\x07\x00\x00\x00\x00\x00\x00\xc0\x00\x02\x08")
	for i, f := range [][]byte{
		datagram(1, 2, 1000, 9, "one"), datagram(2, 1, 9, 1000, "three"), datagram(2, 1, 2000, 9, "x"), datagram(1, 3, 1000, 53, "bad"), datagram(1, 3, 1000, 514, "<13>hello"), arp,
		datagram(1, 3, 1000, 53, "\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x09"), datagram(1, 3, 1000, 53, "\x00\x02\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x09"),
	} {
		d.Dissect(&capture.Packet{Number: i + 1, Time: at.Add(time.Duration(i) * time.Second), Data: f, Length: len(f), Link: capture.Ethernet}, &p)
		table.Add(&p)
		h.Add(&p)
		found.Add(&p)
	}
	table.Flush()
	layers := h.Layers()
	require.Len(t, layers, 1)
	eth := layers[0]
	require.Equal(t, "eth", eth.Name)
	require.Equal(t, 8, eth.Packets)
	require.Equal(t, []string{"ip", "arp"}, []string{eth.Above[0].Name, eth.Above[1].Name})
	udp := eth.Above[0].Above[0]
	require.Equal(t, 7, udp.Packets)
	require.Equal(t, "data", udp.Above[0].Name)
	require.Equal(t, 4, udp.Above[0].Last)
	require.Equal(t, 1, eth.Above[1].Last)

	talks := Conversations(table.All())
	require.Len(t, talks, 3)
	i := slices.IndexFunc(talks, func(c *Conversation) bool { return c.A == "192.0.2.1" && c.B == "192.0.2.2" })
	require.GreaterOrEqual(t, i, 0)
	c := talks[i]
	require.Equal(t, 2, c.Sessions, "over all ports, whoever began")
	require.EqualValues(t, 1, c.APackets)
	require.EqualValues(t, 2, c.BPackets)
	require.EqualValues(t, 45, c.ABytes)
	require.Equal(t, at, c.First)
	require.Equal(t, at.Add(2*time.Second), c.Last)

	ends := Endpoints(table.All())
	i = slices.IndexFunc(ends, func(e *Endpoint) bool { return e.Address == "192.0.2.1" })
	require.EqualValues(t, 5, ends[i].SentPackets)
	require.EqualValues(t, 2, ends[i].ReceivedPackets)
	var sent, received uint64
	for _, e := range ends {
		sent += e.SentBytes
		received += e.ReceivedBytes
	}
	require.Equal(t, sent, received)

	list := found.List()
	require.NotEmpty(t, list)
	require.Equal(t, packet.FindMalformed, list[0].Kind)
	require.Equal(t, 2, list[0].Count)
	require.Len(t, list[0].Examples, 1, "as many as were asked for")
	require.Equal(t, 7, list[0].Examples[0].Number)
	require.Equal(t, at.Add(7*time.Second), list[0].Last)
}
