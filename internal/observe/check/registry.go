package check

import (
	"context"
	"encoding/json"
	"maps"
	"net/url"
	"reflect"
	"sort"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/secret"
	"github.com/mainstay-ops/mainstay/internal/core/spread"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/observe/check/state"
)

func typeOf(cfg observe.ProbeConfig) reflect.Type {
	return reflect.Indirect(reflect.ValueOf(cfg)).Type()
}

func checkURL(name string) string { return "/observe/checks/" + url.PathEscape(name) }

// load reads all checks and their states before the engine starts.
func (g *Engine) load(ctx context.Context, items map[string]string, box *secret.Box) error {
	var rows []row
	if err := g.db.Reader().NewSelect().Model(&rows).OrderExpr("name").Scan(ctx); err != nil {
		return err
	}
	var saved []savedState
	if err := g.db.Reader().NewRaw("SELECT check_id, state, result, first_at, updated_at FROM check_states").Scan(ctx, &saved); err != nil {
		return err
	}
	byID := make(map[string]savedState, len(saved))
	for _, s := range saved {
		byID[s.CheckID] = s
	}
	now := time.Now()
	for i := range rows {
		e := g.build(&rows[i], items[rows[i].ItemID], box)
		if s, ok := byID[e.id]; ok {
			if err := json.Unmarshal([]byte(s.State), &e.st); err != nil {
				g.logger.Error("a saved check state cannot be read; it begins anew", "check", e.name, "error", err)
				e.st = state.State{}
			}
			_ = json.Unmarshal([]byte(s.Result), &e.last)
			e.first = s.FirstAt.UTC()
		}
		g.byID[e.id], g.byName[e.name] = e, e
	}
	g.stale.Store(true)
	for _, e := range g.list() {
		if e.probe != nil {
			// The first runs after a start are spread over the interval, at most a
			// minute: a restart must not hit every target at once.
			every := min(e.spec.Every.D(), time.Minute)
			if e.st.ProblemID != "" && !e.st.Hard {
				every = min(every, e.spec.RetryEvery.D())
			}
			g.schedule(e, dueRun, now.Add(spread.Phase(e.id, max(every, time.Millisecond))))
		}
		g.resume(e, now)
	}
	return nil
}

// resume asks again for what e waits for: after a start, and when a changed check
// takes the place of its old entry, whose moments went with it.
func (g *Engine) resume(e *entry, now time.Time) {
	e.mu.Lock()
	if !e.st.Known {
		e.mu.Unlock()
		return
	}
	var fx []state.Effect
	e.st, fx = state.Step(e.cfg, e.st, state.Event{Kind: state.Restart}, now)
	limit, off := e.cfg.Freshness, e.spec.Disabled
	e.mu.Unlock()
	g.follow(e, fx, now)
	if limit > 0 && !off {
		// The program was down, or the limit is new: silence until now is not the
		// source's (rule 62), so the limit begins anew.
		g.schedule(e, dueMissed, now.Add(limit))
	}
}

// build makes an entry; a check that cannot be built is shown as broken and does
// not stop the others.
func (g *Engine) build(r *row, item string, box *secret.Box) *entry {
	e := &entry{id: r.ID, name: r.Name, itemID: r.ItemID, item: item, target: r.Target, from: r.RunFrom, found: map[string]found{}, version: r.Version, createdAt: r.CreatedAt}
	e.team.Store(&r.TeamID)
	e.host.Store(&item)
	spec, err := r.spec(box, item)
	e.spec, e.cfg = spec, spec.machine()
	e.heavy = r.Type == "plugin" || r.Type == "script"
	if err == nil && r.Enabled && spec.Probe != nil && r.RunFrom == "" && !observe.Waits(spec.Probe) {
		env := g.env
		env.Timeout = spec.timeout()
		e.probe, err = spec.Probe.Probe(env)
	}
	if err != nil {
		e.broken = err.Error()
		g.logger.Error("a check cannot run", "check", r.Name, "error", err)
	}
	return e
}

