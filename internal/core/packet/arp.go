package packet

import (
	"fmt"
	"net/netip"
)

var (
	fARP       = def(Protocol, "arp", "Address resolution")
	fARPHw     = def(Uint, "arp.hw.type", "Hardware type")
	fARPProto  = hexDef(4, "arp.proto.type", "Protocol type")
	fARPOp     = def(Uint, "arp.opcode", "Operation").named(map[uint64]string{1: "request", 2: "reply", 3: "reverse request", 4: "reverse reply"})
	fARPSrcMAC = def(Ether, "arp.src.hw_mac", "Sender's hardware address")
	fARPSrcIP  = def(IPv4, "arp.src.proto_ipv4", "Sender's address")
	fARPDstMAC = def(Ether, "arp.dst.hw_mac", "Target's hardware address")
	fARPDstIP  = def(IPv4, "arp.dst.proto_ipv4", "Target's address")
	fARPDup    = def(Bool, "arp.duplicate-address-detected", "Another machine has this address too")
)

func arp(x *dissection, v view) {
	i := x.head(fARP, v, "arp")
	x.num(fARPHw, v, 0, 2)
	x.num(fARPProto, v, 2, 2)
	op := x.num(fARPOp, v, 6, 2)
	if v.u16(0) == 1 && v.u16(2) == 0x0800 && v.u8(4) == 6 && v.u8(5) == 4 {
		mac := x.part(fARPSrcMAC, v, 8, 6)
		src := netip.AddrFrom4([4]byte(x.part(fARPSrcIP, v, 14, 4)))
		x.part(fARPDstMAC, v, 18, 6)
		dst := netip.AddrFrom4([4]byte(x.part(fARPDstIP, v, 24, 4)))
		switch {
		case op == 1 && src == dst:
			x.Info = fmt.Sprintf("%s is at %s (announcement)", src, macText(mac))
		case op == 1:
			x.Info = fmt.Sprintf("Who has %s? Tell %s", dst, src)
		case op == 2:
			x.Info = fmt.Sprintf("%s is at %s", src, macText(mac))
		}
		if old, there := x.d.convs.owner(src, [6]byte(mac), x.Time); there {
			x.gen(fARPDup, 1)
			x.find(Finding{Kind: FindARPConflict, Detail: fmt.Sprintf("%s is claimed by %s and by %s", src, macText(old[:]), macText(mac))})
		}
	}
	x.app("arp")
	x.close(i)
}

var (
	fLLDP        = def(Protocol, "lldp", "LLDP")
	fLLDPType    = def(Uint, "lldp.tlv.type", "Element")
	fLLDPLen     = def(Uint, "lldp.tlv.len", "Length")
	fLLDPChassis = def(Uint, "lldp.chassis.subtype", "Kind of chassis id")
	fLLDPMAC     = def(Ether, "lldp.chassis.id.mac", "Chassis")
	fLLDPID      = def(Text, "lldp.chassis.id", "Chassis")
	fLLDPPort    = def(Uint, "lldp.port.subtype", "Kind of port id")
	fLLDPPortID  = def(Text, "lldp.port.id", "Port")
	fLLDPPortMAC = def(Ether, "lldp.port.id.mac", "Port")
	fLLDPTTL     = def(Uint, "lldp.time_to_live", "Seconds to live")
	fLLDPDesc    = def(Text, "lldp.port.desc", "Port description")
	fLLDPName    = def(Text, "lldp.tlv.system.name", "System name")
	fLLDPSys     = def(Text, "lldp.tlv.system.desc", "System description")
	fLLDPCap     = hexDef(4, "lldp.tlv.system_cap", "Capabilities")
	fLLDPCapOn   = hexDef(4, "lldp.tlv.enable_system_cap", "Capabilities in use")
	fLLDPMgmt    = def(IPv4, "lldp.mgn.addr.ip4", "Management address")
	fLLDPMgmt6   = def(IPv6, "lldp.mgn.addr.ip6", "Management address")
)

// lldp reads IEEE 802.1AB.
func lldp(x *dissection, v view) {
	i := x.head(fLLDP, v, "lldp")
	x.app("lldp")
	var name string
	for at := 0; at+2 <= v.len(); {
		w := v.u16(at)
		kind, n := w>>9, int(w&0x1ff)
		x.val(fLLDPType, v, at, 1, uint64(kind))
		x.val(fLLDPLen, v, at, 2, uint64(n))
		t := v.sub(at+2, at+2+n)
		at += 2 + n
		switch kind {
		case 0:
			x.end(i, v, at)
			x.Info = "Neighbor " + name
			return
		case 1:
			sub := x.num(fLLDPChassis, t, 0, 1)
			if sub == 4 && n == 7 {
				name = macText(x.part(fLLDPMAC, t, 1, 6))
			} else {
				name = printable(x.part(fLLDPID, t, 1, n-1))
			}
		case 2:
			sub := x.num(fLLDPPort, t, 0, 1)
			if sub == 3 && n == 7 {
				x.part(fLLDPPortMAC, t, 1, 6)
			} else {
				x.part(fLLDPPortID, t, 1, n-1)
			}
		case 3:
			x.num(fLLDPTTL, t, 0, 2)
		case 4:
			x.part(fLLDPDesc, t, 0, n)
		case 5:
			name = printable(x.part(fLLDPName, t, 0, n))
		case 6:
			x.part(fLLDPSys, t, 0, n)
		case 7:
			x.num(fLLDPCap, t, 0, 2)
			x.num(fLLDPCapOn, t, 2, 2)
		case 8:
			size := int(t.u8(0))
			switch {
			case size == 5 && t.u8(1) == 1:
				x.part(fLLDPMgmt, t, 2, 4)
			case size == 17 && t.u8(1) == 2:
				x.part(fLLDPMgmt6, t, 2, 16)
			}
		}
	}
	x.close(i)
	x.Info = "Neighbor " + name
}

// printable cuts a text for one line of a list.
func printable(b []byte) string {
	const most = 200
	out := make([]rune, 0, min(len(b), most))
	for _, c := range string(b[:min(len(b), most)]) {
		if c < ' ' || c == 0x7f || c == '\uFFFD' {
			c = '.'
		}
		out = append(out, c)
	}
	return string(out)
}
