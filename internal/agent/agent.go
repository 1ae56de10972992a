package agent

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/agent/checks"
	"github.com/mainstay-ops/mainstay/internal/agent/host"
	"github.com/mainstay-ops/mainstay/internal/agent/identity"
	"github.com/mainstay-ops/mainstay/internal/agent/local"
	"github.com/mainstay-ops/mainstay/internal/agent/logs"
	"github.com/mainstay-ops/mainstay/internal/agent/spool"
	"github.com/mainstay-ops/mainstay/internal/agent/update"
	"github.com/mainstay-ops/mainstay/internal/agent/uplink"
	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
)

// Options of an agent.
type Options struct {
	// Dir holds the identity and the buffer.
	Dir     string
	Version string
	// BufferBytes bounds the buffer on disk.
	BufferBytes int64
	Logger      *slog.Logger
	Now         func() time.Time
	// Local is what the host allows.
	Local local.Config
	// Build lends the probes of checks; without it none runs.
	Build func(c agentwire.Check, timeout time.Duration) (checks.Probe, error)
	// Report, if set, is called once when the server has taken a batch of this run.
	Report func()
}

// Defaults until the server has said what it wants.
const (
	DefaultBuffer    = 512 << 20
	defaultInterval  = 10 * time.Second
	defaultInventory = 10 * time.Minute
	socketsEvery     = time.Minute
	// fullEvery is how often lists are sent that did not change, in case that a batch
	// was dropped.
	fullEvery = time.Hour
)

type agent struct {
	o      Options
	spool  *spool.Spool
	up     *uplink.Uplink
	change chan struct{}

	logs    *logs.Reader
	checks  *checks.Runner
	updates *update.Store
	results chan agentwire.Result
	stop    context.CancelFunc
	ended   <-chan struct{}

	mu       sync.Mutex
	settings agentwire.Settings
	full     bool // a keeping failed: what changed must be said again
	config   agentwire.Config
	self     string
	order    *agentwire.Program
	next     *Next
	reported bool
	// databases are those that were asked last, for figures.
	databases []agentwire.Database
}

// Run runs the agent until ctx ends, or until a new program is there to be tried, which
// the error then is (*Next). Any other error says why it cannot begin.
func Run(ctx context.Context, o Options) error {
	who, err := identity.Load(o.Dir)
	if err != nil {
		return err
	}
	buf, err := spool.Open(filepath.Join(o.Dir, "buffer"), o.BufferBytes, id.New)
	if err != nil {
		return err
	}
	defer buf.Close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	a := &agent{o: o, spool: buf, change: make(chan struct{}, 1), settings: who.Settings, updates: update.Open(o.Dir), results: make(chan agentwire.Result, maxResults), stop: stop, ended: ctx.Done()}
	a.up = uplink.New(o.Dir, who, buf, o.Logger, o.Now, a.heard, a.say)
	if a.logs, err = logs.New(logs.Options{Path: filepath.Join(o.Dir, "logs.json"), Local: o.Local.Logs, Logger: o.Logger, Now: o.Now, Keep: a.keepLines, Kept: buf.Kept}); err != nil {
		return err
	}
	a.checks = checks.New(ctx, checks.Options{Logger: o.Logger, Build: o.Build, Program: o.Local.Program, Found: a.found})
	a.work(a.loadConfig())
	o.Logger.Info("the agent runs", "item", who.Item, "server", who.URL, "version", o.Version, "waiting", buf.Stats().Pending)
	var wg sync.WaitGroup
	wg.Go(func() { a.up.Run(ctx) })
	wg.Go(func() { a.inventory(ctx) })
	wg.Go(func() { a.logs.Run(ctx) })
	wg.Go(func() { a.collect(ctx) })
	wg.Go(func() { a.identify() })
	wg.Go(func() { a.update(ctx) })
	a.figures(ctx)
	wg.Wait()
	a.checks.Wait()
	o.Logger.Info("the agent ends", "waiting", buf.Stats().Pending)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.next != nil {
		return a.next
	}
	return nil
}

// set takes over what the server wants.
func (a *agent) set(s agentwire.Settings) {
	a.mu.Lock()
	changed := s != a.settings
	a.settings = s
	a.mu.Unlock()
	if changed {
		select {
		case a.change <- struct{}{}:
		default:
		}
	}
}

// every gives the interval of figures and that of the inventory, within bounds.
func (a *agent) every() (figures, inventory time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	bound := func(seconds int, def, least time.Duration) time.Duration {
		if seconds <= 0 {
			return def
		}
		return min(max(time.Duration(min(seconds, 86400))*time.Second, least), 24*time.Hour)
	}
	return bound(a.settings.IntervalSeconds, defaultInterval, time.Second), bound(a.settings.InventorySeconds, defaultInventory, time.Minute)
}

