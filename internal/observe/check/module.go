package check

import (
	"context"
	"embed"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
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

// RunPrograms is the permission to write checks that start programs on the
// server: plugins and scripts.
var RunPrograms = access.Permission{Name: "check.program", Title: "Write checks that start programs", Least: access.Admin}

// Module declares observe.check.
func Module() module.Module {
	return module.Module{
		ID: "observe.check", Migrations: migrations,
		Permissions: []access.Permission{observe.ReadChecks, observe.WriteChecks, observe.SendResults, RunPrograms},
		New:         func(d module.Deps) (module.Instance, error) { return newInstance(d), nil },
	}
}

type instance struct {
	*Service
	planner *planner
	cancel  context.CancelFunc
	wg      sync.WaitGroup
}

func newInstance(d module.Deps) *instance {
	s := &Service{d: d, engine: newEngine(d.DB, d.Events, d.Live, d.Logger, d.Metrics, observe.ProbeEnv{AllowMetadata: d.Config.Outbound.AllowMetadata})}
	module.Need(d, &s.items)
	module.Need(d, &s.engine.appender)
	module.Provide[observe.CheckMaker](d, s)
	module.Provide[observe.ResultTaker](d, s)
	module.Provide[observe.PlacedChecks](d, s)
	module.Want(d, &s.engine.places.reach)
	module.Want(d, &s.engine.places.agents)
	module.Provide[observe.History](d, s)
	module.Provide[observe.WaitingChecks](d, s)
	module.Provide[observe.Maintenance](d, s)
	module.Provide[observe.ItemStates](d, s)
	d.Live.Topic("checks", observe.ReadChecks)
	d.Search.Kind(observe.CheckKind, observe.ReadChecks)
	d.Entities.Register(observe.CheckKind, s.summaries)
	d.Entities.RegisterFinder(observe.CheckKind, func(ctx context.Context, q bun.IDB, name string) (string, error) {
		r, err := rowByName(ctx, q, name)
		return r.ID, err
	})
	d.Health.Add("check states", s.engine.writer.Err)
	p := &planner{s: s, inside: map[string]map[string]bool{}}
	s.engine.failing = p.failing
	return &instance{Service: s, planner: p}
}

func (s *Service) summaries(ctx context.Context, q bun.IDB, ids []string) ([]entity.Summary, error) {
	var rows []row
	if err := q.NewSelect().Model(&rows).Where("id IN (?)", bun.In(ids)).Scan(ctx); err != nil {
		return nil, err
	}
	out := make([]entity.Summary, len(rows))
	for i, r := range rows {
		out[i] = entity.Summary{Ref: ref(r.ID), Name: r.Name, Title: r.Name, URL: checkURL(r.Name)}
		if e := s.engine.get(r.Name); e != nil {
			out[i].State = s.engine.noteOf(e).State
		}
	}
	return out, nil
}

// Start loads checks and begins to run them.
func (m *instance) Start(ctx context.Context) error {
	m.engine.appender.Describe(
		observe.MetricInfo{Name: "probe_duration_seconds", Type: "gauge", Unit: "seconds", Help: "How long one execution of a check took."},
		observe.MetricInfo{Name: "check_status", Type: "gauge", Help: "Result of a check: 0 ok, 1 warning, 2 critical, 3 unknown."},
	)
	var ids []string
	if err := m.d.DB.Reader().NewRaw("SELECT DISTINCT item_id FROM checks WHERE item_id <> ''").Scan(ctx, &ids); err != nil {
		return err
	}
	names, err := m.itemNames(ctx, ids)
	if err != nil {
		return err
	}
	if err := m.beginRun(ctx); err != nil {
		return err
	}
	if err := m.engine.load(ctx, names, m.d.Secrets); err != nil {
		return err
	}
	m.engine.start()
	if err := m.planner.adopt(ctx); err != nil {
		return err
	}
	ctx, m.cancel = context.WithCancel(context.WithoutCancel(ctx))
	m.wg.Add(2)
	go func() { defer m.wg.Done(); m.planner.run(ctx) }()
	go func() { defer m.wg.Done(); m.heartbeat(ctx) }()
	return nil
}

func (s *Service) itemNames(ctx context.Context, ids []string) (map[string]string, error) {
	out := make(map[string]string, len(ids))
	for len(ids) > 0 {
		part := ids[:min(len(ids), 500)]
		ids = ids[len(part):]
		its, err := s.items.ByIDs(ctx, s.d.DB.Reader(), part)
		if err != nil {
			return nil, err
		}
		for id, it := range its {
			out[id] = it.Name
		}
	}
	return out, nil
}

func (m *instance) heartbeat(ctx context.Context) {
	tick := time.NewTicker(seenEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := m.seen(ctx); err != nil && ctx.Err() == nil {
				m.d.Logger.Warn("the time of the last sign of life cannot be written", "error", err)
			}
		}
	}
}

