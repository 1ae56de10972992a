package state

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

// words is what a step says, in the words of the model.
func words(fx []Effect) []string {
	var out []string
	for _, e := range fx {
		switch {
		case e.Kind == ProblemOpened:
			out = append(out, "opened "+e.ProblemID)
		case e.Kind == ProblemClosed:
			out = append(out, "closed "+e.ProblemID)
		case e.Kind == StateChanged && e.Hard:
			out = append(out, fmt.Sprintf("hard %s>%s", e.From, e.To))
		case line(e) != "":
			out = append(out, line(e))
		}
	}
	return out
}

func drawConfig(t *rapid.T) Config {
	c := Defaults()
	c.Attempts = rapid.IntRange(1, 3).Draw(t, "attempts")
	c.Volatile = rapid.IntRange(0, 3).Draw(t, "volatile") == 0
	c.Flapping = rapid.Bool().Draw(t, "flapping")
	c.Parents = rapid.Bool().Draw(t, "parents")
	c.Freshness = time.Duration(rapid.IntRange(0, 1).Draw(t, "freshness")) * time.Minute
	c.Grace = time.Duration(rapid.IntRange(0, 1).Draw(t, "grace")) * 10 * time.Second
	return c
}

// drawEvent gives results more often than all else, or nothing would get hard.
func drawEvent(t *rapid.T, n int, problem string, now time.Time) Event {
	kinds := []EventKind{
		Missed, NoData, ParentChange, ParentChange, DowntimeStart, DowntimeEnd, AckSet, AckCleared,
		SilenceOn, SilenceOff, NotificationsOff, NotificationsOn, ConfigChange, Restart, Tick,
	}
	ev := Event{NewID: fmt.Sprintf("p%d", n)}
	if rapid.IntRange(0, 2).Draw(t, "result") > 0 {
		ev.Status = observe.Status(rapid.SampledFrom([]int{0, 0, 0, 1, 2, 2, 2, 3}).Draw(t, "status"))
		ev.Start = now.Add(rapid.SampledFrom([]time.Duration{0, 0, 0, -15 * time.Second, 40 * time.Second}).Draw(t, "start"))
		return ev
	}
	ev.Kind = rapid.SampledFrom(kinds).Draw(t, "kind")
	ev.Reach = Reach(rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "reach"))
	ev.Confirmed = rapid.Bool().Draw(t, "confirmed")
	if ev.Kind == AckSet {
		ev.ProblemID = rapid.SampledFrom([]string{problem, problem, "other"}).Draw(t, "acknowledged")
		ev.Ack = Ack(rapid.IntRange(1, 2).Draw(t, "ack"))
		if rapid.Bool().Draw(t, "until") {
			ev.Until = now.Add(time.Minute)
		}
	}
	return ev
}

