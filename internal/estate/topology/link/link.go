// Package link joins what devices see of each other to links between ports. It is
// pure: the same sightings give the same links, in any order.
package link

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// The protocols of sightings, as in the contract of the wing.
const (
	LLDP       = "lldp"
	CDP        = "cdp"
	Bridge     = "fdb"
	ARP        = "arp"
	Route      = "route"
	Connection = "connection"
)

// The layers of links.
const (
	// Physical links join ports: layer 2.
	Physical = "2"
	// Adjacent links join addresses in one subnet: layer 3.
	Adjacent = "3"
	// Service links lead from a client to what it uses.
	Service = "service"
)

// Device is an item with its ports and addresses. MACs are those that are known to be
// its own without a port.
type Device struct {
	ID        string
	Names     []string
	Ports     []Port
	Addresses []string
	MACs      []string
}

// Port of a device. Key names it in the device and is never empty.
type Port struct {
	Key, Descr, Alias, MAC string
}

// Sighting is one thing that a device said about the other end of a port. Port is
// empty when it is not known. Gone means that the device does not say so any more.
type Sighting struct {
	Device, Port, Protocol                           string
	RemotePortDescr                                  string
	Gone                                             bool
	RemoteName, RemotePort, RemoteMAC, RemoteAddress string
	Process                                          string
	RemoteTCP                                        int
	VLAN                                             int64
	First, Last                                      time.Time
}

// End is one end of a link. Device is empty for an unknown neighbor, which Unknown
// then identifies and Label names for people.
type End struct {
	Device, Port, Unknown, Label string
}

// id orders ends; it is the device, or the unknown neighbor.
func (e End) id() string {
	if e.Device != "" {
		return e.Device
	}
	return "~" + e.Unknown
}

// Evidence is one reason to believe in a link.
type Evidence struct {
	Protocol string `json:"protocol"`
	// FromA and FromB tell which ends said so.
	FromA bool `json:"from_a"`
	FromB bool `json:"from_b"`
	// Weight is how sure this evidence alone makes the link, 0 to 1.
	Weight float64   `json:"weight"`
	First  time.Time `json:"first_seen"`
	Last   time.Time `json:"last_seen"`
	// Gone tells that nobody says so any more.
	Gone bool  `json:"gone,omitempty" doc:"Nobody says so any more; until last_seen somebody did."`
	VLAN int64 `json:"vlan,omitempty"`
	// Ports and Processes belong to connections.
	Ports     []int    `json:"ports,omitempty"`
	Processes []string `json:"processes,omitempty"`
}

// Link joins two ends. A comes before B, except that A is the client of a service
// link.
type Link struct {
	Layer      string
	A, B       End
	Evidence   []Evidence
	Confidence float64
	First      time.Time
	Last       time.Time

	// What the ends say of it (nothing, former or current), and when they did last.
	saidA, saidB int
	lastA, lastB time.Time
}

// The weights: how sure one direction of one protocol makes a link.
const (
	weightNeighbor   = 0.9 // LLDP, CDP: the neighbor said its own name on the wire.
	weightBridge     = 0.6 // a forwarding table, alone on its port
	weightShared     = 0.3 // a forwarding table, one of several behind the port
	weightARP        = 0.3
	weightRoute      = 0.4
	weightConnection = 0.8
	// noPort and old are factors for a far end whose port is not known, and for what
	// has not been seen for the time after which a link is stale.
	noPort = 0.9
	old    = 0.5
)

// claim is a sighting with both ends resolved.
type claim struct {
	layer    string
	from, to End
	ev       Evidence
}

