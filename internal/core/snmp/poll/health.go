package poll

import (
	"context"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/sample"
	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/column"
	core "github.com/mainstay-ops/mainstay/internal/core/snmp/device"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/profile"
)

// gauge is one value besides the interfaces: a sum of values times their factors,
// or a point of a profile.
type gauge struct {
	name   string
	labels map[string]string
	oids   []snmp.OID
	factor []float64
	offset float64
	// wrapped takes numbers below zero as the unsigned ones that ran over.
	wrapped bool
	// counts below zero down from 2^32, as lm-sensors does.
	down  bool
	point *profile.Point
	scale float64

	series sample.ID
	has    bool
	value  float64
	at     time.Time
	state  map[float64]string
}

const (
	maxGauges = 2000
	hrStorage = "1.3.6.1.2.1.25.2.3.1."
	lmSensors = "1.3.6.1.4.1.2021.13.16."
)

// plan turns what a survey found into values to be read again. Values of a profile
// come as points; those of the standard tables are found here. raw holds present
// values of the OIDs of sensors, units those of hrStorageAllocationUnits by index.
func plan(rd *profile.Reading, raw map[string]float64, units map[string]float64) []*gauge {
	var out []*gauge
	taken, names := map[snmp.OID]bool{}, map[string]bool{}
	add := func(g *gauge) {
		key := g.name
		for _, k := range []string{"processor", "memory", "storage", "sensor", "index"} {
			key += "|" + g.labels[k]
		}
		if names[key] && len(g.oids) > 0 {
			// Rows of the same name are told apart by where they are.
			o := string(g.oids[0])
			g.labels["index"] = o[strings.LastIndexByte(o, '.')+1:]
			key += "|" + g.labels["index"]
		}
		if names[key] || len(out) >= maxGauges {
			return
		}
		names[key] = true
		out = append(out, g)
	}
	for i := range rd.Points {
		p := &rd.Points[i]
		if len(p.OIDs) > 0 && isPolled(p.OIDs[0]) {
			continue // polled as columns
		}
		name, scale := renamed(p.Metric)
		l := map[string]string{}
		for k, v := range p.Labels {
			l[k] = v
		}
		for _, o := range p.OIDs {
			taken[o] = true
		}
		add(&gauge{name: name, labels: l, oids: p.OIDs, point: p, scale: scale})
	}
	dev := rd.Device
	for _, p := range dev.Processors {
		if strings.Contains(p.Index, ".") || p.UsagePercent == nil {
			continue // of the profile
		}
		g := &gauge{name: "device_cpu_usage_ratio", labels: map[string]string{"processor": p.Descr}, oids: []snmp.OID{snmp.OID("1.3.6.1.2.1.25.3.3.1.2." + p.Index)}, factor: []float64{0.01}}
		if p.Index == "0" {
			g.oids, g.factor, g.offset = []snmp.OID{"1.3.6.1.4.1.2021.11.11.0"}, []float64{-0.01}, 1
		}
		add(g)
	}
	for _, g := range memories(dev, units) {
		add(g)
	}
	for _, st := range dev.Storages {
		u := units[st.Index]
		if u == 0 {
			continue
		}
		l := func() map[string]string { return map[string]string{"storage": st.Descr} }
		add(&gauge{name: "device_storage_total_bytes", labels: l(), oids: []snmp.OID{snmp.OID(hrStorage + "5." + st.Index)}, factor: []float64{u}, wrapped: true})
		add(&gauge{name: "device_storage_used_bytes", labels: l(), oids: []snmp.OID{snmp.OID(hrStorage + "6." + st.Index)}, factor: []float64{u}, wrapped: true})
	}
	states := map[string]map[float64]string{}
	for _, s := range dev.Sensors {
		if s.Class == "state" {
			if states[s.OID] == nil {
				states[s.OID] = map[float64]string{}
			}
			states[s.OID][s.Value] = s.State
		}
		if taken[snmp.OID(s.OID)] || s.OID == "" {
			continue
		}
		v, ok := raw[s.OID]
		if !ok {
			continue
		}
		l := map[string]string{"sensor": s.Descr, "index": s.Index}
		if s.Unit != "" {
			l["unit"] = s.Unit
		}
		add(&gauge{name: "device_sensor_" + s.Class, labels: l, oids: []snmp.OID{snmp.OID(s.OID)}, factor: []float64{factorOf(s.Value, v)}, down: strings.HasPrefix(s.OID, lmSensors)})
	}
	for _, g := range out {
		if len(g.oids) > 0 && states[string(g.oids[0])] != nil {
			g.state = states[string(g.oids[0])]
		}
	}
	return out
}

