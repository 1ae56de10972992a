package discovery

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/device"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/visit"
	"github.com/mainstay-ops/mainstay/internal/core/sweep"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

// facts are what is known of an address, in words: what is compared between runs.
type facts map[string]string

// Change is a fact that differs from the run before.
type Change struct {
	Field string `json:"field"`
	From  string `json:"from"`
	To    string `json:"to"`
}

const (
	portField = "port "
	certField = "certificate "
	macsField = "macs"
)

// factsOf merges what this run saw into what was known; what was not looked at
// stays.
func factsOf(old facts, spec JobSpec, h *sweep.Host, rd *visit.Reading) facts {
	f := facts{}
	for k, v := range old {
		seenAgain := spec.has("ports") && (strings.HasPrefix(k, portField) || strings.HasPrefix(k, certField)) ||
			spec.has("names") && k == "dns"
		if !seenAgain {
			f[k] = v
		}
	}
	if h.MAC != "" {
		f["mac"] = h.MAC
	}
	if h.Name != "" {
		f["dns"] = h.Name
	}
	if h.Asked != "" {
		f["asked"] = h.Asked
	}
	for _, sv := range h.Services {
		text := "open"
		for _, s := range []string{sv.Speaks, sv.Banner, sv.Server, sv.Title} {
			if s != "" {
				text = strings.TrimPrefix(text+" "+s, "open ")
			}
		}
		f[fmt.Sprintf("%s%d", portField, sv.Port)] = text
		if c := sv.Cert; c != nil {
			f[fmt.Sprintf("%s%d", certField, sv.Port)] = c.Subject + " until " + c.NotAfter.Format(time.DateOnly)
		}
	}
	if rd == nil {
		return f
	}
	i := rd.Device.Item
	for k, v := range map[string]string{
		"name": i.Name, "kind": i.Kind, "role": i.Role, "vendor": i.Vendor, "model": i.Model, "os": i.OS, "os_name": i.OSName, "version": i.Version,
		"serial": i.Serial, "sys_object_id": i.SysObjectID, "sys_descr": i.SysDescr, "location": i.Location, "contact": i.Contact,
	} {
		if v != "" {
			f[k] = v
		} else if len(rd.Problems) == 0 {
			delete(f, k)
		}
	}
	if n := len(rd.Device.Interfaces); n > 0 {
		f["interfaces"] = itoa(n)
	}
	if ms := macs(rd.Device); len(ms) > 0 {
		f[macsField] = strings.Join(ms, " ")
	}
	return f
}

// maxMACs that identify a device.
const maxMACs = 64

// macs gives the hardware addresses of a device that are its own: not those of a
// redundancy protocol, which move (VRRP of RFC 5798, HSRP), and not those that were
// made up locally.
func macs(d *device.Device) []string {
	var out []string
	for _, i := range d.Interfaces {
		m := i.MAC
		if !ownMAC(m) || slices.Contains(out, m) {
			continue
		}
		if out = append(out, m); len(out) == maxMACs {
			break
		}
	}
	slices.Sort(out)
	return out
}

// ownMAC tells whether a hardware address can identify a thing: it was not made up
// locally and does not move.
func ownMAC(m string) bool {
	return len(m) == 17 && !movable(m) && m != "00:00:00:00:00:00" && strings.IndexByte("2367abef", m[1]) < 0
}

func movable(mac string) bool {
	return strings.HasPrefix(mac, "00:00:5e:00:0") || strings.HasPrefix(mac, "00:00:0c:07:ac") || strings.HasPrefix(mac, "00:00:0c:9f:f")
}

// diff lists what changed, in the order of the fields.
func diff(old, now facts) []Change {
	out := []Change{}
	for _, k := range slices.Sorted(maps.Keys(union2(old, now))) {
		if old[k] != now[k] && k != macsField {
			out = append(out, Change{Field: k, From: old[k], To: now[k]})
		}
	}
	return out
}

