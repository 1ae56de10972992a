package netpath

import (
	"encoding/binary"
	"net/netip"
)

// Probe is one packet. Token tells it apart from all that are under way; it is never
// part of what routers take for the flow.
type Probe struct {
	Addr  netip.Addr
	Proto Proto
	Port  uint16
	TTL   int
	Size  int
	DSCP  int
	Token uint16
}

// flow is what stays the same for all probes of this process.
type flow struct {
	// ident is the identifier of ICMP echo, udp and tcp the ports we send from.
	ident, udp, tcp uint16
	// salt is the lower half of TCP sequence numbers.
	salt uint16
}

const (
	protoICMP, protoTCP, protoUDP, protoICMP6 = 1, 6, 17, 58

	// identity is how much of a payload tells who a probe is.
	identity = 8
)

// magic begins the payload of UDP and ICMP probes: people who see them in a capture
// should know what they are.
var magic = [4]byte{'M', 's', 't', 'y'}

// payload writes the identity of a probe and fills up. The token and its complement
// cancel each other in the checksum, so that it is the same for all probes of a flow.
func payload(b []byte, token uint16) {
	copy(b, magic[:])
	binary.BigEndian.PutUint16(b[4:], token)
	binary.BigEndian.PutUint16(b[6:], ^token)
	for i := identity; i < len(b); i++ {
		b[i] = byte(i)
	}
}

// tokenOf reads what payload wrote.
func tokenOf(b []byte) (uint16, bool) {
	if len(b) < identity || [4]byte(b[:4]) != magic {
		return 0, false
	}
	t := binary.BigEndian.Uint16(b[4:])
	return t, binary.BigEndian.Uint16(b[6:]) == ^t
}

// transport builds the part after the IP header into b and returns its length. src is
// used for checksums of IPv4; for IPv6 the kernel fills them in.
func (f *flow) transport(b []byte, p *Probe, src netip.Addr) int {
	switch p.Proto {
	case UDP:
		n := 8 + identity + p.Size
		binary.BigEndian.PutUint16(b, f.udp)
		binary.BigEndian.PutUint16(b[2:], p.Port)
		binary.BigEndian.PutUint16(b[4:], uint16(n)) //nolint:gosec // bounded by MaxSize
		binary.BigEndian.PutUint16(b[6:], 0)
		payload(b[8:n], p.Token)
		if p.Addr.Is4() {
			sum := checksum(b[:n], pseudo(src, p.Addr, protoUDP, n))
			if sum == 0 {
				sum = 0xffff
			}
			binary.BigEndian.PutUint16(b[6:], sum)
		}
		return n
	case TCP:
		const n = 24
		clear(b[:n])
		binary.BigEndian.PutUint16(b, f.tcp)
		binary.BigEndian.PutUint16(b[2:], p.Port)
		binary.BigEndian.PutUint16(b[4:], p.Token)
		binary.BigEndian.PutUint16(b[6:], f.salt)
		b[12], b[13] = n/4<<4, 0x02 // SYN
		binary.BigEndian.PutUint16(b[14:], 64240)
		b[20], b[21] = 2, 4 // maximum segment size
		binary.BigEndian.PutUint16(b[22:], 1220)
		if p.Addr.Is4() {
			binary.BigEndian.PutUint16(b[16:], checksum(b[:n], pseudo(src, p.Addr, protoTCP, n)))
		}
		return n
	default:
		// RFC 792 and RFC 4443, echo request. Identifier and checksum are the flow.
		n := 8 + identity + p.Size
		b[0], b[1] = 8, 0
		if p.Addr.Is6() {
			b[0] = 128
		}
		b[2], b[3] = 0, 0
		binary.BigEndian.PutUint16(b[4:], f.ident)
		binary.BigEndian.PutUint16(b[6:], p.Token)
		copy(b[8:], magic[:])
		binary.BigEndian.PutUint16(b[12:], ^p.Token) // cancels the sequence number
		b[14], b[15] = 0, 0
		for i := 16; i < n; i++ {
			b[i] = byte(i)
		}
		if p.Addr.Is4() {
			binary.BigEndian.PutUint16(b[2:], checksum(b[:n], 0))
		}
		return n
	}
}

// packet4 builds a whole IPv4 packet; the kernel fills in its checksum.
func (f *flow) packet4(b []byte, p *Probe, src netip.Addr) int {
	n := 20 + f.transport(b[20:], p, src)
	clear(b[:20])
	b[0], b[1] = 0x45, byte(p.DSCP<<2)
	binary.BigEndian.PutUint16(b[2:], uint16(n)) //nolint:gosec // bounded by MaxSize
	binary.BigEndian.PutUint16(b[4:], p.Token)
	b[8] = byte(p.TTL)
	b[9] = protocol4(p.Proto)
	if src.Is4() {
		s := src.As4()
		copy(b[12:], s[:])
	}
	d := p.Addr.As4()
	copy(b[16:], d[:])
	return n
}

func protocol4(p Proto) byte {
	switch p {
	case UDP:
		return protoUDP
	case TCP:
		return protoTCP
	}
	return protoICMP
}

// pseudo is the sum of the pseudo header of RFC 768 and RFC 9293.
func pseudo(src, dst netip.Addr, proto byte, n int) uint32 {
	sum := uint32(proto) + uint32(n) //nolint:gosec // bounded by MaxSize
	for _, a := range []netip.Addr{src, dst} {
		if !a.Is4() {
			continue
		}
		x := a.As4()
		sum += uint32(x[0])<<8 + uint32(x[1]) + uint32(x[2])<<8 + uint32(x[3])
	}
	return sum
}

// checksum is the Internet checksum of RFC 1071; sum is what it begins with.
func checksum(b []byte, sum uint32) uint16 {
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	if len(b)%2 == 1 {
		sum += uint32(b[len(b)-1]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
