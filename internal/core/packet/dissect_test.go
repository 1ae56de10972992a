package packet

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/packet/capture"
)

func TestFieldsHaveTheirBytes(t *testing.T) {
	t.Parallel()
	w := newWire(t, Limits{})
	p := w.eth(ethernetFrame(0x0800, ipv4Packet(clientIP, serverIP, 17, 1, 0, udpDatagram(40000, 53, []byte("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x0f\x00\x01")))))
	for name, want := range map[string]string{
		"ip.src": "c0000201", "udp.dstport": "0035", "dns.id": "1234", "dns.qry.name": "076578616d706c6503636f6d00", "dns.qry.type": "000f", "eth.src": "020000000001",
	} {
		f := p.Find(name)
		require.NotNil(t, f, name)
		raw := Field{Def: fDataData, data: p.Sources[f.Source].Data[f.Start:f.End]}
		require.Equal(t, want, raw.Value(), name)
	}
	require.Equal(t, "example.com", p.Find("dns.qry.name").Value())
	require.Equal(t, "MX", p.Find("dns.qry.type").Meaning())
	require.Equal(t, "eth:ip:udp:dns", p.Protocols())
	require.Equal(t, []string{clientIP, serverIP}, p.All("ip.addr"))
	tree := p.Tree()
	require.Equal(t, []string{"frame", "eth", "ip", "udp", "dns"}, []string{tree[0].Name, tree[1].Name, tree[2].Name, tree[3].Name, tree[4].Name})
	require.Equal(t, 14, tree[2].Start)
	require.Equal(t, 34, tree[2].End)
}

func TestFragmentsInAnyOrder(t *testing.T) {
	t.Parallel()
	body := udpDatagram(40000, 5000, []byte(strings.Repeat("fragment", 40)))
	parts := [][2]int{{0, 120}, {120, 240}, {240, len(body)}}
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 2, 0}} {
		w := newWire(t, Limits{})
		for n, i := range order {
			from, to := parts[i][0], parts[i][1]
			frag := uint16(from / 8)
			if to < len(body) {
				frag |= 0x2000
			}
			p := w.eth(ethernetFrame(0x0800, ipv4Packet(clientIP, serverIP, 17, 77, frag, body[from:to])))
			require.Equal(t, n < 2, p.Fragment())
			require.Equal(t, n == 2, p.Reassembled())
			if n == 2 {
				require.Equal(t, "5000", p.Find("udp.dstport").Value())
				require.Equal(t, strings.Repeat("fragment", 40), string(p.Find("data.data").Bytes()))
			}
		}
		require.Zero(t, w.d.frags.held.used)
	}
}

func TestFragmentsAreBounded(t *testing.T) {
	t.Parallel()
	w := newWire(t, Limits{Fragments: 5, AllBytes: 10_000})
	for id := range uint16(2000) {
		w.eth(ethernetFrame(0x0800, ipv4Packet(clientIP, serverIP, 17, id, 0x2000, make([]byte, 800))))
	}
	require.LessOrEqual(t, len(w.d.frags.groups), 5)
	require.LessOrEqual(t, w.d.frags.held.used, 10_000)
	// Parts that overlap are not taken: the first one counts.
	w = newWire(t, Limits{})
	w.eth(ethernetFrame(0x0800, ipv4Packet(clientIP, serverIP, 17, 1, 0x2000, udpDatagram(1, 2, make([]byte, 16)))))
	p := w.eth(ethernetFrame(0x0800, ipv4Packet(clientIP, serverIP, 17, 1, 1, make([]byte, 32))))
	require.True(t, p.Fragment())
}

