package state

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

func TestLateRecoveryCarriesTheToldProblem(t *testing.T) {
	t.Parallel()
	r := newRun(nil).results(ok, crit).do(SilenceOn).results(ok).wait(time.Second).do(SilenceOff).results(ok)
	require.Equal(t, []string{"problem ok>critical n1", "(recovery n1 silence)", "recovery critical>ok n1"}, r.log)
	require.Equal(t, []int{55, 57}, explained(r))
}

func TestNewProblemOfTheSameStatusIsTold(t *testing.T) {
	t.Parallel()
	r := newRun(nil).results(ok, crit).do(SilenceOn).results(ok, crit).wait(time.Second).do(SilenceOff).results(crit)
	require.Equal(t, []string{
		"problem ok>critical n1", "(recovery n1 silence)", "(problem n3 silence)",
		"problem ok>critical n3",
	}, r.log)
	require.Equal(t, "n1", r.fx[len(r.fx)-1].Replaces)
	require.Equal(t, []int{55, 57}, explained(r))
	require.Equal(t, "recovery critical>ok n3", r.results(ok).log[4])
}

func TestProblemThatBeganAndEndedWithheldNeverHadARecovery(t *testing.T) {
	t.Parallel()
	r := newRun(nil).results(ok).do(SilenceOn).results(crit, ok).do(SilenceOff).results(ok, ok)
	require.Equal(t, []string{"(problem n1 silence)"}, r.log)
}

func TestAckUntilChangeTellsTheChangeOnly(t *testing.T) {
	t.Parallel()
	r := newRun(nil).results(ok, crit).ack(AckUntilChange).results(warn)
	require.Equal(t, []string{"problem ok>critical n1", "problem critical>warning n1"}, r.log)
	require.Equal(t, NoAck, r.s.Ack)
}

func TestBlockedVolatileRepeatIsWithheld(t *testing.T) {
	t.Parallel()
	r := newRun(func(c *Config) { c.Volatile = true }).results(ok, crit).do(DowntimeStart).results(crit, crit)
	require.Equal(t, []string{"problem ok>critical n1", "(problem n1 downtime)", "(problem n1 downtime)"}, r.log)
}

func TestNoticeThatWaitedForParentsIsWithheldWhenTheyAreDown(t *testing.T) {
	t.Parallel()
	r := newRun(func(c *Config) { c.Parents = true }).results(ok, crit).reach(NotReachable, false)
	require.Equal(t, []string{"(problem n1 unreachable)"}, r.log)
}

func TestConfirmationEndsWithReachability(t *testing.T) {
	t.Parallel()
	r := newRun(func(c *Config) { c.Parents, c.Attempts = true, 3 }).results(ok, crit).reach(Reachable, true)
	require.True(t, r.s.Confirmed)
	r.reach(NotReachable, false)
	require.False(t, r.s.Confirmed)
	r.results(crit, crit).reach(Reachable, false).results(crit)
	require.Equal(t, []string{"(problem n1 unreachable)"}, r.log, "the parents must be checked again")
	r.reach(Reachable, true)
	require.Equal(t, "problem ok>critical n1", r.log[1])
}

func TestFlappingEndsByTimeAlone(t *testing.T) {
	t.Parallel()
	r := newRun(func(c *Config) { c.Flapping = true }).results(ok, crit, ok, crit, ok, crit, ok)
	require.NotZero(t, r.s.Reasons&Flapping)
	require.Equal(t, 1, r.count(Deadline))
	r.wait(r.cfg.FlapWindow - time.Second)
	require.NotZero(t, r.s.Reasons&Flapping)
	r.wait(time.Second)
	require.Zero(t, r.s.Reasons&Flapping)
	require.Equal(t, "flapping_end critical>ok ", r.log[len(r.log)-2])
	require.Equal(t, []int{25, 26, 55, 57}, explained(r))
	require.Contains(t, r.log[len(r.log)-1], "recovery", "the state it ended in is told")
}

func TestRegainedReachabilityAsksOnce(t *testing.T) {
	t.Parallel()
	for _, grace := range []time.Duration{0, 10 * time.Second} {
		r := newRun(func(c *Config) { c.Parents, c.Grace = true, grace }).results(ok, crit).reach(NotReachable, false).wait(time.Second).reach(Reachable, false)
		require.Equal(t, 1, r.count(CheckNow))
		require.Equal(t, 1, r.count(Deadline))
	}
}

func TestOnlyHardChangesAreHard(t *testing.T) {
	t.Parallel()
	r := newRun(func(c *Config) { c.Attempts = 2 })
	var got []string
	for _, st := range []observe.Status{ok, crit, ok, crit, crit, warn, warn, ok} {
		for _, e := range r.results(st).fx {
			if e.Kind == StateChanged {
				word := "soft"
				if e.Hard {
					word = "hard"
				}
				got = append(got, word+" "+e.From.String()+">"+e.To.String())
			}
		}
	}
	require.Equal(t, []string{
		"soft ok>ok", "soft ok>critical", "soft critical>ok", "soft ok>critical",
		"hard ok>critical", "hard critical>warning", "hard warning>ok",
	}, got)
}

func TestRedundantParentNeverMakesLessReachable(t *testing.T) {
	t.Parallel()
	values := []EdgeValue{Holds, Fails, Irrelevant, ParentUnreachable}
	for need := range 4 {
		for n := range 4 * 4 * 4 {
			edges := []Edge{
				{Parent: "a", Group: "g", Need: need, Value: values[n%4]},
				{Parent: "b", Group: "g", Need: need, Value: values[n/4%4]},
			}
			before, _ := Reachability(edges)
			relevant := edges[0].Value != Irrelevant || edges[1].Value != Irrelevant
			after, _ := Reachability(append(edges, Edge{Parent: "c", Group: "g", Need: need + n%2, Value: values[n/16]}))
			if relevant && before == Reachable {
				require.Equal(t, Reachable, after, "need %d edges %v", need, n)
			}
			if values[n/16] == Irrelevant {
				require.Equal(t, before, after)
			}
		}
	}
}

func explained(r *run) []int {
	var out []int
	for _, w := range Explain(r.s) {
		out = append(out, w.ID)
	}
	return out
}
