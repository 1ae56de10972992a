// Package session makes the table of who talked to whom from packets that
// package packet took apart: one row per connection or exchange of datagrams.
package session

import (
	"cmp"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/packet"
)

// Session is one row. The source is who began: the sender of a SYN, the
// receiver of a SYN-ACK, else the sender of the first packet. Bytes are whole
// frames; data is what the transport carries, where bytes that were sent again
// count once.
type Session struct {
	Protocol    string    `json:"protocol"` // of the transport: tcp, udp, icmp, arp, lldp, ...
	Src         string    `json:"src"`      // an IP address, or a MAC address where there is none
	SrcPort     uint16    `json:"src_port,omitempty"`
	Dst         string    `json:"dst"`
	DstPort     uint16    `json:"dst_port,omitempty"`
	First       time.Time `json:"first"`
	Last        time.Time `json:"last"`
	SrcPackets  uint64    `json:"src_packets"`
	SrcBytes    uint64    `json:"src_bytes"`
	DstPackets  uint64    `json:"dst_packets"`
	DstBytes    uint64    `json:"dst_bytes"`
	SrcData     uint64    `json:"src_data"`
	DstData     uint64    `json:"dst_data"`
	SrcDataWire uint64    `json:"src_data_wire"` // with what was sent again
	DstDataWire uint64    `json:"dst_data_wire"`
	Protocols   []string  `json:"protocols"` // all that were recognized, in order of the alphabet
	VLANs       []uint16  `json:"vlans,omitempty"`
	SrcMACs     []string  `json:"src_macs,omitempty"`
	DstMACs     []string  `json:"dst_macs,omitempty"`
	Stream      int       `json:"stream"` // of tcp.stream or udp.stream; -1 where there is none

	number uint64
	macs   [2][2][6]byte // of the last frame each way, from and to
}

// Table gathers sessions. It belongs to one goroutine.
type Table struct {
	most     int
	dropped  uint64
	sessions map[key]*Session
	waiting  map[fragKey]*waiting
	next     uint64
}

// key is a conversation, or the ends of frames that belong to none.
type key struct {
	conversation uint64
	kind         string
	low, high    string
}

type fragKey struct {
	src, dst netip.Addr
	protocol uint8
}

// waiting are frames of a datagram in fragments whose ports are not known yet.
type waiting struct {
	frames []frame
}

type frame struct {
	at     time.Time
	length int
	packet facts
}

// facts are what a session takes from a frame.
type facts struct {
	src, dst       netip.Addr
	macs           bool
	srcMAC, dstMAC [6]byte
	vlans          []uint16
	protocol       uint8
}

// NewTable makes a table of at most so many sessions; packets of further ones
// are counted in Dropped.
func NewTable(most int) *Table {
	if most <= 0 {
		most = 1_000_000
	}
	return &Table{most: most, sessions: map[key]*Session{}, waiting: map[fragKey]*waiting{}}
}

// Dropped counts packets that found no room.
func (t *Table) Dropped() uint64 { return t.dropped }

// Len is how many sessions there are.
func (t *Table) Len() int { return len(t.sessions) }

// Add counts a packet. It may be used again afterwards.
func (t *Table) Add(p *packet.Packet) {
	f := facts{src: p.Src, dst: p.Dst, macs: p.HasMAC, srcMAC: p.SrcMAC, dstMAC: p.DstMAC, vlans: p.VLANs, protocol: p.IPProtocol}
	if p.Fragment() && t.hold(p, f) {
		return
	}
	s, fromServer := t.of(p)
	if s == nil {
		t.dropped++
		return
	}
	t.release(p, s, fromServer)
	s.count(p.Time, p.Length, fromServer, f)
	if fromServer {
		s.DstData += uint64(p.PayloadNew)
		s.DstDataWire += uint64(p.Payload)
	} else {
		s.SrcData += uint64(p.PayloadNew)
		s.SrcDataWire += uint64(p.Payload)
	}
	for _, name := range p.App {
		s.Protocols = add(s.Protocols, name)
	}
}

func (s *Session) count(at time.Time, length int, fromServer bool, f facts) {
	s.Last = at
	src, dst := &s.SrcMACs, &s.DstMACs
	if fromServer {
		s.DstPackets++
		s.DstBytes += uint64(length)
		src, dst = dst, src
	} else {
		s.SrcPackets++
		s.SrcBytes += uint64(length)
	}
	way := 0
	if fromServer {
		way = 1
	}
	if pair := [2][6]byte{f.srcMAC, f.dstMAC}; f.macs && (s.macs[way] != pair || len(*src) == 0) {
		s.macs[way] = pair
		*src = add(*src, mac(f.srcMAC))
		*dst = add(*dst, mac(f.dstMAC))
	}
	for _, v := range f.vlans {
		s.VLANs = add(s.VLANs, v)
	}
}

// add puts a value into a small sorted set.
func add[T cmp.Ordered](set []T, v T) []T {
	const most = 100
	i, there := slices.BinarySearch(set, v)
	if there || len(set) >= most {
		return set
	}
	return slices.Insert(set, i, v)
}

func mac(b [6]byte) string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5])
}

