package ntp

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

func run(t *testing.T, answer func(q []byte) []byte) observe.Result {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = pc.Close() })
	go func() {
		b := make([]byte, 100)
		if n, from, err := pc.ReadFrom(b); err == nil {
			if a := answer(b[:n]); a != nil {
				_, _ = pc.WriteTo(a, from)
			}
		}
	}()
	c := newConfig()
	c.Address, c.Timeout = pc.LocalAddr().String(), observe.Duration(300*time.Millisecond)
	require.NoError(t, c.Validate())
	p, err := c.Probe(observe.ProbeEnv{})
	require.NoError(t, err)
	return p.Run(context.Background())
}

func server(shift time.Duration, stratum byte) func([]byte) []byte {
	return func(q []byte) []byte {
		a := make([]byte, 48)
		a[0], a[1] = 4<<3|4, stratum
		copy(a[24:32], q[40:48])
		put(a[32:40], time.Now().Add(shift))
		put(a[40:48], time.Now().Add(shift))
		return a
	}
}

func TestOffset(t *testing.T) {
	t.Parallel()
	r := run(t, server(0, 2))
	require.Equal(t, observe.OK, r.Status, r.Output)
	require.InDelta(t, 0, r.Measures[0].Value, 0.09)
	r = run(t, server(-5*time.Second, 2))
	require.Equal(t, observe.Critical, r.Status)
	require.InDelta(t, -5, r.Measures[0].Value, 0.1)
	require.Equal(t, observe.Warning, run(t, server(500*time.Millisecond, 2)).Status)
	require.Contains(t, run(t, server(0, 0)).Output, "not synchronized")
	require.Contains(t, run(t, func([]byte) []byte { return []byte("garbage") }).Output, "not NTP")
	require.Contains(t, run(t, func([]byte) []byte { return nil }).Output, "no answer in time")
	forged := func(q []byte) []byte { a := server(time.Hour, 1)(q); a[24] ^= 0xff; return a }
	require.Contains(t, run(t, forged).Output, "no answer in time")
}