func union2(a, b facts) facts {
	u := maps.Clone(a)
	if u == nil {
		u = facts{}
	}
	maps.Copy(u, b)
	return u
}

// replaced tells whether another thing has the address now: its serial differs, or,
// where one is not known, its name and all of its hardware addresses.
func replaced(old, now facts) bool {
	if old["serial"] != "" && now["serial"] != "" {
		return old["serial"] != now["serial"]
	}
	was, is := strings.Fields(old[macsField]), strings.Fields(now[macsField])
	return len(was) > 0 && len(is) > 0 && old["name"] != now["name"] && !slices.ContainsFunc(was, func(m string) bool { return slices.Contains(is, m) })
}

// device is what tells a thing from others, to see that it has several addresses;
// empty when nothing does.
func (f facts) device() string {
	if s := f["serial"]; s != "" {
		return "serial " + s
	}
	if ms := f[macsField]; ms != "" {
		return "macs " + ms
	}
	return f["mac"]
}

// perAddress are attributes of one address of a thing, not of all of it.
var perAddress = []string{"address", "mac", "fqdn", "open_ports"}

// names of a host that say nothing about it.
var empties = []string{"localhost", "localhost.localdomain", "unknown", "none", "default"}

// title is the best name of an address.
func (f facts) title(address string) string {
	for _, n := range []string{f["name"], f["dns"], f["asked"]} {
		n = strings.TrimSpace(n)
		if n != "" && !slices.Contains(empties, strings.ToLower(n)) && account.CheckName("name", n) == nil {
			return n
		}
	}
	return address
}

// about is one line on what it is.
func (f facts) about() string {
	var parts []string
	for _, p := range []string{strings.TrimSpace(f["vendor"] + " " + f["model"]), strings.TrimSpace(first(f["os_name"], f["os"]) + " " + f["version"])} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	if len(parts) == 0 && f["sys_descr"] != "" {
		parts = append(parts, f["sys_descr"])
	}
	if len(parts) == 0 {
		for _, k := range f.ports() {
			speaks, _, _ := strings.Cut(f[portField+k], " ")
			if speaks == "open" {
				speaks = "port"
			}
			parts = append(parts, speaks+" "+k)
		}
	}
	s := strings.Join(parts, ", ")
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}

func first(ss ...string) string {
	for _, s := range ss {
		if s != "" {
			return s
		}
	}
	return ""
}

