package discovery

import (
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/snmp/device"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/visit"
	"github.com/mainstay-ops/mainstay/internal/core/sweep"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

func reading1(name, serial string) *visit.Reading {
	return &visit.Reading{Credential: "c", Device: &device.Device{
		Item:       device.Item{Name: name, Serial: serial, Vendor: "Acme", Model: "S24", OS: "acmeos", Version: "1.2", Kind: "network_device", SysDescr: "x", SysObjectID: "1.3"},
		Interfaces: []device.Interface{{Index: 1, Name: "p1", MAC: "00:11:22:33:44:55", OperStatus: "up"}, {Index: 2, MAC: "00:00:5e:00:01:07"}, {Index: 3, MAC: "02:42:00:00:00:01"}},
		Hosts:      []device.Host{{Address: "10.0.0.99", MAC: "00:aa:00:00:00:" + serial, IfIndex: 1}},
	}}
}

func TestFactsAndItem(t *testing.T) {
	t.Parallel()
	spec := JobSpec{}.filled()
	h := &sweep.Host{Address: netip.MustParseAddr("10.0.0.7"), SeenBy: "icmp", Name: "sw7.example.org", Services: []sweep.Service{{Port: 22, Speaks: "ssh", Banner: "SSH-2.0-A"}, {Port: 9100}}}
	f := factsOf(nil, spec, h, reading1("sw7", "11"))
	in := f.item("", "10.0.0.7")
	require.Equal(t, "sw7", in.Name)
	require.Equal(t, "network_device", in.Kind)
	require.Equal(t, "snmp", in.Source)
	require.Equal(t, map[string][]string{estate.BySerial: {"11"}, estate.ByMAC: {"00:11:22:33:44:55"}, estate.ByFQDN: {"sw7.example.org"}}, in.Identity, "addresses that move are no identity")
	require.Equal(t, "Acme", in.Attributes["vendor"])
	require.Equal(t, []string{"22", "9100"}, in.Attributes["open_ports"])
	require.Equal(t, "Acme S24, acmeos 1.2", f.about())

	// Without SNMP this time, what it said stays; a closed port goes.
	h.Services = h.Services[:1]
	now := factsOf(f, spec, h, nil)
	require.Equal(t, []Change{{Field: "port 9100", From: "open", To: ""}}, diff(f, now))
	// A run that does not look at ports does not miss them.
	require.Empty(t, diff(f, factsOf(f, JobSpec{Methods: []string{"ping"}}.filled(), h, nil)))
	require.False(t, replaced(f, now))
	require.True(t, replaced(f, factsOf(f, spec, h, reading1("sw8", "12"))))
	require.Equal(t, "10.0.0.7", facts{"name": "localhost"}.title("10.0.0.7"))
	require.Equal(t, "10.0.0.7", facts{"name": "bad\x00name"}.title("10.0.0.7"))
}

func TestHostProposalsAreValid(t *testing.T) {
	t.Parallel()
	h := &sweep.Host{Address: netip.MustParseAddr("2001:db8::7"), SeenBy: "icmp"}
	for i, s := range []string{"", "http", "https", "tls", "ssh", "smtp", "ftp", "imap", "pop3"} {
		h.Services = append(h.Services, sweep.Service{Port: 1000 + i, Speaks: s, Cert: &sweep.Certificate{}})
	}
	ps := proposeFor("sw7", h)
	require.Len(t, ps, 1+2*len(h.Services))
	names := map[string]bool{}
	for _, p := range ps {
		require.False(t, names[p.Name], p.Name)
		names[p.Name] = true
		typ, ok := observe.ProbeTypeByName(p.Type)
		require.True(t, ok, "%+v", p)
		b, err := json.Marshal(p.Probe)
		require.NoError(t, err)
		cfg := typ.New()
		require.NoError(t, json.Unmarshal(b, cfg))
		require.NoError(t, cfg.Validate(), "%+v", p)
	}
}

// Two devices with one address, and two with one serial, are told.
func TestProblems(t *testing.T) {
	t.Parallel()
	addr := netip.MustParseAddr("10.0.0.7")
	ts, err := sweep.Parse([]string{"10.0.0.0/24"}, nil, 0)
	require.NoError(t, err)
	a := &active{claims: map[string]claim{}, serials: map[string]string{}, devices: map[string]bool{}, creds: []Credential{{}}, sw: sweep.New(sweep.Net{ARP: func() map[netip.Addr][]string {
		return map[netip.Addr][]string{addr: {"00:00:00:00:00:01", "00:00:00:00:00:02"}}
	}}, sweep.Plan{Targets: ts, Rate: 1})}
	h := &sweep.Host{Address: addr}
	r1, r2 := reading1("one", "11"), reading1("two", "12")
	f1, f2 := factsOf(nil, JobSpec{}, h, r1), factsOf(nil, JobSpec{}, h, r2)
	require.Equal(t, []string{"Two devices use the address 10.0.0.7: 00:00:00:00:00:01 and 00:00:00:00:00:02 answer for it."}, a.problems(h, r1, nil, f1, hostRow{}))
	h.Address = netip.MustParseAddr("10.0.0.8")
	require.Equal(t, []string{
		"10.0.0.8 was one (serial 11) and is now two (serial 12): it was replaced, or two devices use this address.",
		"Two devices use the address 10.0.0.99: one knows it as 00:aa:00:00:00:11, two as 00:aa:00:00:00:12.",
	}, a.problems(h, r2, f1, f2, hostRow{}))
	h.Address = netip.MustParseAddr("10.0.0.9")
	r3 := reading1("three", "11")
	require.Equal(t, []string{"The serial 11 is also that of one (10.0.0.7)."}, a.problems(h, r3, nil, factsOf(nil, JobSpec{}, h, r3), hostRow{}))
	require.Equal(t, []string{"It was read by SNMP with the credential c before and does not answer SNMP now."}, a.problems(h, nil, f1, f1, hostRow{Credential: "c"}))
}

func TestNetworkOf(t *testing.T) {
	t.Parallel()
	v := networkOf("i", reading1("x", "11").Device, time.Now())
	require.Len(t, v.Interfaces, 3)
	require.True(t, v.Interfaces[0].OperUp)
	require.Equal(t, []estate.Neighbor{{LocalIfIndex: 1, Evidence: estate.EvidenceARP, RemoteAddress: "10.0.0.99", RemoteMAC: "00:aa:00:00:00:11"}}, v.Neighbors)
}
