package netpath

import (
	"net/netip"
	"slices"
	"time"
)

// Change is a change of the route at one distance.
type Change struct {
	TTL      int
	From, To []netip.Addr
}

// RouteChange is what changed at nearly the same time.
type RouteChange struct {
	At   time.Time
	Hops []Change
}

const (
	// A new address at a hop is a change when it was seen so often, and none of the old
	// ones meanwhile. Addresses that take turns are equal-cost ways and no change.
	sureAfter = 4
	// together joins changes of several hops.
	together = 15 * time.Second
	// maxChanges bounds what is kept of a window.
	maxChanges = 2000
)

// Route follows the route of a path, round by round. The zero value is ready.
type Route struct {
	Changes []RouteChange
	// Dropped is how many changes were more than could be kept.
	Dropped int
	hops    []hopRoute
	// far is the distance of the target, and a new one with how often it was seen.
	far, farther, seen int
	since              time.Time
}

type hopRoute struct {
	now   []netip.Addr
	next  []netip.Addr
	since time.Time
	seen  int
}

// Take looks at the next round.
func (t *Route) Take(r *Round) {
	for i, h := range r.Hops {
		for len(t.hops) <= i {
			t.hops = append(t.hops, hopRoute{})
		}
		if h.Addr.IsValid() && h.Code != NotSent {
			t.hop(i, h.Addr, r.At)
		}
	}
	t.distance(r)
}

func (t *Route) hop(i int, a netip.Addr, at time.Time) {
	x := &t.hops[i]
	switch {
	case len(x.now) == 0:
		x.now = []netip.Addr{a}
		return
	case slices.Contains(x.now, a):
		// Those that came in between take turns with this one.
		for _, b := range x.next {
			if len(x.now) < 32 {
				x.now = append(x.now, b)
			}
		}
		x.next, x.seen = nil, 0
		return
	case x.seen == 0:
		x.since = at
	}
	x.seen++
	if !slices.Contains(x.next, a) && len(x.next) < 32 {
		x.next = append(x.next, a)
	}
	if x.seen >= sureAfter {
		t.add(x.since, Change{TTL: i + 1, From: x.now, To: x.next})
		x.now, x.next, x.seen = x.next, nil, 0
	}
}

// distance notes that the way became shorter: the hops beyond are gone. That it became
// longer shows in the hops.
func (t *Route) distance(r *Round) {
	d := r.Distance()
	switch {
	case d == 0 || d == t.far:
		if d != 0 {
			t.seen = 0
		}
		return
	case t.far == 0:
		t.far = d
		return
	case d != t.farther || t.seen == 0:
		t.farther, t.seen, t.since = d, 0, r.At
	}
	if t.seen++; t.seen < sureAfter {
		return
	}
	for i := d; i < t.far && i < len(t.hops); i++ {
		if len(t.hops[i].now) > 0 {
			t.add(t.since, Change{TTL: i + 1, From: t.hops[i].now})
		}
		t.hops[i] = hopRoute{}
	}
	for i := t.far; i < d && i < len(t.hops); i++ {
		t.add(t.since, Change{TTL: i + 1, To: t.hops[i].now})
	}
	t.far, t.seen = d, 0
}

func (t *Route) add(at time.Time, c Change) {
	for i := len(t.Changes) - 1; i >= 0 && i >= len(t.Changes)-3; i-- {
		if at.Sub(t.Changes[i].At).Abs() <= together && !slices.ContainsFunc(t.Changes[i].Hops, func(o Change) bool { return o.TTL == c.TTL }) {
			x := &t.Changes[i]
			x.Hops = append(x.Hops, c)
			slices.SortFunc(x.Hops, func(a, b Change) int { return a.TTL - b.TTL })
			if at.Before(x.At) {
				x.At = at
			}
			return
		}
	}
	if len(t.Changes) >= maxChanges {
		t.Dropped++
		return
	}
	t.Changes = append(t.Changes, RouteChange{At: at, Hops: []Change{c}})
}
