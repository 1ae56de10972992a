package device_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/device"
	"github.com/mainstay-ops/mainstay/internal/testkit/snmpreplay"
)

// floors are what the generic reader must reach of the expected rows, in percent.
// Most of what is missing sits in vendor MIBs, which it does not know.
var floors = map[string]float64{
	"ports": 98.8, "port name": 99, "port descr": 99, "port type": 99, "port speed": 98.5, "port admin": 99, "port oper": 99,
	"port mtu": 98, "port mac": 98, "ipv4": 99.5, "ipv6": 95, "parts": 97, "processors (standard)": 97, "memories (standard)": 95,
	"storages (standard)": 97, "sensors (standard)": 95, "links": 85, "vlans": 75,
}

type row map[string]any

func (r row) text(k string) string {
	switch v := r[k].(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return fmt.Sprint(v)
	}
}

func (r row) number(k string) float64 {
	f, _ := strconv.ParseFloat(r.text(k), 64)
	return f
}

// tally counts what was expected, found and given too much; MAINSTAY_SNMP_MISSES=1
// prints each miss, to find what to improve.
type tally struct {
	t                *testing.T
	want, hit, extra map[string]int
	file             string
}

func (y *tally) mark(what string, ok bool, detail string) {
	y.want[what]++
	if ok {
		y.hit[what]++
		return
	}
	if os.Getenv("MAINSTAY_SNMP_MISSES") != "" {
		y.t.Logf("miss %s %s: %s", y.file, what, detail)
	}
}

func recordings(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(snmpreplay.Data(t), "recordings", "*.snmprec"))
	require.NoError(t, err)
	require.Greater(t, len(files), 500)
	return files
}

// The tables of all recorded devices, against what each must yield.
func TestRecordedDevices(t *testing.T) {
	t.Parallel()
	y := &tally{t: t, want: map[string]int{}, hit: map[string]int{}, extra: map[string]int{}}
	for _, path := range recordings(t) {
		rec, err := snmpreplay.Load(path)
		require.NoError(t, err, path)
		d, err := device.Read(t.Context(), rec.Session(), device.Options{Address: "192.0.2.1", Time: time.Minute})
		require.NoError(t, err, path)
		_, err = json.Marshal(d)
		require.NoError(t, err, path)
		y.file = strings.TrimSuffix(filepath.Base(path), ".snmprec")
		raw, err := os.ReadFile(filepath.Join(filepath.Dir(path), "..", "expected", y.file+".json"))
		if os.IsNotExist(err) {
			continue
		}
		require.NoError(t, err)
		var want map[string][]row
		require.NoError(t, json.Unmarshal(raw, &want), path)
		y.score(rec, d, want)
	}
	for _, what := range slices.Sorted(maps.Keys(y.want)) {
		share := 100 * float64(y.hit[what]) / float64(y.want[what])
		precision := ""
		if n, ok := y.extra[what]; ok {
			precision = fmt.Sprintf("precision %5.1f %%", 100*float64(y.hit[what])/float64(y.hit[what]+n))
		}
		t.Logf("%-24s %5d of %5d  %5.1f %%  %s", what, y.hit[what], y.want[what], share, precision)
		if floor, ok := floors[what]; ok && share < floor {
			t.Errorf("%s: %.1f %% is below %.1f %%", what, share, floor)
		}
	}
	for what := range floors {
		require.NotZero(t, y.want[what], what)
	}
}

func (y *tally) score(rec *snmpreplay.Recording, d *device.Device, want map[string][]row) {
	has := map[snmp.OID]bool{}
	for _, v := range rec.Vars() {
		has[v.OID] = true
	}
	y.ports(d, want["ports"])
	y.addresses(d, want)
	y.resources(d, want, has)
	y.sensors(d, want, has)
	y.links(d, want)
	parts := map[int64]device.Part{}
	for _, p := range d.Parts {
		parts[p.Index] = p
	}
	for _, w := range want["entPhysical"] {
		p, ok := parts[int64(w.number("entPhysicalIndex"))]
		y.mark("parts", ok && same(p.Name, w.text("entPhysicalName")) && same(p.Descr, w.text("entPhysicalDescr")) &&
			same(p.Serial, w.text("entPhysicalSerialNum")) && p.ContainedIn == int64(w.number("entPhysicalContainedIn")), fmt.Sprint(w, p))
	}
}

