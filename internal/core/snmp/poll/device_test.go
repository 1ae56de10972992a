package poll

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/sample"
	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/column"
	core "github.com/mainstay-ops/mainstay/internal/core/snmp/device"
	"github.com/mainstay-ops/mainstay/internal/testkit"
	"github.com/mainstay-ops/mainstay/internal/testkit/snmpreplay"
)

// kept is a Sink that keeps the last value of each series, by its labels, and the last
// result of each device.
type kept struct {
	mu     sync.Mutex
	ids    map[string]sample.ID
	names  []string
	values map[string]float64
	last   map[string]Result
}

func (k *kept) Forget(string) {}

func (k *kept) Series(_ string, labels map[string]string) (sample.ID, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key := labels["__name__"]
	for _, l := range []string{"item", "interface", "index", "cast", "processor", "memory", "storage", "sensor", "peer", "neighbor"} {
		if labels[l] != "" && l != "item" && (l != "index" || labels["interface"] == "") {
			key += " " + labels[l]
		}
	}
	if id, ok := k.ids[key]; ok {
		return id, nil
	}
	id := sample.ID(len(k.names))
	k.ids[key], k.names = id, append(k.names, key)
	return id, nil
}

func (k *kept) Polled(_ context.Context, r *Result) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range r.Samples {
		k.values[k.names[s.Series]] = s.Value
	}
	k.last[r.Item] = *r
}

func service(t *testing.T) (*Poller, *kept) {
	t.Helper()
	k := &kept{ids: map[string]sample.ID{}, values: map[string]float64{}, last: map[string]Result{}}
	return New(k, testkit.Logger(t)), k
}

func newDev(target snmp.Target) *dev {
	return &dev{id: "1", item: "sw", every: time.Minute, target: target, ports: map[string]*port{}, peers: map[string]*peer{}}
}

func poll(t *testing.T, s *Poller, d *dev) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	s.poll(t.Context(), d)
}

// sw is a switch whose uptime, first counter and first port can be set.
func sw(uptime, octets uint64, oper int64) *snmpreplay.Recording {
	v := []snmp.Var{
		{OID: sysUpTime, Kind: snmp.TimeTicks, Unum: uptime},
		{OID: ifNumber, Kind: snmp.Integer, Num: 2},
		{OID: "1.3.6.1.2.1.15.3.1.2.192.0.2.9", Kind: snmp.Integer, Num: 6},
		{OID: "1.3.6.1.2.1.15.3.1.3.192.0.2.9", Kind: snmp.Integer, Num: 2},
		{OID: "1.3.6.1.2.1.15.3.1.9.192.0.2.9", Kind: snmp.Integer, Num: 64500},
		{OID: "1.3.6.1.2.1.14.10.1.6.192.0.2.7.0", Kind: snmp.Integer, Num: 4},
	}
	for i := 1; i <= 2; i++ {
		x := func(table, col string, k snmp.Kind, n uint64) {
			v = append(v, snmp.Var{OID: snmp.OID(fmt.Sprintf("%s%s.%d", table, col, i)), Kind: k, Unum: n, Num: int64(n), Raw: []byte(fmt.Sprintf("Gi0/%d", i))})
		}
		x(ifTable, "2", snmp.OctetString, 0)
		x(ifTable, "3", snmp.Integer, 6)
		x(ifTable, "5", snmp.Gauge32, 100_000_000)
		x(ifTable, "7", snmp.Integer, 1)
		x(ifTable, "8", snmp.Integer, uint64(oper))
		x(ifTable, "10", snmp.Counter32, octets%1000)
		x(ifTable, "14", snmp.Counter32, 3)
		if i == 1 { // the second has no counters of 64 bits
			x(ifXTable, "6", snmp.Counter64, octets)
			x(ifXTable, "15", snmp.Gauge32, 1000)
		}
	}
	return snmpreplay.New(v...)
}

