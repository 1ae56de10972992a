package flow

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// RangeIn is what traffic a question is about.
type RangeIn struct {
	From   string   `query:"from" maxLength:"60" doc:"RFC 3339, seconds since 1970, or an age such as 15m or 2d; an hour before the end when empty."`
	To     string   `query:"to" maxLength:"60" doc:"As from; now when empty."`
	Filter []string `query:"filter,explode" maxItems:"20" doc:"A dimension and a value such as src:10.0.0.1, dst:10.0.0.0/8 or !app:https. Several of one dimension: one of them."`
	Source string   `query:"source" enum:"sums,conversations,records" doc:"Where to look. Usually chosen by the question: sums when there is no filter, records for up to six hours, else the largest conversations of each span."`
}

// TopIn asks for the most traffic.
type TopIn struct {
	RangeIn
	By      string `query:"by" maxLength:"100" default:"src" doc:"A dimension, or up to three joined by commas."`
	Metric  string `query:"metric" enum:"bytes,packets,flows" default:"bytes"`
	Limit   int    `query:"limit" minimum:"1" maximum:"1000" default:"20"`
	Compare string `query:"compare" maxLength:"20" doc:"An age such as 7d: how much the same was so long before."`
}

type seriesIn struct {
	TopIn
	Step string `query:"step" maxLength:"20" doc:"Width of a step, such as 5m; fitting the range when empty."`
}

// TopRow is the traffic of one value, or of one combination of values.
type TopRow struct {
	Key    []string `json:"key" doc:"A value for each dimension; empty where the exporter did not say."`
	Labels []Label  `json:"labels"`
	Sums
	Percent float64 `json:"percent" doc:"Of all traffic in the answer, by the metric."`
	Before  *Sums   `json:"before,omitempty" doc:"In the time compared with."`
}

// Answer says what a list of traffic is about.
type Answer struct {
	By      []string  `json:"by"`
	Metric  string    `json:"metric"`
	From    time.Time `json:"from" doc:"Beginning of the first span that is counted."`
	To      time.Time `json:"to"`
	Seconds float64   `json:"seconds" doc:"Length of the range; bytes times eight by it are bits per second."`
	Source  string    `json:"source" enum:"sums,conversations,records"`
	Note    string    `json:"note,omitempty" doc:"What the figures leave out."`
	Total   Sums      `json:"total"`
	Before  *Sums     `json:"before,omitempty"`
	Filters []Filter  `json:"filters"`
}

// Filter is one that was asked for, with the name of its value.
type Filter struct {
	Text      string `json:"text" doc:"As it was given."`
	Dimension string `json:"dimension"`
	Not       bool   `json:"not"`
	Label     Label  `json:"label"`
}

// Top is the most traffic by a dimension.
type Top struct {
	Answer
	Rows []TopRow `json:"rows"`
}

// Line is traffic over time.
type Line struct {
	Key    []string `json:"key"`
	Labels []Label  `json:"labels"`
	Values []uint64 `json:"values" doc:"By step, in the metric."`
}

// Series is the most traffic by a dimension over time.
type Series struct {
	Answer
	Start       time.Time `json:"start" doc:"Of the first step."`
	StepSeconds int64     `json:"step_seconds"`
	Lines       []Line    `json:"lines"`
	Totals      []uint64  `json:"totals" doc:"Of all traffic, by step."`
	BeforeTotal []uint64  `json:"before_totals,omitempty" doc:"Of all traffic in the time compared with."`
}

// Dimension is something by which traffic is told apart.
type Dimension struct {
	Name  string `json:"name"`
	Title string `json:"title"`
}

// all asks that whoever acts may see the traffic of everybody: it crosses teams.
func all(ctx context.Context) error { return access.Check(ctx, observe.ReadFlows, "") }

