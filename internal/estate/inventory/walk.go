package inventory

import (
	"context"
	"slices"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/estate/inventory/kind"
)

// stored is a row of item_relations.
type stored struct{ FromID, Type, ToID string }

// flow gives the ends of a relation in the direction in which a failure travels.
func (r stored) flow(types carriers) (src, dst string) {
	if types[r.Type] == kind.ToTarget {
		return r.FromID, r.ToID
	}
	return r.ToID, r.FromID
}

// carrying reads the relations by which failures reach the items, or with up those
// by which they leave what the items need.
func carrying(ctx context.Context, q bun.IDB, ids []string, up bool, types carriers) ([]stored, error) {
	toward, away := []string{""}, []string{""}
	for t, c := range types {
		if c == kind.ToSource {
			toward = append(toward, t)
		} else {
			away = append(away, t)
		}
	}
	if up {
		toward, away = away, toward
	}
	var out []stored
	for part := range chunks(ids) {
		var rows []stored
		if err := q.NewRaw("SELECT from_id, type, to_id FROM item_relations WHERE to_id IN (?) AND type IN (?) UNION ALL SELECT from_id, type, to_id FROM item_relations WHERE from_id IN (?) AND type IN (?)",
			bun.In(part), bun.In(toward), bun.In(part), bun.In(away)).Scan(ctx, &rows); err != nil {
			return nil, err
		}
		out = append(out, rows...)
	}
	return out, nil
}

// reachSQL answers like graph.reach, from the tables through q.
func reachSQL(ctx context.Context, q bun.IDB, ids []string, w walk) ([]estate.Reached, bool, error) {
	_, own, _, err := kind.Rows(ctx, q)
	if err != nil {
		return nil, false, err
	}
	g, err := collect(ctx, q, ids, w, carriersOf(append(kind.BuiltinRelations(), own...)))
	if err != nil {
		return nil, false, err
	}
	found, truncated := g.reach(ids, w)
	return found, truncated, nil
}

// collect reads the part of the graph that a walk can reach, one level at a time:
// a recursive query cannot keep a set of what it has visited, and grows without
// bound where relations meet again.
func collect(ctx context.Context, q bun.IDB, ids []string, w walk, types carriers) (*graph, error) {
	g := newGraph()
	g.types = types
	items, edges := map[string]Item{}, map[stored]bool{}
	read := func(ids []string) (grouped []string, err error) {
		var fresh []string
		asked := map[string]bool{}
		for _, id := range ids {
			if _, known := items[id]; !known && !asked[id] {
				asked[id] = true
				fresh = append(fresh, id)
			}
		}
		is, err := byIDs(ctx, q, fresh)
		for _, i := range is {
			items[i.ID] = i
		}
		for _, id := range ids {
			if len(items[id].Redundancy) > 0 {
				grouped = append(grouped, id)
			}
		}
		return grouped, err
	}
	follow := func(ids []string, up bool) ([]string, error) {
		rows, err := carrying(ctx, q, ids, up, types)
		var out []string
		for _, r := range rows {
			edges[r] = true
			src, dst := r.flow(types)
			if up {
				dst = src
			}
			out = append(out, dst)
		}
		return out, err
	}
	walked := map[string]bool{}
	var more []string
	next := ids
	for distance := 0; len(next) > 0 && (w.depth == 0 || distance <= w.depth) && len(walked) <= w.limit+len(ids); distance++ {
		var level []string
		for _, id := range next {
			if !walked[id] {
				walked[id] = true
				level = append(level, id)
			}
		}
		grouped, err := read(level)
		if err != nil {
			return nil, err
		}
		if !w.up && len(grouped) > 0 {
			// Their groups count also members that the walk does not reach.
			if more, err = follow(grouped, true); err != nil {
				return nil, err
			}
			if _, err = read(more); err != nil {
				return nil, err
			}
		}
		if next, err = follow(level, w.up); err != nil {
			return nil, err
		}
	}
	out := map[string][]edge{}
	for r := range edges {
		out[r.FromID] = append(out[r.FromID], edge{r.Type, r.ToID})
	}
	for id, i := range items {
		g.set(i.brief(), i.Version, out[id], i.Redundancy)
	}
	return g, nil
}

// circle gives the names on the way from start to goal along relations of the
// types, in their stored direction, both ends included; nil when there is none.
func circle(ctx context.Context, q bun.IDB, start, goal string, types []string) ([]string, error) {
	parent := map[string]string{start: ""}
	for level := []string{start}; len(level) > 0; {
		var next []string
		for part := range chunks(level) {
			var rows []struct{ A, B string }
			if err := q.NewRaw("SELECT from_id AS a, to_id AS b FROM item_relations WHERE from_id IN (?) AND type IN (?)", bun.In(part), bun.In(types)).Scan(ctx, &rows); err != nil {
				return nil, err
			}
			for _, r := range rows {
				if _, seen := parent[r.B]; !seen {
					parent[r.B] = r.A
					next = append(next, r.B)
				}
			}
		}
		if _, hit := parent[goal]; hit {
			return pathNames(ctx, q, parent, goal)
		}
		level = next
	}
	return nil, nil
}

func pathNames(ctx context.Context, q bun.IDB, parent map[string]string, goal string) ([]string, error) {
	var ids []string
	for at := goal; at != ""; at = parent[at] {
		ids = append(ids, at)
	}
	slices.Reverse(ids)
	is, err := byIDs(ctx, q, ids)
	if err != nil {
		return nil, err
	}
	names := make(map[string]string, len(is))
	for _, i := range is {
		names[i.ID] = i.Name
	}
	out := make([]string, len(ids))
	for i, itemID := range ids {
		out[i] = names[itemID]
	}
	return out, nil
}