// Stop ends all checks and writes what is not written yet.
func (m *instance) Stop(ctx context.Context) {
	if m.cancel == nil {
		return
	}
	m.cancel()
	m.wg.Wait()
	m.engine.halt()
	if err := m.seen(ctx); err != nil {
		m.d.Logger.Warn("the time of the stop cannot be written", "error", err)
	}
}

// Subscribe implements module.HasEvents.
func (s *Service) Subscribe(r *event.Router) {
	event.On(r, s.itemMerged)
	event.On(r, func(ctx context.Context, tx *db.Tx, f estate.ItemChanged, _ event.Meta) error {
		if f.Removed {
			return nil
		}
		its, err := s.items.ByIDs(ctx, tx, []string{f.ItemID})
		if err != nil {
			return err
		}
		it, ok := its[f.ItemID]
		if !ok {
			return nil
		}
		if _, err := tx.NewRaw("UPDATE checks SET team_id = ? WHERE item_id = ? AND team_id <> ?", it.OwnerTeamID, it.ID, it.OwnerTeamID).Exec(ctx); err != nil {
			return err
		}
		tx.AfterCommit(func() { s.engine.rename(it.ID, it.Name, it.OwnerTeamID) })
		return nil
	})
}

// itemMerged gives the checks of an item that turned out to be another one to that
// one, with what was seen of it.
func (s *Service) itemMerged(ctx context.Context, tx *db.Tx, f estate.ItemMerged, _ event.Meta) error {
	its, err := s.items.ByIDs(ctx, tx, []string{f.ItemID})
	if err != nil {
		return err
	}
	// It may have been merged on meanwhile: then this is what it is now.
	it, ok := its[f.ItemID]
	if !ok {
		return nil
	}
	var rows []row
	if err := tx.NewSelect().Model(&rows).Where("item_id = ?", f.GoneID).Scan(ctx); err != nil {
		return err
	}
	for _, t := range []string{"check_outages", "check_unreachable"} {
		if _, err := tx.NewRaw("UPDATE ? SET item_id = ? WHERE item_id = ?", bun.Ident(t), it.ID, f.GoneID).Exec(ctx); err != nil {
			return err
		}
	}
	for n := range rows {
		c := &rows[n]
		before := view(c)
		c.ItemID, c.TeamID, c.UpdatedAt, c.Version = it.ID, it.OwnerTeamID, tx.Now(), c.Version+1
		if _, err := tx.NewUpdate().Model(c).WherePK().Exec(ctx); err != nil {
			return err
		}
		if err := audit.Write(ctx, tx, audit.Change{Action: "check.update", Ref: ref(c.ID), Name: c.Name, Before: before, After: view(c)}); err != nil {
			return err
		}
		tx.AfterCommit(func() { s.engine.put(c, it.Name, s.d.Secrets, false) })
	}
	return nil
}

type pruneArgs struct{}

// Kind implements job.Args.
func (pruneArgs) Kind() string { return "check.prune" }

// Jobs implements module.HasJobs.
func (s *Service) Jobs(r *job.Runner) {
	job.Handle(r, func(ctx context.Context, _ pruneArgs, _ job.Meta) error {
		return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			old := tx.Now().Add(-s.d.Config.History.Retention.D())
			for _, q := range []string{"DELETE FROM check_history WHERE at < ?", "DELETE FROM check_outages WHERE ended_at < ?", "DELETE FROM check_unreachable WHERE ended_at < ?", "DELETE FROM check_downtimes WHERE ends_at < ?", "DELETE FROM check_runs WHERE last_seen_at < ?"} {
				if _, err := tx.NewRaw(q, old).Exec(ctx); err != nil {
					return err
				}
			}
			return nil
		})
	})
	job.Every(r, 24*time.Hour, false, pruneArgs{})
}

// Resources implements module.HasResources.
func (s *Service) Resources() []apply.Resource {
	return []apply.Resource{{
		Key: "checks", Order: 30, Need: observe.WriteChecks,
		New: func() any { return &Spec{} },
		Apply: func(ctx context.Context, tx *db.Tx, e any) (apply.Change, error) {
			_, outcome, err := s.Save(ctx, tx, *e.(*Spec), "")
			return apply.Change{Outcome: outcome}, err
		},
		Bulk: s.saveMany,
		Export: func(ctx context.Context, q bun.IDB) ([]any, error) {
			var rows []row
			if err := q.NewSelect().Model(&rows).OrderExpr("name").Scan(ctx); err != nil {
				return nil, err
			}
			var ids []string
			for _, r := range rows {
				if r.ItemID != "" {
					ids = append(ids, r.ItemID)
				}
			}
			names, err := s.itemNames(ctx, ids)
			if err != nil {
				return nil, err
			}
			out := make([]any, 0, len(rows))
			for i := range rows {
				spec, err := rows[i].spec(s.d.Secrets, names[rows[i].ItemID])
				if err != nil {
					return nil, err
				}
				out = append(out, spec)
			}
			return out, nil
		},
	}, s.planResource()}
}
