// Package app puts the house together: it opens the stores, makes the core, lets
// every module declare itself, wires questions to answers and runs it all. An App
// is a value; a test can start two in one process.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/clock"
	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/file"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/core/record"
	"github.com/mainstay-ops/mainstay/internal/core/search"
	"github.com/mainstay-ops/mainstay/internal/core/secret"
	"github.com/mainstay-ops/mainstay/internal/webui"
)

// Options of a program.
type Options struct {
	Config  config.Config
	Version string
	Logger  *slog.Logger
	Clock   clock.Clock
	// BootstrapToken becomes an admin API token at the first start.
	BootstrapToken string
}

type running struct {
	id string
	in module.Instance
}

// App is one server.
type App struct {
	opts     Options
	logger   *slog.Logger
	db       *db.DB
	events   *event.Log
	jobs     *job.Runner
	live     *live.Hub
	accounts *account.Service
	set      *access.Set
	search   *search.Index
	engine   *apply.Engine
	health   *module.Health
	registry *prometheus.Registry
	api      *httpapi.API
	mods     []running
	started  int

	lock     *dirLock
	server   *http.Server
	listener net.Listener
	ready    atomic.Bool
	setup    string
}

// New opens the stores and makes everything, but starts nothing. What it opened
// is closed again when it fails.
func New(ctx context.Context, o Options) (_ *App, err error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	a := &App{opts: o, logger: o.Logger, health: module.NewHealth(), registry: prometheus.NewRegistry(), live: live.NewHub()}
	defer func() {
		if err != nil {
			a.close()
		}
	}()
	a.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if a.lock, err = lockDir(o.Config.Data); err != nil {
		return nil, err
	}
	// The port is taken before anything is written, so that a second start by
	// mistake does no harm.
	if a.listener, err = listen(o.Config.Listen.HTTP); err != nil {
		return nil, err
	}
	if a.db, err = db.Open(ctx, db.Options{URL: o.Config.Database.URL, Dir: o.Config.Data, Clock: o.Clock}); err != nil {
		return nil, err
	}
	secrets, err := secret.Open(o.Config.Data)
	if err != nil {
		return nil, err
	}
	files, err := file.Open(filepath.Join(o.Config.Data, "files"))
	if err != nil {
		return nil, err
	}
	mods := modules()
	if err := a.migrate(ctx, mods); err != nil {
		return nil, err
	}
	return a, a.assemble(mods, secrets, files)
}

func (a *App) migrate(ctx context.Context, mods []module.Module) error {
	sets := []db.Migrations{event.Migrations(), audit.Migrations(), search.Migrations(), account.Migrations(), record.Migrations()}
	for _, m := range mods {
		sets = append(sets, db.Migrations{Module: m.ID, FS: m.Migrations})
	}
	if err := a.db.Migrate(ctx, sets); err != nil {
		return err
	}
	a.health.Add("database", func() error {
		if err := a.db.Problem(); err != nil {
			return errors.New(errs.Message(err))
		}
		return nil
	})
	owner, err := serverID(a.opts.Config.Data)
	if err != nil {
		return err
	}
	a.jobs = job.New(a.db, a.logger, owner)
	return a.jobs.Migrate(ctx)
}

