package notify

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	_ "github.com/mainstay-ops/mainstay/internal/adapter/notify/email"
	_ "github.com/mainstay-ops/mainstay/internal/adapter/notify/slack"
	_ "github.com/mainstay-ops/mainstay/internal/adapter/notify/teams"
	_ "github.com/mainstay-ops/mainstay/internal/adapter/notify/webhook"
	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/core/secret"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

// moving is a clock that a test sets.
type moving struct {
	mu  sync.Mutex
	now time.Time
}

func (m *moving) Now() time.Time { m.mu.Lock(); defer m.mu.Unlock(); return m.now }
func (m *moving) add(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
}

// book is a plain in-memory set of incidents.
type book struct {
	mu    sync.Mutex
	m     map[string]respond.Incident
	acked []string
}

func (b *book) ByID(_ context.Context, _ bun.IDB, incidentID string) (respond.Incident, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, ok := b.m[incidentID]
	if !ok {
		return i, errs.New(errs.NotFound, "There is no such incident.")
	}
	return i, nil
}

func (b *book) Between(context.Context, bun.IDB, []string, time.Time, time.Time) ([]respond.Incident, error) {
	return nil, nil
}

func (b *book) Acknowledge(ctx context.Context, _ *db.Tx, incidentID, via string) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := access.From(ctx)
	b.acked = append(b.acked, fmt.Sprintf("%s %s %s %s via %s", incidentID, p.Kind, p.ID, p.Name, via))
	i := b.m[incidentID]
	done := i.State == "new"
	i.State = "acknowledged"
	b.m[incidentID] = i
	return done, nil
}

func (b *book) Note(context.Context, *db.Tx, string, string, string, map[string]any) error {
	return nil
}

func (b *book) set(i respond.Incident) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.m[i.ID] = i
}

type world struct {
	*Service
	t     *testing.T
	book  *book
	clock *moving
	mux   *http.ServeMux
	acc   *account.Account
	d     module.Deps
}

// build makes the room on a real database and queue; the queue does not run, so a
// test decides when an attempt is made.
func build(t *testing.T) *world {
	t.Helper()
	ctx := access.AsSystem(t.Context())
	clk := &moving{now: time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)}
	dir := t.TempDir()
	d, err := db.Open(ctx, db.Options{Dir: dir, Clock: clk})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	box, err := secret.Open(dir)
	require.NoError(t, err)
	logger := slog.New(slog.DiscardHandler)
	require.NoError(t, d.Migrate(ctx, []db.Migrations{event.Migrations(), audit.Migrations(), account.Migrations(), {Module: "respond.notify", FS: migrations}}))
	jobs := job.New(d, logger, "")
	require.NoError(t, jobs.Migrate(ctx))
	cfg := config.Default()
	cfg.PublicURL = "https://mainstay.example.org"
	deps := module.Deps{
		DB: d, Jobs: jobs, Events: event.New(d, logger), Live: live.NewHub(), Accounts: account.New(d, time.Hour), Secrets: box, Config: cfg,
		Logger: logger, Metrics: prometheus.NewRegistry(), Health: module.NewHealth(), Wire: module.NewWire(),
	}
	b := &book{m: map[string]respond.Incident{}}
	module.Provide[respond.Incidents](deps, b)
	inst, err := Module().New(deps)
	require.NoError(t, err)
	require.NoError(t, deps.Wire.Join())
	s := inst.(*Service)
	s.Jobs(jobs)
	require.NoError(t, jobs.Build())
	w := &world{Service: s, t: t, book: b, clock: clk, mux: http.NewServeMux(), d: deps}
	s.Routes(httpapi.New(w.mux, "test", logger))
	b.set(incident("i1", "INC-1"))
	w.tx(func(ctx context.Context, tx *db.Tx) error {
		w.acc, _, err = deps.Accounts.Ensure(ctx, tx, "ada@example.org")
		return err
	})
	return w
}

func incident(id, number string) respond.Incident {
	at := time.Date(2026, 11, 23, 0, 59, 0, 0, time.UTC)
	return respond.Incident{
		ID: id, Number: number, Title: "shop-http critical", State: "new", Priority: 1, Items: []string{"shop-web"},
		Output: "HTTP 503", ImpactStartedAt: at, DetectedAt: at.Add(time.Second), CreatedAt: at.Add(time.Second),
	}
}

func (w *world) ctx() context.Context { return access.AsSystem(w.t.Context()) }

