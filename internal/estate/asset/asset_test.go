package asset

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"image"
	"image/png"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"pgregory.net/rapid"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/core/search"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// estateMap answers from a list: items whose id is their name, with attributes.
type estateMap struct {
	estate.Items
	estate.Graph
	attrs    map[string]map[string]any
	packages map[string][]observe.Installed
}

func (m *estateMap) ByName(_ context.Context, _ bun.IDB, name string) (estate.Item, error) {
	if _, ok := m.attrs[name]; !ok {
		return estate.Item{}, errs.New(errs.NotFound, "There is no such item.")
	}
	return estate.Item{ID: name, Name: name}, nil
}

func (m *estateMap) ByIDs(_ context.Context, _ bun.IDB, ids []string) (map[string]estate.Item, error) {
	out := map[string]estate.Item{}
	for _, v := range ids {
		if _, ok := m.attrs[v]; ok {
			out[v] = estate.Item{ID: v, Name: v}
		}
	}
	return out, nil
}

func (m *estateMap) Nodes(_ context.Context, _ bun.IDB, ids []string) ([]estate.Node, error) {
	var out []estate.Node
	for _, v := range ids {
		if a, ok := m.attrs[v]; ok {
			out = append(out, estate.Node{Item: estate.Item{ID: v, Name: v}, Attributes: a})
		}
	}
	return out, nil
}

func (m *estateMap) Catalog(_ context.Context, _ bun.IDB, f estate.CatalogFilter) ([]estate.Item, error) {
	var names []string
	for n := range m.attrs {
		if n > f.After {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	var out []estate.Item
	for _, n := range names[:min(len(names), f.Limit)] {
		out = append(out, estate.Item{ID: n, Name: n})
	}
	return out, nil
}

func (m *estateMap) WithPackage(_ context.Context, _ bun.IDB, name string, _ int) ([]observe.Installed, error) {
	return m.packages[name], nil
}

type house struct {
	t      *testing.T
	svc    *Service
	est    *estateMap
	mux    *http.ServeMux
	engine *apply.Engine
	ctx    context.Context
}

func eachDatabase(t *testing.T, f func(t *testing.T, h *house)) {
	t.Parallel()
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		t.Parallel()
		m, ctx, logger := Module(), access.AsSystem(t.Context()), slog.New(slog.DiscardHandler)
		require.NoError(t, d.Migrate(ctx, []db.Migrations{event.Migrations(), audit.Migrations(), search.Migrations(), account.Migrations(), {Module: m.ID, FS: m.Migrations}}))
		est := &estateMap{attrs: map[string]map[string]any{}, packages: map[string][]observe.Installed{}}
		deps := module.Deps{DB: d, Events: event.New(d, logger), Entities: entity.NewRegistry(), Search: search.New(d), Live: live.NewHub(), Logger: logger, Metrics: prometheus.NewRegistry(), Health: module.NewHealth(), Wire: module.NewWire(), Config: config.Config{Data: t.TempDir(), PublicURL: "https://ops.example.org/"}}
		module.Provide[estate.Items](deps, est)
		module.Provide[estate.Graph](deps, est)
		module.Provide[estate.Catalog](deps, est)
		module.Provide[observe.Software](deps, est)
		in, err := m.New(deps)
		require.NoError(t, err)
		require.NoError(t, deps.Wire.Join())
		h := &house{t: t, svc: in.(*Service), est: est, mux: http.NewServeMux(), ctx: ctx}
		h.svc.Routes(httpapi.New(h.mux, "test", logger))
		h.engine = apply.New(d, h.svc.Resources())
		f(t, h)
	})
}

func (h *house) call(method, path, body string) *httptest.ResponseRecorder {
	h.t.Helper()
	req := httptest.NewRequestWithContext(h.ctx, method, path, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.mux.ServeHTTP(w, req)
	return w
}

func get[T any](h *house, path string) T {
	h.t.Helper()
	return decode[T](h.t, h.call("GET", path, ""), 200)
}

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

// person makes an account and gives who acts as that person.
func (h *house) person(email string, role access.Role) *access.Principal {
	h.t.Helper()
	var a *account.Account
	require.NoError(h.t, h.svc.d.DB.InTx(access.AsSystem(h.t.Context()), func(ctx context.Context, tx *db.Tx) (err error) {
		a, _, err = account.New(h.svc.d.DB, 0).Ensure(ctx, tx, email)
		return err
	}))
	return &access.Principal{Kind: access.Person, ID: a.ID, Email: email, Role: role}
}

func drawn(t *testing.T, w, hgt int) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, image.NewGray(image.Rect(0, 0, w, hgt))))
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

