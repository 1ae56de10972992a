package check

import (
	"context"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/spread"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/observe/check/state"
)

func newID() string { return id.New() }

const (
	// Executions at the same time; those that start programs have a bound of
	// their own.
	maxRunning = 1024
	maxHeavy   = 32
	maxOutput  = 2048
	maxDetail  = 16 << 10
)

// entry is one check at work.
type entry struct {
	id, name       string
	itemID         string
	team           atomic.Pointer[string] // the owner's id; it may change with the item
	host           atomic.Pointer[string] // name of the item, for the place
	pos            [dueKinds]int32        // place in the queue, from 1; guarded by Engine.qmu
	dead           bool                   // never queued again; guarded by Engine.qmu
	heavy          bool
	from           string // as in Spec; never changes
	running        bool
	removed        bool
	mu             sync.Mutex
	item           string
	spec           Spec
	target         string
	version        int64
	createdAt      time.Time
	cfg            state.Config
	probe          observe.Probe
	st             state.State
	last           lastResult
	first          time.Time
	parents, anyOf []*entry
	children       []*entry
	series         []series
	found          map[string]found // by place, when it runs elsewhere
	broken         string           // why the check cannot run
}

// Engine runs checks.
type Engine struct {
	db     *db.DB
	events *event.Log
	live   *live.Hub
	logger *slog.Logger
	env    observe.ProbeEnv
	// failing is called with the id of a check before a result of it that is not ok
	// counts.
	failing func(checkID string)

	appender observe.Appender

	mu      sync.RWMutex
	byID    map[string]*entry
	byName  map[string]*entry
	sorted  []*entry // by name; replaced, never changed in place
	stale   atomic.Bool
	relinkC chan struct{}

	epoch time.Time // due moments count from here
	qmu   sync.Mutex
	q     queue
	kick  chan struct{}

	slots, heavySlots chan struct{}
	ctx               context.Context
	stop              context.CancelFunc
	wg                sync.WaitGroup // all but the writer
	written           sync.WaitGroup // the writer
	writer            *writer
	samples           *samples
	notes             throttle
	fresh             throttle
	lost              throttle
	places            places

	late     prometheus.Histogram
	executed prometheus.Counter
}

func newEngine(d *db.DB, ev *event.Log, hub *live.Hub, logger *slog.Logger, reg prometheus.Registerer, env observe.ProbeEnv) *Engine {
	g := &Engine{
		db: d, events: ev, live: hub, logger: logger, env: env, byID: map[string]*entry{}, byName: map[string]*entry{}, epoch: time.Now(), kick: make(chan struct{}, 1), relinkC: make(chan struct{}, 1),
		slots: make(chan struct{}, maxRunning), heavySlots: make(chan struct{}, maxHeavy),
		failing:  func(string) {},
		late:     prometheus.NewHistogram(prometheus.HistogramOpts{Name: "mainstay_check_lateness_seconds", Help: "How long after its moment a check began.", Buckets: []float64{.001, .01, .05, .1, .25, .5, 1, 2, 5}}),
		executed: prometheus.NewCounter(prometheus.CounterOpts{Name: "mainstay_check_executions_total", Help: "Executions of checks."}),
	}
	reg.MustRegister(g.late, g.executed)
	g.ctx, g.stop = context.WithCancel(context.Background())
	g.writer = newWriter(g)
	g.samples = &samples{g: g}
	return g
}

func (g *Engine) start() {
	g.wg.Add(3)
	g.written.Add(1)
	go g.loop()
	go g.linker()
	go g.writer.run()
	go g.samples.run()
}

// halt stops scheduling, waits for what runs and writes what remains.
func (g *Engine) halt() {
	g.stop()
	g.wg.Wait()
	g.writer.close()
	g.written.Wait()
}

