package udp

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

func run(t *testing.T, answers int, change func(*Config)) observe.Result {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = pc.Close() })
	go func() {
		b := make([]byte, 100)
		n, from, err := pc.ReadFrom(b)
		for i := 0; err == nil && i < answers; i++ {
			_, _ = pc.WriteTo(append([]byte("re: "), b[:n]...), from)
		}
	}()
	c := newConfig()
	c.Address = pc.LocalAddr().String()
	change(c)
	require.NoError(t, c.Validate())
	p, err := c.Probe(observe.ProbeEnv{})
	require.NoError(t, err)
	return p.Run(context.Background())
}

func TestUDP(t *testing.T) {
	t.Parallel()
	r := run(t, 1, func(c *Config) { c.Send, c.Expect = "hello", "re: hello" })
	require.Equal(t, observe.OK, r.Status, r.Output)
	r = run(t, 100, func(c *Config) { c.Send, c.Expect = "hello", "bye" })
	require.Equal(t, observe.Critical, r.Status)
	require.Contains(t, r.Output, "without")
	r = run(t, 0, func(c *Config) { c.Timeout = observe.Duration(50 * time.Millisecond) })
	require.Contains(t, r.Output, "no answer in time")
	r = run(t, 0, func(c *Config) { c.Address = "127.0.0.1:1" })
	require.Contains(t, r.Output, "connection refused")
	r = run(t, 0, func(c *Config) { c.Address = "[fd00:ec2::254]:53" })
	require.Contains(t, r.Output, "metadata")
}