// isPolled tells whether a value is polled anyway.
func isPolled(o snmp.OID) bool {
	return o == sysUpTime || strings.HasPrefix(string(o), ifTable) || strings.HasPrefix(string(o), ifXTable)
}

// memories reads physical memory as the survey does: what buffers and caches hold
// is not used.
func memories(dev *core.Device, units map[string]float64) []*gauge {
	var out []*gauge
	var reclaim []core.Memory
	for _, m := range dev.Memories {
		if d := m.Descr; d == "Memory buffers" || d == "Cached memory" {
			reclaim = append(reclaim, m)
		}
	}
	settled := false
	for _, m := range dev.Memories {
		if strings.Contains(m.Index, ".") {
			continue
		}
		l := func() map[string]string { return map[string]string{"memory": m.Descr, "class": m.Class} }
		u := units[m.Index]
		if u == 0 {
			continue
		}
		used := &gauge{name: "device_memory_used_bytes", labels: l(), oids: []snmp.OID{snmp.OID(hrStorage + "6." + m.Index)}, factor: []float64{u}, wrapped: true}
		if m.Class == "system" && !settled {
			settled = true
			for _, c := range reclaim {
				if cu := units[c.Index]; cu > 0 {
					used.oids, used.factor = append(used.oids, snmp.OID(hrStorage+"6."+c.Index)), append(used.factor, -cu)
				}
			}
		}
		out = append(out, used, &gauge{name: "device_memory_total_bytes", labels: l(), oids: []snmp.OID{snmp.OID(hrStorage + "5." + m.Index)}, factor: []float64{u}, wrapped: true})
	}
	if len(units) > 0 || len(dev.Memories) == 0 {
		return out
	}
	// UCD-SNMP-MIB, of agents without HOST-RESOURCES-MIB.
	const mem = "1.3.6.1.4.1.2021.4."
	for _, m := range dev.Memories {
		pair := map[string][2]snmp.OID{"Physical memory": {mem + "5.0", mem + "6.0"}, "Swap space": {mem + "3.0", mem + "4.0"}}[m.Descr]
		if pair[0] == "" || strings.Contains(m.Index, ".") {
			continue
		}
		l := func() map[string]string { return map[string]string{"memory": m.Descr, "class": m.Class} }
		used := &gauge{name: "device_memory_used_bytes", labels: l(), oids: []snmp.OID{pair[0], pair[1]}, factor: []float64{1024, -1024}, wrapped: true}
		if m.Class == "system" && len(reclaim) > 0 {
			used.oids, used.factor = append(used.oids, mem+"14.0", mem+"15.0"), append(used.factor, -1024, -1024)
		}
		out = append(out, used, &gauge{name: "device_memory_total_bytes", labels: l(), oids: []snmp.OID{pair[0]}, factor: []float64{1024}, wrapped: true})
	}
	return out
}

// renamed gives the metric of a profile's point, and what it is multiplied with:
// shares are ratios here.
func renamed(name string) (string, float64) {
	switch rest, ok := strings.CutPrefix(name, "snmp_"); {
	case !ok:
	case rest == "processor_percent":
		return "device_cpu_usage_ratio", 0.01
	case rest == "memory_used_percent" || rest == "storage_used_percent":
		return "device_" + strings.TrimSuffix(rest, "used_percent") + "usage_ratio", 0.01
	case strings.HasPrefix(rest, "memory_"), strings.HasPrefix(rest, "storage_"), strings.HasPrefix(rest, "sensor_"):
		return "device_" + rest, 1
	}
	return name, 1
}

