package script

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

func TestScript(t *testing.T) {
	t.Parallel()
	c := newConfig()
	require.ErrorContains(t, c.Validate(), "shell")
	c.Shell, c.Env = "echo \"hello $WHO | n=2\"\nexit 1", map[string]string{"WHO": "you"}
	require.NoError(t, c.Validate())
	p, err := c.Probe(observe.ProbeEnv{})
	require.NoError(t, err)
	r := p.Run(context.Background())
	require.Equal(t, observe.Warning, r.Status)
	require.Equal(t, "hello you", r.Output)
	require.Len(t, r.Measures, 1)

	c.Shell, c.Timeout = "while :; do :; done", observe.Duration(200*time.Millisecond)
	p, _ = c.Probe(observe.ProbeEnv{})
	r = p.Run(context.Background())
	require.Equal(t, observe.Unknown, r.Status)
	require.Contains(t, r.Output, "killed")

	c.Interpreter = []string{"no-such-interpreter"}
	p, _ = c.Probe(observe.ProbeEnv{})
	require.Contains(t, p.Run(context.Background()).Output, "not found")
}
