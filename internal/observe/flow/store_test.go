package flow

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

func service0(t testing.TB, d *db.DB) *Service {
	t.Helper()
	p, err := newPacker()
	require.NoError(t, err)
	return &Service{d: module.Deps{DB: d, Logger: testkit.Logger(t)}, packer: p, minutes: map[int64]*minute{}}
}

func sample(src, dst string, bytes uint64) record {
	r := record{exporter: origin{addr: netip.MustParseAddr("192.0.2.1")}, service: service{6, 443}, app: "https"}
	r.Src, r.Dst, r.SrcPort, r.DstPort, r.Protocol = netip.MustParseAddr(src), netip.MustParseAddr(dst), 40000, 443, 6
	r.Bytes, r.Packets, r.In, r.Out = bytes, bytes/100, 1, 2
	var n *networks
	r.srcNet, r.dstNet = n.of(r.Src), n.of(r.Dst)
	return r
}

// TestAYearOfTopTalkers fills the tiers minute by minute and asks over all of them.
func TestAYearOfTopTalkers(t *testing.T) {
	t.Parallel()
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		require.NoError(t, d.Migrate(t.Context(), []db.Migrations{audit.Migrations(), {Module: "observe.flow", FS: migrations}}))
		s := service0(t, d)
		s.opts.Retention = 24 * time.Hour
		now := s.now().Unix() / 86400 * 86400
		begin := now - 3*86400
		for tier := range s.written {
			s.written[tier].Store(begin)
		}
		var want uint64
		var ms []*minute
		for at := begin; at < now; at += 1800 { // two minutes of each hour
			m := newMinute(at)
			for i := range 3 {
				r := sample(fmt.Sprintf("10.0.0.%d", i+1), "10.0.1.1", uint64(1000*(i+1)))
				m.count(&r)
				want += r.Bytes
			}
			ms = append(ms, m)
		}
		require.NoError(t, s.saveMinutes(t.Context(), ms, now))
		s.written[tierMinute].Store(now)
		require.NoError(t, s.climb(t.Context()))
		require.Equal(t, now, s.written[tierHour].Load())
		require.Equal(t, now, s.written[tierDay].Load())
		// A minute that is not written yet counts too.
		r := sample("10.0.0.1", "10.0.1.1", 500)
		s.minuteOf(now).count(&r)
		want += 500
		for name, days := range map[string]int{"minutes": 1, "hours": 3, "days": 80} {
			q := question{by: []*dimension{dimensionOf("src")}, from: time.Unix(now, 0).AddDate(0, 0, -days), to: time.Unix(now+60, 0), metric: "bytes", limit: 2}
			a, err := s.top(t.Context(), q)
			require.NoError(t, err, name)
			require.Len(t, a.rows, 2)
			require.Equal(t, []string{"10.0.0.3"}, a.rows[0].keys)
			if days >= 3 {
				require.Equal(t, want, a.total.bytes, name)
				require.EqualValues(t, 3*48*3000, a.rows[0].bytes, name)
			}
			l, err := s.series(t.Context(), q, 0)
			require.NoError(t, err, name)
			var sum uint64
			for _, v := range l.totals {
				sum += v
			}
			require.Equal(t, a.total.bytes, sum, name)
			require.Len(t, l.lines, 2)
		}
		// Filters over a long time ask the conversations.
		f, err := parseFilters([]string{"src:10.0.0.2", "app:https"})
		require.NoError(t, err)
		a, err := s.top(t.Context(), question{by: []*dimension{dimensionOf("dst")}, filters: f, from: time.Unix(begin, 0), to: time.Unix(now, 0), metric: "bytes", limit: 9})
		require.NoError(t, err)
		require.Equal(t, fromConversations, a.source)
		require.EqualValues(t, 3*48*2000, a.total.bytes)
		require.NoError(t, s.prune(t.Context()))
	})
}

