package device

import (
	"math"
	"strconv"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
)

type measure struct{ class, unit string }

// entityMeasures are the values of EntitySensorDataType (RFC 3433).
var entityMeasures = map[int64]measure{
	1: {"count", ""}, 3: {"voltage", "volt"}, 4: {"voltage", "volt"}, 5: {"current", "ampere"}, 6: {"power", "watt"},
	7: {"frequency", "hertz"}, 8: {"temperature", "celsius"}, 9: {"humidity", "percent"}, 10: {"fan_speed", "rpm"},
	12: {"state", ""}, 14: {"dbm", "dbm"},
}

// entitySensors reads entPhySensorTable (RFC 3433): value × 10^(3·(scale−9)) ÷
// 10^precision.
func (r *reader) entitySensors() {
	t := r.table("sensors", "1.3.6.1.2.1.99.1.1.1", 1, 2, 3, 4, 5, 6)
	names := map[int64]string{}
	for _, p := range r.d.Parts {
		if names[p.Index] = p.Descr; p.Descr == "" {
			names[p.Index] = p.Name
		}
	}
	for _, i := range t.order {
		m, known := entityMeasures[t.int(i, 1)]
		raw, ok := number(t.cells[i][4])
		// 2 is unavailable, 3 is not operational: the value means nothing.
		if state := t.int(i, 5); !known || !ok || state == 2 || state == 3 {
			continue
		}
		s := Sensor{Index: i, Class: m.class, Unit: m.unit, Descr: names[arcs(i)[0]], OID: "1.3.6.1.2.1.99.1.1.1.4." + i}
		if u := strings.ToLower(t.text(i, 6)); s.Class == "count" && (u == "dbm" || strings.HasSuffix(u, " dbm")) {
			s.Class, s.Unit = "dbm", "dbm"
		}
		scale := t.int(i, 2)
		if scale < 1 || scale > 17 {
			scale = 9
		}
		precision := t.int(i, 3)
		if precision < -8 || precision > 9 {
			precision = 0
		}
		s.Value = scaled(raw, 3*(scale-9)-precision)
		if s.Class == "state" {
			s.State = map[float64]string{1: "true", 2: "false"}[raw]
		}
		if s.Descr == "" {
			s.Descr = "Sensor " + i
		}
		r.d.Sensors = append(r.d.Sensors, s)
	}
}

// scaled multiplies with a power of ten; it divides by exact powers, so that 425 at
// one tenth is 42.5 and nothing near it.
func scaled(v float64, exp int64) float64 {
	if exp < 0 {
		return v / math.Pow10(int(-exp))
	}
	return v * math.Pow10(int(exp))
}

// lmSensors reads LM-SENSORS-MIB: temperatures and voltages in thousandths.
func (r *reader) lmSensors() {
	const lm = "1.3.6.1.4.1.2021.13.16"
	if !r.has("lm-sensors", lm) {
		return
	}
	for _, k := range []struct {
		table string
		m     measure
		exp   int64
	}{{".2.1", measure{"temperature", "celsius"}, -3}, {".3.1", measure{"fan_speed", "rpm"}, 0}, {".4.1", measure{"voltage", "volt"}, -3}} {
		t := r.table("lm-sensors", snmp.OID(lm+k.table), 2, 3)
		for _, i := range t.order {
			n, ok := t.cells[i][3].Int()
			if !ok {
				continue
			}
			// Below zero an agent counts down from 2^32.
			if n > math.MaxInt32 {
				n -= 1 << 32
			}
			r.d.Sensors = append(r.d.Sensors, Sensor{
				Index: i, Class: k.m.class, Unit: k.m.unit, Descr: t.text(i, 2),
				Value: scaled(float64(n), k.exp), OID: lm + k.table + ".3." + i,
			})
		}
	}
}

// sense adds one sensor when its value is there.
func (r *reader) sense(oid string, v snmp.Var, m measure, descr string, factor float64) {
	if n, ok := number(v); ok {
		if factor < 1 {
			n /= math.Round(1 / factor)
		} else {
			n *= factor
		}
		index := oid[strings.LastIndexByte(oid, '.')+1:]
		r.d.Sensors = append(r.d.Sensors, Sensor{Index: index, Class: m.class, Unit: m.unit, Descr: descr, Value: n, OID: oid})
	}
}

// state adds one sensor of words.
func (r *reader) state(oid string, v snmp.Var, descr string, words map[int64]string) {
	n, ok := v.Int()
	if !ok || v.Kind == snmp.Missing {
		return
	}
	word := words[n]
	if word == "" {
		word = strconv.FormatInt(n, 10)
	}
	index := oid[strings.LastIndexByte(oid, '.')+1:]
	r.d.Sensors = append(r.d.Sensors, Sensor{Index: index, Class: "state", Descr: descr, Value: float64(n), State: word, OID: oid})
}

var (
	volts   = measure{"voltage", "volt"}
	amperes = measure{"current", "ampere"}
	watts   = measure{"power", "watt"}
	hertz   = measure{"frequency", "hertz"}
	seconds = measure{"runtime", "second"}
)

