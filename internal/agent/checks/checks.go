// Package checks runs on the host the checks that the server gives to its agent. What a
// check measures is not known here: who makes the agent lends it the probes.
package checks

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/spread"
)

const (
	maxRunning = 8
	maxTimeout = 5 * time.Minute
	leastEvery = time.Second
	// atOnce is how many new checks run at once when they come; more are spread.
	atOnce = 20
)

// Probe is one configured check. It returns soon after ctx ends.
type Probe func(ctx context.Context) agentwire.Result

// Options of a runner.
type Options struct {
	Logger *slog.Logger
	// Build makes the probe of a check.
	Build func(c agentwire.Check, timeout time.Duration) (Probe, error)
	// Program tells where the program of a plugin really is, or why it may not run.
	Program func(path string) (string, error)
	// Found hears each result.
	Found func(agentwire.Result)
}

// Runner runs checks, each in its interval.
type Runner struct {
	ctx   context.Context
	o     Options
	slots chan struct{}
	wg    sync.WaitGroup

	mu   sync.Mutex
	jobs map[string]*job
}

type job struct {
	c      agentwire.Check
	cancel context.CancelFunc
	kick   chan struct{}
}

// New makes a runner that works until ctx ends.
func New(ctx context.Context, o Options) *Runner {
	return &Runner{ctx: ctx, o: o, slots: make(chan struct{}, maxRunning), jobs: map[string]*job{}}
}

// Set makes cs what runs. Checks that did not change go on as they are.
func (r *Runner) Set(cs []agentwire.Check) {
	r.mu.Lock()
	defer r.mu.Unlock()
	want := map[string]agentwire.Check{}
	for _, c := range cs[:min(len(cs), agentwire.MaxChecks)] {
		want[c.ID] = c
	}
	for id, j := range r.jobs {
		if c, ok := want[id]; !ok || !same(c, j.c) {
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
		wait := time.Duration(0)
		if fresh > atOnce {
			wait = spread.Phase(id, min(every(j.c.EveryMS), time.Minute))
		}
		r.wg.Go(func() { r.loop(ctx, j, wait) })
	}
}

// Now runs checks soon.
func (r *Runner) Now(ids []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range ids {
		if j := r.jobs[id]; j != nil {
			select {
			case j.kick <- struct{}{}:
			default:
			}
		}
	}
}

func same(a, b agentwire.Check) bool {
	pa, pb := a.Probe, b.Probe
	a.Probe, b.Probe = nil, nil
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y) && bytes.Equal(pa, pb)
}

// Wait returns when nothing runs any more, after the context ended.
func (r *Runner) Wait() { r.wg.Wait() }

func every(ms int64) time.Duration {
	return min(max(time.Duration(min(ms, 1<<40))*time.Millisecond, leastEvery), 31*24*time.Hour)
}

func timeout(c agentwire.Check) time.Duration {
	d := time.Duration(min(c.TimeoutMS, 1<<40)) * time.Millisecond
	if d <= 0 {
		d = 10 * time.Second
	}
	return min(d, maxTimeout)
}

// loop runs one check until ctx ends.
func (r *Runner) loop(ctx context.Context, j *job, wait time.Duration) {
	c := j.c
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
		case r.slots <- struct{}{}:
		}
		res := r.execute(ctx, c)
		<-r.slots
		if ctx.Err() != nil {
			return // a result that the stop cut short says nothing about the host
		}
		r.o.Found(res)
		// While the server is not sure yet, the check runs at the retry interval.
		if bad++; res.Status == 0 {
			bad = 0
		}
		if bad > 0 && bad < c.Attempts {
			t.Reset(every(c.RetryMS))
			continue
		}
		now := time.Now()
		t.Reset(spread.Next(c.ID, every(c.EveryMS), now).Sub(now))
	}
}

// execute runs a check once. Whether its program may run is asked each time: the host
// may have changed.
func (r *Runner) execute(ctx context.Context, c agentwire.Check) (res agentwire.Result) {
	start := time.Now()
	limit := timeout(c)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			r.o.Logger.Error("a probe panicked", "check", c.Name, "panic", v, "stack", string(debug.Stack()))
			res = agentwire.Result{Status: 3, Output: "The probe failed inside Mainstay; see the log of the agent."}
		}
		res.Check = c.ID
		if res.Start.IsZero() {
			res.Start = start
		}
		res.Start = res.Start.UTC()
		if res.DurationNS <= 0 {
			res.DurationNS = time.Since(start).Nanoseconds()
		}
		res.Output, res.Detail = res.Output[:min(len(res.Output), agentwire.MaxOutput)], res.Detail[:min(len(res.Detail), agentwire.MaxDetail)]
		res.Measures = slices.DeleteFunc(res.Measures[:min(len(res.Measures), agentwire.MaxMeasures)], func(m agentwire.Measure) bool {
			return math.IsNaN(m.Value) || math.IsInf(m.Value, 0) // JSON has no word for it
		})
	}()
	c, err := r.allowed(c)
	if err != nil {
		return agentwire.Result{Status: 3, Output: errs.Message(err)}
	}
	p, err := r.o.Build(c, limit)
	if err != nil {
		return agentwire.Result{Status: 3, Output: errs.Message(err)}
	}
	return p(ctx)
}

// allowed refuses what this host does not allow, whatever the server says.
func (r *Runner) allowed(c agentwire.Check) (agentwire.Check, error) {
	switch c.Type {
	case "disk", "process":
		return c, nil
	case "plugin":
	default:
		return c, errs.New(errs.Forbidden, "An agent runs no checks of the type %s.", c.Type)
	}
	var p struct {
		Command []string        `json:"command"`
		Env     json.RawMessage `json:"env,omitempty"`
		Timeout json.RawMessage `json:"timeout,omitempty"`
	}
	d := json.NewDecoder(bytes.NewReader(c.Probe))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil || len(p.Command) == 0 {
		return c, errs.New(errs.Invalid, "The agent cannot read the configuration of the check. Is its version older than that of the server?")
	}
	if s := string(p.Env); s != "" && s != "null" && s != "{}" {
		return c, errs.New(errs.Forbidden, "The agent takes no environment variables from the server: they can change which program runs.")
	}
	real, err := r.o.Program(p.Command[0])
	if err != nil {
		return c, err
	}
	p.Command[0], p.Env = real, nil
	if c.Probe, err = json.Marshal(p); err != nil {
		return c, fmt.Errorf("checks: %w", err)
	}
	return c, nil
}
