package capture

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHeadersLeaveThePayloadOut(t *testing.T) {
	t.Parallel()
	said := []byte("secret words")
	ip := append([]byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0}, 192, 0, 2, 1, 192, 0, 2, 2)
	udp := []byte{0, 53, 0, 53, 0, 20, 0, 0}
	eth := append(make([]byte, 12), 8, 0)
	tagged := append(make([]byte, 12), 0x81, 0, 0, 7, 8, 0)
	for name, head := range map[string][]byte{"plain": eth, "tagged": tagged} {
		want := bytes.Join([][]byte{head, ip, udp}, nil)
		require.Equal(t, want, Headers(Ethernet, append(bytes.Clone(want), said...)), name)
	}
	require.Equal(t, append(bytes.Clone(ip), udp...), Headers(Raw, bytes.Join([][]byte{ip, udp, said}, nil)))
	other := append(append(make([]byte, 12), 0x88, 0xb5), said...)
	require.Equal(t, other[:14], Headers(Ethernet, other), "what is not known is left out")
	require.Empty(t, Headers(LinkType(9999), said))
	later := bytes.Clone(ip)
	later[7] = 9
	require.Equal(t, later, Headers(Raw, append(bytes.Clone(later), said...)), "a later fragment has no ports")
}

func FuzzHeaders(f *testing.F) {
	f.Add(uint32(1), []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0x45})
	f.Add(uint32(101), []byte{0x60, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, link uint32, b []byte) {
		require.LessOrEqual(t, len(Headers(LinkType(link), b)), len(b))
	})
}
