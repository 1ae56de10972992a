package check

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/spread"
	"github.com/mainstay-ops/mainstay/internal/core/strict"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/observe/check/state"
)

const (
	// minPlacedFreshness lets the silence of an edge be seen before that of its checks.
	minPlacedFreshness = 2 * time.Minute
	// maxAhead is how far in the future a result may seem to begin; the clock of the
	// place is wrong then, and the moment is taken as now.
	maxAhead = 5 * time.Minute
)

// freshness is the limit that the machine uses. Silence is never ok: a check that
// runs elsewhere always has one.
func (s Spec) freshness() time.Duration {
	if s.From == "" || s.Freshness != 0 {
		return s.Freshness.D()
	}
	return max(minPlacedFreshness, 3*s.Every.D()+s.timeout())
}

// found is the newest result of a check from one place.
type found struct {
	status   observe.Status
	start    time.Time
	output   string
	duration time.Duration
}

// places is what is known of edges.
type places struct {
	mu    sync.RWMutex
	all   map[string]observe.Place
	names []string // of the edges that are present, sorted
	reach observe.Places
	// agents reach those that run on hosts.
	agents observe.AgentPlaces
}

const agentPrefix = "agent "

// place names the place of a check that runs on an edge by its name, or on the agent of
// its item.
func (e *entry) place() string {
	if e.from == observe.FromAgent {
		return observe.AgentPlace(*e.host.Load())
	}
	return e.from
}

func (p *places) get(name string) (observe.Place, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	x, ok := p.all[name]
	return x, ok
}

// present names the places that deliver; the slice must not be changed.
func (p *places) present() []string {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.names
}

