package path

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

func TestJudgeHoldsUntilRecovery(t *testing.T) {
	t.Parallel()
	c := newConfig()
	c.Path, c.Loss, c.LossWarning, c.MOS = "x", 10, 5, 3.6
	require.NoError(t, c.Validate())
	now := time.Now()
	held := map[string]observe.Status{}
	for _, step := range []struct {
		loss, mos float64
		want      observe.Status
	}{
		{0.049, 4, observe.OK},
		{0.05, 4, observe.Warning},
		{0.041, 4, observe.Warning},
		{0.04, 4, observe.OK},
		{0.1, 4, observe.Critical},
		{0.09, 4, observe.Critical},
		{0.08, 4, observe.Warning},
		{0.02, 4, observe.OK},
		{0, 3.59, observe.Critical},
		{0, 3.65, observe.Critical},
		{0, 3.7, observe.OK},
		{1, 1, observe.Critical},
	} {
		got, text := c.JudgePath(observe.PathFigures{Rounds: 100, Loss: step.loss, MOS: step.mos}, now, held)
		require.Equal(t, step.want, got, "%+v: %s", step, text)
	}
}

func TestJudgeRoute(t *testing.T) {
	t.Parallel()
	c := newConfig()
	c.Path, c.Route = "x", "critical"
	now := time.Now()
	f := observe.PathFigures{Rounds: 10, MOS: 4, ChangedAt: now.Add(-time.Minute), Changed: "hop 2 was a and is b"}
	got, text := c.JudgePath(f, now, map[string]observe.Status{})
	require.Equal(t, observe.Critical, got)
	require.Contains(t, text, "hop 2 was a and is b")
	got, _ = c.JudgePath(f, now.Add(10*time.Minute), map[string]observe.Status{})
	require.Equal(t, observe.OK, got)
	got, text = c.JudgePath(observe.PathFigures{Problem: "No rights."}, now, map[string]observe.Status{})
	require.Equal(t, observe.Unknown, got)
	require.Equal(t, "No rights.", text)
	got, _ = c.JudgePath(observe.PathFigures{}, now, map[string]observe.Status{})
	require.Equal(t, observe.Unknown, got)
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	for _, f := range []func(*Config){
		func(c *Config) { c.Path = "" }, func(c *Config) { c.Loss = 0 }, func(c *Config) { c.Loss = 101 }, func(c *Config) { c.Over = 1 },
		func(c *Config) { c.MOS = 5 }, func(c *Config) { c.Route = "loud" }, func(c *Config) { c.Recovery = 2 }, func(c *Config) { c.Latency = -1 },
	} {
		c := newConfig()
		c.Path, c.Loss = "x", 5
		require.NoError(t, c.Validate())
		f(c)
		require.Error(t, c.Validate())
	}
}
