package incident

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/file"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/core/record"
	"github.com/mainstay-ops/mainstay/internal/core/search"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/respond"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// plan is a small map of items: needs[x] lists what x needs directly.
type plan struct {
	items map[string]estate.Item
	needs map[string][]string
}

func (p *plan) add(name string, c estate.Criticality, needs ...string) {
	p.items[name] = estate.Item{ID: name, Name: name, Kind: "service", Criticality: c}
	p.needs[name] = needs
}

func (p *plan) ByName(_ context.Context, _ bun.IDB, name string) (estate.Item, error) {
	if i, ok := p.items[name]; ok {
		return i, nil
	}
	return estate.Item{}, errs.New(errs.NotFound, "There is no item named %q.", name)
}

func (p *plan) ByIDs(_ context.Context, _ bun.IDB, ids []string) (map[string]estate.Item, error) {
	out := map[string]estate.Item{}
	for _, i := range ids {
		if it, ok := p.items[i]; ok {
			out[i] = it
		}
	}
	return out, nil
}

func (p *plan) walk(ids []string, next func(string) []string) []estate.Reached {
	seen := map[string]bool{}
	for _, i := range ids {
		seen[i] = true
	}
	var out []estate.Reached
	for todo := ids; len(todo) > 0; todo = todo[1:] {
		for _, n := range next(todo[0]) {
			if !seen[n] {
				seen[n] = true
				todo = append(todo, n)
				out = append(out, estate.Reached{Item: p.items[n]})
			}
		}
	}
	return out
}

func (p *plan) Needs(_ context.Context, _ bun.IDB, ids []string) ([]estate.Reached, error) {
	return p.walk(ids, func(i string) []string { return p.needs[i] }), nil
}

func (p *plan) Impact(_ context.Context, _ bun.IDB, ids []string) ([]estate.Reached, error) {
	return p.walk(ids, func(i string) []string {
		var out []string
		for x, ns := range p.needs {
			for _, n := range ns {
				if n == i {
					out = append(out, x)
				}
			}
		}
		return out
	}), nil
}

type noEscalations struct{}

func (noEscalations) HasEscalation(_ context.Context, _ bun.IDB, name string) (bool, error) {
	return name == "web", nil
}

// hand is a clock that is moved by hand.
type hand struct{ at atomic.Int64 }

func (h *hand) Now() time.Time          { return time.UnixMicro(h.at.Load()).UTC() }
func (h *hand) forward(d time.Duration) { h.at.Add(d.Microseconds()) }

type world struct {
	t     *testing.T
	s     *Service
	d     *db.DB
	plan  *plan
	clock *hand
	api   http.Handler
	role  access.Role
}

// both runs a test on SQLite and on PostgreSQL.
func both(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f(t, newWorld(t)) })
	t.Run("postgres", func(t *testing.T) { f(t, newWorldOn(t, testkit.PostgresURL(t))) })
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOn(t, "")
}

func newWorldOn(t *testing.T, databaseURL string) *world {
	t.Helper()
	ctx := context.Background()
	w := &world{t: t, plan: &plan{items: map[string]estate.Item{}, needs: map[string][]string{}}, clock: &hand{}, role: access.Responder}
	w.clock.at.Store(time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC).UnixMicro())
	logger := slog.New(slog.DiscardHandler)
	var err error
	w.d, err = db.Open(ctx, db.Options{URL: databaseURL, Dir: t.TempDir(), Clock: w.clock})
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.d.Close() })
	m := Module()
	require.NoError(t, w.d.Migrate(ctx, []db.Migrations{event.Migrations(), audit.Migrations(), search.Migrations(), account.Migrations(), record.Migrations(), {Module: m.ID, FS: m.Migrations}}))
	files, err := file.Open(t.TempDir())
	require.NoError(t, err)
	hub, ix, ents := live.NewHub(), search.New(w.d), entity.NewRegistry()
	ents.Register(estate.ItemKind, func(_ context.Context, _ bun.IDB, ids []string) ([]entity.Summary, error) {
		var out []entity.Summary
		for _, i := range ids {
			out = append(out, entity.Summary{Ref: estate.Ref(i), Name: i, Title: i, URL: "/items/" + i})
		}
		return out, nil
	})
	records, err := record.New(w.d, m.Kinds, ents, hub, ix, files, logger)
	require.NoError(t, err)
	jobs := job.New(w.d, logger, "")
	require.NoError(t, jobs.Migrate(ctx))
	deps := module.Deps{DB: w.d, Events: event.New(w.d, logger), Jobs: jobs, Records: records, Accounts: account.New(w.d, time.Hour), Entities: ents, Search: ix, Live: hub, Logger: logger, Wire: module.NewWire()}
	in, err := m.New(deps)
	require.NoError(t, err)
	module.Provide[estate.Items](deps, w.plan)
	module.Provide[respond.Escalations](deps, noEscalations{})
	require.NoError(t, deps.Wire.Join())
	w.s = in.(*Service)
	w.s.Jobs(jobs)
	require.NoError(t, jobs.Build())
	mux := http.NewServeMux()
	w.s.Routes(httpapi.New(mux, "test", logger))
	w.api = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.role != access.None {
			r = r.WithContext(access.With(r.Context(), &access.Principal{Kind: access.Person, ID: "p1", Name: "Olga", Role: w.role}))
		}
		mux.ServeHTTP(rw, r)
	})
	return w
}

