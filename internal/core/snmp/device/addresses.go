package device

import (
	"math/bits"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
)

// addresses reads ipAddressTable and ipAddrTable of IP-MIB (RFC 4293), and the
// ipv6AddrTable of agents from before it (RFC 2465).
func (r *reader) addresses() {
	seen := map[netip.Addr]int{}
	add := func(a netip.Addr, prefix int, ifIndex int64) {
		if !a.IsValid() || a.IsUnspecified() {
			return
		}
		if i, ok := seen[a]; ok {
			// The older table knows the mask where the newer one has no prefix.
			if have := &r.d.Addresses[i]; have.PrefixLength < 0 {
				have.PrefixLength = prefix
			}
			return
		}
		seen[a] = len(r.d.Addresses)
		r.d.Addresses = append(r.d.Addresses, Address{Address: a.String(), PrefixLength: prefix, IfIndex: ifIndex})
	}
	t := r.table("addresses", "1.3.6.1.2.1.4.34.1", 3, 4, 5)
	for _, i := range t.order {
		a, _, ok := inetAddress(arcs(i))
		// Type 3 is a broadcast address.
		if !ok || t.int(i, 4) == 3 {
			continue
		}
		prefix := -1
		if p := arcs(t.text(i, 5)); len(p) > 12 {
			prefix = int(p[len(p)-1])
		}
		if prefix < 0 || prefix > a.BitLen() {
			prefix = -1
		}
		add(a, prefix, t.int(i, 3))
	}
	t = r.table("IPv4 addresses", "1.3.6.1.2.1.4.20.1", 1, 2, 3)
	for _, i := range t.order {
		a, ok := netip.AddrFromSlice(octets(arcs(i)))
		if !ok || !a.Is4() {
			if a, ok = t.cells[i][1].Addr(); !ok {
				continue
			}
		}
		add(a, maskBits(t.cells[i][3]), t.int(i, 2))
	}
	t = r.table("IPv6 addresses", "1.3.6.1.2.1.55.1.8.1", 2)
	for _, i := range t.order {
		p := arcs(i)
		if len(p) < 17 {
			continue
		}
		if a, ok := netip.AddrFromSlice(octets(p[len(p)-16:])); ok {
			add(a, int(t.int(i, 2)), p[0])
		}
	}
	for i := range r.d.Addresses {
		d := &r.d.Addresses[i]
		if d.PrefixLength < 0 {
			d.PrefixLength = 32
			if strings.Contains(d.Address, ":") {
				d.PrefixLength = 128
			}
		}
	}
}

// maskBits gives the prefix length of a mask; -1 when there is none.
func maskBits(v snmp.Var) int {
	m, ok := v.Addr()
	if !ok || !m.Is4() {
		return -1
	}
	n := 0
	for _, b := range m.AsSlice() {
		n += bits.OnesCount8(b)
	}
	return n
}

// inetAddress reads InetAddressType and InetAddress (RFC 4001) at the start of an
// index, and gives what follows.
func inetAddress(a []int64) (netip.Addr, []int64, bool) {
	if len(a) < 2 {
		return netip.Addr{}, nil, false
	}
	kind, n, rest := a[0], int(a[1]), a[2:]
	want := map[int64]int{1: 4, 2: 16, 3: 8, 4: 20}[kind]
	if n != want || n == 0 || len(rest) < n {
		// Some agents leave the length out.
		if rest = a[1:]; (kind == 1 || kind == 2) && len(rest) == want {
			n = want
		} else {
			return netip.Addr{}, nil, false
		}
	}
	size := 4
	if kind == 2 || kind == 4 {
		size = 16
	}
	ip, ok := netip.AddrFromSlice(octets(rest[:size]))
	return ip, rest[n:], ok
}

// hosts reads the address tables: ipNetToPhysicalTable (RFC 4293), else
// ipNetToMediaTable.
func (r *reader) hosts() {
	seen := map[string]bool{}
	add := func(a netip.Addr, mac string, ifIndex int64) error {
		key := a.String() + " " + strconv.FormatInt(ifIndex, 10)
		if mac == "" || seen[key] {
			return nil
		}
		if len(r.d.Hosts) >= r.opt.MaxRows {
			r.cut("address table", r.opt.MaxRows)
			return errStop
		}
		seen[key] = true
		r.d.Hosts = append(r.d.Hosts, Host{Address: a.String(), MAC: mac, IfIndex: ifIndex})
		return nil
	}
	r.walk("address table", "1.3.6.1.2.1.4.35.1.4", func(i string, v snmp.Var) error {
		p := arcs(i)
		if a, _, ok := inetAddress(p[1:]); ok {
			return add(a, v.MAC(), p[0])
		}
		return nil
	})
	r.walk("address table", "1.3.6.1.2.1.4.22.1.2", func(i string, v snmp.Var) error {
		p := arcs(i)
		if len(p) != 5 {
			return nil
		}
		if a, ok := netip.AddrFromSlice(octets(p[1:])); ok {
			return add(a, v.MAC(), p[0])
		}
		return nil
	})
}

