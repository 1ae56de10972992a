package rule

import (
	"context"
	"embed"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/detect"
	"github.com/mainstay-ops/mainstay/internal/detect/rule/eval"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Module declares the room.
func Module() module.Module {
	return module.Module{
		ID: "detect.rule", Migrations: migrations, Permissions: []access.Permission{detect.ReadRules, detect.WriteRules},
		New: func(d module.Deps) (module.Instance, error) { return newService(d), nil },
	}
}

func newService(d module.Deps) *Service {
	s := &Service{db: d.DB, events: d.Events, live: d.Live, retention: d.Config.History.Retention.D(), engine: newEngine()}
	s.engine.clock, s.engine.logger, s.engine.keep = d.DB.Clock(), d.Logger.With("component", "rule"), s.keepAll
	s.render.URL = d.Config.PublicURL
	module.Need(d, &s.items)
	module.Need(d, &s.incidents)
	module.Need(d, &s.metrics)
	module.Need(d, &s.appender)
	module.Want(d, &s.logs)
	d.Live.Topic("rules", detect.ReadRules)
	d.Search.Kind(detect.RuleKind, detect.ReadRules)
	d.Entities.Register(detect.RuleKind, resolve)
	d.Health.Add("rules", s.engine.health)
	return s
}

func resolve(ctx context.Context, q bun.IDB, ids []string) ([]entity.Summary, error) {
	var rows []row
	if err := q.NewSelect().Model(&rows).Where("name IN (?)", bun.In(ids)).Scan(ctx); err != nil {
		return nil, err
	}
	out := make([]entity.Summary, len(rows))
	for i, r := range rows {
		out[i] = entity.Summary{Ref: entity.Ref{Kind: detect.RuleKind, ID: r.Name}, Name: r.Name, Title: r.Name, URL: detect.RulePath + r.Name}
	}
	return out, nil
}

var (
	_ module.HasRoutes    = (*Service)(nil)
	_ module.HasJobs      = (*Service)(nil)
	_ module.HasResources = (*Service)(nil)
	_ module.Starter      = (*Service)(nil)
)

// Start implements module.Starter: rules go on where they were.
func (s *Service) Start(ctx context.Context) error {
	s.engine.metrics, s.engine.append, s.engine.logs, s.render.Metrics = s.metrics, s.appender, s.logs, s.metrics
	ctx = access.AsSystem(ctx)
	q := s.db.Reader()
	for after := ""; ; {
		rows, next, err := list(ctx, q, filter{After: after, Limit: 500})
		if err != nil {
			return err
		}
		for _, n := range rows {
			r, err := n.rule()
			if err != nil {
				return err
			}
			if !r.on() {
				continue
			}
			kept, err := instances(ctx, q, n.Name)
			if err != nil {
				return err
			}
			is, err := toInstances(kept)
			if err != nil {
				return err
			}
			s.engine.set(r, n.Version, n.TeamID, is, firstTurn(r, s.db.Clock().Now()))
		}
		if after = next; after == "" {
			break
		}
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.stop, s.done = cancel, make(chan struct{})
	go func() { defer close(s.done); s.engine.run(run) }()
	return nil
}

// Stop implements module.Starter.
func (s *Service) Stop(context.Context) {
	if s.stop != nil {
		s.stop()
		<-s.done
	}
}

// keepAll writes the changes of one evaluation, unless the rule was changed since.
func (s *Service) keepAll(ctx context.Context, r Rule, version int64, teamID string, cs []eval.Change) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		var now []int64
		if err := tx.NewRaw("SELECT version FROM rules WHERE name = ?", r.Name).Scan(ctx, &now); err != nil {
			return err
		}
		if len(now) == 0 || now[0] != version {
			return nil
		}
		return s.keep(ctx, tx, r, teamID, cs)
	})
}

type pruneArgs struct{}

// Kind implements job.Args.
func (pruneArgs) Kind() string { return "detect.rule.prune" }

// Jobs implements module.HasJobs.
func (s *Service) Jobs(r *job.Runner) {
	job.Handle(r, func(ctx context.Context, _ pruneArgs, _ job.Meta) error { return s.prune(ctx) })
	job.Every(r, 24*time.Hour, false, pruneArgs{})
}

// Resources implements module.HasResources.
func (s *Service) Resources() []apply.Resource {
	return []apply.Resource{
		{
			Key: "rules", Order: 70, Need: detect.WriteRules, New: func() any { return &Rule{} },
			Apply: func(ctx context.Context, tx *db.Tx, entry any) (apply.Change, error) {
				o, err := s.save(ctx, tx, *entry.(*Rule), "", free)
				return apply.Change{Outcome: o}, err
			},
			Export: func(ctx context.Context, q bun.IDB) ([]any, error) {
				rows, _, err := list(ctx, q, filter{Limit: maxRules})
				if err != nil {
					return nil, err
				}
				var out []any
				for _, n := range rows {
					if n.Origin != "" {
						continue
					}
					r, err := n.rule()
					if err != nil {
						return nil, err
					}
					out = append(out, r)
				}
				return out, nil
			},
		},
		{
			Key: "slos", Order: 71, Need: detect.WriteRules, New: func() any { return &Objective{} },
			Apply: func(ctx context.Context, tx *db.Tx, entry any) (apply.Change, error) {
				o, err := s.saveObjective(ctx, tx, *entry.(*Objective), free)
				return apply.Change{Outcome: o}, err
			},
			Export: func(ctx context.Context, q bun.IDB) ([]any, error) {
				os, err := objectives(ctx, q)
				out := make([]any, len(os))
				for i, o := range os {
					out[i] = o
				}
				return out, err
			},
		},
	}
}
