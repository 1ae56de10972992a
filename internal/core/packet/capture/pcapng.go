package capture

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// iface is an interface of a section of pcapng.
type iface struct {
	link    LinkType
	perSec  uint64 // units of time stamps in a second
	offset  int64  // seconds to add
	snaplen uint32
}

// Blocks and options of pcapng (draft-ietf-opsawg-pcapng).
const (
	blockSection   = 0x0a0d0d0a
	blockInterface = 1
	blockOld       = 2
	blockSimple    = 3
	blockPacket    = 6

	optionEnd        = 0
	optionComment    = 1
	optionResolution = 9
	optionOffset     = 14
)

func (r *Reader) nextBlock() (*Packet, error) {
	for {
		start := r.offset
		head, err := r.read(8)
		if err != nil {
			return nil, err
		}
		kind := binary.LittleEndian.Uint32(head)
		if kind == blockSection {
			if err := r.section(head); err != nil {
				return nil, err
			}
			continue
		}
		if r.order == nil {
			return nil, ErrFormat
		}
		kind = r.order.Uint32(head)
		n := r.order.Uint32(head[4:])
		if n < 12 || n > maxBlock {
			return nil, fmt.Errorf("a block at byte %d says that it has %d bytes; the file is damaged", start, n)
		}
		body, err := r.read(int(n+3)&^3 - 8)
		if err != nil {
			return nil, ErrCut
		}
		body = body[:len(body)-4] // the length again
		switch kind {
		case blockInterface:
			if err := r.addInterface(body); err != nil {
				return nil, err
			}
		case blockPacket, blockOld, blockSimple:
			p, err := r.block(kind, body, start)
			if err != nil {
				return nil, err
			}
			return p, nil
		}
	}
}

func (r *Reader) section(head []byte) error {
	var first [8]byte
	copy(first[:], head)
	b, err := r.read(4)
	if err != nil {
		return ErrCut
	}
	switch {
	case binary.LittleEndian.Uint32(b) == 0x1a2b3c4d:
		r.order = binary.LittleEndian
	case binary.BigEndian.Uint32(b) == 0x1a2b3c4d:
		r.order = binary.BigEndian
	default:
		return ErrFormat
	}
	n := r.order.Uint32(first[4:])
	if n < 28 || n > maxBlock {
		return fmt.Errorf("a section says that its header has %d bytes; the file is damaged", n)
	}
	r.interfaces = r.interfaces[:0]
	if _, err := r.read(int(n+3)&^3 - 12); err != nil {
		return ErrCut
	}
	return nil
}

func (r *Reader) addInterface(b []byte) error {
	if len(b) < 8 {
		return fmt.Errorf("an interface has %d bytes, 8 are needed; the file is damaged", len(b))
	}
	if len(r.interfaces) >= maxInterfaces {
		return fmt.Errorf("the file has more than %d interfaces", maxInterfaces)
	}
	f := iface{link: LinkType(r.order.Uint16(b)), perSec: 1e6, snaplen: r.order.Uint32(b[4:])}
	r.options(b[8:], func(code uint16, v []byte) {
		switch {
		case code == optionResolution && len(v) >= 1:
			f.perSec = resolution(v[0])
		case code == optionOffset && len(v) >= 8:
			f.offset = int64(r.order.Uint64(v))
		}
	})
	r.interfaces = append(r.interfaces, f)
	return nil
}

// resolution reads a power of ten, or of two when the upper bit is set. What
// does not fit into 64 bits is taken as microseconds.
func resolution(b byte) uint64 {
	n := uint64(1)
	base, count := uint64(10), int(b)
	if b&0x80 != 0 {
		base, count = 2, int(b&0x7f)
	}
	for range count {
		if n > math.MaxUint64/base {
			return 1e6
		}
		n *= base
	}
	return n
}

func (r *Reader) options(b []byte, each func(code uint16, value []byte)) {
	for len(b) >= 4 {
		code, n := r.order.Uint16(b), int(r.order.Uint16(b[2:]))
		b = b[4:]
		if code == optionEnd || n > len(b) {
			return
		}
		each(code, b[:n])
		b = b[min((n+3)&^3, len(b)):]
	}
}

// block reads a packet of any of the three kinds of blocks.
func (r *Reader) block(kind uint32, b []byte, start int64) (*Packet, error) {
	p := &r.packet
	*p = Packet{Offset: start}
	var stamp uint64
	var captured uint32
	head := 20
	if kind == blockSimple {
		head = 4
	}
	if len(b) < head {
		return nil, fmt.Errorf("a packet block at byte %d is too short; the file is damaged", start)
	}
	switch kind {
	case blockSimple:
		p.Length = int(r.order.Uint32(b))
		captured = uint32(min(p.Length, len(b)-4))
	case blockOld:
		p.Interface = int(r.order.Uint16(b))
		stamp = uint64(r.order.Uint32(b[4:]))<<32 | uint64(r.order.Uint32(b[8:]))
		captured, p.Length = r.order.Uint32(b[12:]), int(r.order.Uint32(b[16:]))
	default:
		p.Interface = int(r.order.Uint32(b))
		stamp = uint64(r.order.Uint32(b[4:]))<<32 | uint64(r.order.Uint32(b[8:]))
		captured, p.Length = r.order.Uint32(b[12:]), int(r.order.Uint32(b[16:]))
	}
	if p.Interface >= len(r.interfaces) {
		return nil, fmt.Errorf("a packet at byte %d names interface %d, which the file does not have", start, p.Interface)
	}
	f := r.interfaces[p.Interface]
	if kind == blockSimple && f.snaplen > 0 {
		captured = min(captured, f.snaplen)
	}
	if captured > maxPacket || int(captured) > len(b)-head {
		return nil, fmt.Errorf("a packet at byte %d says that it has %d bytes; the file is damaged", start, captured)
	}
	p.Link, p.Data, p.At = f.link, b[head:head+int(captured)], start+8+int64(head)
	p.Time = stampTime(stamp, f)
	if kind != blockSimple {
		r.options(b[min(head+int(captured+3)&^3, len(b)):], func(code uint16, v []byte) {
			if code == optionComment && p.Comment == "" {
				p.Comment = string(v)
			}
		})
	}
	r.number++
	p.Number = r.number
	p.Length = max(p.Length, len(p.Data))
	return p, nil
}

func stampTime(n uint64, f iface) time.Time {
	sec, frac := n/f.perSec, n%f.perSec
	var ns uint64
	if f.perSec <= 1e9 {
		ns = frac * (1e9 / f.perSec)
		if 1e9%f.perSec != 0 {
			ns = uint64(float64(frac) / float64(f.perSec) * 1e9)
		}
	} else {
		ns = uint64(float64(frac) / float64(f.perSec) * 1e9)
	}
	return time.Unix(int64(sec)+f.offset, int64(min(ns, 999_999_999))).UTC()
}