// keep writes a batch to the buffer; without place on the disk it is lost and told.
func (a *agent) keep(b *agentwire.Batch) {
	b.Version = a.o.Version
	p, err := uplink.Pack(b)
	if err == nil {
		err = a.spool.Append(p)
	}
	if err != nil {
		a.o.Logger.Error("a reading is lost", "reason", errs.Message(err), "error", err)
		a.mu.Lock()
		a.full = true
		a.mu.Unlock()
	}
}

// figures reads the figures and the processes in the interval.
func (a *agent) figures(ctx context.Context) {
	r := host.NewReader(a.o.Now)
	d, _ := a.every()
	t := time.NewTicker(d)
	defer t.Stop()
	dropped := int64(0)
	for {
		f := r.Figures(ctx)
		ps := r.Processes(ctx, f)
		st, up := a.spool.Stats(), a.up.State()
		f.Add("agent_buffer_bytes", float64(st.Bytes))
		f.Add("agent_buffer_batches", float64(st.Pending))
		f.Add("agent_dropped_batches_total", float64(st.Dropped+up.Refused))
		f.Add("agent_failed_deliveries_total", float64(up.Failures))
		f.Add("agent_clock_skew_seconds", up.Skew.Seconds())
		lg := a.logs.State()
		f.Add("agent_log_lines_total", float64(lg.Lines))
		f.Add("agent_log_behind_bytes", float64(lg.Behind))
		a.databaseFigures(f)
		if st.Dropped > dropped {
			a.o.Logger.Warn("the buffer is full; the oldest readings made room", "batches", st.Dropped-dropped)
			dropped = st.Dropped
		}
		if ctx.Err() == nil { // a reading that was cut short is not whole
			a.keep(&agentwire.Batch{At: f.At, Series: f.Series, Points: f.Points, Processes: ps})
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		case <-a.change:
			if n, _ := a.every(); n != d {
				d = n
				t.Reset(d)
			}
		}
	}
}

// inventory reads ports and connections each minute, everything else in its interval,
// and keeps what changed.
func (a *agent) inventory(ctx context.Context) {
	r := host.NewReader(a.o.Now)
	t := time.NewTicker(socketsEvery)
	defer t.Stop()
	sent := map[string][sha256.Size]byte{}
	var read, full time.Time
	for {
		now := a.o.Now()
		a.mu.Lock()
		again := a.full
		a.full = false
		a.mu.Unlock()
		if again || now.Sub(full).Abs() >= fullEvery {
			clear(sent)
			full, read = now, time.Time{}
		}
		inv := &agentwire.Inventory{At: now.UTC()}
		if _, every := a.every(); now.Sub(read).Abs() >= every {
			inv, read = r.Inventory(ctx), now
		}
		inv.Ports, inv.Connections = r.Sockets(ctx)
		if inv.Ports != nil {
			dbs := host.Databases(ctx, inv.Ports, a.o.Local.Databases)
			a.mu.Lock()
			a.databases = dbs
			a.mu.Unlock()
			inv.Databases = slow(dbs)
		}
		if ctx.Err() == nil && changed(inv, sent) {
			a.keep(&agentwire.Batch{At: inv.At, Inventory: inv})
		}
		if inv.Packages != nil {
			// A list of thousands of packages was in memory and is not needed for an hour.
			debug.FreeOSMemory()
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// changed takes out what was sent before and tells whether something is left.
func changed(inv *agentwire.Inventory, sent map[string][sha256.Size]byte) bool {
	left := false
	if inv.Host != nil && isNew(sent, "host", inv.Host) {
		left = true
	} else {
		inv.Host = nil
	}
	left = list(sent, "packages", &inv.Packages) || left
	left = list(sent, "services", &inv.Services) || left
	left = list(sent, "users", &inv.Users) || left
	left = list(sent, "disks", &inv.Disks) || left
	left = list(sent, "containers", &inv.Containers) || left
	left = list(sent, "ports", &inv.Ports) || left
	left = list(sent, "databases", &inv.Databases) || left
	left = list(sent, "interfaces", &inv.Interfaces) || left
	return list(sent, "connections", &inv.Connections) || left
}

func list[T any](sent map[string][sha256.Size]byte, name string, l *[]T) bool {
	if *l != nil && isNew(sent, name, *l) {
		return true
	}
	*l = nil
	return false
}

func isNew(sent map[string][sha256.Size]byte, name string, v any) bool {
	b, err := json.Marshal(v)
	if err != nil {
		return false
	}
	sum := sha256.Sum256(b)
	if sent[name] == sum {
		return false
	}
	sent[name] = sum
	return true
}
