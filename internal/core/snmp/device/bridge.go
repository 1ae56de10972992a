package device

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
)

// bridgePorts joins ports of the bridge with interfaces (RFC 4188), and reads the
// VLAN of untagged frames (RFC 4363, CISCO-VLAN-MEMBERSHIP-MIB).
func (r *reader) bridgePorts() {
	r.basePort = map[int64]int64{}
	r.walk("bridge ports", "1.3.6.1.2.1.17.1.4.1.2", func(i string, v snmp.Var) error {
		if n, ok := v.Int(); ok && n > 0 {
			r.basePort[arcs(i)[0]] = n
		}
		return nil
	})
	native := func(ifIndex int64, v snmp.Var) {
		if n, ok := v.Int(); ok && n > 0 && n < 4095 && r.byIndex[ifIndex] != nil {
			r.byIndex[ifIndex].VLAN = n
		}
	}
	r.walk("native VLANs", "1.3.6.1.2.1.17.7.1.4.5.1.1", func(i string, v snmp.Var) error {
		native(r.portIndex(arcs(i)[0]), v)
		return nil
	})
	r.walk("native VLANs", "1.3.6.1.4.1.9.9.68.1.2.2.1.2", func(i string, v snmp.Var) error {
		native(arcs(i)[0], v)
		return nil
	})
}

// vlans reads the names of Q-BRIDGE-MIB (RFC 4363) and of CISCO-VTP-MIB.
func (r *reader) vlans() {
	names := map[int64]string{}
	add := func(id int64, name string) {
		if id > 0 && id < 4095 && names[id] == "" {
			names[id] = name
		}
	}
	r.walk("VLANs", "1.3.6.1.2.1.17.7.1.4.3.1.1", func(i string, v snmp.Var) error {
		add(arcs(i)[0], v.Text())
		return nil
	})
	t := r.table("VLANs", "1.3.6.1.4.1.9.9.46.1.3.1.1", 3, 4)
	for _, i := range t.order {
		p := arcs(i)
		// Type 1 is Ethernet; the others are the reserved ones of FDDI and Token Ring.
		if kind := t.int(i, 3); len(p) == 2 && (kind == 1 || kind == 0) {
			add(p[1], t.text(i, 4))
		}
	}
	for id, name := range names {
		if name == "" {
			name = fmt.Sprintf("VLAN %d", id)
		}
		r.d.VLANs = append(r.d.VLANs, VLAN{ID: id, Name: name})
	}
	slices.SortFunc(r.d.VLANs, func(a, b VLAN) int { return cmp.Compare(a.ID, b.ID) })
}

// macs reads the learnt addresses of Q-BRIDGE-MIB, else of BRIDGE-MIB.
func (r *reader) macs() {
	vlanOf := map[int64]int64{}
	// The index is the time mark and the VLAN, the value the filtering database.
	r.walk("VLAN databases", "1.3.6.1.2.1.17.7.1.4.2.1.3", func(i string, v snmp.Var) error {
		if p := arcs(i); len(p) == 2 {
			if n, ok := v.Int(); ok {
				vlanOf[n] = p[1]
			}
		}
		return nil
	})
	add := func(mac []int64, v snmp.Var, vlan int64) error {
		port, ok := v.Int()
		b := octets(mac)
		// Port 0 is an address that was learnt elsewhere.
		if !ok || port <= 0 || len(b) != 6 {
			return nil
		}
		if len(r.d.MACs) >= r.opt.MaxRows {
			r.cut("forwarding table", r.opt.MaxRows)
			return errStop
		}
		r.d.MACs = append(r.d.MACs, BridgeMAC{
			MAC: snmp.Var{Kind: snmp.OctetString, Raw: b}.MAC(), IfIndex: r.portIndex(port), VLAN: vlan,
		})
		return nil
	}
	r.walk("forwarding table", "1.3.6.1.2.1.17.7.1.2.2.1.2", func(i string, v snmp.Var) error {
		p := arcs(i)
		if len(p) != 7 {
			return nil
		}
		vlan, ok := vlanOf[p[0]]
		if !ok && len(vlanOf) == 0 && p[0] < 4095 {
			vlan = p[0]
		}
		return add(p[1:], v, vlan)
	})
	if len(r.d.MACs) > 0 {
		return
	}
	r.walk("forwarding table", "1.3.6.1.2.1.17.4.3.1.2", func(i string, v snmp.Var) error {
		if p := arcs(i); len(p) == 6 {
			return add(p, v, 0)
		}
		return nil
	})
}
