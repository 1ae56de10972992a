package link

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var day = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// tree is a random switched network: switch i > 0 hangs on an earlier one, hosts
// hang on switches. It knows the truth and tells what each device would see.
type tree struct {
	devices []Device
	// truth holds the two ends of each wire, the smaller first.
	truth map[string]bool
	fdb   []Sighting
	lldp  []Sighting
}

func mac(n int) string { return fmt.Sprintf("02:00:00:00:%02x:%02x", n/256, n%256) }

func wire(a End, b End) string {
	if b.id() < a.id() {
		a, b = b, a
	}
	return a.id() + "/" + a.Port + " " + b.id() + "/" + b.Port
}

func grow(r *rand.Rand, switches, hosts int) *tree {
	t := &tree{truth: map[string]bool{}}
	n := switches + hosts
	type half struct {
		to   int
		port string
	}
	next := make([][]half, n)
	name := func(i int) string { return fmt.Sprintf("d%03d", i) }
	for i := range n {
		t.devices = append(t.devices, Device{ID: name(i), Names: []string{fmt.Sprintf("sw%d.example.org", i)}, Ports: []Port{{Key: "mgmt", MAC: mac(i)}}})
	}
	join := func(a, b int) {
		pa, pb := fmt.Sprintf("port%d", len(next[a])), fmt.Sprintf("port%d", len(next[b]))
		if b >= switches {
			pb = "mgmt"
		} else {
			t.devices[b].Ports = append(t.devices[b].Ports, Port{Key: pb})
		}
		t.devices[a].Ports = append(t.devices[a].Ports, Port{Key: pa})
		next[a], next[b] = append(next[a], half{b, pa}), append(next[b], half{a, pb})
		t.truth[wire(End{Device: name(a), Port: pa}, End{Device: name(b), Port: pb})] = true
		for _, s := range [][4]string{{name(a), pa, fmt.Sprint(b), pb}, {name(b), pb, fmt.Sprint(a), pa}} {
			t.lldp = append(t.lldp, Sighting{Device: s[0], Port: s[1], Protocol: LLDP, RemoteName: "sw" + s[2], RemotePort: s[3], First: day, Last: day})
		}
	}
	for i := 1; i < switches; i++ {
		join(r.IntN(i), i)
	}
	for i := switches; i < n; i++ {
		join(r.IntN(switches), i)
	}
	var seen func(at, from int, f func(int))
	seen = func(at, from int, f func(int)) {
		f(at)
		for _, h := range next[at] {
			if h.to != from {
				seen(h.to, at, f)
			}
		}
	}
	for i := range switches {
		for _, h := range next[i] {
			seen(h.to, i, func(o int) {
				t.fdb = append(t.fdb, Sighting{Device: name(i), Port: h.port, Protocol: Bridge, RemoteMAC: mac(o), First: day, Last: day})
			})
		}
	}
	return t
}

func found(ls []Link) map[string]bool {
	out := map[string]bool{}
	for _, l := range ls {
		if l.Layer == Physical {
			out[wire(l.A, l.B)] = true
		}
	}
	return out
}

// Complete forwarding tables of a tree of switches give exactly its wires.
func TestForwardingTablesGiveTheWires(t *testing.T) {
	t.Parallel()
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 1))
		n := grow(r, 2+r.IntN(12), 3+r.IntN(30))
		require.Equal(t, n.truth, found(Join(n.devices, n.fdb, day)), "seed %d", seed)
	}
}

// LLDP alone gives the wires; with the tables beside it, still the same wires, and
// surer.
func TestNeighborProtocolsAndTablesAgree(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 2))
		n := grow(r, 2+r.IntN(8), r.IntN(20))
		alone := Join(n.devices, n.lldp, day)
		require.Equal(t, n.truth, found(alone), "seed %d", seed)
		both := Join(n.devices, append(n.lldp, n.fdb...), day)
		require.Equal(t, n.truth, found(both), "seed %d", seed)
		for i, l := range both {
			require.GreaterOrEqual(t, l.Confidence, alone[i].Confidence)
			require.LessOrEqual(t, l.Confidence, 1.0)
		}
	}
}

// The order of sightings and devices makes no difference.
func TestOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 3))
		n := grow(r, 2+r.IntN(6), r.IntN(12))
		ss := append(n.lldp, n.fdb...)
		// Some of it is lost.
		r.Shuffle(len(ss), func(i, j int) { ss[i], ss[j] = ss[j], ss[i] })
		ss = ss[:len(ss)*2/3]
		want := Join(n.devices, ss, day)
		r.Shuffle(len(ss), func(i, j int) { ss[i], ss[j] = ss[j], ss[i] })
		r.Shuffle(len(n.devices), func(i, j int) { n.devices[i], n.devices[j] = n.devices[j], n.devices[i] })
		require.Equal(t, want, Join(n.devices, ss, day), "seed %d", seed)
	}
}

