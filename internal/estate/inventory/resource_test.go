package inventory

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

func (h *house) apply(file string) []string {
	cs, err := h.engine.Run(h.ctx, []byte(file), false)
	require.NoError(h.t, err)
	out := []string{}
	for _, c := range cs {
		out = append(out, c.Name+" "+string(c.Outcome))
	}
	return out
}

const file = `items:
  - {name: shop-web, kind: application, owner: web, title: The shop, depends_on: [db], part_of: [shop], connects_to: [db]}
  - name: db
    kind: database
    runs_on: [host]
    labels: {env: prod, tier: "1"}
    attributes: {port: 5432, tags: [a, b], deep: {x: 1.5}}
  - {name: shop, kind: service, criticality: high, lifecycle: planned, description: Sells things., member_of: [host]}
  - {name: host, kind: host}
`

func TestApplyInAnyOrderAndRoundTrip(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		h.team("web")
		require.Equal(t, []string{"shop-web created", "db created", "shop created", "host created"}, h.apply(file))
		rs := decode[page[RelationView]](t, h.call(h.ctx, "GET", "/api/v1/items/shop-web/relations", ""), 200)
		got := []string{}
		for _, r := range rs.Items {
			got = append(got, r.Type+" "+r.Item.Name)
		}
		require.Equal(t, []string{"connects_to db", "depends_on db", "part_of shop"}, got)
		require.Equal(t, []string{"shop-web unchanged", "db unchanged", "shop unchanged", "host unchanged"}, h.apply(file))

		out, err := h.engine.Export(h.ctx)
		require.NoError(t, err)
		require.Equal(t, []string{"db unchanged", "host unchanged", "shop unchanged", "shop-web unchanged"}, h.apply(string(out)))
		for _, name := range []string{"shop-web", "db", "shop", "host"} {
			require.NoError(t, h.svc.Delete(h.ctx, name, ""))
		}
		h.apply(string(out))
		again, err := h.engine.Export(h.ctx)
		require.NoError(t, err)
		require.Equal(t, string(out), string(again))
	})
}

func TestApplyReplacesWhatIsGivenAndLeavesTheRest(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		h.team("web")
		h.apply(file)
		require.NoError(t, h.db.InTx(h.ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := h.svc.Observed(ctx, tx, estate.NewItem{Name: "db", Kind: "database", Attributes: map[string]any{"version": "15.4", "port": 1}})
			return err
		}))
		require.Equal(t, []string{"shop-web updated", "db updated"}, h.apply(`items:
  - {name: shop-web, kind: application, depends_on: [host], part_of: []}
  - {name: db, kind: database, labels: {env: test}, attributes: {port: 5433}}
`))
		v := decode[View](t, h.call(h.ctx, "GET", "/api/v1/items/shop-web", ""), 200)
		require.Equal(t, "The shop", v.Title)
		require.Equal(t, "web", v.Owner)
		v = decode[View](t, h.call(h.ctx, "GET", "/api/v1/items/db", ""), 200)
		require.Equal(t, map[string]string{"env": "test"}, v.Labels)
		require.Equal(t, map[string]any{"port": 5433.0, "version": "15.4"}, v.Attributes)
		got := []string{}
		for _, r := range decode[page[RelationView]](t, h.call(h.ctx, "GET", "/api/v1/items/shop-web/relations?limit=2", ""), 200).Items {
			got = append(got, r.Type+" "+r.Item.Name)
		}
		require.Equal(t, []string{"connects_to db", "depends_on host"}, got)
	})
}

func TestApplyNamesEveryMistake(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		_, err := h.engine.Run(h.ctx, []byte(`items:
  - {name: a, kind: hots}
  - {name: b, kind: host, owner: nobody}
  - name: c
    kind: host
    depends_on: [d]
  - name: d
    kind: host
    depends_on:
      - missing
      - c
  - {name: e, kind: host, depends_on: [f]}
  - {name: f, kind: host, runs_on: [e]}
`), false)
		byPath := map[string]errs.Field{}
		for _, f := range errs.FieldsOf(err) {
			byPath[f.Path] = f
		}
		require.Contains(t, byPath["items[0].kind"].Message, "did you mean host?")
		require.Equal(t, 2, byPath["items[0].kind"].Line)
		require.Contains(t, byPath["items[1].owner"].Message, "is not the name of a team")
		require.Contains(t, byPath["items[3].depends_on[0]"].Message, "is not the name of an item")
		require.Equal(t, 10, byPath["items[3].depends_on[0]"].Line)
		require.Contains(t, byPath["items[5].runs_on[0]"].Message, "f → e → f")
		require.Empty(t, decode[page[View]](t, h.call(h.ctx, "GET", "/api/v1/items", ""), 200).Items)
	})
}

func TestApplyDryRunKeepsNothing(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		h.team("web")
		cs, err := h.engine.Run(h.ctx, []byte(file), true)
		require.NoError(t, err)
		require.Len(t, cs, 4)
		require.Equal(t, apply.Created, cs[0].Outcome)
		require.Empty(t, decode[page[View]](t, h.call(h.ctx, "GET", "/api/v1/items", ""), 200).Items)
		require.Empty(t, h.svc.graph.nodes)
	})
}

