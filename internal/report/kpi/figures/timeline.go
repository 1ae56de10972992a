// Package figures computes what reports show from what was recorded. It has no
// clock, no database and no settings: the same input gives the same figures.
// The rules are described in docs/reports.md and have a version.
package figures

import (
	"slices"
	"time"
)

// RulesVersion names the rules of this package. It changes when the same records
// would give other figures.
const RulesVersion = "1"

// Span is a stretch of time; To is not part of it.
type Span struct{ From, To time.Time }

// Severities of an outage.
const (
	Warning  = "warning"
	Critical = "critical"
	Unknown  = "unknown"
)

// Outage is a run of results of one check that were not ok.
type Outage struct {
	Check, ItemID string
	// End is zero while it lasts.
	Start, End time.Time
	// Worst is Warning, Critical or Unknown.
	Worst string
}

// Watch is what was seen of an item and of what it needs.
type Watch struct {
	Outages []Outage
	// Planned are maintenance windows; NoData and Unreachable the times in which
	// nothing was measured, because no check ran or what lies before it was down.
	Planned, NoData, Unreachable []Span
	// First is the first result of any check; zero when there was none.
	First time.Time
}

// Bucket is what a second of a period counts as.
type Bucket int

// The buckets, in the order in which one gives way to the next: a second that fits
// several counts as the first of them.
const (
	Planned Bucket = iota
	NoData
	Down
	Unreachable
	UnknownState
	Up
	buckets
)

// Segment is a stretch of one bucket.
type Segment struct {
	Span
	Bucket Bucket
}

// cut rounds to milliseconds, so that sums of figures are exact.
func cut(t time.Time) int64 { return t.UnixMilli() }

// Segments divides the period into stretches of one bucket each, in order, without
// a gap and without an overlap. Times are rounded down to milliseconds.
func Segments(p Span, w Watch) []Segment {
	from, to := cut(p.From), cut(p.To)
	if to <= from {
		return nil
	}
	type edge struct {
		at    int64
		b     Bucket
		delta int
	}
	var edges []edge
	add := func(a, z int64, b Bucket) {
		a, z = max(a, from), min(z, to)
		if a < z {
			edges = append(edges, edge{a, b, 1}, edge{z, b, -1})
		}
	}
	for b, spans := range map[Bucket][]Span{Planned: w.Planned, NoData: w.NoData, Unreachable: w.Unreachable} {
		for _, s := range spans {
			add(cut(s.From), cut(s.To), b)
		}
	}
	if first, ok := w.measuredSince(); ok {
		add(from, cut(first), NoData)
	} else {
		add(from, to, NoData)
	}
	for _, o := range w.Outages {
		if b, counts := o.bucket(); counts {
			add(cut(o.Start), o.end(to), b)
		}
	}
	slices.SortFunc(edges, func(a, b edge) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return 0
	})
	var out []Segment
	var open [buckets]int
	at := from
	emit := func(until int64) {
		if until <= at {
			return
		}
		now := Up
		for b := range Up {
			if open[b] > 0 {
				now = b
				break
			}
		}
		if n := len(out); n > 0 && out[n-1].Bucket == now {
			out[n-1].To = time.UnixMilli(until).UTC()
		} else {
			out = append(out, Segment{Span{time.UnixMilli(at).UTC(), time.UnixMilli(until).UTC()}, now})
		}
		at = until
	}
	for _, e := range edges {
		emit(e.at)
		open[e.b] += e.delta
	}
	emit(to)
	return out
}

// measuredSince is the first result; an outage is a result too.
func (w Watch) measuredSince() (time.Time, bool) {
	first := w.First
	for _, o := range w.Outages {
		if first.IsZero() || o.Start.Before(first) {
			first = o.Start
		}
	}
	return first, !first.IsZero()
}

// bucket tells what an outage counts as. A warning is not down: the service worked.
func (o Outage) bucket() (Bucket, bool) {
	switch o.Worst {
	case Critical:
		return Down, true
	case Unknown:
		return UnknownState, true
	}
	return Up, false
}

func (o Outage) end(open int64) int64 {
	if o.End.IsZero() {
		return open
	}
	return cut(o.End)
}
