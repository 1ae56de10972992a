package profile

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/device"
)

// Reading is what Enrich adds to a device.
type Reading struct {
	Device *device.Device
	// Profile that matched; nil for none.
	Profile *Profile
	// Points are the values for graphs, to be read again by Poll.
	Points []Point
}

type reader struct {
	*memo
	p     *Profile
	facts Facts
	dev   *device.Device
	// points is nil when they are not wanted.
	points *[]Point
	// caller's end is an error; that of the reading's own time is told in Limits.
	caller context.Context
	// failures counts tables that the device did not answer for; over is set when
	// nothing more is to be asked.
	failures int
	over     bool
}

// enrichTime is how long the vendor's tables may take.
const enrichTime = 2 * time.Minute

// maxFailures is after how many unanswered tables a device is left alone.
const maxFailures = 2

// enrich finds the profile of a device that was read from the standard tables and
// adds what the profile says. Rows are never doubled: processors and memories of a
// profile take the place of the standard ones unless it keeps them; storages,
// sensors and neighbors are added when no row tells the same.
func (s *Set) enrich(ctx context.Context, m *memo, dev *device.Device, points bool) (*Reading, error) {
	it := &dev.Item
	facts := Facts{ObjectID: strings.TrimPrefix(it.SysObjectID, "."), Descr: it.SysDescr, Name: it.Name}
	r := &reader{memo: m, facts: facts, dev: dev, caller: ctx}
	ctx, cancel := context.WithTimeout(ctx, enrichTime)
	defer cancel()
	out := &Reading{Device: dev}
	if points {
		out.Points = []Point{}
		r.points = &out.Points
	}
	p, err := s.Find(ctx, facts, r.first)
	if err != nil {
		return nil, err
	}
	if p == nil {
		if p = s.Profile(genericProfile); p == nil {
			p = &Profile{}
		}
	} else {
		dev.Profile, out.Profile = p.Name, p
	}
	r.p = p
	if err := r.identify(ctx, it); err != nil {
		return nil, err
	}
	if v := VendorOf(facts.ObjectID); v != "" && len(p.Identity.Vendor) == 0 {
		it.Vendor = v
	}
	if it.Kind == "" {
		it.Kind = "network_device"
	}
	for _, step := range []func(context.Context) error{
		r.processors, r.memories, r.storages, r.sensors, r.neighbors, r.metrics,
	} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// genericProfile is what is done for a device that no profile matches; every
// profile may extend it.
const genericProfile = "generic"

// first is the Prober of a session: a scalar, or the first value below o. It costs
// one request.
func (r *reader) first(ctx context.Context, o snmp.OID) (snmp.Var, error) {
	if scalar(OID(o)) {
		cells, err := r.column(ctx, OID(o))
		if err != nil || len(cells) == 0 {
			return snmp.Var{}, err
		}
		return cells[0].v, nil
	}
	if r.over {
		return snmp.Var{}, nil
	}
	var first snmp.Var
	err := r.Session.Walk(ctx, o, func(v snmp.Var) error {
		first = v
		return errEnough
	})
	if err := r.caller.Err(); err != nil {
		return snmp.Var{}, err
	}
	if err != nil && !errors.Is(err, errEnough) && !snmp.Limited(err) {
		r.failures++
		r.over = r.failures > maxFailures
	}
	return first, nil
}

// column is the memo's, forgiving a device that does not answer for one table: the
// reading goes on, and its Limits tell.
func (r *reader) column(ctx context.Context, o OID) ([]cell, error) {
	if r.over {
		return nil, nil
	}
	cells, err := r.memo.column(ctx, o)
	if err == nil {
		return cells, nil
	}
	if err := r.caller.Err(); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		r.over = true
		r.dev.Limits = append(r.dev.Limits, fmt.Sprintf("The vendor's tables took longer than %s. What follows %s was not read.", enrichTime, o))
		return cells, nil
	}
	why := strings.TrimSuffix(err.Error(), ".")
	if !snmp.Limited(err) {
		r.failures++
		r.over = r.failures > maxFailures
	}
	r.dev.Limits = append(r.dev.Limits, fmt.Sprintf("%s was not read to the end: %s.", o, why))
	return cells, nil
}

func (r *reader) point(p Point) {
	if r.points == nil {
		return
	}
	if p.Type == "" {
		p.Type = "gauge"
	}
	*r.points = append(*r.points, p)
}

