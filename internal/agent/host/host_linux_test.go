package host

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
)

func values(f *Figures) map[string]float64 {
	out := map[string]float64{}
	for _, p := range f.Points {
		s := f.Series[p.Series]
		b, _ := json.Marshal(s.Labels)
		out[s.Name+string(b)] = p.Value
	}
	return out
}

// TestThisMachine reads the real machine twice.
func TestThisMachine(t *testing.T) {
	t.Parallel()
	now := time.Now()
	r := NewReader(func() time.Time { return now })
	first := r.Figures(t.Context())
	r.Processes(t.Context(), first)
	now = now.Add(10 * time.Second)
	f := r.Figures(t.Context())
	ps := r.Processes(t.Context(), f)
	v := values(f)
	require.Len(t, v, len(f.Points), "each series has one value")
	total, free := v["host_memory_total_bytesnull"], v["host_memory_available_bytesnull"]
	require.Greater(t, total, free)
	require.Positive(t, free)
	require.Positive(t, v["host_uptime_secondsnull"])
	require.Positive(t, v[`host_filesystem_size_bytes{"mount":"/"}`])
	require.GreaterOrEqual(t, v["host_processesnull"], float64(len(ps)))
	own := slices.IndexFunc(ps, func(p agentwire.Process) bool { return int(p.PID) == os.Getpid() })
	if own >= 0 {
		require.Positive(t, ps[own].MemoryBytes)
		require.NotEmpty(t, ps[own].User)
		require.WithinDuration(t, time.Now(), ps[own].Started, time.Hour)
	}
	require.LessOrEqual(t, len(ps), 2*topProcesses)

	inv := r.Inventory(t.Context())
	name, err := os.Hostname()
	require.NoError(t, err)
	require.Equal(t, name, inv.Host.Hostname)
	require.Equal(t, uint64(total), inv.Host.MemoryBytes)
	require.NotEmpty(t, inv.Disks)
	require.True(t, slices.ContainsFunc(inv.Interfaces, func(i agentwire.Interface) bool { return i.Loopback && len(i.Addresses) > 0 }))
	require.True(t, slices.ContainsFunc(inv.Users, func(u agentwire.User) bool { return u.Name == "root" && u.Admin }))
	if _, err := os.Stat("/var/lib/dpkg/status"); err == nil {
		require.True(t, slices.ContainsFunc(inv.Packages, func(p agentwire.Package) bool { return p.Name == "dpkg" && p.Version != "" && p.Manager == "dpkg" }))
	}
}

func TestOwnPortIsSeen(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	c, err := net.Dial("tcp4", l.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	ports, conns := NewReader(time.Now).Sockets(t.Context())
	want := l.Addr().(*net.TCPAddr).Port
	i := slices.IndexFunc(ports, func(p agentwire.Port) bool { return p.Port == want && p.Protocol == "tcp" })
	require.GreaterOrEqual(t, i, 0)
	require.Equal(t, []string{"127.0.0.1"}, ports[i].Addresses)
	require.Equal(t, int32(os.Getpid()), ports[i].PID)
	require.NotEmpty(t, ports[i].Process)
	require.NotNil(t, conns)
	for _, c := range conns {
		require.NotEqual(t, want, c.RemotePort, "connections inside the host tell nothing about others")
	}
}

func TestOutgoing(t *testing.T) {
	t.Parallel()
	s := func(local, remote string, pid int32) socket {
		var out socket
		var ok1, ok2 bool
		out.local, ok1 = parseAddr(local)
		out.remote, ok2 = parseAddr(remote)
		require.True(t, ok1 && ok2)
		out.protocol, out.pid = "tcp", pid
		return out
	}
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		t.Skip("the addresses are written for little endian")
	}
	all := []socket{
		s("0200000A:D431", "0300000A:1538", 0), // 10.0.0.2 -> 10.0.0.3:5432
		s("0200000A:D432", "0300000A:1538", 0), // again
		s("0200000A:0050", "0900000A:C000", 0), // a client of ours
		s("0200000A:D433", "0200000A:1538", 0), // this host itself
	}
	got := NewReader(time.Now).outgoing(t.Context(), all, func(_ string, p uint16) bool { return p == 80 })
	require.Equal(t, []agentwire.Connection{{RemoteAddress: "10.0.0.3", RemotePort: 5432}}, got)
}

func TestCommandsHideValues(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"/usr/sbin/mysqld --password=hunter2 -phunter2": "mysqld --password=… -p…",
		"app serve --token hunter2 https://u:p@host":    "app serve --token …",
		"psql postgres://u:hunter2@db":                  "psql …",
		"java -Dpw=hunter2 -jar x.jar hunter2":          "java -D… -j… …",
		"sh -c hunter2 hunter2 -- hunter2":              "sh -c … -… …",
		"curl hunter2=hunter2":                          "curl …",
	} {
		got := maskCommand(strings.Fields(in))
		require.NotContains(t, got, "hunter2")
		require.Equal(t, want, got)
	}
}

