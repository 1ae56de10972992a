package path

import (
	"context"
	"embed"
	"net"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/core/netguard"
	"github.com/mainstay-ops/mainstay/internal/core/netpath"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

//go:embed migrations/*.sql
var migrations embed.FS

const topic = "paths"

// Service measures paths and answers for them.
type Service struct {
	d       module.Deps
	items   estate.Items
	owners  estate.AddressOwners
	checks  observe.WaitingChecks
	results observe.ResultTaker
	metrics observe.Appender
	places  observe.Places
	monitor *netpath.Monitor
	names   *netpath.Names
	origins *origins
	codec   codec
	kick    chan struct{}
	cancel  context.CancelFunc
	wg      sync.WaitGroup

	mu    sync.Mutex
	rows  map[string]*kept // by id
	rec   map[string]*recorder
	set   Settings
	held  map[string]*heldCheck // by check id
	told  map[string]time.Time  // when the list was told of a path
	byWho map[netip.Addr]ownItem
}

// kept is a path that is measured, as it is in memory.
type kept struct {
	row
	spec   Spec
	series map[string]observe.SeriesID
}

// Module declares observe.path.
func Module() module.Module {
	return module.Module{
		ID: "observe.path", Migrations: migrations,
		Permissions: []access.Permission{observe.ReadPaths, observe.WritePaths, observe.SayOnPaths},
		New:         func(d module.Deps) (module.Instance, error) { return newService(d) },
	}
}

func newService(d module.Deps) (*Service, error) {
	c, err := newCodec()
	if err != nil {
		return nil, err
	}
	s := &Service{
		d: d, codec: c, kick: make(chan struct{}, 1), rows: map[string]*kept{}, rec: map[string]*recorder{},
		held: map[string]*heldCheck{}, told: map[string]time.Time{}, byWho: map[netip.Addr]ownItem{},
		names: netpath.NewNames(net.DefaultResolver), origins: newOrigins(net.DefaultResolver.LookupTXT),
	}
	guard := netguard.Guard{AllowMetadata: d.Config.Outbound.AllowMetadata}
	s.monitor = &netpath.Monitor{Lookup: net.DefaultResolver.LookupNetIP, Allow: guard.Check, Found: s.found, Logger: d.Logger}
	module.Provide[observe.PlacedPaths](d, s)
	module.Need(d, &s.items)
	module.Need(d, &s.checks)
	module.Need(d, &s.results)
	module.Need(d, &s.metrics)
	module.Want(d, &s.owners)
	module.Want(d, &s.places)
	d.Live.Topic(topic, observe.ReadPaths)
	d.Search.Kind(observe.PathKind, observe.ReadPaths)
	d.Entities.Register(observe.PathKind, s.summaries)
	d.Entities.RegisterFinder(observe.PathKind, func(ctx context.Context, q bun.IDB, name string) (string, error) {
		r, err := readable(ctx, q, name)
		if err != nil {
			return "", err
		}
		return r.ID, nil
	})
	return s, nil
}

var (
	_ module.HasRoutes    = (*Service)(nil)
	_ module.HasEvents    = (*Service)(nil)
	_ module.HasJobs      = (*Service)(nil)
	_ module.HasResources = (*Service)(nil)
	_ module.Starter      = (*Service)(nil)
)

func pathURL(name string) string { return "/observe/paths/" + url.PathEscape(name) }

func (s *Service) summaries(ctx context.Context, q bun.IDB, ids []string) ([]entity.Summary, error) {
	var rows []row
	if err := q.NewSelect().Model(&rows).Where("id IN (?)", bun.In(ids)).Scan(ctx); err != nil {
		return nil, err
	}
	out := make([]entity.Summary, len(rows))
	for i, r := range rows {
		out[i] = entity.Summary{Ref: ref(r.ID), Name: r.Name, Title: "Network path " + r.Name, URL: pathURL(r.Name)}
	}
	return out, nil
}

// Start measures what is to be measured.
func (s *Service) Start(ctx context.Context) error {
	run, cancel := context.WithCancel(access.AsSystem(context.WithoutCancel(ctx)))
	s.cancel = cancel
	s.describe()
	if err := s.sync(run); err != nil {
		cancel()
		return err
	}
	s.wg.Go(func() { s.monitor.Run(run) })
	s.wg.Go(func() { s.work(run) })
	return nil
}

// Stop ends measuring and writes what is in memory.
func (s *Service) Stop(ctx context.Context) {
	if s.cancel == nil {
		return
	}
	s.cancel()
	s.wg.Wait()
	if err := s.flush(access.AsSystem(context.WithoutCancel(ctx)), true); err != nil {
		s.d.Logger.Error("the last minute of network paths is lost", "error", err)
	}
}

// Subscribe implements module.HasEvents.
func (s *Service) Subscribe(r *event.Router) {
	event.On(r, func(ctx context.Context, tx *db.Tx, f estate.ItemMerged, _ event.Meta) error {
		_, err := tx.NewRaw("UPDATE paths SET item_id = ? WHERE item_id = ?", f.ItemID, f.GoneID).Exec(ctx)
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
			_, err = tx.NewRaw("UPDATE paths SET team_id = ? WHERE item_id = ? AND team_id <> ?", it.OwnerTeamID, it.ID, it.OwnerTeamID).Exec(ctx)
		}
		return err
	})
}

type pruneArgs struct{}

// Kind implements job.Args.
func (pruneArgs) Kind() string { return "path.prune" }

// Jobs implements module.HasJobs.
func (s *Service) Jobs(r *job.Runner) {
	job.Handle(r, func(ctx context.Context, _ pruneArgs, _ job.Meta) error { return s.prune(ctx) })
	job.Every(r, time.Hour, true, pruneArgs{})
}

// Resources implements module.HasResources.
func (s *Service) Resources() []apply.Resource {
	return []apply.Resource{{
		Key: "paths", Order: 58, Need: observe.WritePaths, New: func() any { return &Spec{} },
		Apply: func(ctx context.Context, tx *db.Tx, entry any) (apply.Change, error) {
			o, err := s.Save(ctx, tx, *entry.(*Spec), nil)
			return apply.Change{Outcome: o}, err
		},
		Export: func(ctx context.Context, q bun.IDB) ([]any, error) {
			rows, err := all(ctx, q)
			out := make([]any, 0, len(rows))
			for i := range rows {
				spec, err := rows[i].spec()
				if err != nil {
					return nil, err
				}
				out = append(out, spec)
			}
			return out, err
		},
	}}
}
