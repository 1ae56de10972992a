package link

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func sees(device, port, other, otherPort string, from time.Duration, gone bool, last time.Duration) Sighting {
	return Sighting{Device: device, Port: port, Protocol: LLDP, RemoteName: other, RemotePort: otherPort, First: day.Add(from), Last: day.Add(last), Gone: gone}
}

// What moved is not in two places; what was only cut stays.
func TestWhatMovedLeavesNoLink(t *testing.T) {
	t.Parallel()
	devices := []Device{
		{ID: "s1", Names: []string{"s1"}, Ports: []Port{{Key: "p1"}, {Key: "p2"}}},
		{ID: "s2", Names: []string{"s2"}, Ports: []Port{{Key: "p1"}}},
		{ID: "h1", Names: []string{"h1"}, Ports: []Port{{Key: "e0", MAC: mac(1)}}},
		{ID: "h2", Names: []string{"h2"}, Ports: []Port{{Key: "e0", MAC: mac(2)}}},
	}
	const h = time.Hour
	s1h1, s2h1, s1h2 := wire(End{Device: "s1", Port: "p1"}, End{Device: "h1", Port: "e0"}), wire(End{Device: "s2", Port: "p1"}, End{Device: "h1", Port: "e0"}), wire(End{Device: "s1", Port: "p1"}, End{Device: "h2", Port: "e0"})
	for name, c := range map[string]struct {
		seen []Sighting
		want []string
	}{
		"cut":                              {[]Sighting{sees("s1", "p1", "h1", "e0", 0, true, 2*h), sees("h1", "e0", "s1", "p1", 0, true, 2*h)}, []string{s1h1}},
		"cut, the host is silent":          {[]Sighting{sees("s1", "p1", "h1", "e0", 0, true, 2*h), sees("h1", "e0", "s1", "p1", 0, false, h)}, []string{s1h1}},
		"moved":                            {[]Sighting{sees("s1", "p1", "h1", "e0", 0, true, 2*h), sees("s2", "p1", "h1", "e0", 2*h, false, 3*h), sees("h1", "e0", "s1", "p1", 0, true, 3*h), sees("h1", "e0", "s2", "p1", 3*h, false, 3*h)}, []string{s2h1}},
		"moved, the host is not heard":     {[]Sighting{sees("s1", "p1", "h1", "e0", 0, true, 3*h), sees("s2", "p1", "h1", "e0", 2*h, false, 3*h), sees("h1", "e0", "s1", "p1", 0, false, h)}, []string{s2h1}},
		"another on the port":              {[]Sighting{sees("s1", "p1", "h1", "e0", 0, true, 2*h), sees("s1", "p1", "h2", "e0", 2*h, false, 3*h), sees("h1", "e0", "s1", "p1", 0, false, h)}, []string{s1h2}},
		"two on a hub":                     {[]Sighting{sees("s1", "p1", "h1", "e0", 0, false, 3*h), sees("s1", "p1", "h2", "e0", 0, false, 3*h)}, []string{s1h1, s1h2}},
		"one of two that see it is broken": {[]Sighting{sees("s1", "p1", "h1", "e0", 0, true, 3*h), sees("s2", "p1", "h1", "e0", 0, false, 3*h), sees("h1", "e0", "s1", "p1", 0, false, 3*h), sees("h1", "e0", "s2", "p1", 0, false, 3*h)}, []string{s1h1, s2h1}},
	} {
		got := found(Join(devices, c.seen, day))
		require.Len(t, got, len(c.want), "%s: %v", name, got)
		for _, w := range c.want {
			require.True(t, got[w], "%s: %v", name, got)
		}
	}
}

// Forwarding tables: an address counts where it is now, also behind another switch.
func TestAMovedAddressCountsWhereItIs(t *testing.T) {
	t.Parallel()
	devices := []Device{{ID: "s1", Names: []string{"s1"}, Ports: []Port{{Key: "p1"}, {Key: "p2"}}}, {ID: "h1", Names: []string{"h1"}, MACs: []string{mac(1)}}}
	fdb := func(port string, n int, gone bool) Sighting {
		return Sighting{Device: "s1", Port: port, Protocol: Bridge, RemoteMAC: mac(n), First: day, Last: day, Gone: gone}
	}
	require.Equal(t, map[string]bool{wire(End{Device: "s1", Port: "p2"}, End{Device: "h1"}): true}, found(Join(devices, []Sighting{fdb("p1", 1, true), fdb("p2", 1, false)}, day)))
}

// A device of which only an IP address is known is found by the address table of
// another, unless that has the hardware address for several.
func TestAddressTablesTellHardwareAddresses(t *testing.T) {
	t.Parallel()
	devices := []Device{
		{ID: "s1", Names: []string{"s1"}, Ports: []Port{{Key: "p1"}, {Key: "p2"}}},
		{ID: "r1", Names: []string{"r1"}},
		{ID: "h1", Names: []string{"10.0.0.1"}, Addresses: []string{"10.0.0.1"}},
		{ID: "h2", Names: []string{"10.0.0.2"}, Addresses: []string{"10.0.0.2"}},
	}
	arp := func(addr string, n int) Sighting {
		return Sighting{Device: "r1", Protocol: ARP, RemoteAddress: addr, RemoteMAC: mac(n), First: day, Last: day}
	}
	fdb := Sighting{Device: "s1", Port: "p1", Protocol: Bridge, RemoteMAC: mac(1), First: day, Last: day}
	require.True(t, found(Join(devices, []Sighting{arp("10.0.0.1", 1), arp("10.0.0.2", 2), fdb}, day))[wire(End{Device: "s1", Port: "p1"}, End{Device: "h1"})])
	for k := range found(Join(devices, []Sighting{arp("10.0.0.1", 1), arp("10.0.0.2", 1), fdb}, day)) {
		require.Contains(t, k, "~mac:", "it answers for both")
	}
}

func TestNamesComeBeforeHardwareAddresses(t *testing.T) {
	t.Parallel()
	require.Equal(t, "sw", better("sw", "00:00:5e:00:53:01"))
	require.Equal(t, "sw", better("00005e005301", "sw"))
	require.Equal(t, "switch", better("switch", "sw"))
	require.Equal(t, "eth0", unknownPort(t))
}

func unknownPort(t *testing.T) string {
	t.Helper()
	ls := Join([]Device{{ID: "s1", Names: []string{"s1"}, Ports: []Port{{Key: "p1"}}}}, []Sighting{{Device: "s1", Port: "p1", Protocol: LLDP, RemoteName: "x", RemotePort: mac(1), RemotePortDescr: "eth0", First: day, Last: day}}, day)
	require.Len(t, ls, 1)
	for _, e := range []End{ls[0].A, ls[0].B} {
		if e.Device == "" {
			return e.Port
		}
	}
	return ""
}
