package state

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

func TestFlappingWorkedValues(t *testing.T) {
	t.Parallel()
	require.Equal(t, 28.5, FlapPercent(1<<5-1))
	require.Equal(t, 33.9, FlapPercent(1<<6-1))
	require.Equal(t, 99.0, FlapPercent(1<<20-1))
	require.Greater(t, FlapPercent((1<<6-1)<<14), 25.0)
	bits, quiet := uint32(1<<6-1), 0
	for FlapPercent(bits) > 25 {
		bits, quiet = bits<<1&(1<<20-1), quiet+1
	}
	require.Equal(t, 15, quiet)
}

func TestSteadyOKAllocatesNothing(t *testing.T) {
	now := time.Unix(1000, 0)
	cfg := Defaults()
	s, _ := Step(cfg, State{}, Event{Start: now, NewID: "p"}, now)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		now = now.Add(time.Second)
		s, _ = Step(cfg, s, Event{Start: now, NewID: "p"}, now)
	}))
	require.Equal(t, At(now), s.LastStart)
}

func TestHardAtAttemptsThenRecovery(t *testing.T) {
	t.Parallel()
	now, cfg, s := time.Unix(1000, 0), Defaults(), State{}
	var notices []Notice
	for _, st := range []observe.Status{0, 2, 2, 2, 0} {
		var fx []Effect
		now = now.Add(time.Second)
		s, fx = Step(cfg, s, Event{Start: now, Status: st, NewID: now.String()}, now)
		for _, e := range fx {
			if e.Kind == Notify {
				notices = append(notices, e.Notice)
			}
		}
	}
	require.Equal(t, []Notice{Problem, Recovery}, notices)
	require.Empty(t, s.ProblemID)
}