func (a *App) assemble(mods []module.Module, secrets *secret.Box, files *file.Store) error {
	o := a.opts
	a.events = event.New(a.db, a.logger)
	a.accounts = account.New(a.db, o.Config.Session.Lifetime.D())
	a.live.Still = func(r *http.Request) bool { return httpapi.StillIdentified(r, a.accounts) }
	a.search = search.New(a.db)
	perms := [][]access.Permission{account.Permissions(), {readSystem, applyConfig}}
	var kinds []record.Kind
	for _, m := range mods {
		perms = append(perms, m.Permissions)
		kinds = append(kinds, m.Kinds...)
	}
	a.set = access.NewSet(perms...)
	entities := entity.NewRegistry()
	records, err := record.New(a.db, kinds, entities, a.live, a.search, files, a.logger)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	a.api = httpapi.New(mux, o.Version, a.logger)
	wire := module.NewWire()
	resources := [][]apply.Resource{a.coreResources()}
	for _, m := range mods {
		in, err := m.New(module.Deps{
			DB: a.db, Events: a.events, Jobs: a.jobs, Records: records, Accounts: a.accounts, Entities: entities, Search: a.search,
			Live: a.live, Secrets: secrets, Config: o.Config, Logger: a.logger.With("module", m.ID), Metrics: a.registry, Health: a.health, Wire: wire, Version: o.Version,
		})
		if err != nil {
			return fmt.Errorf("module %s: %w", m.ID, err)
		}
		a.mods = append(a.mods, running{m.ID, in})
	}
	if err := wire.Join(); err != nil {
		return err
	}
	for _, m := range a.mods {
		if h, ok := m.in.(module.HasEvents); ok {
			h.Subscribe(a.events.Router(m.id))
		}
		if h, ok := m.in.(module.HasJobs); ok {
			h.Jobs(a.jobs)
		}
		if h, ok := m.in.(module.HasRoutes); ok {
			h.Routes(a.api)
		}
		if h, ok := m.in.(module.HasResources); ok {
			resources = append(resources, h.Resources())
		}
	}
	a.engine = apply.New(a.db, resources...)
	a.coreJobs()
	a.routes(mux)
	a.server = &http.Server{
		Handler:           httpapi.Wrap(mux, a.accounts, a.logger),
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 60 * time.Second, WriteTimeout: 120 * time.Second, IdleTimeout: 120 * time.Second,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(a.logger.Handler(), slog.LevelDebug),
	}
	if err := a.jobs.Build(); err != nil {
		return err
	}
	mux.Handle("/", webui.Handler())
	return nil
}

// Start begins to serve. When it returns nil, /readyz answers 200.
func (a *App) Start(ctx context.Context) error {
	ctx = access.AsSystem(ctx)
	setup, err := a.accounts.Bootstrap(ctx, a.opts.BootstrapToken)
	if err != nil {
		return err
	}
	a.setup = setup
	if err := a.events.Start(ctx); err != nil {
		return err
	}
	for _, m := range a.mods {
		if s, ok := m.in.(module.Starter); ok {
			if err := s.Start(ctx); err != nil {
				return fmt.Errorf("start %s: %w", m.id, err)
			}
		}
		a.started++
	}
	if err := a.jobs.Start(ctx); err != nil {
		return err
	}
	go func() {
		var err error
		if t := a.opts.Config.TLS; t.Cert != "" {
			err = a.server.ServeTLS(a.listener, t.Cert, t.Key)
		} else {
			err = a.server.Serve(a.listener)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			a.logger.Error("the web server ended", "error", err)
			a.health.Add("http", func() error { return err })
		}
	}()
	a.ready.Store(true)
	return nil
}

// SetupURL is the one-time link that makes the first account; empty when there is
// an administrator already.
func (a *App) SetupURL() string {
	if a.setup == "" {
		return ""
	}
	return a.URL() + "/setup?token=" + a.setup
}

// URL is where the server is reached by people.
func (a *App) URL() string { return a.opts.Config.PublicURL }

// Address is where the server listens.
func (a *App) Address() string { return a.listener.Addr().String() }

// API gives the operations, for the command that prints the OpenAPI document.
func (a *App) API() *httpapi.API { return a.api }

// Handler serves requests without a listener, for tests.
func (a *App) Handler() http.Handler { return a.server.Handler }

// Stop ends everything in the reverse order, and closes the stores. It may be
// called after a failed Start.
func (a *App) Stop(ctx context.Context) {
	a.ready.Store(false)
	a.live.Close()
	if a.server != nil {
		soft, cancel := context.WithTimeout(ctx, 5*time.Second)
		if err := a.server.Shutdown(soft); err != nil {
			_ = a.server.Close()
		}
		cancel()
	}
	if a.jobs != nil {
		a.jobs.Stop(ctx)
	}
	for i := a.started - 1; i >= 0; i-- {
		if s, ok := a.mods[i].in.(module.Starter); ok {
			s.Stop(ctx)
		}
	}
	a.started = 0
	if a.events != nil {
		a.events.Stop()
	}
	a.close()
}

func (a *App) close() {
	if a.listener != nil {
		_ = a.listener.Close()
	}
	if a.db != nil {
		if err := a.db.Close(); err != nil {
			a.logger.Error("cannot close the database", "error", err)
		}
	}
	if a.lock != nil {
		a.lock.release()
	}
}

func listen(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "Cannot listen on %s: %s. Is another program using it? Choose another address with --listen.", addr, reason(err))
	}
	return l, nil
}

func reason(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		return op.Err.Error()
	}
	return err.Error()
}
