package device

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
)

// lldp reads the remote systems of LLDP-MIB (IEEE 802.1AB).
func (r *reader) lldp() {
	const lldp = "1.0.8802.1.1.2.1."
	t := r.table("LLDP neighbors", lldp+"4.1.1", 4, 5, 6, 7, 8, 9, 10)
	if len(t.order) == 0 {
		return
	}
	local := r.localPorts()
	managed := map[string]string{}
	r.walk("LLDP addresses", lldp+"4.2.1.3", func(i string, _ snmp.Var) error {
		p := arcs(i)
		if len(p) < 6 {
			return nil
		}
		key := strconv.FormatInt(p[1], 10) + "." + strconv.FormatInt(p[2], 10)
		if a, _, ok := inetAddress(p[3:]); ok && managed[key] == "" {
			managed[key] = a.String()
		}
		return nil
	})
	for _, i := range t.order {
		// The time mark, the local port, the number of the remote.
		p := arcs(i)
		if len(p) != 3 {
			continue
		}
		row := t.cells[i]
		n := Neighbor{
			LocalIfIndex: local[p[1]], Protocol: "lldp", RemoteName: t.text(i, 9), RemoteDescr: t.text(i, 10),
			RemoteAddress: managed[strconv.FormatInt(p[1], 10)+"."+strconv.FormatInt(p[2], 10)],
		}
		if n.LocalIfIndex == 0 {
			n.LocalIfIndex = r.portIndex(p[1])
		}
		switch t.int(i, 4) {
		case 4:
			n.RemoteMAC = row[5].MAC()
		case 5:
			if a, ok := networkAddress(row[5].Raw); ok && n.RemoteAddress == "" {
				n.RemoteAddress = a
			}
		default:
			fill(&n.RemoteName, row[5].Text())
		}
		n.RemotePort = portID(t.int(i, 6), row[7])
		if mac := row[7].MAC(); t.int(i, 6) == 3 && mac != "" {
			// A port that is only a MAC is named by its description, where there is one.
			fill(&n.RemoteMAC, mac)
			if d := t.text(i, 8); d != "" {
				n.RemotePort = d
			}
		}
		fill(&n.RemotePort, t.text(i, 8))
		fill(&n.RemoteName, n.RemoteMAC)
		r.d.Neighbors = append(r.d.Neighbors, n)
	}
}

// portID reads LldpPortId by its subtype: 3 is a MAC, 4 a network address, the
// others are text.
func portID(subtype int64, v snmp.Var) string {
	switch subtype {
	case 3:
		if m := v.MAC(); m != "" {
			return m
		}
	case 4:
		if a, ok := networkAddress(v.Raw); ok {
			return a
		}
	}
	return v.Text()
}

// networkAddress has the IANA address family in the first byte: 1 is IPv4, 2 IPv6.
func networkAddress(b []byte) (string, bool) {
	if len(b) != 5 && len(b) != 17 || b[0] != 1 && b[0] != 2 {
		return "", false
	}
	a, ok := netip.AddrFromSlice(b[1:])
	return a.String(), ok
}

// localPorts joins the ports of LLDP with interfaces: by name, by MAC where it is
// of one interface, by description. What is not found here is looked for by number.
func (r *reader) localPorts() map[int64]int64 {
	t := r.table("LLDP ports", "1.0.8802.1.1.2.1.3.7.1", 2, 3, 4)
	names, macs := map[string]int64{}, map[string]int64{}
	note := func(m map[string]int64, key string, index int64) {
		if have, ok := m[key]; ok && have != index {
			index = 0
		}
		if key != "" {
			m[key] = index
		}
	}
	for _, f := range r.d.Interfaces {
		note(names, f.Name, f.Index)
		if f.Descr != f.Name {
			note(names, f.Descr, f.Index)
		}
		note(macs, f.MAC, f.Index)
	}
	out := map[int64]int64{}
	for _, i := range t.order {
		port := arcs(i)[0]
		id := t.text(i, 3)
		var found int64
		switch t.int(i, 2) {
		case 3:
			found = macs[t.cells[i][3].MAC()]
		case 7:
			// A local number is mostly the interface index; the name is surer.
			if found = names[id]; found == 0 {
				if n, err := strconv.ParseInt(id, 10, 64); err == nil && r.byIndex[n] != nil && r.basePort[port] == 0 {
					found = n
				}
			}
		default:
			found = names[id]
		}
		if found == 0 {
			found = names[t.text(i, 4)]
		}
		if found != 0 {
			out[port] = found
		}
	}
	return out
}

// portIndex takes a number for a bridge port, else for an interface index.
func (r *reader) portIndex(port int64) int64 {
	if n := r.basePort[port]; n != 0 {
		return n
	}
	if r.byIndex[port] != nil {
		return port
	}
	return 0
}

// cdp reads the neighbors of CISCO-CDP-MIB.
func (r *reader) cdp() {
	t := r.table("CDP neighbors", "1.3.6.1.4.1.9.9.23.1.2.1.1", 3, 4, 5, 6, 7, 8)
	for _, i := range t.order {
		p := arcs(i)
		if len(p) != 2 {
			continue
		}
		n := Neighbor{LocalIfIndex: p[0], Protocol: "cdp", RemoteName: t.text(i, 6), RemotePort: t.text(i, 7)}
		n.RemoteDescr = strings.TrimSpace(t.text(i, 8) + " " + t.text(i, 5))
		if a, ok := t.cells[i][4].Addr(); ok && !a.IsUnspecified() {
			n.RemoteAddress = a.String()
		}
		if n.RemoteName == "" && n.RemotePort == "" {
			continue
		}
		r.d.Neighbors = append(r.d.Neighbors, n)
	}
}
