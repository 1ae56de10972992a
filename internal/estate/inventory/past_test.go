package inventory

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// hand is a clock that a test turns.
type hand struct {
	mu sync.Mutex
	t  time.Time
}

func (c *hand) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *hand) turn(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
	return c.t
}

func timed(t testing.TB, dialect string) (*house, *hand) {
	url := ""
	if dialect == "postgres" {
		url = testkit.PostgresURL(t)
	}
	c := &hand{t: time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)}
	d, err := db.Open(t.Context(), db.Options{URL: url, Dir: t.TempDir(), Clock: c})
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	return newHouse(t, d), c
}

// plainItem is the plainest thing that an item can be.
type plainItem struct {
	name, title, kind, owner, crit string
	attrs                          map[string]string
	labels                         map[string]string
	group                          []int
}

// plainWorld is all items and relations, by a number that never changes.
type plainWorld struct {
	items map[int]plainItem
	rels  map[[3]string]bool // from, type, to: numbers as text
}

func (w plainWorld) copy() plainWorld {
	c := plainWorld{items: map[int]plainItem{}, rels: maps.Clone(w.rels)}
	for n, i := range w.items {
		i.attrs, i.labels, i.group = maps.Clone(i.attrs), maps.Clone(i.labels), slices.Clone(i.group)
		c.items[n] = i
	}
	return c
}

var inverse = map[string]string{DependsOn: "used_by", PartOf: "contains", ConnectsTo: ConnectsTo}

func (w plainWorld) relations(n int) []PastRelation {
	var out []PastRelation
	num := fmt.Sprint(n)
	for r := range w.rels {
		for other, i := range w.items {
			if r[0] == num && r[2] == fmt.Sprint(other) {
				out = append(out, PastRelation{r[1], i.name})
			}
			if r[2] == num && r[0] == fmt.Sprint(other) {
				out = append(out, PastRelation{inverse[r[1]], i.name})
			}
		}
	}
	sortRelations(out)
	return out
}

// An item read as of any moment is what a plain copy of the world held at that
// moment, on both databases.
func TestThePastIsExact(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sqlite", "postgres"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, c := timed(t, name)
			h.team("web")
			h.team("ops")
			rapid.Check(t, func(rt *rapid.T) { pastProperty(rt, h, c) })
		})
	}
}

