package packet

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/packet/capture"
)

// wire makes frames and gives them to a Dissector one after the other.
type wire struct {
	t      testing.TB
	d      *Dissector
	p      Packet
	now    time.Time
	number int
	keep   *capture.Writer // nil: frames are not kept
}

func newWire(t testing.TB, l Limits) *wire {
	return &wire{t: t, d: NewDissector(l), now: time.Unix(1_700_000_000, 0).UTC()}
}

// send takes a frame apart; the packet is valid until the next one.
func (w *wire) send(link capture.LinkType, frame []byte) *Packet {
	w.number++
	w.now = w.now.Add(time.Millisecond)
	c := &capture.Packet{Number: w.number, Time: w.now, Data: frame, Length: len(frame), Link: link}
	if w.keep != nil {
		if err := w.keep.Write(c); err != nil {
			w.t.Fatal(err)
		}
	}
	w.d.Dissect(c, &w.p)
	check(w.t, &w.p)
	return &w.p
}

func (w *wire) eth(frame []byte) *Packet { return w.send(capture.Ethernet, frame) }

// check holds what must be so for every packet.
func check(t testing.TB, p *Packet) {
	t.Helper()
	depth := -1
	for i := range p.Fields {
		f := &p.Fields[i]
		if int(f.Source) >= len(p.Sources) {
			t.Fatalf("%s is in source %d of %d", f.Def.Name, f.Source, len(p.Sources))
		}
		if n := int32(len(p.Sources[f.Source].Data)); f.Start < 0 || f.End < f.Start || f.End > n {
			t.Fatalf("%s has bytes %d to %d of %d", f.Def.Name, f.Start, f.End, n)
		}
		if int(f.Depth) > depth+1 {
			t.Fatalf("%s stands %d deep after %d", f.Def.Name, f.Depth, depth)
		}
		depth = int(f.Depth)
		f.Value()
	}
}

func ethernetFrame(kind uint16, body []byte) []byte {
	b := append([]byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}, byte(kind>>8), byte(kind))
	return append(b, body...)
}

func ipv4Packet(src, dst string, proto byte, id uint16, frag uint16, body []byte) []byte {
	be := binary.BigEndian
	b := []byte{0x45, 0}
	b = be.AppendUint16(b, uint16(20+len(body)))
	b = be.AppendUint16(b, id)
	b = be.AppendUint16(b, frag)
	b = append(b, 64, proto, 0, 0)
	s, d := netip.MustParseAddr(src).As4(), netip.MustParseAddr(dst).As4()
	b = append(append(b, s[:]...), d[:]...)
	be.PutUint16(b[10:], checksum(b, 0))
	return append(b, body...)
}

func udpDatagram(src, dst uint16, body []byte) []byte {
	be := binary.BigEndian
	b := be.AppendUint16(nil, src)
	b = be.AppendUint16(b, dst)
	b = be.AppendUint16(b, uint16(8+len(body)))
	return append(be.AppendUint16(b, 0), body...)
}

func tcpSegment(src, dst uint16, seq, ack uint32, flags byte, window uint16, body []byte) []byte {
	be := binary.BigEndian
	b := be.AppendUint16(nil, src)
	b = be.AppendUint16(b, dst)
	b = be.AppendUint32(b, seq)
	b = be.AppendUint32(b, ack)
	b = append(b, 5<<4, flags)
	b = be.AppendUint16(b, window)
	b = be.AppendUint32(b, 0)
	return append(b, body...)
}

const (
	clientIP = "192.0.2.1"
	serverIP = "198.51.100.2"
)

// talk is a TCP connection that a test speaks on.
type talk struct {
	*wire
	port uint16
	seq  [2]uint32
}

func (w *wire) connect(port uint16) *talk {
	c := &talk{wire: w, port: port, seq: [2]uint32{1000, 5000}}
	c.segment(0, 999, SYN, nil)
	c.segment(1, 4999, SYN|ACK, nil)
	c.segment(0, 1000, ACK, nil)
	return c
}

// segment sends from the client (0) or the server (1) at a sequence number.
func (c *talk) segment(dir int, seq uint32, flags byte, body []byte) *Packet {
	src, dst, sp, dp := clientIP, serverIP, uint16(40000), c.port
	if dir == 1 {
		src, dst, sp, dp = dst, src, dp, sp
	}
	return c.eth(ethernetFrame(0x0800, ipv4Packet(src, dst, 6, 1, 0, tcpSegment(sp, dp, seq, c.seq[1-dir], flags, 65000, body))))
}

// say sends the next bytes of a direction.
func (c *talk) say(dir int, text string) *Packet {
	seq := c.seq[dir]
	c.seq[dir] += uint32(len(text))
	return c.segment(dir, seq, PSH|ACK, []byte(text))
}
