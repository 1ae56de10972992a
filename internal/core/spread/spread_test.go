package spread

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestNextKeepsThePhase(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 123)
	a := Next("a check", time.Minute, now)
	require.True(t, a.After(now))
	require.LessOrEqual(t, a.Sub(now), time.Minute)
	require.Equal(t, time.Minute, Next("a check", time.Minute, a).Sub(a))
	require.Equal(t, Phase("a check", time.Minute), time.Duration(a.UnixNano()%int64(time.Minute)))
}

func TestPick(t *testing.T) {
	t.Parallel()
	require.Empty(t, Pick("x", nil))
	all := []string{"east", "north", "west"}
	count := map[string]int{}
	for i := range 3000 {
		id := fmt.Sprintf("018f-%06d", i)
		n := Pick(id, all)
		count[n]++
		if n != "north" {
			require.Equal(t, n, Pick(id, []string{"west", "east"}), "only those of the place that went away move")
		}
	}
	for n, c := range count {
		require.InDelta(t, 1000, c, 150, n)
	}
}