// Join gives the links. What was last seen before staleBefore counts half.
func Join(devices []Device, sightings []Sighting, staleBefore time.Time) []Link {
	x := newIndex(devices)
	sorted := slices.Clone(sightings)
	slices.SortFunc(sorted, compareSightings)
	x.learn(sorted)
	var claims []claim
	var tables []Sighting
	for _, s := range sorted {
		if _, ok := x.devices[s.Device]; !ok {
			continue
		}
		switch s.Protocol {
		case Bridge:
			tables = append(tables, s)
		case LLDP, CDP:
			claims = append(claims, x.neighbor(s)...)
		case ARP, Route, Connection:
			claims = append(claims, x.adjacent(s)...)
		}
	}
	claims = append(claims, x.bridges(tables, claims)...)
	return merge(claims, staleBefore)
}

func compareSightings(a, b Sighting) int {
	return cmp.Or(cmp.Compare(a.Device, b.Device), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.RemoteMAC, b.RemoteMAC),
		cmp.Compare(a.RemoteName, b.RemoteName), cmp.Compare(a.RemotePort, b.RemotePort), cmp.Compare(a.RemoteAddress, b.RemoteAddress), cmp.Compare(a.VLAN, b.VLAN),
		cmp.Compare(a.RemoteTCP, b.RemoteTCP), cmp.Compare(a.Process, b.Process), cmp.Compare(a.RemotePortDescr, b.RemotePortDescr), a.First.Compare(b.First), a.Last.Compare(b.Last))
}

// neighbor turns a sighting of LLDP or CDP into a claim. Who cannot be found among
// the devices stays as an unknown neighbor.
func (x *index) neighbor(s Sighting) []claim {
	from := End{Device: s.Device, Port: s.Port}
	to := End{Device: x.resolve(s)}
	switch {
	case to.Device == s.Device:
		return nil
	case to.Device != "":
		to.Port = x.port(to.Device, s.RemotePort, s.RemoteMAC)
		if to.Port == "" && s.RemotePortDescr != "" {
			to.Port = x.port(to.Device, s.RemotePortDescr, "")
		}
	default:
		to = unknown(s)
		to.Port = strings.TrimSpace(s.RemotePort)
		if MAC(to.Port) != "" && s.RemotePortDescr != "" {
			to.Port = strings.TrimSpace(s.RemotePortDescr)
		}
		if to.Unknown == "" {
			return nil
		}
	}
	w := weightNeighbor
	if to.Port == "" {
		w *= noPort
	}
	return []claim{{Physical, from, to, evidence(s, w)}}
}

// adjacent turns what was seen above layer 2 into a claim. Strangers are left out:
// an address table is full of them.
func (x *index) adjacent(s Sighting) []claim {
	to := x.resolve(s)
	if to == "" || to == s.Device {
		return nil
	}
	layer, w := Adjacent, weightARP
	switch s.Protocol {
	case Route:
		w = weightRoute
	case Connection:
		return []claim{{Service, End{Device: s.Device}, End{Device: to}, evidence(s, weightConnection)}}
	}
	return []claim{{layer, End{Device: s.Device, Port: s.Port}, End{Device: to, Port: x.byAddressPort(to, s.RemoteMAC)}, evidence(s, w)}}
}

func evidence(s Sighting, w float64) Evidence {
	e := Evidence{Protocol: s.Protocol, Weight: w, First: s.First, Last: s.Last, Gone: s.Gone, VLAN: s.VLAN}
	if s.RemoteTCP > 0 {
		e.Ports = []int{s.RemoteTCP}
	}
	if s.Process != "" {
		e.Processes = []string{s.Process}
	}
	return e
}

func unknown(s Sighting) End {
	label := cmp.Or(strings.TrimSpace(s.RemoteName), s.RemoteAddress, written(s.RemoteMAC))
	if MAC(label) != "" {
		label = cmp.Or(s.RemoteAddress, written(label))
	}
	switch {
	case MAC(s.RemoteMAC) != "":
		return End{Unknown: "mac:" + MAC(s.RemoteMAC), Label: label}
	case strings.TrimSpace(s.RemoteName) != "":
		return End{Unknown: "name:" + fold(s.RemoteName), Label: label}
	case s.RemoteAddress != "":
		return End{Unknown: "address:" + s.RemoteAddress, Label: label}
	}
	return End{}
}
