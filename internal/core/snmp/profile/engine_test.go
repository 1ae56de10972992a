package profile

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/device"
	"github.com/mainstay-ops/mainstay/internal/testkit/snmpreplay"
)

const acme = `profiles:
  - name: acme
    extends: switch
    match: [{object_id: 1.3.6.1.4.1.99999.1}]
    identity:
      vendor: ACME
      os: acmeos
      os_name: ACME OS
      model: [1.3.6.1.4.1.99999.2.9.0, {oid: 1.3.6.1.4.1.99999.2.1, pattern: '^model (.+)'}]
      serial: {oid: 1.3.6.1.4.1.99999.2.2.0, map: {'7': seven}, format: 'SN-{value}'}
      role: {object_id: {1.3.6.1.4.1.99999: router, 1.3.6.1.4.1.99999.1.5: firewall}}
      patterns: ['version (?P<version>\S+)']
    processors:
      - {usage: 1.3.6.1.4.1.99999.3.1, idle: true, descr: '{name}', columns: {part: 1.3.6.1.4.1.99999.3.2, name: {oid: 1.3.6.1.4.1.99999.3.3, via: part}}}
    memories:
      - {descr: A, total: 1.3.6.1.4.1.99999.4.1.0, free: 1.3.6.1.4.1.99999.4.2.0, multiplier: 1024}
      - {descr: B, total: 1.3.6.1.4.1.99999.4.1.0, percent_free: 1.3.6.1.4.1.99999.4.3.0}
      - {descr: C, used: 1.3.6.1.4.1.99999.4.2.0, free: 1.3.6.1.4.1.99999.4.1.0, class: swap}
      - {descr: D, percent: 1.3.6.1.4.1.99999.4.3.0}
      - {descr: none, total: 1.3.6.1.4.1.99999.4.8.0, free: 1.3.6.1.4.1.99999.4.9.0}
    storages:
      - {descr: '{name}', type: disk, total: 1.3.6.1.4.1.99999.5.1, used: 1.3.6.1.4.1.99999.5.2, unit: unit, columns: {name: 1.3.6.1.4.1.99999.5.3, unit: 1.3.6.1.4.1.99999.5.4}}
    sensors:
      - class: temperature
        descr: '{unit} {name} {index.2}'
        value: 1.3.6.1.4.1.99999.6.1
        columns: {name: 1.3.6.1.4.1.99999.6.2, kind: {oid: 1.3.6.1.4.1.99999.6.3, map: {'1': hot}}, unit: {oid: 1.3.6.1.4.1.99999.6.4, index: 1}, places: 1.3.6.1.4.1.99999.6.5}
        where: [{column: kind, is: hot}, {column: name, not: [spare], pattern: '^[a-z]+$'}]
        precision: places
        skip: [-1]
        max: 100
      - {class: temperature, descr: Fahrenheit, value: 1.3.6.1.4.1.99999.6.9.0, multiplier: 5, divisor: 9, offset: -17.7777777778, pattern: 'is (\d+)'}
      - {class: state, descr: Fan, value: 1.3.6.1.4.1.99999.7.1.0, states: {1: ok, 2: failed}}
      - {class: state, descr: Door, value: 1.3.6.1.4.1.99999.7.2.0, states: {1: ok}}
    neighbors:
      - {each: 1.3.6.1.4.1.99999.8.1, protocol: edp, local_if_index: '{index.1}', remote_name: '{value}', remote_mac: '{mac}', remote_address: '{ip}', columns: {mac: 1.3.6.1.4.1.99999.8.2, ip: 1.3.6.1.4.1.99999.8.3}}
    metrics:
      - {name: snmp_acme_sessions, type: counter, value: 1.3.6.1.4.1.99999.9.1, divisor: 10, factor: f, columns: {f: 1.3.6.1.4.1.99999.9.2}, labels: {n: '{index}'}}
      - {name: snmp_left_out, type: gauge, value: 1.3.6.1.4.1.99999.9.1, unless: processors}
`

func num(oid string, n int64) snmp.Var {
	return snmp.Var{OID: snmp.OID(at0(oid)), Kind: snmp.Integer, Num: n}
}

func text(oid, s string) snmp.Var {
	return snmp.Var{OID: snmp.OID(at0(oid)), Kind: snmp.OctetString, Raw: []byte(s)}
}