func TestStates(t *testing.T) {
	t.Parallel()
	allowed := map[string]string{
		ordered: "in_stock in_use disposed", inStock: "in_use repair retired disposed", inUse: "in_stock repair retired",
		inRepair: "in_stock in_use retired", retired: "in_stock disposed", disposed: "",
	}
	for _, from := range states {
		for _, to := range states {
			ok := slices.Contains(strings.Fields(allowed[from]), to)
			require.Equal(t, ok, (&assetRow{State: from}).checkMove(to) == nil, "%s -> %s", from, to)
		}
	}
	held := &assetRow{State: inUse, HolderID: "x"}
	require.Error(t, held.checkMove(inStock), "somebody has it")
	require.NoError(t, held.checkMove(inRepair))
}

func TestAssetsGetTags(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		require.Equal(t, "A-00001", decode[Asset](t, h.call("POST", "/api/v1/assets", `{"title":"Laptop"}`), 201).Tag)
		require.Equal(t, "A-00003", decode[Asset](t, h.call("POST", "/api/v1/assets", `{"title":"Laptop","tag":"A-00003"}`), 201).Tag)
		require.Equal(t, "A-00002", decode[Asset](t, h.call("POST", "/api/v1/assets", `{"title":"Laptop"}`), 201).Tag)
		require.Equal(t, "A-00004", decode[Asset](t, h.call("POST", "/api/v1/assets", `{"title":"Laptop"}`), 201).Tag, "a taken number is passed over")
		require.Equal(t, 409, h.call("POST", "/api/v1/assets", `{"title":"Laptop","tag":"A-00003"}`).Code)
		require.Equal(t, 422, h.call("POST", "/api/v1/assets", `{"title":"x","price":5}`).Code, "a price needs a currency")
		require.Equal(t, 422, h.call("POST", "/api/v1/assets", `{"title":"x","warranty_until":"2026-02-30"}`).Code)
		require.Equal(t, 200, h.call("PUT", "/api/v1/asset-settings", `{"prefix":"IT","digits":3,"next_number":7}`).Code)
		require.Equal(t, "IT007", decode[Asset](t, h.call("POST", "/api/v1/assets", `{"title":"Phone","category":"phone","notes":"=1+1"}`), 201).Tag)
		var tags []string
		for cursor := ""; ; {
			p := get[page[Asset]](h, "/api/v1/assets?limit=2&cursor="+cursor)
			for _, a := range p.Items {
				tags = append(tags, a.Tag)
			}
			if cursor = p.Next; cursor == "" {
				break
			}
		}
		require.Equal(t, []string{"A-00001", "A-00002", "A-00003", "A-00004", "IT007"}, tags)
		require.Len(t, get[page[Asset]](h, "/api/v1/assets?category=phone").Items, 1)
		w := h.call("GET", "/api/v1/assets.csv?q=phone", "")
		require.Equal(t, 200, w.Code)
		require.Equal(t, "text/csv; charset=utf-8", w.Header().Get("Content-Type"))
		require.Contains(t, w.Body.String(), "IT007,Phone,in_stock,phone")
		require.Contains(t, w.Body.String(), ",'=1+1", "no formula")
		require.Equal(t, 5, get[Summary](h, "/api/v1/asset-summary").States[inStock])
		require.Equal(t, 204, h.call("DELETE", "/api/v1/assets/IT007", "").Code)
	})
}

