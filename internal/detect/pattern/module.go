package pattern

import (
	"context"
	"embed"
	"path/filepath"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/detect"
	"github.com/mainstay-ops/mainstay/internal/detect/pattern/usual"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Module declares the room.
func Module() module.Module {
	return module.Module{
		ID: "detect.pattern", Migrations: migrations, Permissions: []access.Permission{detect.ReadPatterns, detect.MarkPatterns, detect.WritePatterns},
		New: func(d module.Deps) (module.Instance, error) {
			s := &Service{d: d, minutes: make(chan observe.PatternMinute, 8), path: filepath.Join(d.Config.Data, "patterns")}
			module.Need(d, &s.items)
			module.Want(d, &s.templates)
			module.Provide[observe.PatternSink](d, s)
			d.Live.Topic("patterns", detect.ReadPatterns)
			return s, nil
		},
	}
}

// Service watches.
type Service struct {
	d         module.Deps
	items     estate.Items
	templates observe.LogPatterns
	minutes   chan observe.PatternMinute
	path      string
	stop      context.CancelFunc
	done      chan struct{}

	// mu guards what follows.
	mu       sync.Mutex
	engine   usual.Engine
	levels   map[string]string
	marks    map[string]markRow
	policies []ready
}

var (
	_ module.HasRoutes    = (*Service)(nil)
	_ module.HasJobs      = (*Service)(nil)
	_ module.HasResources = (*Service)(nil)
	_ module.Starter      = (*Service)(nil)
	_ observe.PatternSink = (*Service)(nil)
)

// TakePatterns implements observe.PatternSink. A minute for which there is no room is
// left out: the next ones say enough.
func (s *Service) TakePatterns(m observe.PatternMinute) {
	select {
	case s.minutes <- m:
	default:
		s.d.Logger.Warn("a minute of log patterns was left out; the database is slow")
	}
}

const saveEvery = 5 * time.Minute

// Start implements module.Starter.
func (s *Service) Start(ctx context.Context) error {
	if err := s.reload(ctx, s.d.DB.Reader()); err != nil {
		return err
	}
	if err := s.load(); err != nil {
		s.d.Logger.Warn("what is usual in logs cannot be read; it is learned anew", "error", err)
	}
	run, cancel := context.WithCancel(context.WithoutCancel(access.AsSystem(ctx)))
	s.stop, s.done = cancel, make(chan struct{})
	go s.run(run)
	return nil
}

// Stop implements module.Starter.
func (s *Service) Stop(context.Context) {
	if s.stop == nil {
		return
	}
	s.stop()
	<-s.done
}

func (s *Service) run(ctx context.Context) {
	defer close(s.done)
	t := time.NewTicker(saveEvery)
	defer t.Stop()
	for {
		select {
		case m := <-s.minutes:
			if err := s.minute(ctx, m); err != nil && ctx.Err() == nil {
				s.d.Logger.Error("signals of log patterns could not be kept", "error", err)
			}
			continue
		case <-ctx.Done():
		case <-t.C:
		}
		if err := s.save(); err != nil {
			s.d.Logger.Error("what is usual in logs could not be written", "error", err)
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// reload reads marks and policies.
func (s *Service) reload(ctx context.Context, q bun.IDB) error {
	var ms []markRow
	if err := q.NewSelect().Model(&ms).Scan(ctx); err != nil {
		return err
	}
	ps, err := policies(ctx, q)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.marks = make(map[string]markRow, len(ms))
	for _, m := range ms {
		s.marks[m.Pattern] = m
	}
	s.policies = nil
	for _, p := range ps {
		re, err := p.check()
		if err != nil {
			return err
		}
		s.policies = append(s.policies, ready{p, re})
	}
	return nil
}

type pruneArgs struct{}

// Kind implements job.Args.
func (pruneArgs) Kind() string { return "detect.pattern.prune" }

// Jobs implements module.HasJobs.
func (s *Service) Jobs(r *job.Runner) {
	job.Handle(r, func(ctx context.Context, _ pruneArgs, _ job.Meta) error { return s.prune(ctx) })
	job.Every(r, 24*time.Hour, false, pruneArgs{})
}

// prune forgets signals that ended before the retention of history.
func (s *Service) prune(ctx context.Context) error {
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.NewRaw("DELETE FROM pattern_signals WHERE started_at < ? AND ended_at IS NOT NULL", tx.Now().Add(-s.d.Config.History.Retention.D())).Exec(ctx)
		return err
	})
}

// Resources implements module.HasResources.
func (s *Service) Resources() []apply.Resource {
	return []apply.Resource{{
		Key: "pattern_policies", Order: 72, Need: detect.WritePatterns, New: func() any { return &Policy{} },
		Apply: func(ctx context.Context, tx *db.Tx, entry any) (apply.Change, error) {
			o, err := s.putPolicy(ctx, tx, *entry.(*Policy))
			return apply.Change{Outcome: o}, err
		},
		Export: func(ctx context.Context, q bun.IDB) ([]any, error) {
			ps, err := policies(ctx, q)
			out := make([]any, len(ps))
			for i, p := range ps {
				out[i] = p
			}
			return out, err
		},
	}}
}
