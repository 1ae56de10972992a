package inventory

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/estate/inventory/kind"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// lines writes what was reached as "name distance".
func lines(rs []estate.Reached) []string {
	out := []string{}
	for _, r := range rs {
		out = append(out, fmt.Sprintf("%s %d", r.Name, r.Distance))
	}
	return out
}

func TestImpactFollowsTheRules(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		ids := h.items("shop", "web", "db", "vm", "host", "switch", "club")
		h.relate("web part_of shop", "web depends_on db", "db runs_on vm", "vm runs_on host", "host connects_to switch", "host member_of club")
		ask := func(what func(context.Context, string) ([]estate.Reached, error), name string) []string {
			rs, err := what(h.ctx, ids[name])
			require.NoError(t, err)
			return lines(rs)
		}
		impact := func(ctx context.Context, itemID string) ([]estate.Reached, error) {
			return h.svc.Impact(ctx, h.db.Reader(), []string{itemID})
		}
		needs := func(ctx context.Context, itemID string) ([]estate.Reached, error) {
			return h.svc.Needs(ctx, h.db.Reader(), []string{itemID})
		}
		require.Equal(t, []string{"vm 1", "db 2", "web 3", "shop 4"}, ask(impact, "host"))
		require.Equal(t, []string{"shop 1"}, ask(impact, "web"))
		require.Empty(t, ask(impact, "switch"))
		require.Empty(t, ask(impact, "club"))
		require.Equal(t, []string{"web 1", "db 2", "vm 3", "host 4"}, ask(needs, "shop"))
		require.Empty(t, ask(needs, "host"))

		r := decode[Reach](t, h.call(h.ctx, "GET", "/api/v1/items/host/impact?depth=3", ""), 200)
		require.Len(t, r.Items, 3)
		require.Equal(t, []string{"host", "vm", "db", "web"}, r.Items[2].Path)
		require.False(t, r.Truncated)
		r = decode[Reach](t, h.call(h.ctx, "GET", "/api/v1/items/host/impact?limit=2", ""), 200)
		require.Len(t, r.Items, 2)
		require.True(t, r.Truncated)
		r = decode[Reach](t, h.call(h.ctx, "GET", "/api/v1/items/shop/dependencies", ""), 200)
		require.Len(t, r.Items, 4)

		// Removing the middle cuts the way.
		require.NoError(t, h.svc.Delete(h.ctx, "vm", ""))
		require.Empty(t, ask(impact, "host"))
		require.Equal(t, []string{"web 1", "db 2"}, ask(needs, "shop"))
	})
}

func TestImpactInsideATransactionSeesWhatItWrote(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		ids := h.items("a", "b")
		err := h.db.InTx(h.ctx, func(ctx context.Context, tx *db.Tx) error {
			a, err := byName(ctx, tx, "a")
			require.NoError(t, err)
			b, err := byName(ctx, tx, "b")
			require.NoError(t, err)
			m, err := h.svc.model(ctx, tx)
			require.NoError(t, err)
			typ, err := m.Relation("type", DependsOn)
			require.NoError(t, err)
			_, err = h.svc.relate(ctx, tx, a, typ, []target{{b, "item"}}, nil)
			require.NoError(t, err)
			inside, err := h.svc.Impact(ctx, tx, []string{ids["b"]})
			require.NoError(t, err)
			require.Equal(t, []string{"a 1"}, lines(inside))
			outside, _ := h.svc.graph.reach([]string{ids["b"]}, walk{limit: 10})
			require.Empty(t, outside)
			return db.ErrRollback
		})
		require.ErrorIs(t, err, db.ErrRollback)
		after, err := h.svc.Impact(h.ctx, h.db.Reader(), []string{ids["b"]})
		require.NoError(t, err)
		require.Empty(t, after)
	})
}

func TestCirclesAreRefusedWithTheirPath(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		ids := h.items("a", "b", "c", "d")
		h.relate("a depends_on b", "b runs_on c", "c part_of d")
		refused := func(line ...string) string {
			_, err := h.svc.Relate(h.ctx, line[0], line[1], line[2])
			require.True(t, errs.Is(err, errs.Invalid), "%v", err)
			return errs.FieldsOf(err)[0].Message
		}
		require.Contains(t, refused("c", DependsOn, "a"), "c → a → b → c")
		require.Contains(t, refused("c", RunsOn, "a"), "c → a → b → c")
		require.Contains(t, refused("d", PartOf, "c"), "d → c → d")
		for _, typ := range []string{DependsOn, RunsOn, PartOf, ConnectsTo, MemberOf} {
			require.Contains(t, refused("a", typ, "a"), "the item itself")
		}
		require.Contains(t, refused("a", "used_by", "b"), "other side of depends_on")
		require.Contains(t, refused("a", "depend_on", "b"), "did you mean depends_on?")
		require.Contains(t, refused("a", DependsOn, "nobody"), "is not the name of an item")

		// A circle of mixed types is allowed, and a traversal ends in it.
		h.relate("c depends_on d", "a connects_to b", "a member_of b", "b member_of a")
		rs, err := h.svc.Impact(h.ctx, h.db.Reader(), []string{ids["c"]})
		require.NoError(t, err)
		require.Equal(t, []string{"b 1", "d 1", "a 2"}, lines(rs))

		// A connection has no direction: the other side adds and removes the same one.
		added, err := h.svc.Relate(h.ctx, "b", ConnectsTo, "a")
		require.NoError(t, err)
		require.False(t, added)
		require.NoError(t, h.svc.Unrelate(h.ctx, "b", ConnectsTo, "a"))
		require.True(t, errs.Is(h.svc.Unrelate(h.ctx, "a", ConnectsTo, "b"), errs.NotFound))
	})
}