// TestAgainstModel checks the properties of rule 68 after every step of any story.
func TestAgainstModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cfg := drawConfig(t)
		m := &model{cfg: cfg, forced: map[int]bool{}}
		s, now := State{}, time.Unix(1_000_000, 0).UTC()
		opened, closed, told := map[string]bool{}, map[string]bool{}, map[string]bool{}
		apply := func(ev Event) []string {
			next, fx := Step(cfg, s, ev, now)
			again, fx2 := Step(cfg, s, ev, now)
			require.Equal(t, next, again)
			require.Equal(t, fx, fx2)
			s = next
			got := words(fx)
			require.Equal(t, m.step(ev, now), got, "event %+v", ev)
			for _, e := range fx {
				switch {
				case e.Kind == ProblemOpened:
					require.False(t, opened[e.ProblemID], "an id is used once")
					opened[e.ProblemID] = true
				case e.Kind == ProblemClosed:
					require.True(t, opened[e.ProblemID] && !closed[e.ProblemID], "closed once")
					closed[e.ProblemID] = true
				case e.Kind == Notify && e.Notice == Problem:
					told[e.ProblemID] = true
					require.NotEmpty(t, e.ProblemID)
				case e.Kind == Notify && e.Notice == Recovery:
					require.True(t, told[e.ProblemID], "no recovery without a told problem")
					delete(told, e.ProblemID)
				}
				if e.Replaces != "" {
					require.True(t, told[e.Replaces])
				}
			}
			require.False(t, s.HardStat != observe.OK && s.ProblemID == "", "a hard problem has an id")
			require.True(t, FlapPercent(s.Flaps) >= 0 && FlapPercent(s.Flaps) <= 99)
			return got
		}
		for n := range rapid.IntRange(1, 60).Draw(t, "events") {
			now = now.Add(rapid.SampledFrom([]time.Duration{0, time.Second, 10 * time.Second, 10 * time.Second, 61 * time.Second, 7 * time.Hour}).Draw(t, "pause"))
			apply(drawEvent(t, n, s.ProblemID, now))
			if rapid.IntRange(0, 9).Draw(t, "restart") == 0 {
				s = restarted(t, cfg, s, now)
			}
		}
		// Everything that withholds ends; once things are quiet people know the state.
		for range s.Depth {
			apply(Event{Kind: DowntimeEnd})
		}
		for _, k := range []EventKind{SilenceOff, NotificationsOn, AckCleared} {
			apply(Event{Kind: k})
		}
		apply(Event{Kind: ParentChange, Reach: Reachable})
		now = now.Add(7 * time.Hour)
		last := observe.Status(rapid.IntRange(0, 3).Draw(t, "last"))
		for n := range 25 {
			now = now.Add(time.Minute)
			apply(Event{Status: last, Start: now, NewID: fmt.Sprintf("z%d", n)})
			now = now.Add(cfg.ConfirmMax)
			apply(Event{Kind: Tick})
		}
		require.Equal(t, s.HardStat, s.Told)
		require.Equal(t, s.ProblemID, s.ToldProblem)
	})
}

// restarted is the state after it was stored, read and given to a new process.
func restarted(t *rapid.T, cfg Config, s State, now time.Time) State {
	data, err := json.Marshal(s)
	require.NoError(t, err)
	var back State
	require.NoError(t, json.Unmarshal(data, &back))
	require.Equal(t, s, back)
	next, fx := Step(cfg, back, Event{Kind: Restart}, now)
	require.Empty(t, words(fx))
	next.Why, s.Why = 0, 0
	require.Equal(t, s, next)
	return next
}

// TestOrderOfParentAndChild lets the results of a child and of its parent arrive in
// every mix: the child fails to the end, the parent is well, down, or down and back.
func TestOrderOfParentAndChild(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		attempts := rapid.IntRange(1, 3).Draw(t, "attempts")
		story := rapid.SampledFrom([][]Event{
			{{Kind: ParentChange, Confirmed: true}},
			{{Kind: ParentChange, Reach: NotReachable}},
			{{Kind: ParentChange, Reach: NotReachable}, {Kind: ParentChange, Confirmed: true}},
			{{Kind: ParentChange, Reach: Undetermined}, {Kind: ParentChange, Reach: NotReachable}, {Kind: ParentChange, Confirmed: true}},
		}).Draw(t, "story")
		r := newRun(func(c *Config) { c.Parents, c.Attempts, c.Grace = true, attempts, 10*time.Second }).results(ok)
		results := attempts
		for results > 0 || len(story) > 0 {
			r.now = r.now.Add(time.Second)
			if len(story) == 0 || results > 0 && rapid.Bool().Draw(t, "child first") {
				r.event(Event{Status: crit, Start: r.now})
				results--
			} else {
				r.event(story[0])
				story = story[1:]
			}
		}
		// The parents are well only if they were found so since the first failure.
		if r.s.Reach == Reachable {
			r.reach(Reachable, true)
		}
		down := r.s.Reach != Reachable
		for range 4 {
			r.wait(time.Minute)
			r.results(crit)
		}
		pages := 0
		for _, l := range r.log {
			if strings.HasPrefix(l, "problem") {
				pages++
				require.NotContains(t, l, "unconfirmed")
			}
		}
		require.Equal(t, map[bool]int{true: 0, false: 1}[down], pages, "%v", r.log)
	})
}
