package column

import (
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
)

// The BER tags of SNMP (RFC 3416, section 3).
const (
	tagInteger  = 0x02
	tagOctets   = 0x04
	tagNull     = 0x05
	tagOID      = 0x06
	tagSequence = 0x30
	tagAddress  = 0x40
	tagCounter  = 0x41
	tagGauge    = 0x42
	tagTicks    = 0x43
	tagOpaque   = 0x44
	tagCounter8 = 0x46
	tagEnd      = 0x82
	pduGet      = 0xa0
	pduResponse = 0xa2
	pduBulk     = 0xa5
)

var errBad = errors.New("it answered with something that is not SNMP")

// take cuts the first element off b.
func take(b []byte) (tag byte, body, rest []byte, err error) {
	if len(b) < 2 {
		return 0, nil, nil, errBad
	}
	tag, n, at := b[0], int(b[1]), 2
	if n >= 0x80 {
		more := n & 0x7f
		if more == 0 || more > 3 || len(b) < 2+more {
			return 0, nil, nil, errBad
		}
		n = 0
		for _, c := range b[2 : 2+more] {
			n = n<<8 | int(c)
		}
		at += more
	}
	if len(b)-at < n {
		return 0, nil, nil, errBad
	}
	return tag, b[at : at+n], b[at+n:], nil
}

func expect(b []byte, want byte) (body, rest []byte, err error) {
	tag, body, rest, err := take(b)
	if err == nil && tag != want {
		err = errBad
	}
	return body, rest, err
}

func integer(b []byte) (int64, error) {
	if len(b) == 0 || len(b) > 8 {
		return 0, errBad
	}
	n := int64(int8(b[0])) //nolint:gosec // the sign is the first bit
	for _, c := range b[1:] {
		n = n<<8 | int64(c)
	}
	return n, nil
}

