package icmp

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

func run(t testing.TB, host string, change func(*Config)) observe.Result {
	t.Helper()
	c := newConfig()
	c.Host, c.Interval = host, observe.Duration(time.Millisecond)
	if change != nil {
		change(c)
	}
	require.NoError(t, c.Validate())
	p, err := c.Probe(observe.ProbeEnv{})
	require.NoError(t, err)
	r := p.Run(context.Background())
	if strings.Contains(r.Output, "ICMP is not permitted") {
		testkit.Missing(t, "this user may not send ICMP")
	}
	return r
}

func TestLoopback(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"127.0.0.1", "localhost"} {
		r := run(t, host, func(c *Config) { c.IPVersion = 4 })
		require.Equal(t, observe.OK, r.Status, r.Output)
		require.Len(t, r.Measures, 4)
		require.Zero(t, r.Measures[0].Value)
		require.Positive(t, r.Measures[1].Value)
		require.LessOrEqual(t, r.Measures[1].Value, r.Measures[3].Value)
	}
}

// Many probes on one socket get each their own answers.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	results := make([]observe.Result, 200)
	for i := range results {
		wg.Go(func() {
			results[i] = run(t, netip.AddrFrom4([4]byte{127, 0, 1, byte(i + 1)}).String(), func(c *Config) { c.Interval = observe.Duration(20 * time.Millisecond) })
		})
	}
	wg.Wait()
	for _, r := range results {
		require.Equal(t, observe.OK, r.Status, r.Output)
	}
	s, err := shared.Of(netip.MustParseAddr("127.0.0.1"))
	require.NoError(t, err)
	require.Less(t, s.Waiting(), 10, "answered packets are forgotten")
}

func TestNoAnswerAndRefusals(t *testing.T) {
	t.Parallel()
	r := run(t, "240.0.0.1", func(c *Config) { c.Timeout = observe.Duration(50 * time.Millisecond) })
	require.Equal(t, observe.Critical, r.Status)
	require.Contains(t, r.Output, "no answer")
	require.Less(t, r.Duration, 5*time.Second)
	require.Contains(t, run(t, "169.254.169.254", nil).Output, "metadata")
	require.Equal(t, observe.Warning, run(t, "127.0.0.1", func(c *Config) { c.RTTWarn = 1 }).Status)
	c := newConfig()
	c.Count, c.LossWarn = 0, 101
	for _, f := range []string{"host:", "count:", "loss_warn:"} {
		require.ErrorContains(t, c.Validate(), f)
	}
}

func BenchmarkPing(b *testing.B) {
	c := newConfig()
	c.Host, c.Count = "127.0.0.1", 1
	p, _ := c.Probe(observe.ProbeEnv{})
	for b.Loop() {
		p.Run(context.Background())
	}
}