// model is the plainest thing that can be said of impact: a table of who stops
// with whom, closed by repeating it.
type model struct {
	names []string
	// rel holds "a type b".
	rel map[[3]string]bool
}

func (m model) impact(start string) map[string]int {
	dist := map[string]int{start: 0}
	for round := 1; round <= len(m.names); round++ {
		for r := range m.rel {
			src, dst := "", ""
			switch r[1] {
			case DependsOn, RunsOn:
				src, dst = r[2], r[0]
			case PartOf:
				src, dst = r[0], r[2]
			default:
				continue
			}
			if d, ok := dist[src]; ok {
				if old, seen := dist[dst]; !seen || d+1 < old {
					dist[dst] = d + 1
				}
			}
		}
	}
	delete(dist, start)
	return dist
}

// circularWith tells whether adding r would close a circle.
func (m model) circularWith(r [3]string) bool {
	types := kind.Circular(r[1])
	if types == nil {
		return false
	}
	seen := map[string]bool{r[2]: true}
	for range m.names {
		for e := range m.rel {
			if slices.Contains(types, e[1]) && seen[e[0]] {
				seen[e[2]] = true
			}
		}
	}
	return seen[r[0]]
}

// The service, its index in memory and its tables agree with the model after any
// sequence of changes.
func TestImpactAgreesWithTheModel(t *testing.T) {
	t.Parallel()
	h := newHouse(t, testkit.SQLite(t))
	rapid.Check(t, func(rt *rapid.T) {
		m := model{rel: map[[3]string]bool{}}
		ids := map[string]string{}
		for n := range rapid.IntRange(2, 9).Draw(rt, "items") {
			name := fmt.Sprintf("n%d", n)
			m.names = append(m.names, name)
			ids[name] = h.item(name, "host").ID
		}
		name := rapid.SampledFrom(m.names)
		typ := rapid.SampledFrom([]string{DependsOn, RunsOn, PartOf, MemberOf})
		for range rapid.IntRange(0, 25).Draw(rt, "steps") {
			r := [3]string{name.Draw(rt, "a"), typ.Draw(rt, "type"), name.Draw(rt, "b")}
			if rapid.IntRange(0, 4).Draw(rt, "remove") == 0 {
				err := h.svc.Unrelate(h.ctx, r[0], r[1], r[2])
				require.Equal(rt, m.rel[r], err == nil, "%v: %v", r, err)
				delete(m.rel, r)
				continue
			}
			_, err := h.svc.Relate(h.ctx, r[0], r[1], r[2])
			if r[0] == r[2] || m.circularWith(r) {
				require.Error(rt, err, r)
				continue
			}
			require.NoError(rt, err, r)
			m.rel[r] = true
		}
		again := newGraph()
		require.NoError(rt, again.load(h.ctx, h.db))
		for _, start := range m.names {
			w := walk{limit: maxReached}
			kept, _ := h.svc.graph.reach([]string{ids[start]}, w)
			loaded, _ := again.reach([]string{ids[start]}, w)
			tables, _, err := reachSQL(h.ctx, h.db.Reader(), []string{ids[start]}, w)
			require.NoError(rt, err)
			require.Equal(rt, lines(kept), lines(loaded))
			require.Equal(rt, lines(kept), lines(tables))
			want := m.impact(start)
			require.Len(rt, kept, len(want))
			for n, r := range kept {
				require.Equal(rt, want[r.Name], r.Distance, "%s from %s", r.Name, start)
				for _, p := range [][]string{r.Path, tables[n].Path} {
					require.Len(rt, p, r.Distance+1)
					require.Equal(rt, ids[start], p[0])
					require.Equal(rt, r.ID, p[len(p)-1])
				}
				// The other direction finds the start again.
				back, _ := h.svc.graph.reach([]string{r.ID}, walk{up: true, limit: maxReached})
				require.Contains(rt, lines(back), fmt.Sprintf("%s %d", start, r.Distance))
			}
		}
		for _, n := range m.names {
			require.NoError(rt, h.svc.Delete(h.ctx, n, ""))
		}
	})
}

