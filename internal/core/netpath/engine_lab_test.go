//go:build linux

package netpath

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const msec = time.Millisecond

// run measures targets in the lab until every one has so many rounds. The engine runs
// in this goroutine, whose thread is in the namespace.
func (l *lab) measure(t *testing.T, rounds int, targets map[string]Target) map[string][]*Round {
	t.Helper()
	var mu sync.Mutex
	got := map[string][]*Round{}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	var eng *Engine
	ready := make(chan struct{})
	wire, err := Open(func(a Answer) { <-ready; eng.Hear(a) })
	require.NoError(t, err)
	require.True(t, wire.Raw())
	defer wire.Close()
	eng = New(wire, func(id string, r *Round) {
		mu.Lock()
		defer mu.Unlock()
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.until.IsZero() || r.At.Before(l.until.Add(-50*msec*5)) {
			got[id] = append(got[id], r)
		}
		for id := range targets {
			if len(got[id]) < rounds {
				return
			}
		}
		// Rounds with a lost probe end later than others and must not be left out.
		if l.until.IsZero() {
			l.until = time.Now()
			time.AfterFunc(Wait+500*msec, cancel)
		}
	})
	close(ready)
	for id, x := range targets {
		eng.Put(id, x)
	}
	eng.Run(ctx)
	require.NoError(t, t.Context().Err())
	mu.Lock()
	defer mu.Unlock()
	for id := range targets {
		require.GreaterOrEqual(t, len(got[id]), rounds, id)
	}
	require.Zero(t, eng.Unsent())
	return got
}

func addrsAt(rs []*Round, ttl int) []string {
	var out []string
	for _, r := range rs {
		if len(r.Hops) >= ttl && r.Hops[ttl-1].Answered() {
			if a := r.Hops[ttl-1].Addr.String(); !slices.Contains(out, a) {
				out = append(out, a)
			}
		}
	}
	return out
}

func TestLabHopsOfAllProtocols(t *testing.T) {
	l := newLab(t)
	ways4 := func() *way {
		return &way{routers: []router{r1("198.18.1.1", 2*msec), {addrs: []netip.Addr{netip.MustParseAddr("198.18.1.2")}, delay: 3 * msec, eight: true}, r1("198.18.1.3", 5*msec)}, delay: 4 * msec}
	}
	ways6 := func() *way {
		return &way{routers: []router{r1("2001:db8:1::1", 2*msec), r1("2001:db8:1::2", 3*msec), r1("2001:db8:1::3", 5*msec)}, delay: 4 * msec}
	}
	targets := map[string]Target{}
	for i, p := range []Proto{ICMP, UDP, TCP} {
		a4, a6 := fmt.Sprintf("203.0.113.%d", i+1), fmt.Sprintf("2001:db8:9::%d", i+1)
		targets[string(p)+"4"] = Target{Addr: l.set(a4, ways4()), Proto: p, Every: MinEvery}
		targets[string(p)+"6"] = Target{Addr: l.set(a6, ways6()), Proto: p, Every: MinEvery}
	}
	got := l.measure(t, 8, targets)
	for id, rs := range got {
		want := []string{"198.18.1.1", "198.18.1.2", "198.18.1.3"}
		if id[len(id)-1] == '6' {
			want = []string{"2001:db8:1::1", "2001:db8:1::2", "2001:db8:1::3"}
		}
		for i, r := range rs[:8] {
			require.Len(t, r.Hops, 4, "%s round %d", id, i)
			require.True(t, r.Arrived, "%s round %d", id, i)
			for ttl, a := range want {
				require.Equal(t, a, r.Hops[ttl].Addr.String(), "%s round %d hop %d", id, i, ttl+1)
				require.Equal(t, Exceeded, r.Hops[ttl].Code)
			}
			require.Equal(t, targets[id].Addr, r.Hops[3].Addr, id)
			require.GreaterOrEqual(t, r.End.RTT, 14*msec, id)
		}
		// Constant flow: all probes of a target looked the same to routers.
		l.mu.Lock()
		require.Len(t, l.flows[targets[id].Addr], 1, id)
		l.mu.Unlock()
	}
}

// Loss and latency against what the lab did: counted exactly, and within 0.2 ms.
func TestLabLossAndLatency(t *testing.T) {
	l := newLab(t)
	w := &way{routers: []router{r1("198.18.1.1", 3*msec), r1("198.18.1.2", 7*msec), r1("198.18.1.3", 10*msec)}, delay: 5 * msec, loss: 0.05}
	w.routers[1].loss = 0.1
	targets := map[string]Target{}
	var addrs []netip.Addr
	for i := range 40 {
		a := l.set(fmt.Sprintf("203.0.113.%d", i+1), w)
		addrs = append(addrs, a)
		targets[a.String()] = Target{Addr: a, Every: MinEvery}
	}
	got := l.measure(t, 25, targets)
	l.mu.Lock()
	defer l.mu.Unlock()
	var hops [5]Stats
	var truth [5]labTruth
	for _, a := range addrs {
		for _, r := range got[a.String()] {
			// The first round does not know the distance yet.
			for ttl, h := range r.Hops[:min(4, len(r.Hops))] {
				hops[ttl+1].Take(h)
			}
		}
		for ttl := 1; ttl <= 4; ttl++ {
			x := l.truth[labKey{a, ttl}]
			truth[ttl].got += x.got
			truth[ttl].lost += x.lost
			truth[ttl].delays += x.delays
			truth[ttl].answers += x.answers
		}
	}
	for ttl := 1; ttl <= 4; ttl++ {
		s, x := &hops[ttl], truth[ttl]
		mean := x.delays / time.Duration(x.answers)
		t.Logf("hop %d: loss %.2f %% (lab %.2f %% of %d), mean %s (lab %s)", ttl, s.Loss()*100, 100*float64(x.lost)/float64(x.got), x.got, s.Mean(), mean)
		// The target counts the probe that measures from end to end as well, so the two
		// losses are of different probes there: four times the deviation of chance.
		delta := 0.01
		if ttl == 4 {
			delta = 0.03
		}
		require.InDelta(t, float64(x.lost)/float64(x.got), s.Loss(), delta, "hop %d", ttl)
		told := []time.Duration{3 * msec, 10 * msec, 20 * msec, 25 * msec}[ttl-1]
		require.InDelta(t, told.Seconds()*1000, s.Min.Seconds()*1000, 0.5, "best answer of hop %d", ttl)
		if mean > told+400*time.Microsecond {
			t.Logf("the lab itself was late by %s on a busy machine; the mean of hop %d is not compared", mean-told, ttl)
			continue
		}
		require.InDelta(t, mean.Seconds()*1000, s.Mean().Seconds()*1000, 0.2, "hop %d", ttl)
	}
	require.Zero(t, hops[1].Lost)
}