// at0 shortens the OIDs of the tests: a leading dot is below the vendor.
func at0(oid string) string {
	if oid[0] == '.' {
		return "1.3.6.1.4.1.99999" + oid
	}
	return oid
}

func acmeVars() []snmp.Var {
	return []snmp.Var{
		text("1.3.6.1.2.1.1.1.0", "ACME device version 1.2"),
		{OID: "1.3.6.1.2.1.1.2.0", Kind: snmp.ObjectID, Raw: []byte("1.3.6.1.4.1.99999.1.5.1")},
		text("1.3.6.1.2.1.1.5.0", "sw1"),
		text(".2.1.1", "N/A"), text(".2.1.2", "other"), text(".2.1.3", "model X 9"), num(".2.2.0", 7),
		num(".3.1.1", 75), num(".3.1.2", 140), num(".3.2.1", 4), text(".3.3.4", "CPU 0"),
		num(".4.1.0", 100), num(".4.2.0", 25), num(".4.3.0", 40),
		num(".5.1.1", 10), num(".5.2.1", 4), text(".5.3.1", "/data"), num(".5.4.1", 4096),
		num(".5.1.2", 10), num(".5.2.2", 40), text(".5.3.2", "nonsense"),
		num(".6.1.1.1", 215), text(".6.2.1.1", "inlet"), num(".6.3.1.1", 1), text(".6.4.1", "Unit one"), num(".6.5.1.1", 1),
		num(".6.1.1.2", 99), text(".6.2.1.2", "spare"), num(".6.3.1.2", 1),
		num(".6.1.1.3", 99), text(".6.2.1.3", "cold"), num(".6.3.1.3", 2),
		num(".6.1.1.4", -1), text(".6.2.1.4", "off"), num(".6.3.1.4", 1),
		num(".6.1.1.5", 900), text(".6.2.1.5", "broken"), num(".6.3.1.5", 1),
		text(".6.9.0", "it is 212 F"), num(".7.1.0", 2), num(".7.2.0", 9),
		text(".8.1.3.1", "core"), text(".8.2.3.1", "\x00\x11\x22\xaa\xbb\xcc"), {OID: "1.3.6.1.4.1.99999.8.3.3.1", Kind: snmp.IPAddress, Raw: []byte("192.0.2.1")},
		num(".9.1.1", 50), num(".9.2.1", 4),
	}
}

func acmeSet(t *testing.T) *Set {
	t.Helper()
	set, err := Check("acme.yaml", []byte(acme))
	require.NoError(t, err)
	return set
}

func TestReadEverything(t *testing.T) {
	t.Parallel()
	rec := snmpreplay.New(acmeVars()...)
	r, err := Survey(context.Background(), rec.Session(), Options{Set: acmeSet(t)})
	require.NoError(t, err)
	d := r.Device
	require.Equal(t, "acme", d.Profile)
	require.Equal(t, [8]string{"ACME", "acmeos", "ACME OS", "network_device", "firewall", "X 9", "1.2", "SN-seven"},
		[8]string{d.Item.Vendor, d.Item.OS, d.Item.OSName, d.Item.Kind, d.Item.Role, d.Item.Model, d.Item.Version, d.Item.Serial})
	require.Len(t, d.Processors, 1)
	require.Equal(t, "CPU 0", d.Processors[0].Descr)
	require.InDelta(t, 25, *d.Processors[0].UsagePercent, 1e-9)

	require.Len(t, d.Memories, 4)
	require.Equal(t, [2]uint64{102400, 76800}, [2]uint64{d.Memories[0].TotalBytes, d.Memories[0].UsedBytes})
	require.Equal(t, [2]uint64{100, 60}, [2]uint64{d.Memories[1].TotalBytes, d.Memories[1].UsedBytes})
	require.Equal(t, [2]uint64{125, 25}, [2]uint64{d.Memories[2].TotalBytes, d.Memories[2].UsedBytes})
	require.Equal(t, "swap", d.Memories[2].Class)
	require.InDelta(t, 40, *d.Memories[3].UsedPercent, 1e-9)

	require.Equal(t, []device.Storage{{Index: "1.3.6.1.4.1.99999.5.1.1", Descr: "/data", Type: "disk", SizeBytes: 40960, UsedBytes: 16384}}, d.Storages)

	require.Len(t, d.Sensors, 4)
	require.Equal(t, device.Sensor{Index: "1.1", Class: "temperature", Descr: "Unit one inlet 1", Value: 21.5, Unit: "celsius", OID: "1.3.6.1.4.1.99999.6.1.1.1"}, d.Sensors[0])
	require.InDelta(t, 100, d.Sensors[1].Value, 1e-6)
	require.Equal(t, "failed", d.Sensors[2].State)
	require.Equal(t, "unknown", d.Sensors[3].State)

	require.Equal(t, []device.Neighbor{{LocalIfIndex: 3, Protocol: "edp", RemoteName: "core", RemoteMAC: "00:11:22:aa:bb:cc", RemoteAddress: "192.0.2.1"}}, d.Neighbors)
}

