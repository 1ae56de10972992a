package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/annotations"
	"github.com/prometheus/prometheus/util/stats"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Kind classifies a failed query, with the words of the Prometheus HTTP API.
type Kind string

// The kinds of failure.
const (
	BadData     Kind = "bad_data"
	Execution   Kind = "execution"
	Timeout     Kind = "timeout"
	Canceled    Kind = "canceled"
	Internal    Kind = "internal"
	Unavailable Kind = "unavailable"
)

// QueryError is what queries fail with.
type QueryError struct {
	Kind Kind
	// Param names the wrong parameter when Kind is BadData, may be empty.
	Param string
	Err   error
}

// Error implements error in the wording of Prometheus.
func (e *QueryError) Error() string {
	if e.Param != "" {
		return fmt.Sprintf("invalid parameter %q: %v", e.Param, e.Err)
	}
	return e.Err.Error()
}

// Unwrap gives the cause.
func (e *QueryError) Unwrap() error { return e.Err }

// Query is one PromQL evaluation.
type Query struct {
	Expr string
	// Start, End and Step of a range query. With Step 0 the query is instant, at End.
	Start, End time.Time
	Step       time.Duration
	// Lookback is how old a sample may be to count; 0 means five minutes.
	Lookback time.Duration
	// Limit cuts the number of series in the answer; 0 means no limit.
	Limit int
	// Stats adds timings and sample counts: "", "true", or "all" for per-step counts.
	Stats string
}

// Answer holds the field "data" of the HTTP API, encoded, and remarks of the engine.
type Answer struct {
	Data            []byte
	Warnings, Infos []string
}

// Execute evaluates a query for the HTTP API. Errors are *QueryError.
func (s *Store) Execute(ctx context.Context, q Query) (Answer, error) {
	var a Answer
	err := s.exec(ctx, q, func(res *promql.Result, st *stats.Statistics) error {
		warnings := res.Warnings
		if q.Limit > 0 && truncate(res, q.Limit) {
			warnings = warnings.Add(errTruncated)
		}
		data, err := encodeData(res.Value, st, q.Stats)
		if err != nil {
			return &QueryError{Kind: Internal, Err: err}
		}
		a.Data = data
		a.Warnings, a.Infos = remarks(warnings, q.Expr)
		return nil
	})
	return a, err
}

var errTruncated = errors.New("results truncated due to limit")

func remarks(a annotations.Annotations, expr string) (warnings, infos []string) {
	return a.AsStrings(expr, 10, 10)
}

func (s *Store) exec(ctx context.Context, q Query, use func(*promql.Result, *stats.Statistics) error) error {
	if !s.begin() {
		return &QueryError{Kind: Unavailable, Err: errors.New("the metric store is closed")}
	}
	defer s.use.RUnlock()
	opts := promql.NewPrometheusQueryOpts(q.Stats == "all", q.Lookback)
	var qry promql.Query
	var err error
	if q.Step == 0 {
		qry, err = s.engine.NewInstantQuery(ctx, s.db, opts, q.Expr, q.End)
	} else {
		if err := checkRange(q); err != nil {
			return err
		}
		qry, err = s.engine.NewRangeQuery(ctx, s.db, opts, q.Expr, q.Start, q.End, q.Step)
	}
	if err != nil {
		// Waiting for a turn happens here too.
		if ctx.Err() != nil {
			return classify(err)
		}
		return &QueryError{Kind: BadData, Param: "query", Err: err}
	}
	defer qry.Close()
	res := qry.Exec(ctx)
	if res.Err != nil {
		return classify(res.Err)
	}
	return use(res, qry.Stats())
}

func checkRange(q Query) error {
	switch {
	case q.End.Before(q.Start):
		return &QueryError{Kind: BadData, Param: "end", Err: errors.New("end timestamp must not be before start time")}
	case q.Step < 0:
		return &QueryError{Kind: BadData, Param: "step", Err: errors.New("zero or negative query resolution step widths are not accepted. Try a positive integer")}
	case q.Step < time.Millisecond:
		return &QueryError{Kind: BadData, Param: "step", Err: errors.New("the resolution step must be at least one millisecond")}
	case q.End.Sub(q.Start)/q.Step > MaxPoints:
		return &QueryError{Kind: BadData, Err: errors.New("exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)")}
	}
	return nil
}

