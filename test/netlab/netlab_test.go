// Package netlab runs the real program in a small real network: routers, switches
// and hosts in network namespaces, with lldpd and snmpd.
package netlab

import (
	"testing"
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
}

func TestNetwork(t *testing.T) {
	l := newLab(t)
	town(l)
	l.until("lldp", func() bool { return len(l.hears("sw3")) == 2 })
	t.Log(l.hears("sw3"), l.hears("r1"), l.hears("sw1"), l.hears("sw2"))
	s := l.serve("mgmt", "10.201.1.5:8080", t.TempDir())
	_ = s
	t.Log(l.run("mgmt", "sh", "-c", "snmpwalk -v2c -c lab-secret 10.201.2.3 .1.3.6.1.2.1.17; snmpwalk -v2c -c lab-secret 10.201.2.3 1.0.8802.1.1.2.1.4; snmpwalk -v2c -c lab-secret 10.201.2.1 .1.3.6.1.2.1.4.35"))
}
