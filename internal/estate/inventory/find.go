package inventory

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/uptrace/bun"
)

// unwatched is the word by which a list asks for items that nothing watches.
const unwatched = "none"

// maxFound is how many items a text is looked for in memory for. One that more
// items hold is soon found by going through the table in the order of the list.
const maxFound = 2000

// listed lists items as the filter says, also by the state of their checks, which
// only memory knows. A text that few items hold is looked up in memory: the table
// would be read to its end.
func (s *Service) listed(ctx context.Context, q bun.IDB, f Filter) ([]Item, error) {
	if f.State != "" {
		return s.inState(ctx, q, f)
	}
	if f.Text != "" && s.graph.ready() {
		if few, ok := s.graph.holding(strings.ToLower(f.Text), maxFound); ok {
			return s.among(ctx, q, f, few)
		}
	}
	return list(ctx, q, f)
}

func (s *Service) inState(ctx context.Context, q bun.IDB, f Filter) ([]Item, error) {
	brief := s.graph.all()
	ids := make([]string, len(brief))
	for n, b := range brief {
		ids[n] = b.id
	}
	states := s.stateOf(ids)
	fit := brief[:0]
	for _, b := range brief {
		state := states[b.id]
		if state == f.State || state == "" && f.State == unwatched {
			fit = append(fit, b)
		}
	}
	return s.among(ctx, q, f, fit)
}

// among lists those of some items that the filter finds.
func (s *Service) among(ctx context.Context, q bun.IDB, f Filter, fit []nameOf) ([]Item, error) {
	fit = slices.DeleteFunc(fit, func(b nameOf) bool { return b.name <= f.After })
	slices.SortFunc(fit, func(a, b nameOf) int { return cmp.Compare(a.name, b.name) })
	var out []Item
	for len(fit) > 0 && len(out) < f.Limit {
		part := fit[:min(chunk, len(fit))]
		fit = fit[len(part):]
		g := f
		g.Limit, g.ids = f.Limit-len(out), nil
		for _, b := range part {
			g.ids = append(g.ids, b.id)
		}
		is, err := list(ctx, q, g)
		if err != nil {
			return nil, err
		}
		out = append(out, is...)
	}
	return out, nil
}

type nameOf struct{ id, name string }

// holding gives the items in whose name or title a text in lower case occurs; ok
// is false when there are more than most.
func (g *graph) holding(text string, most int) (out []nameOf, ok bool) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	for id, n := range g.nodes {
		if !n.alive || !strings.Contains(n.folded, text) {
			continue
		}
		if len(out) == most {
			return nil, false
		}
		out = append(out, nameOf{id, n.item.Name})
	}
	return out, true
}

// all gives the ids and names of all items, in no order.
func (g *graph) all() []nameOf {
	g.mu.RLock()
	defer g.mu.RUnlock()
	out := make([]nameOf, 0, len(g.nodes))
	for id, n := range g.nodes {
		if n.alive {
			out = append(out, nameOf{id, n.item.Name})
		}
	}
	return out
}
