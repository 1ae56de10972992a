package packet

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/packet/capture"
)

// small are limits that a fuzzer reaches.
var small = Limits{Conversations: 8, StreamBytes: 2048, AllBytes: 8192, Segments: 4, Fragments: 4, Fields: 2000, Depth: 12}

// captures gives the frames of the recorded captures as seeds.
func captures(f *testing.F, each func(link capture.LinkType, frame []byte)) {
	files, err := filepath.Glob("../../../../shared/data/captures/*.pcap")
	if err != nil {
		return
	}
	for _, name := range files {
		in, err := os.Open(name)
		if err != nil {
			continue
		}
		r, err := capture.NewReader(in)
		for n := 0; err == nil && n < 20; n++ {
			var p *capture.Packet
			if p, err = r.Next(); err == nil {
				each(p.Link, slices.Clone(p.Data))
			}
		}
		if err != nil && !errors.Is(err, io.EOF) {
			f.Fatal(err)
		}
		in.Close()
	}
}

func (d *Dissector) holds(t *testing.T) {
	t.Helper()
	if d.frags.held.used < 0 || d.frags.held.used > d.limits.AllBytes {
		t.Fatalf("%d bytes are held of %d", d.frags.held.used, d.limits.AllBytes)
	}
	if len(d.convs.byKey) > d.limits.Conversations {
		t.Fatalf("%d conversations", len(d.convs.byKey))
	}
}

func FuzzFrame(f *testing.F) {
	captures(f, func(link capture.LinkType, frame []byte) { f.Add(uint32(link), frame) })
	for _, l := range []capture.LinkType{capture.Null, capture.PPP, capture.Raw, capture.LinuxSLL, capture.LinuxSLL2, capture.IPv6, 999} {
		f.Add(uint32(l), []byte{0x45, 0, 0, 20})
	}
	f.Fuzz(func(t *testing.T, link uint32, frame []byte) {
		d := NewDissector(small)
		var p Packet
		for n := range 3 { // the same again meets what was remembered
			d.Dissect(&capture.Packet{Number: n + 1, Time: time.Unix(int64(n), 0), Data: frame, Length: len(frame), Link: capture.LinkType(link)}, &p)
			check(t, &p)
			p.Tree()
		}
		d.holds(t)
	})
}

// FuzzStream speaks every protocol of TCP in pieces of every size, from both sides.
func FuzzStream(f *testing.F) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x01\x01\x04\x00\x00\x00\x01\x82",
		"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03", "SSH-2.0-x\r\n\x00\x00\x00\x0c\x0a\x15aaaaaaaaaa", "220 x ESMTP\r\n", "EHLO x\r\nSTARTTLS\r\n", "\x00\x0c\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00",
		"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04abcd", "*2\r\n$3\r\nGET\r\n$1\r\na\r\n", "\x00\x00\x00\x08\x04\xd2\x16\x2f", "Q\x00\x00\x00\x08abc\x00", "\x4a\x00\x00\x00\x0a5.5\x00aaaaaaaaaaaaaaaaaa",
		"\x00\x00\x00\x44\xfeSMB\x40\x00", "0\x0c\x02\x01\x01`\x07\x02\x01\x03\x04\x00\x80\x00", "INVITE sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n", "a LOGIN b c\r\n", "USER x\r\nPASS y\r\n",
	} {
		for _, port := range []uint16{80, 443, 22, 25, 53, 1883, 6379, 5432, 3306, 445, 389, 5060, 143, 21, 110, 88, 9999} {
			f.Add(port, []byte(s), uint16(7), uint8(1))
		}
	}
	f.Fuzz(func(t *testing.T, port uint16, data []byte, size uint16, turn uint8) {
		w := newWire(t, small)
		c := w.connect(port)
		n := max(int(size)%1400, 1)
		for count := 0; len(data) > 0 && count < 200; count++ {
			k := min(n, len(data))
			dir := 0
			if turn > 0 && count%int(turn) == 0 {
				dir = 1
			}
			switch {
			case turn&64 != 0 && count%5 == 4: // lost
				c.seq[dir] += uint32(k)
			case turn&128 != 0 && count%3 == 2: // early, then the one before
				c.segment(dir, c.seq[dir]+uint32(k), PSH|ACK, data[:k])
				c.say(dir, string(data[:k]))
			default:
				c.say(dir, string(data[:k]))
			}
			data = data[k:]
		}
		c.segment(0, c.seq[0], FIN|ACK, nil)
		c.segment(1, c.seq[1], FIN|ACK, nil)
		w.d.holds(t)
		w.d.Rest(&w.p, func(p *Packet) { check(t, p) })
	})
}

// FuzzDatagram gives payloads to every protocol of UDP.
func FuzzDatagram(f *testing.F) {
	for port := range datagramPorts() {
		f.Add(port, []byte("\x00\x01\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04\x01\x02\x03\x04"))
		f.Add(port, []byte("0\x1a\x02\x01\x01\x04\x06public\xa0\x0d\x02\x01\x01\x02\x01\x00\x02\x01\x00\x30\x02\x30\x00"))
	}
	for _, port := range []uint16{4789, 6081, 2152, 3544, 9999} {
		f.Add(port, []byte("\x08\x00\x00\x00\x00\x00\x01\x00\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x08\x06"))
	}
	f.Fuzz(func(t *testing.T, port uint16, data []byte) {
		w := newWire(t, small)
		for range 2 {
			w.eth(ethernetFrame(0x0800, ipv4Packet(clientIP, serverIP, 17, 1, 0, udpDatagram(40000, port, data))))
			w.eth(ethernetFrame(0x0800, ipv4Packet(serverIP, clientIP, 17, 1, 0, udpDatagram(port, 40000, data))))
		}
		w.d.holds(t)
	})
}
