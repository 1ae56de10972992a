package state

import (
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// BenchmarkSteadyOK is the step that nearly every result of a quiet estate takes.
func BenchmarkSteadyOK(b *testing.B) {
	cfg, now := Defaults(), time.Unix(1_000_000, 0)
	s, _ := Step(cfg, State{}, Event{Start: now}, now)
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(time.Second)
		s, _ = Step(cfg, s, Event{Start: now}, now)
	}
}

// BenchmarkFailAndRecover is a whole problem: three failures and the recovery.
func BenchmarkFailAndRecover(b *testing.B) {
	cfg, now, s := Defaults(), time.Unix(1_000_000, 0), State{}
	cfg.Flapping = false
	b.ReportAllocs()
	for b.Loop() {
		for _, st := range [...]Event{{Status: crit}, {Status: crit}, {Status: crit}, {}} {
			now = now.Add(time.Second)
			st.Start, st.NewID = now, "p"
			s, _ = Step(cfg, s, st, now)
		}
	}
}

// A hundred thousand checks keep their states in memory.
func TestStateStaysSmall(t *testing.T) {
	t.Parallel()
	require.LessOrEqual(t, unsafe.Sizeof(State{}), uintptr(160))
}
