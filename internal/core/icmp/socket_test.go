package icmp

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/testkit"
)

func TestChecksum(t *testing.T) {
	t.Parallel()
	// The example of RFC 1071, section 3.
	require.Equal(t, ^uint16(0xddf2), checksum([]byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}))
}

func TestReplyHasItsNumber(t *testing.T) {
	t.Parallel()
	var all Sockets
	addr := netip.MustParseAddr("127.0.3.7")
	s, err := all.Of(addr)
	if err != nil {
		testkit.Missing(t, err.Error())
	}
	out := make(chan Reply, 1)
	_, err = s.Send(addr, 4711, out)
	require.NoError(t, err)
	select {
	case r := <-out:
		require.Equal(t, 4711, r.Seq)
		require.Positive(t, r.RTT)
	case <-time.After(5 * time.Second):
		t.Fatal("no answer")
	}
	require.Zero(t, s.Waiting())
	token, err := s.Send(netip.MustParseAddr("127.0.3.8"), 1, out)
	require.NoError(t, err)
	s.Forget(token)
	require.Zero(t, s.Waiting())
}