func (p *places) known() []string {
	p.mu.RLock()
	defer p.mu.RUnlock()
	out := make([]string, 0, len(p.all))
	for n := range p.all {
		if !strings.HasPrefix(n, agentPrefix) {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

// runsAt names the places that run e now.
func (g *Engine) runsAt(e *entry) []string {
	switch {
	case e.from == "" || e.spec.Disabled:
		return nil
	case e.from == observe.FromAll:
		return g.places.known()
	case e.from == observe.FromAny:
		names := g.places.present()
		if len(names) == 0 {
			// An edge that is cut off goes on with what it has.
			names = g.places.known()
		}
		if n := spread.Pick(e.id, names); n != "" {
			return []string{n}
		}
		return nil
	}
	return []string{e.place()}
}

// away says why no result of e can come now; empty when one can.
func (g *Engine) away(e *entry) string {
	switch e.from {
	case "":
		return ""
	case observe.FromAny, observe.FromAll:
		if len(g.places.present()) == 0 {
			return "No edge delivers results."
		}
		return ""
	}
	p, ok := g.places.get(e.place())
	switch {
	case e.from == observe.FromAgent && !ok:
		return fmt.Sprintf("There is no agent on %s.", *e.host.Load())
	case e.from == observe.FromAgent && !p.Present:
		return fmt.Sprintf("The agent on %s %s.", *e.host.Load(), p.Why)
	case !ok:
		return fmt.Sprintf("There is no edge %s.", e.from)
	case !p.Present:
		return fmt.Sprintf("Edge %s %s.", e.from, p.Why)
	}
	return ""
}

// runElsewhere asks the places of e to run it soon.
func (g *Engine) runElsewhere(e *entry) {
	if e.from == observe.FromAgent && g.places.agents != nil {
		g.places.agents.RunOnAgent(e.place(), e.id)
	}
	if g.places.reach == nil || e.from == observe.FromAgent {
		return
	}
	for _, n := range g.runsAt(e) {
		g.places.reach.RunNow(n, e.id)
	}
}

// placedChanged tells edges and agents that what they run may have changed.
func (g *Engine) placedChanged() {
	if g.places.agents != nil {
		g.places.agents.AgentsChanged()
	}
	if g.places.reach != nil {
		g.places.reach.ChecksChanged()
	}
}

// SetPlaces implements observe.PlacedChecks.
func (s *Service) SetPlaces(ps []observe.Place) { s.setPlaces(ps, false) }

// SetAgents implements observe.PlacedChecks.
func (s *Service) SetAgents(ps []observe.Place) { s.setPlaces(ps, true) }

// setPlaces takes over all edges, or all agents.
func (s *Service) setPlaces(ps []observe.Place, agents bool) {
	g := s.engine
	now := map[string]observe.Place{}
	g.places.mu.RLock()
	for n, p := range g.places.all {
		if strings.HasPrefix(n, agentPrefix) != agents {
			now[n] = p
		}
	}
	g.places.mu.RUnlock()
	for _, p := range ps {
		now[p.Name] = p
	}
	var names []string
	for _, p := range now {
		if p.Present && !strings.HasPrefix(p.Name, agentPrefix) {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	g.places.mu.Lock()
	was := g.places.all
	changed := map[string]bool{}
	for n, p := range now {
		if o, ok := was[n]; !ok || o.Present != p.Present {
			changed[n] = true
		}
	}
	for n := range was {
		if _, ok := now[n]; !ok {
			changed[n] = true
		}
	}
	g.places.all, g.places.names = now, names
	g.places.mu.Unlock()
	if len(changed) == 0 {
		return
	}
	moment := time.Now()
	for _, e := range g.list() {
		if e.from == "" || !changed[e.place()] && e.from != observe.FromAny && e.from != observe.FromAll {
			continue
		}
		e.mu.Lock()
		for n := range changed {
			delete(e.found, n) // what it says next is new
		}
		limit := e.cfg.Freshness
		e.mu.Unlock()
		// While the place was away its silence was not that of the check.
		g.schedule(e, dueMissed, moment.Add(limit))
		g.judge(e)
	}
	g.placedChanged()
}

// ChecksFor implements observe.PlacedChecks.
func (s *Service) ChecksFor(place string) []observe.PlacedCheck {
	var out []observe.PlacedCheck
	for _, e := range s.engine.list() {
		if e.from == "" || !slices.Contains(s.engine.runsAt(e), place) {
			continue
		}
		e.mu.Lock()
		spec := e.spec
		e.mu.Unlock()
		if spec.Probe == nil || spec.Type == PassiveType {
			continue
		}
		raw, err := json.Marshal(spec.Probe)
		if err != nil {
			s.d.Logger.Error("a check cannot be given to an edge", "check", e.name, "error", err)
			continue
		}
		c := observe.PlacedCheck{ID: e.id, Name: e.name, Type: spec.Type, Every: spec.Every.D(), RetryEvery: spec.RetryEvery.D(), Timeout: spec.timeout(), Attempts: spec.Attempts, Probe: raw}
		if spec.Volatile {
			c.Attempts = 1
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b observe.PlacedCheck) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// ChecksFrom implements observe.PlacedChecks.
func (s *Service) ChecksFrom(place string) []string {
	var out []string
	for _, e := range s.engine.list() {
		if e.place() == place {
			out = append(out, e.name)
		}
	}
	return out
}

// TakeResults implements observe.PlacedChecks.
func (s *Service) TakeResults(ctx context.Context, place string, rs []observe.PlacedResult) error {
	g := s.engine
	for _, r := range rs {
		g.mu.RLock()
		e := g.byID[r.CheckID]
		g.mu.RUnlock()
		if e == nil || e.spec.Disabled || e.place() != place && e.from != observe.FromAny && e.from != observe.FromAll {
			continue // it was changed meanwhile
		}
		if now := time.Now(); r.Start.After(now.Add(maxAhead)) {
			r.Start = now
		}
		g.executed.Inc()
		g.applyPlaced(e, place, r.Result)
	}
	if err := g.samples.flush(ctx); err != nil {
		return err
	}
	return g.writer.wait(ctx)
}

// applyPlaced puts a result of a place into the machine.
func (g *Engine) applyPlaced(e *entry, place string, r observe.Result) {
	g.samples.add(e, r, place)
	e.mu.Lock()
	old, heard := e.found[place]
	// After a restart it is not known what this place said, and a result that comes
	// again must not count twice.
	again := heard && !r.Start.After(old.start) || !heard && !r.Start.After(e.st.LastStart.Time())
	if again && heard {
		e.mu.Unlock()
		return
	}
	e.found[place] = found{status: r.Status, start: r.Start, output: cut(r.Output, maxOutput), duration: r.Duration}
	e.mu.Unlock()
	if again {
		return
	}
	if e.from == observe.FromAll {
		var ok bool
		if r, ok = g.together(e, place, r); !ok {
			return
		}
	}
	g.apply(e, r, false)
}

// together is the result of a check that runs everywhere, after place found r (rules
// 72 and 73); false when it does not count.
func (g *Engine) together(e *entry, place string, r observe.Result) (observe.Result, bool) {
	here := g.places.present()
	if !slices.Contains(here, place) {
		return r, false // it delivers what it kept: figures of the past
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	oldest := time.Now().Add(-e.cfg.Freshness)
	var failing []string
	worst, heard, text := observe.OK, 0, ""
	for _, n := range here {
		f, ok := e.found[n]
		if !ok || f.start.Before(oldest) {
			continue
		}
		heard++
		if f.status == observe.OK {
			continue
		}
		failing = append(failing, n)
		if f.status.Worse(worst) {
			worst, text = f.status, f.output
		}
	}
	// A failure counts from where it is seen; ok counts when nobody sees another.
	if r.Status == observe.OK && (len(failing) > 0 || heard < len(here)) {
		return r, false
	}
	r.Status = worst
	if len(failing) > 0 {
		r.Output = fmt.Sprintf("Fails from %d of %d edges (%s): %s", len(failing), len(here), strings.Join(failing[:min(len(failing), 5)], ", "), text)
	} else if len(here) > 1 {
		r.Output = fmt.Sprintf("From all %d edges: %s", len(here), r.Output)
	}
	// Places have clocks of their own, so what counts is ordered by its arrival.
	if last := e.st.LastStart.Time(); !r.Start.After(last) && last.Before(time.Now()) {
		r.Start = last.Add(time.Microsecond)
	}
	return r, true
}

// silent says for how long which place gave no result of e. e.mu is held.
func (g *Engine) silent(e *entry) string {
	if e.from == "" {
		return fmt.Sprintf("No result for %s.", e.cfg.Freshness)
	}
	var missing []string
	oldest := time.Now().Add(-e.cfg.Freshness)
	for _, n := range g.runsAt(e) {
		if p, ok := g.places.get(n); ok && p.Present && e.found[n].start.Before(oldest) {
			missing = append(missing, n)
		}
	}
	if e.from == observe.FromAgent {
		return fmt.Sprintf("No result from the agent on %s for %s.", e.item, e.cfg.Freshness)
	}
	if len(missing) == 0 {
		return fmt.Sprintf("No result from an edge for %s.", e.cfg.Freshness)
	}
	return fmt.Sprintf("No result from edge %s for %s.", strings.Join(missing[:min(len(missing), 5)], ", "), e.cfg.Freshness)
}

// placeEdge is the edge as a parent that e has without naming it.
func (g *Engine) placeEdge(e *entry) (state.Edge, bool) {
	if e.from == "" || e.spec.Disabled {
		return state.Edge{}, false
	}
	v := state.Holds
	if g.away(e) != "" {
		v = state.Fails
	}
	if e.from == observe.FromAgent {
		return state.Edge{Parent: e.place(), Value: v}, true
	}
	return state.Edge{Parent: "edge " + e.from, Value: v}, true
}

// checkFrom refuses a place that does not exist.
func (s *Service) checkFrom(spec *Spec) error {
	known := s.engine.places.known()
	switch {
	case spec.From == "":
		return nil
	case spec.From == observe.FromAgent:
		return s.checkAgent(spec)
	case len(known) == 0:
		return errs.Fields(errs.Field{Path: "from", Value: spec.From, Message: "needs an edge, and there is none yet; add one under Observe, Edges"})
	case spec.From == observe.FromAny, spec.From == observe.FromAll, slices.Contains(known, spec.From):
		return nil
	}
	return errs.Fields(errs.Field{Path: "from", Value: spec.From, Message: "is not the name of an edge, nor any, all or agent" + strict.DidYouMean(spec.From, append(known, observe.FromAny, observe.FromAll, observe.FromAgent))})
}

// checkAgent refuses what an agent does not run.
func (s *Service) checkAgent(spec *Spec) error {
	if !slices.Contains(observe.AgentChecks(), spec.Type) {
		return errs.Fields(errs.Field{Path: "from", Value: spec.From, Message: "an agent runs checks of the types " + strings.Join(observe.AgentChecks(), ", ") + " and nothing else; a script is a plugin in a folder that the host allows"})
	}
	if b, err := json.Marshal(spec.Probe); err == nil && spec.Type == "plugin" {
		var p struct{ Env map[string]string }
		if json.Unmarshal(b, &p) == nil && len(p.Env) > 0 {
			return errs.Fields(errs.Field{Path: "plugin.env", Message: "is not taken by an agent: variables can change which program runs"})
		}
	}
	if _, ok := s.engine.places.get(observe.AgentPlace(spec.Item)); !ok {
		return errs.Fields(errs.Field{Path: "from", Value: spec.From, Message: fmt.Sprintf("needs an item with an agent, and %q has none; add it under Estate, Agents", spec.Item)})
	}
	return nil
}

// PlaceView is what one place found last.
type PlaceView struct {
	Name string `json:"name" doc:"Name of the edge; agent and the name of the item for an agent."`
	// State is pending before its first result.
	State  string `json:"state" enum:"ok,warning,critical,unknown,pending,away"`
	Output string `json:"output,omitempty"`
	// At is when the execution began.
	At         *time.Time `json:"at,omitempty"`
	DurationMS float64    `json:"duration_ms,omitempty"`
}

// placeViews shows what each place of e found. e.mu is held.
func (g *Engine) placeViews(e *entry) []PlaceView {
	out := []PlaceView{}
	for _, n := range g.runsAt(e) {
		v := PlaceView{Name: n, State: "pending"}
		if f, ok := e.found[n]; ok {
			at := f.start.UTC()
			v.State, v.Output, v.At, v.DurationMS = f.status.String(), f.output, &at, float64(f.duration.Microseconds())/1000
		}
		if p, ok := g.places.get(n); !ok || !p.Present {
			v.State = "away"
		}
		out = append(out, v)
	}
	return out
}
