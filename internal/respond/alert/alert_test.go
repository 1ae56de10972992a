package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/respond"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// shop is the only item there is.
type shop struct{ estate.Items }

func (shop) ByName(_ context.Context, _ bun.IDB, name string) (estate.Item, error) {
	if name != "shop" {
		return estate.Item{}, errs.New(errs.NotFound, "There is no item named %q.", name)
	}
	return estate.Item{ID: "i1", Name: "shop", OwnerTeamID: "t1"}, nil
}

func (shop) ByIDs(context.Context, bun.IDB, []string) (map[string]estate.Item, error) {
	return map[string]estate.Item{"i1": {ID: "i1", Name: "shop", OwnerTeamID: "t1"}}, nil
}

type hand struct{ at atomic.Int64 }

func (h *hand) Now() time.Time { return time.UnixMicro(h.at.Load()).UTC() }

type world struct {
	t     *testing.T
	s     *Service
	d     *db.DB
	clock *hand
	api   http.Handler
	role  access.Role
}

func newWorld(t *testing.T, url string) *world {
	t.Helper()
	ctx := context.Background()
	w := &world{t: t, clock: &hand{}, role: access.Responder}
	w.clock.at.Store(time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC).UnixMicro())
	logger := slog.New(slog.DiscardHandler)
	var err error
	w.d, err = db.Open(ctx, db.Options{URL: url, Dir: t.TempDir(), Clock: w.clock})
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.d.Close() })
	m := Module()
	require.NoError(t, w.d.Migrate(ctx, []db.Migrations{event.Migrations(), audit.Migrations(), {Module: m.ID, FS: m.Migrations}}))
	jobs := job.New(w.d, logger, "")
	require.NoError(t, jobs.Migrate(ctx))
	deps := module.Deps{DB: w.d, Events: event.New(w.d, logger), Jobs: jobs, Entities: entity.NewRegistry(), Live: live.NewHub(), Logger: logger, Wire: module.NewWire()}
	in, err := m.New(deps)
	require.NoError(t, err)
	module.Provide[estate.Items](deps, shop{})
	require.NoError(t, deps.Wire.Join())
	w.s = in.(*Service)
	w.s.Jobs(jobs)
	require.NoError(t, jobs.Build())
	mux := http.NewServeMux()
	w.s.Routes(httpapi.New(mux, "test", logger))
	w.api = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mux.ServeHTTP(rw, r.WithContext(access.With(r.Context(), &access.Principal{Kind: access.Person, ID: "p1", Name: "Olga", Role: w.role})))
	})
	return w
}

func both(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f(t, newWorld(t, "")) })
	t.Run("postgres", func(t *testing.T) { f(t, newWorld(t, testkit.PostgresURL(t))) })
}

func (w *world) check(problem, to, notice string, withheld ...string) {
	w.t.Helper()
	f := observe.CheckStateChanged{CheckID: "c1", Check: "shop-http", ItemID: "i1", Item: "shop", ProblemID: problem, To: to, At: w.clock.Now(), Since: w.clock.Now().Add(-5 * time.Second), Output: "HTTP 500", Notice: notice, Withheld: withheld}
	require.NoError(w.t, w.d.InTx(access.AsSystem(context.Background()), func(ctx context.Context, tx *db.Tx) error { return w.s.checkChanged(ctx, tx, f) }))
}

// told lists the facts of alerts in order, without the wing's name.
func (w *world) told() string {
	w.t.Helper()
	var names []string
	require.NoError(w.t, w.d.Reader().NewRaw("SELECT name FROM events ORDER BY seq").Scan(context.Background(), &names))
	return strings.ReplaceAll(strings.Join(names, " "), "respond.alert_", "")
}

func (w *world) list() []View {
	w.t.Helper()
	rows, _, err := list(access.AsSystem(context.Background()), w.d.Reader(), filter{Limit: 100})
	require.NoError(w.t, err)
	var out []View
	for i := range rows {
		out = append(out, rows[i].view())
	}
	return out
}