func TestTunnels(t *testing.T) {
	t.Parallel()
	be := binary.BigEndian
	inner := ipv4Packet("10.1.1.1", "10.2.2.2", 17, 1, 0, udpDatagram(1000, 2000, []byte("hello")))
	frame := ethernetFrame(0x0800, inner)
	v6 := append([]byte{0x60, 0, 0, 0}, be.AppendUint16(nil, uint16(8+len(inner)))...)
	v6 = append(v6, 0, 64) // hop-by-hop options, then IPv4
	v6 = append(v6, make([]byte, 32)...)
	v6 = append(append(v6, 4, 0, 1, 4, 0, 0, 0, 0), inner...)
	for name, c := range map[string]struct {
		frame  []byte
		layers string
	}{
		"QinQ":         {ethernetFrame(0x88a8, append([]byte{0x20, 100, 0x81, 0, 0, 7, 8, 0}, inner...)), "eth:vlan:vlan:ip:udp:data"},
		"MPLS":         {ethernetFrame(0x8847, append([]byte{0, 1, 0, 64, 0, 2, 1, 64}, inner...)), "eth:mpls:mpls:ip:udp:data"},
		"GRE":          {ethernetFrame(0x0800, ipv4Packet(clientIP, serverIP, 47, 1, 0, append([]byte{0x20, 0, 8, 0, 0, 0, 0, 9}, inner...))), "eth:ip:gre:ip:udp:data"},
		"VXLAN":        {ethernetFrame(0x0800, ipv4Packet(clientIP, serverIP, 17, 1, 0, udpDatagram(5555, 4789, append([]byte{8, 0, 0, 0, 0, 0, 42, 0}, frame...)))), "eth:ip:udp:vxlan:eth:ip:udp:data"},
		"Geneve":       {ethernetFrame(0x0800, ipv4Packet(clientIP, serverIP, 17, 1, 0, udpDatagram(5555, 6081, append([]byte{0, 0, 0x65, 0x58, 0, 0, 42, 0}, frame...)))), "eth:ip:udp:geneve:eth:ip:udp:data"},
		"IP in IP":     {ethernetFrame(0x0800, ipv4Packet(clientIP, serverIP, 4, 1, 0, inner)), "eth:ip:ip:udp:data"},
		"IPv4 in IPv6": {ethernetFrame(0x86dd, v6), "eth:ipv6:ipv6.hopopts:ip:udp:data"},
		"PPPoE":        {ethernetFrame(0x8864, append(append([]byte{0x11, 0, 0, 1}, be.AppendUint16(nil, uint16(2+len(inner)))...), append([]byte{0, 0x21}, inner...)...)), "eth:pppoes:ppp:ip:udp:data"},
		"GTP":          {ethernetFrame(0x0800, ipv4Packet(clientIP, serverIP, 17, 1, 0, udpDatagram(2152, 2152, append([]byte{0x30, 255, 0, 0, 0, 0, 0, 1}, inner...)))), "eth:ip:udp:gtp:ip:udp:data"},
	} {
		p := newWire(t, Limits{}).eth(c.frame)
		require.Equal(t, c.layers, p.Protocols(), name)
		require.Equal(t, netip.MustParseAddr("10.1.1.1"), p.Src, name)
		require.EqualValues(t, 2000, p.DstPort, name)
		talk, _, ok := p.Conversation()
		require.True(t, ok)
		require.Equal(t, "10.1.1.1:1000", talk.Client.String(), "the session is the inner one")
	}
}

func TestLayersEnd(t *testing.T) {
	t.Parallel()
	packet := ipv4Packet(clientIP, serverIP, 17, 1, 0, udpDatagram(1, 2, nil))
	for range 200 {
		packet = ipv4Packet(clientIP, serverIP, 4, 1, 0, packet)
	}
	p := newWire(t, Limits{}).eth(ethernetFrame(0x0800, packet))
	require.LessOrEqual(t, strings.Count(p.Protocols(), "ip"), 32)
}

func TestWhoBegan(t *testing.T) {
	t.Parallel()
	segment := func(w *wire, src, dst string, sp, dp uint16, flags byte) *Packet {
		return w.eth(ethernetFrame(0x0800, ipv4Packet(src, dst, 6, 1, 0, tcpSegment(sp, dp, 100, 200, flags, 1000, nil))))
	}
	client := func(p *Packet) string {
		c, _, ok := p.Conversation()
		require.True(t, ok)
		return c.Client.String()
	}
	require.Equal(t, clientIP+":40000", client(segment(newWire(t, Limits{}), clientIP, serverIP, 40000, 80, SYN)))
	require.Equal(t, clientIP+":40000", client(segment(newWire(t, Limits{}), serverIP, clientIP, 80, 40000, SYN|ACK)), "whoever gets a SYN-ACK sent the SYN")
	require.Equal(t, serverIP+":80", client(segment(newWire(t, Limits{}), serverIP, clientIP, 80, 40000, ACK)))
	// A new SYN on the same ports is a new connection, one that was sent again is not.
	w := newWire(t, Limits{})
	first, _, _ := segment(w, clientIP, serverIP, 40000, 80, SYN).Conversation()
	again, _, _ := segment(w, clientIP, serverIP, 40000, 80, SYN).Conversation()
	require.Equal(t, first.ID, again.ID)
	p := w.eth(ethernetFrame(0x0800, ipv4Packet(clientIP, serverIP, 6, 1, 0, tcpSegment(40000, 80, 777, 0, SYN, 1000, nil))))
	fresh, _, _ := p.Conversation()
	require.NotEqual(t, first.ID, fresh.ID)
}