// What Survey notes gives the same values when it is polled, after a round trip
// through JSON, and the new ones when the device changes.
func TestPollReadsTheSameAgain(t *testing.T) {
	t.Parallel()
	vars := acmeVars()
	r, err := Survey(context.Background(), snmpreplay.New(vars...).Session(), Options{Set: acmeSet(t)})
	require.NoError(t, err)
	b, err := json.Marshal(r.Points)
	require.NoError(t, err)
	var points []Point
	require.NoError(t, json.Unmarshal(b, &points))
	get := func(vars []snmp.Var) map[string]float64 {
		samples, err := Poll(context.Background(), snmpreplay.New(vars...).Session(), points)
		require.NoError(t, err)
		out := map[string]float64{}
		for _, s := range samples {
			key := s.Point.Metric
			for _, l := range []string{"processor", "memory", "storage", "sensor", "n"} {
				if v := s.Point.Labels[l]; v != "" {
					key += " " + v
				}
			}
			out[key] = s.Value
		}
		return out
	}
	require.Equal(t, map[string]float64{
		"snmp_processor_percent CPU 0": 25,
		"snmp_memory_total_bytes A":    102400, "snmp_memory_used_bytes A": 76800,
		"snmp_memory_total_bytes B": 100, "snmp_memory_used_bytes B": 60,
		"snmp_memory_total_bytes C": 125, "snmp_memory_used_bytes C": 25,
		"snmp_memory_used_percent D":     40,
		"snmp_storage_total_bytes /data": 40960, "snmp_storage_used_bytes /data": 16384,
		"snmp_sensor_temperature Unit one inlet 1": 21.5, "snmp_sensor_temperature Fahrenheit": get(vars)["snmp_sensor_temperature Fahrenheit"],
		"snmp_sensor_state Fan": 2, "snmp_sensor_state Door": 9, "snmp_acme_sessions 1": 20,
	}, get(vars))
	require.InDelta(t, 100, get(vars)["snmp_sensor_temperature Fahrenheit"], 1e-6)

	changed := acmeVars()
	for i, v := range changed {
		switch v.OID {
		case "1.3.6.1.4.1.99999.3.1.1":
			changed[i].Num = 10
		case "1.3.6.1.4.1.99999.7.1.0":
			changed[i].Kind = snmp.Missing
		}
	}
	again := get(changed)
	require.InDelta(t, 90, again["snmp_processor_percent CPU 0"], 1e-9)
	require.NotContains(t, again, "snmp_sensor_state Fan", "a value that is gone is no sample")
}