// put takes a saved check into the engine.
func (g *Engine) put(r *row, item string, box *secret.Box, fresh bool) {
	e := g.build(r, item, box)
	g.mu.Lock()
	old := g.byID[e.id]
	if old != nil {
		old.mu.Lock()
		e.st, e.last, e.first = old.st, old.last, old.first
		if old.from == e.from {
			e.found = maps.Clone(old.found)
		}
		old.removed = true
		old.mu.Unlock()
	}
	g.byID[e.id], g.byName[e.name] = e, e
	g.mu.Unlock()
	if old != nil {
		g.cancel(old)
		if g.appender != nil && (old.item != e.item || old.spec.Type != e.spec.Type) {
			g.appender.Forget("check/" + e.id)
		}
	}
	g.relink()
	switch {
	case e.spec.Disabled:
		// Nothing will say that it is ok again (rule 63): its problem ends here.
		g.step(e, state.Event{Kind: state.Removed})
	default:
		g.resume(e, time.Now())
		if !fresh {
			g.step(e, state.Event{Kind: state.ConfigChange})
		}
	}
	if e.probe != nil {
		g.schedule(e, dueRun, g.firstRun(e))
	}
	if e.from != "" || old != nil && old.from != "" {
		g.placedChanged()
	}
	g.live.Send(live.Note{Topic: "checks", Kind: "changed", ID: e.name, Data: g.noteOf(e)})
}

func (g *Engine) remove(id string) {
	g.mu.Lock()
	e := g.byID[id]
	if e == nil {
		g.mu.Unlock()
		return
	}
	delete(g.byID, id)
	delete(g.byName, e.name)
	g.mu.Unlock()
	e.mu.Lock()
	e.removed = true
	e.mu.Unlock()
	g.cancel(e)
	if g.appender != nil {
		g.appender.Forget("check/" + id)
	}
	g.relink()
	if e.from != "" {
		g.placedChanged()
	}
	g.live.Send(live.Note{Topic: "checks", Kind: "removed", ID: e.name})
}

// firstRun of a new check is now, unless hundreds were added in this second: then
// they are spread over their interval, as after a restart.
func (g *Engine) firstRun(e *entry) time.Time {
	now := time.Now()
	if g.fresh.allow(now) {
		return now
	}
	return now.Add(spread.Phase(e.id, min(e.spec.Every.D(), time.Minute)))
}

// relink asks for the list and the parents to be worked out again. Thousands of
// checks may change in one transaction; they cost one pass, not one each.
func (g *Engine) relink() {
	g.stale.Store(true)
	select {
	case g.relinkC <- struct{}{}:
	default:
	}
}

// linker works out parents and judges children after changes.
func (g *Engine) linker() {
	defer g.wg.Done()
	for {
		select {
		case <-g.ctx.Done():
			return
		case <-g.relinkC:
		}
		for _, e := range g.list() {
			if len(e.spec.Parents)+len(e.spec.AnyParent) > 0 || e.from != "" {
				g.judge(e)
			}
		}
	}
}

// link sorts the list and joins parents and children again.
func (g *Engine) link() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.stale.Swap(false) {
		return // somebody else did it meanwhile
	}
	list := make([]*entry, 0, len(g.byName))
	for _, e := range g.byName {
		list = append(list, e)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].name < list[j].name })
	children := map[*entry][]*entry{}
	find := func(names []string, child *entry) []*entry {
		var out []*entry
		for _, n := range names {
			if p := g.byName[n]; p != nil {
				out = append(out, p)
				children[p] = append(children[p], child)
			}
		}
		return out
	}
	for _, e := range list {
		p, a := find(e.spec.Parents, e), find(e.spec.AnyParent, e)
		e.mu.Lock()
		e.parents, e.anyOf = p, a
		e.mu.Unlock()
	}
	for _, e := range list {
		e.mu.Lock()
		e.children = children[e]
		e.mu.Unlock()
	}
	g.sorted = list
}

// list is all checks by name; the slice must not be changed.
func (g *Engine) list() []*entry {
	if g.stale.Load() {
		g.link()
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.sorted
}

func (g *Engine) names() []string {
	l := g.list()
	out := make([]string, len(l))
	for i, e := range l {
		out[i] = e.name
	}
	return out
}

// rename tells the checks of an item its new name.
func (g *Engine) rename(itemID, name, teamID string) {
	for _, e := range g.list() {
		if e.itemID == itemID {
			e.team.Store(&teamID)
			e.host.Store(&name)
			e.mu.Lock()
			if e.item != name {
				e.item, e.spec.Item, e.series = name, name, nil
			}
			e.mu.Unlock()
		}
	}
}