// same compares texts without the blanks, dots and signs that the source puts in
// place of bytes that cannot be printed.
func same(a, b string) bool {
	norm := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r <= ' ' || r == '.' || r > 126 {
				return -1
			}
			return r
		}, s)
	}
	return norm(a) == norm(b)
}

func (y *tally) ports(d *device.Device, want []row) {
	got := map[int64]device.Interface{}
	for _, f := range d.Interfaces {
		got[f.Index] = f
	}
	for _, w := range want {
		f, ok := got[int64(w.number("ifIndex"))]
		y.mark("ports", ok, w.text("ifIndex"))
		if !ok {
			continue
		}
		delete(got, f.Index)
		each := func(what, mine, key string) {
			if w.text(key) != "" {
				y.mark(what, same(mine, w.text(key)), fmt.Sprintf("%d %q, want %q", f.Index, mine, w.text(key)))
			}
		}
		each("port name", f.Name, "ifName")
		each("port descr", f.Descr, "ifDescr")
		each("port type", f.Type, "ifType")
		each("port speed", strconv.FormatUint(f.SpeedBPS, 10), "ifSpeed")
		each("port admin", f.AdminStatus, "ifAdminStatus")
		each("port oper", f.OperStatus, "ifOperStatus")
		each("port mtu", strconv.FormatInt(f.MTU, 10), "ifMtu")
		each("port duplex", f.Duplex, "ifDuplex")
		if f.Alias != "" {
			each("port alias", f.Alias, "ifAlias")
		}
		each("port mac", strings.ReplaceAll(f.MAC, ":", ""), "ifPhysAddress")
	}
	y.extra["ports"] += len(got)
	if want == nil {
		y.extra["ports"] -= len(got)
	}
}

func (y *tally) addresses(d *device.Device, want map[string][]row) {
	got := map[string]device.Address{}
	for _, a := range d.Addresses {
		got[a.Address] = a
	}
	for what, key := range map[string]string{"ipv4": "ipv4_address", "ipv6": "ipv6_address"} {
		for _, w := range want[what+"_addresses"] {
			a, err := netip.ParseAddr(w.text(key))
			have, ok := got[a.String()]
			prefix := int(w.number(what + "_prefixlen"))
			y.mark(what, err == nil && ok, w.text(key))
			if ok {
				y.mark(what+" prefix", have.PrefixLength == prefix, fmt.Sprint(have, prefix))
				y.mark(what+" ifIndex", w.text("ifIndex") == "" || have.IfIndex == int64(w.number("ifIndex")), fmt.Sprint(have, w.text("ifIndex")))
			}
		}
	}
}

func near(a, b float64) bool { return math.Abs(a-b) <= math.Max(0.02*math.Abs(b), 0.6) }

func (y *tally) resources(d *device.Device, want map[string][]row, has map[snmp.OID]bool) {
	for _, w := range want["processors"] {
		kind := w.text("processor_type")
		name := "processors (vendor)"
		if kind == "hr" || kind == "ucd-old" {
			name = "processors (standard)"
		}
		ok := slices.ContainsFunc(d.Processors, func(p device.Processor) bool {
			return p.Index == w.text("processor_index") && p.UsagePercent != nil && near(*p.UsagePercent, w.number("processor_usage"))
		})
		y.mark(name, ok, fmt.Sprint(w))
	}
	for _, w := range want["mempools"] {
		kind := w.text("mempool_type")
		name := "memories (vendor)"
		if kind == "hrstorage" || kind == "ucd" {
			name = "memories (standard)"
		}
		ok := slices.ContainsFunc(d.Memories, func(m device.Memory) bool {
			return m.Class == w.text("mempool_class") && near(float64(m.TotalBytes), w.number("mempool_total")) &&
				near(float64(m.UsedBytes), w.number("mempool_used"))
		})
		y.mark(name, ok, fmt.Sprint(w, d.Memories))
	}
	for _, w := range want["storage"] {
		name := "storages (vendor)"
		if w.text("type") == "hrstorage" {
			name = "storages (standard)"
		}
		ok := slices.ContainsFunc(d.Storages, func(s device.Storage) bool {
			return s.Index == w.text("storage_index") && near(float64(s.SizeBytes), w.number("storage_size")) &&
				near(float64(s.UsedBytes), w.number("storage_used"))
		})
		y.mark(name, ok, fmt.Sprint(w))
	}
}

