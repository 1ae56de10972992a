package observe

import (
	"context"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/sample"
)

type (
	// SeriesID is a handle for one series of the metric store.
	SeriesID = sample.ID
	// Sample is one value of one series.
	Sample = sample.Sample
)

// MetricInfo says what a metric means. It is shown by query tools.
type MetricInfo struct {
	// Name without labels, for example "probe_duration_seconds".
	Name string
	// Type is gauge, counter, histogram, summary or unknown.
	Type string
	// Unit is the base unit, for example "seconds"; empty when there is none.
	Unit string
	// Help is one sentence.
	Help string
}

// Appender writes samples. Ask once for the handle of each series, keep it, and
// append in batches: a sample then costs a table look-up and no allocation.
type Appender interface {
	// Describe tells the meaning of metrics, by name. A later call replaces an
	// earlier one for the same name.
	Describe(infos ...MetricInfo)
	// Series gives the handle for a set of labels, which must hold the metric name
	// as "__name__". The source (for example "check/" and an id) owns the series:
	// each source may hold a limited number. The errors are errs.Invalid for a bad
	// label and errs.TooMany when a limit is reached; the caller then drops the
	// measure. The same source and labels give the same handle.
	Series(source string, labels map[string]string) (SeriesID, error)
	// Append writes all samples in one transaction. When it returns nil they have
	// been handed to the operating system. Samples that the store refuses (too
	// old, too far in the future, a second value for the same moment, a forgotten
	// handle) are dropped and counted, and are no error. The error is
	// errs.Unavailable when nothing could be written, for example because the
	// disk is full.
	Append(ctx context.Context, samples []Sample) error
	// Forget releases the handles of a source that is gone. Stored samples stay
	// until the end of the retention.
	Forget(source string)
}

// Point is one value of a query result.
type Point struct {
	At    time.Time `json:"at"`
	Value float64   `json:"value"`
}

// Series is one line of a query result.
type Series struct {
	// Labels include "__name__" unless the query dropped it.
	Labels map[string]string `json:"labels"`
	// Points are ordered by time. An instant query gives one.
	Points []Point `json:"points"`
}

// Metrics answers PromQL queries. A scalar result is one series without labels.
// The errors are errs.Invalid for a query that cannot be read or is too big, and
// errs.Unavailable for one that ran out of time.
type Metrics interface {
	// Range evaluates the query at from, from+step, ... up to to; at most 11,000
	// steps.
	Range(ctx context.Context, query string, from, to time.Time, step time.Duration) ([]Series, error)
	// Instant evaluates the query at one moment.
	Instant(ctx context.Context, query string, at time.Time) ([]Series, error)
}

// SeriesBudget bounds how many series one sender of signals may have active.
type SeriesBudget interface {
	// SetSeriesLimit sets the limit for each sender; 0 is none.
	SetSeriesLimit(perSender int64)
	// ActiveSeries tells how many series a sender has active.
	ActiveSeries(protocol, sender string) int
}
