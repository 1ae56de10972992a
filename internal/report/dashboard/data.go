package dashboard

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

const (
	maxLines   = 200
	maxLogs    = 200
	maxItems   = 500
	maxOptions = 1000
	maxWindow  = 400 * 24 * time.Hour
	// minStep is the least distance of points: nothing is read more often.
	minStep   = 10 * time.Second
	maxCached = 2000
)

// Ask is what a panel is asked for.
type Ask struct {
	From time.Time `json:"from,omitempty"`
	To   time.Time `json:"to,omitempty"`
	// Points is how many fit on the screen.
	Points int `json:"points,omitempty" minimum:"0" maximum:"2000"`
	// Values chosen for variables, by name. "$__all" is everything.
	Values map[string][]string `json:"values,omitempty" maxProperties:"30"`
}

// check tells what is wrong with the time, and puts it on a grid, so that people who look
// at the same moment ask the same question.
func (a *Ask) check() (step time.Duration, err error) {
	window := a.To.Sub(a.From)
	if window <= 0 || window > maxWindow {
		return 0, errs.Fields(errs.Field{Path: "to", Value: a.To.Format(time.RFC3339), Message: "must be after from, by at most 400 days"})
	}
	for name, vs := range a.Values {
		for _, v := range vs {
			if len(vs) > maxOptions || len(v) > 1000 {
				return 0, errs.Fields(errs.Field{Path: "values." + name, Message: "must be at most 1,000 values of 1,000 bytes"})
			}
		}
	}
	if a.Points < 10 {
		a.Points = 300
	}
	step = max(minStep, (window / time.Duration(a.Points)).Round(time.Second))
	if step > time.Minute {
		step = step.Truncate(10 * time.Second)
	}
	// The end goes up, so that what came just now is in sight.
	a.To = a.To.Add(step - 1).Truncate(step).UTC()
	a.From = a.From.Truncate(step).UTC()
	return step, nil
}

// Data answers a panel.
type Data struct {
	// From and StepSeconds give the time of each value of a line.
	From        time.Time `json:"from"`
	To          time.Time `json:"to"`
	StepSeconds float64   `json:"step_seconds"`
	Lines       []Line    `json:"lines,omitempty"`
	Logs        []LogLine `json:"logs,omitempty"`
	Items       []Tile    `json:"items,omitempty"`
	// Note says what was left out.
	Note string `json:"note,omitempty"`
}

// Line is one series: a value for each step, null where there is none; or one value.
type Line struct {
	Query  int               `json:"query"`
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels"`
	Values []*float64        `json:"values"`
}

// LogLine is one line of a log.
type LogLine struct {
	At     string            `json:"at"`
	Text   string            `json:"text"`
	Fields map[string]string `json:"fields,omitempty"`
}

// Tile is an item with its state.
type Tile struct {
	Name  string `json:"name"`
	Title string `json:"title,omitempty"`
	Kind  string `json:"kind"`
	State string `json:"state,omitempty" doc:"Of its checks; absent when it has none."`
}

type cached struct {
	until time.Time
	data  *Data
}

// Answer answers a panel.
func (s *Service) Answer(ctx context.Context, p *Panel, vars []Variable, a Ask) (*Data, error) {
	step, err := a.check()
	if err != nil {
		return nil, err
	}
	d := &Data{From: a.From, To: a.To, StepSeconds: step.Seconds()}
	w := wordsOf(vars, a.Values, step, a.To.Sub(a.From))
	switch p.Kind {
	case "text":
		return d, nil
	case "log":
		return d, s.lines(ctx, p, w, a, d)
	case "items":
		return d, s.tiles(ctx, p, d)
	}
	key := ""
	if b, err := json.Marshal([]any{p.Kind, p.Queries, p.Limit, w, a.From, a.To, step}); err == nil {
		sum := sha256.Sum256(b)
		key = hex.EncodeToString(sum[:])
	}
	now := s.d.DB.Clock().Now()
	s.mu.Lock()
	if c, ok := s.cache[key]; ok && now.Before(c.until) {
		s.mu.Unlock()
		return c.data, nil
	}
	s.mu.Unlock()
	instant := p.Kind == "top" || p.Kind == "table"
	for i, q := range p.Queries {
		var found []observe.Series
		if instant {
			found, err = s.metrics.Instant(ctx, w.in(q.Expr), a.To)
		} else {
			found, err = s.metrics.Range(ctx, w.in(q.Expr), a.From, a.To, step)
		}
		if err != nil {
			return nil, err
		}
		d.take(i, found, &q, w, a.From, step, instant)
	}
	d.order(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.cache) >= maxCached {
		maps.DeleteFunc(s.cache, func(_ string, c cached) bool { return now.After(c.until) })
		if len(s.cache) >= maxCached {
			clear(s.cache)
		}
	}
	keep := min(step, time.Minute)
	if a.To.After(now) {
		keep = minStep // the last value is still in the making
	}
	s.cache[key] = cached{until: now.Add(keep), data: d}
	return d, nil
}

// take puts series on the grid.
func (d *Data) take(query int, found []observe.Series, q *Query, w words, from time.Time, step time.Duration, instant bool) {
	n := int(d.To.Sub(from)/step) + 1
	for _, f := range found {
		labels := f.Labels
		if labels == nil {
			labels = map[string]string{}
		}
		l := Line{Query: query, Labels: labels, Name: legend(w.in(q.Legend), labels)}
		if instant {
			if len(f.Points) == 0 {
				continue
			}
			l.Values = []*float64{number(f.Points[len(f.Points)-1].Value)}
		} else {
			l.Values = make([]*float64, n)
			for _, p := range f.Points {
				if i := int(p.At.Sub(from) / step); i >= 0 && i < n {
					l.Values[i] = number(p.Value)
				}
			}
		}
		d.Lines = append(d.Lines, l)
	}
}

