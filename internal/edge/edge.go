package edge

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mainstay-ops/mainstay/internal/agent/identity"
	"github.com/mainstay-ops/mainstay/internal/agent/spool"
	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
)

// Options of an edge.
type Options struct {
	// Dir holds the identity, the checks and the buffer.
	Dir     string
	Version string
	// BufferBytes bounds the buffer on disk.
	BufferBytes int64
	Logger      *slog.Logger
}

// DefaultBuffer is that of an edge which was told nothing.
const DefaultBuffer = 2 << 30

const (
	// keepEvery is how long results are collected before they go to the disk.
	keepEvery = time.Second
	// fullBatch results go to the disk at once, and polls with fullSamples figures.
	fullBatch   = 2000
	fullSamples = 20_000
)

// Enroll makes this machine an edge of the server at base, see identity.EnrollAt.
func Enroll(ctx context.Context, dir, base string, trust identity.Trust, again bool, in agentwire.EnrollRequest) (*identity.Identity, error) {
	return identity.EnrollAt(ctx, edgewire.EnrollPath, dir, base, trust, again, in)
}

// edge is a running edge.
type edge struct {
	o     Options
	who   *identity.Identity
	spool *spool.Spool
	run   *runner
	// devices are those polled by SNMP.
	devices *devices
	// paths are those measured by traceroute.
	paths *paths
	// ports take what senders of the site say: flows and traps.
	ports *ports
	flows *flows
	traps *traps
	ctx   context.Context
	// sweeps are those under way; current is the connection, nil while there is none.
	sweeps   *sweeps
	captures *captures
	current  atomic.Pointer[link]

	mu      sync.Mutex
	results []edgewire.Result
	polls   []edgewire.Poll
	full    chan struct{}
	lost    int64
}

// Run runs the edge until ctx ends. It returns an error only when it cannot begin.
func Run(ctx context.Context, o Options) error {
	who, err := identity.Load(o.Dir)
	if errs.Is(err, errs.NotFound) {
		return errs.New(errs.NotFound, "This machine is not enrolled as an edge (there is no identity in %s). Run: mainstay edge enroll --url URL --token TOKEN", o.Dir)
	}
	if err != nil {
		return err
	}
	buf, err := spool.Open(filepath.Join(o.Dir, "buffer"), o.BufferBytes, id.New)
	if err != nil {
		return err
	}
	defer buf.Close()
	e := &edge{o: o, who: who, spool: buf, full: make(chan struct{}, 1), ctx: ctx}
	e.sweeps, e.devices, e.paths = newSweeps(e), newDevices(e), newPaths(e)
	e.run = newRunner(ctx, o.Logger, e.found)
	e.ports, e.captures = newPorts(e), newCaptures(e)
	if e.flows, err = newFlows(o.Dir); err != nil {
		o.Logger.Warn("what exporters said of their flows cannot be read; it is learned again", "error", err)
	}
	if e.traps, err = newTraps(o.Dir, who.AgentID, o.Logger, e.append); err != nil {
		return err
	}
	c, err := loadConfig(o.Dir)
	if err != nil {
		o.Logger.Warn("the checks of the last run cannot be read; they are asked for again", "error", err)
	}
	e.set(c)
	for _, m := range Missing() {
		o.Logger.Warn("the edge lacks a capability", "capability", m)
	}
	o.Logger.Info("the edge runs", "edge", who.Item, "server", who.URL, "version", o.Version, "checks", len(c.Checks), "devices", len(c.Devices), "waiting", buf.Stats().Pending)
	var wg sync.WaitGroup
	wg.Go(func() { e.collect(ctx) })
	wg.Go(func() { e.devices.poller.Run(ctx) })
	wg.Go(func() { e.paths.monitor.Run(ctx) })
	wg.Go(func() { e.traps.work(ctx) })
	wg.Go(func() { e.ports.keep(ctx) })
	newUplink(e, c.Revision).work(ctx)
	e.run.wait()
	e.sweeps.wg.Wait()
	e.captures.wg.Wait()
	wg.Wait()
	e.paths.hurry()
	e.keep()
	if err := e.flows.save(time.Now(), true); err != nil {
		o.Logger.Warn("what exporters said of their flows cannot be written", "error", err)
	}
	o.Logger.Info("the edge ends", "waiting", buf.Stats().Pending)
	return nil
}