// factorOf tells what the survey multiplied a value with. That is a power of ten,
// or a share of something that does not change; value and raw were read one after
// the other, so what is near a power of ten is meant to be one.
func factorOf(value, raw float64) float64 {
	if raw == 0 || value == 0 || math.Signbit(value) != math.Signbit(raw) {
		return 1
	}
	f := value / raw
	p := math.Round(math.Log10(f))
	if math.Abs(math.Log10(f)-p) < 0.08 {
		return math.Pow(10, p)
	}
	return f
}

// gaugesRead reads all gauges.
func (d *dev) gaugesRead(ctx context.Context, r *column.Reader, m Sink) error {
	if len(d.gauges) == 0 {
		return nil
	}
	if d.gaugeOIDs == nil {
		at := map[snmp.OID]int{}
		d.gaugeAt = make([][]int, len(d.gauges))
		for i, g := range d.gauges {
			for _, o := range g.oids {
				n, ok := at[o]
				if !ok {
					n = len(d.gaugeOIDs)
					at[o] = n
					d.gaugeOIDs = append(d.gaugeOIDs, o)
				}
				d.gaugeAt[i] = append(d.gaugeAt[i], n)
			}
		}
		d.gaugeVars = make([]snmp.Var, len(d.gaugeOIDs))
	}
	err := r.Get(ctx, d.gaugeOIDs, func(i int, v *snmp.Var) {
		// Text is needed for numbers within it; the buffer is used again.
		keep := d.gaugeVars[i].Raw[:0]
		keep = append(keep, v.Raw...)
		d.gaugeVars[i] = *v
		d.gaugeVars[i].Raw = keep
	})
	if err != nil {
		return err
	}
	var vars []snmp.Var
	for i, g := range d.gauges {
		vars = vars[:0]
		for _, n := range d.gaugeAt[i] {
			vars = append(vars, d.gaugeVars[n])
		}
		n, ok := g.of(vars)
		if !ok {
			continue
		}
		if !g.has {
			l := map[string]string{"__name__": g.name, "item": d.item}
			for k, v := range g.labels {
				l[k] = v
			}
			id, err := m.Series(d.source(), l)
			if err != nil {
				d.refused++
				continue
			}
			g.series, g.has = id, true
		}
		g.value, g.at = n, r.At
		d.samples = append(d.samples, sample.Sample{Series: g.series, At: r.At, Value: n})
	}
	return nil
}

func (g *gauge) of(vars []snmp.Var) (float64, bool) {
	if g.point != nil {
		n, ok := g.point.Of(vars)
		return n * g.scale, ok
	}
	sum := g.offset
	for i := range vars {
		n, ok := vars[i].Number()
		if !ok {
			return 0, false
		}
		switch {
		case g.wrapped && n < 0:
			n += 1 << 32
		case g.down && n > math.MaxInt32:
			n -= 1 << 32
		}
		sum += n * g.factor[i]
	}
	return sum, true
}

// survey reads everything that the device and its profile tell, which takes some
// seconds, and gives the values to be polled.
func survey(ctx context.Context, t snmp.Target) (*profile.Reading, []*gauge, error) {
	s, err := snmp.Open(ctx, t)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = s.Close() }()
	rd, err := profile.Survey(ctx, s, profile.Options{Device: core.Options{Address: t.Address, Basics: true}})
	if err != nil {
		return nil, nil, err
	}
	raw, units := map[string]float64{}, map[string]float64{}
	var oids []snmp.OID
	for _, x := range rd.Device.Sensors {
		if x.OID != "" && len(oids) < maxGauges {
			oids = append(oids, snmp.OID(x.OID))
		}
	}
	vars, err := s.Get(ctx, oids...)
	if err != nil {
		return nil, nil, err
	}
	for _, v := range vars {
		if n, ok := v.Number(); ok {
			raw[string(v.OID)] = n
		}
	}
	err = s.Walk(ctx, hrStorage+"4", func(v snmp.Var) error {
		i, _ := v.OID.Under(hrStorage + "4")
		if n, ok := v.Number(); ok && n > 0 {
			units[i] = n
		}
		return nil
	})
	if err != nil && !snmp.Limited(err) {
		return nil, nil, err
	}
	return rd, plan(rd, raw, units), nil
}

func number(n int64) string { return strconv.FormatInt(n, 10) }
