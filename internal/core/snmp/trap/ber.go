package trap

import "errors"

// The BER tags that the frame of a message is made of.
const (
	tagInteger  = 0x02
	tagOctets   = 0x04
	tagOID      = 0x06
	tagSequence = 0x30
	tagCounter  = 0x41
	pduResponse = 0xa2
	pduTrap1    = 0xa4
	pduInform   = 0xa6
	pduTrap2    = 0xa7
	pduReport   = 0xa8
)

var errFrame = errors.New("it is not an SNMP message")

// element is one element at the beginning of b.
type element struct {
	tag byte
	// body is the content, rest what follows the element.
	body, rest []byte
}

func take(b []byte, want ...byte) (element, error) {
	if len(b) < 2 {
		return element{}, errFrame
	}
	e, n, at := element{tag: b[0]}, int(b[1]), 2
	if n >= 0x80 {
		more := n & 0x7f
		if more == 0 || more > 3 || len(b) < 2+more {
			return element{}, errFrame
		}
		n = 0
		for _, c := range b[2 : 2+more] {
			n = n<<8 | int(c)
		}
		at += more
	}
	if len(b)-at < n {
		return element{}, errFrame
	}
	e.body, e.rest = b[at:at+n], b[at+n:]
	for _, w := range want {
		if e.tag == w {
			return e, nil
		}
	}
	if len(want) > 0 {
		return element{}, errFrame
	}
	return e, nil
}

func takeInt(b []byte) (n int64, rest []byte, err error) {
	e, err := take(b, tagInteger)
	if err != nil || len(e.body) == 0 || len(e.body) > 5 {
		return 0, nil, errFrame
	}
	n = int64(int8(e.body[0])) //nolint:gosec // the sign is the first bit
	for _, c := range e.body[1:] {
		n = n<<8 | int64(c)
	}
	return n, e.rest, nil
}

// pack makes an element out of its content.
func pack(tag byte, parts ...[]byte) []byte {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	out := []byte{tag}
	switch {
	case n < 0x80:
		out = append(out, byte(n))
	case n < 0x100:
		out = append(out, 0x81, byte(n))
	default:
		out = append(out, 0x82, byte(n>>8), byte(n)) //nolint:gosec // replies are small
	}
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func packInt(tag byte, n uint32) []byte {
	b := []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
	for len(b) > 1 && b[0] == 0 && b[1] < 0x80 {
		b = b[1:]
	}
	if b[0] >= 0x80 {
		b = append([]byte{0}, b...)
	}
	return pack(tag, b)
}
