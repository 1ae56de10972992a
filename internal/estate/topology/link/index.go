package link

import (
	"encoding/hex"
	"net/netip"
	"strings"
)

// index finds devices by what others say of them. A key that fits two devices
// fits none: duplicate addresses and cloned MACs prove nothing.
type index struct {
	devices  map[string]*Device
	byMAC    map[string]string
	byName   map[string]string
	byShort  map[string]string
	byAddr   map[string]string
	portMACs map[string]map[string][]string // device, MAC: ports
}

// twice marks a key that several devices have.
const twice = "\x00"

func put(m map[string]string, k, v string) {
	if k == "" {
		return
	}
	if was, ok := m[k]; ok && was != v {
		v = twice
	}
	m[k] = v
}

func newIndex(ds []Device) *index {
	x := &index{devices: map[string]*Device{}, byMAC: map[string]string{}, byName: map[string]string{}, byShort: map[string]string{}, byAddr: map[string]string{}, portMACs: map[string]map[string][]string{}}
	for i := range ds {
		d := &ds[i]
		x.devices[d.ID] = d
		for _, n := range d.Names {
			put(x.byName, fold(n), d.ID)
			put(x.byShort, shorten(n), d.ID)
		}
		macs := map[string][]string{}
		for _, p := range d.Ports {
			if m := MAC(p.MAC); m != "" {
				put(x.byMAC, m, d.ID)
				macs[m] = append(macs[m], p.Key)
			}
		}
		x.portMACs[d.ID] = macs
		for _, m := range d.MACs {
			put(x.byMAC, MAC(m), d.ID)
		}
		for _, a := range d.Addresses {
			if ip, err := netip.ParseAddr(a); err == nil && !ip.IsLoopback() && !ip.IsLinkLocalUnicast() && !ip.IsUnspecified() && !ip.IsMulticast() {
				put(x.byAddr, ip.Unmap().WithZone("").String(), d.ID)
			}
		}
	}
	return x
}

// learn adds the chassis addresses that devices tell by LLDP and that are not those
// of a port; and, from address tables, the hardware addresses of devices of which
// only the IP address is known.
func (x *index) learn(ss []Sighting) {
	tables := map[string]string{}
	for _, s := range ss {
		m := MAC(s.RemoteMAC)
		if m == "" {
			continue
		}
		switch {
		case s.Protocol == LLDP:
			if d := x.named(s.RemoteName); d != "" {
				if _, known := x.byMAC[m]; !known {
					x.byMAC[m] = d
				}
			}
		case s.Protocol == ARP && !s.Gone:
			if d := x.at(s.RemoteAddress); d != "" {
				put(tables, m, d)
			}
		}
	}
	for m, d := range tables {
		if _, known := x.byMAC[m]; !known {
			x.byMAC[m] = d
		}
	}
}

// at finds the only device with the address.
func (x *index) at(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	if d := x.byAddr[ip.Unmap().WithZone("").String()]; d != twice {
		return d
	}
	return ""
}

// resolve finds the device at the far end: by MAC, by name, by address.
func (x *index) resolve(s Sighting) string {
	if d := x.byMAC[MAC(s.RemoteMAC)]; d != "" && d != twice {
		return d
	}
	if d := x.named(s.RemoteName); d != "" {
		return d
	}
	return x.at(s.RemoteAddress)
}

func (x *index) named(name string) string {
	n := fold(name)
	if n == "" {
		return ""
	}
	if d := x.byName[n]; d != "" {
		if d == twice {
			return ""
		}
		return d
	}
	// With and without a domain is the same device; two domains are not.
	if d := x.byShort[shorten(n)]; d != "" && d != twice {
		if !strings.Contains(n, ".") {
			return d
		}
		for _, have := range x.devices[d].Names {
			if strings.Contains(have, ".") {
				return ""
			}
		}
		return d
	}
	return ""
}

// port finds the port of a device by what the other side calls it; "" when none or
// several fit.
func (x *index) port(device, name, mac string) string {
	d, n := x.devices[device], fold(name)
	if n != "" {
		for _, read := range []func(Port) string{
			func(p Port) string { return fold(p.Key) },
			func(p Port) string { return fold(p.Descr) },
			func(p Port) string { return fold(p.Alias) },
		} {
			if k := only(d.Ports, func(p Port) bool { return read(p) == n }); k != "" {
				return k
			}
		}
		if m := MAC(name); m != "" {
			if k := only(d.Ports, func(p Port) bool { return MAC(p.MAC) == m }); k != "" {
				return k
			}
		}
		if a := abbreviate(n); a != "" {
			if k := only(d.Ports, func(p Port) bool { return abbreviate(fold(p.Key)) == a }); k != "" {
				return k
			}
		}
		return ""
	}
	return x.byAddressPort(device, mac)
}

// byAddressPort finds the only port with the MAC.
func (x *index) byAddressPort(device, mac string) string {
	if ps := x.portMACs[device][MAC(mac)]; len(ps) == 1 {
		return ps[0]
	}
	return ""
}

func only(ps []Port, fits func(Port) bool) string {
	found := ""
	for _, p := range ps {
		if fits(p) {
			if found != "" {
				return ""
			}
			found = p.Key
		}
	}
	return found
}

func fold(s string) string { return strings.ToLower(strings.TrimSuffix(strings.TrimSpace(s), ".")) }

func shorten(name string) string {
	name = fold(name)
	if _, err := netip.ParseAddr(name); err == nil {
		return ""
	}
	s, _, _ := strings.Cut(name, ".")
	return s
}

// abbreviate gives two letters and the numbers, as network systems shorten the
// names of ports: Gi0/1 and GigabitEthernet0/1 become gi0/1.
func abbreviate(s string) string {
	n := strings.IndexFunc(s, func(r rune) bool { return r >= '0' && r <= '9' })
	if n < 2 {
		return ""
	}
	return s[:2] + s[n:]
}

// written gives a hardware address as people write it; other text as it is.
func written(s string) string {
	m := MAC(s)
	if m == "" {
		return s
	}
	return m[0:2] + ":" + m[2:4] + ":" + m[4:6] + ":" + m[6:8] + ":" + m[8:10] + ":" + m[10:12]
}

// MAC gives a hardware address as twelve lower-case digits; "" when s is none, or
// one that stands for many (all zeros, multicast).
func MAC(s string) string {
	s = strings.ToLower(strings.NewReplacer(":", "", "-", "", ".", "", " ", "").Replace(strings.TrimSpace(s)))
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 6 || b[0]&1 == 1 || s == "000000000000" {
		return ""
	}
	return s
}
