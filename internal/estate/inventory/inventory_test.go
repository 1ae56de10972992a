package inventory

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/core/search"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// house is the core with this one module in it.
type house struct {
	t        testing.TB
	db       *db.DB
	svc      *Service
	entities *entity.Registry
	search   *search.Index
	engine   *apply.Engine
	mux      *http.ServeMux
	ctx      context.Context
}

// eachDatabase runs f on every database that is at hand.
func eachDatabase(t *testing.T, f func(t *testing.T, h *house)) {
	t.Parallel()
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		t.Parallel()
		f(t, newHouse(t, d))
	})
}

func newHouse(t testing.TB, d *db.DB) *house {
	return (&house{t: t, db: d}).open()
}

func (h *house) open() *house {
	m := Module()
	ctx := access.AsSystem(h.t.Context())
	require.NoError(h.t, h.db.Migrate(ctx, []db.Migrations{event.Migrations(), audit.Migrations(), search.Migrations(), account.Migrations(), {Module: m.ID, FS: m.Migrations}}))
	logger := slog.New(slog.DiscardHandler)
	h.ctx, h.entities, h.search, h.mux = ctx, entity.NewRegistry(), search.New(h.db), http.NewServeMux()
	in, err := m.New(module.Deps{
		DB: h.db, Events: event.New(h.db, logger), Entities: h.entities, Search: h.search, Live: live.NewHub(), Logger: logger,
		Metrics: prometheus.NewRegistry(), Health: module.NewHealth(), Wire: module.NewWire(),
	})
	require.NoError(h.t, err)
	h.svc = in.(*Service)
	require.NoError(h.t, h.svc.Start(ctx))
	h.svc.Routes(httpapi.New(h.mux, "test", logger))
	h.engine = apply.New(h.db, h.svc.Resources())
	return h
}

// as is the context of somebody with a role, and roles in teams.
func as(h *house, role access.Role, teams map[string]access.Role) context.Context {
	return access.With(h.t.Context(), &access.Principal{Kind: access.Person, ID: "p1", Name: "Pat", Role: role, Teams: teams})
}

func (h *house) team(name string) string {
	var teamID string
	require.NoError(h.t, h.db.InTx(h.ctx, func(ctx context.Context, tx *db.Tx) error {
		t, _, err := account.New(h.db, 0).SaveTeam(ctx, tx, name, "", nil)
		teamID = t.ID
		return err
	}))
	return teamID
}

// item makes an item of a kind.
func (h *house) item(name, kind string) *Item {
	i, err := h.svc.Create(h.ctx, Fields{Name: &name, Kind: &kind})
	require.NoError(h.t, err)
	return i
}

// items makes services.
func (h *house) items(names ...string) map[string]string {
	ids := map[string]string{}
	for _, n := range names {
		ids[n] = h.item(n, "service").ID
	}
	return ids
}

// relate makes relations of the form "a depends_on b".
func (h *house) relate(lines ...string) {
	for _, l := range lines {
		f := strings.Fields(l)
		_, err := h.svc.Relate(h.ctx, f[0], f[1], f[2])
		require.NoError(h.t, err, l)
	}
}

// call sends a request as whoever ctx says.
func (h *house) call(ctx context.Context, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req := httptest.NewRequestWithContext(ctx, method, path, r)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for n := 0; n+1 < len(headers); n += 2 {
		req.Header.Set(headers[n], headers[n+1])
	}
	w := httptest.NewRecorder()
	h.mux.ServeHTTP(w, req)
	return w
}

func ptr[T any](v T) *T { return &v }
