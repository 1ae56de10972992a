package inventory

import (
	"encoding/json"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/access"
)

func decode[T any](t *testing.T, w *httptest.ResponseRecorder, status int) T {
	t.Helper()
	require.Equal(t, status, w.Code, w.Body.String())
	var v T
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &v))
	return v
}

type page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
}

func TestItemOverTheAPI(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		h.team("web")
		w := h.call(h.ctx, "POST", "/api/v1/items", `{"name":"shop","kind":"service","owner":"web","labels":{"env":"prod"},"attributes":{"url":"https://shop.example.org","ports":[80,443]}}`)
		v := decode[View](t, w, 201)
		require.Equal(t, "web", v.Owner)
		require.EqualValues(t, "medium", v.Criticality)
		require.Equal(t, "in_use", v.Lifecycle)
		require.Equal(t, "manual", v.Sources["ports"])
		require.Equal(t, "", v.State)

		etag := w.Header().Get("ETag")
		v = decode[View](t, h.call(h.ctx, "PATCH", "/api/v1/items/shop", `{"criticality":"high","labels":{"env":null,"tier":"1"},"attributes":{"ports":null,"n":3}}`, "If-Match", etag), 200)
		require.EqualValues(t, "high", v.Criticality)
		require.Equal(t, map[string]string{"tier": "1"}, v.Labels)
		require.Equal(t, map[string]any{"url": "https://shop.example.org", "n": 3.0}, v.Attributes)
		require.Equal(t, 412, h.call(h.ctx, "PATCH", "/api/v1/items/shop", `{"title":"Shop"}`, "If-Match", etag).Code)

		hist := decode[page[Entry]](t, h.call(h.ctx, "GET", "/api/v1/items/shop/history", ""), 200)
		fields := map[string]Entry{}
		for _, e := range hist.Items {
			fields[e.Field] = e
		}
		require.Len(t, hist.Items, 6) // made, criticality, two labels, two attributes
		require.Equal(t, "medium", fields["criticality"].Before)
		require.Equal(t, "high", fields["criticality"].After)
		require.Nil(t, fields["labels.env"].After)
		require.Equal(t, "Mainstay", fields["criticality"].Actor)

		require.Equal(t, 409, h.call(h.ctx, "POST", "/api/v1/items", `{"name":"shop","kind":"service"}`).Code)
		require.Equal(t, 204, h.call(h.ctx, "DELETE", "/api/v1/items/shop", "").Code)
		require.Equal(t, 404, h.call(h.ctx, "GET", "/api/v1/items/shop", "").Code)
	})
}

func TestNamesWithSigns(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		for name, path := range map[string]string{
			"10.0.0.1:443":  "10.0.0.1:443",
			"rack 4/unit 7": "rack%204%2Funit%207",
			"a+b@c_d":       "a+b@c_d",
			"a/../b":        "a%2F..%2Fb",
			"münchen/büro":  "m%C3%BCnchen%2Fb%C3%BCro",
		} {
			h.item(name, "host")
			require.Equal(t, name, decode[View](t, h.call(h.ctx, "GET", "/api/v1/items/"+path, ""), 200).Name)
			require.Equal(t, 200, h.call(h.ctx, "GET", "/api/v1/items/"+path+"/impact", "").Code)
			require.Equal(t, 200, h.call(h.ctx, "PATCH", "/api/v1/items/"+path, `{"title":"x"}`).Code)
		}
		h.items("x")
		require.Equal(t, 201, h.call(h.ctx, "POST", "/api/v1/items/x/relations", `{"type":"runs_on","item":"rack 4/unit 7"}`).Code)
		require.Equal(t, 204, h.call(h.ctx, "DELETE", "/api/v1/items/x/relations/runs_on/rack%204%2Funit%207", "").Code)
		require.Equal(t, 404, h.call(h.ctx, "DELETE", "/api/v1/items/x/relations/runs_on/rack%204%2Funit%207", "").Code)
	})
}

func TestBadInputSaysWhatIsRight(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		for body, want := range map[string]string{
			`{"name":"a","kind":"servce"}`:                                           "did you mean service?",
			`{"name":" a","kind":"service"}`:                                         "must begin with a letter or digit",
			`{"name":"a","kind":"service","owner":"nobody"}`:                         "is not the name of a team",
			`{"name":"a","kind":"service","labels":{"a b":"c"}}`:                     "a label's key",
			`{"name":"a","kind":"service","title":"two\nlines"}`:                     "must be one line",
			`{"name":"a","kind":"service","lifecycle":"old"}`:                        "lifecycle",
			`{"name":"a","kind":"service","surprise":1}`:                             "surprise",
			`{"name":"a","kind":"service","attributes":{"` + long(200) + `":1}}`:     "an attribute's key",
			`{"name":"a","kind":"service","attributes":{"a":"` + long(70000) + `"}}`: "at most 65536 fit",
		} {
			w := h.call(h.ctx, "POST", "/api/v1/items", body)
			require.Equal(t, 422, w.Code, w.Body.String())
			require.Contains(t, w.Body.String(), want)
		}
		require.Equal(t, 422, h.call(h.ctx, "GET", "/api/v1/items?cursor=%21", "").Code)
		require.Equal(t, 422, h.call(h.ctx, "GET", "/api/v1/items?label=%3Dx", "").Code)
		require.Empty(t, decode[page[View]](t, h.call(h.ctx, "GET", "/api/v1/items", ""), 200).Items)
	})
}

