package packet

import (
	"fmt"
	"net/netip"
)

var (
	fIP           = def(Protocol, "ip", "Internet protocol, version 4")
	fIPVersion    = def(Uint, "ip.version", "Version")
	fIPHdrLen     = def(Uint, "ip.hdr_len", "Header length")
	fIPDSField    = hexDef(2, "ip.dsfield", "Differentiated services")
	fIPDSCP       = def(Uint, "ip.dsfield.dscp", "DSCP")
	fIPECN        = def(Uint, "ip.dsfield.ecn", "ECN")
	fIPLen        = def(Uint, "ip.len", "Total length")
	fIPID         = hexDef(4, "ip.id", "Identification")
	fIPFlagDF     = def(Bool, "ip.flags.df", "Do not fragment")
	fIPFlagMF     = def(Bool, "ip.flags.mf", "More fragments")
	fIPFragOffset = def(Uint, "ip.frag_offset", "Fragment offset")
	fIPTTL        = def(Uint, "ip.ttl", "Time to live")
	fIPProto      = def(Uint, "ip.proto", "Protocol").named(ipProtocols)
	fIPChecksum   = hexDef(4, "ip.checksum", "Header checksum")
	fIPBad        = def(Bool, "ip.checksum_bad", "Header checksum is wrong")
	fIPSrc        = def(IPv4, "ip.src", "Source")
	fIPDst        = def(IPv4, "ip.dst", "Destination")
	_             = aliasDef("ip.addr", "Source or destination", fIPSrc, fIPDst)
	fIPOption     = def(Bytes, "ip.options", "Options")
	fIP6          = def(Protocol, "ipv6", "Internet protocol, version 6")
	fIP6Version   = def(Uint, "ipv6.version", "Version")
	fIP6Class     = hexDef(8, "ipv6.tclass", "Traffic class")
	fIP6DSCP      = def(Uint, "ipv6.tclass.dscp", "DSCP")
	fIP6Flow      = hexDef(6, "ipv6.flow", "Flow label")
	fIP6Len       = def(Uint, "ipv6.plen", "Payload length")
	fIP6Next      = def(Uint, "ipv6.nxt", "Next header").named(ipProtocols)
	fIP6Hops      = def(Uint, "ipv6.hlim", "Hop limit")
	fIP6Src       = def(IPv6, "ipv6.src", "Source")
	fIP6Dst       = def(IPv6, "ipv6.dst", "Destination")
	_             = aliasDef("ipv6.addr", "Source or destination", fIP6Src, fIP6Dst)
	fIP6Hop       = def(Protocol, "ipv6.hopopts", "Hop-by-hop options")
	fIP6Routing   = def(Protocol, "ipv6.routing", "Routing header")
	fIP6Dest      = def(Protocol, "ipv6.dstopts", "Destination options")
	fIP6Frag      = def(Protocol, "ipv6.fraghdr", "Fragment header")
	fIP6FragOff   = def(Uint, "ipv6.fraghdr.offset", "Offset in units of 8 bytes")
	fIP6FragMore  = def(Bool, "ipv6.fraghdr.more", "More fragments")
	fIP6FragID    = hexDef(8, "ipv6.fraghdr.ident", "Identification")
	fAH           = def(Protocol, "ah", "Authentication header")
	fESP          = def(Protocol, "esp", "Encapsulating security payload")
	fESPSPI       = hexDef(8, "esp.spi", "Security parameters index")
	fESPSeq       = def(Uint, "esp.sequence", "Sequence")
	fIGMP         = def(Protocol, "igmp", "IGMP")
	fIGMPType     = hexDef(2, "igmp.type", "Type")
	fIGMPAddr     = def(IPv4, "igmp.maddr", "Group")
)