// unsigned takes up to 8 bytes, and a ninth that is 0 before a set first bit.
func unsigned(b []byte) (uint64, error) {
	if len(b) == 9 && b[0] == 0 {
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 8 {
		return 0, errBad
	}
	var n uint64
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n, nil
}

// value fills v; its Raw points into b.
func value(tag byte, b []byte, v *snmp.Var) (err error) {
	*v = snmp.Var{}
	switch tag {
	case tagInteger:
		v.Kind = snmp.Integer
		v.Num, err = integer(b)
	case tagOctets:
		v.Kind, v.Raw = snmp.OctetString, b
	case tagOID:
		v.Kind, v.Raw = snmp.ObjectID, []byte(dotted(b))
	case tagAddress:
		if len(b) == 4 {
			v.Kind, v.Raw = snmp.IPAddress, []byte(strconv.Itoa(int(b[0]))+"."+strconv.Itoa(int(b[1]))+"."+strconv.Itoa(int(b[2]))+"."+strconv.Itoa(int(b[3])))
		}
	case tagCounter, tagGauge, tagTicks:
		v.Kind = [...]snmp.Kind{snmp.Counter32, snmp.Gauge32, snmp.TimeTicks}[tag-tagCounter]
		v.Unum, err = unsigned(b)
		// Some agents send 32 bits with their sign, so that 8 bytes hold them.
		v.Unum &= math.MaxUint32
	case tagCounter8:
		v.Kind = snmp.Counter64
		v.Unum, err = unsigned(b)
	case tagOpaque:
		switch {
		case len(b) == 7 && b[0] == 0x9f && b[1] == 0x78 && b[2] == 4:
			v.Kind, v.Float = snmp.Opaque, float64(math.Float32frombits(binary.BigEndian.Uint32(b[3:])))
		case len(b) == 11 && b[0] == 0x9f && b[1] == 0x79 && b[2] == 8:
			v.Kind, v.Float = snmp.Opaque, math.Float64frombits(binary.BigEndian.Uint64(b[3:]))
		}
	}
	return err
}

// dotted writes the arcs of an encoded OID, or of the end of one (not of the first
// two arcs, which share a number).
func dotted(b []byte) string {
	var sb strings.Builder
	var n uint64
	first := true
	for _, c := range b {
		n = n<<7 | uint64(c&0x7f)
		if c&0x80 != 0 {
			continue
		}
		if first {
			first = false
			sb.WriteString(strconv.FormatUint(min(n/40, 2), 10))
			n -= 40 * min(n/40, 2)
		}
		sb.WriteByte('.')
		sb.WriteString(strconv.FormatUint(n, 10))
		n = 0
	}
	return sb.String()
}

// Index writes the index of a row, as Rows gives it, with dots.
func Index(b []byte) string {
	if len(b) == 1 && b[0] < 0x80 {
		return strconv.Itoa(int(b[0]))
	}
	var sb strings.Builder
	var n uint64
	for _, c := range b {
		n = n<<7 | uint64(c&0x7f)
		if c&0x80 == 0 {
			if sb.Len() > 0 {
				sb.WriteByte('.')
			}
			sb.WriteString(strconv.FormatUint(n, 10))
			n = 0
		}
	}
	return sb.String()
}

// encodeOID gives the body of an OID.
func encodeOID(o snmp.OID) ([]byte, error) {
	var out []byte
	var first uint64
	for i, s := range strings.Split(string(o), ".") {
		n, err := strconv.ParseUint(s, 10, 32)
		if err != nil {
			return nil, errors.New("the OID " + string(o) + " is not one")
		}
		switch i {
		case 0:
			first = n
		case 1:
			out = appendArc(out, first*40+n)
		default:
			out = appendArc(out, n)
		}
	}
	if len(out) == 0 || len(out) > 512 {
		return nil, errors.New("the OID " + string(o) + " is not one")
	}
	return out, nil
}

func appendArc(b []byte, n uint64) []byte {
	for shift := 28; shift > 0; shift -= 7 {
		if n>>shift > 0 {
			b = append(b, byte(n>>shift)&0x7f|0x80)
		}
	}
	return append(b, byte(n)&0x7f)
}

// appendIndex encodes arcs written with dots.
func appendIndex(b []byte, index string) []byte {
	for s := range strings.SplitSeq(index, ".") {
		n, _ := strconv.ParseUint(s, 10, 32)
		b = appendArc(b, n)
	}
	return b
}

func appendInt(b []byte, n uint32) []byte {
	return append(b, tagInteger, 5, 0, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

// appendLen writes a length of two bytes, so that it is known before the body.
func appendLen(b []byte, tag byte, n int) []byte {
	return append(b, tag, 0x82, byte(n>>8), byte(n))
}

// request writes a GET or GETBULK. Each name is a prefix and what follows it.
func request(b []byte, community string, pdu byte, id, first, second uint32, prefix, rest [][]byte) []byte {
	size := 0
	for i := range prefix {
		size += 12 + len(prefix[i]) + len(rest[i])
	}
	b = b[:0]
	// The lengths that are not known yet are set at the end.
	b = appendLen(b, tagSequence, 0)
	b = append(b, tagInteger, 1, 1, tagOctets, 0x82, byte(len(community)>>8), byte(len(community)))
	b = append(b, community...)
	p := len(b)
	b = appendLen(b, pdu, 0)
	b = appendInt(b, id)
	b = appendInt(b, first)
	b = appendInt(b, second)
	l := len(b)
	b = appendLen(b, tagSequence, 0)
	for i := range prefix {
		n := len(prefix[i]) + len(rest[i])
		b = appendLen(b, tagSequence, n+6)
		b = appendLen(b, tagOID, n)
		b = append(b, prefix[i]...)
		b = append(b, rest[i]...)
		b = append(b, tagNull, 0)
	}
	for _, at := range []int{0, p, l} {
		binary.BigEndian.PutUint16(b[at+2:], uint16(len(b)-at-4)) //nolint:gosec // a request is far below 64 KiB
	}
	return b
}

// answer is what came back.
type answer struct {
	id     uint32
	status int64
	vars   []byte
}

func parse(b []byte) (answer, error) {
	var a answer
	msg, _, err := expect(b, tagSequence)
	if err != nil {
		return a, err
	}
	if _, msg, err = expect(msg, tagInteger); err != nil {
		return a, err
	}
	if _, msg, err = expect(msg, tagOctets); err != nil {
		return a, err
	}
	pdu, _, err := expect(msg, pduResponse)
	if err != nil {
		return a, err
	}
	var n [3]int64
	for i := range n {
		var body []byte
		if body, pdu, err = expect(pdu, tagInteger); err != nil {
			return a, err
		}
		if n[i], err = integer(body); err != nil {
			return a, err
		}
	}
	a.id, a.status = uint32(n[0]), n[1] //nolint:gosec // ids have 31 bits
	a.vars, _, err = expect(pdu, tagSequence)
	return a, err
}

// pair cuts the first name and value off the variables.
func pair(vars []byte) (name []byte, tag byte, body, rest []byte, err error) {
	one, rest, err := expect(vars, tagSequence)
	if err != nil {
		return nil, 0, nil, nil, err
	}
	if name, one, err = expect(one, tagOID); err != nil {
		return nil, 0, nil, nil, err
	}
	tag, body, _, err = take(one)
	return name, tag, body, rest, err
}
