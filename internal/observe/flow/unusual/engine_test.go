package unusual

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var day0 = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func nth(base string, n int) netip.Addr {
	a := addr(base).As4()
	v := int(a[2])<<8 + int(a[3]) + n
	a[2], a[3] = byte(v>>8), byte(v)
	return netip.AddrFrom4(a)
}

// run feeds an engine window by window; traffic gives the records of window n.
type run struct {
	e      *Engine
	now    time.Time
	raised []Finding
	ended  []Ended
}

func (r *run) windows(n int, traffic func(i int, at time.Time) []Record) {
	for i := range n {
		for _, rec := range traffic(i, r.now) {
			if rec.At.IsZero() {
				rec.At = r.now.Add(time.Minute)
			}
			if rec.Packets == 0 {
				rec.Packets = 1
			}
			r.e.Observe(rec)
		}
		r.tick(4 * time.Minute)
		r.now = r.now.Add(Window)
		r.tick(0)
	}
}

func (r *run) tick(after time.Duration) {
	a, b := r.e.Tick(r.now.Add(after))
	r.raised, r.ended = append(r.raised, a...), append(r.ended, b...)
}

func (r *run) kinds() []Kind {
	var out []Kind
	for _, f := range r.raised {
		out = append(out, f.Kind)
	}
	return out
}

// ordinary is a client that talks to a few servers.
func ordinary(int, time.Time) []Record {
	var out []Record
	for i := range 5 {
		out = append(out, Record{Src: addr("10.0.0.7"), Dst: nth("10.0.1.1", i), Protocol: 6, DstPort: 443, ToServer: true, Flags: 27, Bytes: 50_000, Packets: 60, Service: "tcp/443"})
	}
	return append(out, Record{Src: addr("10.0.0.7"), Dst: addr("192.0.2.1"), Protocol: 6, DstPort: 443, ToServer: true, Flags: 27, Bytes: 2_000_000, Packets: 2000, Service: "tcp/443"})
}

func learned(t *testing.T, change ...func(*Settings)) *run {
	t.Helper()
	s := Defaults()
	s.LearningHours = 1
	for _, c := range change {
		c(&s)
	}
	require.NoError(t, s.Check())
	r := &run{e: New(s), now: day0}
	r.e.SetImportant([]netip.Addr{addr("10.0.1.1")})
	r.windows(13, ordinary)
	require.Empty(t, r.raised, "what is usual is not unusual")
	return r
}

func scan(ports int) []Record {
	var out []Record
	for i := range ports {
		out = append(out, Record{Src: addr("10.0.0.66"), Dst: addr("10.0.1.9"), Protocol: 6, DstPort: uint16(1 + i), Flags: 2, Bytes: 40})
	}
	return out
}

func sweep(hosts int, src string) []Record {
	var out []Record
	for i := range hosts {
		out = append(out, Record{Src: addr(src), Dst: nth("10.7.0.1", i), Protocol: 6, DstPort: 445, Flags: 2, Bytes: 40})
	}
	return out
}

func fan(hosts int) []Record {
	var out []Record
	for i := range hosts {
		out = append(out, Record{Src: addr("10.0.0.7"), Dst: nth("10.7.0.1", i), Protocol: 6, DstPort: 443, ToServer: true, Flags: 27, Bytes: 90_000, Packets: 100})
	}
	return out
}

func TestWhatIsUnusual(t *testing.T) {
	t.Parallel()
	upload := func(bytes uint64) []Record {
		return []Record{{Src: addr("10.0.0.7"), Dst: addr("198.51.100.9"), Protocol: 6, DstPort: 443, ToServer: true, Flags: 27, Bytes: bytes, Packets: bytes / 1000}}
	}
	replies := func(n int) []Record { // of a server to many clients' ports
		var out []Record
		for i := range n {
			out = append(out, Record{Src: addr("10.0.1.1"), Dst: nth("10.9.0.1", i), Protocol: 6, DstPort: uint16(30000 + i), Flags: 27, Bytes: 100})
		}
		return out
	}
	flood := func(packets uint64, senders int) []Record {
		var out []Record
		for i := range senders {
			out = append(out, Record{Src: nth("198.18.0.1", i), Dst: addr("10.0.1.2"), Protocol: 17, DstPort: 53, Bytes: 60 * packets, Packets: packets})
		}
		return out
	}
	for name, c := range map[string]struct {
		change  func(*Settings)
		records []Record
		want    []Kind
		reason  string
	}{
		"a scan of ports":               {records: scan(300), want: []Kind{PortScan}, reason: "ports of 10.0.1.9 in 4 minutes"},
		"a few ports":                   {records: scan(50)},
		"a sweep":                       {records: sweep(400, "10.0.0.66"), want: []Kind{Sweep}, reason: "port 445"},
		"a few addresses":               {records: sweep(60, "10.0.0.66")},
		"a fan-out":                     {records: fan(300), want: []Kind{FanOut}, reason: "At its usual peak it is about"},
		"a fan-out of somebody new":     {records: sweep(80, "10.0.0.67")},
		"a server with many clients":    {records: replies(400)},
		"much to the outside":           {records: upload(5_000_000_000), want: []Kind{Outflow}, reason: "10.0.0.7 sent 5.0 GB to the outside"},
		"some to the outside":           {records: upload(400_000_000)},
		"a flood of packets":            {records: flood(10_000_000, 3), want: []Kind{Flood}, reason: "packets per second"},
		"a flood of senders":            {records: flood(10, 3000), want: []Kind{Flood}, reason: "senders"},
		"many packets, but not so many": {records: flood(100_000, 3)},
		"switched off":                  {change: func(s *Settings) { s.Off = []Kind{PortScan} }, records: scan(300)},
		"ignored":                       {change: func(s *Settings) { s.Ignore = []string{"10.0.0.64/28"} }, records: append(scan(300), sweep(400, "10.0.0.66")...)},
		"tuned":                         {change: func(s *Settings) { s.ScanPorts = 20 }, records: scan(50), want: []Kind{PortScan}},
		"a new talker":                  {records: []Record{{Src: addr("10.0.0.99"), Dst: addr("10.0.1.1"), Protocol: 6, DstPort: 22, ToServer: true, Bytes: 5000, Packets: 20, Service: "tcp/22"}}, want: []Kind{NewTalker}, reason: "10.0.0.99 talks to 10.0.1.1 for the first time over tcp/22"},
		"from the outside":              {records: []Record{{Src: addr("198.51.100.1"), Dst: addr("10.0.1.1"), Protocol: 6, DstPort: 443, ToServer: true, Bytes: 5000}}},
		"to the outside":                {records: []Record{{Src: addr("10.0.1.1"), Dst: addr("198.51.100.1"), Protocol: 6, DstPort: 443, ToServer: true, Bytes: 5000, Service: "tcp/443"}}, want: []Kind{NewTalker}, reason: "on the outside"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.change == nil {
				c.change = func(*Settings) {}
			}
			r := learned(t, c.change)
			r.windows(1, func(i int, at time.Time) []Record { return append(ordinary(i, at), c.records...) })
			require.Equal(t, c.want, r.kinds())
			if len(c.want) > 0 {
				require.Contains(t, r.raised[0].Reason, c.reason)
			}
			require.Empty(t, r.ended)
			r.windows(2, ordinary)
			require.Len(t, r.ended, len(c.want), "it is over when a window passed without it")
			require.Len(t, r.raised, len(c.want), "and told once")
		})
	}
}

