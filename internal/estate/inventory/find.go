package inventory

import (
	"cmp"
	"context"
	"slices"

	"github.com/uptrace/bun"
)

// unwatched is the word by which a list asks for items that nothing watches.
const unwatched = "none"

// listed lists items as the filter says, also by the state of their checks, which
// only memory knows.
func (s *Service) listed(ctx context.Context, q bun.IDB, f Filter) ([]Item, error) {
	if f.State == "" {
		return list(ctx, q, f)
	}
	brief := s.graph.all()
	ids := make([]string, len(brief))
	for n, b := range brief {
		ids[n] = b.id
	}
	states := s.stateOf(ids)
	fit := brief[:0]
	for _, b := range brief {
		state := states[b.id]
		if b.name > f.After && (state == f.State || state == "" && f.State == unwatched) {
			fit = append(fit, b)
		}
	}
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