// number is nil for what JSON cannot hold.
func number(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// order sorts and cuts the lines.
func (d *Data) order(p *Panel) {
	limit := maxLines
	last := func(l Line) float64 {
		if len(l.Values) == 0 || l.Values[len(l.Values)-1] == nil {
			return math.Inf(-1)
		}
		return *l.Values[len(l.Values)-1]
	}
	switch p.Kind {
	case "top":
		slices.SortStableFunc(d.Lines, func(a, b Line) int { return cmp.Compare(last(b), last(a)) })
		limit = cmp.Or(p.Limit, 10)
	case "table":
		limit = cmp.Or(p.Limit, maxLines)
	default:
		slices.SortStableFunc(d.Lines, func(a, b Line) int {
			return cmp.Or(cmp.Compare(a.Query, b.Query), cmp.Compare(a.Name, b.Name))
		})
	}
	if n := len(d.Lines); n > limit {
		d.Lines = d.Lines[:limit]
		if p.Kind != "top" {
			d.Note = "The first " + strconv.Itoa(limit) + " of " + strconv.Itoa(n) + " lines."
		}
	}
}

func (s *Service) lines(ctx context.Context, p *Panel, w words, a Ask, d *Data) error {
	if s.logs == nil {
		return errs.New(errs.Unavailable, "This server keeps no logs.")
	}
	q := observe.LogQuery{From: a.From, To: a.To.Add(time.Second), Limit: min(cmp.Or(p.Limit, 100), maxLogs)}
	if len(p.Queries) > 0 {
		q.LogsQL = w.in(p.Queries[0].Expr)
	}
	d.Logs = []LogLine{}
	return s.logs.QueryLogs(ctx, q, func(fs []signal.Field) error {
		l := LogLine{Fields: map[string]string{}}
		for _, f := range fs {
			switch {
			case f.Name == "_time":
				l.At = f.Value
			case f.Name == "_msg":
				l.Text = f.Value
			case !strings.HasPrefix(f.Name, "_"):
				l.Fields[f.Name] = f.Value
			}
		}
		d.Logs = append(d.Logs, l)
		return nil
	})
}

// tiles lists items with the worst state of their checks, broken ones first.
func (s *Service) tiles(ctx context.Context, p *Panel, d *Data) error {
	limit := min(cmp.Or(p.Limit, maxItems), maxItems)
	items, err := s.catalog.Catalog(ctx, s.d.DB.Reader(), estate.CatalogFilter{Kind: p.ItemKind, Limit: limit})
	if err != nil {
		return err
	}
	ids := make([]string, len(items))
	for i := range items {
		ids[i] = items[i].ID
	}
	states := map[string]string{}
	if s.states != nil {
		states = s.states.ItemStates(ids)
	}
	d.Items = make([]Tile, len(items))
	for i, it := range items {
		d.Items[i] = Tile{Name: it.Name, Title: it.Title, Kind: it.Kind, State: states[it.ID]}
	}
	rank := map[string]int{"critical": 0, "warning": 1, "unknown": 2, "unreachable": 3, "ok": 5, "pending": 6, "": 7}
	slices.SortStableFunc(d.Items, func(a, b Tile) int { return cmp.Compare(rank[a.State], rank[b.State]) })
	if len(items) == limit {
		d.Note = "The first " + strconv.Itoa(limit) + " by name."
	}
	return nil
}

// Options lists what can be chosen for each variable. The values chosen for others count
// in its query.
func (s *Service) Options(ctx context.Context, vars []Variable, a Ask) (map[string][]string, error) {
	step, err := a.check()
	if err != nil {
		return nil, err
	}
	w := wordsOf(vars, a.Values, step, a.To.Sub(a.From))
	out := map[string][]string{}
	for i := range vars {
		if out[vars[i].Name], err = s.optionsOf(ctx, &vars[i], w, a.To); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *Service) optionsOf(ctx context.Context, v *Variable, w words, at time.Time) ([]string, error) {
	switch v.Kind {
	case "query":
		return s.labels(ctx, w.in(v.Query), at)
	case "item":
		items, err := s.catalog.Catalog(ctx, s.d.DB.Reader(), estate.CatalogFilter{Kind: v.Query, Limit: maxOptions})
		if err != nil {
			return nil, err
		}
		list := make([]string, len(items))
		for i := range items {
			list[i] = items[i].Name
		}
		return list, nil
	}
	return append([]string{}, v.Options...), nil
}

// labels gives the values that a label had within the last hour.
func (s *Service) labels(ctx context.Context, query string, at time.Time) ([]string, error) {
	sel, label, ok := labelValues(query)
	if !ok {
		return nil, errs.New(errs.Invalid, "%s is not label_values(metric, label).", query)
	}
	if sel == "" {
		sel = "{" + label + `!=""}`
	}
	found, err := s.metrics.Instant(ctx, "group by ("+label+") (present_over_time("+sel+"[1h]))", at)
	if err != nil {
		return nil, err
	}
	out := []string{}
	for _, f := range found {
		if v := f.Labels[label]; v != "" {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	return out[:min(len(out), maxOptions)], nil
}

// selector writes labels as PromQL does.
func selector(labels map[string]string) string {
	name := labels["__name__"]
	var sb strings.Builder
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		if k == "__name__" {
			continue
		}
		if sb.Len() > 0 {
			sb.WriteString(", ")
		}
		sb.WriteString(k + "=" + strconv.Quote(labels[k]))
	}
	if sb.Len() == 0 {
		return cmp.Or(name, "value")
	}
	return name + "{" + sb.String() + "}"
}
