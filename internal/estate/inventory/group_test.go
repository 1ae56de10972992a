package inventory

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/mainstay-ops/mainstay/internal/testkit"
)

func (h *house) outcomes(path string) []string {
	out := []string{}
	for _, r := range decode[Reach](h.t.(*testing.T), h.call(h.ctx, "GET", path, ""), 200).Items {
		out = append(out, strings.TrimSpace(r.Name+" "+r.Outcome+" "+r.Redundancy))
	}
	return out
}

func TestRedundancy(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		ids := h.items("shop", "shop-web", "web-1", "db-1", "db-2", "db-3", "report")
		h.relate("shop depends_on shop-web", "shop-web runs_on web-1", "shop-web depends_on db-1", "shop-web depends_on db-2", "report depends_on db-1", "report depends_on db-2", "report depends_on db-3")
		set := func(item, groups string) int {
			return h.call(h.ctx, "PATCH", "/api/v1/items/"+item, `{"redundancy":`+groups+`}`).Code
		}
		require.Equal(t, 200, set("shop-web", `[{"name":"database","of":["db-1","db-2"]}]`))
		require.Equal(t, 200, set("report", `[{"name":"shards","need":2,"below":"degraded","of":["db-1","db-2","db-3"]}]`))
		for _, bad := range []string{`[{"name":"x","of":["db-1"]}]`, `[{"name":"x","of":["db-1","db-1"]}]`, `[{"name":"x","of":["db-1","db-3"]}]`, `[{"name":"x","need":3,"of":["db-1","db-2"]}]`, `[{"name":"x","of":["db-1","nobody"]}]`} {
			require.Equal(t, 422, set("shop-web", bad), bad)
		}

		require.Equal(t, []string{"report still_works shards: 2 of 3 left", "shop-web still_works database: 1 of 2 left"}, h.outcomes("/api/v1/items/db-1/impact"))
		require.Equal(t, []string{"report degraded shards: 1 of 3 left", "shop-web stops database: 0 of 2 left", "shop stops"}, h.outcomes("/api/v1/impact?item=db-1&item=db-2"))
		require.Equal(t, []string{"report stops shards: 0 of 3 left", "shop-web stops database: 0 of 2 left", "shop stops"}, h.outcomes("/api/v1/impact?item=db-1&item=db-2&item=db-3"))
		require.Equal(t, 422, h.call(h.ctx, "GET", "/api/v1/impact?item=db-1&item=x", "").Code)

		r := decode[Reach](t, h.call(h.ctx, "GET", "/api/v1/items/web-1/impact", ""), 200).Items
		require.Equal(t, "shop depends on shop-web, which runs on web-1", r[1].Why)
		d := decode[Reach](t, h.call(h.ctx, "GET", "/api/v1/items/shop/dependencies", ""), 200).Items
		got := []string{}
		for _, x := range d {
			got = append(got, x.Name+" "+x.Outcome)
		}
		require.Equal(t, []string{"shop-web stops", "db-1 ", "db-2 ", "web-1 stops"}, got, "one database alone does not stop the shop")
		require.Equal(t, "shop depends on shop-web, which runs on web-1", d[3].Why)

		// Other wings are told what stops, not what still works.
		rs, err := h.svc.Impact(h.ctx, h.db.Reader(), []string{ids["db-1"]})
		require.NoError(t, err)
		require.Empty(t, rs)
		rs, err = h.svc.Impact(h.ctx, h.db.Reader(), []string{ids["db-1"], ids["db-2"]})
		require.NoError(t, err)
		require.Equal(t, []string{"report 1", "shop-web 1", "shop 2"}, lines(rs))

		// A member that is no longer needed does not count.
		require.NoError(t, h.svc.Unrelate(h.ctx, "shop-web", DependsOn, "db-2"))
		require.Equal(t, []string{"report still_works shards: 2 of 3 left", "shop-web stops database: 0 of 1 left", "shop stops"}, h.outcomes("/api/v1/items/db-1/impact"))

		out, err := h.engine.Export(h.ctx)
		require.NoError(t, err)
		require.Contains(t, string(out), "need: 2")
		h.relate("shop-web depends_on db-2")
		for _, line := range h.apply("items:\n  - {name: shop-web, kind: service, redundancy: [{name: database, of: [db-1, db-2]}]}\n") {
			require.Equal(t, "shop-web unchanged", line)
		}
	})
}

