package sniff

import (
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// An interface that is deleted ends the capture with an error that says so, and
// the frames before it arrived.
func TestInterfaceGoesAway(t *testing.T) {
	t.Parallel()
	if err := Permitted(); err != nil {
		testkit.Missing(t, err.Error())
	}
	const name, peer = "msnf0", "msnf1"
	ip := func(args ...string) error { return exec.CommandContext(t.Context(), "ip", args...).Run() }
	_ = ip("link", "del", name)
	if err := ip("link", "add", name, "type", "veth", "peer", "name", peer); err != nil {
		testkit.Missing(t, "ip cannot make a pair of interfaces: "+err.Error())
	}
	t.Cleanup(func() { _ = exec.Command("ip", "link", "del", name).Run() })
	s, err := Open(Options{Interface: name, Buffer: 4 << 20})
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, ip("link", "set", peer, "up"))
	require.NoError(t, ip("link", "set", name, "up")) // the kernel sends router solicitations
	got := 0
	end := time.Now().Add(20 * time.Second)
	for got == 0 && time.Now().Before(end) {
		p, err := s.Next(50 * time.Millisecond)
		require.NoError(t, err)
		if p != nil {
			require.GreaterOrEqual(t, len(p.Data), 14)
			got++
		}
	}
	require.Positive(t, got)
	require.NoError(t, ip("link", "del", name))
	for err == nil && time.Now().Before(end) {
		_, err = s.Next(50 * time.Millisecond)
	}
	require.ErrorIs(t, err, ErrGone)
}

func TestNoSuchInterface(t *testing.T) {
	t.Parallel()
	if err := Permitted(); err != nil {
		testkit.Missing(t, err.Error())
	}
	_, err := Open(Options{Interface: "nowhere0"})
	require.ErrorContains(t, err, "no interface")
	_, err = Open(Options{Interface: "lo", Filter: "tcp and"})
	require.Error(t, err)
}
