package edge

import (
	"context"
	"embed"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Module declares observe.edge.
func Module() module.Module {
	return module.Module{
		ID: "observe.edge", Migrations: migrations, Permissions: []access.Permission{ReadEdges, WriteEdges},
		New: func(d module.Deps) (module.Instance, error) { return newService(d), nil },
	}
}

func newService(d module.Deps) *Service {
	s := &Service{d: d, live: map[string]*session{}, ids: map[string]string{}, changes: make(chan struct{}, 1), orders: orders{byID: map[string]*order{}}, remotes: remotes{byID: map[string]*remote{}}}
	s.hub = &hub{s: s, addr: d.Config.EdgeAddress()}
	module.Provide[observe.Places](d, s)
	module.Provide[estate.Outposts](d, s)
	module.Provide[observe.CapturePlaces](d, s)
	module.Need(d, &s.items)
	module.Need(d, &s.sites)
	module.Need(d, &s.makes)
	module.Need(d, &s.results)
	module.Need(d, &s.checks)
	module.Need(d, &s.devices)
	module.Want(d, &s.paths)
	module.Want(d, &s.flows)
	module.Want(d, &s.traps)
	module.Need(d, &s.trust)
	d.Live.Topic("edges", ReadEdges)
	d.Search.Kind(EntityKind, ReadEdges)
	d.Entities.Register(EntityKind, s.summaries)
	d.Entities.RegisterFinder(EntityKind, func(ctx context.Context, q bun.IDB, name string) (string, error) {
		r, err := s.readable(ctx, q, name)
		if err != nil {
			return "", err
		}
		return r.ID, nil
	})
	d.Health.Add("edges", s.hub.problem)
	return s
}

func (s *Service) summaries(ctx context.Context, q bun.IDB, ids []string) ([]entity.Summary, error) {
	var rows []edgeRow
	if err := q.NewSelect().Model(&rows).Where("id IN (?)", bun.In(ids)).Scan(ctx); err != nil {
		return nil, err
	}
	out := make([]entity.Summary, len(rows))
	for i := range rows {
		r := &rows[i]
		_, behind := s.session(r.ID).said()
		out[i] = entity.Summary{Ref: ref(r.ID), Name: r.Name, Title: "Edge " + r.Name, State: r.state(s.now(), behind), URL: edgeURL(r.Name)}
	}
	return out, nil
}

// Start tells checks which edges there are, and opens the port if there is one.
func (s *Service) Start(ctx context.Context) error {
	s.started = s.now()
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if err := s.refreshPlaces(ctx); err != nil {
		return err
	}
	if len(s.told) > 0 && s.hub.addr != "" {
		if err := s.hub.open(); err != nil {
			s.d.Logger.Warn("the port for edges cannot be opened; it is tried again", "address", s.hub.addr, "error", err)
		}
	}
	s.wg.Go(func() { s.watch(s.ctx) })
	s.wg.Go(func() { s.hint(s.ctx) })
	return nil
}

// Stop closes the port; batches on their way are finished.
func (s *Service) Stop(context.Context) {
	if s.cancel == nil {
		return
	}
	s.hub.stop()
	s.cancel()
	s.wg.Wait()
}

// Subscribe implements module.HasEvents.
func (s *Service) Subscribe(r *event.Router) {
	event.On(r, func(ctx context.Context, tx *db.Tx, f estate.ItemMerged, _ event.Meta) error {
		_, err := tx.NewRaw("UPDATE edges SET item_id = ? WHERE item_id = ?", f.ItemID, f.GoneID).Exec(ctx)
		return err
	})
	event.On(r, func(ctx context.Context, tx *db.Tx, f estate.ItemChanged, _ event.Meta) error {
		if f.Removed {
			return nil
		}
		its, err := s.items.ByIDs(ctx, tx, []string{f.ItemID})
		if err != nil {
			return err
		}
		if it, ok := its[f.ItemID]; ok {
			_, err = tx.NewRaw("UPDATE edges SET team_id = ? WHERE item_id = ? AND team_id <> ?", it.OwnerTeamID, it.ID, it.OwnerTeamID).Exec(ctx)
		}
		return err
	})
}

type keepArgs struct{}

// Kind implements job.Args.
func (keepArgs) Kind() string { return "edge.keep" }

// keepStreams is how long the last number of a boot is remembered: longer than any
// buffer lasts.
const keepStreams = 366 * 24 * time.Hour

// Jobs implements module.HasJobs.
func (s *Service) Jobs(r *job.Runner) {
	job.Handle(r, func(ctx context.Context, _ keepArgs, _ job.Meta) error {
		return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.NewRaw("DELETE FROM edge_streams WHERE at < ?", tx.Now().Add(-keepStreams)).Exec(ctx)
			return err
		})
	})
	job.Every(r, 24*time.Hour, false, keepArgs{})
}
