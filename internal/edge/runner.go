package edge

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/spread"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

const (
	// Executions at the same time; those that start programs have a bound of their own.
	maxRunning = 512
	maxHeavy   = 16
	// atOnce is how many new checks run at once when they come; more are spread.
	atOnce = 100
	// maxMeasures of one result are kept.
	maxMeasures = 200
	maxTimeout  = 5 * time.Minute
	leastEvery  = 500 * time.Millisecond
)

// runner runs checks, each in its interval.
type runner struct {
	ctx          context.Context
	logger       *slog.Logger
	found        func(edgewire.Result)
	slots, heavy chan struct{}
	wg           sync.WaitGroup

	mu   sync.Mutex
	jobs map[string]*job
}

// job is one check at work.
type job struct {
	c      edgewire.Check
	cancel context.CancelFunc
	kick   chan struct{}
}

func newRunner(ctx context.Context, logger *slog.Logger, found func(edgewire.Result)) *runner {
	return &runner{ctx: ctx, logger: logger, found: found, slots: make(chan struct{}, maxRunning), heavy: make(chan struct{}, maxHeavy), jobs: map[string]*job{}}
}

// set makes c what runs. Checks that did not change go on as they are.
func (r *runner) set(c edgewire.Config) {
	r.mu.Lock()
	defer r.mu.Unlock()
	want := map[string]edgewire.Check{}
	for _, k := range c.Checks {
		want[k.ID] = k
	}
	for id, j := range r.jobs {
		if k, ok := want[id]; !ok || !same(k, j.c) {
			j.cancel()
			delete(r.jobs, id)
		}
	}
	fresh := 0
	for _, id := range slices.Sorted(maps.Keys(want)) {
		if r.jobs[id] != nil {
			continue
		}
		fresh++
		ctx, cancel := context.WithCancel(r.ctx)
		j := &job{c: want[id], cancel: cancel, kick: make(chan struct{}, 1)}
		r.jobs[id] = j
		// Many that begin at once are spread over the interval, at most a minute.
		wait := time.Duration(0)
		if fresh > atOnce {
			wait = spread.Phase(id, min(every(j.c.EveryMS), time.Minute))
		}
		r.wg.Go(func() { r.loop(ctx, j, wait) })
	}
}

func same(a, b edgewire.Check) bool {
	pa, pb := a.Probe, b.Probe
	a.Probe, b.Probe = nil, nil
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y) && bytes.Equal(pa, pb)
}

func every(ms int64) time.Duration {
	return min(max(time.Duration(ms)*time.Millisecond, leastEvery), 31*24*time.Hour)
}

// count is how many checks run.
func (r *runner) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.jobs)
}

// now runs a check soon.
func (r *runner) now(id string) {
	r.mu.Lock()
	j := r.jobs[id]
	r.mu.Unlock()
	if j == nil {
		return
	}
	select {
	case j.kick <- struct{}{}:
	default:
	}
}

// wait returns when nothing runs any more, after the context ended.
func (r *runner) wait() { r.wg.Wait() }

// loop runs one check until ctx ends.
func (r *runner) loop(ctx context.Context, j *job, wait time.Duration) {
	p, err := build(j.c)
	if err != nil {
		r.logger.Error("a check cannot run here", "check", j.c.Name, "error", err)
		p = broken(errs.Message(err))
	}
	slots := r.slots
	if j.c.Type == "plugin" || j.c.Type == "script" {
		slots = r.heavy
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	bad := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		case <-j.kick:
		}
		select {
		case <-ctx.Done():
			return
		case slots <- struct{}{}:
		}
		res := r.execute(ctx, j.c, p)
		<-slots
		if ctx.Err() != nil {
			return // a result that the stop cut short says nothing about the target
		}
		r.found(wire(j.c.ID, res))
		// While the server is not sure yet, the check runs at the retry interval. It is
		// sure after as many results in a row as there are attempts.
		if bad++; res.Status == observe.OK {
			bad = 0
		}
		if bad > 0 && bad < j.c.Attempts {
			t.Reset(every(j.c.RetryMS))
			continue
		}
		now := time.Now()
		t.Reset(spread.Next(j.c.ID, every(j.c.EveryMS), now).Sub(now))
	}
}

// build makes the probe of a check.
func build(c edgewire.Check) (observe.Probe, error) {
	t, ok := observe.ProbeTypeByName(c.Type)
	if !ok {
		return nil, errs.New(errs.Invalid, "This edge has no check type %s. Is its version older than that of the server?", c.Type)
	}
	cfg := t.New()
	if err := json.Unmarshal(c.Probe, cfg); err != nil {
		return nil, errs.Wrap(errs.Invalid, err, "This edge cannot read the configuration of the check. Is its version older than that of the server?")
	}
	return cfg.Probe(observe.ProbeEnv{Timeout: timeout(c), AllowMetadata: c.AllowMeta})
}

func timeout(c edgewire.Check) time.Duration {
	d := time.Duration(c.TimeoutMS) * time.Millisecond
	if d <= 0 {
		d = observe.DefaultProbeTimeout
	}
	return min(d, maxTimeout)
}

// broken is the probe of a check that cannot run here.
type broken string

// Run implements observe.Probe.
func (b broken) Run(context.Context) observe.Result {
	return observe.Result{Status: observe.Unknown, Output: string(b)}
}

func (r *runner) execute(ctx context.Context, c edgewire.Check, p observe.Probe) (res observe.Result) {
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, timeout(c))
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			r.logger.Error("a probe panicked", "check", c.Name, "panic", v, "stack", string(debug.Stack()))
			res = observe.Result{Status: observe.Unknown, Output: "The probe failed inside Mainstay; see the log of the edge."}
		}
		if res.Start.IsZero() {
			res.Start = start
		}
		if res.Duration == 0 {
			res.Duration = time.Since(start)
		}
	}()
	return p.Run(ctx)
}

func wire(id string, r observe.Result) edgewire.Result {
	out := edgewire.Result{
		Check: id, Status: uint8(r.Status), Output: r.Output[:min(len(r.Output), edgewire.MaxOutput)], Detail: r.Detail[:min(len(r.Detail), edgewire.MaxDetail)],
		Start: r.Start.UTC(), DurationNS: r.Duration.Nanoseconds(),
	}
	for _, m := range r.Measures[:min(len(r.Measures), maxMeasures)] {
		if !finite(m.Value) {
			continue // JSON has no word for it, and the batch would be lost
		}
		out.Measures = append(out.Measures, edgewire.Measure{Name: m.Name, Labels: m.Labels, Value: m.Value})
	}
	return out
}