func (w *world) do(method, path, body string) (int, string) {
	w.t.Helper()
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	w.api.ServeHTTP(rec, req)
	return rec.Code, rec.Body.String()
}

func TestLifeOfAnAlert(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		w.check("p1", "warning", "problem")
		w.check("p1", "critical", "problem")
		require.Equal(t, "fired changed", w.told())
		v := w.list()[0]
		require.Equal(t, "shop: shop-http critical", v.Title)
		require.Equal(t, w.clock.Now().Add(-5*time.Second), v.StartedAt)
		require.Equal(t, int64(2), v.Count)
		w.check("p1", "ok", "recovery")
		w.check("p1", "ok", "") // the end of the problem is told apart from the notice
		require.Equal(t, "fired changed resolved", w.told())
		w.check("p2", "critical", "problem")
		require.Len(t, w.list(), 2)
	})
}

func TestWithheldIsRecordedAndToldLater(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		w.check("p1", "critical", "", "downtime")
		require.Equal(t, []string{"downtime"}, w.list()[0].Suppressed)
		w.check("p1", "ok", "")
		require.Empty(t, w.told(), "no recovery without a told problem")
		require.Equal(t, Resolved, w.list()[0].Status)
		w.check("p2", "critical", "", "unreachable")
		w.check("p2", "critical", "problem")
		require.Equal(t, "fired", w.told())
		require.Empty(t, w.list()[0].Suppressed)
	})
}

func TestAToldProblemThatFlapsStandsUntilTheRecoveryIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.check("p1", "critical", "problem")
	w.check("p1", "ok", "", "flapping")
	w.check("p1", "ok", "")
	w.check("p2", "critical", "")
	require.Equal(t, "fired", w.told())
	require.Len(t, w.list(), 1)
	require.Equal(t, Firing, w.list()[0].Status)
	w.check("", "ok", "recovery")
	require.Equal(t, "fired resolved", w.told())
}

func TestARemovedCheckEndsItsAlert(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.check("p1", "critical", "problem")
	require.NoError(t, w.d.InTx(access.AsSystem(context.Background()), func(ctx context.Context, tx *db.Tx) error {
		return w.s.checkChanged(ctx, tx, observe.CheckStateChanged{CheckID: "c1", To: "ok", Removed: true, At: tx.Now()})
	}))
	require.Equal(t, "fired resolved", w.told())
	require.Equal(t, "The check was removed.", w.list()[0].EndReason)
}

func TestSilences(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		ends := w.clock.Now().Add(time.Hour)
		code, body := w.do("POST", "/api/v1/silences", fmt.Sprintf(`{"matchers":[{"name":"check","value":"shop-.*","regex":true},{"name":"item","value":"shop"}],"comment":"moving","ends_at":%q}`, ends.Format(time.RFC3339)))
		require.Equal(t, 201, code, body)
		w.check("p1", "critical", "problem")
		require.Empty(t, w.told())
		require.True(t, w.list()[0].Silenced)
		w.clock.at.Store(ends.UnixMicro())
		require.NoError(t, w.s.runSilence(context.Background(), silenceArgs{}, job.Meta{Attempt: 1}))
		require.Equal(t, "fired", w.told())
		require.NoError(t, w.s.runSilence(context.Background(), silenceArgs{}, job.Meta{Attempt: 2}))
		require.Equal(t, "fired", w.told(), "once")

		// What ends inside a silence is never told.
		w.check("p1", "ok", "recovery")
		code, body = w.do("POST", "/api/v1/silences", fmt.Sprintf(`{"matchers":[{"name":"item","value":"shop"}],"comment":"again","ends_at":%q}`, ends.Add(time.Hour).Format(time.RFC3339)))
		require.Equal(t, 201, code, body)
		var sil Silence
		require.NoError(t, json.Unmarshal([]byte(body), &sil))
		w.check("p2", "critical", "problem")
		w.check("p2", "ok", "recovery")
		w.check("p3", "critical", "problem")
		require.Equal(t, "fired resolved", w.told())
		code, body = w.do("POST", "/api/v1/silences/"+sil.ID+"/expire", "")
		require.Equal(t, 204, code, body)
		require.Equal(t, "fired resolved fired", w.told())
	})
}