func TestPoll(t *testing.T) {
	t.Parallel()
	s, k := service(t)
	d := newDev(snmp.Target{Address: sw(1000, 1<<40, 1).Serve(t, "public"), Community: "public", Timeout: 300 * time.Millisecond, Retries: -1})
	poll(t, s, d)
	require.NoError(t, d.err)
	for name, want := range map[string]float64{
		"device_up": 1, "device_uptime_seconds": 10,
		"network_interface_in_bytes_total Gi0/1": 1 << 40, "network_interface_in_bytes_total Gi0/2": (1 << 40) % 1000,
		"network_interface_speed_bytes_per_second Gi0/1": 125_000_000, "network_interface_in_errors_total Gi0/2": 3,
		"network_interface_oper_up Gi0/1": 1, "network_bgp_peer_established 192.0.2.9": 1, "network_ospf_neighbor_full 192.0.2.7": 0,
	} {
		got, ok := k.values[name]
		require.True(t, ok, "%s in %v", name, k.values)
		require.InDelta(t, want, got, 0, name)
	}
	require.NoError(t, k.last["sw"].Err)
	require.Nil(t, d.look().Interfaces[0].InBytesPerSecond, "one poll has no rate")

	d.target.Address = sw(7000, 1<<40+6000, 2).Serve(t, "public")
	poll(t, s, d)
	v := d.look()
	require.Greater(t, *v.Interfaces[0].InBytesPerSecond, 0.0)
	require.False(t, v.Interfaces[0].OperUp)
	require.False(t, v.Interfaces[0].ChangedAt.IsZero())
	require.Equal(t, []core.PeerView{{Protocol: "bgp", Address: "192.0.2.9", RemoteAS: 64500, Enabled: true, State: "established", Good: true}, {Protocol: "ospf", Address: "192.0.2.7", Enabled: true, State: "twoWay"}}, v.Peers)

	// After a restart the counters begin anew: there is no rate, and all is looked at again.
	d.surveyed = time.Now()
	d.target.Address = sw(50, 77, 1).Serve(t, "public")
	poll(t, s, d)
	require.Nil(t, d.look().Interfaces[0].InBytesPerSecond)
	require.True(t, d.surveyed.IsZero())
	require.InDelta(t, 77, k.values["network_interface_in_bytes_total Gi0/1"], 0)

	// A device that falls silent is down; the last figures stay as they are.
	d.target.Address = "127.0.0.1:9"
	poll(t, s, d)
	require.InDelta(t, 0, k.values["device_up"], 0)
	require.Error(t, k.last["sw"].Err)
	require.True(t, k.last["sw"].Sure, "it answered before")
	require.Contains(t, d.look().Error, "no SNMP agent")
}

func TestFactorOf(t *testing.T) {
	t.Parallel()
	require.InDelta(t, 0.1, factorOf(23.4, 235), 1e-12, "the value moved between two readings")
	require.InDelta(t, 1, factorOf(0, 0), 0)
	require.InDelta(t, 0.4, factorOf(80, 200), 1e-12, "a share of 250")
}

func TestFirstSpreads(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var seconds [60]int
	for i := range 6000 {
		at := first(fmt.Sprintf("device-%d", i), time.Minute, now)
		require.True(t, at.After(now) && !at.After(now.Add(time.Minute)))
		require.Equal(t, at.Add(time.Minute), first(fmt.Sprintf("device-%d", i), time.Minute, at.Add(time.Second)), "the same place after a restart")
		seconds[at.Second()]++
	}
	for s, n := range seconds {
		require.InDelta(t, 100, n, 60, "second %d", s)
	}
}

// snmpd runs net-snmp's agent.
func snmpd(t *testing.T) string {
	t.Helper()
	bin, err := exec.LookPath("snmpd")
	if err != nil {
		if _, serr := os.Stat("/usr/sbin/snmpd"); serr != nil {
			testkit.Missing(t, "snmpd is not installed")
		}
		bin = "/usr/sbin/snmpd"
	}
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.LocalAddr().String()
	require.NoError(t, l.Close())
	dir := t.TempDir()
	conf := filepath.Join(dir, "snmpd.conf")
	require.NoError(t, os.WriteFile(conf, []byte("rocommunity public 127.0.0.1\nagentAddress udp:"+addr+"\ncreateUser ops SHA authsecret AES privsecret\nrouser ops priv\n"), 0o600))
	c := exec.CommandContext(context.WithoutCancel(t.Context()), bin, "-f", "-Lo", "-C", "-c", conf, "-I", "-smux", "-p", filepath.Join(dir, "pid")) //nolint:gosec // a program of the system
	c.Env = append(os.Environ(), "SNMP_PERSISTENT_DIR="+dir, "MIBS=")
	require.NoError(t, c.Start())
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	testkit.Eventually(t, 10*time.Second, "snmpd answers", func() bool {
		r, err := column.Open(t.Context(), snmp.Target{Address: addr, Community: "public", Timeout: 200 * time.Millisecond, Retries: -1}, nil)
		if err != nil {
			return false
		}
		defer r.Close()
		return r.Get(t.Context(), []snmp.OID{sysUpTime}, func(int, *snmp.Var) {}) == nil
	})
	return addr
}

func TestRealAgent(t *testing.T) {
	t.Parallel()
	addr := snmpd(t)
	for name, target := range map[string]snmp.Target{
		"2c": {Address: addr, Community: "public"},
		"3":  {Address: addr, Version: snmp.V3, User: "ops", AuthProtocol: "SHA", AuthPassword: "authsecret", PrivProtocol: "AES", PrivPassword: "privsecret"},
	} {
		t.Run(name, func(t *testing.T) {
			s, k := service(t)
			d := newDev(target)
			poll(t, s, d)
			require.NoError(t, d.err)
			s.survey(t.Context(), d)
			require.NotEmpty(t, d.gauges)
			poll(t, s, d)
			require.NoError(t, d.err)
			require.InDelta(t, 1, k.values["network_interface_oper_up lo"], 0, "%v", k.values)
			require.Positive(t, k.values["network_interface_in_bytes_total lo"])
			total, used := k.values["device_memory_total_bytes Physical memory"], k.values["device_memory_used_bytes Physical memory"]
			require.Greater(t, total, used)
			require.Positive(t, used)
			// A new agent has no load of its processors yet.
			for n, v := range k.values {
				if strings.HasPrefix(n, "device_cpu_usage_ratio") {
					require.LessOrEqual(t, v, 1.0)
				}
			}
		})
	}
}
