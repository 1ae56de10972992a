package metric

import (
	"context"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/observe/metric/store"
)

// Span is a range of time in a request.
type Span struct {
	Start string `query:"start" maxLength:"60" doc:"RFC 3339 or seconds since 1970; one day before the end when empty."`
	End   string `query:"end" maxLength:"60" doc:"As start; now when empty."`
}

type metricsIn struct {
	Span
	Q     string `query:"q" maxLength:"200" doc:"Text in the name or the help."`
	Limit int    `query:"limit" minimum:"1" maximum:"5000" default:"50"`
}

// List are names that were found.
type List struct {
	Items []Metric `json:"items"`
	More  bool     `json:"more" doc:"There are more than the limit."`
}

type labelValuesIn struct {
	LabelQuery
	Name string `path:"name" maxLength:"128"`
}

// LabelQuery narrows labels.
type LabelQuery struct {
	Span
	Match string `query:"match" maxLength:"4000" doc:"A selector such as up{job=\"web\"}; all series when empty."`
	Q     string `query:"q" maxLength:"200" doc:"Text in the name or value."`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"50"`
}

// Words are names or values that were found.
type Words struct {
	Items []string `json:"items"`
	More  bool     `json:"more" doc:"There are more than the limit."`
}

type metricIn struct {
	Span
	Name string `path:"name" maxLength:"200"`
}

// Label is a label of a metric.
type Label struct {
	Name     string   `json:"name"`
	Values   int      `json:"values" doc:"How many different values it has."`
	Examples []string `json:"examples" doc:"Values with most series."`
}

// Detail is one metric with its labels.
type Detail struct {
	Metric

	Series int     `json:"series" doc:"Series in the range; 50,000 are counted at most."`
	More   bool    `json:"more" doc:"There are more series than were counted."`
	Labels []Label `json:"labels"`
}

type checkIn struct {
	Query string `query:"query" maxLength:"20000" doc:"PromQL."`
}

// QueryCheck says how a query reads.
type QueryCheck struct {
	Type     string    `json:"type,omitempty" doc:"Type of the answer, such as instant vector; empty when it cannot be read."`
	Format   string    `json:"format,omitempty" doc:"The query in the usual layout."`
	Mistakes []Mistake `json:"mistakes"`
}

// Mistake is a place in a query.
type Mistake struct {
	Start   int    `json:"start" doc:"First character, counted from 0."`
	End     int    `json:"end" doc:"Behind the last character."`
	Message string `json:"message"`
}

// Function of the query language.
type Function struct {
	Name      string `json:"name"`
	Signature string `json:"signature"`
	Returns   string `json:"returns"`
}

func (r *room) apiRoutes(api *httpapi.API) {
	const tag, base = "metrics", "/api/v1/metrics"
	read := observe.ReadMetrics
	httpapi.Handle(api, httpapi.Op{ID: "list-metrics", Method: "GET", Path: base, Need: read, Tag: tag, Summary: "Metrics by name and meaning, what begins with the text first"},
		func(ctx context.Context, in *metricsIn) (*httpapi.Body[List], error) {
			s, from, to, err := r.within(in.Span)
			if err != nil {
				return nil, err
			}
			items, more, err := r.metrics(ctx, s, from, to, in.Q, in.Limit)
			return &httpapi.Body[List]{Body: List{items, more}}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-metric", Method: "GET", Path: base + "/{name}", Need: read, Tag: tag, Summary: "One metric with its labels and how many values each has"}, r.detail)
	httpapi.Handle(api, httpapi.Op{ID: "list-metric-labels", Method: "GET", Path: "/api/v1/metric-labels", Need: read, Tag: tag, Summary: "Labels of the series that a selector names"},
		func(ctx context.Context, in *LabelQuery) (*httpapi.Body[Words], error) {
			s, from, to, err := r.within(in.Span)
			if err != nil {
				return nil, err
			}
			all, err := r.labelNames(ctx, s, in.Match, from, to)
			if err != nil {
				return nil, err
			}
			return words(all, in.Q, in.Limit), nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-metric-label-values", Method: "GET", Path: "/api/v1/metric-labels/{name}/values", Need: read, Tag: tag, Summary: "Values of a label in the series that a selector names"},
		func(ctx context.Context, in *labelValuesIn) (*httpapi.Body[Words], error) {
			s, from, to, err := r.within(in.Span)
			if err != nil {
				return nil, err
			}
			all, err := r.values(ctx, s, in.Name, in.Match, from, to)
			if err != nil {
				return nil, err
			}
			return words(all, in.Q, in.Limit), nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "check-metric-query", Method: "GET", Path: "/api/v1/metric-queries/check", Need: read, Tag: tag, Summary: "Read a query without running it, and say where it is wrong"},
		func(_ context.Context, in *checkIn) (*httpapi.Body[QueryCheck], error) {
			s := r.store.Load()
			if s == nil {
				return nil, closed()
			}
			return &httpapi.Body[QueryCheck]{Body: check(s, in.Query)}, nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-metric-functions", Method: "GET", Path: "/api/v1/metric-functions", Need: read, Tag: tag, Summary: "Functions of the query language"},
		func(context.Context, *struct{}) (*httpapi.Body[httpapi.List[Function]], error) {
			var out []Function
			for _, f := range store.Signatures() {
				out = append(out, Function{f.Name, f.Text, f.Returns})
			}
			return httpapi.NewList(out, ""), nil
		})
}

func words(all []string, q string, limit int) *httpapi.Body[Words] {
	found, more := find(all, q, limit)
	if found == nil {
		found = []string{}
	}
	return &httpapi.Body[Words]{Body: Words{found, more}}
}

func check(s *store.Store, query string) QueryCheck {
	out := QueryCheck{Mistakes: []Mistake{}}
	kind, bad := s.Check(query)
	out.Type = kind
	for _, m := range bad {
		out.Mistakes = append(out.Mistakes, Mistake{
			Start: utf8.RuneCountInString(query[:m.Start]), End: utf8.RuneCountInString(query[:m.End]), Message: m.Message,
		})
	}
	if len(bad) == 0 {
		// It was read a moment ago.
		out.Format, _ = s.Format(query)
	}
	return out
}

func (r *room) detail(ctx context.Context, in *metricIn) (*httpapi.Body[Detail], error) {
	s, from, to, err := r.within(in.Span)
	if err != nil {
		return nil, err
	}
	if store.CheckName(in.Name) != nil {
		return nil, errs.New(errs.NotFound, "There is no metric %q.", in.Name)
	}
	n, uses, more, err := s.LabelUses(ctx, in.Name, from, to)
	if err != nil {
		return nil, forPeople(err)
	}
	if n == 0 {
		return nil, errs.New(errs.NotFound, "There is no metric %q in this range of time.", in.Name)
	}
	infos := map[string]observe.MetricInfo{}
	for _, i := range s.Described("", -1) {
		infos[i.Name] = i
	}
	i := meaning(infos, in.Name)
	out := Detail{Metric: Metric{Name: in.Name, Type: i.Type, Unit: i.Unit, Help: i.Help}, Series: n, More: more, Labels: []Label{}}
	for _, u := range uses {
		out.Labels = append(out.Labels, Label{u.Name, u.Values, u.Examples})
	}
	return &httpapi.Body[Detail]{Body: out}, nil
}

// within gives the store and the range of a request.
func (r *room) within(in Span) (s *store.Store, from, to time.Time, err error) {
	if s = r.store.Load(); s == nil {
		return nil, from, to, closed()
	}
	if to, err = moment("end", in.End, r.now()); err != nil {
		return nil, from, to, err
	}
	if from, err = moment("start", in.Start, to.Add(-lookBack)); err != nil {
		return nil, from, to, err
	}
	if !from.Before(to) {
		return nil, from, to, errs.Fields(errs.Field{Path: "start", Value: in.Start, Message: "must be before the end"})
	}
	return s, from, to, nil
}

func moment(path, text string, otherwise time.Time) (time.Time, error) {
	if text == "" {
		return otherwise, nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t.UTC(), nil
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil && n > 0 && n < 1e11 {
		return time.UnixMilli(int64(n * 1000)).UTC(), nil
	}
	return time.Time{}, errs.Fields(errs.Field{Path: path, Value: text, Message: "must be a time such as 2026-03-01T08:00:00Z, or seconds since 1970"})
}
