package kpi

import (
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/report/kpi/figures"
)

const (
	defaultPeriod = 30 * 24 * time.Hour
	maxYears      = 5
	maxSteps      = 2000
)

// period reads from and to. Without them it is the last 30 days until now. What
// lies in the future is cut off, for nothing is known of it.
func period(from, to string, now time.Time) (figures.Span, error) {
	var wrong []errs.Field
	read := func(path, s string, otherwise time.Time) time.Time {
		if s == "" {
			return otherwise
		}
		t, err := time.Parse(time.RFC3339, s)
		if err != nil || t.Year() < 1970 {
			wrong = append(wrong, errs.Field{Path: path, Value: short(s), Message: "must be a time since 1970 as in RFC 3339, for example 2026-11-02T00:00:00Z"})
		}
		return t.UTC()
	}
	now = now.UTC().Truncate(time.Millisecond)
	z := read("query.to", to, now)
	if z.After(now) {
		z = now
	}
	a := read("query.from", from, z.Add(-defaultPeriod))
	if len(wrong) == 0 {
		switch {
		case !a.Before(z):
			wrong = append(wrong, errs.Field{Path: "query.from", Value: short(from), Message: "must be before to, and in the past"})
		case a.AddDate(maxYears, 0, 0).Before(z):
			wrong = append(wrong, errs.Field{Path: "query.from", Value: short(from), Message: "must be at most 5 years before to"})
		}
	}
	return figures.Span{From: a.Truncate(time.Millisecond), To: z.Truncate(time.Millisecond)}, errs.Fields(wrong...)
}

func short(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}

// steps divides the period at the midnights of the zone: every day, every Monday,
// or every first of a month. A day of a clock change has 23 or 25 hours.
func steps(p figures.Span, step, zone string) ([]figures.Span, error) {
	loc := time.UTC
	if zone != "" {
		l, err := time.LoadLocation(zone)
		if err != nil || zone == "Local" {
			return nil, errs.Fields(errs.Field{Path: "query.tz", Value: short(zone), Message: "must be the name of a time zone, for example Europe/Berlin"})
		}
		loc = l
	}
	start := p.From.In(loc)
	y, m, d := start.Date()
	next := func(i int) time.Time { return time.Date(y, m, d+i, 0, 0, 0, 0, loc) }
	switch step {
	case "", "day":
	case "week":
		sinceMonday := (int(start.Weekday()) + 6) % 7
		next = func(i int) time.Time { return time.Date(y, m, d-sinceMonday+7*i, 0, 0, 0, 0, loc) }
	case "month":
		next = func(i int) time.Time { return time.Date(y, m+time.Month(i), 1, 0, 0, 0, 0, loc) }
	default:
		return nil, errs.Fields(errs.Field{Path: "query.step", Value: short(step), Message: "must be day, week or month"})
	}
	var out []figures.Span
	at := p.From
	for i := 1; at.Before(p.To) && i <= maxSteps; i++ {
		z := next(i).UTC()
		if !z.After(at) {
			continue
		}
		if z.After(p.To) {
			z = p.To
		}
		out = append(out, figures.Span{From: at, To: z})
		at = z
	}
	return out, nil
}