func TestStandardRowsAreNotDoubled(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{false, true} {
		src := acme
		if keep {
			src = replaceOnce(src, "    identity:\n", "    keep_standard: [processors, memories]\n    identity:\n")
		}
		set, err := Check("acme.yaml", []byte(src))
		require.NoError(t, err)
		m := newMemo(snmpreplay.New(acmeVars()...).Session())
		dev := &device.Device{
			Item:       device.Item{SysObjectID: ".1.3.6.1.4.1.99999.1", SysDescr: "x"},
			Processors: []device.Processor{{Index: "1", Descr: "standard"}},
			Memories:   []device.Memory{{Descr: "RAM"}},
			Storages:   []device.Storage{{Descr: "/DATA"}},
			Sensors:    []device.Sensor{{Class: "state", Descr: "fan"}, {Class: "temperature", OID: "1.3.6.1.4.1.99999.6.1.1.1"}},
			Neighbors:  []device.Neighbor{{LocalIfIndex: 3, RemoteName: "CORE", Protocol: "lldp"}},
		}
		_, err = set.enrich(context.Background(), m, dev, false)
		require.NoError(t, err)
		require.Len(t, dev.Processors, map[bool]int{false: 1, true: 2}[keep])
		require.Len(t, dev.Memories, map[bool]int{false: 4, true: 5}[keep])
		require.Len(t, dev.Storages, 1)
		require.Len(t, dev.Sensors, 4, "the fan and the temperature were there")
		require.Len(t, dev.Neighbors, 1)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	set, err := Check("m.yaml", []byte(`profiles:
  - {name: wide, match: [{object_id: 1.3.6.1.4.1.99999}]}
  - {name: long, match: [{object_id: [1.3.6.1.4.1.99999.1, 1.3.6.1.4.1.99999.2]}]}
  - {name: words, match: [{object_id: 1.3.6.1.4.1.99999.1, descr: 'Router', not_descr: 'Old'}]}
  - {name: urgent, priority: 5, match: [{object_id: 1.3.6.1.4.1.99999, descr: 'Urgent'}]}
  - {name: named, match: [{name: '^probe-'}]}
  - {name: asked, match: [{object_id: 1.3.6.1.4.1.99999.2, value: {oid: 1.3.6.1.4.1.77777.1, pattern: yes}}]}
`))
	require.NoError(t, err)
	for _, c := range []struct{ id, descr, name, value, want string }{
		{"1.3.6.1.4.1.99999", "", "", "", "wide"},
		{"1.3.6.1.4.1.999990", "", "", "", ""},
		{"1.3.6.1.4.1.99999.1.3", "Switch", "", "", "long"},
		{"1.3.6.1.4.1.99999.1.3", "Router", "", "", "words"},
		{"1.3.6.1.4.1.99999.1.3", "Old Router", "", "", "long"},
		{"1.3.6.1.4.1.99999.1.3", "Urgent Router", "", "", "urgent"},
		{"1.3.6.1.4.1.99999.2", "", "", "yes", "asked"},
		{"1.3.6.1.4.1.99999.2", "", "", "no", "long"},
		{"1.3.6.1.4.1.99999.2", "", "", "", "long"},
		{"", "", "probe-1", "", "named"},
		{"", "", "", "", ""},
	} {
		p, err := set.Find(context.Background(), Facts{c.id, c.descr, c.name}, func(context.Context, snmp.OID) (snmp.Var, error) {
			if c.value == "" {
				return snmp.Var{}, nil
			}
			return snmp.Var{Kind: snmp.OctetString, Raw: []byte(c.value)}, nil
		})
		require.NoError(t, err)
		got := ""
		if p != nil {
			got = p.Name
		}
		require.Equal(t, c.want, got, "%+v", c)
	}
	require.Equal(t, []string{"words"}, set.Candidates(Facts{ObjectID: "1.3.6.1.4.1.99999.1", Descr: "Router"}))
}

// silent stops answering after some requests.
type silent struct {
	snmp.Session
	left int
}

var errSilent = errors.New("no answer")

func (s *silent) Get(ctx context.Context, oids ...snmp.OID) ([]snmp.Var, error) {
	if s.left--; s.left < 0 {
		return nil, errSilent
	}
	return s.Session.Get(ctx, oids...)
}

func (s *silent) Walk(ctx context.Context, root snmp.OID, fn func(snmp.Var) error) error {
	if s.left--; s.left < 0 {
		return errSilent
	}
	return s.Session.Walk(ctx, root, fn)
}

func TestADeviceThatFallsSilentIsLeftAlone(t *testing.T) {
	t.Parallel()
	set := acmeSet(t)
	dev := &device.Device{Item: device.Item{SysObjectID: "1.3.6.1.4.1.99999.1", SysDescr: "x"}}
	s := &silent{Session: snmpreplay.New(acmeVars()...).Session(), left: 3}
	_, err := set.enrich(context.Background(), newMemo(s), dev, true)
	require.NoError(t, err)
	require.Len(t, dev.Limits, maxFailures+1)
	require.Contains(t, dev.Limits[0], "no answer")
	require.Equal(t, -(maxFailures + 1), s.left, "nothing more was asked")

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = set.enrich(ctx, newMemo(&silent{Session: s.Session}), dev, false)
	require.ErrorIs(t, err, context.Canceled)
}

func replaceOnce(s, old, with string) string {
	before, after, ok := strings.Cut(s, old)
	if !ok {
		panic("not there: " + old)
	}
	return before + with + after
}
