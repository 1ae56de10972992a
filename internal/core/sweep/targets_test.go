package sweep

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

func list(t *Targets, from int) []string {
	var out []string
	t.each(from, func(i int, a netip.Addr, name string) bool {
		if name == "" {
			name = a.String()
		}
		out = append(out, name)
		return true
	})
	return out
}

func TestTargets(t *testing.T) {
	t.Parallel()
	ts, err := Parse([]string{"10.0.0.8/30", "sw1.example.org", "10.0.0.20-22", "10.0.0.21-10.0.0.24", "10.0.0.10", "2001:db8::/126", "SW1.example.org."}, []string{"10.0.0.22"}, 0)
	require.NoError(t, err)
	want := []string{"10.0.0.9", "10.0.0.10", "10.0.0.20", "10.0.0.21", "10.0.0.23", "10.0.0.24", "2001:db8::", "2001:db8::1", "2001:db8::2", "2001:db8::3", "sw1.example.org"}
	require.Equal(t, want, list(ts, 0))
	require.Equal(t, len(want), ts.Count())
	for from := range want {
		require.Equal(t, want[from:], list(ts, from), "a sweep that goes on at %d", from)
	}
	require.True(t, ts.Contains(netip.MustParseAddr("10.0.0.23")))
	require.False(t, ts.Contains(netip.MustParseAddr("10.0.0.22")))
	big, err := Parse([]string{"127.0.0.0/16"}, nil, 0)
	require.NoError(t, err)
	require.Equal(t, 65534, big.Count())
	require.Equal(t, []string{"127.0.255.254"}, list(big, 65533))
}

// All mistakes are told, each at its place.
func TestTargetMistakes(t *testing.T) {
	t.Parallel()
	_, err := Parse([]string{"10.0.0.0/33", "10.0.0.5/24", "10.0.0.9-10.0.0.1", "10.0.0.1-2001:db8::1", "10.0.0.256", "bad name", "", "ok.example.org", "10.0.0.1-x"}, []string{"/8"}, 0)
	paths := []string{}
	for _, f := range errs.FieldsOf(err) {
		paths = append(paths, f.Path)
	}
	require.Equal(t, []string{"targets[0]", "targets[1]", "targets[2]", "targets[3]", "targets[4]", "targets[5]", "targets[6]", "targets[8]", "exclude[0]"}, paths)
	require.Contains(t, err.Error(), "did you mean 10.0.0.0/24?")
	for _, in := range [][]string{{"10.0.0.0/8"}, {"2001:db8::/32"}, {"10.0.0.0/16", "10.1.0.0/24"}, {"::/0"}, {"::-ffff::"}} {
		_, err = Parse(in, nil, 0)
		require.ErrorContains(t, err, "more than 65536 addresses", "%q", in)
	}
	_, err = Parse(nil, nil, 0)
	require.ErrorContains(t, err, "is empty")
	_, err = Parse([]string{"10.0.0.1"}, []string{"10.0.0.0/24"}, 0)
	require.ErrorContains(t, err, "leaves nothing")
}

func TestSplit(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"10.0.0.1", "10.0.0.2", "a"}, Split("10.0.0.1, 10.0.0.2 # first\n# none\na;"))
}

func FuzzTargets(f *testing.F) {
	for _, s := range []string{"10.0.0.0/30", "10.0.0.1-9", "::/120 !::5", "a.b", "255.255.255.255-255.255.255.255"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		in, out, _ := strings.Cut(s, "!")
		ts, err := Parse(Split(in), Split(out), 2000)
		if err != nil {
			return
		}
		all := list(ts, 0)
		require.Len(t, all, ts.Count())
		sorted := slices.Clone(all)
		slices.Sort(sorted)
		require.Len(t, slices.Compact(sorted), ts.Count(), "no address twice")
	})
}

func FuzzARP(f *testing.F) {
	f.Add("IP address HW type Flags HW address Mask Device\n10.0.0.1 0x1 0x2 AA:bb:cc:dd:ee:ff * eth0\n10.0.0.1 0x1 0x2 aa:bb:cc:dd:ee:00 * eth1\n10.0.0.2 0x1 0x0 00:00:00:00:00:00 * eth0\n")
	f.Fuzz(func(t *testing.T, s string) {
		for _, ms := range parseARP(strings.NewReader(s)) {
			require.NotEmpty(t, ms)
		}
	})
}

func TestARP(t *testing.T) {
	t.Parallel()
	m := parseARP(strings.NewReader("IP address       HW type     Flags       HW address            Mask     Device\n10.0.0.1         0x1         0x2         AA:bb:cc:dd:ee:ff     *        eth0\n10.0.0.1         0x1         0x2         aa:bb:cc:dd:ee:00     *        eth1\n10.0.0.2         0x1         0x0         00:00:00:00:00:00     *        eth0\n"))
	require.Equal(t, map[netip.Addr][]string{netip.MustParseAddr("10.0.0.1"): {"aa:bb:cc:dd:ee:ff", "aa:bb:cc:dd:ee:00"}}, m)
}
