// Package netlab runs the real program in a small real network: routers, switches
// and hosts in network namespaces, with lldpd and snmpd.
package netlab

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // to turn back the clock of what is stored
)

const (
	public = "rocommunity lab-secret"
	wrong  = "rocommunity other-secret"
	v3     = "createUser ops SHA-256 auth-password AES priv-password\nrouser ops authpriv"
)

// town is the network of these tests:
//
//	mgmt ─ p4 sw1 p1 ─ lan0 r1 wan0 ─ wan0 r2 lan0 ─ p1 sw2 p2 ─ p1 sw3
//	h1 ─── p2 sw1                                h3 ─ p3 sw2      sw3 p2 ─ h4
//	h2 ─── p3 sw1                                                 sw3 p3 ─ h5
//
// h1, h4 and the routers and switches answer SNMP v2c, h2 v3, h3 only to another
// community; h5 has neither snmpd nor lldpd.
func town(l *lab) {
	for _, n := range []string{"r1", "r2"} {
		l.router(n)
	}
	for _, n := range []string{"mgmt", "sw1", "sw2", "sw3", "h1", "h2", "h3", "h4", "h5"} {
		l.node(n)
	}
	l.wire("r1", "lan0", "sw1", "p1")
	l.wire("h1", "eth0", "sw1", "p2")
	l.wire("h2", "eth0", "sw1", "p3")
	l.wire("mgmt", "eth0", "sw1", "p4")
	l.wire("r1", "wan0", "r2", "wan0")
	l.wire("r2", "lan0", "sw2", "p1")
	l.wire("sw2", "p2", "sw3", "p1")
	l.wire("h3", "eth0", "sw2", "p3")
	l.wire("h4", "eth0", "sw3", "p2")
	l.wire("h5", "eth0", "sw3", "p3")

	l.address("r1", "lan0", "10.201.1.1/24")
	l.address("r1", "wan0", "10.201.0.1/30")
	l.address("r2", "wan0", "10.201.0.2/30")
	l.address("r2", "lan0", "10.201.2.1/24")
	l.ip("r1", "route", "add", "10.201.2.0/24", "via", "10.201.0.2")
	l.ip("r2", "route", "add", "10.201.1.0/24", "via", "10.201.0.1")
	l.bridge("sw1", "10.201.1.2/24", "10.201.1.1", "p1", "p2", "p3", "p4")
	l.bridge("sw2", "10.201.2.2/24", "10.201.2.1", "p1", "p2", "p3")
	l.bridge("sw3", "10.201.2.3/24", "10.201.2.1", "p1", "p2", "p3")
	for host, cidr := range map[string]string{"mgmt": "10.201.1.5/24", "h1": "10.201.1.11/24", "h2": "10.201.1.12/24"} {
		l.address(host, "eth0", cidr)
		l.gateway(host, "10.201.1.1")
	}
	for host, cidr := range map[string]string{"h3": "10.201.2.13/24", "h4": "10.201.2.14/24", "h5": "10.201.2.15/24"} {
		l.address(host, "eth0", cidr)
		l.gateway(host, "10.201.2.1")
	}

	for _, n := range []string{"r1", "r2"} {
		l.snmp(n, public)
		l.lldp(n, "lan*,wan*")
	}
	for _, n := range []string{"sw1", "sw2", "sw3"} {
		l.snmp(n, public, passBridge())
		l.lldp(n, "p*", "configure lldp portidsubtype ifname")
	}
	l.snmp("h1", public)
	l.snmp("h2", v3)
	l.snmp("h3", wrong)
	l.snmp("h4", public)
	for _, n := range []string{"h1", "h2", "h3", "h4"} {
		l.lldp(n, "eth*")
	}
	l.heard(map[string]int{"r1": 2, "r2": 2, "sw1": 3, "sw2": 3, "sw3": 2, "h1": 1, "h2": 1, "h3": 1, "h4": 1})
}

// heard waits until nodes hear so many neighbors, and what they hear is also what
// snmpd tells.
func (l *lab) heard(want map[string]int) {
	l.t.Helper()
	for node, n := range want {
		l.until(fmt.Sprintf("%s hears %d neighbors", node, n), func() bool { return len(l.hears(node)) == n })
	}
}

