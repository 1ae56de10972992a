package metric

import (
	"context"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/clock"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/observe/metric/promapi"
	"github.com/mainstay-ops/mainstay/internal/observe/metric/store"
)

// Module registers the room.
func Module() module.Module {
	return module.Module{
		ID:          "observe.metric",
		Permissions: []access.Permission{observe.ReadMetrics},
		New: func(d module.Deps) (module.Instance, error) {
			r := &room{opts: store.Options{
				Dir:        filepath.Join(d.Config.Data, "metrics"),
				Retention:  d.Config.Metrics.Retention.D(),
				MaxBytes:   int64(d.Config.Metrics.MaxBytes),
				MaxSeries:  d.Config.Metrics.MaxSeries,
				Logger:     d.Logger.With("component", "metric"),
				Registerer: d.Metrics,
			}, version: d.Version, clock: clock.System{}}
			if d.DB != nil {
				r.clock = d.DB.Clock()
			}
			if g, ok := d.Metrics.(prometheus.Gatherer); ok && d.Config.Metrics.Self {
				r.self = g
			}
			d.Health.Add("metrics", r.health)
			module.Provide[observe.Appender](d, r)
			module.Provide[observe.Metrics](d, r)
			module.Provide[signal.Samples](d, r)
			module.Provide[observe.SeriesBudget](d, r)
			return r, nil
		},
	}
}

// room holds the store from Start to Stop.
type room struct {
	opts    store.Options
	version string
	store   atomic.Pointer[store.Store]
	api     atomic.Pointer[http.Handler]

	mu    sync.Mutex
	infos []observe.MetricInfo // described before Start
	// limit of series for each sender, until Start.
	limit int64
	// meant is what senders said of metrics last, by name.
	meant map[string]signal.Meta
	lists lists
	clock clock.Clock

	// self gives the figures of the server itself; nil when they are not kept.
	self   prometheus.Gatherer
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

func (r *room) now() time.Time { return r.clock.Now().UTC() }

var (
	_ module.Starter   = (*room)(nil)
	_ module.HasRoutes = (*room)(nil)
	_ observe.Appender = (*room)(nil)
	_ observe.Metrics  = (*room)(nil)
	_ signal.Samples   = (*room)(nil)
)

// Start opens the store. What cannot be read is moved to quarantine; what cannot
// be written is an error, with a sentence.
func (r *room) Start(ctx context.Context) error {
	s, err := store.Open(r.opts)
	if err != nil {
		return err
	}
	r.mu.Lock()
	s.Describe(r.infos...)
	s.SetSeriesLimit(r.limit)
	r.infos = nil
	r.store.Store(s)
	r.mu.Unlock()
	h := promapi.New(promapi.Options{Store: s, Version: r.version, Logger: r.opts.Logger})
	r.api.Store(&h)
	if r.self != nil {
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		r.cancel = cancel
		r.wg.Go(func() { r.watchSelf(ctx, r.self) })
	}
	return nil
}

// Stop closes the store; it waits for running queries, which end after the query
// timeout at the latest.
func (r *room) Stop(context.Context) {
	if r.cancel != nil {
		r.cancel()
		r.wg.Wait()
	}
	s := r.store.Load()
	if s == nil {
		return
	}
	if err := s.Close(); err != nil {
		r.opts.Logger.Error("metric store did not close well", "error", err)
	}
}

// Routes mounts the Prometheus API, and what the explorer asks.
func (r *room) Routes(api *httpapi.API) {
	r.apiRoutes(api)
	api.Mux().Handle(promapi.Prefix+"/", api.Guard(observe.ReadMetrics, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		h := r.api.Load()
		if h == nil {
			httpapi.WriteProblem(w, closed())
			return
		}
		(*h).ServeHTTP(w, req)
	})))
}

func closed() error {
	return errs.New(errs.Unavailable, "The metric store is not open.")
}

func (r *room) health() error {
	if s := r.store.Load(); s != nil {
		return s.Health()
	}
	return closed()
}

// Describe implements observe.Appender; it may be called before Start.
func (r *room) Describe(infos ...observe.MetricInfo) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.store.Load(); s != nil {
		s.Describe(infos...)
		return
	}
	r.infos = append(r.infos, infos...)
}

// Series implements observe.Appender.
func (r *room) Series(source string, labels map[string]string) (observe.SeriesID, error) {
	s := r.store.Load()
	if s == nil {
		return 0, closed()
	}
	return s.Series(source, labels)
}

// Append implements observe.Appender.
func (r *room) Append(ctx context.Context, samples []observe.Sample) error {
	s := r.store.Load()
	if s == nil {
		return closed()
	}
	return s.Append(ctx, samples)
}

// Forget implements observe.Appender.
func (r *room) Forget(source string) {
	if s := r.store.Load(); s != nil {
		s.Forget(source)
	}
}

// Range implements observe.Metrics.
func (r *room) Range(ctx context.Context, query string, from, to time.Time, step time.Duration) ([]observe.Series, error) {
	s := r.store.Load()
	if s == nil {
		return nil, closed()
	}
	return s.Range(ctx, query, from, to, step)
}

// Instant implements observe.Metrics.
func (r *room) Instant(ctx context.Context, query string, at time.Time) ([]observe.Series, error) {
	s := r.store.Load()
	if s == nil {
		return nil, closed()
	}
	return s.Instant(ctx, query, at)
}
