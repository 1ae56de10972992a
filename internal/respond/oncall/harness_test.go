package oncall

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/core/secret"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

type moving struct {
	mu  sync.Mutex
	now time.Time
}

func (m *moving) Now() time.Time { m.mu.Lock(); defer m.mu.Unlock(); return m.now }
func (m *moving) set(t time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = t
}

// others plays the modules that this one asks: incidents, channels, the notifier.
type others struct {
	mu    sync.Mutex
	state string
	notes []string
	sent  []string // "<reason> <recipient> <key>"
	keys  map[string]bool
	told  []respond.Target
	names map[string]string // account id -> address
}

func (o *others) ByID(_ context.Context, _ bun.IDB, incidentID string) (respond.Incident, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return respond.Incident{ID: incidentID, Number: "INC-1", State: o.state}, nil
}

func (o *others) Between(context.Context, bun.IDB, []string, time.Time, time.Time) ([]respond.Incident, error) {
	return nil, nil
}

func (o *others) Acknowledge(context.Context, *db.Tx, string, string) (bool, error) {
	return false, nil
}

func (o *others) Note(_ context.Context, _ *db.Tx, _, _, body string, _ map[string]any) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.notes = append(o.notes, body)
	return nil
}

func (o *others) Notify(_ context.Context, _ *db.Tx, t respond.Target, m respond.Message) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.keys[m.Key] {
		return nil
	}
	o.keys[m.Key] = true
	who := t.Channel
	if t.AccountID != "" {
		who = o.names[t.AccountID]
	}
	o.sent = append(o.sent, m.Reason+" "+who)
	if m.Ack && !slices.Contains(o.told, t) {
		o.told = append(o.told, t)
	}
	return nil
}

func (o *others) Told(context.Context, bun.IDB, string) ([]respond.Target, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.told), nil
}

func (o *others) HasChannel(_ context.Context, _ bun.IDB, name string) (bool, error) {
	return name == "web-mail" || name == "web-hook", nil
}

func (o *others) ChannelNames(context.Context, bun.IDB) ([]string, error) {
	return []string{"web-hook", "web-mail"}, nil
}

func (o *others) take() (sent, notes []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	sent, notes, o.sent, o.notes = o.sent, o.notes, nil, nil
	return sent, notes
}

type world struct {
	*Service
	t      *testing.T
	o      *others
	clock  *moving
	mux    *http.ServeMux
	engine *apply.Engine
	seq    int64
}

var start = time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)

func build(t *testing.T) *world {
	t.Helper()
	ctx := access.AsSystem(t.Context())
	clk := &moving{now: start}
	dir := t.TempDir()
	d, err := db.Open(ctx, db.Options{Dir: dir, Clock: clk})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	box, err := secret.Open(dir)
	require.NoError(t, err)
	logger := slog.New(slog.DiscardHandler)
	require.NoError(t, d.Migrate(ctx, []db.Migrations{event.Migrations(), audit.Migrations(), account.Migrations(), {Module: "respond.oncall", FS: migrations}}))
	jobs := job.New(d, logger, "")
	require.NoError(t, jobs.Migrate(ctx))
	deps := module.Deps{
		DB: d, Jobs: jobs, Events: event.New(d, logger), Live: live.NewHub(), Accounts: account.New(d, time.Hour), Secrets: box, Config: config.Default(),
		Logger: logger, Metrics: prometheus.NewRegistry(), Health: module.NewHealth(), Wire: module.NewWire(),
	}
	o := &others{state: "new", keys: map[string]bool{}, names: map[string]string{}}
	module.Provide[respond.Incidents](deps, o)
	module.Provide[respond.Notifier](deps, o)
	module.Provide[respond.Channels](deps, o)
	inst, err := Module().New(deps)
	require.NoError(t, err)
	require.NoError(t, deps.Wire.Join())
	s := inst.(*Service)
	s.Jobs(jobs)
	require.NoError(t, jobs.Build())
	w := &world{Service: s, t: t, o: o, clock: clk, mux: http.NewServeMux(), engine: apply.New(d, s.Resources())}
	s.Routes(httpapi.New(w.mux, "test", logger))
	return w
}

func (w *world) ctx() context.Context { return access.AsSystem(w.t.Context()) }

func (w *world) apply(yaml string) ([]apply.Change, error) {
	w.t.Helper()
	cs, err := w.engine.Run(w.ctx(), []byte(yaml), false)
	as, lerr := account.List(w.ctx(), w.db.Reader())
	require.NoError(w.t, lerr)
	for _, a := range as {
		w.o.names[a.ID] = a.Email
	}
	return cs, err
}

// open delivers the fact that an incident was opened.
func (w *world) open(escalation string) {
	w.t.Helper()
	w.seq++
	require.NoError(w.t, w.db.InTx(w.ctx(), func(ctx context.Context, tx *db.Tx) error {
		return w.opened(ctx, tx, respond.IncidentOpened{IncidentID: "i1", Number: "INC-1", Escalation: escalation}, event.Meta{Seq: w.seq, At: w.clock.Now()})
	}))
}

func (w *world) move(state, escalation string) {
	w.t.Helper()
	w.o.mu.Lock()
	w.o.state = state
	w.o.mu.Unlock()
	w.seq++
	require.NoError(w.t, w.db.InTx(w.ctx(), func(ctx context.Context, tx *db.Tx) error {
		return w.moved(ctx, tx, respond.IncidentChanged{IncidentID: "i1", State: state, Escalation: escalation}, event.Meta{Seq: w.seq, At: w.clock.Now()})
	}))
}

// at sets the clock and runs every job that is due then, as the queue would.
func (w *world) at(d time.Duration) {
	w.t.Helper()
	w.clock.set(start.Add(d))
	type due struct {
		Kind string
		Args string
	}
	var js []due
	require.NoError(w.t, w.db.Reader().NewRaw("SELECT kind, args FROM river_job ORDER BY id").Scan(w.ctx(), &js))
	for _, j := range js {
		switch j.Kind {
		case stepArgs{}.Kind():
			w.runStep(j.Args)
		case catchArgs{}.Kind():
			w.runCatch(j.Args)
		}
	}
}

func (w *world) do(p *access.Principal, method, path, body string) *httptest.ResponseRecorder {
	w.t.Helper()
	req := httptest.NewRequestWithContext(access.With(context.WithoutCancel(w.t.Context()), p), method, path, strings.NewReader(body))
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	rec := httptest.NewRecorder()
	w.mux.ServeHTTP(rec, req)
	return rec
}