func pastProperty(rt *rapid.T, h *house, c *hand) {
	w := plainWorld{items: map[int]plainItem{}, rels: map[[3]string]bool{}}
	type moment struct {
		at time.Time
		w  plainWorld
	}
	var past []moment
	run := fmt.Sprint("r", c.turn(time.Hour).Unix(), "-")
	names := rapid.SampledFrom([]string{"a", "b", "c", "d"})
	free := func(name string) bool {
		for _, i := range w.items {
			if i.name == name {
				return false
			}
		}
		return true
	}
	pick := func(label string) int {
		return rapid.SampledFrom(slices.Sorted(maps.Keys(w.items))).Draw(rt, label)
	}
	code := func(method, path, body string) int {
		r := h.call(h.ctx, method, path, body)
		require.NotEqual(rt, 500, r.Code, r.Body.String())
		return r.Code
	}
	next := 0
	for range rapid.IntRange(3, 25).Draw(rt, "steps") {
		c.turn(time.Minute)
		what := rapid.IntRange(0, 9).Draw(rt, "what")
		if len(w.items) == 0 {
			what = 0
		}
		switch what {
		case 0:
			name := run + names.Draw(rt, "name")
			if !free(name) {
				continue
			}
			require.Equal(rt, 201, code("POST", "/api/v1/items", fmt.Sprintf(`{"name":%q,"kind":"host","title":"new","attributes":{"x":"0"},"labels":{"l":"0"}}`, name)))
			w.items[next] = plainItem{name: name, title: "new", kind: "host", crit: "medium", attrs: map[string]string{"x": "0"}, labels: map[string]string{"l": "0"}}
			next++
		case 1:
			n, name := pick("item"), run+names.Draw(rt, "name")
			if !free(name) {
				continue
			}
			i := w.items[n]
			require.Equal(rt, 200, code("PATCH", "/api/v1/items/"+i.name, fmt.Sprintf(`{"name":%q}`, name)))
			i.name = name
			w.items[n] = i
		case 2, 3:
			n := pick("item")
			i := w.items[n]
			k, v := rapid.SampledFrom([]string{"x", "y"}).Draw(rt, "key"), fmt.Sprint(rapid.IntRange(0, 3).Draw(rt, "value"))
			if v == "0" {
				require.Equal(rt, 200, code("PATCH", "/api/v1/items/"+i.name, fmt.Sprintf(`{"attributes":{%q:null},"labels":{%q:null}}`, k, k)))
				delete(i.attrs, k)
				delete(i.labels, k)
				break
			}
			require.Equal(rt, 200, code("PATCH", "/api/v1/items/"+i.name, fmt.Sprintf(`{"attributes":{%q:%q},"labels":{%q:%q}}`, k, v, k, v)))
			i.attrs[k], i.labels[k] = v, v
		case 4:
			n := pick("item")
			i := w.items[n]
			i.title, i.kind = names.Draw(rt, "title"), rapid.SampledFrom([]string{"host", "service"}).Draw(rt, "kind")
			i.owner, i.crit = rapid.SampledFrom([]string{"", "web", "ops"}).Draw(rt, "owner"), rapid.SampledFrom([]string{"low", "high"}).Draw(rt, "crit")
			require.Equal(rt, 200, code("PATCH", "/api/v1/items/"+i.name, fmt.Sprintf(`{"title":%q,"kind":%q,"owner":%q,"criticality":%q}`, i.title, i.kind, i.owner, i.crit)))
			w.items[n] = i
		case 5, 6:
			a, b := pick("a"), pick("b")
			typ := rapid.SampledFrom([]string{DependsOn, PartOf, ConnectsTo}).Draw(rt, "type")
			r := [3]string{fmt.Sprint(a), typ, fmt.Sprint(b)}
			if typ == ConnectsTo && w.rels[[3]string{r[2], typ, r[0]}] {
				continue
			}
			if code("POST", "/api/v1/items/"+w.items[a].name+"/relations", fmt.Sprintf(`{"type":%q,"item":%q}`, typ, w.items[b].name)) == 201 {
				w.rels[r] = true
			}
		case 7:
			a, b := pick("a"), pick("b")
			r := [3]string{fmt.Sprint(a), DependsOn, fmt.Sprint(b)}
			require.Equal(rt, w.rels[r], code("DELETE", "/api/v1/items/"+w.items[a].name+"/relations/depends_on/"+w.items[b].name, "") == 204)
			delete(w.rels, r)
		case 8:
			n := pick("item")
			require.Equal(rt, 204, code("DELETE", "/api/v1/items/"+w.items[n].name, ""))
			delete(w.items, n)
			maps.DeleteFunc(w.rels, func(r [3]string, _ bool) bool { return r[0] == fmt.Sprint(n) || r[2] == fmt.Sprint(n) })
		case 9:
			n := pick("item")
			i := w.items[n]
			var of []int
			var quoted []string
			for m := range w.items {
				if w.rels[[3]string{fmt.Sprint(n), DependsOn, fmt.Sprint(m)}] {
					of = append(of, m)
					quoted = append(quoted, fmt.Sprintf("%q", w.items[m].name))
				}
			}
			if len(of) < 2 {
				continue
			}
			require.Equal(rt, 200, code("PATCH", "/api/v1/items/"+i.name, `{"redundancy":[{"name":"g","of":[`+strings.Join(quoted, ",")+`]}]}`))
			i.group = of
			w.items[n] = i
		}
		past = append(past, moment{c.Now(), w.copy()})
	}
	for range min(4, len(past)) {
		m := rapid.SampledFrom(past).Draw(rt, "moment")
		for n, i := range m.w.items {
			asked := i.name
			for now, j := range w.items {
				// A name means the item that has it now, if that was there already.
				if was, there := m.w.items[now]; j.name == asked && there {
					n, i = now, was
				}
			}
			v := decode[View](h.t.(*testing.T), h.call(h.ctx, "GET", "/api/v1/items/"+asked+"?as_of="+m.at.Format(time.RFC3339), ""), 200)
			got := plainItem{name: v.Name, title: v.Title, kind: v.Kind, owner: v.Owner, crit: string(v.Criticality), attrs: map[string]string{}, labels: v.Labels}
			for k, x := range v.Attributes {
				got.attrs[k] = fmt.Sprint(x)
				require.Equal(rt, "manual", v.Sources[k])
			}
			want := i
			want.group = nil
			require.Equal(rt, want, got)
			require.Len(rt, v.Sources, len(v.Attributes))
			require.Equal(rt, m.w.relations(n), v.Relations, "%s at %s", i.name, m.at)
			require.Equal(rt, len(i.group) > 0, len(v.Redundancy) > 0)
			if len(i.group) > 0 {
				of := []string{}
				for _, o := range i.group {
					if x, ok := m.w.items[o]; ok {
						of = append(of, x.name)
					}
				}
				for _, name := range of {
					require.Contains(rt, v.Redundancy[0].Of, name)
				}
			}
		}
	}
	for _, i := range w.items {
		require.Equal(rt, 204, code("DELETE", "/api/v1/items/"+i.name, ""))
	}
}

