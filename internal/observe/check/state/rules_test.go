package state

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

func TestStories(t *testing.T) {
	t.Parallel()
	attempts := func(n int) func(*Config) { return func(c *Config) { c.Attempts = n } }
	parents := func(c *Config) { c.Parents = true }
	for _, tc := range []struct {
		name   string
		config func(*Config)
		story  func(r *run)
		want   []string
	}{
		{"5 soft tells nobody", attempts(3), func(r *run) { r.results(ok, crit, crit) }, nil},
		{"5 hard at attempts", attempts(3), func(r *run) { r.results(ok, crit, crit, crit) }, []string{"problem ok>critical n1"}},
		{"5 first result of all", attempts(1), func(r *run) { r.results(unk) }, []string{"problem ok>unknown n0"}},
		{"6 ok after soft", attempts(2), func(r *run) { r.results(ok, crit, ok) }, nil},
		{"6 attempts begin anew", attempts(2), func(r *run) { r.results(ok, crit, ok, crit, ok) }, nil},
		{"6 ok after hard", attempts(2), func(r *run) { r.results(ok, crit, crit, ok) }, []string{"problem ok>critical n1", "recovery critical>ok n1"}},
		{"7 soft goes on counting", attempts(3), func(r *run) { r.results(ok, warn, crit, unk) }, []string{"problem ok>unknown n1"}},
		{
			"7 hard change at once", attempts(3), func(r *run) { r.results(ok, crit, crit, crit, warn) },
			[]string{"problem ok>critical n1", "problem critical>warning n1"},
		},
		{
			"8 volatile", func(c *Config) { c.Attempts, c.Volatile = 3, true }, func(r *run) { r.results(ok, crit, crit, ok, ok) },
			[]string{"problem ok>critical n1", "problem critical>critical n1", "recovery critical>ok n1"},
		},
		{
			"8 volatile and acknowledged", func(c *Config) { c.Volatile = true }, func(r *run) { r.results(ok, crit).ack(AckUntilOK).results(crit) },
			[]string{"problem ok>critical n1", "(problem n1 acknowledged)"},
		},
		{"37 parents well", parents, func(r *run) { r.results(ok, crit).reach(Reachable, true) }, []string{"problem ok>critical n1"}},
		{
			"38 parents not confirmed", parents, func(r *run) { r.results(ok, crit).reach(Reachable, false).wait(59 * time.Second).wait(time.Second) },
			[]string{"problem ok>critical n1 unconfirmed"},
		},
		{
			"38 only the first notice of a problem waits", parents, func(r *run) { r.results(ok, crit).reach(Reachable, true).results(warn) },
			[]string{"problem ok>critical n1", "problem critical>warning n1"},
		},
		{
			"37 a new problem waits anew", parents, func(r *run) { r.results(ok, crit).reach(Reachable, true).results(ok, crit) },
			[]string{"problem ok>critical n1", "recovery critical>ok n1"},
		},
		{
			"42 depth", nil, func(r *run) { r.do(DowntimeStart, DowntimeStart).results(ok, crit).do(DowntimeEnd).results(crit) },
			[]string{"(problem n1 downtime)"},
		},
		{"42 one end too many", nil, func(r *run) { r.do(DowntimeEnd, DowntimeStart).results(ok, crit) }, []string{"(problem n1 downtime)"}},
		{
			"45 recovery inside is told", nil, func(r *run) { r.results(ok, crit).do(DowntimeStart).results(ok) },
			[]string{"problem ok>critical n1", "recovery critical>ok n1"},
		},
		{
			"45 still there at the end", nil, func(r *run) { r.do(DowntimeStart).results(ok, crit).wait(time.Second).do(DowntimeEnd).results(crit) },
			[]string{"(problem n1 downtime)", "problem ok>critical n1"},
		},
		{
			"45 over at the end", nil, func(r *run) { r.do(DowntimeStart).results(ok, crit).wait(time.Second).do(DowntimeEnd).results(ok) },
			[]string{"(problem n1 downtime)"},
		},
		{
			"48 never the next problem", nil, func(r *run) { r.results(ok, crit).ack(AckUntilOK).results(ok, crit) },
			[]string{"problem ok>critical n1", "recovery critical>ok n1", "problem ok>critical n3"},
		},
		{
			"48 another id", nil, func(r *run) {
				r.results(ok, crit).event(Event{Kind: AckSet, ProblemID: "x", Ack: AckUntilOK}).results(warn)
			},
			[]string{"problem ok>critical n1", "problem critical>warning n1"},
		},
		{
			"49 worse is told once", nil, func(r *run) { r.results(ok, warn).ack(AckUntilOK).results(crit, warn, crit) },
			[]string{"problem ok>warning n1", "problem warning>critical n1", "(problem n1 acknowledged)"},
		},
		{"49 soft and acknowledged", attempts(2), func(r *run) { r.results(ok, crit).ack(AckUntilChange).results(crit) }, []string{"(problem n1 acknowledged)"}},
		{"49 until a time", attempts(2), func(r *run) {
			r.results(ok, crit).event(Event{Kind: AckSet, ProblemID: "n1", Ack: AckUntilOK, Until: r.now.Add(time.Minute)}).
				results(crit).wait(time.Minute)
		}, []string{"(problem n1 acknowledged)", "problem ok>critical n1"}},
		{
			"53 reasons together", nil, func(r *run) { r.do(DowntimeStart, SilenceOn, NotificationsOff).results(ok, crit) },
			[]string{"(problem n1 downtime+silence+notifications_off)"},
		},
		{
			"54 recorded once while another reason joins", nil, func(r *run) { r.do(SilenceOn).results(ok, crit).do(DowntimeStart).results(crit) },
			[]string{"(problem n1 silence)"},
		},
		{
			"56 the last result serves after the limit", nil, func(r *run) { r.do(SilenceOn).results(ok, crit).wait(time.Second).do(SilenceOff).wait(time.Minute) },
			[]string{"(problem n1 silence)", "problem ok>critical n1"},
		},
		{
			"57 recovered while withheld", nil, func(r *run) { r.results(ok, crit).do(NotificationsOff).results(ok).do(NotificationsOn).results(ok) },
			[]string{"problem ok>critical n1", "(recovery n1 notifications_off)", "recovery critical>ok n1"},
		},
		{
			"56 downtime ends under an acknowledgement", nil, func(r *run) {
				r.results(ok, warn).ack(AckUntilOK).do(DowntimeStart).results(crit).wait(time.Second).do(DowntimeEnd).results(ok)
			},
			[]string{"problem ok>warning n1", "(problem n1 downtime+acknowledged)", "recovery warning>ok n1"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := newRun(tc.config)
			tc.story(r)
			require.Equal(t, tc.want, r.log)
		})
	}
}

