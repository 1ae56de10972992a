package oncall

import (
	"context"
	"embed"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Module registers the room.
func Module() module.Module {
	return module.Module{
		ID: "respond.oncall", Migrations: migrations,
		Permissions: []access.Permission{respond.ReadOncall, respond.WriteOncall, respond.OverrideOncall},
		New: func(d module.Deps) (module.Instance, error) {
			s := &Service{db: d.DB, jobs: d.Jobs, live: d.Live, accounts: d.Accounts, keep: d.Config.Escalations.Retention.D()}
			module.Provide[respond.Roster](d, s)
			module.Provide[respond.Escalations](d, s)
			module.Provide[respond.ChannelUsers](d, s)
			module.Need(d, &s.incidents)
			module.Need(d, &s.notifier)
			module.Need(d, &s.channels)
			d.Live.Topic("oncall", respond.ReadOncall)
			return s, nil
		},
	}
}

var (
	_ module.HasEvents     = (*Service)(nil)
	_ module.HasJobs       = (*Service)(nil)
	_ module.HasRoutes     = (*Service)(nil)
	_ module.HasResources  = (*Service)(nil)
	_ respond.Roster       = (*Service)(nil)
	_ respond.Escalations  = (*Service)(nil)
	_ respond.ChannelUsers = (*Service)(nil)
)

// Jobs implements module.HasJobs.
func (s *Service) Jobs(r *job.Runner) {
	job.Handle(r, s.stepDue)
	job.Handle(r, s.catchAll)
	job.Handle(r, s.sweep)
	job.Every(r, lateBy, true, sweepArgs{})
	job.Handle(r, s.prune)
	job.Every(r, pruneEvery, false, pruneArgs{})
}

// Resources implements module.HasResources.
func (s *Service) Resources() []apply.Resource {
	free := func(int64) error { return nil }
	return []apply.Resource{
		{
			Key: "schedules", Order: 40, Need: respond.WriteOncall, New: func() any { return &schedule{} },
			Apply: func(ctx context.Context, tx *db.Tx, entry any) (apply.Change, error) {
				o, err := s.saveSchedule(ctx, tx, *entry.(*schedule), free)
				return apply.Change{Outcome: o}, err
			},
			Export: func(ctx context.Context, q bun.IDB) ([]any, error) {
				var rows []scheduleRow
				if err := q.NewSelect().Model(&rows).OrderExpr("name").Limit(5000).Scan(ctx); err != nil {
					return nil, err
				}
				out := make([]any, len(rows))
				for i, r := range rows {
					v, err := view(ctx, q, r)
					if err != nil {
						return nil, err
					}
					out[i] = v
				}
				return out, nil
			},
		},
		{
			Key: "escalations", Order: 60, Need: respond.WriteOncall, New: func() any { return &escalation{} },
			Apply: func(ctx context.Context, tx *db.Tx, entry any) (apply.Change, error) {
				o, err := s.saveEscalation(ctx, tx, *entry.(*escalation), free)
				return apply.Change{Outcome: o}, err
			},
			Export: func(ctx context.Context, q bun.IDB) ([]any, error) {
				es, err := s.escalations(ctx, q)
				out := make([]any, len(es))
				for i, e := range es {
					out[i] = e
				}
				return out, err
			},
		},
	}
}
