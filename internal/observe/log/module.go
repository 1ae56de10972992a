package log

import (
	"context"
	"embed"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/logdb"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Module registers the room.
func Module() module.Module {
	return module.Module{
		ID:          "observe.log",
		Migrations:  migrations,
		Permissions: []access.Permission{observe.ReadLogs, observe.SaveViews, observe.WriteParsers},
		New: func(d module.Deps) (module.Instance, error) {
			s := &Service{d: d}
			d.Health.Add("logs", s.health)
			module.Want(d, &s.catalog)
			module.Provide[signal.Lines](d, s)
			module.Provide[observe.Logs](d, s)
			module.Provide[observe.LogPatterns](d, s)
			module.Want(d, &s.sink)
			s.measure()
			return s, nil
		},
	}
}

// Service holds the store from Start to Stop.
type Service struct {
	d       module.Deps
	catalog estate.Catalog
	store   atomic.Pointer[logdb.Store]
	ending  context.Context //nolint:containedctx // ends streams when the server stops
	end     context.CancelFunc

	patterns *patterns
	counts   counts
	sink     observe.PatternSink
	parsers  atomic.Pointer[[]*own]
	wg       sync.WaitGroup
}

var (
	_ module.Starter   = (*Service)(nil)
	_ module.HasRoutes = (*Service)(nil)

	_ module.HasResources = (*Service)(nil)
	_ signal.Lines        = (*Service)(nil)
	_ observe.Logs        = (*Service)(nil)

	_ observe.LogPatterns = (*Service)(nil)
)

// Start opens the store.
func (s *Service) Start(ctx context.Context) error {
	s.ending, s.end = context.WithCancel(context.WithoutCancel(ctx))
	st, err := logdb.Open(logdb.Options{
		Name:      "logs",
		Dir:       filepath.Join(s.d.Config.Data, "logs"),
		Retention: s.d.Config.Logs.Retention.D(),
		MaxBytes:  int64(s.d.Config.Logs.MaxBytes),
		Clock:     s.d.DB.Clock(),
		Logger:    s.d.Logger.With("component", "log"),
	})
	if err != nil {
		return err
	}
	if s.patterns, err = loadPatterns(patternsPath(s.d.Config.Data)); s.patterns == nil {
		return errors.Join(err, st.Close())
	} else if err != nil {
		s.d.Logger.Warn("log patterns cannot be read; they are learned anew", "error", err)
	}
	if err := s.loadParsers(ctx, s.d.DB.Reader()); err != nil {
		return errors.Join(err, st.Close())
	}
	s.wg.Add(1)
	go s.keepPatterns(s.ending)
	if s.sink != nil {
		s.wg.Add(1)
		go s.tellPatterns(s.ending)
	}
	s.store.Store(st)
	return nil
}

// Stop ends live tails and closes the store.
func (s *Service) Stop(context.Context) {
	if s.end != nil {
		s.end()
	}
	s.wg.Wait()
	st := s.store.Swap(nil)
	if st == nil {
		return
	}
	if err := st.Close(); err != nil {
		s.d.Logger.Error("log store did not close well", "error", err)
	}
}

func (s *Service) open() (*logdb.Store, error) {
	if st := s.store.Load(); st != nil {
		return st, nil
	}
	return nil, errs.New(errs.Unavailable, "The log store is not open.")
}

func (s *Service) health() error {
	st, err := s.open()
	if err != nil {
		return err
	}
	return st.Health()
}

// maxItemsOfTeams bounds the filter for those who see only what is their team's.
const maxItemsOfTeams = 5000

// visible are the filters for whoever acts: nothing for who may see all logs, and the
// items of the teams else. Lines without an item are then out of sight.
func (s *Service) visible(ctx context.Context) ([]string, error) {
	if access.Check(ctx, observe.ReadLogs, "") == nil {
		return nil, nil
	}
	p := access.From(ctx)
	var names []string
	if p != nil && s.catalog != nil {
		for team := range p.Teams {
			if !p.CanFor(observe.ReadLogs, team) {
				continue
			}
			f := estate.CatalogFilter{OwnerTeamID: team, Limit: 500}
			for {
				page, err := s.catalog.Catalog(ctx, s.d.DB.Reader(), f)
				if err != nil {
					return nil, err
				}
				for _, it := range page {
					names = append(names, quoted(it.Name))
					f.After = it.Name
				}
				if len(page) < f.Limit || len(names) > maxItemsOfTeams {
					break
				}
			}
		}
	}
	if len(names) == 0 {
		return []string{"!*"}, nil // nothing
	}
	if len(names) > maxItemsOfTeams {
		return nil, errs.New(errs.Invalid, "Your teams own more than %d items. Ask an administrator for a role that sees all logs.", maxItemsOfTeams)
	}
	return []string{"item:in(" + strings.Join(names, ",") + ")"}, nil
}