func TestOrderOfResults(t *testing.T) {
	t.Parallel()
	r := newRun(nil).results(ok, crit)
	for _, late := range []time.Duration{0, -time.Second} {
		before := r.s
		r.event(Event{Status: ok, Start: r.now.Add(late)})
		before.Why = r.s.Why
		require.Equal(t, before, r.s, "%s", late)
		require.Equal(t, []Rule{{11, "The result is not younger than the last one and changes nothing."}}, Explain(r.s))
	}
	// The last start lies in the future after a step of the clock: order means nothing.
	r.event(Event{Status: crit, Start: r.now.Add(time.Hour)}).results(ok)
	require.Equal(t, observe.OK, r.s.Status)
	require.Equal(t, At(r.now), r.s.LastStart)
}

func TestMissed(t *testing.T) {
	t.Parallel()
	r := newRun(func(c *Config) { c.Attempts, c.Freshness = 3, time.Minute }).results(ok)
	r.now = r.now.Add(59 * time.Second)
	require.Equal(t, observe.OK, r.do(Missed).s.Status, "too early")
	r.now = r.now.Add(time.Second)
	r.do(Missed)
	require.Equal(t, []string{"problem ok>unknown n2"}, r.log)
	require.Equal(t, "recovery unknown>ok n2", r.results(ok).log[1])
	r.cfg.Freshness = 0
	r.now = r.now.Add(time.Hour)
	require.Empty(t, r.do(Missed).fx)
}

func TestReachability(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		edges []Edge
		want  Reach
		why   []string
	}{
		{"no edges", nil, Reachable, nil},
		{"all irrelevant", []Edge{{Parent: "a", Value: Irrelevant}, {Parent: "b", Group: "g", Value: Irrelevant}}, Reachable, nil},
		{"essential fails", []Edge{{Parent: "a", Value: Fails}, {Parent: "b", Value: Holds}}, NotReachable, []string{"a"}},
		{"essential unreachable", []Edge{{Parent: "a", Value: ParentUnreachable}}, NotReachable, []string{"a"}},
		{"one of a group", []Edge{{Parent: "a", Group: "g", Value: Fails}, {Parent: "b", Group: "g", Value: Holds}}, Reachable, nil},
		{
			"unreachable is not good",
			[]Edge{{Parent: "a", Group: "g", Value: ParentUnreachable}, {Parent: "b", Group: "g", Value: Fails}},
			NotReachable,
			[]string{"a", "b"},
		},
		{"unreachable fails no good group", []Edge{{Parent: "a", Group: "g", Value: ParentUnreachable}, {Parent: "b", Group: "g"}}, Reachable, nil},
		{"none can be judged", []Edge{{Parent: "a", Group: "g", Value: ParentUnreachable}}, Undetermined, []string{"a"}},
		{
			"failed beats undetermined",
			[]Edge{{Parent: "a", Group: "g", Value: ParentUnreachable}, {Parent: "b", Group: "h", Value: Fails}},
			NotReachable,
			[]string{"a", "b"},
		},
		{"group and essential", []Edge{{Parent: "a", Group: "g"}, {Parent: "b", Value: Fails}}, NotReachable, []string{"b"}},
		{"two of three", []Edge{{Parent: "a", Group: "g", Need: 2}, {Parent: "b", Group: "g", Need: 2}, {Parent: "c", Group: "g", Need: 2, Value: Fails}}, Reachable, nil},
		{"one of two needed", []Edge{{Parent: "a", Group: "g", Need: 2}, {Parent: "b", Group: "g", Need: 2, Value: Fails}}, NotReachable, []string{"b"}},
		{"irrelevant does not lower the need", []Edge{{Parent: "a", Group: "g", Need: 2}, {Parent: "b", Group: "g", Need: 2, Value: Irrelevant}}, NotReachable, nil},
	} {
		got, why := Reachability(tc.edges)
		require.Equal(t, tc.want, got, tc.name)
		require.Equal(t, tc.why, why, tc.name)
	}
}

