package link

import (
	"maps"
	"slices"
)

// portOf is a port of a bridge.
type portOf struct{ device, port string }

// bridges finds direct neighbors in forwarding tables.
//
// Two bridges are direct neighbors over the ports p and q when each sees the other
// there and no third address is seen through both p and q: what lies between two
// bridges is seen by both (after Lowekamp, O'Hallaron and Gross, "Topology
// discovery for large Ethernet networks", SIGCOMM 2001). An end device hangs on
// the port on which no other bridge is seen.
func (x *index) bridges(tables []Sighting, neighbors []claim) []claim {
	f := newForwarding(x, tables)
	// What LLDP or CDP says of a port is not guessed again.
	told := map[portOf]string{}
	for _, c := range neighbors {
		if c.layer == Physical && !c.ev.Gone {
			told[portOf{c.from.Device, c.from.Port}] = c.to.id()
			if c.to.Device != "" && c.to.Port != "" {
				told[portOf{c.to.Device, c.to.Port}] = c.from.id()
			}
		}
	}
	var out []claim
	for _, p := range f.ports {
		mine := f.bridgesAt[p]
		for _, b := range slices.Sorted(maps.Keys(mine)) {
			if t, ok := told[p]; ok && t != b {
				continue
			}
			if q, w := f.direct(p, b); w > 0 {
				if t, ok := told[portOf{b, q}]; q != "" && ok && t != p.device {
					continue
				}
				out = append(out, claim{Physical, End{Device: p.device, Port: p.port}, End{Device: b, Port: q}, evidence(f.seen[p][mine[b]], w)})
			}
		}
		if len(mine) == 0 {
			out = append(out, f.ends(x, p, told)...)
		}
	}
	return out
}

// forwarding is what all bridges see, by port.
type forwarding struct {
	ports []portOf
	// seen holds the sightings of a port by MAC.
	seen map[portOf]map[string]Sighting
	// bridgesAt holds the other bridges seen on a port, each with one of its MACs.
	bridgesAt map[portOf]map[string]string
	// toward holds the ports on which a bridge sees another one.
	toward map[[2]string][]string
	owner  map[string]string
}

func newForwarding(x *index, tables []Sighting) *forwarding {
	f := &forwarding{seen: map[portOf]map[string]Sighting{}, bridgesAt: map[portOf]map[string]string{}, toward: map[[2]string][]string{}, owner: map[string]string{}}
	is := map[string]bool{}
	type entry struct{ device, mac string }
	now := map[entry]bool{}
	for _, s := range tables {
		is[s.Device] = true
		if !s.Gone {
			now[entry{s.Device, MAC(s.RemoteMAC)}] = true
		}
	}
	for _, s := range tables {
		m := MAC(s.RemoteMAC)
		// Where an address is now counts, not where it was.
		if m == "" || s.Port == "" || s.Gone && now[entry{s.Device, m}] {
			continue
		}
		d := x.byMAC[m]
		if d == s.Device {
			continue
		}
		p := portOf{s.Device, s.Port}
		if f.seen[p] == nil {
			f.seen[p], f.bridgesAt[p] = map[string]Sighting{}, map[string]string{}
			f.ports = append(f.ports, p)
		}
		if was, ok := f.seen[p][m]; ok {
			// One address in several VLANs is one address.
			s.First, s.Last, s.VLAN, s.Gone = earlier(was.First, s.First), later(was.Last, s.Last), was.VLAN, was.Gone && s.Gone
		}
		f.seen[p][m] = s
		if d != "" && d != twice {
			f.owner[m] = d
			if is[d] {
				if have := f.bridgesAt[p][d]; have == "" || m < have {
					f.bridgesAt[p][d] = m
				}
			}
		}
	}
	for _, p := range f.ports {
		for b := range f.bridgesAt[p] {
			f.toward[[2]string{p.device, b}] = append(f.toward[[2]string{p.device, b}], p.port)
		}
	}
	return f
}

// direct tells whether bridge b is the neighbor on port p, over which port of b,
// and how sure that is; weight 0 means no.
func (f *forwarding) direct(p portOf, b string) (string, float64) {
	back := f.toward[[2]string{b, p.device}]
	if len(back) > 1 {
		return "", 0
	}
	if len(back) == 0 {
		// b has not seen this bridge: believe only where nothing stands between.
		if len(f.bridgesAt[p]) > 1 || f.between(p.device, b) {
			return "", 0
		}
		return "", weightShared
	}
	q := portOf{b, back[0]}
	there := f.seen[q]
	for m := range f.seen[p] {
		if _, both := there[m]; both && f.owner[m] != p.device && f.owner[m] != b {
			return "", 0
		}
	}
	return q.port, weightBridge
}

// between tells whether some bridge sees a and b on different ports.
func (f *forwarding) between(a, b string) bool {
	for key, ports := range f.toward {
		if key[1] != a || key[0] == b {
			continue
		}
		if other := f.toward[[2]string{key[0], b}]; len(other) > 0 && !slices.Equal(ports, other) {
			return true
		}
	}
	return false
}

// ends gives what hangs on a port behind which no bridge is. A stranger is kept
// only when it is alone there.
func (f *forwarding) ends(x *index, p portOf, told map[portOf]string) []claim {
	w := weightBridge
	if len(f.seen[p]) > 1 {
		w = weightShared
	}
	var out []claim
	for _, m := range slices.Sorted(maps.Keys(f.seen[p])) {
		s := f.seen[p][m]
		to := End{Device: f.owner[m]}
		if to.Device != "" {
			to.Port = x.byAddressPort(to.Device, m)
		} else if to = unknown(s); len(f.seen[p]) > 1 {
			continue
		}
		if t, ok := told[p]; ok && t != to.id() {
			continue
		}
		out = append(out, claim{Physical, End{Device: p.device, Port: p.port}, to, evidence(s, w)})
	}
	return out
}
