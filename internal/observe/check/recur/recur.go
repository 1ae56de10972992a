// Package recur works out when something that repeats happens: a rule as in RFC 5545
// (RRULE) on the clock of a place, so that "22:00 every Sunday" stays at 22:00 when
// summer time begins.
package recur

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/teambition/rrule-go"
)

const (
	maxRule     = 300
	maxInterval = 1000
	maxCount    = 100_000
	// horizon is how far ahead an occurrence is looked for.
	horizon = 20 * 366 * 24 * time.Hour
)

// Local is the form of a local time, such as 2026-11-02T22:00:00.
const Local = "2006-01-02T15:04:05"

// Rule is a repetition. The zero value never happens.
type Rule struct {
	first time.Time
	opt   *rrule.ROption
}

// parts of a rule that may be given. The time of day is that of the first moment, so
// there are none for it.
var parts = []string{"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "BYYEARDAY", "BYWEEKNO", "WKST"}

// Parse reads a rule such as FREQ=WEEKLY;BYDAY=SU or FREQ=MONTHLY;BYDAY=2TU that
// begins at first, a local time in the zone; an empty rule happens once. The error is
// a sentence about the part that is wrong.
func Parse(rule, first, zone string) (Rule, error) {
	loc, err := Zone(zone)
	if err != nil {
		return Rule{}, err
	}
	at, err := time.ParseInLocation(Local, first, loc)
	if err != nil || at.Year() < 1970 || at.Year() > 2200 {
		return Rule{}, fmt.Errorf("the first time must be a local time such as 2026-11-02T22:00:00")
	}
	r := Rule{first: at}
	if rule == "" {
		return r, nil
	}
	if len(rule) > maxRule {
		return Rule{}, fmt.Errorf("the rule is longer than %d characters", maxRule)
	}
	rule = strings.TrimPrefix(strings.ToUpper(rule), "RRULE:")
	for p := range strings.SplitSeq(rule, ";") {
		k, _, ok := strings.Cut(p, "=")
		if !ok || !slices.Contains(parts, k) {
			return Rule{}, fmt.Errorf("%q is not a part of a rule; use %s", k, strings.Join(parts, ", "))
		}
	}
	opt, err := rrule.StrToROptionInLocation(rule, loc)
	if err != nil {
		return Rule{}, fmt.Errorf("the rule cannot be read: %w", err)
	}
	if opt.Freq > rrule.DAILY {
		return Rule{}, fmt.Errorf("FREQ must be DAILY, WEEKLY, MONTHLY or YEARLY")
	}
	if opt.Interval < 0 || opt.Interval > maxInterval || opt.Count < 0 || opt.Count > maxCount {
		return Rule{}, fmt.Errorf("INTERVAL must be 1 to %d and COUNT 1 to %d", maxInterval, maxCount)
	}
	opt.Dtstart = at
	if _, err := rrule.NewRRule(*opt); err != nil {
		return Rule{}, fmt.Errorf("the rule cannot be read: %w", err)
	}
	r.opt = opt
	if _, ok := r.Next(time.Time{}); !ok {
		return Rule{}, fmt.Errorf("the rule never happens")
	}
	return r, nil
}

// Zone finds an IANA zone; an empty name is UTC.
func Zone(name string) (*time.Location, error) {
	loc, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, fmt.Errorf("%q is not an IANA zone such as Europe/Berlin", name)
	}
	return loc, nil
}

// Next is the first moment later than after; false when there is none, or none within
// twenty years of after and of the first.
func (r Rule) Next(after time.Time) (time.Time, bool) {
	if r.first.IsZero() {
		return time.Time{}, false
	}
	if r.opt == nil {
		return r.first, r.first.After(after)
	}
	opt := *r.opt
	end := r.first
	if after.After(end) {
		end = after
	}
	if end = end.Add(horizon); opt.Until.IsZero() || opt.Until.After(end) {
		opt.Until = end
	}
	rr, err := rrule.NewRRule(opt)
	if err != nil {
		return time.Time{}, false
	}
	next := rr.Iterator()
	for {
		t, ok := next()
		if !ok {
			return time.Time{}, false
		}
		if t.After(after) {
			return t, true
		}
	}
}
