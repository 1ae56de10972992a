package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/storage"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Samples may come late by at most outOfOrderWindow (an agent that was away for a
// day delivers what it kept), and early
// by at most maxFuture (clocks that differ). One sample far in the future would
// make the database refuse all that follow.
const (
	outOfOrderWindow = 25 * time.Hour
	maxFuture        = 10 * time.Minute
)

// Append implements observe.Appender.
func (s *Store) Append(ctx context.Context, samples []observe.Sample) error {
	if len(samples) == 0 {
		return nil
	}
	if !s.begin() {
		return errs.New(errs.Unavailable, "The metric store is closed.")
	}
	defer s.use.RUnlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	now := s.opts.Clock.Now()
	err := s.disk.check(now)
	s.setHealth(&s.diskErr, err)
	if err != nil {
		s.stats.refused.WithLabelValues("disk").Add(float64(len(samples)))
		return err
	}
	var tally [len(reasons)]int
	accepted, err := s.write(ctx, samples, now.Add(maxFuture).UnixMilli(), &tally)
	if err != nil {
		s.stats.refused.WithLabelValues("disk").Add(float64(len(samples)))
		err = errs.Wrap(errs.Unavailable, err, "Samples cannot be written to the metric store in %s.", s.opts.Dir)
		s.setHealth(&s.writeErr, err)
		return err
	}
	s.account(accepted, &tally)
	s.setHealth(&s.writeErr, nil)
	return nil
}

// account counts what became of samples.
func (s *Store) account(accepted int, tally *[len(reasons)]int) {
	s.stats.appended.Add(float64(accepted))
	for i, n := range tally {
		if n > 0 {
			s.stats.refused.WithLabelValues(reasons[i]).Add(float64(n))
		}
	}
}

// Why a sample is dropped.
const (
	forgotten = iota
	future
	late
	duplicate
	limit
)

var reasons = [...]string{forgotten: "forgotten", future: "future", late: "late", duplicate: "duplicate", limit: "limit"}

func (s *Store) write(ctx context.Context, samples []observe.Sample, latest int64, tally *[len(reasons)]int) (int, error) {
	return s.transact(ctx, func(app storage.Appender) (accepted int, err error) {
		err = s.fill(app, samples, latest, tally, &accepted)
		return accepted, err
	})
}

// transact lets fill append and commits what it did.
func (s *Store) transact(ctx context.Context, fill func(app storage.Appender) (int, error)) (accepted int, err error) {
	app := s.db.Appender(ctx)
	// The database panics when it cannot write a chunk of late samples.
	committed := false
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the database gave up: %v", p)
		}
		if err != nil && !committed {
			err = errors.Join(err, app.Rollback())
		}
	}()
	if accepted, err = fill(app); err != nil {
		return 0, err
	}
	committed = true
	if err := app.Commit(); err != nil {
		return 0, err
	}
	return accepted, nil
}

func (s *Store) fill(app storage.Appender, samples []observe.Sample, latest int64, tally *[len(reasons)]int, accepted *int) error {
	refs, _ := app.(storage.GetRef)
	s.table.mu.RLock()
	defer s.table.mu.RUnlock()
	for i := range samples {
		h := s.table.at(samples[i].Series)
		if h == nil {
			tally[forgotten]++
			continue
		}
		t := samples[i].At.UnixMilli()
		if t > latest {
			tally[future]++
			continue
		}
		ref := storage.SeriesRef(atomic.LoadUint64(&h.ref))
		if ref == 0 && s.db.Head().NumSeries() >= uint64(s.opts.MaxSeries) {
			// Forgotten series stay in memory until the next compaction.
			if ref, _ = refs.GetRef(h.lset, h.lset.Hash()); ref == 0 {
				tally[limit]++
				continue
			}
		}
		v := samples[i].Value
		if math.IsNaN(v) {
			v = math.NaN() // One bit pattern of NaN means "series ended" to the database.
		}
		got, err := app.Append(ref, h.lset, t, v)
		switch {
		case err == nil:
			*accepted++
			if got != ref {
				atomic.StoreUint64(&h.ref, uint64(got))
			}
		case errors.Is(err, storage.ErrDuplicateSampleForTimestamp):
			tally[duplicate]++
		case errors.Is(err, storage.ErrOutOfOrderSample), errors.Is(err, storage.ErrOutOfBounds), errors.Is(err, storage.ErrTooOldSample):
			tally[late]++
		default:
			return err
		}
	}
	return nil
}

// counters are the store's own measurements.
type counters struct {
	appended      prometheus.Counter
	refused       *prometheus.CounterVec
	seriesRefused *prometheus.CounterVec
}

func (c *counters) register(r prometheus.Registerer, s *Store) {
	c.appended = prometheus.NewCounter(prometheus.CounterOpts{Name: "mainstay_metric_samples_appended_total", Help: "Samples written to the metric store."})
	c.refused = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mainstay_metric_samples_refused_total", Help: "Samples dropped, by reason."}, []string{"reason"})
	c.seriesRefused = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mainstay_metric_series_refused_total", Help: "Series handles refused, by reason."}, []string{"reason"})
	r.MustRegister(c.appended, c.refused, c.seriesRefused,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "mainstay_metric_series_held", Help: "Series handles that sources hold."}, func() float64 { return float64(s.table.len()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "mainstay_metric_healthy", Help: "1 while the metric store can be written and maintained, else 0."}, func() float64 {
			if s.Health() != nil {
				return 0
			}
			return 1
		}))
}
