package packet

import "fmt"

var (
	fICMP         = def(Protocol, "icmp", "ICMP")
	fICMPType     = def(Uint, "icmp.type", "Type").named(icmpTypes)
	fICMPCode     = def(Uint, "icmp.code", "Code")
	fICMPChecksum = hexDef(4, "icmp.checksum", "Checksum")
	fICMPIdent    = def(Uint, "icmp.ident", "Identifier")
	fICMPSeq      = def(Uint, "icmp.seq", "Sequence")
	fICMPGateway  = def(IPv4, "icmp.redir_gw", "Gateway")
	fICMPMTU      = def(Uint, "icmp.mtu", "MTU of the next hop")
	fICMP6        = def(Protocol, "icmpv6", "ICMPv6")
	fICMP6Type    = def(Uint, "icmpv6.type", "Type").named(icmp6Types)
	fICMP6Code    = def(Uint, "icmpv6.code", "Code")
	fICMP6Sum     = hexDef(4, "icmpv6.checksum", "Checksum")
	fICMP6Ident   = hexDef(4, "icmpv6.echo.identifier", "Identifier")
	fICMP6Seq     = def(Uint, "icmpv6.echo.sequence_number", "Sequence")
	fICMP6MTU     = def(Uint, "icmpv6.mtu", "MTU")
	fICMP6Target  = def(IPv6, "icmpv6.nd.ns.target_address", "Target of the question")
	fICMP6TargetA = def(IPv6, "icmpv6.nd.na.target_address", "Target of the answer")
	fICMP6OptType = def(Uint, "icmpv6.opt.type", "Option")
	fICMP6OptLL   = def(Ether, "icmpv6.opt.linkaddr", "Link-layer address")
)

var icmpTypes = map[uint64]string{
	0: "echo reply", 3: "destination unreachable", 4: "source quench", 5: "redirect", 8: "echo request", 9: "router advertisement",
	11: "time exceeded", 12: "parameter problem", 13: "timestamp request", 14: "timestamp reply",
}

var icmp6Types = map[uint64]string{
	1: "destination unreachable", 2: "packet too big", 3: "time exceeded", 4: "parameter problem", 128: "echo request", 129: "echo reply",
	130: "multicast listener query", 131: "multicast listener report", 133: "router solicitation", 134: "router advertisement",
	135: "neighbor solicitation", 136: "neighbor advertisement", 137: "redirect", 143: "multicast listener report v2",
}

func icmp(x *dissection, v view) {
	i := x.head(fICMP, v, "icmp")
	x.icmpPayload(v)
	kind, code := x.num(fICMPType, v, 0, 1), x.num(fICMPCode, v, 1, 1)
	x.num(fICMPChecksum, v, 2, 2)
	x.icmpInfo(icmpTypes[kind], kind, code)
	switch kind {
	case 0, 8, 13, 14:
		id := x.num(fICMPIdent, v, 4, 2)
		seq := x.num(fICMPSeq, v, 6, 2)
		x.Info = fmt.Sprintf("%s id=%d seq=%d", icmpTypes[kind], id, seq)
		x.raw(v.from(8))
	case 5:
		x.part(fICMPGateway, v, 4, 4)
		x.quoted(ipv4, v.from(8))
	case 3:
		if code == 4 {
			x.num(fICMPMTU, v, 6, 2)
		}
		x.quoted(ipv4, v.from(8))
	case 11, 12, 4:
		x.quoted(ipv4, v.from(8))
	}
	x.close(i)
}

func (x *dissection) icmpInfo(name string, kind, code uint64) {
	if name == "" {
		name = fmt.Sprintf("type %d", kind)
	}
	x.Info = fmt.Sprintf("%s, code %d", name, code)
}

func (x *dissection) icmpPayload(v view) {
	if x.inErr == 0 {
		x.Payload, x.PayloadNew = v.len(), v.len()
		x.SrcPort, x.DstPort, x.HasPorts = 0, 0, false
		x.app("icmp")
		x.join(false, false)
	}
}

// quoted reads the packet that an error is about. It was sent before and is no
// traffic now: streams and addresses of the outer packet stay as they are.
func (x *dissection) quoted(f decoder, v view) {
	if x.inErr > 0 || v.len() == 0 {
		return
	}
	p := *x.Packet
	cut := x.Cut
	x.Cut = true // a quotation is short by its nature
	x.inErr++
	x.layer(f, v)
	x.inErr--
	fields, sources := x.Fields, x.Sources
	*x.Packet = p
	x.Fields, x.Sources, x.Cut = fields, sources, cut
}

func icmp6(x *dissection, v view) {
	i := x.head(fICMP6, v, "icmpv6")
	x.icmpPayload(v)
	kind, code := x.num(fICMP6Type, v, 0, 1), x.num(fICMP6Code, v, 1, 1)
	x.num(fICMP6Sum, v, 2, 2)
	x.icmpInfo(icmp6Types[kind], kind, code)
	switch kind {
	case 128, 129:
		id := x.num(fICMP6Ident, v, 4, 2)
		seq := x.num(fICMP6Seq, v, 6, 2)
		x.Info = fmt.Sprintf("%s id=%d seq=%d", icmp6Types[kind], id, seq)
		x.raw(v.from(8))
	case 2:
		x.num(fICMP6MTU, v, 4, 4)
		x.quoted(ipv6, v.from(8))
	case 1, 3, 4:
		x.quoted(ipv6, v.from(8))
	case 135, 136:
		d := fICMP6Target
		if kind == 136 {
			d = fICMP6TargetA
		}
		x.part(d, v, 8, 16)
		x.ndOptions(v.from(24))
	case 133:
		x.ndOptions(v.from(8))
	case 134:
		x.ndOptions(v.from(16))
	}
	x.close(i)
}

func (x *dissection) ndOptions(v view) {
	for at := 0; at+2 <= v.len(); {
		kind, n := x.num(fICMP6OptType, v, at, 1), int(v.u8(at+1))*8
		if n == 0 {
			panic(errShort)
		}
		if (kind == 1 || kind == 2) && n == 8 {
			x.part(fICMP6OptLL, v, at+2, 6)
		}
		at += n
	}
}
