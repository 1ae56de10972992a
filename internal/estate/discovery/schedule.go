package discovery

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Schedule says when a job runs by itself.
type Schedule struct {
	// Every is the time between two starts; at least 5 minutes.
	Every observe.Duration `json:"every,omitempty" yaml:"every,omitempty" doc:"Time between two starts, at least 5m; 24h when only at is given."`
	// At is a time of day, "03:00"; the schedule counts from there.
	At string `json:"at,omitempty" yaml:"at,omitempty" pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]$" doc:"Time of day of the first start of a day, for example 03:00."`
	// Zone is an IANA time zone; UTC when empty.
	Zone string `json:"zone,omitempty" yaml:"zone,omitempty" doc:"Time zone such as Europe/Zurich; UTC when absent."`
	// Quiet are hours in which nothing is sent; a run that is under way waits.
	Quiet []Quiet `json:"quiet,omitempty" yaml:"quiet,omitempty" maxItems:"20" doc:"Hours in which nothing is sent; a run waits."`
}

// Quiet is a span of hours on some days. It may reach over midnight; the day is
// then that of its beginning.
type Quiet struct {
	From string   `json:"from" yaml:"from" pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]$"`
	To   string   `json:"to" yaml:"to" pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]$"`
	Days []string `json:"days,omitempty" yaml:"days,omitempty" enum:"mon,tue,wed,thu,fri,sat,sun" doc:"All when absent."`
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

const leastEvery = 5 * time.Minute

func (s *Schedule) check(path string) []errs.Field {
	var bad []errs.Field
	if s.Every == 0 && s.At == "" && len(s.Quiet) == 0 {
		bad = append(bad, errs.Field{Path: path + ".every", Message: "is missing; give every (24h), at (03:00) or both"})
	}
	if s.Every != 0 && (s.Every.D() < leastEvery || s.Every.D() > 366*24*time.Hour) {
		bad = append(bad, errs.Field{Path: path + ".every", Value: s.Every.String(), Message: "must be from 5m to 8784h"})
	}
	if _, err := time.LoadLocation(s.Zone); err != nil || s.Zone == "Local" {
		bad = append(bad, errs.Field{Path: path + ".zone", Value: s.Zone, Message: "must be a time zone such as Europe/Zurich or UTC"})
	}
	if _, ok := minutes(s.At); s.At != "" && !ok {
		bad = append(bad, errs.Field{Path: path + ".at", Value: s.At, Message: "must be a time of day such as 03:00"})
	}
	for i, q := range s.Quiet {
		p := fmt.Sprintf("%s.quiet[%d]", path, i)
		if _, ok := minutes(q.From); !ok {
			bad = append(bad, errs.Field{Path: p + ".from", Value: q.From, Message: "must be a time of day such as 08:00"})
		}
		if _, ok := minutes(q.To); !ok || q.To == q.From {
			bad = append(bad, errs.Field{Path: p + ".to", Value: q.To, Message: "must be a time of day such as 18:00, and not that of from"})
		}
		for _, d := range q.Days {
			if !slices.Contains(weekdays, d) {
				bad = append(bad, errs.Field{Path: p + ".days", Value: d, Message: "must be mon, tue, wed, thu, fri, sat or sun"})
			}
		}
	}
	return bad
}

func minutes(s string) (int, bool) {
	t, err := time.Parse("15:04", s)
	if err != nil || len(s) != 5 || !strings.Contains(s, ":") {
		return 0, false
	}
	return t.Hour()*60 + t.Minute(), true
}

func (s *Schedule) zone() *time.Location {
	if l, err := time.LoadLocation(s.Zone); err == nil {
		return l
	}
	return time.UTC
}

// next is the first start after now; the zero time when the schedule has none.
// Starts that were missed are not made up for.
func (s *Schedule) next(now time.Time) time.Time {
	if s == nil || s.Every == 0 && s.At == "" {
		return time.Time{}
	}
	every := s.Every.D()
	if s.At == "" {
		return now.Add(every).UTC()
	}
	m, _ := minutes(s.At)
	l := now.In(s.zone())
	at := func(days int) time.Time {
		return time.Date(l.Year(), l.Month(), l.Day()+days, m/60, m%60, 0, 0, s.zone())
	}
	if every == 0 || every%(24*time.Hour) == 0 {
		days := max(1, int(every/(24*time.Hour)))
		if t := at(0); t.After(now) && days == 1 {
			return t.UTC()
		}
		return at(days).UTC()
	}
	// Several starts a day count from the time of day; each day begins anew.
	day := 0
	if at(0).After(now) {
		day = -1
	}
	t := at(day)
	for !t.After(now) {
		t = t.Add(every)
	}
	if anew := at(day + 1); t.After(anew) && every < 24*time.Hour {
		t = anew
	}
	return t.UTC()
}

// quietUntil tells whether now is in quiet hours and when they end.
func (s *Schedule) quietUntil(now time.Time) (time.Time, bool) {
	if s == nil {
		return time.Time{}, false
	}
	l := now.In(s.zone())
	for _, q := range s.Quiet {
		from, _ := minutes(q.From)
		to, _ := minutes(q.To)
		for _, day := range []int{0, -1} {
			begin := time.Date(l.Year(), l.Month(), l.Day()+day, from/60, from%60, 0, 0, s.zone())
			end := time.Date(l.Year(), l.Month(), l.Day()+day, to/60, to%60, 0, 0, s.zone())
			if to < from {
				end = time.Date(l.Year(), l.Month(), l.Day()+day+1, to/60, to%60, 0, 0, s.zone())
			}
			on := len(q.Days) == 0 || slices.Contains(q.Days, weekdays[begin.Weekday()])
			if on && !now.Before(begin) && now.Before(end) {
				return end.UTC(), true
			}
		}
	}
	return time.Time{}, false
}
