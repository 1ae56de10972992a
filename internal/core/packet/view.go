package packet

import (
	"bytes"
	"encoding/binary"
)

// view is a part of a source that one decoder reads. Reading behind its end
// panics with errShort, which the dissection catches around every layer: a
// decoder may read as if all bytes were there.
type view struct {
	b   []byte
	at  int   // of b[0] in the source
	src uint8 // the source
}

type shortRead struct{}

// errShort is what reading behind the end panics with.
var errShort = shortRead{}

func (v view) len() int { return len(v.b) }

func (v view) need(i, n int) {
	if i < 0 || n < 0 || i > len(v.b)-n {
		panic(errShort)
	}
}

func (v view) u8(i int) byte {
	v.need(i, 1)
	return v.b[i]
}

func (v view) u16(i int) uint16 {
	v.need(i, 2)
	return binary.BigEndian.Uint16(v.b[i:])
}

func (v view) u32(i int) uint32 {
	v.need(i, 4)
	return binary.BigEndian.Uint32(v.b[i:])
}

// num reads a big-endian number of up to eight bytes.
func (v view) num(i, n int) uint64 {
	v.need(i, n)
	var out uint64
	for _, c := range v.b[i : i+n] {
		out = out<<8 | uint64(c)
	}
	return out
}

// le reads a little-endian number of up to eight bytes.
func (v view) le(i, n int) uint64 {
	v.need(i, n)
	var out uint64
	for k := n - 1; k >= 0; k-- {
		out = out<<8 | uint64(v.b[i+k])
	}
	return out
}

func (v view) bytes(i, n int) []byte {
	v.need(i, n)
	return v.b[i : i+n : i+n]
}

// sub is the part from i to the byte before j.
func (v view) sub(i, j int) view {
	v.need(i, j-i)
	return view{v.b[i:j:j], v.at + i, v.src}
}

// from is the rest from i on.
func (v view) from(i int) view { return v.sub(i, len(v.b)) }

// upTo is the first n bytes, or all when there are fewer.
func (v view) upTo(n int) view { return v.sub(0, min(max(n, 0), len(v.b))) }

// line finds the end of a line and where the next begins; false when it has none.
func (v view) line(i int) (end, next int, ok bool) {
	if i > len(v.b) {
		return 0, 0, false
	}
	k := bytes.IndexByte(v.b[i:], '\n')
	if k < 0 {
		return 0, 0, false
	}
	end = i + k
	next = end + 1
	if end > i && v.b[end-1] == '\r' {
		end--
	}
	return end, next, true
}
