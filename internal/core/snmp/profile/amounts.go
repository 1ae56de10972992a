package profile

import (
	"context"
	"math"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/device"
)

// pool is a row of memory or storage.
type pool struct {
	row         row
	oid         snmp.OID
	total, used float64 // bytes
	percent     *float64
	totalPoint  *Point
	usedPoint   *Point
	shareOIDs   []snmp.OID
	shareOp     Op
}

// amounts reads the pools of one table. Two of total, used and free give the third.
func (r *reader) amounts(ctx context.Context, a Amounts, t Rows) ([]pool, error) {
	each := a.key()
	rows, err := r.rows(ctx, each, t)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	values := map[OID]map[string]float64{}
	for _, o := range []OID{a.Total, a.Used, a.Free, a.Percent, a.PercentFree} {
		if o == "" {
			continue
		}
		cells, err := r.column(ctx, o)
		if err != nil {
			return nil, err
		}
		m := make(map[string]float64, len(cells))
		for _, c := range cells {
			if n, ok := number(c.v, Pattern{}); ok {
				m[c.index] = n
			}
		}
		values[o] = m
	}
	var out []pool
	for _, w := range rows {
		get := func(o OID) (float64, bool) {
			key := w.index
			if scalar(o) {
				key = "0"
			}
			n, ok := values[o][key]
			return n, ok && n >= 0
		}
		p := pool{row: w, oid: at(each, w.index)}
		if p.fill(a, get, t.factor(w, a.Unit, "")) {
			out = append(out, p)
		}
	}
	return out, nil
}

// fill computes the pool; false when the device does not tell enough or nonsense.
func (p *pool) fill(a Amounts, get func(OID) (float64, bool), f float64) bool {
	total, hasTotal := get(a.Total)
	used, hasUsed := get(a.Used)
	free, hasFree := get(a.Free)
	share, hasShare := get(a.Percent)
	shareOp, shareOID := Value, a.Percent
	if rest, ok := get(a.PercentFree); ok && !hasShare {
		share, hasShare, shareOp, shareOID = 100-rest, true, Idle, a.PercentFree
	}
	if hasShare && (share < 0 || share > 100) {
		hasShare = false
	}
	idx := p.row.index
	point := func(op Op, oids ...OID) *Point {
		pt := &Point{Op: op, Factor: f}
		for _, o := range oids {
			pt.OIDs = append(pt.OIDs, at(o, idx))
		}
		return pt
	}
	switch {
	case hasTotal && hasUsed:
		p.totalPoint, p.usedPoint = point(Value, a.Total), point(Value, a.Used)
	case hasTotal && hasFree:
		used = total - free
		p.totalPoint, p.usedPoint = point(Value, a.Total), point(Less, a.Total, a.Free)
	case hasUsed && hasFree:
		total = used + free
		p.totalPoint, p.usedPoint = point(Plus, a.Used, a.Free), point(Value, a.Used)
	case hasTotal && hasShare:
		used = total * share / 100
		op := Share
		if shareOp == Idle {
			op = Rest
		}
		p.totalPoint, p.usedPoint = point(Value, a.Total), point(op, a.Total, shareOID)
	case hasShare:
		p.percent, p.shareOp, p.shareOIDs = &share, shareOp, []snmp.OID{at(shareOID, idx)}
		return true
	default:
		return false
	}
	p.total, p.used = total*f, used*f
	return p.total > 0 && p.used >= 0 && p.used <= p.total*1.01 && p.total < math.MaxInt64
}

func (r *reader) poolPoints(kind, descr string, p pool) {
	labels := map[string]string{kind: descr}
	if p.percent != nil {
		r.point(Point{Metric: "snmp_" + kind + "_used_percent", Labels: labels, Op: p.shareOp, OIDs: p.shareOIDs, Factor: 1})
		return
	}
	for name, pt := range map[string]*Point{"_total_bytes": p.totalPoint, "_used_bytes": p.usedPoint} {
		pt.Metric, pt.Labels = "snmp_"+kind+name, labels
		r.point(*pt)
	}
}

func (r *reader) memories(ctx context.Context) error {
	var got []device.Memory
	for _, def := range r.p.Memories {
		pools, err := r.amounts(ctx, def.Amounts, def.Rows)
		if err != nil {
			return err
		}
		for _, p := range pools {
			m := device.Memory{Index: string(p.oid), Descr: p.row.descr(def.Descr, "Memory"), Class: def.Class,
				TotalBytes: uint64(p.total), UsedBytes: uint64(p.used), UsedPercent: p.percent}
			if m.Class == "" {
				m.Class = "system"
			}
			got = append(got, m)
			r.poolPoints("memory", m.Descr, p)
		}
	}
	if len(got) == 0 {
		return nil
	}
	if !r.keeps("memories") {
		r.dev.Memories = nil
	}
	r.dev.Memories = append(r.dev.Memories, got...)
	return nil
}

func (r *reader) storages(ctx context.Context) error {
	seen := map[string]bool{}
	for _, s := range r.dev.Storages {
		seen[strings.ToLower(s.Descr)] = true
	}
	for _, def := range r.p.Storages {
		pools, err := r.amounts(ctx, def.Amounts, def.Rows)
		if err != nil {
			return err
		}
		for _, p := range pools {
			s := device.Storage{Index: string(p.oid), Descr: p.row.descr(def.Descr, "Storage"), Type: p.row.expand(def.Type),
				SizeBytes: uint64(p.total), UsedBytes: uint64(p.used)}
			if p.percent != nil || seen[strings.ToLower(s.Descr)] {
				continue
			}
			seen[strings.ToLower(s.Descr)] = true
			r.dev.Storages = append(r.dev.Storages, s)
			r.poolPoints("storage", s.Descr, p)
		}
	}
	return nil
}
