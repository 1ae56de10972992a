package netpath

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	testFlow = flow{ident: 0x1234, udp: 40001, tcp: 40002, salt: 0xbeef}
	me       = netip.MustParseAddr("192.0.2.1")
	them     = netip.MustParseAddr("203.0.113.9")
	hop      = netip.MustParseAddr("198.51.100.7")
)

// outer wraps an ICMP message of a router in an IPv4 header with options.
func outer(from netip.Addr, msg []byte) []byte {
	b := make([]byte, 24, 24+len(msg))
	b[0], b[8], b[9] = 0x46, 60, protoICMP
	s := from.As4()
	copy(b[12:], s[:])
	return append(b, msg...)
}

func TestTokensComeBack(t *testing.T) {
	t.Parallel()
	for _, p := range []Proto{ICMP, UDP, TCP} {
		for _, token := range []uint16{1, 0x00ff, 0x8000, 0xffff} {
			b := make([]byte, 2048)
			n := testFlow.packet4(b, &Probe{Addr: them, Proto: p, Port: 443, TTL: 3, Size: 32, Token: token}, me)
			a, ok := testFlow.parse4(outer(hop, append([]byte{11, 0, 0, 0, 0, 0, 0, 0}, b[:n]...)))
			require.True(t, ok, "%s %d", p, token)
			require.Equal(t, Answer{Token: token, From: hop, To: them, Code: Exceeded}, a)
			// Eight bytes of the transport are all that RFC 792 asks for.
			a, ok = testFlow.parse4(outer(hop, append([]byte{3, 13, 0, 0, 0, 0, 0, 0}, b[:28]...)))
			require.True(t, ok, "%s %d", p, token)
			require.Equal(t, Answer{Token: token, From: hop, To: them, Code: Prohibited}, a)
		}
	}
}

// What routers may take for the flow is the same for all tokens: the checksum too.
func TestFlowIsConstant(t *testing.T) {
	t.Parallel()
	for _, p := range []Proto{ICMP, UDP} {
		at := map[Proto]int{ICMP: 22, UDP: 26}[p]
		seen := map[uint16]bool{}
		for token := uint16(1); token < 2000; token += 7 {
			b := make([]byte, 2048)
			testFlow.packet4(b, &Probe{Addr: them, Proto: p, Port: 33434, TTL: 1, Size: 11, Token: token}, me)
			seen[binary.BigEndian.Uint16(b[at:])] = true
		}
		require.Len(t, seen, 1, p)
	}
}

// A host that finds no way itself complains to itself; that is no hop.
func TestOwnComplaintsAreNoHops(t *testing.T) {
	t.Parallel()
	b := make([]byte, 2048)
	n := testFlow.packet4(b, &Probe{Addr: them, Proto: ICMP, TTL: 3, Token: 7}, me)
	_, ok := testFlow.parse4(outer(me, append([]byte{3, 1, 0, 0, 0, 0, 0, 0}, b[:n]...)))
	require.False(t, ok)
}

func TestAnswersOfOthersAreNotOurs(t *testing.T) {
	t.Parallel()
	b := make([]byte, 2048)
	other := flow{ident: 9, udp: 9, tcp: 9, salt: 9}
	for _, p := range []Proto{ICMP, UDP, TCP} {
		n := other.packet4(b, &Probe{Addr: them, Proto: p, Port: 443, TTL: 3, Token: 7}, me)
		_, ok := testFlow.parse4(outer(hop, append([]byte{11, 0, 0, 0, 0, 0, 0, 0}, b[:n]...)))
		require.False(t, ok, p)
	}
	syn := make([]byte, 24)
	binary.BigEndian.PutUint16(syn[2:], testFlow.tcp)
	syn[13] = 0x12
	_, ok := testFlow.parseTCP(syn, them)
	require.False(t, ok)
	binary.BigEndian.PutUint32(syn[8:], 7<<16+uint32(testFlow.salt)+1)
	a, ok := testFlow.parseTCP(syn, them)
	require.True(t, ok)
	require.Equal(t, uint16(7), a.Token)
}

func FuzzParse(f *testing.F) {
	b := make([]byte, 2048)
	for _, p := range []Proto{ICMP, UDP, TCP} {
		n := testFlow.packet4(b, &Probe{Addr: them, Proto: p, Port: 443, TTL: 3, Token: 7}, me)
		f.Add(outer(hop, append([]byte{11, 0, 0, 0, 0, 0, 0, 0}, b[:n]...)))
	}
	f.Add([]byte{1, 3, 0, 0, 0, 0, 0, 0, 0x60})
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, ok := testFlow.parse4(b); ok && (!a.From.IsValid() || !a.To.IsValid() || a.Code == Silent) {
			t.Fatalf("an answer without a sender: %+v", a)
		}
		if a, ok := testFlow.parse6(b, hop); ok && a.Code == Silent {
			t.Fatalf("an answer that says nothing: %+v", a)
		}
		_, _ = testFlow.parseTCP(b, hop)
	})
}

