package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/mainstay-ops/mainstay/internal/core/clock"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Defaults of Options.
const (
	DefaultRetention          = 90 * 24 * time.Hour
	DefaultMaxBytes           = 20 << 30
	DefaultMaxSeries          = 1_000_000
	DefaultMaxSeriesPerSource = 1_000
	DefaultMinFreeBytes       = 64 << 20
	DefaultQueryTimeout       = 30 * time.Second
	DefaultMaxQuerySamples    = 5_000_000
	DefaultMaxQueries         = 4
)

// MaxPoints is how many steps one range query may have, as in Prometheus.
const MaxPoints = 11_000

// Options of Open. Zero values mean the defaults above.
type Options struct {
	// Dir holds the store and nothing else. It is made when missing.
	Dir string
	// Retention is the age, measured from the newest block, after which blocks are deleted.
	Retention time.Duration
	// MaxBytes is the size of blocks, head and log above which the oldest blocks
	// are deleted.
	MaxBytes int64
	// MaxSeries is how many series may be in memory at the same time.
	MaxSeries int
	// MaxSeriesPerSource is how many series one source may hold.
	MaxSeriesPerSource int
	// MinFreeBytes is the free space on the disk under which nothing is written.
	MinFreeBytes int64
	// QueryTimeout ends a query.
	QueryTimeout time.Duration
	// MaxQuerySamples is how many samples one query may hold in memory (16 bytes each).
	MaxQuerySamples int
	// MaxQueries is how many queries run at the same time; others wait.
	MaxQueries int
	// Logger may be nil.
	Logger *slog.Logger
	// Registerer gets the store's own measurements; may be nil.
	Registerer prometheus.Registerer
	// Clock may be nil.
	Clock clock.Clock
}

