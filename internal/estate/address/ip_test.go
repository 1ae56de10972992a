package address

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestHostsAndCapacity(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		prefix, first, last string
		n                   float64
	}{
		{"10.1.2.0/24", "10.1.2.1", "10.1.2.254", 254},
		{"10.1.2.4/30", "10.1.2.5", "10.1.2.6", 2},
		{"10.1.2.4/31", "10.1.2.4", "10.1.2.5", 2},
		{"10.1.2.4/32", "10.1.2.4", "10.1.2.4", 1},
		{"2001:db8::/126", "2001:db8::1", "2001:db8::3", 3},
		{"2001:db8::/127", "2001:db8::", "2001:db8::1", 2},
		{"2001:db8::7/128", "2001:db8::7", "2001:db8::7", 1},
	} {
		p := netip.MustParsePrefix(c.prefix)
		first, last := hosts(p)
		require.Equal(t, c.first, first.String(), c.prefix)
		require.Equal(t, c.last, last.String(), c.prefix)
		require.InDelta(t, c.n, capacity(p), 0, c.prefix)
	}
}

func TestParsePrefixSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"10.1.2.3/24": "the network is 10.1.2.0/24",
		"10.1.2.0":    "must be a network such as",
		"x":           "must be a network such as",
		"10.0.0.0/33": "must be a network such as",
	} {
		_, err := parsePrefix("prefix", text)
		require.ErrorContains(t, err, want, text)
	}
}

// TestKeysSortAsAddresses: texts of keys compare as the addresses do.
func TestKeysSortAsAddresses(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		gen := rapid.Custom(func(t *rapid.T) netip.Addr {
			n := rapid.SampledFrom([]int{4, 16}).Draw(t, "bytes")
			a, _ := netip.AddrFromSlice(rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "address"))
			return a.Unmap()
		})
		a, b := gen.Draw(t, "a"), gen.Draw(t, "b")
		if a.Compare(b) < 0 != (key(a) < key(b)) {
			t.Fatalf("%s and %s have keys in another order", a, b)
		}
		if fromKey(key(a)) != a {
			t.Fatalf("%s is not what its key gives", a)
		}
	})
}

// TestFreeIsWhatIsLeft compares with a walk over each address.
func TestFreeIsWhatIsLeft(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := netip.PrefixFrom(netip.MustParseAddr("10.9.0.0"), rapid.IntRange(22, 32).Draw(t, "bits"))
		at := func(label string) netip.Addr {
			a := netip.MustParseAddr("10.8.255.250")
			for range rapid.IntRange(0, 300).Draw(t, label) {
				a = a.Next()
			}
			return a
		}
		var taken []span
		for range rapid.IntRange(0, 12).Draw(t, "taken") {
			a, b := at("from"), at("to")
			if b.Less(a) {
				a, b = b, a
			}
			taken = append(taken, span{a, b})
		}
		want := map[netip.Addr]bool{}
		first, last := hosts(p)
	next:
		for a := first; !last.Less(a); a = a.Next() {
			for _, s := range taken {
				if !a.Less(s.first) && !s.last.Less(a) {
					continue next
				}
			}
			want[a] = true
		}
		n := 0
		for _, s := range free(p, merge(taken)) {
			for a := s.first; !s.last.Less(a); a = a.Next() {
				if !want[a] {
					t.Fatalf("%s is not free in %s beside %v", a, p, taken)
				}
				n++
			}
		}
		if n != len(want) {
			t.Fatalf("%d addresses of %d were found free", n, len(want))
		}
	})
}

func TestNextPrefixes(t *testing.T) {
	t.Parallel()
	in := netip.MustParsePrefix("10.0.0.0/22")
	taken := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24"), netip.MustParsePrefix("10.0.1.128/25")}
	var got []string
	for _, p := range nextPrefixes(in, taken, 25, 3) {
		got = append(got, p.String())
	}
	require.Equal(t, []string{"10.0.1.0/25", "10.0.2.0/25", "10.0.2.128/25"}, got)
	require.Empty(t, nextPrefixes(in, taken, 21, 3))
	require.Len(t, nextPrefixes(netip.MustParsePrefix("2001:db8::/32"), nil, 64, 5), 5)
}