func sample() []*Round {
	start := time.Unix(1_700_000_040, 0).UTC()
	return []*Round{
		{At: start.Add(time.Millisecond), Arrived: true, End: Hop{them, 20 * time.Millisecond, Reached}, Hops: []Hop{{hop, 1234 * time.Microsecond, Exceeded}, {}, {them, 20 * time.Millisecond, Reached}}},
		{At: start.Add(2500 * time.Millisecond), Hops: []Hop{{Code: NotSent}, {netip.MustParseAddr("2001:db8::7"), time.Second, NoHost}}},
	}
}

func TestBlocks(t *testing.T) {
	t.Parallel()
	start := time.Unix(1_700_000_040, 0).UTC()
	b := Pack(start, sample())
	got, err := Unpack(start, b)
	require.NoError(t, err)
	require.Equal(t, sample(), got)
	for i := range b {
		_, err := Unpack(start, b[:i])
		require.Error(t, err, "%d bytes", i)
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(Pack(time.Unix(1_700_000_040, 0), sample()))
	f.Fuzz(func(t *testing.T, b []byte) {
		start := time.Unix(1_700_000_040, 0).UTC()
		rs, err := Unpack(start, b)
		if err != nil {
			return
		}
		again, err := Unpack(start, Pack(start, rs))
		require.NoError(t, err)
		require.Equal(t, rs, again)
	})
}

func TestStats(t *testing.T) {
	t.Parallel()
	var s Stats
	for _, ms := range []int{10, 20, 15} {
		s.Add(time.Duration(ms) * time.Millisecond)
	}
	s.Lose()
	require.Equal(t, 0.25, s.Loss())
	require.Equal(t, 15*time.Millisecond, s.Mean())
	require.Equal(t, 7500*time.Microsecond, s.Jitter())
	require.Equal(t, 10*time.Millisecond, s.Min)
	require.Equal(t, 20*time.Millisecond, s.Max)
	// By hand: R = 93.2 - 0.024*(50+2*5) = 91.76 without loss; with 5 % loss 15.78 less.
	require.InDelta(t, 4.380, MOS(100*time.Millisecond, 5*time.Millisecond, 0), 0.002)
	require.InDelta(t, 3.87, MOS(100*time.Millisecond, 5*time.Millisecond, 0.05), 0.01)
	require.Equal(t, 1.0, MOS(3*time.Second, 0, 1))
}

func rounds(paths ...[]string) []*Round {
	var out []*Round
	for i, p := range paths {
		r := &Round{At: time.Unix(int64(1000+i), 0).UTC(), Arrived: true}
		for j, a := range p {
			h := Hop{Code: Exceeded, RTT: time.Millisecond}
			if a == "" {
				h = Hop{}
			} else {
				h.Addr = netip.MustParseAddr(a)
			}
			if j == len(p)-1 {
				h.Code = Reached
				r.End = h
			}
			r.Hops = append(r.Hops, h)
		}
		out = append(out, r)
	}
	return out
}

func repeat(n int, p ...string) [][]string {
	out := make([][]string, n)
	for i := range out {
		out[i] = p
	}
	return out
}

func TestRouteChanges(t *testing.T) {
	t.Parallel()
	follow := func(parts ...[][]string) *Route {
		var all [][]string
		for _, p := range parts {
			all = append(all, p...)
		}
		var r Route
		for _, x := range rounds(all...) {
			r.Take(x)
		}
		return &r
	}
	// Turns between equal-cost ways are no change.
	var turns [][]string
	for i := range 30 {
		turns = append(turns, []string{"10.0.0.1", []string{"10.0.1.1", "10.0.1.2"}[i/2%2], "10.9.9.9"})
	}
	require.Empty(t, follow(turns).Changes)
	// A single stray answer is none either, nor silence.
	require.Empty(t, follow(repeat(5, "10.0.0.1", "10.9.9.9"), repeat(2, "10.0.0.2", "10.9.9.9"), repeat(3, "", "10.9.9.9"), repeat(9, "10.0.0.1", "10.9.9.9")).Changes)
	// A way that moves is one change, at the time of the first round of the new way.
	r := follow(repeat(10, "10.0.0.1", "10.0.1.1", "10.0.2.1", "10.9.9.9"), repeat(10, "10.0.0.1", "10.0.1.7", "10.0.2.7", "10.9.9.9"))
	require.Len(t, r.Changes, 1)
	require.Equal(t, time.Unix(1010, 0).UTC(), r.Changes[0].At)
	require.Len(t, r.Changes[0].Hops, 2)
	require.Equal(t, 2, r.Changes[0].Hops[0].TTL)
	require.Equal(t, "10.0.1.7", r.Changes[0].Hops[0].To[0].String())
	// A way that becomes shorter.
	r = follow(repeat(10, "10.0.0.1", "10.0.1.1", "10.9.9.9"), repeat(10, "10.0.0.1", "10.9.9.9"))
	require.Len(t, r.Changes, 1)
	require.Equal(t, time.Unix(1010, 0).UTC(), r.Changes[0].At)
	require.Empty(t, r.Changes[0].Hops[1].To)
}