var ipProtocols = map[uint64]string{
	0: "hop-by-hop", 1: "ICMP", 2: "IGMP", 4: "IPv4", 6: "TCP", 17: "UDP", 41: "IPv6", 43: "routing", 44: "fragment", 47: "GRE",
	50: "ESP", 51: "AH", 58: "ICMPv6", 59: "none", 60: "destination options", 88: "EIGRP", 89: "OSPF", 103: "PIM", 112: "VRRP", 132: "SCTP",
}

func ipEither(x *dissection, v view) {
	if v.u8(0)>>4 == 6 {
		x.EtherType = 0x86dd
		ipv6(x, v)
		return
	}
	x.EtherType = 0x0800
	ipv4(x, v)
}

func ipv4(x *dissection, v view) {
	i := x.head(fIP, v, "ip")
	x.TCP, x.HasPorts, x.fragment = nil, false, false
	first := v.u8(0)
	head := int(first&15) * 4
	x.val(fIPVersion, v, 0, 1, uint64(first>>4))
	x.val(fIPHdrLen, v, 0, 1, uint64(head))
	if first>>4 != 4 || head < 20 {
		panic(errShort)
	}
	x.num(fIPDSField, v, 1, 1)
	x.val(fIPDSCP, v, 1, 1, uint64(v.u8(1)>>2))
	x.val(fIPECN, v, 1, 1, uint64(v.u8(1)&3))
	total := int(x.num(fIPLen, v, 2, 2))
	id := x.num(fIPID, v, 4, 2)
	frag := v.u16(6)
	x.flag(fIPFlagDF, v, 6, 1, frag&0x4000 != 0)
	x.flag(fIPFlagMF, v, 6, 1, frag&0x2000 != 0)
	offset := int(frag&0x1fff) * 8
	x.val(fIPFragOffset, v, 6, 2, uint64(offset))
	x.TTL = uint8(x.num(fIPTTL, v, 8, 1))
	proto := uint8(x.num(fIPProto, v, 9, 1))
	x.num(fIPChecksum, v, 10, 2)
	src, dst := x.part(fIPSrc, v, 12, 4), x.part(fIPDst, v, 16, 4)
	x.Src, x.Dst, x.IPProtocol = netip.AddrFrom4([4]byte(src)), netip.AddrFrom4([4]byte(dst)), proto
	if head > 20 {
		x.part(fIPOption, v, 20, head-20)
	}
	if v.u16(10) != 0 && checksum(v.bytes(0, head), 0) != 0 {
		x.flag(fIPBad, v, 10, 2, true)
		if x.inErr == 0 {
			x.find(Finding{Kind: FindIPChecksum})
		}
	}
	x.end(i, v, head)
	if total == 0 { // left to the network card
		total = v.len()
	}
	if total < head {
		panic(errShort)
	}
	end := min(total, v.len())
	body := v.sub(head, end)
	x.trailer(v, end)
	if x.inErr == 0 && frag&0x3fff != 0 {
		x.fragmented(fragKey{x.Src, x.Dst, uint32(id), proto}, body, offset, frag&0x2000 != 0, proto)
		return
	}
	x.ipPayload(proto, body, total > v.len())
}

// trailer adds what stands behind an IP packet in a frame: padding of Ethernet.
func (x *dissection) trailer(v view, end int) {
	if x.nest == 2 && x.inErr == 0 && end < v.len() && v.src == 0 && len(x.Fields) > 0 {
		x.part(fEthTrailer, v, end, v.len()-end)
	}
}

