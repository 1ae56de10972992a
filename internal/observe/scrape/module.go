package scrape

import (
	"context"
	"embed"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

//go:embed migrations/*.sql
var migrations embed.FS

// lookEvery is how often jobs are read again, for servers that share a database.
const lookEvery = time.Minute

// Service runs the jobs.
type Service struct {
	d      module.Deps
	intake signal.Intake

	syncing sync.Mutex
	kick    chan struct{}
	run     context.Context //nolint:containedctx // of the loops, from Start to Stop
	cancel  context.CancelFunc
	wg      sync.WaitGroup

	mu   sync.Mutex
	jobs map[string]*active
}

type active struct {
	j       *job
	version int64
}

// Module declares observe.scrape.
func Module() module.Module {
	return module.Module{
		ID: "observe.scrape", Migrations: migrations, Permissions: []access.Permission{observe.ReadSources, observe.WriteSources},
		New: func(d module.Deps) (module.Instance, error) {
			s := &Service{d: d, kick: make(chan struct{}, 1), jobs: map[string]*active{}}
			module.Need(d, &s.intake)
			return s, nil
		},
	}
}

var (
	_ module.HasRoutes    = (*Service)(nil)
	_ module.HasResources = (*Service)(nil)
	_ module.Starter      = (*Service)(nil)
)

// Start runs the jobs.
func (s *Service) Start(ctx context.Context) error {
	s.run, s.cancel = context.WithCancel(access.AsSystem(context.WithoutCancel(ctx)))
	if err := s.sync(ctx); err != nil {
		return err
	}
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		t := time.NewTicker(lookEvery)
		defer t.Stop()
		for {
			select {
			case <-s.run.Done():
				return
			case <-s.kick:
			case <-t.C:
			}
			if err := s.sync(s.run); err != nil && s.run.Err() == nil {
				s.d.Logger.Error("scrape jobs could not be read", "error", err)
			}
		}
	}()
	return nil
}

// Stop ends all reads.
func (s *Service) Stop(context.Context) {
	if s.cancel == nil {
		return
	}
	s.cancel()
	s.wg.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, a := range s.jobs {
		a.j.stop(false)
		delete(s.jobs, id)
	}
}
