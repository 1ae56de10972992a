package rota

import (
	"fmt"
	"slices"
	"time"
)

// MaxWindow is the longest window that is computed; a longer one is cut.
const MaxWindow = 800 * day

func path(list string, i int) string { return fmt.Sprintf("%s[%d]", list, i) }

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// At tells who is on call at t: one entry, or none in a gap.
func (s Schedule) At(t time.Time) []OnCall {
	for i := len(s.Overrides) - 1; i >= 0; i-- {
		if o := s.Overrides[i]; !t.Before(o.Start) && t.Before(o.End) {
			return []OnCall{{o.Member, OverrideLayer}}
		}
	}
	for i := len(s.Layers) - 1; i >= 0; i-- {
		if x := s.layer(i, t, t.Add(1)); len(x) > 0 {
			return []OnCall{{x[0].Member, i}}
		}
	}
	return nil
}

// Shifts is the final schedule in [from, to), in order, without overlap.
func (s Schedule) Shifts(from, to time.Time) []Shift {
	to = earliest(to, from.Add(MaxWindow))
	var out []Shift
	for i := range s.Layers {
		for _, x := range s.layer(i, from, to) {
			out = over(out, x)
		}
	}
	for _, o := range s.Overrides {
		x := Shift{Member: o.Member, Start: latest(o.Start, from), End: earliest(o.End, to), Layer: OverrideLayer}
		if x.Start.Before(x.End) {
			out = over(out, x)
		}
	}
	slices.SortFunc(out, func(a, b Shift) int { return a.Start.Compare(b.Start) })
	return out
}

// over lays x on top of the shifts, cutting what it covers.
func over(shifts []Shift, x Shift) []Shift {
	out := make([]Shift, 0, len(shifts)+2)
	for _, y := range shifts {
		if !y.Start.Before(x.End) || !x.Start.Before(y.End) {
			out = append(out, y)
			continue
		}
		if y.Start.Before(x.Start) {
			out = append(out, Shift{y.Member, y.Start, x.Start, y.Layer})
		}
		if x.End.Before(y.End) {
			out = append(out, Shift{y.Member, x.End, y.End, y.Layer})
		}
	}
	return append(out, x)
}

// Gap is a stretch with nobody on call.
type Gap struct{ Start, End time.Time }

// Gaps in [from, to).
func (s Schedule) Gaps(from, to time.Time) []Gap {
	to = earliest(to, from.Add(MaxWindow))
	var out []Gap
	for _, x := range s.Shifts(from, to) {
		if from.Before(x.Start) {
			out = append(out, Gap{from, x.Start})
		}
		from = x.End
	}
	if from.Before(to) {
		out = append(out, Gap{from, to})
	}
	return out
}

// NextHandover is the first moment after t, and before t+within, at which the
// person on call changes; false when there is none.
func (s Schedule) NextHandover(t time.Time, within time.Duration) (time.Time, bool) {
	who, end := "", t
	for i, x := range s.Shifts(t, t.Add(within)) {
		if i == 0 && x.Start.Equal(t) {
			who, end = x.Member, x.End
			continue
		}
		if x.Start.After(end) && who != "" {
			return end, true
		}
		if x.Member != who {
			return x.Start, true
		}
		end = x.End
	}
	return end, who != "" && end.Before(t.Add(min(within, MaxWindow)))
}

// Hours is the real time that each person is on call in [from, to).
func (s Schedule) Hours(from, to time.Time) map[string]time.Duration {
	out := map[string]time.Duration{}
	for _, x := range s.Shifts(from, to) {
		out[x.Member] += x.End.Sub(x.Start)
	}
	return out
}