func ipv6(x *dissection, v view) {
	i := x.head(fIP6, v, "ipv6")
	x.TCP, x.HasPorts, x.fragment = nil, false, false
	w := v.u32(0)
	x.val(fIP6Version, v, 0, 1, uint64(w>>28))
	if w>>28 != 6 {
		panic(errShort)
	}
	x.val(fIP6Class, v, 0, 4, uint64(w>>20&0xff))
	x.val(fIP6DSCP, v, 0, 4, uint64(w>>22&0x3f))
	x.val(fIP6Flow, v, 0, 4, uint64(w&0xfffff))
	plen := int(x.num(fIP6Len, v, 4, 2))
	next := uint8(x.num(fIP6Next, v, 6, 1))
	x.TTL = uint8(x.num(fIP6Hops, v, 7, 1))
	src, dst := x.part(fIP6Src, v, 8, 16), x.part(fIP6Dst, v, 24, 16)
	x.Src, x.Dst = netip.AddrFrom16([16]byte(src)), netip.AddrFrom16([16]byte(dst))
	x.end(i, v, 40)
	end := 40 + plen
	if plen == 0 { // jumbo, or left to the network card
		end = v.len()
	}
	cut := end > v.len()
	end = min(end, v.len())
	x.trailer(v, end)
	at := 40
	for n := 0; n < 16; n++ {
		x.IPProtocol = next
		var d *Def
		size := 0
		switch next {
		case 0:
			d = fIP6Hop
		case 43:
			d = fIP6Routing
		case 60:
			d = fIP6Dest
		case 44:
			h := v.sub(at, at+8)
			f := x.open(fIP6Frag, h)
			inner := h.u8(0)
			word := h.u16(2)
			x.val(fIP6FragOff, h, 2, 2, uint64(word>>3))
			x.flag(fIP6FragMore, h, 3, 1, word&1 != 0)
			id := x.num(fIP6FragID, h, 4, 4)
			x.close(f)
			if x.inErr == 0 && word&0xfff9 != 0 {
				x.IPProtocol = inner
				x.fragmented(fragKey{x.Src, x.Dst, uint32(id), inner}, v.sub(at+8, end), int(word&0xfff8), word&1 != 0, inner)
				return
			}
			next = inner
			at += 8
			continue
		default:
			x.ipPayload(next, v.sub(at, end), cut)
			return
		}
		size = 8 + int(v.u8(at+1))*8
		x.close(x.open(d, v.sub(at, at+size)))
		next = v.u8(at)
		at += size
	}
	panic(errShort)
}

// ipPayload goes on with what an IP packet carries. cut says that the frame
// was captured only in part.
func (x *dissection) ipPayload(proto uint8, v view, cut bool) {
	switch proto {
	case 1:
		x.layer(icmp, v)
	case 58:
		x.layer(icmp6, v)
	case 2:
		x.layer(igmp, v)
	case 4:
		x.layer(ipv4, v)
	case 41:
		x.layer(ipv6, v)
	case 6:
		x.layer(func(x *dissection, v view) { tcp(x, v, cut) }, v)
	case 17:
		x.layer(udp, v)
	case 132:
		x.layer(sctp, v)
	case 47:
		x.layer(gre, v)
	case 50:
		i := x.head(fESP, v, "esp")
		x.num(fESPSPI, v, 0, 4)
		x.num(fESPSeq, v, 4, 4)
		x.close(i)
	case 51:
		i := x.head(fAH, v, "ah")
		n := (int(v.u8(1)) + 2) * 4
		next := v.u8(0)
		x.end(i, v, n)
		if x.nest < x.d.limits.Depth {
			x.nest++
			x.ipPayload(next, v.from(n), cut)
			x.nest--
		}
	default:
		x.Payload = v.len()
		x.PayloadNew = v.len()
		x.raw(v)
	}
}

func igmp(x *dissection, v view) {
	i := x.head(fIGMP, v, "igmp")
	kind := x.num(fIGMPType, v, 0, 1)
	if kind != 0x22 {
		x.part(fIGMPAddr, v, 4, 4)
	}
	x.close(i)
	x.Info = fmt.Sprintf("IGMP type 0x%02x", kind)
}

// checksum is the sum of RFC 1071; 0 when the check sum in b is right.
func checksum(b []byte, sum uint32) uint16 {
	for len(b) >= 2 {
		sum += uint32(b[0])<<8 | uint32(b[1])
		b = b[2:]
	}
	if len(b) > 0 {
		sum += uint32(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
