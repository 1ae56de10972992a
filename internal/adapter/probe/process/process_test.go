package process

import (
	"context"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

func run(t *testing.T, change func(*Config)) observe.Result {
	t.Helper()
	c := newConfig()
	change(c)
	require.NoError(t, c.Validate())
	p, err := c.Probe(observe.ProbeEnv{})
	require.NoError(t, err)
	return p.Run(context.Background())
}

func TestCount(t *testing.T) {
	t.Parallel()
	const mark = "86399.123"
	cmd := exec.Command("sleep", mark)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	r := run(t, func(c *Config) { c.Name, c.Cmdline = "^sleep$", "86399[.]123$" })
	require.Equal(t, observe.OK, r.Status, r.Output)
	require.InDelta(t, 1, r.Measures[0].Value, 0)
	require.Equal(t, observe.Critical, run(t, func(c *Config) { c.Cmdline, c.Min = "86399[.]123$", 2 }).Status)
	require.Equal(t, observe.Critical, run(t, func(c *Config) { c.Name = "^no-such-program$" }).Status)
	require.Equal(t, observe.Critical, run(t, func(c *Config) { c.Cmdline, c.Min, c.Max = ".", 0, 1 }).Status)
	c := newConfig()
	c.Cmdline = "("
	require.ErrorContains(t, c.Validate(), "cmdline:")
}