func (o *Options) setDefaults() {
	if o.Retention <= 0 {
		o.Retention = DefaultRetention
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.MaxSeries <= 0 {
		o.MaxSeries = DefaultMaxSeries
	}
	if o.MaxSeriesPerSource <= 0 {
		o.MaxSeriesPerSource = DefaultMaxSeriesPerSource
	}
	if o.MinFreeBytes <= 0 {
		o.MinFreeBytes = DefaultMinFreeBytes
	}
	if o.QueryTimeout <= 0 {
		o.QueryTimeout = DefaultQueryTimeout
	}
	if o.MaxQuerySamples <= 0 {
		o.MaxQuerySamples = DefaultMaxQuerySamples
	}
	if o.MaxQueries <= 0 {
		o.MaxQueries = DefaultMaxQueries
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
}

// Store is an open metric store. Its methods are safe for concurrent use.
type Store struct {
	opts   Options
	db     *tsdb.DB
	engine *promql.Engine
	parser parser.Parser
	table  table
	info   infoTable
	stats  counters
	disk   diskGuard
	// senders are those whose samples come by Take.
	senders senders

	registry *prometheus.Registry
	repaired []string

	closing   chan struct{}
	done      chan struct{}
	closeOnce sync.Once
	closeErr  error

	// use is held for reading by every operation, so that Close waits for them.
	use    sync.RWMutex
	closed bool

	diskErr     atomic.Pointer[error]
	writeErr    atomic.Pointer[error]
	maintainErr atomic.Pointer[error]
}

var (
	_ observe.Appender = (*Store)(nil)
	_ observe.Metrics  = (*Store)(nil)
)

// Open opens or makes the store in Options.Dir. Parts that cannot be read are
// moved to the folder "quarantine" beside them, logged and listed by Repaired.
// The errors are sentences: a directory that cannot be written, one that is in
// use, one that a newer program wrote.
func Open(o Options) (*Store, error) {
	if o.Dir == "" {
		return nil, errors.New("store: Options.Dir is empty")
	}
	o.setDefaults()
	if err := os.MkdirAll(o.Dir, 0o750); err != nil {
		return nil, openSentence(o.Dir, err)
	}
	if err := tryWrite(o.Dir); err != nil {
		return nil, openSentence(o.Dir, err)
	}
	if err := refuseNewer(o.Dir); err != nil {
		return nil, err
	}
	s := &Store{
		opts:    o,
		table:   newTable(o.MaxSeries, o.MaxSeriesPerSource),
		closing: make(chan struct{}),
		done:    make(chan struct{}),
		parser:  parser.NewParser(parser.Options{}),
	}
	s.disk = diskGuard{dir: o.Dir, min: uint64(o.MinFreeBytes)}
	if err := s.openRepairing(); err != nil {
		return nil, err
	}
	// Compaction is driven by maintain, where a failure becomes Health.
	s.db.DisableCompactions()
	s.engine = newEngine(o, s.parser, s.registry)
	s.stats.register(s.registry, s)
	if o.Registerer != nil {
		if err := o.Registerer.Register(s.registry); err != nil {
			return nil, errors.Join(fmt.Errorf("store: register measurements: %w", err), s.db.Close())
		}
	}
	go s.run()
	return s, nil
}

func newEngine(o Options, p parser.Parser, reg prometheus.Registerer) *promql.Engine {
	return promql.NewEngine(promql.EngineOpts{
		Logger:               o.Logger,
		Reg:                  reg,
		MaxSamples:           o.MaxQuerySamples,
		Timeout:              o.QueryTimeout,
		ActiveQueryTracker:   newGate(o.MaxQueries),
		EnableAtModifier:     true,
		EnableNegativeOffset: true,
		NoStepSubqueryIntervalFn: func(int64) int64 {
			return time.Minute.Milliseconds()
		},
		Parser: p,
	})
}

// Repaired lists what was moved to quarantine at the start, as paths inside the
// directory of the store.
func (s *Store) Repaired() []string { return append([]string(nil), s.repaired...) }

// Health is nil while samples can be written and the background work succeeds,
// else the last failure as an error with a sentence.
func (s *Store) Health() error {
	for _, p := range []*atomic.Pointer[error]{&s.diskErr, &s.writeErr, &s.maintainErr} {
		if e := p.Load(); e != nil {
			return *e
		}
	}
	return nil
}

// setHealth remembers a failure, or with nil that it is over, and logs the change.
func (s *Store) setHealth(slot *atomic.Pointer[error], err error) {
	if err == nil {
		if slot.Swap(nil) != nil {
			s.opts.Logger.Info("metric store works again")
		}
		return
	}
	if slot.Swap(&err) == nil {
		s.opts.Logger.Error("metric store failed", "error", err)
	}
}

// Close ends queries and background work and closes the files. Later calls
// return the same error; operations after it fail.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		close(s.closing)
		<-s.done
		s.use.Lock()
		s.closed = true
		s.use.Unlock()
		if s.opts.Registerer != nil {
			s.opts.Registerer.Unregister(s.registry)
		}
		s.closeErr = errors.Join(s.engine.Close(), s.db.Close())
	})
	return s.closeErr
}

// begin marks an operation as running; the caller must call s.use.RUnlock when
// it returned true.
func (s *Store) begin() bool {
	s.use.RLock()
	if s.closed {
		s.use.RUnlock()
		return false
	}
	return true
}

// gate limits how many queries run at once.
type gate chan struct{}

func newGate(n int) gate { return make(gate, n) }

func (g gate) GetMaxConcurrent() int { return cap(g) }
func (g gate) Delete(int)            { <-g }
func (g gate) Close() error          { return nil }

func (g gate) Insert(ctx context.Context, _ string) (int, error) {
	select {
	case g <- struct{}{}:
		return 0, nil
	default:
	}
	select {
	case g <- struct{}{}:
		return 0, nil
	case <-ctx.Done():
	}
	const stage = "waiting for a turn"
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return 0, promql.ErrQueryTimeout(stage)
	}
	return 0, promql.ErrQueryCanceled(stage)
}
