package pattern

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

func TestWordsOf(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"error", "failed"}, wordsOf("ERROR: login failed for <*>: error <*>"))
	require.Empty(t, wordsOf("terrors of failover are not failoverable"))
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	_, err := Policy{Name: "a", Kinds: []string{"odd"}, Words: "(", Severity: "high"}.check()
	var paths []string
	for _, f := range errs.FieldsOf(err) {
		paths = append(paths, f.Path)
	}
	require.Equal(t, []string{"kinds[0]", "severity", "words"}, paths)
	off := false
	for _, c := range []struct {
		p     Policy
		takes bool
	}{
		{Policy{}, true},
		{Policy{Words: "error|panic"}, true},
		{Policy{Words: "fatal"}, false},
		{Policy{Kinds: []string{"vanished"}}, false},
		{Policy{Kinds: []string{"vanished", "new"}, Items: []string{"web-1"}}, true},
		{Policy{Items: []string{"web-2"}}, false},
		{Policy{Notable: true}, false},
		{Policy{Enabled: &off}, false},
	} {
		c.p.Name = "p"
		re, err := c.p.check()
		require.NoError(t, err)
		require.Equal(t, c.takes, ready{c.p, re}.takes("new", "web-1", "Kernel PANIC at <*>", ""), "%+v", c.p)
	}
}

type itemsFake struct{ estate.Items }

func (itemsFake) ByName(_ context.Context, _ bun.IDB, name string) (estate.Item, error) {
	if name == "web-1" {
		return estate.Item{ID: "i1", Name: name, OwnerTeamID: "t1"}, nil
	}
	return estate.Item{}, errs.New(errs.NotFound, "no")
}

type templatesFake map[string]string

func (f templatesFake) LogPattern(id string) (observe.LogPattern, bool) {
	t, ok := f[id]
	return observe.LogPattern{ID: id, Template: t, Example: t}, ok
}

type fixture struct {
	s    *Service
	d    module.Deps
	mux  *http.ServeMux
	t    *testing.T
	rows *db.DB
}

func setUp(t *testing.T, d *db.DB, dir string) *fixture {
	t.Helper()
	require.NoError(t, d.Migrate(t.Context(), []db.Migrations{audit.Migrations(), event.Migrations(), {Module: "detect.pattern", FS: migrations}}))
	cfg := config.Default()
	cfg.Data = dir
	logger := slog.New(slog.DiscardHandler)
	deps := module.Deps{DB: d, Config: cfg, Logger: logger, Metrics: prometheus.NewRegistry(), Health: module.NewHealth(), Wire: module.NewWire(), Live: live.NewHub(), Events: event.New(d, logger)}
	in, err := Module().New(deps)
	require.NoError(t, err)
	module.Provide[estate.Items](deps, itemsFake{})
	module.Provide[observe.LogPatterns](deps, templatesFake{"a": "user <*> logged in", "b": "payment failed for <*>"})
	require.NoError(t, deps.Wire.Join())
	f := &fixture{s: in.(*Service), d: deps, mux: http.NewServeMux(), t: t, rows: d}
	f.s.Routes(httpapi.New(f.mux, "test", logger))
	require.NoError(t, f.s.Start(t.Context()))
	return f
}

func (f *fixture) ask(method, path, body string, into any) int {
	f.t.Helper()
	r := httptest.NewRequestWithContext(access.With(f.t.Context(), &access.Principal{ID: "ada", Name: "Ada", Role: access.Operator}), method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	rec := httptest.NewRecorder()
	f.mux.ServeHTTP(rec, r)
	if into != nil {
		require.NoError(f.t, json.Unmarshal(rec.Body.Bytes(), into), rec.Body.String())
	}
	return rec.Code
}

func (f *fixture) facts() []string {
	f.t.Helper()
	var out []string
	require.NoError(f.t, f.rows.Reader().NewRaw("SELECT name FROM events ORDER BY seq").Scan(f.t.Context(), &out))
	return out
}

func TestSignals(t *testing.T) {
	t.Parallel()
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		dir := t.TempDir()
		f := setUp(t, d, dir)
		ctx := access.AsSystem(t.Context())
		require.Equal(t, http.StatusOK, f.ask("PUT", "/api/v1/pattern-policies/bad", `{"kinds":["new"],"words":"fail","severity":"critical"}`, nil))
		require.Equal(t, http.StatusUnprocessableEntity, f.ask("PUT", "/api/v1/pattern-policies/bad", `{"words":"("}`, nil))
		at := d.Clock().Now().UTC().Truncate(time.Minute)
		give := func(n int, cs ...observe.PatternCount) {
			for range n {
				at = at.Add(time.Minute)
				require.NoError(t, f.s.minute(ctx, observe.PatternMinute{At: at, Counts: cs}))
			}
		}
		usual := observe.PatternCount{LogPattern: observe.LogPattern{ID: "a", Template: "user <*> logged in"}, Item: "web-1", Level: "info", Lines: 3}
		odd := observe.PatternCount{LogPattern: observe.LogPattern{ID: "b", Template: "payment failed for <*>", Example: "payment failed for 7"}, Item: "web-1", Level: "error", Lines: 1}
		give(61, usual)
		give(1, usual, odd)
		give(1, usual)

		var list List
		require.Equal(t, http.StatusOK, f.ask("GET", "/api/v1/patterns", "", &list))
		require.Equal(t, 2, list.Total)
		require.Equal(t, "b", list.Items[0].ID, "what is new stands before what is usual")
		require.Equal(t, "new", list.Items[0].State)
		require.Equal(t, []string{"failed"}, list.Items[0].Words)
		require.Equal(t, "error", list.Items[0].Level)
		require.Equal(t, uint64(63*3), list.Items[1].Week)
		f.ask("GET", "/api/v1/patterns?words=true&sort=rare&q=PAYMENT", "", &list)
		require.Equal(t, 1, list.Total)

		var signals struct{ Items []Signal }
		f.ask("GET", "/api/v1/pattern-signals?open=true", "", &signals)
		require.Len(t, signals.Items, 1)
		require.Equal(t, "bad", signals.Items[0].Policy)
		require.Equal(t, []string{"detect.signal_raised"}, f.facts())

		// What was learned survives a restart.
		f.s.Stop(t.Context())
		f = setUp(t, d, dir)
		var one Detail
		require.Equal(t, http.StatusOK, f.ask("GET", "/api/v1/patterns/b", "", &one))
		require.Equal(t, "new", one.State)
		require.Len(t, one.By, 168)
		require.Equal(t, http.StatusNotFound, f.ask("GET", "/api/v1/patterns/zz", "", nil))

		// A person knows it: it is over, and stays marked.
		require.Equal(t, http.StatusNoContent, f.ask("PUT", "/api/v1/patterns/b/mark", `{"mark":"known","comment":"the test card"}`, nil))
		require.Equal(t, []string{"detect.signal_raised", "detect.signal_cleared"}, f.facts())
		f.ask("GET", "/api/v1/patterns/b", "", &one)
		require.NotEqual(t, "new", one.State)
		require.Equal(t, "the test card", one.Mark.Comment)
		f.ask("GET", "/api/v1/pattern-signals?open=true", "", &signals)
		require.Empty(t, signals.Items)
		require.Equal(t, http.StatusNoContent, f.ask("DELETE", "/api/v1/pattern-policies/bad", "", nil))
		f.s.Stop(t.Context())
	})
}
