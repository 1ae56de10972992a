package packet

import (
	"github.com/mainstay-ops/mainstay/internal/core/packet/capture"
)

var (
	fEth          = def(Protocol, "eth", "Ethernet")
	fEthDst       = def(Ether, "eth.dst", "Destination")
	fEthSrc       = def(Ether, "eth.src", "Source")
	_             = aliasDef("eth.addr", "Source or destination", fEthDst, fEthSrc)
	fEthType      = hexDef(4, "eth.type", "Type").named(etherTypes)
	fEthLen       = def(Uint, "eth.len", "Length")
	fEthIG        = def(Bool, "eth.dst.ig", "Group address")
	fEthTrailer   = def(Bytes, "eth.trailer", "Trailer")
	fVLAN         = def(Protocol, "vlan", "802.1Q VLAN")
	fVLANPriority = def(Uint, "vlan.priority", "Priority")
	fVLANDEI      = def(Bool, "vlan.dei", "Drop eligible")
	fVLANID       = def(Uint, "vlan.id", "VLAN")
	fVLANType     = hexDef(4, "vlan.etype", "Type").named(etherTypes)
	fLLC          = def(Protocol, "llc", "Logical link control")
	fLLCDSAP      = hexDef(2, "llc.dsap", "DSAP")
	fLLCSSAP      = hexDef(2, "llc.ssap", "SSAP")
	fLLCControl   = hexDef(2, "llc.control", "Control")
	fNull         = def(Protocol, "null", "Loopback")
	fNullFamily   = def(Uint, "null.family", "Family")
	fSLL          = def(Protocol, "sll", "Linux cooked capture")
	fSLLType      = def(Uint, "sll.pkttype", "Packet type")
	fSLLEther     = hexDef(4, "sll.etype", "Protocol").named(etherTypes)
	fSLLSrc       = def(Ether, "sll.src.eth", "Source")
	fPPP          = def(Protocol, "ppp", "PPP")
	fPPPProtocol  = hexDef(4, "ppp.protocol", "Protocol")
	fPPPoES       = def(Protocol, "pppoes", "PPP over Ethernet")
	fPPPoEID      = hexDef(4, "pppoe.session_id", "Session")
	fMPLS         = def(Protocol, "mpls", "MPLS")
	fMPLSLabel    = def(Uint, "mpls.label", "Label")
	fMPLSExp      = def(Uint, "mpls.exp", "Traffic class")
	fMPLSBottom   = def(Bool, "mpls.bottom", "Bottom of stack")
	fMPLSTTL      = def(Uint, "mpls.ttl", "TTL")
)

var etherTypes = map[uint64]string{
	0x0800: "IPv4", 0x0806: "ARP", 0x8100: "802.1Q", 0x86dd: "IPv6", 0x8847: "MPLS", 0x8848: "MPLS", 0x8863: "PPPoE discovery",
	0x8864: "PPPoE session", 0x88a8: "802.1ad", 0x88cc: "LLDP", 0x888e: "802.1X", 0x8809: "LACP",
}

// linkDecoder finds what a packet of a link type begins with.
func linkDecoder(l capture.LinkType) decoder {
	switch l {
	case capture.Ethernet:
		return ethernet
	case capture.Null, capture.Loop:
		return loopback
	case capture.LinuxSLL:
		return cooked
	case capture.LinuxSLL2:
		return cooked2
	case capture.PPP:
		return ppp
	case capture.IPv4:
		return ipv4
	case capture.IPv6:
		return ipv6
	case capture.Raw, 12, 14:
		return ipEither
	}
	return nil
}

func ethernet(x *dissection, v view) {
	i := x.head(fEth, v, "eth")
	x.HasMAC = true
	copy(x.DstMAC[:], x.part(fEthDst, v, 0, 6))
	x.flag(fEthIG, v, 0, 3, v.u8(0)&1 != 0)
	copy(x.SrcMAC[:], x.part(fEthSrc, v, 6, 6))
	kind := v.u16(12)
	if kind < 1536 {
		x.num(fEthLen, v, 12, 2)
		x.end(i, v, 14)
		x.layer(llc, v.sub(14, min(14+int(kind), v.len())))
		return
	}
	x.num(fEthType, v, 12, 2)
	x.end(i, v, 14)
	x.EtherType = kind
	x.ether(kind, v.from(14))
}

// ether goes on with what an EtherType says.
func (x *dissection) ether(kind uint16, v view) {
	x.EtherType = kind
	switch kind {
	case 0x0800:
		x.layer(ipv4, v)
	case 0x86dd:
		x.layer(ipv6, v)
	case 0x0806:
		x.layer(arp, v)
	case 0x8100, 0x88a8, 0x9100:
		x.layer(vlan, v)
	case 0x8847, 0x8848:
		x.layer(mpls, v)
	case 0x88cc:
		x.layer(lldp, v)
	case 0x8864:
		x.layer(pppoe, v)
	case 0x6558:
		x.layer(ethernet, v)
	default:
		x.raw(v)
	}
}