// Routes implements module.HasRoutes.
func (s *Service) Routes(api *httpapi.API) {
	const tag, base = "flows", "/api/v1/flows"
	httpapi.Handle(api, httpapi.Op{ID: "list-top-flows", Method: "GET", Path: base + "/top", Need: observe.ReadFlows, Tag: tag, Summary: "Who sent, received or carried the most traffic"}, s.getTop)
	httpapi.Handle(api, httpapi.Op{ID: "list-flow-series", Method: "GET", Path: base + "/series", Need: observe.ReadFlows, Tag: tag, Summary: "The most traffic over time"}, s.getSeries)
	httpapi.Handle(api, httpapi.Op{ID: "list-flow-records", Method: "GET", Path: base + "/records", Need: observe.ReadFlows, Tag: tag, Summary: "Records of traffic as they came, the newest first"}, s.getRecords)
	httpapi.Handle(api, httpapi.Op{ID: "list-flow-dimensions", Method: "GET", Path: base + "/dimensions", Need: observe.ReadFlows, Tag: tag, Summary: "By what traffic can be told apart"},
		func(context.Context, *struct{}) (*httpapi.Body[httpapi.List[Dimension]], error) {
			out := make([]Dimension, len(dimensions))
			for i, d := range dimensions {
				out[i] = Dimension{d.name, d.title}
			}
			return httpapi.NewList(out, ""), nil
		})
	s.exporterRoutes(api)
	s.unusualRoutes(api)
}

// question reads a request.
func (s *Service) question(ctx context.Context, in TopIn) (question, error) {
	var q question
	if err := all(ctx); err != nil {
		return q, err
	}
	q, err := s.rangeOf(in.RangeIn)
	if err != nil {
		return q, err
	}
	q.metric, q.limit = in.Metric, in.Limit
	if in.By != "" {
		names := strings.Split(in.By, ",")
		if len(names) > 3 {
			return q, errs.Fields(errs.Field{Path: "by", Value: in.By, Message: "must be at most three dimensions"})
		}
		for i, n := range names {
			d := dimensionOf(n)
			if d == nil || slices.Contains(names[:i], n) {
				return q, errs.Fields(errs.Field{Path: "by", Value: n, Message: "must be different dimensions of " + strings.Join(dimensionNames(), ", ")})
			}
			q.by = append(q.by, d)
		}
	}
	return q, nil
}

// maxRange is the longest range that can be asked for.
const maxRange = 3 * 366 * 24 * time.Hour

func (s *Service) rangeOf(in RangeIn) (question, error) {
	var q question
	var err error
	now := s.now()
	if q.from, err = moment("from", in.From, now); err != nil {
		return q, err
	}
	if q.to, err = moment("to", in.To, now); err != nil {
		return q, err
	}
	if q.to.IsZero() {
		q.to = now
	}
	if q.from.IsZero() {
		q.from = q.to.Add(-time.Hour)
	}
	q.from, q.to = q.from.UTC(), q.to.UTC()
	if !q.from.Before(q.to) {
		return q, errs.Fields(errs.Field{Path: "from", Value: in.From, Message: "must be before the end"})
	}
	if q.to.Sub(q.from) > maxRange {
		return q, errs.Fields(errs.Field{Path: "from", Value: in.From, Message: "must be at most three years before the end"})
	}
	q.source = in.Source
	q.filters, err = parseFilters(in.Filter)
	return q, err
}