// execute runs the probe of e once and applies the result.
func (g *Engine) execute(e *entry) {
	if e.from != "" {
		g.runElsewhere(e)
		return
	}
	e.mu.Lock()
	if e.removed || e.running || e.probe == nil {
		e.mu.Unlock()
		return
	}
	e.running = true
	probe, limit := e.probe, e.spec.timeout()
	e.mu.Unlock()
	start := time.Now()
	res := g.guarded(probe, limit)
	if res.Start.IsZero() {
		res.Start = start
	}
	if res.Duration == 0 {
		res.Duration = time.Since(start)
	}
	g.executed.Inc()
	e.mu.Lock()
	e.running = false
	e.mu.Unlock()
	if g.ctx.Err() != nil {
		return // a result that the stop cut short says nothing about the target
	}
	g.samples.add(e, res, "")
	g.apply(e, res, true)
}

func (g *Engine) guarded(p observe.Probe, limit time.Duration) (res observe.Result) {
	ctx, cancel := context.WithTimeout(g.ctx, limit)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			g.logger.Error("a probe panicked", "panic", v, "stack", string(debug.Stack()))
			res = observe.Result{Status: observe.Unknown, Output: "The probe failed inside Mainstay; see its log."}
		}
	}()
	return p.Run(ctx)
}

// apply puts a result into the state machine. active says that the engine ran the
// probe itself and schedules the next run.
func (g *Engine) apply(e *entry, res observe.Result, active bool) {
	now := time.Now()
	ev := state.Event{Kind: state.Result, Status: res.Status & 3, Start: res.Start}
	if ev.Status != observe.OK {
		g.failing(e.id)
	}
	e.mu.Lock()
	if e.removed {
		e.mu.Unlock()
		return
	}
	if ev.Status != observe.OK {
		ev.NewID = newID()
	}
	before := e.st
	var fx []state.Effect
	e.st, fx = state.Step(e.cfg, e.st, ev, now)
	if e.st.LastStart != before.LastStart || e.first.IsZero() {
		e.last = lastResult{At: res.Start.UTC().Truncate(time.Microsecond), Output: cut(res.Output, maxOutput), Detail: cut(res.Detail, maxDetail), DurationMS: float64(res.Duration.Microseconds()) / 1000}
	}
	firstEver := e.first.IsZero()
	if firstEver {
		e.first = res.Start.UTC().Truncate(time.Microsecond)
	}
	again := e.spec.Every.D()
	if e.st.ProblemID != "" && !e.st.Hard {
		again = e.spec.RetryEvery.D()
	}
	// A place is told that its results are kept, so attempts must be kept as well.
	counted := e.from != "" && e.st.Attempt != before.Attempt
	if len(fx) > 0 || firstEver || counted {
		g.enqueue(e, before, fx, now)
	}
	fresh := e.cfg.Freshness
	waiting := e.st.ConfirmBy != 0
	children := e.children
	e.mu.Unlock()

	if active {
		at := now.Add(again)
		if again == e.spec.Every.D() {
			at = spread.Next(e.id, again, now)
		}
		g.schedule(e, dueRun, at)
	}
	if fresh > 0 {
		g.schedule(e, dueMissed, now.Add(fresh+time.Millisecond))
	}
	g.follow(e, fx, now)
	if stateChanged(fx) {
		g.tellChange(e)
	} else if g.live.Wanted("checks") && g.notes.allow(now) {
		g.live.Send(live.Note{Topic: "checks", Kind: "result", ID: e.name, Data: g.noteOf(e)})
	}
	if waiting {
		g.judge(e)
	}
	for _, c := range children {
		g.judge(c)
	}
}

// tellChange tells browsers that e looks different.
func (g *Engine) tellChange(e *entry) {
	if !g.live.Wanted("checks") && !g.live.Wanted("items") {
		return
	}
	v := g.noteOf(e)
	g.live.Send(live.Note{Topic: "checks", Kind: "changed", ID: e.name, Data: v})
	if v.Item != "" {
		g.live.Send(live.Note{Topic: "items", Kind: "state", ID: v.Item})
	}
}

func stateChanged(fx []state.Effect) bool {
	for _, f := range fx {
		if f.Kind == state.StateChanged {
			return true
		}
	}
	return false
}