func TestManyKeysAreBounded(t *testing.T) {
	t.Parallel()
	ty := newTally[int](100)
	for i := range 10_000 {
		ty.add(i, sums{1, 1, 1})
		if i%10 == 0 {
			ty.add(-1, sums{1000, 1, 1})
		}
		require.LessOrEqual(t, len(ty.m), 200)
	}
	b := ty.bucket(50, func(i int) string { return fmt.Sprint(i) })
	require.Len(t, b.entries, 50)
	var all sums
	big := uint64(0)
	for _, e := range b.entries {
		all.add(e.sums)
		if e.key == "-1" {
			big = e.bytes
		}
	}
	all.add(b.other)
	require.Equal(t, sums{10_000 + 1000*1000, 11_000, 11_000}, all, "nothing is lost, only joined")
	require.EqualValues(t, 1_000_000, big, "what is large stays")
}

func TestNamesOfSNMPComeFirst(t *testing.T) {
	t.Parallel()
	x := &exporter{origin: origin{addr: netip.MustParseAddr("192.0.2.1")}}
	x.names.Interfaces = map[uint32]string{3: "own", 4: "four"}
	x.polled = map[uint32]estate.Interface{3: {Index: 3, Name: "Gi0/3", Alias: "uplink", SpeedBPS: 1e9}}
	name, alias, speed := x.interfaceName(3)
	require.Equal(t, []any{"Gi0/3", "uplink", uint64(1e9)}, []any{name, alias, speed})
	name, _, _ = x.interfaceName(4)
	require.Equal(t, "four", name)
	require.Len(t, x.interfaces(), 2)
}

func TestNetworksOfThePlanComeFirst(t *testing.T) {
	t.Parallel()
	plan := netip.MustParsePrefix("10.1.0.0/16")
	wide := netip.MustParsePrefix("10.0.0.0/8")
	n := &networks{lengths: map[bool][]int{true: {16, 8}}, known: map[netip.Prefix]bool{plan: true, wide: true}}
	for a, want := range map[string]string{"10.1.2.3": "10.1.0.0/16", "10.9.2.3": "10.0.0.0/8", "192.0.2.7": "192.0.2.0/24", "2001:db8::7": "2001:db8::/64"} {
		require.Equal(t, want, n.of(netip.MustParseAddr(a)).String())
	}
}

func TestTheServerIsFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		proto         uint8
		src, dst, out uint16
	}{{6, 50000, 443, 443}, {6, 443, 50000, 443}, {17, 5353, 5353, 5353}, {6, 8080, 80, 80}, {6, 1024, 3306, 3306}, {1, 0, 2048, 0}, {6, 40000, 50000, 40000}} {
		require.Equal(t, c.out, serverPort(c.proto, c.src, c.dst), "%v", c)
	}
}

func FuzzUnpack(f *testing.F) {
	p, err := newPacker()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(p.pack(bucket{entries: []entry{{"10.0.0.1", sums{1, 2, 3}}}, other: sums{4, 5, 6}}))
	f.Add([]byte{})
	f.Fuzz(func(_ *testing.T, b []byte) {
		_, _ = p.unpack(b, func([]byte, sums) {})
		_, _ = p.unpack(p.enc.EncodeAll(b, nil), func([]byte, sums) {})
	})
}

func FuzzFilters(f *testing.F) {
	for _, s := range []string{"src:10.0.0.1", "!app:https", "dst:10.0.0.0/8", "interface:10.0.0.1/3", "interface:10.0.0.1@a/b/3", "exporter:10.0.0.1@branch", "edge:branch", "pair:1.2.3.4>1.2.3.5", "service:tcp/443", "app:\"x\" or *"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fs, err := parseFilters([]string{text})
		if err != nil {
			return
		}
		if _, err := logsQL(fs); err != nil {
			return
		}
		for i := range fs {
			fs[i].keeps(make([]string, columns))
		}
	})
}

func TestAWeekBeforeHasTheSameSteps(t *testing.T) {
	t.Parallel()
	now := lines{begin: 700_000, width: 60, totals: make([]uint64, 4)}
	require.Equal(t, []uint64{1, 2, 3, 0}, now.fit(lines{begin: 100_000, width: 60, totals: []uint64{1, 2, 3}}, 100_000))
	require.Equal(t, []uint64{10, 10, 10, 10}, now.fit(lines{begin: 97_200, width: 3600, totals: []uint64{600, 1200}}, 100_000))
	require.Equal(t, []uint64{0, 5, 0, 0}, now.fit(lines{begin: 100_060, width: 60, totals: []uint64{5}}, 100_000))
}
