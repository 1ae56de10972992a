// Package netlab runs the real program in a small real network: routers, switches
// and hosts in network namespaces, with lldpd and snmpd.
package netlab

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"time"
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

func TestDump(t *testing.T) {
	l := newLab(t)
	town(l)
	begin := time.Now()
	l.until("lldp", func() bool { return len(l.hears("sw3")) == 2 && len(l.hears("r1")) == 2 && len(l.hears("sw2"))==3 && len(l.hears("sw1")) ==3 })
	t.Log("lldp", time.Since(begin))
	s := l.serve("mgmt", "10.201.1.5:8080", t.TempDir())
	t.Log("served", time.Since(begin))
	s.must("PUT", "/api/v1/credentials/lab", map[string]any{"version": "2c", "community": "lab-secret"})
	s.must("PUT", "/api/v1/credentials/labv3", map[string]any{"version": "3", "user": "ops", "auth_protocol": "SHA256", "auth_password": "auth-password", "priv_protocol": "AES", "priv_password": "priv-password"})
	s.must("POST", "/api/v1/discovery-jobs", map[string]any{"name": "lab", "targets": []string{"10.201.1.0/27", "10.201.2.0/27", "10.201.0.0/30"}, "credentials": []string{"lab", "labv3"}, "add": "all", "vanished_after": 1, "rate": 2000, "ports":[]int{22,80}})
	l.until("run", func() bool {
		return get[map[string]any](s, "/api/v1/discovery-jobs/lab")["run"].(map[string]any)["ended_at"] != nil
	})
	t.Log("run ended", time.Since(begin))
	time.Sleep(12*time.Second)
	j := get[map[string]any](s, "/api/v1/discovery-jobs/lab")
	id := j["run"].(map[string]any)["id"].(string)
	show := func(path string) { 
	  var b bytes.Buffer
	  json.Indent(&b, s.must("GET", path, nil), "", " ")
	  os.WriteFile("/tmp/netlab-dump/"+strings.NewReplacer("/", "_", "?","_").Replace(path)+".json", b.Bytes(), 0o644) }
	os.MkdirAll("/tmp/netlab-dump", 0o755)
	show("/api/v1/discovery-runs/"+id+"/findings?limit=200")
	show("/api/v1/discovery-runs/"+id+"/log?limit=500")
	show("/api/v1/items?limit=200")
	show("/api/v1/topology?layer=2")
	show("/api/v1/topology?layer=3")
	show("/api/v1/topology?layer=service")
	show("/api/v1/addresses?limit=200")
	show("/api/v1/prefixes?limit=200")
	for _, n := range []string{"r1","sw1","sw3","h2", "h4"} { show("/api/v1/items/"+n); show("/api/v1/items/"+n+"/links"); show("/api/v1/items/"+n+"/interfaces") }
	t.Log("done", time.Since(begin))
	b, _ := exec.Command("sqlite3", s.data+"/mainstay.db", "select kind,state,scheduled_at,finalized_at,errors from river_job").CombinedOutput()
	t.Log(string(b))
	b, _ = exec.Command("sh", "-c", "ls -l "+s.data+"; cat "+l.dir+"/mgmt-env.log").CombinedOutput()
	t.Log(string(b))
	if os.Getenv("HOLD") != "" { for { if _, err := os.Stat("/tmp/netlab-stop"); err == nil { break }; time.Sleep(time.Second) } }
}