var classes = map[string]string{"fanspeed": "fan_speed"}

func (y *tally) sensors(d *device.Device, want map[string][]row, has map[snmp.OID]bool) {
	got := map[string]device.Sensor{}
	for _, s := range d.Sensors {
		got[s.OID] = s
	}
	for _, w := range want["sensors"] {
		oid := strings.TrimPrefix(w.text("sensor_oid"), ".")
		name := "sensors (vendor)"
		for _, p := range []string{"1.3.6.1.2.1.99.1.1.1.4.", "1.3.6.1.2.1.33.", "1.3.6.1.4.1.2021.13.16."} {
			if strings.HasPrefix(oid, p) && has[snmp.OID(oid)] {
				name = "sensors (standard)"
			}
		}
		class := w.text("sensor_class")
		if c := classes[class]; c != "" {
			class = c
		}
		value := w.number("sensor_current")
		if class == "runtime" {
			value *= 60
		}
		s, ok := got[oid]
		y.mark(name, ok && s.Class == class && near(s.Value, value), fmt.Sprint(w, s))
	}
}

func (y *tally) links(d *device.Device, want map[string][]row) {
	names := map[int64]device.Interface{}
	for _, f := range d.Interfaces {
		names[f.Index] = f
	}
	for _, w := range want["links"] {
		port, id, _ := strings.Cut(w.text("remote_port"), " (")
		ok := slices.ContainsFunc(d.Neighbors, func(n device.Neighbor) bool {
			f := names[n.LocalIfIndex]
			return n.Protocol == w.text("protocol") && same(f.Name, w.text("ifName")) && same(n.RemoteName, w.text("remote_hostname")) &&
				(same(n.RemotePort, port) || id != "" && strings.Contains(id, strings.ReplaceAll(n.RemotePort, ":", "")))
		})
		y.mark("links", ok, fmt.Sprint(w, d.Neighbors))
	}
	if want["links"] != nil {
		y.extra["links"] += max(0, len(d.Neighbors)-len(want["links"]))
	}
	for _, w := range want["vlans"] {
		i := slices.IndexFunc(d.VLANs, func(v device.VLAN) bool { return v.ID == int64(w.number("vlan_vlan")) })
		y.mark("vlans", i >= 0, fmt.Sprint(w))
		if i >= 0 {
			y.mark("vlan names", same(d.VLANs[i].Name, w.text("vlan_name")), fmt.Sprint(w, d.VLANs[i]))
		}
	}
	if want["vlans"] != nil {
		y.extra["vlans"] += max(0, len(d.VLANs)-len(want["vlans"]))
	}
}

// Over UDP a device is read as in memory, with both ways to walk.
func TestRecordedDevicesOverUDP(t *testing.T) {
	t.Parallel()
	for n, path := range recordings(t) {
		if n%24 != 5 {
			continue
		}
		rec, err := snmpreplay.Load(path)
		require.NoError(t, err)
		want, err := device.Read(t.Context(), rec.Session(), device.Options{})
		require.NoError(t, err)
		s, err := snmp.Open(t.Context(), snmp.Target{Address: rec.Serve(t, "public"), Community: "public", Retries: 1, Timeout: time.Second})
		require.NoError(t, err)
		got, err := device.Read(context.Background(), s, device.Options{})
		require.NoError(t, err, path)
		require.NoError(t, s.Close())
		require.Equal(t, want, got, path)
	}
}