// at gives the OID of a row's value in column o.
func at(o OID, index string) snmp.OID {
	if index == "" || scalar(o) {
		return o.oid()
	}
	return snmp.OID(string(o) + "." + index)
}

func (r *reader) keeps(what string) bool {
	for _, k := range r.p.KeepStandard {
		if k == what {
			return true
		}
	}
	return false
}

func (r *reader) processors(ctx context.Context) error {
	var got []device.Processor
	for _, def := range r.p.Processors {
		rows, err := r.rows(ctx, def.Usage, def.Rows)
		if err != nil {
			return err
		}
		for _, w := range rows {
			n, ok := number(w.v, def.Pattern)
			if !ok {
				continue
			}
			f, op := def.factor(w, "", ""), Value
			n *= f
			if def.Idle {
				n, op = 100-n, Idle
			}
			if n < 0 || n > 100 {
				continue
			}
			oid := at(def.Usage, w.index)
			p := device.Processor{Index: string(oid), Descr: w.descr(def.Descr, "Processor"), UsagePercent: &n}
			got = append(got, p)
			r.point(Point{Metric: "snmp_processor_percent", Labels: map[string]string{"processor": p.Descr}, Op: op,
				OIDs: []snmp.OID{oid}, Factor: f, Pattern: def.Pattern.text()})
		}
	}
	if len(got) == 0 {
		return nil
	}
	if !r.keeps("processors") {
		r.dev.Processors = nil
	}
	r.dev.Processors = append(r.dev.Processors, got...)
	return nil
}

func (r *reader) sensors(ctx context.Context) error {
	byOID, byName := map[string]bool{}, map[string]bool{}
	for _, s := range r.dev.Sensors {
		byOID[s.OID] = true
		byName[s.Class+"|"+strings.ToLower(s.Descr)] = true
	}
	own := map[string]bool{}
	for _, def := range r.p.Sensors {
		rows, err := r.rows(ctx, def.Value, def.Rows)
		if err != nil {
			return err
		}
		for _, w := range rows {
			s, p, ok := def.read(w)
			name := s.Class + "|" + strings.ToLower(s.Descr)
			if !ok || byOID[s.OID] || own[s.OID+s.Class] || byName[name] && !isGenericName(s.Descr) {
				continue
			}
			own[s.OID+s.Class] = true
			r.dev.Sensors = append(r.dev.Sensors, s)
			r.point(p)
		}
	}
	return nil
}

// isGenericName tells names that do not tell rows apart.
func isGenericName(d string) bool { return strings.TrimSpace(d) == "" }

var units = map[string]string{
	"temperature": "celsius", "voltage": "volt", "current": "ampere", "power": "watt", "fan_speed": "rpm",
	"humidity": "percent", "frequency": "hertz", "charge": "percent", "load": "percent", "runtime": "second",
	"dbm": "dbm", "percent": "percent",
}

func (def Sensor) read(w row) (device.Sensor, Point, bool) {
	s := device.Sensor{Index: w.index, Class: def.Class, Unit: def.Unit, OID: string(at(def.Value, w.index))}
	if s.Unit == "" {
		s.Unit = units[s.Class]
	}
	s.Descr = w.descr(def.Descr, strings.ToUpper(def.Class[:1])+strings.ReplaceAll(def.Class[1:], "_", " "))
	f := def.factor(w, def.Factor, def.Precision)
	p := Point{Metric: "snmp_sensor_" + s.Class, Labels: map[string]string{"sensor": s.Descr, "index": w.index}, Op: Value,
		OIDs: []snmp.OID{snmp.OID(s.OID)}, Factor: f, Offset: def.Offset, Pattern: def.Pattern.text()}
	if s.Unit != "" {
		p.Labels["unit"] = s.Unit
	}
	if def.Class == "state" {
		text := w.v.Text()
		word, ok := def.States[text]
		if !ok {
			word = "unknown"
		}
		n, isNumber := number(w.v, Pattern{})
		if s.State = word; isNumber {
			s.Value = n
		} else if n, err := strconv.ParseFloat(text, 64); err == nil {
			s.Value = n
		}
		return s, p, text != ""
	}
	n, ok := number(w.v, def.Pattern)
	if !ok {
		return s, p, false
	}
	s.Value = n*f + def.Offset
	if def.Min != nil && s.Value < *def.Min || def.Max != nil && s.Value > *def.Max {
		return s, p, false
	}
	return s, p, true
}