// set makes c what the edge does.
func (e *edge) set(c edgewire.Config) {
	e.run.set(c)
	e.devices.set(c.Devices)
	e.paths.set(c.Paths)
	e.traps.set(c)
	e.ports.set(c.Receive)
}

// append writes a batch to the buffer.
func (e *edge) append(b *edgewire.Batch) error {
	p, err := pack(b)
	if err == nil {
		err = e.spool.Append(p)
	}
	if err != nil {
		e.mu.Lock()
		e.lost++
		e.mu.Unlock()
	}
	return err
}

// found takes a result.
func (e *edge) found(r edgewire.Result) {
	e.mu.Lock()
	e.results = append(e.results, r)
	n := len(e.results)
	e.mu.Unlock()
	if n == fullBatch {
		select {
		case e.full <- struct{}{}:
		default:
		}
	}
}

// polled takes what a poll gave.
func (e *edge) polled(p edgewire.Poll) {
	e.mu.Lock()
	e.polls = append(e.polls, p)
	e.mu.Unlock()
}

// collect puts what was found into the buffer.
func (e *edge) collect(ctx context.Context) {
	t := time.NewTicker(keepEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		case <-e.full:
		}
		e.keep()
		if err := e.flows.save(time.Now(), false); err != nil {
			e.o.Logger.Warn("what exporters said of their flows cannot be written", "error", err)
		}
	}
}

// keep writes a batch to the buffer; without place on the disk it is lost and counted.
func (e *edge) keep() {
	for {
		e.mu.Lock()
		rs := e.results[:min(len(e.results), fullBatch)]
		e.results = e.results[len(rs):]
		if len(e.results) == 0 {
			e.results = nil
		}
		n, figures := 0, 0
		for n < len(e.polls) && (n == 0 || figures+len(e.polls[n].Samples) <= fullSamples) {
			figures += len(e.polls[n].Samples)
			n++
		}
		ps := e.polls[:n]
		if e.polls = e.polls[n:]; len(e.polls) == 0 {
			e.polls = nil
		}
		e.mu.Unlock()
		ways := e.paths.take(time.Now())
		blocks, records := e.flows.batch()
		if len(rs) == 0 && len(ps) == 0 && len(ways) == 0 && len(blocks) == 0 {
			return
		}
		if err := e.append(&edgewire.Batch{At: time.Now().UTC(), Results: rs, Polls: ps, Paths: ways, Flows: blocks}); err != nil {
			e.o.Logger.Error("results are lost", "results", len(rs), "polls", len(ps), "paths", len(ways), "flows", records, "reason", errs.Message(err), "error", err)
		}
	}
}

// dropped counts batches that never arrive.
func (e *edge) dropped() int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.lost + e.spool.Stats().Dropped
}

// pack writes a batch as it is kept and sent: JSON with gzip.
func pack(b *edgewire.Batch) ([]byte, error) {
	var buf bytes.Buffer
	z, err := gzip.NewWriterLevel(&buf, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	if err := json.NewEncoder(z).Encode(b); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// madeAt tells when a batch was made, without reading its results.
func madeAt(p []byte) (time.Time, error) {
	z, err := gzip.NewReader(bytes.NewReader(p))
	if err != nil {
		return time.Time{}, err
	}
	d := json.NewDecoder(io.LimitReader(z, 1<<10))
	// {"at":"...": the first key of edgewire.Batch.
	for range 2 {
		if _, err := d.Token(); err != nil {
			return time.Time{}, err
		}
	}
	var at time.Time
	return at, d.Decode(&at)
}
