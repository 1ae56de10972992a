package packet

var (
	fGRE        = def(Protocol, "gre", "Generic routing encapsulation")
	fGREFlags   = hexDef(4, "gre.flags_and_version", "Flags and version")
	fGREProto   = hexDef(4, "gre.proto", "Protocol").named(etherTypes)
	fGREKey     = hexDef(8, "gre.key", "Key")
	fGRESeq     = def(Uint, "gre.sequence_number", "Sequence")
	fVXLAN      = def(Protocol, "vxlan", "VXLAN")
	fVXLANFlags = hexDef(4, "vxlan.flags", "Flags")
	fVXLANVNI   = def(Uint, "vxlan.vni", "Network identifier")
	fGeneve     = def(Protocol, "geneve", "Geneve")
	fGeneveVNI  = hexDef(6, "geneve.vni", "Network identifier")
	fGeneveType = hexDef(4, "geneve.proto_type", "Protocol").named(etherTypes)
	fTeredo     = def(Protocol, "teredo", "Teredo")
	fGTP        = def(Protocol, "gtp", "GPRS tunnel")
	fGTPTEID    = hexDef(8, "gtp.teid", "Tunnel endpoint")
)

func gre(x *dissection, v view) {
	i := x.head(fGRE, v, "gre")
	flags, proto := x.num(fGREFlags, v, 0, 2), uint16(x.num(fGREProto, v, 2, 2))
	at := 4
	if flags&7 == 1 { // PPTP
		at += 4
		if flags&0x1000 != 0 {
			x.num(fGRESeq, v, at, 4)
			at += 4
		}
		if flags&0x80 != 0 {
			at += 4
		}
		x.end(i, v, at)
		if proto == 0x880b && v.len() > at {
			x.layer(ppp, v.from(at))
		}
		return
	}
	if flags&0xc000 != 0 {
		at += 4
	}
	if flags&0x2000 != 0 {
		x.num(fGREKey, v, at, 4)
		at += 4
	}
	if flags&0x1000 != 0 {
		x.num(fGRESeq, v, at, 4)
		at += 4
	}
	x.end(i, v, at)
	switch proto {
	case 0x88be, 0x22eb: // ERSPAN: a copy of a frame
		n := 8
		if flags&0x1000 == 0 {
			n = 0
		} else if proto == 0x22eb {
			n = 12
		}
		x.layer(ethernet, v.from(at+n))
	default:
		x.ether(proto, v.from(at))
	}
}

func vxlan(x *dissection, v view) {
	i := x.head(fVXLAN, v, "vxlan")
	x.num(fVXLANFlags, v, 0, 2)
	x.num(fVXLANVNI, v, 4, 3)
	x.end(i, v, 8)
	x.layer(ethernet, v.from(8))
}

func geneve(x *dissection, v view) {
	i := x.head(fGeneve, v, "geneve")
	n := 8 + int(v.u8(0)&0x3f)*4
	proto := uint16(x.num(fGeneveType, v, 2, 2))
	x.num(fGeneveVNI, v, 4, 3)
	x.end(i, v, n)
	x.ether(proto, v.from(n))
}

func teredo(x *dissection, v view) {
	x.close(x.head(fTeredo, v, "teredo"))
	x.layer(ipv6, v)
}

// gtpu reads user traffic of mobile networks (3GPP TS 29.281).
func gtpu(x *dissection, v view) {
	i := x.head(fGTP, v, "gtp")
	flags, kind := v.u8(0), v.u8(1)
	x.num(fGTPTEID, v, 4, 4)
	at := 8
	if flags&7 != 0 {
		next := v.u8(11)
		at = 12
		for n := 0; next != 0 && flags&4 != 0 && n < 8; n++ {
			size := int(v.u8(at)) * 4
			if size == 0 {
				panic(errShort)
			}
			next = v.u8(at + size - 1)
			at += size
		}
	}
	x.end(i, v, at)
	if kind == 255 && v.len() > at {
		x.layer(ipEither, v.from(at))
	}
}
