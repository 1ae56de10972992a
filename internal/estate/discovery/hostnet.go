package discovery

import (
	"cmp"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/estate"
)

// view is what the machine tells of its network: interfaces, addresses, and who is on
// its segments. Ends of virtual cables, which come and go with containers, are left out.
func (h *Host) view(itemID string, at time.Time, arp map[netip.Addr][]string) estate.NetworkView {
	v := estate.NetworkView{ItemID: itemID, Source: "host", At: at, Interfaces: []estate.Interface{}, Addresses: []estate.Address{}, Neighbors: []estate.Neighbor{}}
	on := map[netip.Prefix]int64{}
	for _, i := range h.Interfaces {
		if strings.HasPrefix(i.Name, "veth") && len(i.Addresses) == 0 {
			continue
		}
		x := estate.Interface{Index: i.index, Name: i.Name, MAC: i.mac, MTU: i.mtu, AdminUp: i.up, OperUp: i.up, Loopback: i.loop}
		v.Interfaces = append(v.Interfaces, x)
		for _, a := range i.Addresses {
			p, err := netip.ParsePrefix(a)
			if err != nil {
				continue
			}
			v.Addresses = append(v.Addresses, estate.Address{Address: p.Addr().String(), PrefixLength: p.Bits(), IfIndex: i.index})
			if !x.Inner() && !x.Loopback {
				on[p.Masked()] = i.index
			}
		}
	}
	for addr, macs := range arp {
		for p, index := range on {
			if !p.Contains(addr) {
				continue
			}
			for _, m := range macs {
				v.Neighbors = append(v.Neighbors, estate.Neighbor{LocalIfIndex: index, Evidence: estate.EvidenceARP, RemoteMAC: m, RemoteAddress: addr.String()})
			}
		}
	}
	slices.SortFunc(v.Neighbors, func(a, b estate.Neighbor) int {
		return cmp.Or(cmp.Compare(a.RemoteAddress, b.RemoteAddress), cmp.Compare(a.RemoteMAC, b.RemoteMAC), cmp.Compare(a.LocalIfIndex, b.LocalIfIndex))
	})
	return v
}

// identity is what an agent or SNMP would know the machine by too.
func (h *Host) identity() map[string][]string {
	out := map[string][]string{}
	for _, path := range []string{"/etc/machine-id", "/var/lib/dbus/machine-id"} {
		b, err := os.ReadFile(path)
		if id := strings.TrimSpace(string(b)); err == nil && len(id) == 32 {
			out[estate.ByMachineID] = []string{id}
			break
		}
	}
	for _, i := range h.Interfaces {
		if ownMAC(i.mac) && len(out[estate.ByMAC]) < maxMACs {
			out[estate.ByMAC] = append(out[estate.ByMAC], i.mac)
		}
	}
	return out
}

// own gives the item of this machine when the address is one of its own.
func (s *Service) own(addr netip.Addr) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.host == nil || s.hostItem == "" {
		return ""
	}
	for _, i := range s.host.Interfaces {
		for _, a := range i.Addresses {
			if p, err := netip.ParsePrefix(a); err == nil && p.Addr() == addr && !addr.IsLoopback() {
				return s.hostItem
			}
		}
	}
	return ""
}