func TestLabBalancedWaysAreNotScrambled(t *testing.T) {
	l := newLab(t)
	many := func(prefix string) router {
		r := router{delay: msec}
		for i := range 8 {
			r.addrs = append(r.addrs, netip.MustParseAddr(fmt.Sprintf("%s.%d", prefix, i+1)))
		}
		return r
	}
	targets := map[string]Target{}
	for i, p := range []Proto{ICMP, UDP, TCP} {
		a := l.set(fmt.Sprintf("203.0.113.%d", i+1), &way{routers: []router{r1("198.18.1.1", msec), many("198.18.2"), many("198.18.3")}, delay: msec})
		targets[string(p)] = Target{Addr: a, Proto: p, Every: MinEvery}
	}
	for id, rs := range l.measure(t, 12, targets) {
		var route Route
		for _, r := range rs {
			route.Take(r)
		}
		for ttl := 1; ttl <= 3; ttl++ {
			require.Len(t, addrsAt(rs, ttl), 1, "%s hop %d", id, ttl)
		}
		require.Empty(t, route.Changes, id)
	}
}

func TestLabSilentLimitedRefusedDead(t *testing.T) {
	l := newLab(t)
	silent := &way{routers: []router{r1("198.18.1.1", msec), {delay: msec, silent: true}, r1("198.18.1.3", msec)}, delay: msec}
	limited := &way{routers: []router{r1("198.18.1.1", msec), {addrs: r1("198.18.1.2", 0).addrs, delay: msec, limit: 0.3}, r1("198.18.1.3", msec)}, delay: msec}
	refused := &way{routers: []router{r1("198.18.1.1", msec), r1("198.18.1.2", msec)}, refused: true}
	dead := &way{routers: []router{r1("198.18.1.1", msec), r1("198.18.1.2", msec)}, dead: true}
	got := l.measure(t, 25, map[string]Target{
		"silent":  {Addr: l.set("203.0.113.1", silent), Every: MinEvery},
		"limited": {Addr: l.set("203.0.113.2", limited), Every: MinEvery},
		"refused": {Addr: l.set("203.0.113.3", refused), Every: MinEvery},
		"dead":    {Addr: l.set("203.0.113.4", dead), Every: MinEvery},
	})
	for _, r := range got["silent"] {
		require.True(t, r.Arrived)
		require.Len(t, r.Hops, 4)
		require.False(t, r.Hops[1].Answered())
	}
	var mid, end Stats
	for _, r := range got["limited"] {
		mid.Take(r.Hops[1])
		end.TakeEnd(r)
	}
	require.Greater(t, mid.Loss(), 0.3)
	require.Zero(t, end.Lost)
	for _, r := range got["refused"] {
		require.False(t, r.Arrived)
		require.Equal(t, "!X", r.End.Code.String())
		require.Equal(t, "198.18.1.2", r.End.Addr.String())
	}
	for _, r := range got["dead"] {
		require.False(t, r.Arrived)
		require.LessOrEqual(t, len(r.Hops), 3)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	// A dead target is not looked for at all distances in every round.
	require.Less(t, l.truth[labKey{netip.MustParseAddr("203.0.113.4"), 3}].got, 6*len(got["dead"]))
}

func TestLabRouteMoves(t *testing.T) {
	l := newLab(t)
	a := l.set("203.0.113.1", &way{routers: []router{r1("198.18.1.1", msec), r1("198.18.1.2", msec), r1("198.18.1.3", msec)}, delay: msec})
	go func() {
		time.Sleep(3 * time.Second) // the way moves while it is measured
		l.set("203.0.113.1", &way{routers: []router{r1("198.18.1.1", msec), r1("198.18.4.2", msec), r1("198.18.4.3", msec), r1("198.18.1.3", msec)}, delay: msec})
	}()
	rs := l.measure(t, 40, map[string]Target{"a": {Addr: a, Every: MinEvery}})["a"]
	var route Route
	var end Stats
	for _, r := range rs {
		route.Take(r)
		end.TakeEnd(r)
	}
	require.Zero(t, end.Lost, "the target is not lost while its distance changes")
	require.Len(t, rs[len(rs)-1].Hops, 5)
	require.NotEmpty(t, route.Changes)
	require.Contains(t, fmt.Sprint(route.Changes[0].Hops), "198.18.4.2")
}