func TestAlertsOfOtherProgramsAndAccess(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		for _, c := range []struct {
			role               access.Role
			method, path, body string
			want               int
		}{
			{access.Viewer, "POST", "/api/v1/alerts", `{"fingerprint":"b","title":"Backup failed"}`, 403},
			{access.Viewer, "POST", "/api/v1/silences", `{}`, 403},
			{access.Responder, "POST", "/api/v1/alerts", `{"fingerprint":"b"}`, 422},
			{access.Responder, "POST", "/api/v1/alerts", `{"fingerprint":"b","title":"x","item":"nothing"}`, 422},
			{access.Responder, "POST", "/api/v1/alerts", `{"fingerprint":"b","status":"resolved"}`, 200},
			{access.Responder, "POST", "/api/v1/alerts", `{"fingerprint":"b","title":"Backup failed","severity":"warning","item":"shop","labels":{"job":"night"}}`, 200},
			{access.Responder, "POST", "/api/v1/alerts", `{"fingerprint":"b","title":"Backup failed"}`, 200},
			{access.Responder, "POST", "/api/v1/alerts", `{"fingerprint":"b","status":"resolved"}`, 200},
			{access.Responder, "POST", "/api/v1/silences", `{"matchers":[{"name":"item","value":"(","regex":true}],"comment":"x","ends_at":"2026-11-03T00:00:00Z"}`, 422},
			{access.Viewer, "GET", "/api/v1/alerts?status=resolved&item=shop&q=BACK", "", 200},
			{access.Viewer, "GET", "/api/v1/alerts/none", "", 404},
		} {
			w.role = c.role
			code, body := w.do(c.method, c.path, c.body)
			require.Equal(t, c.want, code, "%s %s %s: %s", c.method, c.path, c.body, body)
		}
		require.Equal(t, "fired changed resolved", w.told())
		_, body := w.do("GET", "/api/v1/alerts?status=resolved&item=shop&q=BACK", "")
		require.Contains(t, body, `"title":"Backup failed"`)
	})
}

// TestNoRecoveryWithoutAToldProblem feeds random facts and checks for each alert
// that a change or an end is told only after its beginning, and each once.
func TestNoRecoveryWithoutAToldProblem(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	rnd := rand.New(rand.NewPCG(3, 5))
	problem := 0
	for range 400 {
		to := []string{"ok", "warning", "critical", "unknown"}[rnd.IntN(4)]
		notice := []string{"", "", "problem", "flapping_start", "flapping_end"}[rnd.IntN(5)]
		var held []string
		if to == "ok" {
			notice = []string{"", "recovery"}[rnd.IntN(2)]
		}
		if notice == "" && rnd.IntN(2) == 0 {
			held = []string{"downtime"}
		}
		w.check(fmt.Sprint(problem), to, notice, held...)
		if to == "ok" {
			problem++
		}
	}
	var facts []struct{ Name, Data string }
	require.NoError(t, w.d.Reader().NewRaw("SELECT name, data FROM events ORDER BY seq").Scan(context.Background(), &facts))
	open := map[string]bool{}
	fired := 0
	for _, f := range facts {
		var a struct {
			AlertID string `json:"alert_id"`
		}
		require.NoError(t, json.Unmarshal([]byte(f.Data), &a))
		if f.Name == (respond.AlertFired{}).FactName() {
			require.False(t, open[a.AlertID])
			open[a.AlertID] = true
			fired++
			continue
		}
		require.True(t, open[a.AlertID], f.Name)
		if f.Name == (respond.AlertResolved{}).FactName() {
			delete(open, a.AlertID)
		}
	}
	require.Greater(t, fired, 10)
	require.LessOrEqual(t, len(open), 1)
}