func TestWhatLastsIsOneFindingAndNeverUsual(t *testing.T) {
	t.Parallel()
	r := learned(t)
	attack := func(i int, at time.Time) []Record { return append(ordinary(i, at), fan(300)...) }
	r.windows(30, attack)
	require.Equal(t, []Kind{FanOut}, r.kinds())
	require.Empty(t, r.ended)
	require.Less(t, r.e.usual[addr("10.0.0.7")].Peers, 10.0)
}

func TestItIsQuietWhileItLearns(t *testing.T) {
	t.Parallel()
	s := Defaults()
	r := &run{e: New(s), now: day0}
	r.windows(12, func(i int, at time.Time) []Record {
		return append(append(ordinary(i, at), scan(300)...), sweep(400, "10.0.0.66")...)
	})
	require.Empty(t, r.raised)
	require.Equal(t, day0.Add(time.Minute+24*time.Hour), r.e.Learning())
}

func TestARestartForgetsNothing(t *testing.T) {
	t.Parallel()
	r := learned(t)
	r.windows(1, func(i int, at time.Time) []Record { return append(ordinary(i, at), scan(300)...) })
	require.Len(t, r.raised, 1)
	b, err := json.Marshal(r.e.Snapshot())
	require.NoError(t, err)
	var snap Snapshot
	require.NoError(t, json.Unmarshal(b, &snap))
	again := &run{e: New(r.e.rules.Settings), now: r.now}
	again.e.SetImportant([]netip.Addr{addr("10.0.1.1")})
	again.e.Restore(snap)
	again.windows(1, ordinary)
	require.Empty(t, again.raised, "who talked before is no new talker, and what is open is not told again")
	again.windows(1, ordinary)
	require.Len(t, again.ended, 1)
	again.windows(1, func(i int, at time.Time) []Record { return fan(300) })
	require.Equal(t, []Kind{FanOut}, again.kinds(), "what is usual is known")
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	e := New(Defaults())
	for i := range 400_000 {
		src := netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)})
		e.Observe(Record{At: day0, Src: src, Dst: addr("10.0.0.1"), Protocol: 6, DstPort: uint16(i), Flags: 2, Bytes: 40, Packets: 1})
	}
	require.LessOrEqual(t, len(e.hosts), maxHosts)
	require.LessOrEqual(t, len(e.pairs), maxPairs)
	require.LessOrEqual(t, len(e.tries), maxTries)
	require.NotZero(t, e.Skipped)
	e.Tick(day0.Add(Window))
	require.LessOrEqual(t, len(e.usual), maxHosts)
	require.Empty(t, e.hosts)
}

func TestDistinctThingsAreEstimated(t *testing.T) {
	t.Parallel()
	h := newHasher()
	for _, n := range []int{0, 1, 10, 100, 1000, 3000} {
		var b bitmap
		for range 3 {
			for i := range n {
				b.add(h.port(uint16(i)))
			}
		}
		require.InDelta(t, n, b.count(), 2+0.15*float64(n), fmt.Sprint(n))
	}
}

func TestSettingsAreChecked(t *testing.T) {
	t.Parallel()
	s := Defaults()
	s.Off, s.Ignore, s.Inside, s.Factor, s.ScanPorts = []Kind{"no"}, []string{"x"}, []string{"10.0.0.0/99"}, 1, 0
	err := s.Check()
	for _, path := range []string{"off[0]", "ignore[0]", "inside[0]", "factor", "scan_ports"} {
		require.ErrorContains(t, err, path)
	}
}
