package state

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

// The values of rule 22, fed through Step rather than through the formula alone.
func TestFlappingSteadyValues(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		every          int
		highest, least float64
		stays          bool
	}{
		{1, 99, 99, true}, {2, 50, 49, true}, {3, 35, 29.7, true}, {4, 25.5, 24, false},
	} {
		r := newRun(func(c *Config) { c.Flapping = true }).results(ok)
		st, highest, least := ok, 0.0, 100.0
		for i := 1; i <= 120; i++ {
			if i%tc.every == 0 {
				st = crit - st
			}
			r.results(st)
			if i > 60 {
				highest, least = max(highest, FlapPercent(r.s.Flaps)), min(least, FlapPercent(r.s.Flaps))
			}
		}
		require.Equal(t, tc.highest, highest, "every %d", tc.every)
		require.Equal(t, tc.least, least, "every %d", tc.every)
		require.Equal(t, tc.stays, r.s.Reasons&Flapping != 0, "every %d", tc.every)
	}
}

func TestFlappingWithholdsAndEndsWithTheState(t *testing.T) {
	t.Parallel()
	r := newRun(func(c *Config) { c.Flapping = true }).results(ok, crit, ok, crit, ok, crit, ok, crit)
	require.Contains(t, r.log, "flapping_start critical>ok n5")
	require.Contains(t, r.log, "(recovery n5 flapping)")
	require.Contains(t, r.log, "(problem n7 flapping)")
	n := len(r.log)
	for range 20 {
		r.results(crit)
	}
	require.Equal(t, []string{"flapping_end critical>critical n7", "problem ok>critical n7"}, r.log[n:])
}

func TestChangesInDowntimeDoNotFlap(t *testing.T) {
	t.Parallel()
	r := newRun(func(c *Config) { c.Flapping = true }).results(ok).do(DowntimeStart)
	for range 10 {
		r.results(crit, ok)
	}
	require.Zero(t, r.do(DowntimeEnd).results(ok).s.Flaps)
}

func TestFlapLimitAsksAgainWhileItChanges(t *testing.T) {
	t.Parallel()
	r := newRun(func(c *Config) { c.Flapping = true }).results(ok, crit, ok, crit, ok, crit, ok)
	first := r.now.Add(r.cfg.FlapWindow)
	r.wait(time.Hour).results(crit)
	r.now = first
	r.event(Event{Kind: Tick})
	require.NotZero(t, r.s.Reasons&Flapping)
	require.Equal(t, []Effect{{Kind: Deadline, At: r.s.LastChange + Stamp(r.cfg.FlapWindow)}}, r.fx)
	r.event(Event{Kind: Restart})
	require.Equal(t, 1, r.count(Deadline))
}

func TestFlappingSwitchedOff(t *testing.T) {
	t.Parallel()
	r := newRun(func(c *Config) { c.Flapping = true }).results(ok, crit, ok, crit, ok, crit, ok)
	r.cfg.Flapping = false
	require.Zero(t, r.do(ConfigChange).results(ok).s.Reasons)
	require.Equal(t, observe.OK, r.s.Told)
}