// ports lists the open ports in ascending order.
func (f facts) ports() []string {
	var out []string
	for k := range f {
		if p, ok := strings.CutPrefix(k, portField); ok {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	return out
}

// identified tells whether there is more than an address.
func (f facts) identified() bool {
	return f["sys_object_id"] != "" || f["sys_descr"] != "" || f["dns"] != "" || f["asked"] != ""
}

// item is what the map gets. name is the item that it is already; else empty.
func (f facts) item(name, address string) estate.NewItem {
	in := estate.NewItem{Name: name, Kind: first(f["kind"], "host"), Source: "discovery", Attributes: map[string]any{}, Identity: map[string][]string{}}
	if f["sys_descr"] != "" || f["sys_object_id"] != "" {
		in.Source = "snmp"
	}
	if in.Name == "" {
		in.Name = f.title(address)
		in.Title = in.Name
	}
	in.Attributes["address"] = address
	for k, v := range f {
		switch {
		case k == macsField || k == "kind" || k == "name" || k == "asked" || k == "interfaces" || strings.HasPrefix(k, portField) || strings.HasPrefix(k, certField):
		case k == "dns":
			in.Attributes["fqdn"] = v
		default:
			in.Attributes[k] = v
		}
	}
	if ps := f.ports(); len(ps) > 0 {
		in.Attributes["open_ports"] = ps
	}
	if v := f["serial"]; v != "" {
		in.Identity[estate.BySerial] = []string{v}
	}
	ms := strings.Fields(f[macsField])
	if m := f["mac"]; m != "" && !slices.Contains(ms, m) && !movable(m) {
		ms = append(ms, m)
	}
	if len(ms) > 0 {
		in.Identity[estate.ByMAC] = ms
	}
	if v := f["dns"]; v != "" {
		in.Identity[estate.ByFQDN] = []string{v}
	}
	return in
}

// sweptView is what a sweep alone knows of an item: the addresses at which it answers
// and, on the local segment, its hardware address.
func sweptView(itemID string, addresses []string, mac string, at time.Time) estate.NetworkView {
	v := estate.NetworkView{ItemID: itemID, Source: "sweep", At: at, Interfaces: []estate.Interface{}, Addresses: []estate.Address{}}
	if mac != "" {
		v.Interfaces = append(v.Interfaces, estate.Interface{Index: 1, MAC: mac, AdminUp: true, OperUp: true})
	}
	for _, a := range addresses {
		v.Addresses = append(v.Addresses, estate.Address{Address: a, IfIndex: int64(len(v.Interfaces))})
	}
	return v
}

// networkOf turns a reading into what the topology takes.
func networkOf(itemID string, d *device.Device, at time.Time) estate.NetworkView {
	v := estate.NetworkView{ItemID: itemID, Source: "snmp", At: at, Interfaces: []estate.Interface{}, Addresses: []estate.Address{}, VLANs: []estate.VLAN{}, Neighbors: []estate.Neighbor{}}
	for _, i := range d.Interfaces {
		v.Interfaces = append(v.Interfaces, estate.Interface{
			Index: i.Index, Name: i.Name, Descr: i.Descr, Alias: i.Alias, Type: i.Type, MAC: i.MAC, SpeedBPS: i.SpeedBPS, MTU: i.MTU,
			AdminUp: i.AdminStatus == "up", OperUp: i.OperStatus == "up", Duplex: i.Duplex, VLAN: i.VLAN,
			Loopback: i.Type == "softwareLoopback", Virtual: slices.Contains([]string{"propVirtual", "l2vlan", "l3ipvlan", "tunnel", "bridge", "ieee8023adLag"}, i.Type),
		})
	}
	for _, x := range d.Addresses {
		v.Addresses = append(v.Addresses, estate.Address{Address: x.Address, PrefixLength: x.PrefixLength, IfIndex: x.IfIndex})
	}
	for _, x := range d.VLANs {
		v.VLANs = append(v.VLANs, estate.VLAN{ID: x.ID, Name: x.Name})
	}
	for _, n := range d.Neighbors {
		v.Neighbors = append(v.Neighbors, estate.Neighbor{LocalIfIndex: n.LocalIfIndex, Evidence: n.Protocol, RemoteName: n.RemoteName, RemotePort: n.RemotePort, RemotePortDescr: n.RemotePortDescr, RemoteMAC: n.RemoteMAC, RemoteAddress: n.RemoteAddress})
	}
	for _, m := range d.MACs {
		v.Neighbors = append(v.Neighbors, estate.Neighbor{LocalIfIndex: m.IfIndex, Evidence: estate.EvidenceBridge, RemoteMAC: m.MAC, VLAN: m.VLAN})
	}
	for _, x := range d.Hosts {
		v.Neighbors = append(v.Neighbors, estate.Neighbor{LocalIfIndex: x.IfIndex, Evidence: estate.EvidenceARP, RemoteMAC: x.MAC, RemoteAddress: x.Address})
	}
	for _, x := range d.Routes {
		if a, err := netip.ParseAddr(x.NextHop); err == nil && !a.IsUnspecified() {
			v.Neighbors = append(v.Neighbors, estate.Neighbor{LocalIfIndex: x.IfIndex, Evidence: estate.EvidenceRoute, RemoteAddress: x.NextHop})
		}
	}
	return v
}