func TestGoneItemsAndBaselines(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sqlite", "postgres"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, c := timed(t, name)
			for _, n := range []string{"a", "b", "c"} {
				require.Equal(t, 201, h.call(h.ctx, "POST", "/api/v1/items", `{"name":"`+n+`","kind":"host","attributes":{"x":1}}`).Code)
			}
			h.item("s", "service")
			c.turn(time.Hour)
			b := decode[Baseline](t, h.call(h.ctx, "POST", "/api/v1/item-baselines", `{"name":"before","filter":{"kind":"host"}}`), 201)
			require.Equal(t, 3, b.Items)
			require.Equal(t, 409, h.call(h.ctx, "POST", "/api/v1/item-baselines", `{"name":"before"}`).Code)
			diffs := func(q string) page[Difference] {
				return decode[page[Difference]](t, h.call(h.ctx, "GET", "/api/v1/item-baselines/before/differences"+q, ""), 200)
			}
			require.Empty(t, diffs("").Items)
			c.turn(time.Hour)
			h.relate("a depends_on c")
			require.Equal(t, 200, h.call(h.ctx, "PATCH", "/api/v1/items/a", `{"attributes":{"x":2}}`).Code)
			c.turn(time.Hour)
			require.Equal(t, 200, h.call(h.ctx, "PATCH", "/api/v1/items/a", `{"attributes":{"x":3}}`).Code)
			require.Equal(t, 204, h.call(h.ctx, "DELETE", "/api/v1/items/b", "").Code)
			h.item("d", "host")
			h.item("t", "service")
			// What is changed back does not differ.
			require.Equal(t, 200, h.call(h.ctx, "PATCH", "/api/v1/items/c", `{"title":"x"}`).Code)
			require.Equal(t, 200, h.call(h.ctx, "PATCH", "/api/v1/items/c", `{"title":""}`).Code)
			ds := diffs("").Items
			got := []string{}
			for _, d := range ds {
				got = append(got, d.Name+" "+d.Change)
			}
			require.Equal(t, []string{"a changed", "b removed", "c changed", "d new"}, got)
			require.Len(t, ds[0].Fields, 2)
			require.Equal(t, "used_by", ds[2].Fields[0].Field)
			require.Len(t, ds[2].Fields, 1)
			p := diffs("?limit=2")
			require.Len(t, p.Items, 2)
			require.Equal(t, "c", diffs("?limit=2&cursor=" + p.Next).Items[0].Name)

			// b is gone, and is read as it was.
			require.Equal(t, 404, h.call(h.ctx, "GET", "/api/v1/items/b", "").Code)
			v := decode[View](t, h.call(h.ctx, "GET", "/api/v1/items/b?as_of=2026-05-01T09:30:00Z", ""), 200)
			require.Equal(t, 1.0, v.Attributes["x"])
			require.NotNil(t, v.GoneAt)
			require.Equal(t, 404, h.call(h.ctx, "GET", "/api/v1/items/b?as_of=2026-05-01", "").Code, "at the end of the day it was gone")
			require.Equal(t, 422, h.call(h.ctx, "GET", "/api/v1/items/b?as_of=yesterday", "").Code)
			require.Equal(t, 404, h.call(h.ctx, "GET", "/api/v1/items/b?as_of=2026-04-01", "").Code)
			gone := decode[page[Gone]](t, h.call(h.ctx, "GET", "/api/v1/deleted-items", ""), 200)
			require.Equal(t, "b", gone.Items[0].Name)
			require.NotEmpty(t, decode[page[Entry]](t, h.call(h.ctx, "GET", "/api/v1/items/b/history", ""), 200).Items)
			require.Len(t, decode[page[Entry]](t, h.call(h.ctx, "GET", "/api/v1/items/a/history?since=2026-05-01T10:30:00Z", ""), 200).Items, 1)
			require.Equal(t, 204, h.call(h.ctx, "DELETE", "/api/v1/item-baselines/before", "").Code)
			require.Equal(t, 404, h.call(h.ctx, "GET", "/api/v1/item-baselines/before/differences", "").Code)
		})
	}
}
