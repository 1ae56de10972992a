package trace

import (
	"context"
	"embed"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/logdb"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Permissions.
var (
	read  = access.Permission{Name: "trace.read", Title: "See traces and errors of applications", Least: access.Viewer}
	write = access.Permission{Name: "trace.write", Title: "Work on errors of applications", Least: access.Responder}
)

// Module declares the room.
func Module() module.Module {
	return module.Module{
		ID: "observe.trace", Migrations: migrations, Permissions: []access.Permission{read, write},
		New: func(d module.Deps) (module.Instance, error) {
			s := &Service{
				db: d.DB, live: d.Live, logger: d.Logger.With("component", "trace"), inbox: newInbox(),
				opts: logdb.Options{
					Name: "traces", Dir: filepath.Join(d.Config.Data, "traces"), Retention: d.Config.Traces.Retention.D(),
					MaxBytes: int64(d.Config.Traces.MaxBytes), Clock: d.DB.Clock(), Logger: d.Logger.With("component", "traces"),
				},
			}
			s.figures = newFigures(s.apdexOf)
			module.Provide[signal.Spans](d, s)
			module.Need(d, &s.metrics)
			module.Need(d, &s.samples)
			d.Live.Topic("errors", read)
			d.Health.Add("traces", s.health)
			return s, nil
		},
	}
}

// flushEvery is how often figures and errors are written.
const flushEvery = 5 * time.Second

// usualApdex is the satisfying duration of services that have none of their own.
const usualApdex = 500 * time.Millisecond

// Service is the use cases around traces.
type Service struct {
	db      *db.DB
	live    *live.Hub
	logger  *slog.Logger
	opts    logdb.Options
	store   atomic.Pointer[logdb.Store]
	metrics observe.Metrics
	samples signal.Samples
	figures *figures
	inbox   *inbox

	mu    sync.RWMutex
	apdex map[string]int64

	stop context.CancelFunc
	done chan struct{}
}

var (
	_ signal.Spans     = (*Service)(nil)
	_ module.Starter   = (*Service)(nil)
	_ module.HasRoutes = (*Service)(nil)
)

func (s *Service) health() error {
	if st := s.store.Load(); st != nil {
		return st.Health()
	}
	return errs.New(errs.Unavailable, "The trace store is not open.")
}

// Start implements module.Starter.
func (s *Service) Start(ctx context.Context) error {
	st, err := logdb.Open(s.opts)
	if err != nil {
		return err
	}
	s.store.Store(st)
	all, err := s.apdexAll(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.apdex = all
	s.mu.Unlock()
	run, cancel := context.WithCancel(access.AsSystem(context.WithoutCancel(ctx)))
	s.stop, s.done = cancel, make(chan struct{})
	go s.run(run)
	return nil
}

// Stop implements module.Starter: what was gathered is written.
func (s *Service) Stop(context.Context) {
	if s.stop != nil {
		s.stop()
		<-s.done
	}
	if st := s.store.Swap(nil); st != nil {
		if err := st.Close(); err != nil {
			s.logger.Error("trace store did not close well", "error", err)
		}
	}
}

func (s *Service) run(ctx context.Context) {
	defer close(s.done)
	t := time.NewTicker(flushEvery)
	defer t.Stop()
	before := s.db.Clock().Now().Add(-flushEvery)
	for {
		select {
		case <-ctx.Done():
			s.flush(context.WithoutCancel(ctx), before)
			return
		case <-t.C:
			now := s.db.Clock().Now()
			s.flush(ctx, before)
			before = now
		}
	}
}

// flush writes figures and errors. What cannot be written now is counted on: figures
// only grow, and errors are gathered again.
func (s *Service) flush(ctx context.Context, before time.Time) {
	now := s.db.Clock().Now()
	if samples := s.figures.samples(before, now); len(samples) > 0 {
		if _, err := s.samples.TakeSamples(ctx, signal.Source{Protocol: "mainstay", Sender: "traces"}, samples, meanings); err != nil {
			s.logger.Warn("figures of traces cannot be written", "error", err)
		}
	}
	groups, versions := s.inbox.drain()
	if err := s.writeErrors(ctx, groups); err != nil {
		s.logger.Warn("errors of applications cannot be written", "error", err)
	}
	if err := s.writeVersions(ctx, versions); err != nil {
		s.logger.Warn("versions of applications cannot be written", "error", err)
	}
}

var meanings = map[string]signal.Meta{
	mRequests:   {Type: "counter", Help: "Requests that a service answered, by operation and outcome, from its spans."},
	mDuration:   {Type: "histogram", Unit: "seconds", Help: "Duration of requests, by service and operation, from its spans."},
	mSatisfied:  {Type: "counter", Help: "Requests that did not fail and took at most the apdex threshold."},
	mTolerating: {Type: "counter", Help: "Requests that did not fail and took up to four times the apdex threshold."},
	mCalls:      {Type: "counter", Help: "Calls from one service to another, a database, a queue or the outside."},
	mCallTime:   {Type: "counter", Unit: "seconds", Help: "Time that callers waited for their calls."},
}

// TakeSpans implements signal.Spans.
func (s *Service) TakeSpans(_ context.Context, _ signal.Source, spans []signal.Span) (signal.Receipt, error) {
	st := s.store.Load()
	if st == nil {
		return signal.Receipt{}, errs.New(errs.Unavailable, "The trace store is not open.")
	}
	var out signal.Receipt
	rows := make([]logdb.Row, 0, len(spans))
	good := make([]signal.Span, 0, len(spans))
	for i := range spans {
		sp := &spans[i]
		if why := wrong(sp); why != "" {
			out.Dropped++
			if out.Why == "" {
				out.Why = why
			}
			continue
		}
		rows = append(rows, toRow(sp))
		good = append(good, *sp)
	}
	r, err := st.Write(rows)
	out.Taken, out.Dropped = r.Taken, out.Dropped+r.Dropped
	if out.Why == "" {
		out.Why = r.Why
	}
	if err != nil {
		return out, err
	}
	s.figures.take(good, s.db.Clock().Now())
	s.inbox.take(good)
	return out, nil
}

// wrong says why a span cannot be kept; empty when it can.
func wrong(s *signal.Span) string {
	switch {
	case !isHex(s.TraceID, 32):
		return "A span has no trace id of 32 hexadecimal digits."
	case !isHex(s.SpanID, 16):
		return "A span has no span id of 16 hexadecimal digits."
	case s.Start.IsZero():
		return "A span has no start time."
	}
	return ""
}

func isHex(s string, n int) bool {
	if len(s) != n {
		return false
	}
	for _, c := range s {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func (s *Service) apdexOf(service string) time.Duration {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if ms := s.apdex[service]; ms > 0 {
		return time.Duration(ms) * time.Millisecond
	}
	return usualApdex
}
