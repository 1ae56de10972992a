package packet

import (
	"context"
	"embed"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/core/record"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Module declares observe.packet.
func Module() module.Module {
	return module.Module{
		ID: "observe.packet", Migrations: migrations, Permissions: []access.Permission{observe.ReadCaptures, observe.WriteCaptures},
		New: func(d module.Deps) (module.Instance, error) {
			s := &Service{
				db: d.DB, live: d.Live, records: d.Records, entities: d.Entities, logger: d.Logger.With("component", "captures"), dir: filepath.Join(d.Config.Data, "captures"),
				retention: d.Config.Captures.Retention.D(), quota: int64(d.Config.Captures.MaxBytes), runs: map[string]*run{}, open: map[string]*opened{},
				seen: map[string]time.Time{},
			}
			module.Want(d, &s.network)
			module.Want(d, &s.incidents)
			module.Want(d, &s.places)
			d.Live.Topic("captures", observe.ReadCaptures)
			d.Entities.Register(observe.CaptureKind, s.resolve)
			return s, nil
		},
	}
}

// Service is the use cases around captures.
type Service struct {
	db        *db.DB
	live      *live.Hub
	records   *record.Service
	entities  *entity.Registry
	logger    *slog.Logger
	dir       string
	retention time.Duration
	quota     int64
	network   estate.Network
	incidents respond.Incidents
	places    observe.CapturePlaces

	base context.Context // of work in the background
	stop context.CancelFunc
	work sync.WaitGroup

	mu    sync.Mutex
	runs  map[string]*run
	open  map[string]*opened
	seen  map[string]time.Time // who was written into the audit log for opening what
	files sync.Mutex           // one at a time makes room and reserves it
}

var (
	_ module.Starter      = (*Service)(nil)
	_ module.HasRoutes    = (*Service)(nil)
	_ module.HasEvents    = (*Service)(nil)
	_ module.HasJobs      = (*Service)(nil)
	_ module.HasResources = (*Service)(nil)
)

// Subscribe implements module.HasEvents.
func (s *Service) Subscribe(r *event.Router) {
	event.On(r, s.alertFired)
	event.On(r, s.alertGrouped)
}

type pruneArgs struct{}

// Kind implements job.Args.
func (pruneArgs) Kind() string { return "capture.prune" }

// Jobs implements module.HasJobs.
func (s *Service) Jobs(r *job.Runner) {
	job.Handle(r, func(ctx context.Context, _ pruneArgs, _ job.Meta) error { return s.prune(ctx) })
	job.Every(r, 10*time.Minute, true, pruneArgs{})
}

// resolve implements entity.Resolver.
func (s *Service) resolve(ctx context.Context, q dbReader, ids []string) ([]entity.Summary, error) {
	rows, err := byIDs(ctx, q, ids)
	if err != nil {
		return nil, err
	}
	out := make([]entity.Summary, len(rows))
	for i, r := range rows {
		out[i] = entity.Summary{Ref: entity.Ref{Kind: observe.CaptureKind, ID: r.ID}, Name: r.Name, Title: "Packets: " + r.Name, State: r.State, URL: "/observe/captures/" + r.ID}
	}
	return out, nil
}