func (w *world) tx(f func(ctx context.Context, tx *db.Tx) error) {
	w.t.Helper()
	require.NoError(w.t, w.db.InTx(w.ctx(), f))
}

func (w *world) channel(name string, c respond.ChannelSettings) {
	w.t.Helper()
	w.tx(func(ctx context.Context, tx *db.Tx) error {
		_, err := w.saveChannel(ctx, tx, channel{Name: name, ChannelSettings: c}, func(int64) error { return nil })
		return err
	})
}

func (w *world) smtp(m respond.MailServer) {
	w.t.Helper()
	w.tx(func(ctx context.Context, tx *db.Tx) error { _, err := w.saveSMTP(ctx, tx, m); return err })
}

func (w *world) notify(t respond.Target, reason, key string) {
	w.t.Helper()
	w.tx(func(ctx context.Context, tx *db.Tx) error {
		return w.Notify(ctx, tx, t, respond.Message{IncidentID: "i1", Reason: reason, Key: key, Ack: true})
	})
}

// all lists the notifications, the oldest first.
func (w *world) all() []Notification {
	w.t.Helper()
	var ns []Notification
	require.NoError(w.t, w.db.Reader().NewSelect().Model(&ns).OrderExpr("id").Scan(w.ctx()))
	return ns
}

// run makes one attempt for each queued notification, as its job would.
func (w *world) run() {
	w.t.Helper()
	for _, n := range w.all() {
		if n.State == stateQueued {
			_ = w.send(w.ctx(), sendArgs{ID: n.ID}, job.Meta{})
		}
	}
}

func (w *world) facts() int {
	w.t.Helper()
	var n int
	require.NoError(w.t, w.db.Reader().NewRaw("SELECT COUNT(*) FROM events WHERE name = ?", respond.NotificationDone{}.FactName()).Scan(w.ctx(), &n))
	return n
}

// mailbox is a small SMTP server that speaks as a test tells it to.
type mailbox struct {
	addr net.Addr
	mu   sync.Mutex
	mail []*mail.Message
	body []string
	// answers replaces the answer to a verb ("RCPT": "550 no such user").
	answers map[string]string
	auth    []string
}

func newMailbox(t *testing.T, answers map[string]string) *mailbox {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	m := &mailbox{addr: l.Addr(), answers: answers}
	var wg sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	wg.Add(1)
	go func() {
		defer wg.Done()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Add(1)
			go func() {
				defer wg.Done()
				defer func() { _ = c.Close() }()
				_ = c.SetDeadline(time.Now().Add(20 * time.Second))
				m.serve(c)
			}()
		}
	}()
	return m
}

func (m *mailbox) server() respond.MailServer {
	a := m.addr.(*net.TCPAddr)
	return respond.MailServer{Host: "127.0.0.1", Port: a.Port, From: "Mainstay <mainstay@example.org>"}
}

func (m *mailbox) serve(c net.Conn) {
	r := bufio.NewReader(c)
	say := func(verb, s string) {
		m.mu.Lock()
		if x, ok := m.answers[verb]; ok {
			s = x
		}
		m.mu.Unlock()
		_, _ = io.WriteString(c, s+"\r\n")
	}
	say("CONNECT", "220 test")
	for {
		lineText, err := r.ReadString('\n')
		if err != nil {
			return
		}
		verb, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(lineText)), " ")
		switch verb {
		case "EHLO":
			say(verb, "250-test\r\n250 AUTH PLAIN LOGIN")
		case "AUTH":
			m.mu.Lock()
			m.auth = append(m.auth, strings.TrimSpace(lineText))
			m.mu.Unlock()
			say(verb, "235 ok")
		case "DATA":
			say(verb, "354 go")
			var b strings.Builder
			for {
				l, err := r.ReadString('\n')
				if err != nil {
					return
				}
				if l == ".\r\n" {
					break
				}
				b.WriteString(strings.TrimPrefix(l, "."))
			}
			msg, err := mail.ReadMessage(strings.NewReader(b.String()))
			if err == nil {
				text, _ := io.ReadAll(msg.Body)
				m.mu.Lock()
				m.mail, m.body = append(m.mail, msg), append(m.body, string(text))
				m.mu.Unlock()
			}
			say("END", "250 taken")
		case "QUIT":
			say(verb, "221 bye")
			return
		default:
			say(verb, "250 ok")
		}
	}
}

func (m *mailbox) got() ([]*mail.Message, []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]*mail.Message(nil), m.mail...), append([]string(nil), m.body...)
}
