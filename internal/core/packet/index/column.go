package index

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/mainstay-ops/mainstay/internal/core/packet"
)

// errDamaged says that an index contradicts itself.
var errDamaged = errors.New("the index is damaged")

// column gathers one column of the open block.
type column struct {
	where []byte // pairs of distance to the packet before, and how many values
	at    int    // packet of the last pair
	count int    // values of that packet
	begun bool
	vals  []byte
	last  uint64
	away  bool // a value is neither here nor in the frame
}

const inlineMost = 1024 // bytes of a value that is not in the frame

// add adds a value of the packet at place i of the block.
func (c *column) add(i int, kind packet.Kind, f *packet.Field) {
	c.mark(i)
	switch kind {
	case packet.Label:
	case packet.Uint, packet.Int, packet.Bool, packet.Float, packet.Time, packet.Duration:
		c.number(f.Uint())
	case packet.Text, packet.IPv4, packet.IPv6, packet.Ether:
		c.bytes(f.Bytes())
	case packet.Bytes, packet.Protocol:
		n := int(f.End) - int(f.Start)
		switch {
		case f.Source == 0 && !f.Generated:
			c.vals = append(c.vals, 1)
			c.vals = binary.AppendUvarint(c.vals, uint64(f.Start))
			c.vals = binary.AppendUvarint(c.vals, uint64(max(n, 0)))
		case kind == packet.Bytes && len(f.Bytes()) <= inlineMost:
			c.vals = append(c.vals, 2)
			c.bytes(f.Bytes())
		default:
			c.vals = append(c.vals, 0)
			c.away = true
		}
	}
}

func (c *column) mark(i int) {
	if c.begun && c.at == i {
		c.count++
		return
	}
	c.close()
	c.where = binary.AppendUvarint(c.where, uint64(i-c.at))
	c.at, c.count, c.begun = i, 1, true
}

func (c *column) close() {
	if c.begun {
		c.where = binary.AppendUvarint(c.where, uint64(c.count))
	}
}

func (c *column) number(n uint64) {
	d := int64(n - c.last)
	c.vals = binary.AppendVarint(c.vals, d)
	c.last = n
}

func (c *column) bytes(b []byte) {
	c.vals = binary.AppendUvarint(c.vals, uint64(len(b)))
	c.vals = append(c.vals, b...)
}

// seal gives the column as it is stored.
func (c *column) seal() []byte {
	c.close()
	flags := byte(0)
	if c.away {
		flags = 1
	}
	out := make([]byte, 0, len(c.where)+len(c.vals)+12)
	out = append(out, flags)
	out = binary.AppendUvarint(out, uint64(len(c.where)))
	out = append(out, c.where...)
	return append(out, c.vals...)
}

func (c *column) reset() { *c = column{where: c.where[:0], vals: c.vals[:0]} }

// reader goes through a stored column.
type reader struct {
	where, vals []byte
	kind        packet.Kind
	at, left    int // packet, and values of it that were not given yet
	begun       bool
	last        uint64
	away        bool
	bad         bool
}

func newReader(b []byte, kind packet.Kind) (*reader, error) {
	if len(b) == 0 {
		return &reader{bad: false}, nil
	}
	n, k := binary.Uvarint(b[1:])
	if k <= 0 || n > uint64(len(b)-1-k) {
		return nil, errDamaged
	}
	b0 := b[1+k:]
	return &reader{away: b[0]&1 != 0, where: b0[:n], vals: b0[n:], kind: kind}, nil
}

// value is one value of a packet.
type value struct {
	num        uint64
	data       []byte
	ref        bool // start and length count in the frame
	away       bool
	start, len int
}

// nextPacket goes to the next packet that has values; false at the end.
func (r *reader) nextPacket(most int) bool {
	if len(r.where) == 0 || r.bad {
		return false
	}
	d, k := binary.Uvarint(r.where)
	if k <= 0 {
		r.bad = true
		return false
	}
	n, j := binary.Uvarint(r.where[k:])
	if j <= 0 || d > uint64(most) || n == 0 || n > 1<<20 {
		r.bad = true
		return false
	}
	r.where = r.where[k+j:]
	if r.begun && d == 0 {
		r.bad = true
		return false
	}
	r.begun = true
	r.at += int(d)
	r.left = int(n)
	if r.at >= most {
		r.bad = true
		return false
	}
	return true
}

func (r *reader) uvarint() uint64 {
	n, k := binary.Uvarint(r.vals)
	if k <= 0 || n > math.MaxInt32 {
		r.bad = true
		r.vals = nil
		return 0
	}
	r.vals = r.vals[k:]
	return n
}

func (r *reader) take() []byte {
	n := r.uvarint()
	if n > uint64(len(r.vals)) {
		r.bad = true
		return nil
	}
	b := r.vals[:n:n]
	r.vals = r.vals[n:]
	return b
}

// next reads a value of the present packet.
func (r *reader) next() (v value) {
	switch r.kind {
	case packet.Label:
	case packet.Uint, packet.Int, packet.Bool, packet.Float, packet.Time, packet.Duration:
		d, k := binary.Varint(r.vals)
		if k <= 0 {
			r.bad = true
			return v
		}
		r.vals = r.vals[k:]
		r.last += uint64(d)
		v.num = r.last
	case packet.Text, packet.IPv4, packet.IPv6, packet.Ether:
		v.data = r.take()
	case packet.Bytes, packet.Protocol:
		if len(r.vals) == 0 {
			r.bad = true
			return v
		}
		tag := r.vals[0]
		r.vals = r.vals[1:]
		switch tag {
		case 1:
			v.ref = true
			v.start, v.len = int(r.uvarint()), int(r.uvarint())
		case 2:
			v.data = r.take()
		default:
			v.away = true
		}
	}
	r.left--
	return v
}

func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}