func two() []Device {
	return []Device{
		{ID: "a", Names: []string{"core.example.org"}, Ports: []Port{{Key: "GigabitEthernet0/1", MAC: mac(1)}, {Key: "GigabitEthernet0/2", MAC: mac(2)}}, Addresses: []string{"10.0.0.1"}},
		{ID: "b", Names: []string{"edge"}, Ports: []Port{{Key: "eth0", MAC: mac(9)}}, Addresses: []string{"10.0.0.2"}},
	}
}

func TestTwoSidesAreOneLink(t *testing.T) {
	t.Parallel()
	ls := Join(two(), []Sighting{
		{Device: "a", Port: "GigabitEthernet0/1", Protocol: LLDP, RemoteMAC: mac(9), First: day, Last: day},
		{Device: "b", Port: "eth0", Protocol: LLDP, RemoteName: "CORE.example.org.", RemotePort: "Gi0/1", First: day.Add(-time.Hour), Last: day},
	}, day)
	require.Len(t, ls, 1)
	require.Equal(t, "GigabitEthernet0/1", ls[0].A.Port)
	require.Equal(t, "eth0", ls[0].B.Port)
	require.True(t, ls[0].Evidence[0].FromA && ls[0].Evidence[0].FromB)
	require.InDelta(t, 0.99, ls[0].Confidence, 0.001)
	require.Equal(t, day.Add(-time.Hour), ls[0].First)
}

func TestStrangersStayAndAgeHalves(t *testing.T) {
	t.Parallel()
	s := Sighting{Device: "a", Port: "GigabitEthernet0/2", Protocol: CDP, RemoteName: "phone-7", RemotePort: "Port 1", First: day, Last: day}
	ls := Join(two(), []Sighting{s}, day)
	require.Len(t, ls, 1)
	require.Equal(t, "phone-7", ls[0].A.Label+ls[0].B.Label)
	require.InDelta(t, 0.9, ls[0].Confidence, 0.001)
	ls = Join(two(), []Sighting{s}, day.Add(time.Hour))
	require.InDelta(t, 0.45, ls[0].Confidence, 0.001)
}

func TestDoublesProveNothing(t *testing.T) {
	t.Parallel()
	ds := append(two(), Device{ID: "c", Names: []string{"clone"}, Ports: []Port{{Key: "eth0", MAC: mac(9)}}, Addresses: []string{"10.0.0.2"}})
	ls := Join(ds, []Sighting{
		{Device: "a", Port: "GigabitEthernet0/1", Protocol: ARP, RemoteMAC: mac(9), RemoteAddress: "10.0.0.2", First: day, Last: day},
		{Device: "a", Protocol: Connection, RemoteAddress: "10.0.0.2", RemoteTCP: 5432, First: day, Last: day},
	}, day)
	require.Empty(t, ls)
}

func TestConnectionsHaveADirection(t *testing.T) {
	t.Parallel()
	ls := Join(two(), []Sighting{
		{Device: "b", Protocol: Connection, RemoteAddress: "10.0.0.1", RemoteTCP: 5432, Process: "app", First: day, Last: day},
		{Device: "b", Protocol: Connection, RemoteAddress: "10.0.0.1", RemoteTCP: 443, Process: "app", First: day, Last: day},
	}, day)
	require.Len(t, ls, 1)
	require.Equal(t, "b", ls[0].A.Device)
	require.Equal(t, []int{443, 5432}, ls[0].Evidence[0].Ports)
}

// FuzzJoin: whatever devices say, nothing breaks and no link leads from a device to
// itself.
func FuzzJoin(f *testing.F) {
	f.Add("core", "Gi0/1", "02:00:00:00:00:09", "10.0.0.2", "lldp")
	f.Add("", "", "ff", "::1", "fdb")
	f.Fuzz(func(t *testing.T, name, port, hw, addr, protocol string) {
		for _, l := range Join(two(), []Sighting{{Device: "a", Port: port, Protocol: protocol, RemoteName: name, RemotePort: port, RemoteMAC: hw, RemoteAddress: addr, First: day, Last: day}}, day) {
			if l.A.id() == l.B.id() || l.Confidence <= 0 || l.Confidence > 1 {
				t.Fatalf("%+v", l)
			}
		}
	})
}