func TestParsers(t *testing.T) {
	t.Parallel()
	p, ok := parseStat([]byte("42 (a) b (c) S 1 42 42 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 7 0 12345 1000000 256 18446744073709551615 1 1"), 4096)
	require.True(t, ok)
	require.Equal(t, proc{name: "a) b (c", state: 'S', parent: 1, threads: 7, cpu: 2, start: 123.45, memory: 256 * 4096}, p)
	kind, v, ok := parsePressure("full avg10=0.00 avg60=1.20 avg300=0.50 total=2500000\n")
	require.True(t, ok)
	require.Equal(t, "full", kind)
	require.InDelta(t, 2.5, v, 1e-9)

	us := parseUnits("Id=ssh.service\nDescription=OpenSSH\nLoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\n\nId=gone.service\nLoadState=not-found\nActiveState=inactive\n\nId=x.service\nLoadState=loaded\nActiveState=failed\nSubState=failed\nUnitFileState=disabled\n")
	require.Equal(t, []agentwire.Service{{Name: "ssh", Title: "OpenSSH", State: "running", Enabled: true}, {Name: "x", State: "failed"}}, us)

	ps := parseStanzas(bufio.NewReader(strings.NewReader("Package: a\nStatus: install ok installed\nVersion: 1:2-3\nArchitecture: amd64\nDescription: "+strings.Repeat("x", 70000)+"\n\nPackage: b\nStatus: deinstall ok config-files\nVersion: 1\n\nPackage: c\nStatus: hold ok installed\nVersion: 4\n")), "dpkg", dpkgKeys)
	require.Equal(t, []agentwire.Package{{Name: "a", Version: "1:2-3", Arch: "amd64", Manager: "dpkg"}, {Name: "c", Version: "4", Manager: "dpkg"}}, ps)
	require.Equal(t, []agentwire.Package{{Name: "musl", Version: "1.2.5-r0", Arch: "x86_64", Manager: "apk"}}, parseStanzas(bufio.NewReader(strings.NewReader("C:Q1x\nP:musl\nV:1.2.5-r0\nA:x86_64\n\n")), "apk", apkKeys))
	require.Equal(t, []agentwire.Package{{Name: "bash", Version: "5.2-1.el9", Arch: "x86_64", Manager: "rpm"}}, parseRPM([]byte("bash\t5.2-1.el9\tx86_64\nodd line\n")))
	require.Equal(t, []agentwire.User{{Name: "ann", ID: "1000", Home: "/home/ann", Shell: "/bin/sh", Admin: true}}, parseUsers([]byte("ann:x:1000:1000::/home/ann:/bin/sh\nbroken\n"), admins([]byte("sudo:x:27:bob,ann\n"))))

	var d agentwire.Disk
	require.Equal(t, "failed", parseSmart([]byte(`{"model_name":"M","serial_number":"S","smart_status":{"passed":false}}`), &d))
	require.Equal(t, "M", d.Model)
	require.Equal(t, "not permitted", parseSmart([]byte(`{"smartctl":{"messages":[{"string":"Smartctl open device: /dev/sda failed: Permission denied"}]}}`), &d))
	for in, want := range map[string]string{"postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)": "15.13", "Redis server v=7.0.15 sha=0": "7.0.15", "mariadbd  Ver 10.11.11-MariaDB-0+deb12u1 for debian-linux-gnu": "10.11.11-MariaDB-0+deb12u1", "no": ""} {
		require.Equal(t, want, parseVersion(in))
	}
	var db agentwire.Database
	parseInfo("# Server\r\nredis_version:7.0.15\r\nused_memory:1024\r\nrole:slave\r\nmaster_link_status:up\r\n", &db)
	require.Equal(t, agentwire.Database{Version: "7.0.15", SizeBytes: 1024, Replication: "replica, link up"}, db)
	for name, whole := range map[string]bool{"sda": true, "sda1": false, "nvme0n1": true, "nvme0n1p2": false, "vda3": false, "dm-0": false, "mmcblk0": true, "loop3": false} {
		require.Equal(t, whole, wholeDisk(name), name)
	}
}

func TestContainersOfAnEngine(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	require.NoError(t, err)
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.String() == "/containers/json?all=1" {
			_, _ = w.Write([]byte(`[{"Id":"0123456789abcdef","Names":["/web"],"Image":"nginx:1","State":"running"}]`))
		}
	})}}
	s.Start()
	defer s.Close()
	cs, err := containersAt(context.Background(), l.Addr().String())
	require.NoError(t, err)
	require.Equal(t, []agentwire.Container{{ID: "0123456789abcdef", Name: "web", Image: "nginx:1", State: "running"}}, cs)
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("42 (a) S 1 42 42 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 7 0 12345 1000000 256"))
	f.Add([]byte(") ("))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, ok := parseStat(b, 4096); ok && (p.cpu < 0 || len(p.name) > 60) {
			t.Fatalf("%+v", p)
		}
	})
}

func FuzzSocketAndTexts(f *testing.F) {
	f.Add("0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 12345 1", "redis_version:1")
	f.Fuzz(func(t *testing.T, l, text string) {
		if s, _, ok := parseSocket(l, "tcp"); ok && !s.local.IsValid() {
			t.Fatal("an address that is none")
		}
		var db agentwire.Database
		parseInfo(text, &db)
		var d agentwire.Disk
		parseSmart([]byte(text), &d)
		parseUnits(text)
		parseVersion(text)
		parseRPM([]byte(text))
		maskCommand(strings.Split(text, " "))
		for _, p := range parseStanzas(bufio.NewReader(strings.NewReader(text)), "dpkg", dpkgKeys) {
			if p.Name == "" || p.Version == "" {
				t.Fatal("a package without a name or version")
			}
		}
	})
}
