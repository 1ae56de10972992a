package agent

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

// Module declares observe.agent.
func Module() module.Module {
	return module.Module{
		ID: "observe.agent", Migrations: migrations, Permissions: []access.Permission{ReadAgents, WriteAgents},
		New: func(d module.Deps) (module.Instance, error) { return newService(d), nil },
	}
}

func newService(d module.Deps) *Service {
	s := &Service{d: d, live: map[string]*session{}, runs: map[string][]string{}, downloads: make(chan struct{}, maxDownloads), programs: newPrograms(d.Config.Data, d.Version)}
	addr, chosen := d.Config.AgentAddress()
	s.end = &endpoint{s: s, addr: addr, chosen: chosen}
	module.Provide[observe.Software](d, s)
	module.Provide[observe.Enrolment](d, s)
	module.Provide[observe.AgentPlaces](d, s)
	module.Want(d, &s.checks)
	module.Want(d, &s.intake)
	module.Want(d, &s.logs)
	module.Need(d, &s.items)
	module.Need(d, &s.places)
	module.Need(d, &s.metrics)
	module.Need(d, &s.makes)
	module.Need(d, &s.results)
	module.Want(d, &s.network)
	module.Want(d, &s.proposals)
	d.Live.Topic("agents", ReadAgents)
	d.Search.Kind(EntityKind, ReadAgents)
	d.Entities.Register(EntityKind, s.summaries)
	d.Entities.RegisterFinder(EntityKind, func(ctx context.Context, q bun.IDB, name string) (string, error) {
		r, err := s.readable(ctx, q, name)
		if err != nil {
			return "", err
		}
		return r.ID, nil
	})
	d.Health.Add("agents", s.end.problem)
	return s
}

func (s *Service) summaries(ctx context.Context, q bun.IDB, ids []string) ([]entity.Summary, error) {
	var rows []agentRow
	if err := q.NewSelect().Model(&rows).Where("id IN (?)", bun.In(ids)).Scan(ctx); err != nil {
		return nil, err
	}
	out := make([]entity.Summary, len(rows))
	for i := range rows {
		r := &rows[i]
		out[i] = entity.Summary{Ref: ref(r.ID), Name: r.Name, Title: "Agent on " + r.Name, State: r.state(s.now()), URL: agentURL(r.Name)}
	}
	return out, nil
}

// Start reads the authorities and opens the port.
func (s *Service) Start(ctx context.Context) error {
	s.started = s.now()
	if err := s.loadRules(ctx); err != nil {
		return err
	}
	if err := s.refreshPlaces(ctx); err != nil {
		return err
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.wg.Add(1)
	go s.watch(run)
	if s.end.addr == "" && s.d.Config.EdgeAddress() == "" {
		return nil
	}
	if err := s.ca.refresh(ctx, s.d.DB, s.d.Secrets); err != nil {
		return err
	}
	return s.end.start(ctx)
}

// Stop closes the port; batches on their way are finished.
func (s *Service) Stop(ctx context.Context) {
	if s.stop != nil {
		s.stop()
	}
	s.end.stop(ctx)
	s.wg.Wait()
}

// Subscribe implements module.HasEvents.
func (s *Service) Subscribe(r *event.Router) {
	event.On(r, func(ctx context.Context, tx *db.Tx, f estate.ItemMerged, _ event.Meta) error {
		_, err := tx.NewRaw("UPDATE agents SET item_id = ? WHERE item_id = ?", f.ItemID, f.GoneID).Exec(ctx)
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
		it, ok := its[f.ItemID]
		if !ok {
			return nil
		}
		_, err = tx.NewRaw("UPDATE agents SET name = ?, team_id = ? WHERE item_id = ? AND (name <> ? OR team_id <> ?) AND NOT EXISTS (SELECT 1 FROM agents o WHERE o.name = ? AND o.item_id <> ?)", it.Name, it.OwnerTeamID, it.ID, it.Name, it.OwnerTeamID, it.Name, it.ID).Exec(ctx)
		return err
	})
}

type keepArgs struct{}

// Kind implements job.Args.
func (keepArgs) Kind() string { return "agent.keep" }

const keepStreams = 60 * 24 * time.Hour

// Jobs implements module.HasJobs.
func (s *Service) Jobs(r *job.Runner) {
	job.Handle(r, func(ctx context.Context, _ keepArgs, _ job.Meta) error {
		if s.end.addr != "" || s.d.Config.EdgeAddress() != "" {
			if err := s.ca.refresh(ctx, s.d.DB, s.d.Secrets); err != nil {
				return err
			}
		}
		return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			if _, err := tx.NewRaw("DELETE FROM agent_changes WHERE at < ?", tx.Now().Add(-s.d.Config.History.Retention.D())).Exec(ctx); err != nil {
				return err
			}
			if _, err := tx.NewRaw("DELETE FROM agent_streams WHERE at < ?", tx.Now().Add(-keepStreams)).Exec(ctx); err != nil {
				return err
			}
			_, err := tx.NewRaw("DELETE FROM agent_tokens WHERE expires_at < ?", tx.Now().Add(-keepStreams)).Exec(ctx)
			return err
		})
	})
	job.Every(r, 6*time.Hour, false, keepArgs{})
}
