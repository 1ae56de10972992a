package rule

import (
	"context"
	"hash/fnv"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/clock"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/detect/rule/eval"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

const (
	// workers ask at the same time.
	workers = 4
	// askWithin ends a question.
	askWithin = 30 * time.Second
	// look is how often it is looked for rules that are due.
	look = time.Second
)

// engine asks the rules that are on, each in its turn.
type engine struct {
	clock   clock.Clock
	logger  *slog.Logger
	metrics observe.Metrics
	append  observe.Appender
	logs    observe.Logs
	// keep writes changes of a rule, unless the rule was changed meanwhile.
	keep func(ctx context.Context, r Rule, version int64, teamID string, cs []eval.Change) error

	mu    sync.Mutex
	rules map[string]*running
	slots chan struct{}
	wait  sync.WaitGroup
}

// running is a rule at work. mu is held while it is asked.
type running struct {
	rule    Rule
	version int64
	teamID  string

	mu      sync.Mutex
	machine *eval.Machine
	// unsaved are changes that could not be written yet.
	unsaved []eval.Change

	// next and busy belong to engine.mu, as does last.
	next time.Time
	busy bool
	last Last
}

// Last is how the last question went.
type Last struct {
	At      time.Time
	Took    time.Duration
	Error   string
	Answers int
}

func newEngine() *engine {
	return &engine{rules: map[string]*running{}, slots: make(chan struct{}, workers)}
}

// set begins or changes a rule; kept are its instances as stored, first is when it is
// asked first.
func (e *engine) set(r Rule, version int64, teamID string, kept []eval.Instance, first time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := &running{rule: r, version: version, teamID: teamID, machine: eval.NewMachine(r.timing(), kept), next: first}
	if old := e.rules[r.Name]; old != nil {
		if old.version > version {
			return // a later change was quicker
		}
		n.last = old.last
	}
	e.rules[r.Name] = n
}

func (e *engine) drop(name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.rules, name)
}

// firstTurn spreads the rules over their period, so that they are not all asked at
// once; a rule keeps its place over restarts.
func firstTurn(r Rule, now time.Time) time.Time {
	h := fnv.New32a()
	_, _ = h.Write([]byte(r.Name))
	every := r.every()
	offset := time.Duration(uint64(h.Sum32()) * uint64(every) >> 32) //nolint:gosec // positive
	at := now.Truncate(every).Add(offset)
	if at.Before(now) {
		at = at.Add(every)
	}
	return at
}

func (e *engine) run(ctx context.Context) {
	t := time.NewTicker(look)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			e.wait.Wait()
			return
		case <-t.C:
			e.round(ctx)
		}
	}
}

func (e *engine) round(ctx context.Context) {
	now := e.clock.Now()
	e.mu.Lock()
	var due []*running
	for _, r := range e.rules {
		if !r.busy && !r.next.After(now) {
			r.busy = true
			due = append(due, r)
		}
	}
	e.mu.Unlock()
	for _, r := range due {
		select {
		case e.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		e.wait.Add(1)
		go func() {
			defer func() { <-e.slots; e.wait.Done() }()
			e.turn(ctx, r)
		}()
	}
}

func (e *engine) turn(ctx context.Context, r *running) {
	at := e.clock.Now()
	last := Last{At: at.UTC()}
	n, err := e.ask(ctx, r, at)
	last.Took, last.Answers = e.clock.Now().Sub(at), n
	if err != nil {
		last.Error = errs.Message(err)
		if ctx.Err() == nil && !errs.Is(err, errs.Invalid) && !errs.Is(err, errs.TooMany) {
			e.logger.Warn("a rule could not be asked", "rule", r.rule.Name, "error", err)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	r.busy, r.last = false, last
	every := r.rule.every()
	for r.next = r.next.Add(every); !r.next.After(at); r.next = r.next.Add(every) {
		if at.Sub(r.next) > 1000*every {
			r.next = firstTurn(r.rule, at)
		}
	}
}

func (e *engine) ask(ctx context.Context, r *running, at time.Time) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	in, err := e.read(ctx, r.rule, at)
	if err != nil {
		return 0, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rule.Record != "" {
		return len(in.Active), e.record(ctx, r.rule, in.Active, at)
	}
	r.unsaved = append(r.unsaved, r.machine.Step(at, in)...)
	if len(r.unsaved) == 0 {
		return len(in.Active), nil
	}
	if err := e.keep(ctx, r.rule, r.version, r.teamID, r.unsaved); err != nil {
		return len(in.Active), err
	}
	r.unsaved = nil
	return len(in.Active), nil
}

func (e *engine) read(ctx context.Context, r Rule, at time.Time) (eval.Reading, error) {
	if r.Logs == "" {
		return r.question().Ask(ctx, e.metrics, at)
	}
	return r.logQuestion().Ask(ctx, e.logs, at)
}

func (e *engine) record(ctx context.Context, r Rule, vs []eval.Value, at time.Time) error {
	samples := make([]observe.Sample, 0, len(vs))
	for _, v := range vs {
		labels := map[string]string{"__name__": r.Record}
		for k, x := range v.Labels {
			labels[k] = x
		}
		for k, x := range r.Labels {
			labels[k] = x
		}
		h, err := e.append.Series("rule/"+r.Name, labels)
		if err != nil {
			return err
		}
		samples = append(samples, observe.Sample{Series: h, At: at, Value: v.Value})
	}
	return e.append.Append(ctx, samples)
}

// state is what a page shows of a rule's work.
func (e *engine) state(name string) (last Last, next time.Time, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.rules[name]
	if r == nil {
		return Last{}, time.Time{}, false
	}
	return r.last, r.next, true
}

// values gives the present value of each instance, by the id that is stored.
func (e *engine) values(name string) map[string]float64 {
	e.mu.Lock()
	r := e.rules[name]
	e.mu.Unlock()
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make(map[string]float64, len(r.machine.Instances))
	for k, i := range r.machine.Instances {
		out[keyID(k)] = i.Value
	}
	return out
}

// health says how many rules cannot be asked.
func (e *engine) health() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	n, one := 0, ""
	for name, r := range e.rules {
		if r.last.Error != "" {
			n++
			if one == "" || name < one {
				one = name
			}
		}
	}
	if n == 0 {
		return nil
	}
	return errs.New(errs.Unavailable, "%s cannot be asked: %s (%s).", plural(n, "rule"), e.rules[one].last.Error, one)
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return strconv.Itoa(n) + " " + word + "s"
}