func (w *world) tx(fn func(ctx context.Context, tx *db.Tx) error) {
	w.t.Helper()
	require.NoError(w.t, w.d.InTx(access.AsSystem(context.Background()), fn))
}

func (w *world) fire(item, severity string) string {
	w.t.Helper()
	f := respond.AlertFired{
		AlertID: id.New(), Fingerprint: "check:" + item, Severity: severity, Item: item, ItemID: item, Check: item + "-http",
		Title: item + ": " + item + "-http " + severity, ImpactStartedAt: w.clock.Now().Add(-10 * time.Second), DetectedAt: w.clock.Now(), Output: "connection refused",
	}
	w.tx(func(ctx context.Context, tx *db.Tx) error { return w.s.alertFired(ctx, tx, f) })
	return f.AlertID
}

func (w *world) clear(alertID string) {
	w.t.Helper()
	w.tx(func(ctx context.Context, tx *db.Tx) error {
		return w.s.alertResolved(ctx, tx, respond.AlertResolved{AlertID: alertID, At: tx.Now(), Output: "ok"})
	})
}

func (w *world) all() []View {
	w.t.Helper()
	ctx := access.AsSystem(context.Background())
	ids, _, err := w.s.listIDs(ctx, w.d.Reader(), filter{Limit: 500})
	require.NoError(w.t, err)
	vs, err := w.s.views(ctx, w.d.Reader(), ids)
	require.NoError(w.t, err)
	return vs
}

func (w *world) opened() []View {
	var out []View
	for _, v := range w.all() {
		if v.State != Resolved && v.State != Closed {
			out = append(out, v)
		}
	}
	return out
}

// runTimers runs the timers that are due by the clock, the earliest first.
func (w *world) runTimers() {
	w.t.Helper()
	ctx := context.Background()
	for {
		var rows []struct {
			ID          int64
			Args        string
			ScheduledAt time.Time
		}
		require.NoError(w.t, w.d.Reader().NewRaw("SELECT id, CAST(args AS TEXT) AS args, scheduled_at FROM river_job WHERE kind = 'incident.timer' AND state <> 'completed' ORDER BY scheduled_at, id").Scan(ctx, &rows))
		ran := false
		for _, r := range rows {
			if r.ScheduledAt.After(w.clock.Now()) {
				continue
			}
			ran = true
			w.tx(func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.NewRaw("DELETE FROM river_job WHERE id = ?", r.ID).Exec(ctx)
				return err
			})
			require.NoError(w.t, w.s.runTimer(ctx, parseArgs(w.t, r.Args), job.Meta{Attempt: 1}))
		}
		if !ran {
			return
		}
	}
}

func (w *world) do(method, path, body string) (int, string) {
	w.t.Helper()
	var rd io.Reader
	if body != "" {
		rd = strings.NewReader(body)
	}
	req := httptest.NewRequest(method, path, rd)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	rec := httptest.NewRecorder()
	w.api.ServeHTTP(rec, req)
	return rec.Code, rec.Body.String()
}

func (w *world) facts(name string) []string {
	w.t.Helper()
	var out []string
	require.NoError(w.t, w.d.Reader().NewRaw("SELECT data FROM events WHERE name = ? ORDER BY seq", name).Scan(context.Background(), &out))
	return out
}

func (w *world) timeline(number string) string {
	w.t.Helper()
	ctx := access.AsSystem(context.Background())
	r, err := w.s.d.Records.ByNumber(ctx, w.d.Reader(), respond.IncidentKind, number)
	require.NoError(w.t, err)
	es, _, err := w.s.d.Records.Timeline(ctx, w.d.Reader(), r.ID, "", 1000)
	require.NoError(w.t, err)
	var b strings.Builder
	for _, e := range es {
		b.WriteString(e.Kind + " " + e.Body + "\n")
	}
	return b.String()
}
