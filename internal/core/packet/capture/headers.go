package capture

import "encoding/binary"

// Headers gives the part of a frame before what people say: the headers of the
// link, of IP and of TCP, UDP, SCTP or ICMP. Everything that it does not know is
// left out, except ARP, which has no payload. It never gives more than the frame.
func Headers(link LinkType, b []byte) []byte {
	n := headers(link, b)
	return b[:min(max(n, 0), len(b))]
}

func headers(link LinkType, b []byte) int {
	switch link {
	case Ethernet:
		return after(b, 12)
	case LinuxSLL:
		return after(b, 14)
	case LinuxSLL2:
		if len(b) < 20 {
			return len(b)
		}
		return 20 + network(binary.BigEndian.Uint16(b), b[20:])
	case Null, Loop:
		return 4 + byVersion(rest(b, 4))
	case Raw, IPv4, IPv6:
		return byVersion(b)
	case PPP:
		return 4 + byVersion(rest(b, 4))
	}
	return 0
}

func rest(b []byte, n int) []byte { return b[min(n, len(b)):] }

// after reads the type of the frame at a place, and tags of VLANs.
func after(b []byte, at int) int {
	for range 4 {
		if len(b) < at+2 {
			return len(b)
		}
		kind := binary.BigEndian.Uint16(b[at:])
		at += 2
		switch kind {
		case 0x8100, 0x88a8, 0x9100:
			at += 2
			continue
		}
		return at + network(kind, rest(b, at))
	}
	return at
}

func byVersion(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	switch b[0] >> 4 {
	case 4:
		return network(0x0800, b)
	case 6:
		return network(0x86dd, b)
	}
	return 0
}

func network(kind uint16, b []byte) int {
	switch kind {
	case 0x0806: // ARP
		return 28
	case 0x0800:
		if len(b) < 20 {
			return len(b)
		}
		n := int(b[0]&15) * 4
		if n < 20 {
			return 20
		}
		if binary.BigEndian.Uint16(b[6:])&0x1fff != 0 { // a later fragment has no header
			return n
		}
		return n + transport(b[9], rest(b, n))
	case 0x86dd:
		if len(b) < 40 {
			return len(b)
		}
		at, next := 40, b[6]
		for range 8 {
			switch next {
			case 0, 43, 60: // options and routing
				if len(b) < at+2 {
					return len(b)
				}
				next, at = b[at], at+8+int(b[at+1])*8
				continue
			case 44:
				if len(b) < at+8 {
					return len(b)
				}
				offset := binary.BigEndian.Uint16(b[at+2:]) &^ 7
				next, at = b[at], at+8
				if offset != 0 {
					return at
				}
				continue
			}
			break
		}
		return at + transport(next, rest(b, at))
	}
	return 0
}

func transport(proto byte, b []byte) int {
	switch proto {
	case 6:
		if len(b) < 13 {
			return len(b)
		}
		return max(int(b[12]>>4)*4, 20)
	case 17, 1, 58: // UDP, ICMP
		return 8
	case 132:
		return 12
	}
	return 0
}