// moment reads a time of a request.
func moment(path, text string, now time.Time) (time.Time, error) {
	switch text {
	case "":
		return time.Time{}, nil
	case "now":
		return now, nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 1e8 && n < 1e11 {
		return time.Unix(n, 0), nil
	}
	if d, ok := age(text); ok {
		return now.Add(-d), nil
	}
	return time.Time{}, errs.Fields(errs.Field{Path: path, Value: text, Message: "must be a time such as 2026-03-01T08:00:00Z, seconds since 1970, or an age such as 15m or 2d"})
}

// age reads 15m, 36h, 2d or 1w.
func age(text string) (time.Duration, bool) {
	for unit, hours := range map[string]float64{"d": 24, "w": 7 * 24} {
		if n, ok := strings.CutSuffix(text, unit); ok {
			v, err := strconv.ParseFloat(n, 64)
			if err != nil || v <= 0 || v*hours > maxRange.Hours() {
				return 0, false
			}
			return time.Duration(v * hours * float64(time.Hour)), true
		}
	}
	d, err := time.ParseDuration(text)
	return d, err == nil && d > 0 && d <= maxRange
}

func (q *question) names() []string {
	out := make([]string, len(q.by))
	for i, d := range q.by {
		out[i] = d.name
	}
	return out
}

func (q *question) answer(a answer) Answer {
	v := Answer{By: q.names(), Metric: q.metric, From: a.from, To: a.to, Seconds: a.to.Sub(a.from).Seconds(), Source: a.source, Total: a.total.view()}
	if a.partial {
		v.Note = "Counted from the largest conversations of each span of time; small ones are left out."
	}
	return v
}

// before gives the same question about an earlier time.
func (q question) before(compare string) (question, bool, error) {
	if compare == "" {
		return q, false, nil
	}
	d, ok := age(compare)
	if !ok {
		return q, false, errs.Fields(errs.Field{Path: "compare", Value: compare, Message: "must be an age such as 1d or 7d"})
	}
	q.from, q.to = q.from.Add(-d), q.to.Add(-d)
	return q, true, nil
}

func (s *Service) getTop(ctx context.Context, in *TopIn) (*httpapi.Body[Top], error) {
	q, err := s.question(ctx, *in)
	if err != nil {
		return nil, err
	}
	if len(q.by) == 0 {
		return nil, errs.Fields(errs.Field{Path: "by", Message: "must name a dimension"})
	}
	a, err := s.top(ctx, q)
	if err != nil {
		return nil, err
	}
	l := s.labels(ctx)
	out := Top{Answer: q.answer(a), Rows: make([]TopRow, 0, len(a.rows))}
	old, compares, err := q.before(in.Compare)
	if err != nil {
		return nil, err
	}
	was := map[string]sums{}
	if compares {
		old.limit = maxRows
		b, err := s.top(ctx, old)
		if err != nil {
			return nil, err
		}
		for _, r := range b.rows {
			was[strings.Join(r.keys, keySep)] = r.sums
		}
		v := b.total.view()
		out.Before = &v
	}
	out.Filters = l.filters(in.Filter)
	for _, r := range a.rows {
		row := TopRow{Key: r.keys, Labels: l.all(q.by, r.keys), Sums: r.view(), Percent: share(r.of(q.metric), a.total.of(q.metric))}
		if compares {
			v := was[strings.Join(r.keys, keySep)].view()
			row.Before = &v
		}
		out.Rows = append(out.Rows, row)
	}
	return &httpapi.Body[Top]{Body: out}, nil
}

func (l *labeler) all(by []*dimension, keys []string) []Label {
	out := make([]Label, len(keys))
	for i, k := range keys {
		if i < len(by) {
			out[i] = l.of(by[i], k)
		}
	}
	return out
}

func (l *labeler) filters(texts []string) []Filter {
	out := make([]Filter, 0, len(texts))
	for _, text := range texts {
		rest, not := strings.CutPrefix(text, "!")
		name, value, _ := strings.Cut(rest, ":")
		if d := dimensionOf(name); d != nil {
			out = append(out, Filter{text, name, not, l.of(d, value)})
		}
	}
	return out
}

func (s *Service) getSeries(ctx context.Context, in *seriesIn) (*httpapi.Body[Series], error) {
	q, err := s.question(ctx, in.TopIn)
	if err != nil {
		return nil, err
	}
	var step time.Duration
	if in.Step != "" {
		var ok bool
		if step, ok = age(in.Step); !ok || step < time.Minute {
			return nil, errs.Fields(errs.Field{Path: "step", Value: in.Step, Message: "must be at least 1m, such as 5m or 1h"})
		}
	}
	if q.limit > 50 {
		q.limit = 50
	}
	v, err := s.series(ctx, q, step)
	if err != nil {
		return nil, err
	}
	out := Series{Answer: q.answer(v.answer), Start: time.Unix(v.begin, 0).UTC(), StepSeconds: v.width, Lines: make([]Line, 0, len(v.lines)), Totals: v.totals}
	old, compares, err := q.before(in.Compare)
	if err != nil {
		return nil, err
	}
	if compares {
		old.by = nil
		b, err := s.series(ctx, old, time.Duration(v.width)*time.Second)
		if err != nil {
			return nil, err
		}
		sum := b.total.view()
		out.Before, out.BeforeTotal = &sum, v.fit(b, v.begin-q.from.Unix()+old.from.Unix())
	}
	l := s.labels(ctx)
	out.Filters = l.filters(in.Filter)
	for _, x := range v.lines {
		out.Lines = append(out.Lines, Line{x.keys, l.all(q.by, x.keys), x.values})
	}
	return &httpapi.Body[Series]{Body: out}, nil
}