func TestApplyIsBoundToTeams(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		web := h.team("web")
		h.item("theirs", "host")
		scoped := as(h, access.None, map[string]access.Role{web: access.Operator})
		_, err := h.engine.Run(scoped, []byte("items: [{name: mine, kind: host, owner: web}]"), false)
		require.NoError(t, err)
		for _, f := range []string{"items: [{name: theirs, kind: host, title: x}]", "items: [{name: new, kind: host}]", "items: [{name: mine, kind: host, depends_on: [theirs]}]"} {
			_, err = h.engine.Run(scoped, []byte(f), false)
			require.Error(t, err)
			require.Contains(t, errs.FieldsOf(err)[0].Message, "item.", f)
		}
		out, err := h.engine.Export(scoped)
		require.NoError(t, err)
		require.NotContains(t, string(out), "theirs")
	})
}

func TestADiscoveryLeavesWhatPeopleTyped(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		observed := func(in estate.NewItem) estate.Item {
			var it estate.Item
			require.NoError(t, h.db.InTx(h.ctx, func(ctx context.Context, tx *db.Tx) (err error) {
				it, err = h.svc.Observed(ctx, tx, in)
				return err
			}))
			return it
		}
		get := func() View { return decode[View](t, h.call(h.ctx, "GET", "/api/v1/items/nginx", ""), 200) }
		observed(estate.NewItem{Name: "box", Kind: "host"})
		found := estate.NewItem{Name: "nginx", Kind: "process", Title: "nginx on box", Criticality: estate.Low, RunsOn: "box", Source: "host", Attributes: map[string]any{"port": 80, "pid": 7, "user": "www"}}
		it := observed(found)
		require.Equal(t, "nginx on box", it.Title)
		require.Equal(t, estate.Low, it.Criticality)
		v := get()
		require.Equal(t, "host", v.Sources["port"])
		require.Equal(t, v.Version, func() int64 { observed(found); return get().Version }(), "seeing the same again changes nothing")

		require.Equal(t, 200, h.call(h.ctx, "PATCH", "/api/v1/items/nginx", `{"title":"Front door","criticality":"critical","kind":"service","attributes":{"port":8080}}`).Code)
		found.Attributes = map[string]any{"port": 81, "pid": 8, "user": nil}
		observed(found)
		v = get()
		require.Equal(t, "Front door", v.Title)
		require.Equal(t, estate.Critical, v.Criticality)
		require.Equal(t, "service", v.Kind)
		require.Equal(t, map[string]any{"port": 8080.0, "pid": 8.0}, v.Attributes)
		require.Equal(t, map[string]string{"port": "manual", "pid": "host"}, v.Sources)

		rs, err := h.svc.Needs(h.ctx, h.db.Reader(), []string{v.ID})
		require.NoError(t, err)
		require.Equal(t, []string{"box 1"}, lines(rs))

		// A relation that contradicts what people drew is left out.
		h.items("x")
		h.relate("box depends_on x")
		observed(estate.NewItem{Name: "x", Kind: "process", RunsOn: "box"})
		rs, err = h.svc.Needs(h.ctx, h.db.Reader(), []string{observed(estate.NewItem{Name: "x", Kind: "process", RunsOn: "box"}).ID})
		require.NoError(t, err)
		require.Empty(t, rs)

		err = h.db.InTx(h.ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := h.svc.Observed(ctx, tx, estate.NewItem{Name: "y", Kind: "host", Source: "manual"})
			return err
		})
		require.ErrorIs(t, err, errManual)
	})
}

func TestFoundByNameTitleAndWords(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		web := h.team("web")
		i, err := h.svc.Create(h.ctx, Fields{Name: ptr("rack 4/unit 7"), Kind: ptr("host"), Title: ptr("Front door"), OwnerTeamID: &web, Attributes: map[string]any{"serial": "XK4711"}})
		require.NoError(t, err)
		for _, words := range []string{"rack", "front", "xk47"} {
			ds, err := h.search.Find(h.ctx, words, nil, 10)
			require.NoError(t, err)
			require.Len(t, ds, 1, words)
			require.Equal(t, "/estate/items/rack%204%2Funit%207", ds[0].URL)
		}
		ds, err := h.search.Find(as(h, access.None, map[string]access.Role{"other": access.Viewer}), "rack", nil, 10)
		require.NoError(t, err)
		require.Empty(t, ds)

		h.svc.states = fixedStates{i.ID: "warning"}
		ref, err := h.entities.Find(h.ctx, h.db.Reader(), estate.ItemKind, "rack 4/unit 7")
		require.NoError(t, err)
		sums, err := h.entities.Resolve(h.ctx, h.db.Reader(), append(refs(ref), estate.Ref("gone")))
		require.NoError(t, err)
		require.Len(t, sums, 1)
		require.Equal(t, "warning", sums[ref].State)
		require.Equal(t, "warning", decode[View](t, h.call(h.ctx, "GET", "/api/v1/items/rack%204%2Funit%207", ""), 200).State)

		require.NoError(t, h.svc.Delete(h.ctx, "rack 4/unit 7", ""))
		ds, err = h.search.Find(h.ctx, "rack", nil, 10)
		require.NoError(t, err)
		require.Empty(t, ds)
	})
}

type fixedStates map[string]string

func (f fixedStates) ItemStates([]string) map[string]string { return f }

func refs[T any](r ...T) []T { return r }

func FuzzAttributes(f *testing.F) {
	f.Add("port", "80")
	f.Add("a\x00b", `{"x":[1,2,{"y":null}]}`)
	f.Add(strings.Repeat("k", 101), `"\ud800"`)
	f.Fuzz(func(t *testing.T, key, value string) {
		once, err := normalize(map[string]any{key: value})
		if err != nil {
			return
		}
		again, err := normalize(once)
		require.NoError(t, err)
		require.Equal(t, once, again)
		require.Len(t, once, 1)
	})
}
