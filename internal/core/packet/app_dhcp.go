package packet

import "fmt"

var (
	fDHCP       = def(Protocol, "dhcp", "Dynamic host configuration")
	fDHCPOp     = def(Uint, "dhcp.type", "Message").named(map[uint64]string{1: "request", 2: "reply"})
	fDHCPXID    = hexDef(8, "dhcp.id", "Transaction")
	fDHCPSecs   = def(Uint, "dhcp.secs", "Seconds since the client began")
	fDHCPCiaddr = def(IPv4, "dhcp.ip.client", "Client's address")
	fDHCPYiaddr = def(IPv4, "dhcp.ip.your", "Address for the client")
	fDHCPSiaddr = def(IPv4, "dhcp.ip.server", "Next server")
	fDHCPGiaddr = def(IPv4, "dhcp.ip.relay", "Relay")
	fDHCPMAC    = def(Ether, "dhcp.hw.mac_addr", "Client's hardware address")
	fDHCPCookie = def(IPv4, "dhcp.cookie", "Magic cookie")
	fDHCPOption = def(Uint, "dhcp.option.type", "Option")
	fDHCPKind   = def(Uint, "dhcp.option.dhcp", "Kind").named(map[uint64]string{1: "discover", 2: "offer", 3: "request", 4: "decline", 5: "ack", 6: "nak", 7: "release", 8: "inform"})
	fDHCPMask   = def(IPv4, "dhcp.option.subnet_mask", "Subnet mask")
	fDHCPRouter = def(IPv4, "dhcp.option.router", "Router")
	fDHCPDNS    = def(IPv4, "dhcp.option.domain_name_server", "Name server")
	fDHCPName   = def(Text, "dhcp.option.hostname", "Host name")
	fDHCPDomain = def(Text, "dhcp.option.domain_name", "Domain")
	fDHCPReqIP  = def(IPv4, "dhcp.option.requested_ip_address", "Requested address")
	fDHCPLease  = def(Uint, "dhcp.option.ip_address_lease_time", "Seconds of the lease")
	fDHCPSrvID  = def(IPv4, "dhcp.option.dhcp_server_id", "Server")
	fDHCPMsg    = def(Text, "dhcp.option.message", "Message")
	fDHCPVendor = def(Text, "dhcp.option.vendor_class_id", "Vendor class")
	fDHCPRenew  = def(Uint, "dhcp.option.renewal_time_value", "Seconds until renewal")
	fDHCPRebind = def(Uint, "dhcp.option.rebinding_time_value", "Seconds until rebinding")
	fDHCPList   = def(Uint, "dhcp.option.request_list_item", "Asked for option")
)

var dhcpApp = &datagramApp{name: "dhcp", read: dhcp}

// dhcp reads BOOTP and DHCP (RFC 2131, RFC 2132).
func dhcp(x *dissection, v view) bool {
	if v.len() < 236 || v.u8(0) == 0 || v.u8(0) > 2 {
		return false
	}
	i := x.head(fDHCP, v, "dhcp")
	op := x.num(fDHCPOp, v, 0, 1)
	id := x.num(fDHCPXID, v, 4, 4)
	x.num(fDHCPSecs, v, 8, 2)
	x.part(fDHCPCiaddr, v, 12, 4)
	x.part(fDHCPYiaddr, v, 16, 4)
	x.part(fDHCPSiaddr, v, 20, 4)
	x.part(fDHCPGiaddr, v, 24, 4)
	if v.u8(2) == 6 {
		x.ClientMAC = [6]byte(x.part(fDHCPMAC, v, 28, 6))
		x.HasClientMAC = true
	}
	x.Info = fmt.Sprintf("%s 0x%08x", fDHCPOp.Names[op], id)
	if v.len() >= 240 && v.u32(236) == 0x63825363 {
		x.part(fDHCPCookie, v, 236, 4)
		x.dhcpOptions(v, id)
	}
	x.close(i)
	return true
}

func (x *dissection) dhcpOptions(v view, id uint64) {
	for at := 240; at < v.len(); {
		kind := v.u8(at)
		if kind == 0 {
			at++
			continue
		}
		x.num(fDHCPOption, v, at, 1)
		if kind == 255 {
			return
		}
		n := int(v.u8(at + 1))
		o := v.sub(at+2, at+2+n)
		at += 2 + n
		addrs := func(d *Def) {
			for k := 0; k+4 <= n; k += 4 {
				x.part(d, o, k, 4)
			}
		}
		switch kind {
		case 53:
			x.Info = fmt.Sprintf("DHCP %s 0x%08x", fDHCPKind.Names[x.num(fDHCPKind, o, 0, 1)], id)
		case 1:
			addrs(fDHCPMask)
		case 3:
			addrs(fDHCPRouter)
		case 6:
			addrs(fDHCPDNS)
		case 12:
			x.part(fDHCPName, o, 0, n)
		case 15:
			x.part(fDHCPDomain, o, 0, n)
		case 50:
			addrs(fDHCPReqIP)
		case 51:
			x.num(fDHCPLease, o, 0, 4)
		case 54:
			addrs(fDHCPSrvID)
		case 55:
			for k := range n {
				x.num(fDHCPList, o, k, 1)
			}
		case 56:
			x.part(fDHCPMsg, o, 0, n)
		case 58:
			x.num(fDHCPRenew, o, 0, 4)
		case 59:
			x.num(fDHCPRebind, o, 0, 4)
		case 60:
			x.part(fDHCPVendor, o, 0, n)
		}
	}
}
