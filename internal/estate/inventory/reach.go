package inventory

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/estate/inventory/kind"
)

// outcome is what becomes of an item when others stop, from none to the worst.
type outcome uint8

const (
	untouched outcome = iota
	stillWorks
	degraded
	stops
)

// String gives the word of the API.
func (o outcome) String() string {
	return [...]string{"", "still_works", "degraded", "stops"}[o]
}

// walk is a search through relations.
type walk struct {
	// up follows needs, otherwise impact is followed.
	up bool
	// depth is the largest distance, 0 for any.
	depth int
	// limit is the largest number of items found.
	limit int
	// visible tells which items are given and counted; nil for all.
	visible func(teamID string) bool
	// within keeps the walk to these nodes; nil for all.
	within map[*node]bool
}

// reached is an item found, with how.
type reached struct {
	estate.Reached
	outcome outcome
	// left of the members of a group still work.
	left, of int
	group    string
	// way is the items from the start to this one, both included.
	way []estate.Item
	// steps tells by which relation each item of the way reaches the next.
	steps []step
}

// step is one relation on a way. forward tells that the one that stops first owns
// it.
type step struct {
	typ     string
	forward bool
}

// mark is what a walk knows of one node.
type mark struct {
	walk     uint64
	outcome  outcome
	distance int32
	parent   *node
}

// marks are those of one walk at a time; they are used again without being wiped.
type marks struct {
	walk uint64
	m    []mark
}

func (k *marks) of(n *node) *mark {
	m := &k.m[n.seq]
	if m.walk != k.walk {
		*m = mark{walk: k.walk}
	}
	return m
}

func (g *graph) borrow() *marks {
	k, _ := g.marks.Get().(*marks)
	if k == nil {
		k = &marks{}
	}
	if len(k.m) < g.count {
		k.m = make([]mark, g.count+g.count/8+16)
		k.walk = 0
	}
	k.walk++
	return k
}

// spread lets the starts stop, or follows what they need, breadth first. It gives
// the nodes reached, the nearest first and by name.
func (g *graph) spread(k *marks, ids []string, w walk) (found []*node) {
	level := make([]*node, 0, len(ids))
	for _, s := range ids {
		if n := g.nodes[s]; n != nil && n.alive {
			if m := k.of(n); m.outcome == untouched {
				m.outcome = stops
				level = append(level, n)
			}
		}
	}
	sortNodes(level)
	for distance := int32(1); len(level) > 0 && (w.depth == 0 || int(distance) <= w.depth); distance++ {
		var next []*node
		before := make([]outcome, len(level))
		for i, n := range level {
			before[i] = k.of(n).outcome
		}
		for i, n := range level {
			near := n.hit
			if w.up {
				near = n.needs
			}
			for _, m := range near {
				if !m.alive || w.within != nil && !w.within[m] {
					continue
				}
				at := k.of(m)
				if at.outcome == stops {
					continue
				}
				out := stops
				if !w.up {
					out = g.blow(k, m, n, before[i], distance)
				}
				if out <= at.outcome {
					continue
				}
				if at.outcome == untouched {
					found = append(found, m)
				}
				queued := at.distance == distance && at.outcome >= degraded
				at.outcome, at.distance, at.parent = out, distance, n
				if out >= degraded && !queued {
					next = append(next, m)
				}
			}
		}
		sortNodes(next)
		level = next
	}
	slices.SortFunc(found, func(a, b *node) int {
		return cmp.Or(cmp.Compare(k.of(a).distance, k.of(b).distance), cmp.Compare(a.item.Name, b.item.Name))
	})
	return found
}

// blow tells what becomes of n when src, which it needs, is as given. A member of
// a group that is only degraded still counts, and so does one that stops at the
// same distance: it tells its own tale one step on.
func (g *graph) blow(k *marks, n, src *node, is outcome, distance int32) (out outcome) {
	grouped := false
	for _, gr := range n.groups {
		if !slices.Contains(gr.Of, src.item.ID) {
			continue
		}
		grouped = true
		switch l, o := g.working(k, n, gr, distance); {
		case l == o:
		case l >= min(gr.Need, o):
			out = max(out, stillWorks)
		case gr.Below == belowDegraded && l > 0:
			out = max(out, degraded)
		default:
			out = stops
		}
	}
	if !grouped {
		return is
	}
	return out
}

