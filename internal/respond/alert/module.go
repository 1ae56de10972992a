package alert

import (
	"context"
	"embed"
	"strings"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Module declares the room.
func Module() module.Module {
	return module.Module{
		ID: "respond.alert", Migrations: migrations,
		Permissions: []access.Permission{respond.ReadAlerts, respond.WriteAlerts},
		New:         func(d module.Deps) (module.Instance, error) { return newService(d), nil },
	}
}

// Service is the use cases around alerts and silences.
type Service struct {
	d     module.Deps
	items estate.Items
}

func newService(d module.Deps) *Service {
	s := &Service{d: d}
	module.Need(d, &s.items)
	d.Live.Topic("alerts", respond.ReadAlerts)
	d.Entities.Register(respond.AlertKind, resolve)
	return s
}

// Jobs implements module.HasJobs.
func (s *Service) Jobs(r *job.Runner) { job.Handle(r, s.runSilence) }

func resolve(ctx context.Context, q bun.IDB, ids []string) ([]entity.Summary, error) {
	var rows []row
	if err := q.NewSelect().Model(&rows).Where("id IN (?)", bun.In(ids)).Scan(ctx); err != nil {
		return nil, err
	}
	out := make([]entity.Summary, len(rows))
	for i, a := range rows {
		out[i] = entity.Summary{Ref: entity.Ref{Kind: respond.AlertKind, ID: a.ID}, Name: a.Fingerprint, Title: strings.TrimSpace(a.Title), State: a.Status, URL: "/respond/alerts/" + a.ID}
	}
	return out, nil
}
