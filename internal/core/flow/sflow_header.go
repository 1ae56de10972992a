package flow

import "encoding/binary"

// Kinds of headers in a sample that are read here.
const (
	headerEthernet = 1
	headerIPv4     = 11
	headerIPv6     = 12
)

// packetHeader adds what the first bytes of a sampled packet say. A header that
// was cut gives the fields before the cut.
func (r *Record) packetHeader(protocol uint32, b []byte) {
	switch protocol {
	case headerEthernet:
		r.ethernet(b)
	case headerIPv4:
		r.ipv4(b)
	case headerIPv6:
		r.ipv6(b)
	}
}

func (r *Record) ethernet(b []byte) {
	if len(b) < 14 {
		return
	}
	r.add(80, b[0:6])
	r.add(56, b[6:12])
	kind := b[12:14]
	b = b[14:]
	for tags := 0; tags < 4; tags++ {
		k := binary.BigEndian.Uint16(kind)
		if k != 0x8100 && k != 0x88a8 && k != 0x9100 || len(b) < 4 {
			break
		}
		switch tags {
		case 0:
			r.add(58, []byte{b[0] & 0x0f, b[1]})
			r.add(244, []byte{b[0] >> 5})
		case 1:
			r.add(245, []byte{b[0] & 0x0f, b[1]})
		}
		kind, b = b[2:4], b[4:]
	}
	r.add(256, kind)
	switch binary.BigEndian.Uint16(kind) {
	case 0x0800:
		r.ipv4(b)
	case 0x86dd:
		r.ipv6(b)
	case 0x8847:
		for n := 0; len(b) >= 4 && n < 8; n++ {
			last := b[2]&1 == 1
			if n == 0 {
				r.add(70, b[:3])
			}
			b = b[4:]
			if last {
				break
			}
		}
		if len(b) > 0 && b[0]>>4 == 4 {
			r.ipv4(b)
		} else if len(b) > 0 && b[0]>>4 == 6 {
			r.ipv6(b)
		}
	}
}

func (r *Record) ipv4(b []byte) {
	if len(b) < 20 || b[0]>>4 != 4 {
		return
	}
	head := int(b[0]&15) * 4
	r.add(60, []byte{4})
	r.add(5, b[1:2])
	r.add(224, b[2:4])
	r.add(54, b[4:6])
	r.add(197, []byte{b[6] >> 5 << 5})
	r.add(88, []byte{b[6] & 0x1f, b[7]})
	r.add(192, b[8:9])
	r.add(4, b[9:10])
	r.add(8, b[12:16])
	r.add(12, b[16:20])
	if head >= 20 && head <= len(b) && binary.BigEndian.Uint16(b[6:])&0x1fff == 0 {
		r.transport(b[9], b[head:], 32)
	}
}

func (r *Record) ipv6(b []byte) {
	if len(b) < 40 || b[0]>>4 != 6 {
		return
	}
	r.add(60, []byte{6})
	r.add(5, []byte{b[0]<<4 | b[1]>>4})
	r.add(31, []byte{b[1] & 0x0f, b[2], b[3]})
	r.add(191, b[4:6])
	r.add(192, b[7:8])
	r.add(27, b[8:24])
	r.add(28, b[24:40])
	next, rest := b[6:7], b[40:]
	for n := 0; n < 8 && len(rest) >= 8; n++ {
		var size int
		switch next[0] {
		case 0, 43, 60: // hop-by-hop, routing, destination options
			size = 8 + int(rest[1])*8
		case 44: // fragment: only the first has the ports
			if binary.BigEndian.Uint16(rest[2:])&0xfff8 != 0 {
				r.add(4, rest[:1])
				return
			}
			size = 8
		}
		if size == 0 || size > len(rest) {
			break
		}
		next, rest = rest[:1], rest[size:]
	}
	r.add(4, next)
	r.transport(next[0], rest, 139)
}

func (r *Record) transport(protocol byte, b []byte, icmp uint16) {
	switch protocol {
	case 6, 17, 132:
		if len(b) < 4 {
			return
		}
		r.add(7, b[0:2])
		r.add(11, b[2:4])
		if protocol == 6 && len(b) >= 14 {
			r.add(6, b[13:14])
		}
	case 1, 58:
		if len(b) >= 2 {
			r.add(icmp, b[0:2])
		}
	}
}