func long(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'x'
	}
	return string(b)
}

func TestListFiltersAndPages(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		h.team("web")
		for _, body := range []string{
			`{"name":"alpha","kind":"service","owner":"web","labels":{"env":"prod"},"criticality":"high"}`,
			`{"name":"beta","kind":"host","title":"100% Österreich_1","labels":{"env":"test"}}`,
			`{"name":"gamma","kind":"host","lifecycle":"retired"}`,
		} {
			require.Equal(t, 201, h.call(h.ctx, "POST", "/api/v1/items", body).Code)
		}
		for query, want := range map[string][]string{
			"":                          {"alpha", "beta", "gamma"},
			"?kind=host":                {"beta", "gamma"},
			"?owner=web":                {"alpha"},
			"?criticality=high":         {"alpha"},
			"?lifecycle=retired":        {"gamma"},
			"?label=env":                {"alpha", "beta"},
			"?label=env%3Dtest":         {"beta"},
			"?label=env%3D":             {},
			"?q=%C3%96STER":             {"beta"},
			"?q=100%25":                 {"beta"},
			"?q=h_1":                    {"beta"},
			"?q=l_h":                    {},
			"?q=ALP&kind=service":       {"alpha"},
			"?label=env%3Dprod&q=gamma": {},
		} {
			got := []string{}
			for _, v := range decode[page[View]](t, h.call(h.ctx, "GET", "/api/v1/items"+query, ""), 200).Items {
				got = append(got, v.Name)
			}
			require.Equal(t, want, got, query)
		}
		p := decode[page[View]](t, h.call(h.ctx, "GET", "/api/v1/items?limit=2", ""), 200)
		require.Len(t, p.Items, 2)
		p = decode[page[View]](t, h.call(h.ctx, "GET", "/api/v1/items?limit=2&cursor="+p.Next, ""), 200)
		require.Len(t, p.Items, 1)
		require.Equal(t, "gamma", p.Items[0].Name)
		require.Empty(t, p.Next)
	})
}

func TestAccess(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		web, ops := h.team("web"), h.team("ops")
		h.item("mine", "service")
		for name, team := range map[string]string{"mine": web, "theirs": ops, "behind": web} {
			if name != "mine" {
				h.item(name, "service")
			}
			_, err := h.svc.Update(h.ctx, name, "", Fields{OwnerTeamID: &team})
			require.NoError(t, err)
		}
		h.relate("theirs depends_on mine", "behind depends_on theirs")

		viewer := as(h, access.Viewer, nil)
		require.Len(t, decode[page[View]](t, h.call(viewer, "GET", "/api/v1/items", ""), 200).Items, 3)
		for _, c := range [][3]string{
			{"POST", "/api/v1/items", `{"name":"new","kind":"host"}`},
			{"PATCH", "/api/v1/items/mine", `{"title":"x"}`},
			{"DELETE", "/api/v1/items/mine", ""},
			{"POST", "/api/v1/items/mine/relations", `{"type":"part_of","item":"theirs"}`},
			{"DELETE", "/api/v1/items/theirs/relations/depends_on/mine", ""},
		} {
			require.Equal(t, 403, h.call(viewer, c[0], c[1], c[2]).Code, c)
			require.Equal(t, 401, h.call(t.Context(), c[0], c[1], c[2]).Code, c)
		}
		require.Equal(t, 401, h.call(t.Context(), "GET", "/api/v1/items", "").Code)

		// A member of web with the role operator there, and no role elsewhere.
		scoped := as(h, access.None, map[string]access.Role{web: access.Operator})
		require.Len(t, decode[page[View]](t, h.call(scoped, "GET", "/api/v1/items", ""), 200).Items, 2)
		require.Equal(t, 403, h.call(scoped, "GET", "/api/v1/items/theirs", "").Code)
		require.Equal(t, 403, h.call(scoped, "GET", "/api/v1/items/theirs/history", "").Code)
		require.Equal(t, 200, h.call(scoped, "PATCH", "/api/v1/items/mine", `{"title":"x"}`).Code)
		require.Equal(t, 403, h.call(scoped, "PATCH", "/api/v1/items/mine", `{"owner":"ops"}`).Code)
		require.Equal(t, 403, h.call(scoped, "PATCH", "/api/v1/items/theirs", `{"title":"x"}`).Code)
		require.Equal(t, 403, h.call(scoped, "POST", "/api/v1/items", `{"name":"new","kind":"host"}`).Code)
		require.Equal(t, 201, h.call(scoped, "POST", "/api/v1/items", `{"name":"new","kind":"host","owner":"web"}`).Code)
		require.Equal(t, 403, h.call(scoped, "POST", "/api/v1/items/mine/relations", `{"type":"part_of","item":"theirs"}`).Code)
		require.Empty(t, decode[page[RelationView]](t, h.call(scoped, "GET", "/api/v1/items/mine/relations", ""), 200).Items)

		// What may not be seen is not named, what lies behind it is found.
		r := decode[Reach](t, h.call(scoped, "GET", "/api/v1/items/mine/impact", ""), 200)
		require.Len(t, r.Items, 1)
		require.Equal(t, []string{"mine", "…", "behind"}, r.Items[0].Path)
	})
}