func vlan(x *dissection, v view) {
	i := x.head(fVLAN, v, "vlan")
	tci := v.u16(0)
	x.val(fVLANPriority, v, 0, 2, uint64(tci>>13))
	x.flag(fVLANDEI, v, 0, 2, tci&0x1000 != 0)
	x.val(fVLANID, v, 0, 2, uint64(tci&0xfff))
	if len(x.VLANs) < 8 {
		x.VLANs = append(x.VLANs, tci&0xfff)
	}
	kind := v.u16(2)
	if kind < 1536 {
		x.end(i, v, 4)
		x.layer(llc, v.from(4))
		return
	}
	x.num(fVLANType, v, 2, 2)
	x.end(i, v, 4)
	x.ether(kind, v.from(4))
}

func llc(x *dissection, v view) {
	i := x.head(fLLC, v, "llc")
	d, s := x.num(fLLCDSAP, v, 0, 1), x.num(fLLCSSAP, v, 1, 1)
	x.num(fLLCControl, v, 2, 1)
	if d == 0xaa && s == 0xaa && v.u8(2) == 3 {
		x.end(i, v, 8)
		if v.num(3, 3) == 0 {
			x.ether(v.u16(6), v.from(8))
			return
		}
		x.raw(v.from(8))
		return
	}
	x.end(i, v, 3)
	x.raw(v.from(3))
}

// loopback begins with the address family of the machine that captured, in its
// byte order.
func loopback(x *dissection, v view) {
	i := x.head(fNull, v, "null")
	n := v.le(0, 4)
	if x.link == capture.Loop || n > 0xffff {
		n = v.num(0, 4)
	}
	x.val(fNullFamily, v, 0, 4, n)
	x.end(i, v, 4)
	switch n {
	case 2:
		x.EtherType = 0x0800
		x.layer(ipv4, v.from(4))
	case 10, 23, 24, 28, 30:
		x.EtherType = 0x86dd
		x.layer(ipv6, v.from(4))
	default:
		x.raw(v.from(4))
	}
}

func cooked(x *dissection, v view) {
	i := x.head(fSLL, v, "sll")
	x.num(fSLLType, v, 0, 2)
	if v.u16(4) == 6 {
		copy(x.SrcMAC[:], x.part(fSLLSrc, v, 6, 6))
	}
	kind := uint16(x.num(fSLLEther, v, 14, 2))
	x.end(i, v, 16)
	x.ether(kind, v.from(16))
}

func cooked2(x *dissection, v view) {
	i := x.head(fSLL, v, "sll")
	kind := uint16(x.num(fSLLEther, v, 0, 2))
	x.num(fSLLType, v, 10, 1)
	if v.u8(11) == 6 {
		copy(x.SrcMAC[:], x.part(fSLLSrc, v, 12, 6))
	}
	x.end(i, v, 20)
	x.ether(kind, v.from(20))
}

func ppp(x *dissection, v view) {
	i := x.head(fPPP, v, "ppp")
	at := 0
	if v.u8(0) == 0xff {
		at = 2
	}
	kind := x.num(fPPPProtocol, v, at, 2)
	x.end(i, v, at+2)
	switch kind {
	case 0x21:
		x.layer(ipv4, v.from(at+2))
	case 0x57:
		x.layer(ipv6, v.from(at+2))
	default:
		x.raw(v.from(at + 2))
	}
}

func pppoe(x *dissection, v view) {
	i := x.head(fPPPoES, v, "pppoes")
	x.num(fPPPoEID, v, 2, 2)
	x.end(i, v, 6)
	x.layer(ppp, v.sub(6, min(6+int(v.u16(4)), v.len())))
}

// mpls reads the stack of labels; what follows is known only by its first bits.
func mpls(x *dissection, v view) {
	at := 0
	for n := 0; n < 16; n++ {
		w := v.u32(at)
		i := x.head(fMPLS, v.sub(at, at+4), "mpls")
		x.val(fMPLSLabel, v, at, 3, uint64(w>>12))
		x.val(fMPLSExp, v, at+2, 1, uint64(w>>9&7))
		x.flag(fMPLSBottom, v, at+2, 1, w>>8&1 != 0)
		x.val(fMPLSTTL, v, at+3, 1, uint64(w&0xff))
		x.close(i)
		at += 4
		if w>>8&1 != 0 {
			break
		}
	}
	if at >= v.len() {
		return
	}
	switch v.u8(at) >> 4 {
	case 4:
		x.layer(ipv4, v.from(at))
	case 6:
		x.layer(ipv6, v.from(at))
	case 0: // control word, then Ethernet
		if v.len() >= at+4+14 {
			x.layer(ethernet, v.from(at+4))
			return
		}
		x.raw(v.from(at))
	default:
		x.layer(ethernet, v.from(at))
	}
}
