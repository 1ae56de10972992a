package packet

import (
	"strconv"
	"strings"
)

// tlv is an element of ASN.1 in basic encoding (X.690).
type tlv struct {
	tag  byte
	body view
	size int // with tag and length
}

// ber reads the element at i. Tags above 30 are not used by the protocols here.
func (v view) ber(i int) tlv {
	tag := v.u8(i)
	n := int(v.u8(i + 1))
	head := 2
	if n == 0x80 || tag&31 == 31 {
		panic(errShort)
	}
	if n > 0x80 {
		k := n & 0x7f
		if k > 4 {
			panic(errShort)
		}
		n = int(v.num(i+2, k))
		head += k
	}
	return tlv{tag, v.sub(i+head, i+head+n), head + n}
}

// berSize is how many bytes the element at the begin of v has; 0 when they are
// not all there, notMine when this is no element.
func (v view) berSize(most int) int {
	if v.len() < 2 {
		return 0
	}
	n, head := int(v.u8(1)), 2
	if n == 0x80 {
		return notMine
	}
	if n > 0x80 {
		k := n & 0x7f
		if k > 4 {
			return notMine
		}
		if v.len() < 2+k {
			return 0
		}
		n, head = int(v.num(2, k)), 2+k
	}
	if n > most {
		return notMine
	}
	if v.len() < head+n {
		return 0
	}
	return head + n
}

// children lists the elements in a constructed one.
func (v view) children() []tlv {
	var out []tlv
	for at := 0; at < v.len(); {
		if len(out) > 10_000 {
			panic(errShort)
		}
		t := v.ber(at)
		out = append(out, t)
		at += t.size
	}
	return out
}

// int is a signed integer of up to eight bytes.
func (t tlv) int() int64 {
	n := t.body.len()
	if n == 0 || n > 8 {
		return 0
	}
	shift := 64 - 8*n
	return int64(t.body.num(0, n)<<shift) >> shift
}

// oid is an object identifier in dots.
func (t tlv) oid() string {
	var out strings.Builder
	var n uint64
	for i, c := range t.body.b {
		if i > 128 {
			break
		}
		n = n<<7 | uint64(c&0x7f)
		if c&0x80 != 0 {
			continue
		}
		if out.Len() == 0 {
			first := min(n/40, 2)
			out.WriteString(strconv.FormatUint(first, 10) + "." + strconv.FormatUint(n-first*40, 10))
		} else {
			out.WriteString("." + strconv.FormatUint(n, 10))
		}
		n = 0
	}
	return out.String()
}

// element adds a field over the body of an element: as a number or as bytes.
func (x *dissection) element(d *Def, t tlv) {
	switch d.Kind {
	case Uint, Int:
		x.val(d, t.body, 0, t.body.len(), uint64(t.int()))
	default:
		x.part(d, t.body, 0, t.body.len())
	}
}