func classify(err error) *QueryError {
	var canceled promql.ErrQueryCanceled
	var timeout promql.ErrQueryTimeout
	var broken promql.ErrStorage
	kind := Execution
	switch {
	case errors.As(err, &canceled), errors.Is(err, context.Canceled):
		kind = Canceled
	case errors.As(err, &timeout), errors.Is(err, context.DeadlineExceeded):
		kind = Timeout
	case errors.As(err, &broken):
		kind = Internal
	}
	return &QueryError{Kind: kind, Err: err}
}

func truncate(res *promql.Result, limit int) bool {
	switch v := res.Value.(type) {
	case promql.Matrix:
		if len(v) > limit {
			res.Value = v[:limit]
			return true
		}
	case promql.Vector:
		if len(v) > limit {
			res.Value = v[:limit]
			return true
		}
	}
	return false
}

// Format gives an expression in the standard layout.
func (s *Store) Format(expr string) (string, error) {
	e, err := s.parser.ParseExpr(expr)
	if err != nil {
		return "", &QueryError{Kind: BadData, Param: "query", Err: err}
	}
	return parser.Prettify(e), nil
}

// Range implements observe.Metrics.
func (s *Store) Range(ctx context.Context, query string, from, to time.Time, step time.Duration) ([]observe.Series, error) {
	if step <= 0 {
		return nil, errs.New(errs.Invalid, "The step of a range query must be positive, not %s.", step)
	}
	return s.series(ctx, Query{Expr: query, Start: from, End: to, Step: step})
}

// Instant implements observe.Metrics.
func (s *Store) Instant(ctx context.Context, query string, at time.Time) ([]observe.Series, error) {
	return s.series(ctx, Query{Expr: query, End: at})
}

func (s *Store) series(ctx context.Context, q Query) ([]observe.Series, error) {
	var out []observe.Series
	err := s.exec(ctx, q, func(res *promql.Result, _ *stats.Statistics) (err error) {
		out, err = toSeries(res)
		return err
	})
	if err == nil {
		return out, nil
	}
	return nil, sentence(err, s.opts.QueryTimeout)
}

// toSeries copies an answer of the engine.
func toSeries(res *promql.Result) ([]observe.Series, error) {
	out := []observe.Series{}
	switch v := res.Value.(type) {
	case promql.Matrix:
		for _, line := range v {
			points := make([]observe.Point, len(line.Floats))
			for i, p := range line.Floats {
				points[i] = observe.Point{At: time.UnixMilli(p.T).UTC(), Value: p.F}
			}
			out = append(out, observe.Series{Labels: line.Metric.Map(), Points: points})
		}
	case promql.Vector:
		for _, p := range v {
			out = append(out, observe.Series{Labels: p.Metric.Map(), Points: []observe.Point{{At: time.UnixMilli(p.T).UTC(), Value: p.F}}})
		}
	case promql.Scalar:
		out = append(out, observe.Series{Labels: map[string]string{}, Points: []observe.Point{{At: time.UnixMilli(v.T).UTC(), Value: v.V}}})
	default:
		return nil, &QueryError{Kind: BadData, Param: "query", Err: fmt.Errorf("the result is a %s, not numbers", v.Type())}
	}
	return out, nil
}

// sentence turns a failed query into an error for people.
func sentence(err error, timeout time.Duration) error {
	var qe *QueryError
	if !errors.As(err, &qe) {
		return err
	}
	switch qe.Kind {
	case BadData, Execution:
		return errs.Wrap(errs.Invalid, err, "The query cannot be answered: %s.", qe.Error())
	case Timeout:
		return errs.Wrap(errs.Unavailable, err, "The query took longer than %s.", timeout)
	}
	return errs.Wrap(errs.Unavailable, err, "The metric store cannot answer.")
}
