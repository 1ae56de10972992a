package netpath

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// Answer is what came back for a probe.
type Answer struct {
	Token uint16
	// From is who answered, To whom the probe was sent to; To is checked against the
	// probe, so that a forged or late answer is not taken for another's.
	From, To netip.Addr
	Code     Code
	// At is when it came, by the clock of the kernel where it tells.
	At time.Time
}

// parse4 reads a whole IPv4 packet with an ICMP message. It is fed by everybody.
func (f *flow) parse4(b []byte) (a Answer, ok bool) {
	src, _, proto, b, _, ok := ip4(b)
	if !ok || proto != protoICMP || len(b) < 8 {
		return a, false
	}
	a.From = src
	switch b[0] {
	case 0:
		if binary.BigEndian.Uint16(b[4:]) != f.ident || len(b) < 8+identity || [4]byte(b[8:12]) != magic {
			return a, false
		}
		a.Token, a.To, a.Code = binary.BigEndian.Uint16(b[6:]), src, Reached
		return a, true
	case 3, 11:
		typ, code := b[0], b[1]
		own, dst, proto, quoted, id, ok := ip4(b[8:])
		if !ok || len(quoted) < 8 || (own == src && dst != src) {
			return a, false // this machine itself complains, it is no hop
		}
		a.To = dst
		if typ == 11 {
			if code != 0 {
				return a, false
			}
			a.Code = Exceeded
		} else {
			a.Code = unreachable4(code)
		}
		if a.Token, ok = f.quoted(proto, quoted, id); !ok {
			return a, false
		}
		f.arrived(&a, proto)
		return a, true
	}
	return a, false
}

// parse6 reads an ICMPv6 message without the IPv6 header.
func (f *flow) parse6(b []byte, from netip.Addr) (a Answer, ok bool) {
	if len(b) < 8 {
		return a, false
	}
	a.From = from
	switch b[0] {
	case 129:
		if binary.BigEndian.Uint16(b[4:]) != f.ident || len(b) < 8+identity || [4]byte(b[8:12]) != magic {
			return a, false
		}
		a.Token, a.To, a.Code = binary.BigEndian.Uint16(b[6:]), from, Reached
		return a, true
	case 1, 2, 3:
		typ, code := b[0], b[1]
		q := b[8:]
		if len(q) < 48 || q[0]>>4 != 6 {
			return a, false
		}
		a.To = netip.AddrFrom16([16]byte(q[24:40]))
		if own := netip.AddrFrom16([16]byte(q[8:24])); own == from && a.To != from {
			return a, false // this machine itself complains, it is no hop
		}
		switch {
		case typ == 3 && code != 0:
			return a, false
		case typ == 3:
			a.Code = Exceeded
		case typ == 2:
			a.Code = TooBig
		default:
			a.Code = unreachable6(code)
		}
		// Our own packets have no extension headers.
		if a.Token, ok = f.quoted(q[6], q[40:], 0); !ok {
			return a, false
		}
		f.arrived(&a, q[6])
		return a, true
	}
	return a, false
}

// parseTCP reads the TCP header of an answer of the target itself.
func (f *flow) parseTCP(b []byte, from netip.Addr) (a Answer, ok bool) {
	if len(b) < 20 || binary.BigEndian.Uint16(b[2:]) != f.tcp || b[13]&0x10 == 0 || b[13]&0x06 == 0 {
		return a, false // neither SYN with ACK nor RST with ACK
	}
	ack := binary.BigEndian.Uint32(b[8:]) - 1
	if uint16(ack) != f.salt { //nolint:gosec // the lower half is meant
		return a, false
	}
	return Answer{Token: uint16(ack >> 16), From: from, To: from, Code: Reached}, true
}

// arrived notes that a refusal of the target itself is an answer of it.
func (f *flow) arrived(a *Answer, proto byte) {
	if a.From != a.To || a.Code == Exceeded || a.Code == TooBig {
		return
	}
	if proto == protoUDP || proto == protoTCP {
		a.Code = Reached
	}
}

// quoted finds the token in the part of our packet that came back. id is the
// identification of the IPv4 header.
func (f *flow) quoted(proto byte, b []byte, id uint16) (uint16, bool) {
	if len(b) < 8 {
		return 0, false
	}
	switch proto {
	case protoICMP, protoICMP6:
		if (b[0] != 8 && b[0] != 128) || binary.BigEndian.Uint16(b[4:]) != f.ident {
			return 0, false
		}
		return binary.BigEndian.Uint16(b[6:]), true
	case protoUDP:
		if binary.BigEndian.Uint16(b) != f.udp {
			return 0, false
		}
		if t, ok := tokenOf(b[8:]); ok {
			return t, true
		}
		return id, id != 0 // routers may send back eight bytes only (RFC 792)
	case protoTCP:
		if binary.BigEndian.Uint16(b) != f.tcp || binary.BigEndian.Uint16(b[6:]) != f.salt {
			return 0, false
		}
		return binary.BigEndian.Uint16(b[4:]), true
	}
	return 0, false
}

// ip4 takes an IPv4 header apart.
func ip4(b []byte) (src, dst netip.Addr, proto byte, rest []byte, id uint16, ok bool) {
	if len(b) < 20 || b[0]>>4 != 4 {
		return
	}
	n := int(b[0]&15) * 4
	if n < 20 || len(b) < n {
		return
	}
	src, _ = netip.AddrFromSlice(b[12:16])
	dst, _ = netip.AddrFromSlice(b[16:20])
	return src, dst, b[9], b[n:], binary.BigEndian.Uint16(b[4:]), true
}

// unreachable4 reads the codes of RFC 792, RFC 1122 and RFC 1812.
func unreachable4(code byte) Code {
	switch code {
	case 0, 6, 11:
		return NoNet
	case 1, 7, 12:
		return NoHost
	case 2:
		return NoProtocol
	case 4:
		return TooBig
	case 9, 10, 13:
		return Prohibited
	}
	return Unreachable
}

// unreachable6 reads the codes of RFC 4443.
func unreachable6(code byte) Code {
	switch code {
	case 0:
		return NoNet
	case 1, 5, 6:
		return Prohibited
	case 3:
		return NoHost
	}
	return Unreachable
}
