package flow

import (
	"context"
	"embed"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	netflow "github.com/mainstay-ops/mainstay/internal/core/flow"
	"github.com/mainstay-ops/mainstay/internal/core/logdb"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Service keeps and tells what traffic there was.
type Service struct {
	d         module.Deps
	items     estate.Items
	owners    estate.AddressOwners
	network   estate.Network
	prefixes  estate.Prefixes
	decoder   *netflow.Decoder
	exporters exporters
	packer    *packer
	opts      logdb.Options
	store     atomic.Pointer[logdb.Store]
	nets      atomic.Pointer[networks]
	learned   uint64 // what of the decoder is written; only keep and Start touch it
	dropped   atomic.Uint64
	stored    atomic.Uint64

	catalog estate.Catalog
	judge   judge
	evident map[string]bool // items with evidence; only keep touches it

	// placed are deliveries of edges for the writer; ended is closed when it ends.
	placed chan *delivery
	ended  chan struct{}
	// recounted is from when on records were counted again at the start, in seconds since
	// 1970; only Start writes it.
	recounted int64
	devices   observe.PlacedDevices
	// tiers is held while sums that are written are made or changed.
	tiers sync.Mutex

	queueMu sync.Mutex
	queue   []record
	wake    chan struct{}

	// mu guards the minutes that are not written yet.
	mu      sync.Mutex
	minutes map[int64]*minute

	// What follows is set by the writer, and read by questions: up to where minutes,
	// hours and days are written, in seconds since 1970.
	written [3]atomic.Int64

	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// Module declares observe.flow.
func Module() module.Module {
	return module.Module{
		ID: "observe.flow", Migrations: migrations, Permissions: []access.Permission{observe.ReadFlows, observe.WriteFlows},
		New: func(d module.Deps) (module.Instance, error) {
			p, err := newPacker()
			if err != nil {
				return nil, err
			}
			s := &Service{
				d: d, decoder: netflow.NewDecoder(netflow.Limits{}), packer: p, wake: make(chan struct{}, 1), minutes: map[int64]*minute{}, placed: make(chan *delivery), ended: make(chan struct{}),
				opts: logdb.Options{
					Name: "flows", Dir: filepath.Join(d.Config.Data, "flows"), Retention: d.Config.Flows.Retention.D(), MaxBytes: int64(d.Config.Flows.MaxBytes),
					MaxRows: maxRows, MaxBytesOfQuery: 256 << 20, Clock: d.DB.Clock(), Logger: d.Logger.With("component", "flows"),
				},
			}
			s.exporters.m = map[origin]*exporter{}
			module.Need(d, &s.items)
			module.Want(d, &s.owners)
			module.Want(d, &s.network)
			module.Want(d, &s.prefixes)
			module.Want(d, &s.catalog)
			module.Want(d, &s.devices)
			module.Provide[observe.PlacedFlows](d, s)
			module.Provide[signal.FlowReports](d, s)
			d.Live.Topic("flows", observe.ReadFlows)
			d.Health.Add("flows", s.health)
			d.Metrics.MustRegister(
				prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "mainstay_flow_records_total", Help: "Records of traffic that were stored."}, func() float64 { return float64(s.stored.Load()) }),
				prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "mainstay_flow_dropped_total", Help: "Records of traffic that could not be stored."}, func() float64 { return float64(s.dropped.Load()) }),
			)
			return s, nil
		},
	}
}

var (
	_ module.HasEvents    = (*Service)(nil)
	_ module.HasResources = (*Service)(nil)
	_ module.HasRoutes    = (*Service)(nil)
	_ module.Starter      = (*Service)(nil)
	_ signal.FlowReports  = (*Service)(nil)
	_ observe.PlacedFlows = (*Service)(nil)
)

func (s *Service) now() time.Time { return s.d.DB.Clock().Now() }

// Start opens the store, brings back what was learned, and counts again what a crash
// left uncounted.
func (s *Service) Start(ctx context.Context) error {
	ctx = access.AsSystem(context.WithoutCancel(ctx))
	st, err := logdb.Open(s.opts)
	if err != nil {
		return err
	}
	if err := s.load(ctx, st); err != nil {
		_ = st.Close()
		return err
	}
	ctx, s.cancel = context.WithCancel(ctx)
	s.store.Store(st)
	s.wg.Go(func() { s.write(ctx, st) })
	s.wg.Go(func() { s.keep(ctx) })
	return nil
}

func (s *Service) load(ctx context.Context, st *logdb.Store) error {
	if err := s.loadExporters(ctx); err != nil {
		return err
	}
	if err := s.loadTemplates(ctx); err != nil {
		return err
	}
	if err := s.loadWritten(ctx); err != nil {
		return err
	}
	s.loadNetworks(ctx)
	if err := s.loadJudge(ctx); err != nil {
		return err
	}
	return s.recount(ctx, st)
}

// Stop stores what waits, writes the minutes that were counted so far, and closes.
func (s *Service) Stop(context.Context) {
	if s.cancel == nil {
		return
	}
	s.cancel()
	s.wg.Wait()
	if st := s.store.Swap(nil); st != nil {
		if err := st.Close(); err != nil {
			s.d.Logger.Error("the flow store did not close well", "error", err)
		}
	}
}
