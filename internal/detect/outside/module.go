package outside

import (
	"context"
	"embed"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/detect"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Service keeps alerts of other programs.
type Service struct {
	d     module.Deps
	items estate.Items
}

// Module declares the room.
func Module() module.Module {
	return module.Module{
		ID: "detect.outside", Migrations: migrations, Permissions: []access.Permission{detect.ReadOutside, detect.EndOutside, detect.WriteOutside},
		New: func(d module.Deps) (module.Instance, error) {
			s := &Service{d: d}
			module.Need(d, &s.items)
			module.Provide[signal.Alerts](d, s)
			d.Live.Topic("outside-alerts", detect.ReadOutside)
			return s, nil
		},
	}
}

var (
	_ module.HasRoutes    = (*Service)(nil)
	_ module.HasJobs      = (*Service)(nil)
	_ module.HasEvents    = (*Service)(nil)
	_ module.HasResources = (*Service)(nil)
	_ signal.Alerts       = (*Service)(nil)
)

type (
	expireArgs struct{}
	pruneArgs  struct{}
)

// Kind implements job.Args.
func (expireArgs) Kind() string { return "detect.outside.expire" }

// Kind implements job.Args.
func (pruneArgs) Kind() string { return "detect.outside.prune" }

// expireEvery is how often alerts are looked for that were not repeated.
const expireEvery = 15 * time.Second

// Jobs implements module.HasJobs.
func (s *Service) Jobs(r *job.Runner) {
	job.Handle(r, func(ctx context.Context, _ expireArgs, _ job.Meta) error { return s.expire(ctx) })
	job.Every(r, expireEvery, true, expireArgs{})
	job.Handle(r, func(ctx context.Context, _ pruneArgs, _ job.Meta) error { return s.prune(ctx) })
	job.Every(r, 24*time.Hour, false, pruneArgs{})
}

// prune forgets alerts that ended before the retention of history.
func (s *Service) prune(ctx context.Context) error {
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.NewRaw("DELETE FROM outside_alerts WHERE state = 'ended' AND ended_at < ?", tx.Now().Add(-s.d.Config.History.Retention.D())).Exec(ctx)
		return err
	})
}

// Subscribe implements module.HasEvents.
func (s *Service) Subscribe(r *event.Router) {
	event.On(r, func(ctx context.Context, tx *db.Tx, f estate.ItemMerged, _ event.Meta) error {
		_, err := tx.NewRaw("UPDATE outside_alerts SET item_id = ?, item = ? WHERE item_id = ?", f.ItemID, f.Name, f.GoneID).Exec(ctx)
		return err
	})
}

// Resources implements module.HasResources.
func (s *Service) Resources() []apply.Resource {
	return []apply.Resource{{
		Key: "alert_mappings", Order: 73, Need: detect.WriteOutside, New: func() any { return &Mapping{} },
		Apply: func(ctx context.Context, tx *db.Tx, entry any) (apply.Change, error) {
			o, err := s.putMapping(ctx, tx, *entry.(*Mapping))
			return apply.Change{Outcome: o}, err
		},
		Export: func(ctx context.Context, q bun.IDB) ([]any, error) {
			ms, err := mappings(ctx, q)
			out := make([]any, len(ms))
			for i, m := range ms {
				out[i] = m
			}
			return out, err
		},
	}}
}