// Commits may reach the index in another order than the database made them.
func TestIndexKeepsTheNewer(t *testing.T) {
	t.Parallel()
	g := newGraph()
	it := func(name string) estate.Item { return estate.Item{ID: name, Name: name} }
	g.put(it("b"), 1, nil)
	g.put(it("a"), 3, []edge{{DependsOn, "b"}})
	g.put(it("a"), 2, nil)
	found, _ := g.reach([]string{"b"}, walk{limit: 9})
	require.Equal(t, []string{"a 1"}, lines(found))
	g.remove("a")
	g.put(it("a"), 4, []edge{{DependsOn, "b"}})
	found, _ = g.reach([]string{"b"}, walk{limit: 9})
	require.Empty(t, found)
}

// BenchmarkImpact asks what stops with one host, on 100,000 items: 10 locations,
// 1,000 hosts, 98,990 applications on them that need each other in chains.
func BenchmarkImpact(b *testing.B) {
	g := newGraph()
	name := func(kind string, n int) string { return fmt.Sprintf("%s%05d", kind, n) }
	put := func(n string, out ...edge) { g.put(estate.Item{ID: n, Name: n}, 1, out) }
	for n := range 10 {
		put(name("room", n))
	}
	for n := range 1000 {
		put(name("host", n), edge{RunsOn, name("room", n%10)})
	}
	for n := range 98990 {
		out := []edge{{RunsOn, name("host", n%1000)}}
		if n >= 1000 && n%5 != 0 {
			out = append(out, edge{DependsOn, name("app", n-1000)})
		}
		put(name("app", n), out...)
	}
	for what, start := range map[string]string{"host": "host00001", "room": "room00001", "leaf": "app98989"} {
		b.Run(what, func(b *testing.B) {
			reached := 0
			for b.Loop() {
				found, _ := g.reach([]string{start}, walk{limit: maxReached})
				reached = len(found)
			}
			b.ReportMetric(float64(reached), "items")
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "ms/op")
		})
	}
}

// filled is a database of 100,000 items, each running on another one.
func filled(b *testing.B) *db.DB {
	d := testkit.SQLite(b)
	require.NoError(b, d.Migrate(b.Context(), []db.Migrations{{Module: "estate.inventory", FS: migrations}}))
	require.NoError(b, d.InTx(b.Context(), func(ctx context.Context, tx *db.Tx) error {
		for n := range 100000 {
			if _, err := tx.NewRaw("INSERT INTO items VALUES (?, ?, '', 'host', '', 'medium', 'in_use', '', '{}', '{}', '{}', '{}', '', ?, ?, 1, '[]')", numbered(n), numbered(n), tx.Now(), tx.Now()).Exec(ctx); err != nil {
				return err
			}
			if n == 0 {
				continue
			}
			if _, err := tx.NewRaw("INSERT INTO item_relations VALUES (?, 'runs_on', ?, ?)", numbered(n), numbered(n/10), tx.Now()).Exec(ctx); err != nil {
				return err
			}
		}
		return nil
	}))
	return d
}

func numbered(n int) string { return fmt.Sprintf("00000000-0000-7000-8000-%012d", n) }

// BenchmarkLoad reads 100,000 items and as many relations into the index.
func BenchmarkLoad(b *testing.B) {
	d := filled(b)
	for b.Loop() {
		require.NoError(b, newGraph().load(b.Context(), d))
	}
}

// BenchmarkImpactInTransaction answers from the tables, with 1,110 items reached.
func BenchmarkImpactInTransaction(b *testing.B) {
	d := filled(b)
	for b.Loop() {
		found, _, err := reachSQL(b.Context(), d.Reader(), []string{numbered(12)}, walk{limit: maxReached})
		require.NoError(b, err)
		require.Len(b, found, 1110)
	}
}

// BenchmarkList reads a page in the middle of 100,000 items, and one whose filter
// finds nothing and so reads them all.
func BenchmarkList(b *testing.B) {
	d := filled(b)
	ctx := access.AsSystem(b.Context())
	for what, f := range map[string]Filter{"page": {After: numbered(50000), Limit: 51}, "text": {Text: "absent", Limit: 51}, "label": {LabelKey: "env", Limit: 51}} {
		b.Run(what, func(b *testing.B) {
			for b.Loop() {
				_, err := list(ctx, d.Reader(), f)
				require.NoError(b, err)
			}
		})
	}
}

// BenchmarkApply applies a file of 2,000 items with 4,000 relations that changes
// nothing.
func BenchmarkApply(b *testing.B) {
	h := newHouse(b, testkit.SQLite(b))
	var f strings.Builder
	f.WriteString("items:\n  - {name: i0, kind: host}\n")
	for n := range 2000 {
		fmt.Fprintf(&f, "  - {name: i%d, kind: host, labels: {env: prod}, depends_on: [i%d], connects_to: [i%d]}\n", n+1, n/5, (n+7)%2000)
	}
	start := time.Now()
	_, err := h.engine.Run(h.ctx, []byte(f.String()), false)
	require.NoError(b, err)
	b.Logf("first time: %s", time.Since(start).Round(time.Millisecond))
	for b.Loop() {
		_, err := h.engine.Run(h.ctx, []byte(f.String()), false)
		require.NoError(b, err)
	}
}