func TestHandOver(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		ada := h.person("ada@example.org", access.Viewer)
		system := h.ctx
		decode[Asset](t, h.call("POST", "/api/v1/assets", `{"title":"Laptop","tag":"L1"}`), 201)
		out := "/api/v1/assets/L1/check-out"
		require.Equal(t, 422, h.call("POST", out, `{"person":"nobody@example.org"}`).Code)
		require.Equal(t, 422, h.call("POST", out, `{"person":"ada@example.org","signature":"bm8gcG5n"}`).Code, "no PNG")
		require.Equal(t, 422, h.call("POST", out, `{"person":"ada@example.org","signature":"`+drawn(t, 2001, 2)+`"}`).Code, "too wide")
		require.Equal(t, 422, h.call("POST", out, `{"person":"ada@example.org","due_on":"2001-01-01"}`).Code)
		a := decode[Asset](t, h.call("POST", out, `{"person":"ada@example.org","signature":"`+drawn(t, 300, 100)+`","due_on":"2999-01-01"}`), 200)
		require.Equal(t, inUse, a.State)
		require.Equal(t, "ada@example.org", a.Holder.Email)
		require.Equal(t, 409, h.call("POST", out, `{"person":"ada@example.org"}`).Code, "one at a time")
		require.Equal(t, 409, h.call("DELETE", "/api/v1/assets/L1", "").Code)
		require.Equal(t, 409, h.call("POST", "/api/v1/assets/L1/move", `{"state":"retired"}`).Code)
		require.Equal(t, 403, h.call("POST", "/api/v1/assets/L1/confirm", "").Code, "only who has it")

		h.ctx = access.With(t.Context(), ada)
		require.Equal(t, 403, h.call("POST", "/api/v1/assets/L1/check-in", `{}`).Code)
		decode[Asset](t, h.call("POST", "/api/v1/assets/L1/confirm", ""), 200)
		require.Len(t, get[page[Asset]](h, "/api/v1/assets?holder=me").Items, 1)
		h.ctx = system

		hs := get[page[Handover]](h, "/api/v1/assets/L1/handovers").Items
		require.Len(t, hs, 1)
		require.True(t, hs[0].Signed)
		require.NotNil(t, hs[0].ConfirmedAt)
		w := h.call("GET", "/api/v1/assets/L1/handovers/"+hs[0].ID+"/signature", "")
		require.Equal(t, 200, w.Code)
		require.Equal(t, "image/png", w.Header().Get("Content-Type"))
		_, err := png.Decode(w.Body)
		require.NoError(t, err)

		a = decode[Asset](t, h.call("POST", "/api/v1/assets/L1/check-in", `{"state":"repair","location":"bench"}`), 200)
		require.Nil(t, a.Holder)
		require.Equal(t, inRepair, a.State)
		require.Equal(t, "bench", a.Location)
		decode[Asset](t, h.call("POST", "/api/v1/assets/L1/seen", `{"place":"rack 3","moved":true}`), 200)
		require.Equal(t, "rack 3", get[page[Sighting]](h, "/api/v1/assets/L1/sightings").Items[0].Place)
		require.Equal(t, 204, h.call("DELETE", "/api/v1/assets/L1", "").Code)
		_, err = h.svc.files.Open(hs[0].ID)
		require.True(t, errs.Is(err, errs.NotFound), "the signature went with the asset")
	})
}

func TestStockIsNeverNegative(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			st := decode[Stock](t, h.call("POST", "/api/v1/stock", `{"name":"s`+strings.Repeat("x", n)+`","minimum":3}`), 201)
			want := int64(0)
			for _, c := range rapid.SliceOfN(rapid.Int64Range(-20, 20), 1, 12).Draw(rt, "changes") {
				err := h.svc.change(h.ctx, func(ctx context.Context, tx *db.Tx) error {
					_, err := h.svc.book(ctx, tx, st.ID, c, "test")
					return err
				})
				if ok := c != 0 && want+c >= 0; ok != (err == nil) {
					rt.Fatalf("%d + %d: %v", want, c, err)
				} else if ok {
					want += c
				}
			}
			got := get[Stock](h, "/api/v1/stock/"+st.ID)
			if got.Quantity != want || got.Short != (want < 3) {
				rt.Fatalf("%d, wanted %d", got.Quantity, want)
			}
			sum := int64(0)
			for _, b := range get[page[Booking]](h, "/api/v1/stock/"+st.ID+"/bookings").Items {
				sum += b.Change
			}
			if sum != want {
				rt.Fatalf("the bookings sum to %d, the count is %d", sum, want)
			}
		})
	})
}
