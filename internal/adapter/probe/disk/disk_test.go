package disk

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

func TestUsage(t *testing.T) {
	t.Parallel()
	run := func(path string, warn, crit float64) observe.Result {
		c := newConfig()
		c.Path, c.Warn, c.Crit = path, warn, crit
		require.NoError(t, c.Validate())
		p, err := c.Probe(observe.ProbeEnv{})
		require.NoError(t, err)
		return p.Run(context.Background())
	}
	r := run("/", 100, 100)
	require.Equal(t, observe.OK, r.Status, r.Output)
	require.Len(t, r.Measures, 4)
	require.Equal(t, observe.Critical, run("/", 0, 1e-9).Status)
	require.Equal(t, observe.Warning, run("/", 1e-9, 0).Status)
	require.Equal(t, observe.Unknown, run("/no/such/path", 80, 90).Status)
	c := newConfig()
	c.Path, c.Warn, c.Crit = "var", 95, 90
	require.ErrorContains(t, c.Validate(), "path:")
	require.ErrorContains(t, c.Validate(), "warn:")
}