type finding struct {
	Address, Outcome, Name, About, Item string
	Problems                            []string
	Changes                             []struct{ Field, From, To string }
}

type run struct {
	ID, State                         string
	New, Changed, Vanished, Unchanged int
	EndedAt                           *time.Time `json:"ended_at"`
}

type list[T any] struct{ Items []T }

// runJob waits until the newest run of the job, which is not the one before, has
// ended, and gives what it found by address.
func (s *server) runJob(before string) (run, map[string]finding) {
	s.l.t.Helper()
	var r run
	s.l.until("the run has ended", func() bool {
		j := get[struct{ Run *run }](s, "/api/v1/discovery-jobs/lab")
		if j.Run == nil || j.Run.EndedAt == nil || j.Run.ID == before {
			return false
		}
		r = *j.Run
		return true
	})
	require.Equal(s.l.t, "done", r.State)
	out := map[string]finding{}
	for _, f := range get[list[finding]](s, "/api/v1/discovery-runs/"+r.ID+"/findings?limit=200").Items {
		out[f.Address] = f
	}
	return r, out
}

type node struct{ ID, Name, Kind, Subnet string }

type edge struct {
	From, To   string
	Kind       string
	FromPort   string `json:"from_port"`
	ToPort     string `json:"to_port"`
	Confidence float64
	State      string
	Stale      bool
	Evidence   []struct {
		Protocol string
		FromA    bool `json:"from_a"`
		FromB    bool `json:"from_b"`
	}
}

// wires gives the edges of a map by their ends, in the order of the names.
func (s *server) wires(layer string) map[string]edge {
	m := get[struct {
		Nodes []node
		Edges []edge
	}](s, "/api/v1/topology?layer="+layer)
	names := map[string]string{}
	for _, n := range m.Nodes {
		names[n.ID] = n.Name
	}
	out := map[string]edge{}
	for _, e := range m.Edges {
		ends := []string{names[e.From] + " " + e.FromPort, names[e.To] + " " + e.ToPort}
		if layer == "2" {
			slices.Sort(ends)
		}
		out[ends[0]+" - "+ends[1]] = e
	}
	return out
}