// step applies an event other than a result.
func (g *Engine) step(e *entry, ev state.Event) {
	now := time.Now()
	e.mu.Lock()
	if e.removed {
		e.mu.Unlock()
		return
	}
	old := e.st
	var fx []state.Effect
	e.st, fx = state.Step(e.cfg, e.st, ev, now)
	changed := e.st != old
	if len(fx) > 0 || changed {
		g.enqueue(e, old, fx, now)
	}
	shown := state.Display(e.st) != state.Display(old)
	children := e.children
	e.mu.Unlock()
	g.follow(e, fx, now)
	if shown || stateChanged(fx) {
		g.tellChange(e)
		for _, c := range children {
			g.judge(c)
		}
	}
}

func (e *entry) snapshot() state.State {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.st
}

// follow does what effects ask for beyond storing and telling.
func (g *Engine) follow(e *entry, fx []state.Effect, now time.Time) {
	for _, f := range fx {
		switch f.Kind {
		case state.CheckNow:
			at := f.At.Time()
			if at.Before(now) {
				at = now
			}
			g.schedule(e, dueRun, now.Add(at.Sub(now)))
		case state.Deadline:
			g.schedule(e, dueTick, now.Add(max(0, f.At.Time().Sub(now))+time.Millisecond))
		case state.RecheckParents:
			e.mu.Lock()
			parents := slices.Concat(e.parents, e.anyOf)
			e.mu.Unlock()
			for _, p := range parents {
				p.mu.Lock()
				stale := p.st.LastStart < f.Since
				p.mu.Unlock()
				if stale {
					g.schedule(p, dueRun, now)
				}
			}
		}
	}
}

// deadline is reached: the machine looks at the time.
func (g *Engine) deadline(e *entry, k dueKind) {
	if k == dueTick {
		g.step(e, state.Event{Kind: state.Tick})
		g.judge(e)
		return
	}
	if g.away(e) != "" {
		return // it begins anew when the place is back
	}
	e.mu.Lock()
	known := e.st.Known
	if known {
		e.last.Output = g.silent(e)
	}
	e.mu.Unlock()
	if known {
		g.failing(e.id)
		g.step(e, state.Event{Kind: state.Missed, NewID: newID()})
	}
}

// judge works out whether e can be judged at all, from what its parents are now.
func (g *Engine) judge(e *entry) {
	e.mu.Lock()
	parents, anyOf, firstBad, was, confirmed, problem := e.parents, e.anyOf, e.st.FirstBad, e.st.Reach, e.st.Confirmed, e.st.ProblemID != ""
	removed := e.removed
	e.mu.Unlock()
	place, placed := g.placeEdge(e)
	if removed || len(parents)+len(anyOf) == 0 && was == state.Reachable && !placed {
		return // without parents, only one whose parents were deleted has to be freed
	}
	var edges []state.Edge
	well := true
	look := func(p *entry, group string) {
		p.mu.Lock()
		defer p.mu.Unlock()
		v := state.Holds
		switch {
		case p.removed || !p.st.Known:
			v = state.Irrelevant
		case p.st.Reach != state.Reachable:
			v = state.ParentUnreachable
		case p.st.Hard && (p.st.HardStat == observe.Critical || p.st.HardStat == observe.Unknown):
			v = state.Fails
		}
		// A parent that fails softly is neither well nor failed: its retries decide.
		if v != state.Irrelevant && (p.st.LastStart <= firstBad || p.st.Status == observe.Critical || p.st.Status == observe.Unknown) {
			well = false
		}
		edges = append(edges, state.Edge{Parent: p.name, Group: group, Value: v})
	}
	for _, p := range parents {
		look(p, "")
	}
	for _, p := range anyOf {
		look(p, "any")
	}
	if placed {
		edges = append(edges, place)
	}
	reach, _ := state.Reachability(edges)
	if reach == was && !(problem && well && !confirmed) {
		return
	}
	g.step(e, state.Event{Kind: state.ParentChange, Reach: reach, Confirmed: problem && well && reach == state.Reachable})
}

func (g *Engine) get(name string) *entry {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.byName[name]
}
