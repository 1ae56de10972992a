// Package rota computes who is on call. It is pure: no clock, no database. All
// hand-overs are wall time in the schedule's zone, so 09:00 stays 09:00 over both
// clock changes.
package rota

import (
	"slices"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// WallLayout is how local wall time is written: no zone, no offset.
const WallLayout = "2006-01-02T15:04:05"

const day = 24 * time.Hour

// Restriction is a weekly window, in wall time of the schedule's zone.
type Restriction struct {
	// Days the window begins on; empty means every day.
	Days []time.Weekday
	// From and To are time since midnight on the wall clock. A To at or before
	// From ends on the next day.
	From, To time.Duration
}

// Rotation hands the duty from member to member.
type Rotation struct {
	Members []string
	// Every is the length of a turn. Multiples of 24h are calendar days in the
	// zone; other lengths are measured on the wall clock too.
	Every time.Duration
	// Starts is the local wall time of the first turn, in WallLayout.
	Starts string
	// Restrictions limit the rotation to some hours; empty means always.
	Restrictions []Restriction
}

// Override puts one person on call from Start up to, not including, End.
type Override struct {
	Member     string
	Start, End time.Time
}

// Schedule has layers; a later layer wins where it has somebody, and overrides,
// the last one first, win over all layers.
type Schedule struct {
	Zone      *time.Location
	Layers    []Rotation
	Overrides []Override
}

// Shift is a stretch of duty from Start up to, not including, End.
type Shift struct {
	Member     string
	Start, End time.Time
	// Layer is the index of the layer, OverrideLayer for an override.
	Layer int
}

// OverrideLayer is the Layer of a shift that comes from an override.
const OverrideLayer = -1

// OnCall is who has the duty at a moment, and on whose account.
type OnCall struct {
	Member string
	Layer  int
}

// Validate reports all mistakes at once, as an *errs.Error of code Invalid.
func (s Schedule) Validate() error {
	var bad []errs.Field
	add := func(p, v, m string) { bad = append(bad, errs.Field{Path: p, Value: v, Message: m}) }
	if s.Zone == nil {
		add("zone", "", "must be a time zone such as Europe/Berlin")
	}
	for i, r := range s.Layers {
		p := path("layers", i)
		if len(r.Members) == 0 {
			add(p+".members", "", "must name at least one person")
		}
		if r.Every < time.Hour || r.Every > 366*day {
			add(p+".every", r.Every.String(), "must be between 1h and 8784h")
		}
		if _, err := time.Parse(WallLayout, r.Starts); err != nil {
			add(p+".starts", r.Starts, "must be local time such as 2026-11-02T09:00:00")
		}
		for j, x := range r.Restrictions {
			if x.From < 0 || x.From >= day || x.To < 0 || x.To > day {
				add(p+"."+path("restrictions", j), "", "must lie between 00:00 and 24:00")
			}
		}
	}
	for i, o := range s.Overrides {
		if o.Member == "" {
			add(path("overrides", i)+".member", "", "must name a person")
		}
		if !o.Start.Before(o.End) {
			add(path("overrides", i)+".end", o.End.String(), "must be after its start")
		}
	}
	return errs.Fields(bad...)
}

// wall maps an instant to its wall clock reading, kept as a UTC time.
func (s Schedule) wall(t time.Time) time.Time {
	t = t.In(s.zone())
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// instant is the first moment at which the wall clock reads w or, when the clock
// jumps over w, the moment that as many minutes after the jump.
func (s Schedule) instant(w time.Time) time.Time {
	// Read as UTC, w is less than a day from the moment meant, so the offsets
	// a day before and after it are those on either side of a change.
	_, before := w.Add(-day).In(s.zone()).Zone()
	_, after := w.Add(day).In(s.zone()).Zone()
	first := w.Add(-time.Duration(max(before, after)) * time.Second)
	second := w.Add(-time.Duration(min(before, after)) * time.Second)
	for _, t := range []time.Time{first, second} {
		if s.wall(t).Equal(w) {
			return t.In(s.zone())
		}
	}
	return w.Add(-time.Duration(before) * time.Second).In(s.zone())
}

func (s Schedule) zone() *time.Location {
	if s.Zone == nil {
		return time.UTC
	}
	return s.Zone
}

// layer gives the shifts of layer i that touch [from, to), cut to it.
func (s Schedule) layer(i int, from, to time.Time) []Shift {
	r := s.Layers[i]
	start, err := time.Parse(WallLayout, r.Starts)
	if err != nil || r.Every <= 0 || len(r.Members) == 0 {
		return nil
	}
	// A margin of two days covers every zone change.
	n := max(int64(s.wall(from).Add(-2*day).Sub(start)/r.Every)-1, 0)
	var out []Shift
	for ; ; n++ {
		w := start.Add(time.Duration(n) * r.Every)
		a, b := s.instant(w), s.instant(w.Add(r.Every))
		if !a.Before(to) {
			return out
		}
		who := r.Members[n%int64(len(r.Members))]
		for _, x := range s.open(r.Restrictions, latest(a, from), earliest(b, to)) {
			out = append(out, Shift{Member: who, Start: x[0], End: x[1], Layer: i})
		}
	}
}

// open gives the parts of [a, b) that the restrictions allow, in order.
func (s Schedule) open(rs []Restriction, a, b time.Time) [][2]time.Time {
	if !a.Before(b) {
		return nil
	}
	if len(rs) == 0 {
		return [][2]time.Time{{a, b}}
	}
	var all [][2]time.Time
	for d := s.wall(a).Truncate(day).Add(-2 * day); d.Before(s.wall(b).Add(day)); d = d.Add(day) {
		for _, r := range rs {
			if len(r.Days) > 0 && !slices.Contains(r.Days, d.Weekday()) {
				continue
			}
			end := r.To
			if end <= r.From {
				end += day
			}
			x := latest(s.instant(d.Add(r.From)), a)
			y := earliest(s.instant(d.Add(end)), b)
			if x.Before(y) {
				all = append(all, [2]time.Time{x, y})
			}
		}
	}
	slices.SortFunc(all, func(p, q [2]time.Time) int { return p[0].Compare(q[0]) })
	var out [][2]time.Time
	for _, x := range all {
		if k := len(out) - 1; k >= 0 && !x[0].After(out[k][1]) {
			out[k][1] = latest(out[k][1], x[1])
			continue
		}
		out = append(out, x)
	}
	return out
}