// ups reads UPS-MIB (RFC 1628). Runtimes are given in seconds.
func (r *reader) ups() {
	const ups = "1.3.6.1.2.1.33.1."
	if !r.has("UPS values", "1.3.6.1.2.1.33.1") {
		return
	}
	single := []struct {
		oid    string
		m      measure
		descr  string
		factor float64
	}{
		{ups + "2.2.0", seconds, "Time on battery", 1},
		{ups + "2.3.0", seconds, "Estimated battery time remaining", 60},
		{ups + "2.4.0", measure{"charge", "percent"}, "Battery charge remaining", 1},
		{ups + "2.5.0", volts, "Battery", 0.1},
		{ups + "2.6.0", amperes, "Battery", 0.1},
		{ups + "2.7.0", measure{"temperature", "celsius"}, "Battery", 1},
		{ups + "4.2.0", hertz, "Output", 0.1},
		{ups + "5.1.0", hertz, "Bypass", 0.1},
		{ups + "6.1.0", measure{"count", ""}, "UPS alarms", 1},
	}
	oids := []snmp.OID{ups + "2.1.0", ups + "4.1.0", ups + "1.1.0", ups + "1.2.0", ups + "1.3.0"}
	for _, s := range single {
		oids = append(oids, snmp.OID(s.oid))
	}
	v := r.get("UPS values", oids...)
	r.state(ups+"2.1.0", v[0], "Battery status", map[int64]string{1: "unknown", 2: "normal", 3: "low", 4: "depleted"})
	r.state(ups+"4.1.0", v[1], "Output source", map[int64]string{1: "other", 2: "none", 3: "normal", 4: "bypass", 5: "battery", 6: "booster", 7: "reducer"})
	it := &r.d.Item
	fill(&it.Vendor, v[2].Text())
	fill(&it.Model, v[3].Text())
	fill(&it.Version, v[4].Text())
	for i, s := range single {
		r.sense(s.oid, v[5+i], s.m, s.descr, s.factor)
	}
	for _, k := range []struct {
		entry, descr string
		cols         map[int]struct {
			m      measure
			factor float64
		}
	}{
		{ups + "3.3.1", "Input", map[int]struct {
			m      measure
			factor float64
		}{2: {hertz, 0.1}, 3: {volts, 1}, 4: {amperes, 0.1}, 5: {watts, 1}}},
		{ups + "4.4.1", "Output", map[int]struct {
			m      measure
			factor float64
		}{2: {volts, 1}, 3: {amperes, 0.1}, 4: {watts, 1}, 5: {measure{"load", "percent"}, 1}}},
		{ups + "5.3.1", "Bypass", map[int]struct {
			m      measure
			factor float64
		}{2: {volts, 1}, 3: {amperes, 0.1}, 4: {watts, 1}}},
	} {
		t := r.table("UPS lines", snmp.OID(k.entry), 2, 3, 4, 5)
		for _, i := range t.order {
			descr := k.descr
			if len(t.order) > 1 {
				descr += " phase " + i
			}
			for col := 2; col <= 5; col++ {
				if c, ok := k.cols[col]; ok {
					r.sense(k.entry+"."+strconv.Itoa(col)+"."+i, t.cells[i][col], c.m, descr, c.factor)
				}
			}
		}
	}
	r.d.Item.Kind = "ups"
	r.d.Item.Role = "ups"
}

// power reads the supply of Power over Ethernet (RFC 3621).
func (r *reader) power() {
	const poe = "1.3.6.1.2.1.105.1.3.1.1"
	t := r.table("PoE supplies", poe, 2, 3, 4)
	for _, i := range t.order {
		r.sense(poe+".2."+i, t.cells[i][2], watts, "PoE budget "+i, 1)
		r.state(poe+".3."+i, t.cells[i][3], "PoE supply "+i, map[int64]string{1: "on", 2: "off", 3: "faulty"})
		r.sense(poe+".4."+i, t.cells[i][4], watts, "PoE consumption "+i, 1)
	}
}

// printer reads the basics of Printer-MIB (RFC 3805) and of hrPrinterTable.
func (r *reader) printer() {
	const prt = "1.3.6.1.2.1.43."
	if !r.has("printer values", "1.3.6.1.2.1.43") {
		return
	}
	t := r.table("printer supplies", prt+"11.1.1", 6, 8, 9)
	for _, i := range t.order {
		full, level := t.int(i, 8), t.int(i, 9)
		// -1 to -3 stand for other, unknown and some is left.
		if full > 0 && level >= 0 {
			r.d.Sensors = append(r.d.Sensors, Sensor{
				Index: i, Class: "percent", Unit: "percent", Descr: t.text(i, 6),
				Value: float64(level) * 100 / float64(full), OID: prt + "11.1.1.9." + i,
			})
		}
	}
	t = r.table("printed pages", prt+"10.2.1", 4, 5)
	for _, i := range t.order {
		r.sense(prt+"10.2.1.4."+i, t.cells[i][4], measure{"count", ""}, "Impressions", 1)
		r.sense(prt+"10.2.1.5."+i, t.cells[i][5], measure{"count", ""}, "Impressions since power on", 1)
	}
	const hr = "1.3.6.1.2.1.25.3."
	t = r.table("printer states", hr+"5.1", 1, 2)
	status := rows{}
	if len(t.order) > 0 {
		status = r.table("devices", hr+"2.1", 3, 5)
	}
	for _, i := range t.order {
		r.state(hr+"2.1.5."+i, status.cells[i][5], "Printer device status", map[int64]string{1: "unknown", 2: "running", 3: "warning", 4: "testing", 5: "down"})
		r.state(hr+"5.1.1."+i, t.cells[i][1], "Printer status", map[int64]string{1: "other", 2: "unknown", 3: "idle", 4: "printing", 5: "warmup"})
		fill(&r.d.Item.Model, status.text(i, 3))
	}
	if v := r.get("printer values", prt+"5.1.1.17.1"); len(t.order) > 0 || v[0].Kind != snmp.Missing {
		fill(&r.d.Item.Serial, v[0].Text())
		r.d.Item.Kind, r.d.Item.Role = "printer", "printer"
	}
}