func TestGraceAfterUnreachable(t *testing.T) {
	t.Parallel()
	r := newRun(func(c *Config) { c.Parents, c.Grace = true, 10*time.Second }).results(ok).reach(NotReachable, false).results(crit)
	require.Equal(t, "unreachable", Display(r.s))
	r.wait(time.Second).reach(Reachable, true)
	require.Equal(t, "critical", Display(r.s))
	r.now = r.now.Add(5 * time.Second)
	r.event(Event{Status: crit, Start: r.now})
	require.Equal(t, []string{"(problem n1 unreachable)"}, r.log, "inside the grace time")
	require.Equal(t, "problem ok>critical n1", r.results(crit).log[1])
}

func TestEndOfASilenceDoesNotShortenTheGrace(t *testing.T) {
	t.Parallel()
	r := newRun(func(c *Config) { c.Parents, c.Grace = true, 10*time.Second }).do(SilenceOn).results(ok).
		reach(NotReachable, false).results(crit).wait(time.Second).reach(Reachable, true)
	until := r.s.FreshAfter
	r.wait(time.Second).do(SilenceOff)
	require.Equal(t, until, r.s.FreshAfter)
	require.Empty(t, r.fx, "the check was asked for already")
}

func TestFirstFailureAsksForParents(t *testing.T) {
	t.Parallel()
	r := newRun(func(c *Config) { c.Parents = true }).results(ok, crit)
	require.Equal(t, 1, r.count(RecheckParents), "once, though it is hard at once")
	for _, e := range r.fx {
		if e.Kind == RecheckParents {
			require.Equal(t, r.now, e.Since.Time(), "younger than the first failure")
		}
	}
	require.Zero(t, r.results(crit).count(RecheckParents))
}

func TestRestartAsksForWhatWasWaitedFor(t *testing.T) {
	t.Parallel()
	r := newRun(func(c *Config) { c.Parents, c.Grace = true, 10*time.Second }).results(ok, crit)
	r.event(Event{Kind: AckSet, ProblemID: "n1", Ack: AckUntilOK, Until: r.now.Add(time.Second)}).do(AckCleared)
	data, err := json.Marshal(r.s)
	require.NoError(t, err)
	var back State
	require.NoError(t, json.Unmarshal(data, &back))
	require.Equal(t, r.s, back)
	r.s = back
	r.do(Restart)
	require.Equal(t, []Effect{{Kind: RecheckParents, Since: r.s.FirstBad}, {Kind: Deadline, At: r.s.ConfirmBy}}, r.fx)
	r.reach(NotReachable, false).reach(Reachable, false).do(Restart)
	require.Equal(t, []Effect{{Kind: CheckNow, At: r.s.FreshAfter}, {Kind: Deadline, At: r.s.FreshBy}}, r.fx)
}

func TestRemovalClosesWhatPeopleTakeForOpen(t *testing.T) {
	t.Parallel()
	r := newRun(nil).results(ok, crit).do(SilenceOn).results(ok, crit, crit).do(Removed)
	var closed []string
	for _, e := range r.fx {
		require.True(t, e.Kind == ProblemClosed && e.Removed)
		closed = append(closed, e.ProblemID)
	}
	require.Equal(t, []string{"n3", "n1"}, closed)
	require.Equal(t, State{}, r.s)
}

func TestConfigurationChanges(t *testing.T) {
	t.Parallel()
	r := newRun(func(c *Config) { c.Attempts = 5 }).results(ok, crit, crit, crit)
	r.cfg.Attempts = 2
	require.Empty(t, r.do(ConfigChange).log, "at the next result only")
	require.Equal(t, []string{"problem ok>critical n1"}, r.results(crit).log)

	r = newRun(func(c *Config) { c.Parents = true }).results(ok).reach(NotReachable, false).results(crit)
	r.cfg.Parents = false
	require.Equal(t, Reachable, r.do(ConfigChange).s.Reach)
	require.Equal(t, "problem ok>critical n1", r.results(crit).log[1])
}

func TestDisplay(t *testing.T) {
	t.Parallel()
	r := newRun(nil)
	require.Equal(t, "pending", Display(r.s))
	require.Equal(t, "unknown", Display(r.do(NoData).s))
	require.Equal(t, "warning", Display(r.results(warn).s))
	require.Equal(t, "unknown", Display(r.do(NoData).s), "never its last status")
	require.Equal(t, observe.Warning, r.s.Status)
	require.Equal(t, "unreachable", Display(r.reach(Undetermined, false).s))
}