// stopsWith is the plainest thing that can be said of redundancy: repeat the rule
// until nothing changes.
func stopsWith(needs map[string][]string, groups map[string]Group, failed []string) map[string]outcome {
	state := map[string]outcome{}
	for _, f := range failed {
		state[f] = stops
	}
	for range len(needs) * 4 {
		for n, of := range needs {
			worst := state[n]
			g, grouped := groups[n]
			left := 0
			for _, o := range g.Of {
				if state[o] != stops {
					left++
				}
			}
			for _, o := range of {
				if grouped && strings.Contains(fmt.Sprint(g.Of), o) {
					continue
				}
				if state[o] >= degraded {
					worst = max(worst, state[o])
				}
			}
			if grouped {
				switch {
				case left == len(g.Of):
				case left >= g.Need:
					worst = max(worst, stillWorks)
				case left > 0 && g.Below == belowDegraded:
					worst = max(worst, degraded)
				default:
					worst = stops
				}
			}
			state[n] = worst
		}
	}
	return state
}

// The index, the tables and the plain rule agree on what redundancy saves.
func TestRedundancyAgreesWithTheModel(t *testing.T) {
	t.Parallel()
	h := newHouse(t, testkit.SQLite(t))
	rapid.Check(t, func(rt *rapid.T) {
		for _, n := range h.names("") {
			require.NoError(rt, h.svc.Delete(h.ctx, n, "")) // what a failed round left
		}
		needs, groups, ids := map[string][]string{}, map[string]Group{}, map[string]string{}
		var names []string
		for n := range rapid.IntRange(3, 9).Draw(rt, "items") {
			name := fmt.Sprintf("m%d", n)
			ids[name] = h.item(name, "host").ID
			for _, o := range names {
				if rapid.IntRange(0, 2).Draw(rt, "edge") == 0 {
					needs[name] = append(needs[name], o)
					h.relate(name + " depends_on " + o)
				}
			}
			names = append(names, name)
			if of := needs[name]; len(of) >= 2 && rapid.Bool().Draw(rt, "group") {
				g := Group{Name: "g", Of: of[:rapid.IntRange(2, len(of)).Draw(rt, "size")], Below: rapid.SampledFrom([]string{belowStops, belowDegraded}).Draw(rt, "below")}
				g.Need = rapid.IntRange(1, len(g.Of)).Draw(rt, "need")
				groups[name] = g
				_, err := h.svc.Update(h.ctx, name, "", Fields{Redundancy: &[]GroupBody{{Name: "g", Need: g.Need, Of: g.Of, Below: g.Below}}})
				require.NoError(rt, err)
			}
		}
		failed := rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, 3, rapid.ID[string]).Draw(rt, "failed")
		var start []string
		for _, f := range failed {
			start = append(start, ids[f])
		}
		want := stopsWith(needs, groups, failed)
		w := walk{limit: maxReached}
		got, _ := h.svc.graph.outcomes(start, w)
		seen := map[string]outcome{}
		for _, r := range got {
			seen[r.Name] = r.outcome
			require.Len(rt, r.Path, r.Distance+1)
		}
		for _, n := range names {
			if !strings.Contains(fmt.Sprint(failed), n) {
				require.Equal(rt, want[n].String(), seen[n].String(), "%s when %v stop; needs %v groups %v", n, failed, needs, groups)
			}
		}
		kept, _ := h.svc.graph.reach(start, w)
		tables, _, err := reachSQL(h.ctx, h.db.Reader(), start, w)
		require.NoError(rt, err)
		require.Equal(rt, lines(kept), lines(tables))
		// What one need alone does to an item is what its impact says.
		for _, n := range names {
			deps, _ := h.svc.graph.outcomes([]string{ids[n]}, walk{up: true, limit: maxReached})
			for _, d := range deps {
				require.Equal(rt, stopsWith(needs, groups, []string{d.Name})[n].String(), d.outcome.String(), "%s without %s; needs %v groups %v", n, d.Name, needs, groups)
			}
		}
	})
}