func TestErrorsQuoteAndDoNotTalk(t *testing.T) {
	t.Parallel()
	w := newWire(t, Limits{})
	lost := ipv4Packet(clientIP, serverIP, 6, 1, 0, tcpSegment(40000, 80, 1, 0, SYN, 1000, nil))
	p := w.eth(ethernetFrame(0x0800, ipv4Packet("203.0.113.7", clientIP, 1, 1, 0, append([]byte{3, 1, 0, 0, 0, 0, 0, 0}, lost[:28]...))))
	require.Equal(t, netip.MustParseAddr("203.0.113.7"), p.Src)
	require.Nil(t, p.TCP)
	require.False(t, p.Malformed)
	require.Equal(t, "40000", p.Find("tcp.srcport").Value(), "what it is about can be asked for")
	require.Len(t, w.d.convs.byKey, 1, "the quoted connection is not a conversation")
}

func TestCutAndMalformed(t *testing.T) {
	t.Parallel()
	frame := ethernetFrame(0x0800, ipv4Packet(clientIP, serverIP, 17, 1, 0, udpDatagram(1, 53, []byte("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07exam"))))
	w := newWire(t, Limits{})
	p := w.eth(frame)
	require.True(t, p.Malformed)
	require.NotNil(t, p.Find("_ws.malformed"))
	require.Equal(t, FindMalformed, p.Findings[0].Kind)
	var q Packet
	w.d.Dissect(&capture.Packet{Number: 9, Data: frame[:30], Length: len(frame), Link: capture.Ethernet}, &q)
	require.False(t, q.Malformed, "a packet that was cut when captured is no fault of its sender")
	require.NotNil(t, q.Find("_ws.short"))
}

func TestARPConflict(t *testing.T) {
	t.Parallel()
	say := func(w *wire, mac byte) *Packet {
		return w.eth(ethernetFrame(0x0806, []byte{0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, mac, 192, 0, 2, 9, 2, 0, 0, 0, 0, 9, 192, 0, 2, 1}))
	}
	w := newWire(t, Limits{})
	require.Empty(t, say(w, 1).Findings)
	require.Empty(t, say(w, 1).Findings)
	p := say(w, 2)
	require.Equal(t, FindARPConflict, p.Findings[0].Kind)
	require.Contains(t, p.Findings[0].Detail, "02:00:00:00:00:01 and by 02:00:00:00:00:02")
	w.now = w.now.Add(time.Hour)
	require.Empty(t, say(w, 3).Findings, "an address may move in time")
}

func TestEveryFindingIsExplained(t *testing.T) {
	t.Parallel()
	kinds := FindingKinds()
	require.Len(t, kinds, 21)
	for _, k := range kinds {
		e := Explain(k)
		require.NotEmpty(t, e.Title, k)
		require.Greater(t, len(e.Meaning), 60, k)
		require.Contains(t, []Severity{Note, Warning, Error}, e.Severity, k)
	}
}

func TestEveryFieldHasANameAndALabel(t *testing.T) {
	t.Parallel()
	all := Defs()
	require.Greater(t, len(all), 300)
	require.True(t, slices.IsSortedFunc(all, func(a, b *Def) int { return strings.Compare(a.Name, b.Name) }))
	for _, d := range all {
		require.NotEmpty(t, d.Label, d.Name)
		require.NotContains(t, d.Name, " ", d.Name)
		for _, of := range d.Of {
			require.Equal(t, d.Kind, of.Kind, d.Name)
		}
	}
}