func (r *reader) cut(what string, n int) {
	r.limit("The " + what + " was cut after " + strconv.Itoa(n) + " rows.")
}

var routeProtocols = map[int64]string{
	2: "local", 3: "static", 4: "icmp", 5: "egp", 6: "ggp", 7: "hello", 8: "rip", 9: "is-is", 10: "es-is",
	11: "igrp", 12: "bbn", 13: "ospf", 14: "bgp", 15: "idpr", 16: "eigrp",
}

// routes reads the first of inetCidrRouteTable, ipCidrRouteTable (RFC 4292) and
// ipRouteTable (RFC 1213) that has rows.
func (r *reader) routes() {
	r.inetRoutes()
	if len(r.d.Routes) == 0 {
		r.cidrRoutes()
	}
	if len(r.d.Routes) == 0 {
		r.oldRoutes()
	}
}

// routeRows reads the columns for as many rows as are kept, in the order of the
// first column.
func (r *reader) routeRows(entry snmp.OID, first int, cols ...int) rows {
	t := rows{cells: map[string]map[int]snmp.Var{}}
	for _, col := range append([]int{first}, cols...) {
		n := 0
		r.walk("routes", entry+snmp.OID("."+strconv.Itoa(col)), func(i string, v snmp.Var) error {
			if n++; n > r.opt.MaxRows {
				r.cut("routing table", r.opt.MaxRows)
				return errStop
			}
			if t.cells[i] == nil {
				t.cells[i] = map[int]snmp.Var{}
				t.order = append(t.order, i)
			}
			t.cells[i][col] = v
			return nil
		})
		if len(t.order) == 0 {
			break
		}
	}
	return t
}

func (r *reader) route(dest netip.Addr, length int, hop netip.Addr, ifIndex, protocol int64) {
	p := netip.PrefixFrom(dest, length)
	if !p.IsValid() {
		return
	}
	out := Route{Prefix: p.Masked().String(), IfIndex: ifIndex, Protocol: routeProtocols[protocol]}
	if hop.IsValid() && !hop.IsUnspecified() {
		out.NextHop = hop.String()
	}
	r.d.Routes = append(r.d.Routes, out)
}

func (r *reader) inetRoutes() {
	t := r.routeRows("1.3.6.1.2.1.4.24.7.1", 7, 9)
	for _, i := range t.order {
		dest, rest, ok := inetAddress(arcs(i))
		// The prefix length, the policy with its length, then the next hop.
		if !ok || len(rest) < 2 || rest[1] < 0 || int(rest[1])+2 > len(rest) {
			continue
		}
		length, rest := int(rest[0]), rest[2+int(rest[1]):]
		hop, _, _ := inetAddress(rest)
		r.route(dest, length, hop, t.int(i, 7), t.int(i, 9))
	}
}

func (r *reader) cidrRoutes() {
	t := r.routeRows("1.3.6.1.2.1.4.24.4.1", 5, 7)
	for _, i := range t.order {
		b := octets(slices.Concat(arcs(i)))
		if len(b) != 13 {
			continue
		}
		ones := 0
		for _, m := range b[4:8] {
			ones += bits.OnesCount8(m)
		}
		r.route(netip.AddrFrom4([4]byte(b[:4])), ones, netip.AddrFrom4([4]byte(b[9:])), t.int(i, 5), t.int(i, 7))
	}
}

func (r *reader) oldRoutes() {
	t := r.routeRows("1.3.6.1.2.1.4.21.1", 7, 2, 9, 11)
	for _, i := range t.order {
		b := octets(arcs(i))
		if len(b) != 4 {
			continue
		}
		hop, _ := t.cells[i][7].Addr()
		r.route(netip.AddrFrom4([4]byte(b)), maskBits(t.cells[i][11]), hop, t.int(i, 2), t.int(i, 9))
	}
}
