package inventory

import (
	"cmp"
	"context"
	"slices"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/estate"
)

// reachSQL answers like graph.reach, from the tables through q. It asks one level
// at a time: a recursive query cannot keep a set of what it has visited together
// with the path, and grows without bound where relations meet again.
func reachSQL(ctx context.Context, q bun.IDB, ids []string, w walk) (found []estate.Reached, truncated bool, err error) {
	start, err := byIDs(ctx, q, ids)
	if err != nil {
		return nil, false, err
	}
	sortItems(start)
	path := make(map[string][]string, len(start))
	var level []Item
	for _, i := range start {
		if _, dup := path[i.ID]; !dup {
			path[i.ID] = []string{i.ID}
			level = append(level, i)
		}
	}
	for distance := 1; len(level) > 0 && (w.depth == 0 || distance <= w.depth); distance++ {
		near, err := neighbours(ctx, q, level, w.up)
		if err != nil {
			return nil, false, err
		}
		var nextIDs []string
		for _, n := range level {
			for _, m := range near[n.ID] {
				if _, seen := path[m]; !seen {
					path[m] = append(slices.Clone(path[n.ID]), m)
					nextIDs = append(nextIDs, m)
				}
			}
		}
		next, err := byIDs(ctx, q, nextIDs)
		if err != nil {
			return nil, false, err
		}
		sortItems(next)
		for _, i := range next {
			if len(found) == w.limit {
				return found, true, nil
			}
			found = append(found, estate.Reached{Item: i.brief(), Distance: distance, Path: path[i.ID]})
		}
		level = next
	}
	return found, false, nil
}

func sortItems(is []Item) {
	slices.SortFunc(is, func(a, b Item) int { return cmp.Compare(a.Name, b.Name) })
}

// neighbours gives, for each item of a level, the ids one step on.
func neighbours(ctx context.Context, q bun.IDB, level []Item, up bool) (map[string][]string, error) {
	ids := make([]string, len(level))
	for i, it := range level {
		ids[i] = it.ID
	}
	var toward, away []string
	for _, t := range relationTypes() {
		switch t.Carries {
		case toFrom:
			toward = append(toward, t.Name)
		case toTarget:
			away = append(away, t.Name)
		}
	}
	if up {
		toward, away = away, toward
	}
	out := make(map[string][]string, len(level))
	for part := range chunks(ids) {
		var rows []struct{ A, B string }
		if err := q.NewRaw("SELECT to_id AS a, from_id AS b FROM item_relations WHERE to_id IN (?) AND type IN (?) UNION ALL SELECT from_id AS a, to_id AS b FROM item_relations WHERE from_id IN (?) AND type IN (?)",
			bun.In(part), bun.In(toward), bun.In(part), bun.In(away)).Scan(ctx, &rows); err != nil {
			return nil, err
		}
		for _, r := range rows {
			out[r.A] = append(out[r.A], r.B)
		}
	}
	return out, nil
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
