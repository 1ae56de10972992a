package ingest

import (
	"context"
	"embed"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Service is the gate.
type Service struct {
	d          module.Deps
	items      estate.Items
	discoverer estate.Discoverer
	catalog    estate.Catalog
	recognizer estate.Recognizer
	owners     estate.AddressOwners
	// The stores; nil where this server keeps none.
	samples signal.Samples
	lines   signal.Lines
	spans   signal.Spans
	flows   signal.FlowReports
	alerts  signal.Alerts
	budget  observe.SeriesBudget

	force   atomic.Pointer[inForce]
	senders *register
	match   *matcher
	intake  intake
	ports   listeners
	http    map[string]http.Handler

	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// Module declares observe.ingest.
func Module() module.Module {
	return module.Module{
		ID: "observe.ingest", Migrations: migrations, Permissions: []access.Permission{observe.SendSignals, observe.ReadSources, observe.WriteSources},
		New: func(d module.Deps) (module.Instance, error) {
			s := &Service{d: d, http: map[string]http.Handler{}}
			s.senders = newRegister(s.now, d.Metrics)
			s.match = newMatcher(s)
			s.ports.s = s
			f, err := defaults().check()
			if err != nil {
				return nil, err
			}
			s.force.Store(f)
			module.Need(d, &s.items)
			module.Need(d, &s.discoverer)
			module.Want(d, &s.catalog)
			module.Want(d, &s.recognizer)
			module.Want(d, &s.owners)
			module.Want(d, &s.samples)
			module.Want(d, &s.lines)
			module.Want(d, &s.spans)
			module.Want(d, &s.flows)
			module.Want(d, &s.alerts)
			module.Want(d, &s.budget)
			module.Provide[signal.Intake](d, gate{s})
			return s, nil
		},
	}
}

var (
	_ module.HasEvents    = (*Service)(nil)
	_ module.HasRoutes    = (*Service)(nil)
	_ module.HasResources = (*Service)(nil)
	_ module.Starter      = (*Service)(nil)
)

func (s *Service) now() time.Time { return s.d.DB.Clock().Now() }

// Start reads what was kept and opens the ports.
func (s *Service) Start(ctx context.Context) error {
	if err := s.loadSettings(ctx); err != nil {
		return err
	}
	if err := s.match.load(ctx); err != nil {
		return err
	}
	if err := s.ports.start(ctx); err != nil {
		s.ports.stop()
		return err
	}
	ctx, s.cancel = context.WithCancel(access.AsSystem(context.WithoutCancel(ctx)))
	s.wg.Add(1)
	go s.keep(ctx)
	return nil
}

// keep writes the counts of unknown sources now and then.
func (s *Service) keep(ctx context.Context) {
	defer s.wg.Done()
	t := time.NewTicker(flushEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if err := s.match.flush(ctx); err != nil && ctx.Err() == nil {
				s.d.Logger.Error("unknown sources could not be written", "error", err)
			}
		}
	}
}

// Stop closes the ports and writes what was counted.
func (s *Service) Stop(ctx context.Context) {
	s.ports.stop()
	if s.cancel == nil {
		return
	}
	s.cancel()
	s.wg.Wait()
	if err := s.match.flush(access.AsSystem(ctx)); err != nil {
		s.d.Logger.Error("unknown sources could not be written", "error", err)
	}
}

// Subscribe implements module.HasEvents.
func (s *Service) Subscribe(r *event.Router) {
	event.On(r, func(ctx context.Context, tx *db.Tx, f estate.ItemMerged, _ event.Meta) error {
		if _, err := tx.NewRaw("UPDATE ingest_bindings SET item_id = ? WHERE item_id = ?", f.ItemID, f.GoneID).Exec(ctx); err != nil {
			return err
		}
		s.reload(ctx, tx)
		return nil
	})
	event.On(r, func(ctx context.Context, tx *db.Tx, f estate.ItemChanged, _ event.Meta) error {
		if f.Removed {
			return s.itemGone(ctx, tx, f.ItemID)
		}
		tx.AfterCommit(func() { s.match.named(f.Name) })
		return nil
	})
}
