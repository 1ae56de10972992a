package store

import (
	"context"
	"errors"
	"math"
	"os"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// ReadOnly answers queries from the directory of a store without writing to it, also
// while a server uses it. It sees what was there when it was opened. It is not safe
// for concurrent use.
type ReadOnly struct {
	opts    Options
	db      *tsdb.DBReadOnly
	querier storage.Querier
	engine  *promql.Engine
	sandbox string
}

var _ observe.Metrics = (*ReadOnly)(nil)

// OpenReadOnly opens the store in Options.Dir for reading.
func OpenReadOnly(o Options) (_ *ReadOnly, err error) {
	o.setDefaults()
	if _, err := os.Stat(o.Dir); err != nil {
		return nil, errs.Wrap(errs.NotFound, err, "There is no metric store in %s.", o.Dir)
	}
	if err := refuseNewer(o.Dir); err != nil {
		return nil, err
	}
	r := &ReadOnly{opts: o}
	defer func() {
		if err != nil {
			_ = r.Close()
		}
	}()
	if r.sandbox, err = os.MkdirTemp("", "mainstay-read-"); err != nil {
		return nil, err
	}
	if r.db, err = tsdb.OpenDBReadOnly(o.Dir, r.sandbox, o.Logger); err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "The metric store in %s cannot be read.", o.Dir)
	}
	if r.querier, err = r.db.Querier(0, math.MaxInt64); err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "The metric store in %s cannot be read.", o.Dir)
	}
	r.engine = newEngine(o, parser.NewParser(parser.Options{}), nil)
	return r, nil
}

// Close releases the files.
func (r *ReadOnly) Close() error {
	var out error
	if r.querier != nil {
		out = errors.Join(out, r.querier.Close())
	}
	if r.engine != nil {
		out = errors.Join(out, r.engine.Close())
	}
	if r.db != nil {
		out = errors.Join(out, r.db.Close())
	}
	if r.sandbox != "" {
		out = errors.Join(out, os.RemoveAll(r.sandbox))
	}
	return out
}

// Querier implements storage.Queryable: reading the log of the store is slow, so all
// queries share what was read once.
func (r *ReadOnly) Querier(int64, int64) (storage.Querier, error) { return keptOpen{r.querier}, nil }

// keptOpen stays open when a query is done with it.
type keptOpen struct{ storage.Querier }

func (keptOpen) Close() error { return nil }

// Range implements observe.Metrics.
func (r *ReadOnly) Range(ctx context.Context, query string, from, to time.Time, step time.Duration) ([]observe.Series, error) {
	if err := checkRange(Query{Start: from, End: to, Step: step}); err != nil {
		return nil, sentence(err, 0)
	}
	q, err := r.engine.NewRangeQuery(ctx, r, nil, query, from, to, step)
	return r.answer(ctx, q, err)
}

// Instant implements observe.Metrics.
func (r *ReadOnly) Instant(ctx context.Context, query string, at time.Time) ([]observe.Series, error) {
	q, err := r.engine.NewInstantQuery(ctx, r, nil, query, at)
	return r.answer(ctx, q, err)
}

func (r *ReadOnly) answer(ctx context.Context, q promql.Query, err error) ([]observe.Series, error) {
	if err != nil {
		return nil, sentence(&QueryError{Kind: BadData, Param: "query", Err: err}, 0)
	}
	defer q.Close()
	res := q.Exec(ctx)
	if res.Err != nil {
		return nil, sentence(classify(res.Err), r.opts.QueryTimeout)
	}
	out, err := toSeries(res)
	if err != nil {
		return nil, sentence(err, 0)
	}
	return out, nil
}