func (s *server) links(t *testing.T, want ...string) map[string]edge {
	t.Helper()
	slices.Sort(want)
	var have map[string]edge
	deadline := time.Now().Add(20 * time.Second)
	for {
		have = s.wires("2")
		keys := make([]string, 0, len(have))
		for k := range have {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		if slices.Equal(keys, want) {
			return have
		}
		if time.Now().After(deadline) {
			require.Equal(t, want, keys)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (s *server) itemNames() []string {
	var out []string
	for _, i := range get[list[struct{ Name, Kind string }]](s, "/api/v1/items?limit=200").Items {
		if i.Kind != "application" {
			out = append(out, i.Name)
		}
	}
	slices.Sort(out)
	return out
}

type address struct {
	Address  string
	Conflict bool
	Claims   []struct{ Item, Source, Interface string }
}

func (s *server) addresses(query string) map[string]address {
	out := map[string]address{}
	for _, a := range get[list[address]](s, "/api/v1/addresses?limit=200"+query).Items {
		out[a.Address] = a
	}
	return out
}

var (
	wiresAtFirst = []string{
		"h1 eth0 - sw1 p2", "h2 eth0 - sw1 p3", "mgmt eth0 - sw1 p4", "r1 lan0 - sw1 p1", "r1 wan0 - r2 wan0", "r2 lan0 - sw2 p1",
		"sw2 p2 - sw3 p1", "10.201.2.13  - sw2 p3", "h4 eth0 - sw3 p2", "10.201.2.15  - sw3 p3",
	}
	things = []string{"10.201.2.13", "10.201.2.15", "h1", "h2", "h4", "mgmt", "r1", "r2", "sw1", "sw2", "sw3"}
)

func TestNetwork(t *testing.T) {
	l := newLab(t)
	town(l)
	s := l.serve("mgmt", "10.201.1.5:8080", t.TempDir())
	s.must("PUT", "/api/v1/credentials/lab", map[string]any{"version": "2c", "community": "lab-secret"})
	s.must("PUT", "/api/v1/credentials/labv3", map[string]any{"version": "3", "user": "ops", "auth_protocol": "SHA256", "auth_password": "auth-password", "priv_protocol": "AES", "priv_password": "priv-password"})
	s.must("POST", "/api/v1/discovery-jobs", map[string]any{
		"name": "lab", "targets": []string{"10.201.1.0/27", "10.201.2.0/27", "10.201.0.0/30"}, "credentials": []string{"lab", "labv3"},
		"methods": []string{"ping", "snmp"}, "add": "all", "vanished_after": 1, "rate": 2000,
	})
	first, found := s.runJob("")

	// Things: a router is one item at two addresses, the server is that of its machine.
	require.Equal(t, 13, first.New)
	for addr, item := range map[string]string{
		"10.201.0.1": "r1", "10.201.1.1": "r1", "10.201.0.2": "r2", "10.201.2.1": "r2", "10.201.1.2": "sw1", "10.201.2.2": "sw2", "10.201.2.3": "sw3",
		"10.201.1.5": "mgmt", "10.201.1.11": "h1", "10.201.1.12": "h2", "10.201.2.13": "10.201.2.13", "10.201.2.14": "h4", "10.201.2.15": "10.201.2.15",
	} {
		require.Equal(t, item, found[addr].Item, addr)
		require.Empty(t, found[addr].Problems, addr)
	}
	require.Equal(t, things, s.itemNames())
	type item struct {
		Kind       string
		Attributes map[string]any
		Version    int
	}
	r1 := get[item](s, "/api/v1/items/r1")
	require.Equal(t, "host", r1.Kind)
	require.Equal(t, "linux", r1.Attributes["os"])
	require.Equal(t, "lab", r1.Attributes["location"])
	require.Equal(t, "10.201.0.1", r1.Attributes["address"])
	logs := string(s.must("GET", "/api/v1/discovery-runs/"+first.ID+"/log?limit=500&address=10.201.2.13", nil))
	require.Contains(t, logs, "Credential lab: 10.201.2.13:161 did not answer SNMP. It may be off, behind a firewall, or the community may be wrong.")
	require.NotContains(t, logs, "lab-secret")

	// Interfaces, and one link for each wire with its ports.
	type port struct {
		Name, MAC string
		OperUp    bool `json:"oper_up"`
		Addresses []string
	}
	var ports []string
	for _, p := range get[list[port]](s, "/api/v1/items/r1/interfaces").Items {
		ports = append(ports, p.Name)
		if p.Name == "wan0" {
			require.True(t, p.OperUp)
			require.Contains(t, p.Addresses, "10.201.0.1/30")
		}
	}
	require.Equal(t, []string{"lo", "lan0", "wan0"}, ports)
	links := s.links(t, wiresAtFirst...)
	for _, k := range []string{"h1 eth0 - sw1 p2", "r1 wan0 - r2 wan0", "sw2 p2 - sw3 p1"} {
		e := links[k]
		require.Equal(t, "lldp", e.Evidence[0].Protocol, k)
		require.True(t, e.Evidence[0].FromA && e.Evidence[0].FromB, "both ends of %s see it", k)
		require.GreaterOrEqual(t, e.Confidence, 0.99, k)
		require.Equal(t, "up", e.State)
	}
	require.Equal(t, 0.6, links["10.201.2.15  - sw3 p3"].Confidence, "a forwarding table alone")
	nets := s.wires("3")
	for _, k := range []string{"r1 10.201.0.1 - 10.201.0.0/30 wan0", "r2 10.201.0.2 - 10.201.0.0/30 wan0", "r1 10.201.1.1 - 10.201.1.0/24 lan0", "mgmt 10.201.1.5 - 10.201.1.0/24 eth0", "h4 10.201.2.14 - 10.201.2.0/24 eth0", "10.201.2.15 10.201.2.15 - 10.201.2.0/24 "} {
		require.Contains(t, nets, k)
	}
	require.Len(t, nets, 13)

	// Prefixes and addresses with who has them.
	type prefix struct {
		Prefix, Source string
		NearlyFull     bool `json:"nearly_full"`
		Used           int
	}
	prefixes := get[list[prefix]](s, "/api/v1/prefixes?family=4").Items
	require.Equal(t, []prefix{{"10.201.0.0/30", "discovered", false, 2}, {"10.201.1.0/24", "discovered", false, 5}, {"10.201.2.0/24", "discovered", false, 6}}, prefixes)
	addrs := s.addresses("")
	require.Len(t, addrs, 13)
	for addr, who := range map[string][3]string{"10.201.0.2": {"r2", "snmp", "wan0"}, "10.201.1.5": {"mgmt", "host", "eth0"}, "10.201.2.13": {"10.201.2.13", "sweep", ""}} {
		require.Len(t, addrs[addr].Claims, 1, addr)
		c := addrs[addr].Claims[0]
		require.Equal(t, who, [3]string{c.Item, c.Source, c.Interface})
		require.False(t, addrs[addr].Conflict)
	}

	// Nothing changed: nothing is told, and no item is written.
	s.must("POST", "/api/v1/discovery-jobs/lab/run", map[string]any{})
	second, found := s.runJob(first.ID)
	require.Equal(t, 13, second.Unchanged, "%+v", found)
	require.Equal(t, r1.Version, get[item](s, "/api/v1/items/r1").Version)

	// A cable is cut, a host moves to a port of another switch, a new host takes the
	// address of one that is there, and a machine is carried to another rack.
	l.ip("sw1", "link", "set", "p3", "down")
	l.ip("mgmt", "neigh", "flush", "all") // the kernel believes its table for some seconds more
	l.ip("sw3", "link", "set", "p2", "netns", l.ns("sw2"), "name", "p4")
	l.ip("sw2", "link", "set", "p4", "up", "master", "br0")
	l.node("h6")
	l.wire("h6", "eth0", "sw3", "p4")
	l.ip("sw3", "link", "set", "p4", "master", "br0")
	l.address("h6", "eth0", "10.201.2.16/24")
	l.address("h6", "eth0", "10.201.2.14/24")
	l.gateway("h6", "10.201.2.1")
	l.snmp("h6", public)
	l.lldp("h6", "eth*")
	l.stop("h1", "snmpd")
	l.snmp("h1", public, "sysDescr Linux h1 9.9.9-lab #1 SMP x86_64")
	l.heard(map[string]int{"sw1": 2, "sw2": 4, "sw3": 2, "h6": 1})
	l.until("h4 hears its new switch only", func() bool { return slices.Equal(l.hears("h4")["eth0"], []string{"sw2"}) })
	s.must("POST", "/api/v1/discovery-jobs/lab/run", map[string]any{})
	third, found := s.runJob(second.ID)
	require.Equal(t, "vanished", found["10.201.1.12"].Outcome)
	require.Equal(t, "new", found["10.201.2.16"].Outcome)
	require.Equal(t, "changed", found["10.201.1.11"].Outcome)
	require.Equal(t, "version", found["10.201.1.11"].Changes[len(found["10.201.1.11"].Changes)-1].Field)
	require.Equal(t, 1, third.Vanished)
	require.Equal(t, 1, third.New)
	drift := get[list[finding]](s, "/api/v1/discovery-jobs/lab/findings?limit=200").Items
	require.True(t, slices.ContainsFunc(drift, func(f finding) bool { return f.Outcome == "vanished" && f.Item == "h2" }))

	// snmpd keeps its list of interfaces for some seconds.
	last := third
	for _, sw := range []string{"sw2", "sw3"} {
		l.until(sw+" tells its new port", func() bool {
			if slices.ContainsFunc(get[list[port]](s, "/api/v1/items/"+sw+"/interfaces").Items, func(p port) bool { return p.Name == "p4" }) {
				return true
			}
			s.must("POST", "/api/v1/discovery-jobs/lab/run", map[string]any{})
			last, _ = s.runJob(last.ID)
			return false
		})
	}
	now := slices.DeleteFunc(slices.Clone(wiresAtFirst), func(k string) bool { return k == "h4 eth0 - sw3 p2" })
	now = append(now, "h4 eth0 - sw2 p4", "h6 eth0 - sw3 p4")
	links = s.links(t, now...)
	require.Equal(t, "down", links["h2 eth0 - sw1 p3"].State)
	require.False(t, links["h2 eth0 - sw1 p3"].Stale)
	both := append(slices.Clone(things), "h6")
	slices.Sort(both)
	require.Equal(t, both, s.itemNames(), "what moved is no second item")
	l.until("two devices with one address are shown", func() bool { return len(s.addresses("&conflict=true")) == 1 })
	var who []string
	for _, c := range s.addresses("&conflict=true")["10.201.2.14"].Claims {
		who = append(who, c.Item)
	}
	require.ElementsMatch(t, []string{"h4", "h6"}, who)

	// The cut link is stale after some time, and goes.
	ages := func(stale, remove int) {
		s.must("PUT", "/api/v1/topology/settings", map[string]any{"stale_hours": stale, "remove_hours": remove})
	}
	ages(1, 48)
	s.stop()
	later(t, s.data, 90*time.Minute)
	s = l.serve("mgmt", "10.201.1.5:8080", s.data)
	ages(1, 47)
	l.until("the cut link is stale", func() bool { return s.wires("2")["h2 eth0 - sw1 p3"].Stale })
	require.Less(t, s.wires("2")["h2 eth0 - sw1 p3"].Confidence, links["h2 eth0 - sw1 p3"].Confidence)
	require.False(t, s.wires("2")["h1 eth0 - sw1 p2"].Stale)
	ages(1, 1)
	s.links(t, slices.DeleteFunc(now, func(k string) bool { return k == "h2 eth0 - sw1 p3" })...)

	l.watched(t, s)
}

// later makes all that is known of links that are gone, and of h2, older.
func later(t *testing.T, data string, by time.Duration) {
	t.Helper()
	d, err := sql.Open("sqlite", filepath.Join(data, "mainstay.db"))
	require.NoError(t, err)
	defer d.Close()
	const layout = "2006-01-02 15:04:05.999999-07:00"
	at, before := time.Now().UTC().Add(-by).Format(layout), time.Now().UTC().Add(-by-time.Minute).Format(layout)
	_, err = d.ExecContext(t.Context(), "UPDATE network_evidence SET gone_at = ?, first_seen = ? WHERE gone_at IS NOT NULL", at, before)
	require.NoError(t, err)
	_, err = d.ExecContext(t.Context(), "UPDATE network_evidence SET first_seen = ? WHERE item_id = (SELECT id FROM items WHERE name = 'h2')", before)
	require.NoError(t, err)
	res, err := d.ExecContext(t.Context(), "UPDATE network_views SET seen_at = ? WHERE item_id = (SELECT id FROM items WHERE name = 'h2')", at)
	require.NoError(t, err)
	n, err := res.RowsAffected()
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
}

// watched puts an agent on h3, of which only the address was known: it is the same
// item, and a program of it that talks to h1 suggests that it depends on h1.
func (l *lab) watched(t *testing.T, s *server) {
	bin, err := build()
	require.NoError(t, err)
	var tok struct{ Token string }
	require.NoError(t, json.Unmarshal(s.must("POST", "/api/v1/agent-tokens", map[string]any{"max_uses": 1}), &tok))
	dir := filepath.Join(l.dir, "agent")
	l.run("h3", filepath.Join(bin, "mainstay"), "agent", "enroll", "--url", s.url, "--token", tok.Token, "--dir", dir)
	listener, err := l.listen("h1", "10.201.1.11:9000")
	require.NoError(t, err)
	defer listener.Close()
	conn, err := l.dial("h3")(t.Context(), "tcp", "10.201.1.11:9000")
	require.NoError(t, err)
	defer conn.Close()
	l.start("h3", filepath.Join(bin, "mainstay"), "agent", "run", "--dir", dir)
	type proposal struct {
		ID        string
		Item      string
		DependsOn string `json:"depends_on"`
	}
	var got []proposal
	l.until("the connection suggests a dependency", func() bool {
		got = get[list[proposal]](s, "/api/v1/topology/proposals").Items
		return len(got) > 0
	})
	require.Len(t, got, 1, "nothing but that; the agent's own connection to the server is none")
	require.Equal(t, "h1", got[0].DependsOn)
	agent := got[0].Item
	s.must("POST", "/api/v1/topology/proposals/"+got[0].ID+"/accept", nil)
	require.Empty(t, get[list[proposal]](s, "/api/v1/topology/proposals").Items)
	require.Equal(t, "depends_on", s.wires("service")[agent+"  - h1 "].Kind)

	// The agent and the sweep see one hardware address: one item, or a pair to decide on.
	require.Contains(t, string(s.must("GET", "/api/v1/inventory/matches", nil)), "10.201.2.13")
}
