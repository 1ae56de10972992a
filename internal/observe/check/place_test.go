package check

import (
	"encoding/json"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/observe/check/state"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

type fakeProbe struct {
	Address string `json:"address"`
	Secret  string `json:"password" secret:"true"`
}

func (*fakeProbe) Validate() error                               { return nil }
func (*fakeProbe) Probe(observe.ProbeEnv) (observe.Probe, error) { panic("must not be built here") }
func (*fakeProbe) Target() string                                { return "" }

func init() {
	observe.RegisterProbe(observe.ProbeType{Name: "place_test", New: func() observe.ProbeConfig { return &fakeProbe{} }})
}

// bench is an engine without a database: what it wants to write is looked at instead.
type bench struct {
	*Service
	t *testing.T
}

func newBench(t *testing.T) *bench {
	g := newEngine(nil, nil, live.NewHub(), testkit.Logger(t), prometheus.NewRegistry(), observe.ProbeEnv{})
	return &bench{Service: &Service{d: module.Deps{Logger: testkit.Logger(t)}, engine: g}, t: t}
}

func (b *bench) add(name, from string) *entry {
	b.t.Helper()
	e := b.engine.build(&row{ID: "id-" + name, Name: name, Type: "place_test", Probe: `{"address":"a","password":"hush"}`, EveryMS: 60_000, RetryMS: 15_000, Attempts: 3, Settings: "{}", Enabled: true, RunFrom: from}, "", nil)
	require.Empty(b.t, e.broken)
	b.engine.byID[e.id], b.engine.byName[name] = e, e
	b.engine.stale.Store(true)
	return e
}

// give applies a result that began ago before now.
func (b *bench) give(e *entry, place string, st observe.Status, ago time.Duration) {
	b.t.Helper()
	b.engine.applyPlaced(e, place, observe.Result{Status: st, Output: st.String() + " here", Start: time.Now().Add(-ago), Duration: time.Millisecond})
}

func (b *bench) places(ps ...string) {
	var out []observe.Place
	for _, p := range ps {
		out = append(out, observe.Place{Name: p, Present: true})
	}
	b.SetPlaces(out)
}

func (b *bench) away(name string) {
	b.SetPlaces([]observe.Place{{Name: name, Why: "is offline"}})
}

// effects takes the effects of a kind that wait to be written.
func (b *bench) effects(k state.EffectKind) []state.Effect {
	var out []state.Effect
	for _, t := range b.engine.writer.queue {
		for _, f := range t.fx {
			if f.Kind == k {
				out = append(out, f)
			}
		}
	}
	return out
}

func (b *bench) kinds() []state.Notice {
	var out []state.Notice
	for _, f := range b.effects(state.Notify) {
		out = append(out, f.Notice)
	}
	return out
}

func TestFromAnEdge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.places("west")
		e := b.add("web", "west")
		require.Nil(t, e.probe, "the server does not run it")
		cs := b.ChecksFor("west")
		require.Len(t, cs, 1)
		require.JSONEq(t, `{"address":"a","password":"hush"}`, string(cs[0].Probe), "the edge needs the secrets")
		require.Empty(t, b.ChecksFor("east"))
		require.Equal(t, []string{"web"}, b.ChecksFrom("west"))

		b.give(e, "west", observe.OK, 0)
		for range 3 {
			time.Sleep(15 * time.Second)
			b.give(e, "west", observe.Critical, 0)
			b.give(e, "west", observe.Critical, 0) // the same again
		}
		require.Equal(t, []state.Notice{state.Problem}, b.kinds())
		require.EqualValues(t, 3, e.st.Attempt)

		require.Equal(t, 190*time.Second, e.cfg.Freshness, "silence is never ok")
		time.Sleep(4 * time.Minute)
		b.engine.deadline(e, dueMissed)
		require.Equal(t, observe.Unknown, e.st.Status)
		require.Equal(t, "No result from edge west for 3m10s.", e.last.Output)
	})
}

// What an edge kept while it was cut off makes history, and pages nobody.
func TestEdgeComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.places("west")
		e, other := b.add("web", "west"), b.add("db", "west")
		b.give(e, "west", observe.OK, 0)
		b.give(other, "west", observe.OK, 0)
		time.Sleep(2 * time.Minute)
		b.away("west")
		require.Equal(t, "unreachable", state.Display(e.st))
		require.Equal(t, "Edge west is offline.", b.engine.noteOf(e).Away)
		time.Sleep(3 * time.Hour)
		b.engine.deadline(e, dueMissed)
		require.Equal(t, observe.OK, e.st.Status, "its silence is that of the edge")

		gone := time.Now().Add(-2 * time.Hour)
		for m := 120; m > 110; m-- {
			b.give(e, "west", observe.Critical, time.Duration(m)*time.Minute)
		}
		b.give(e, "west", observe.OK, 110*time.Minute)
		for m := 20; m >= 0; m-- {
			b.give(other, "west", observe.Critical, time.Duration(m)*time.Minute)
		}
		closed := b.effects(state.ProblemClosed)
		require.Len(t, closed, 1)
		require.Equal(t, gone.UTC(), closed[0].Since.Time(), "the outage has its own times")
		require.Equal(t, gone.Add(10*time.Minute).UTC(), closed[0].At.Time())
		require.Empty(t, b.kinds(), "nobody is paged for the past")

		b.places("west")
		require.Equal(t, "ok", state.Display(e.st))
		require.Empty(t, b.kinds(), "what lasts waits for a result of now")
		time.Sleep(20 * time.Second)
		b.give(e, "west", observe.OK, 0)
		b.give(other, "west", observe.Critical, 0)
		require.Equal(t, []state.Notice{state.Problem}, b.kinds(), "one notice of the present")
	})
}

func TestFromAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.places("east", "north", "west")
		e := b.add("shop", observe.FromAll)
		b.give(e, "east", observe.OK, 0)
		b.give(e, "north", observe.OK, 0)
		require.Equal(t, "pending", state.Display(e.st), "ok only when all have said so")
		b.give(e, "west", observe.OK, 0)
		require.Equal(t, "ok", state.Display(e.st))
		require.Equal(t, "From all 3 edges: ok here", e.last.Output)

		time.Sleep(time.Minute)
		b.give(e, "west", observe.Critical, 0)
		require.Equal(t, "Fails from 1 of 3 edges (west): critical here", e.last.Output)
		b.give(e, "east", observe.OK, 0)
		b.give(e, "north", observe.OK, 0)
		require.EqualValues(t, 1, e.st.Attempt, "ok from elsewhere is no second failure")
		require.Equal(t, "critical", state.Display(e.st), "and no recovery")
		time.Sleep(15 * time.Second)
		b.give(e, "west", observe.Warning, 0)
		b.give(e, "west", observe.Critical, time.Hour) // late
		require.EqualValues(t, 2, e.st.Attempt)
		require.False(t, e.st.Hard)
		time.Sleep(15 * time.Second)
		b.give(e, "west", observe.OK, 0)
		require.Equal(t, "ok", state.Display(e.st))
		require.Empty(t, b.kinds())

		time.Sleep(time.Minute)
		b.give(e, "west", observe.Warning, 3*time.Second)
		b.give(e, "north", observe.Critical, 5*time.Second) // began earlier, came later
		b.give(e, "east", observe.Critical, 4*time.Second)
		require.True(t, e.st.Hard, "three places agree")
		require.Equal(t, observe.Critical, e.st.HardStat)
		require.Equal(t, []state.Notice{state.Problem}, b.kinds())

		b.places("east") // the others went away and are left out
		time.Sleep(time.Minute)
		b.give(e, "west", observe.Critical, 0)
		require.Equal(t, "critical", state.Display(e.st))
		b.give(e, "east", observe.OK, 0)
		require.Equal(t, "ok", state.Display(e.st))
		vs := b.engine.placeViews(e)
		require.Len(t, vs, 1)

		b.SetPlaces(nil)
		require.Equal(t, "unreachable", state.Display(e.st))
	})
}

func TestFromAny(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.places("east", "west")
	for _, n := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		b.add(n, observe.FromAny)
	}
	east, west := b.ChecksFor("east"), b.ChecksFor("west")
	require.Len(t, slices.Concat(east, west), 8, "each runs once")
	require.NotEmpty(t, east)
	require.NotEmpty(t, west)
	b.places("west")
	require.Len(t, b.ChecksFor("west"), 8)
	b.SetPlaces(nil)
	require.Equal(t, "unreachable", state.Display(b.engine.get("a").st))
	require.Equal(t, "No edge delivers results.", b.engine.noteOf(b.engine.get("a")).Away)
}

func TestFromIsChecked(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	require.ErrorContains(t, b.checkFrom(&Spec{From: "any"}), "there is none yet")
	b.places("west")
	require.NoError(t, b.checkFrom(&Spec{From: "west"}))
	require.NoError(t, b.checkFrom(&Spec{From: "all"}))
	require.ErrorContains(t, b.checkFrom(&Spec{From: "wets"}), "did you mean west")
	s := Spec{Name: "x", Type: PassiveType, From: "all"}
	require.ErrorContains(t, s.complete(), "has no meaning for a passive check")
	s.From = "west"
	require.NoError(t, s.complete())
	s = Spec{Name: "x", Type: "place_test", From: "west", Freshness: observe.Duration(time.Minute)}
	require.ErrorContains(t, s.complete(), "at least 2m")
	var v View
	raw, err := json.Marshal(b.engine.noteOf(b.add("y", "west")))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &v))
	require.Equal(t, "west", v.From)
	require.Equal(t, []string{"west"}, v.RunsAt)
}