// working counts the members of a group that n still needs, and those that have not
// stopped before a distance.
func (g *graph) working(k *marks, n *node, gr Group, before int32) (left, of int) {
	for _, id := range gr.Of {
		m := g.nodes[id]
		if m == nil || !m.alive || !slices.Contains(n.needs, m) {
			continue
		}
		of++
		if at := k.of(m); at.outcome != stops || at.distance >= before {
			left++
		}
	}
	return left, of
}

// reach finds items breadth first: by distance, then by name, so that the same
// question has the same answer from memory and from the tables. What still works
// is not among them.
func (g *graph) reach(ids []string, w walk) (found []estate.Reached, truncated bool) {
	rs, truncated := g.outcomes(ids, w)
	for _, r := range rs {
		if r.outcome >= degraded {
			found = append(found, r.Reached)
		}
	}
	return found, truncated
}

// outcomes is reach with what becomes of each item, and why. Following needs, it
// tells what becomes of the start if that one alone stops.
func (g *graph) outcomes(ids []string, w walk) (out []reached, truncated bool) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	k := g.borrow()
	defer g.marks.Put(k)
	found := g.spread(k, ids, w)
	for _, n := range found {
		if w.visible != nil && !w.visible(n.item.OwnerTeamID) {
			continue
		}
		if len(out) == w.limit {
			truncated = true
			break
		}
		m := k.of(n)
		r := reached{Reached: estate.Reached{Item: n.item, Distance: int(m.distance)}, outcome: m.outcome}
		for _, gr := range n.groups {
			if l, of := g.working(k, n, gr, math.MaxInt32); !w.up && l < of && (r.of == 0 || l < r.left) {
				r.group, r.left, r.of = gr.Name, l, of
			}
		}
		for at := n; at != nil; at = k.of(at).parent {
			r.way = append(r.way, at.item)
			if p := k.of(at).parent; p != nil {
				r.steps = append(r.steps, g.step(p, at, w.up))
			}
		}
		slices.Reverse(r.way)
		slices.Reverse(r.steps)
		r.Path = make([]string, len(r.way))
		for i, it := range r.way {
			r.Path[i] = it.ID
		}
		out = append(out, r)
	}
	if w.up {
		g.alone(ids, found, out)
	}
	return out, truncated
}

// maxAlone bounds the work of telling what stops a start: nodes times items.
const maxAlone = 400_000

// alone tells for each item that the start needs what becomes of the start if that
// item alone stops. Only what the start needs can pass it on.
func (g *graph) alone(ids []string, found []*node, out []reached) {
	if len(ids) != 1 || len(found)*len(out) > maxAlone {
		for n := range out {
			out[n].outcome = untouched
		}
		return
	}
	start := g.nodes[ids[0]]
	within := make(map[*node]bool, len(found)+1)
	within[start] = true
	grouped := len(start.groups) > 0
	for _, n := range found {
		within[n] = true
		grouped = grouped || len(n.groups) > 0
	}
	if !grouped {
		return // each of them stops it
	}
	for n := range out {
		k := g.borrow()
		g.spread(k, []string{out[n].ID}, walk{within: within})
		out[n].outcome = k.of(start).outcome
		for _, gr := range start.groups {
			if l, of := g.working(k, start, gr, math.MaxInt32); l < of {
				out[n].group, out[n].left, out[n].of = gr.Name, l, of
			}
		}
		g.marks.Put(k)
	}
}

// step finds the relation by which a's stop reaches b, or by which a needs b.
func (g *graph) step(a, b *node, up bool) step {
	if up {
		a, b = b, a
	}
	for _, e := range b.out {
		if e.To == a.item.ID && g.types[e.Type] == kind.ToSource {
			return step{typ: e.Type}
		}
	}
	for _, e := range a.out {
		if e.To == b.item.ID && g.types[e.Type] == kind.ToTarget {
			return step{typ: e.Type, forward: true}
		}
	}
	return step{}
}

func sortNodes(ns []*node) {
	slices.SortFunc(ns, func(a, b *node) int { return cmp.Compare(a.item.Name, b.item.Name) })
}

// remaining says how many of a group are left.
func (r *reached) remaining() string {
	if r.of == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d left", r.left, r.of)
}