// of finds or makes the session of a packet.
func (t *Table) of(p *packet.Packet) (s *Session, fromServer bool) {
	c, fromServer, ok := p.Conversation()
	k := key{conversation: c.ID}
	row := Session{Stream: -1}
	switch {
	case ok && p.HasClientMAC: // a client of DHCP has no address of its own yet
		k = key{kind: "dhcp", low: mac(p.ClientMAC)}
		row.set(name(p.IPProtocol), c.Client, c.Server)
		fromServer = p.SrcPort == 67 && p.DstPort == 68
		if fromServer {
			row.set(name(p.IPProtocol), c.Server, c.Client)
		}
	case ok:
		row.set(name(p.IPProtocol), c.Client, c.Server)
		row.Stream = p.Stream()
	default:
		k, row, fromServer = t.apart(p)
	}
	s = t.sessions[k]
	if s != nil {
		return s, fromServer
	}
	if len(t.sessions) >= t.most {
		return nil, false
	}
	t.next++
	row.number, row.First = t.next, p.Time
	if row.Protocols == nil {
		row.Protocols = []string{}
	}
	if row.Protocol == "tcp" || row.Protocol == "udp" || row.Protocol == "sctp" {
		row.Protocols = []string{row.Protocol}
	}
	t.sessions[k] = &row
	return &row, fromServer
}

func (s *Session) set(protocol string, src, dst netip.AddrPort) {
	s.Protocol = protocol
	s.Src, s.SrcPort, s.Dst, s.DstPort = src.Addr().String(), src.Port(), dst.Addr().String(), dst.Port()
}

// apart names the session of a frame that belongs to no conversation: by its IP
// addresses, else by its MAC addresses. What goes to a group is one session for
// all senders.
func (t *Table) apart(p *packet.Packet) (k key, row Session, fromServer bool) {
	row = Session{Stream: -1}
	src, dst := mac(p.SrcMAC), mac(p.DstMAC)
	row.Protocol = p.Protocol
	if p.Src.IsValid() {
		src, dst = p.Src.String(), p.Dst.String()
		row.Protocol = name(p.IPProtocol)
	}
	row.Src, row.Dst = src, dst
	k = key{kind: row.Protocol, low: src, high: dst}
	if !p.Src.IsValid() && p.DstMAC[0]&1 != 0 && p.DstMAC != [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff} {
		k.low = ""
		return k, row, false
	}
	if back := (key{kind: row.Protocol, low: dst, high: src}); t.sessions[back] != nil {
		return back, row, true
	}
	return k, row, false
}

var names = map[uint8]string{1: "icmp", 2: "igmp", 6: "tcp", 17: "udp", 41: "ipv6", 47: "gre", 50: "esp", 51: "ah", 58: "icmp", 88: "eigrp", 89: "ospf", 103: "pim", 112: "vrrp", 132: "sctp"}

func name(protocol uint8) string {
	if n := names[protocol]; n != "" {
		return n
	}
	return fmt.Sprintf("ip-%d", protocol)
}

// hold keeps the frame of a fragment until the datagram is whole.
func (t *Table) hold(p *packet.Packet, f facts) bool {
	const mostGroups, mostFrames = 1_000, 100
	k := fragKey{p.Src, p.Dst, p.IPProtocol}
	w := t.waiting[k]
	if w == nil {
		if len(t.waiting) >= mostGroups {
			return false
		}
		w = &waiting{}
		t.waiting[k] = w
	}
	if len(w.frames) >= mostFrames {
		return false
	}
	f.vlans = slices.Clone(f.vlans)
	w.frames = append(w.frames, frame{at: p.Time, length: p.Length, packet: f})
	return true
}

// release gives the frames that waited to the session of the packet that made
// their datagram whole.
func (t *Table) release(p *packet.Packet, s *Session, fromServer bool) {
	if len(t.waiting) == 0 || !p.Reassembled() {
		return
	}
	k := fragKey{p.Src, p.Dst, p.IPProtocol}
	w := t.waiting[k]
	if w == nil {
		return
	}
	delete(t.waiting, k)
	for _, f := range w.frames {
		if f.at.Before(s.First) {
			s.First = f.at
		}
		s.count(f.at, f.length, fromServer, f.packet)
	}
}

// Flush counts the frames of datagrams that never became whole, as sessions of
// their addresses. Call it after the last packet.
func (t *Table) Flush() {
	for _, w := range t.waiting {
		for _, f := range w.frames {
			p := packet.Packet{
				Time: f.at, Length: f.length, Src: f.packet.src, Dst: f.packet.dst, HasMAC: f.packet.macs, SrcMAC: f.packet.srcMAC,
				DstMAC: f.packet.dstMAC, IPProtocol: f.packet.protocol, VLANs: f.packet.vlans,
			}
			if s, back := t.of(&p); s != nil {
				s.count(f.at, f.length, back, f.packet)
			} else {
				t.dropped++
			}
		}
	}
	clear(t.waiting)
}

// All gives the sessions in the order in which they began in the capture.
func (t *Table) All() iter.Seq[*Session] {
	rows := make([]*Session, 0, len(t.sessions))
	for _, s := range t.sessions {
		rows = append(rows, s)
	}
	slices.SortFunc(rows, func(a, b *Session) int { return cmp.Compare(a.number, b.number) })
	return slices.Values(rows)
}
