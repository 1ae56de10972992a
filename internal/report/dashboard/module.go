package dashboard

import (
	"context"
	"embed"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/report"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Module declares report.dashboard.
func Module() module.Module {
	return module.Module{
		ID: "report.dashboard", Migrations: migrations,
		Permissions: []access.Permission{report.ReadDashboards, report.WriteDashboards, report.ShareDashboards},
		New: func(d module.Deps) (module.Instance, error) {
			s := &Service{d: d, cache: map[string]cached{}}
			module.Need(d, &s.metrics)
			module.Want(d, &s.logs)
			module.Need(d, &s.catalog)
			module.Want(d, &s.states)
			d.Search.Kind(report.DashboardKind, report.ReadDashboards)
			return s, nil
		},
	}
}

// Resources implements module.HasResources.
func (s *Service) Resources() []apply.Resource {
	return []apply.Resource{{
		Key: "dashboards", Order: 80, Need: report.WriteDashboards,
		New: func() any { return &Spec{} },
		Apply: func(ctx context.Context, tx *db.Tx, e any) (apply.Change, error) {
			_, outcome, err := s.save(ctx, tx, *e.(*Spec), -1)
			return apply.Change{Outcome: apply.Outcome(outcome)}, err
		},
		Export: func(ctx context.Context, q bun.IDB) ([]any, error) {
			var rows []row
			if err := q.NewSelect().Model(&rows).OrderExpr("name").Scan(ctx); err != nil {
				return nil, err
			}
			out := make([]any, 0, len(rows))
			for i := range rows {
				v, err := rows[i].view()
				if err != nil {
					return nil, err
				}
				out = append(out, v.Spec)
			}
			return out, nil
		},
	}}
}
