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

// maxFound is how many items count as few. A condition that more items fulfill is
// soon met by going through the table in the order of the list.
const maxFound = 2000

// listed lists items as the filter says, also by the state of their checks, which
// only memory knows. Where one condition leaves few items, these are looked at: the
// table would be read in the order of names to its end.
func (s *Service) listed(ctx context.Context, q bun.IDB, f Filter) ([]Item, error) {
	if f.State != "" {
		return s.inState(ctx, q, f)
	}
	few, ok, err := s.few(ctx, q, f)
	if err != nil {
		return nil, err
	}
	if ok {
		return s.among(ctx, q, f, few)
	}
	return list(ctx, q, f)
}

// few gives the items among which all that f finds are, if one of its conditions
// leaves only some.
func (s *Service) few(ctx context.Context, q bun.IDB, f Filter) ([]nameOf, bool, error) {
	if !s.graph.ready() {
		return nil, false, nil
	}
	if f.Text != "" {
		if few, ok := s.graph.holding(strings.ToLower(f.Text), maxFound); ok {
			return few, true, nil
		}
	}
	probe := func(sql string, args ...any) ([]nameOf, bool, error) {
		var ids []string
		if err := q.NewRaw(sql+" LIMIT ?", append(args, maxFound+1)...).Scan(ctx, &ids); err != nil || len(ids) > maxFound {
			return nil, false, err
		}
		return s.graph.named(ids), true, nil
	}
	for _, k := range sortedKeys(f.Attributes) {
		if few, ok, err := probe("SELECT item_id FROM item_values WHERE key = ? AND value = ?", k, f.Attributes[k]); ok || err != nil {
			return few, ok, err
		}
	}
	switch {
	case f.LabelKey == "":
		return nil, false, nil
	case f.LabelValue == nil:
		return probe("SELECT item_id FROM item_labels WHERE key = ?", f.LabelKey)
	}
	return probe("SELECT item_id FROM item_labels WHERE key = ? AND value = ?", f.LabelKey, *f.LabelValue)
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

// named gives the names of items.
func (g *graph) named(ids []string) []nameOf {
	g.mu.RLock()
	defer g.mu.RUnlock()
	out := make([]nameOf, 0, len(ids))
	for _, id := range ids {
		if n := g.nodes[id]; n != nil && n.alive {
			out = append(out, nameOf{id, n.item.Name})
		}
	}
	return out
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
