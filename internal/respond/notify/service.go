package notify

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/core/secret"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

// Service is the use cases of notifications.
type Service struct {
	keep      time.Duration // how long messages are kept
	db        *db.DB
	jobs      *job.Runner
	events    *event.Log
	live      *live.Hub
	secrets   *secret.Box
	health    *module.Health
	logger    *slog.Logger
	publicURL string
	http      *http.Client
	ackKey    []byte
	lanes     lanes
	heart     heart

	incidents respond.Incidents
	users     respond.ChannelUsers
}

// recipient is one address that a message goes to.
type recipient struct {
	channel, kind, accountID, to string
	position                     int
	delay                        time.Duration
	// suffix makes the key of the message unique among the recipients of a target.
	suffix string
}

// Notify implements respond.Notifier.
func (s *Service) Notify(ctx context.Context, tx *db.Tx, t respond.Target, m respond.Message) error {
	inc, err := s.incidents.ByID(ctx, tx, m.IncidentID)
	if err != nil {
		return err
	}
	rs, err := s.recipients(ctx, tx, t)
	if err != nil {
		if !errs.Is(err, errs.NotFound) {
			return err
		}
		return s.refuse(ctx, tx, t, m, inc, errs.Message(err))
	}
	for _, r := range rs {
		if r.delay == 0 {
			if err := s.queue(ctx, tx, r, m, inc); err != nil {
				return err
			}
			continue
		}
		if open(m.Reason) {
			a := methodArgs{AccountID: r.accountID, Position: r.position, IncidentID: m.IncidentID, Reason: m.Reason, Key: m.Key, Ack: m.Ack}
			if err := s.jobs.Insert(ctx, tx, a, job.Options{At: tx.Now().Add(r.delay), Queue: "escalation"}); err != nil {
				return err
			}
			continue
		}
		// The end is told on a slower method only if the beginning was.
		n, err := tx.NewSelect().Model((*Notification)(nil)).Where("incident_id = ? AND account_id = ? AND position = ?", inc.ID, r.accountID, r.position).Count(ctx)
		if err != nil {
			return err
		}
		if n > 0 {
			if err := s.queue(ctx, tx, r, m, inc); err != nil {
				return err
			}
		}
	}
	return nil
}

// open tells whether a message of that reason is about an unanswered problem.
func open(reason string) bool {
	return reason == respond.ReasonProblem || reason == respond.ReasonReminder || reason == respond.ReasonEscalation
}

// recipients resolves a target.
func (s *Service) recipients(ctx context.Context, q bun.IDB, t respond.Target) ([]recipient, error) {
	if t.AccountID == "" {
		c, err := s.channel(ctx, q, t.Channel)
		if err != nil {
			return nil, err
		}
		var out []recipient
		for _, to := range recipientOf(c.ChannelSettings) {
			r := recipient{channel: c.Name, kind: c.Types()[0], to: to}
			if c.Email != nil {
				r.suffix = "#" + to
			}
			out = append(out, r)
		}
		return out, nil
	}
	a, err := account.ByID(ctx, q, t.AccountID)
	if err != nil {
		return nil, err
	}
	if a.Disabled {
		return nil, errs.New(errs.NotFound, "The account %s is disabled.", a.Email)
	}
	ms, err := s.methods(ctx, q, *a)
	if err != nil {
		return nil, err
	}
	var out []recipient
	for i, m := range ms {
		out = append(out, recipientOfMethod(a.ID, i, m))
	}
	return out, nil
}

func recipientOfMethod(accountID string, i int, m method) recipient {
	return recipient{
		channel: m.Types()[0], kind: m.Types()[0], accountID: accountID, to: recipientOf(m.ChannelSettings)[0],
		position: i, delay: m.Delay.D(), suffix: fmt.Sprintf("#%d", i),
	}
}

// queue adds the notification and its job; a key that was used already has no
// effect.
func (s *Service) queue(ctx context.Context, tx *db.Tx, r recipient, m respond.Message, inc respond.Incident) error {
	n := s.row(tx, r, m, inc)
	return s.enqueue(ctx, tx, n)
}

func (s *Service) row(tx *db.Tx, r recipient, m respond.Message, inc respond.Incident) *Notification {
	now := tx.Now()
	return &Notification{
		ID: id.New(), Key: m.Key + r.suffix, BaseKey: m.Key, IncidentID: inc.ID, Incident: inc.Number, Reason: m.Reason,
		Channel: r.channel, Type: r.kind, AccountID: r.accountID, Position: r.position, To: r.to, State: stateQueued, Ack: m.Ack,
		Subject: subject(m.Reason, inc), MaxAttempts: maxAttempts, CreatedAt: now, NextAttemptAt: &now,
	}
}

func (s *Service) enqueue(ctx context.Context, tx *db.Tx, n *Notification) error {
	res, err := tx.NewInsert().Model(n).On("CONFLICT (msg_key) DO NOTHING").Exec(ctx)
	if err != nil {
		return err
	}
	if k, err := res.RowsAffected(); err != nil || k == 0 {
		return err
	}
	s.announce(tx, n, "created")
	if n.State != stateQueued {
		return nil
	}
	return s.jobs.Insert(ctx, tx, sendArgs{ID: n.ID}, job.Options{Queue: queueOf(n.Type)})
}

func queueOf(kind string) string {
	if t, ok := respond.ChannelTypeByName(kind); ok {
		return t.Queue
	}
	return "webhook"
}

// refuse records that a message had nowhere to go, so that the log shows it.
func (s *Service) refuse(ctx context.Context, tx *db.Tx, t respond.Target, m respond.Message, inc respond.Incident, why string) error {
	r := recipient{channel: t.Channel, kind: "none", accountID: t.AccountID, to: t.Channel, suffix: "#none"}
	if t.AccountID != "" {
		r.channel = "email"
	}
	n := s.row(tx, r, m, inc)
	n.State, n.LastError, n.NextAttemptAt = stateFailed, why, nil
	if err := s.enqueue(ctx, tx, n); err != nil {
		return err
	}
	return s.done(ctx, tx, n)
}

func (s *Service) done(ctx context.Context, tx *db.Tx, n *Notification) error {
	if n.IncidentID == "" {
		return nil
	}
	return s.events.Append(ctx, tx, respond.NotificationDone{NotificationID: n.ID, IncidentID: n.IncidentID, Channel: n.Channel, To: n.To, State: n.State, Attempts: n.Attempts, Error: n.LastError})
}

func (s *Service) announce(tx *db.Tx, n *Notification, kind string) {
	row := *n
	tx.AfterCommit(func() { s.live.Send(live.Note{Topic: "notifications", Kind: kind, ID: row.ID, Data: &row}) })
}

// Told implements respond.Notifier.
func (s *Service) Told(ctx context.Context, q bun.IDB, incidentID string) ([]respond.Target, error) {
	var rows []struct{ AccountID, Channel string }
	err := q.NewRaw("SELECT DISTINCT account_id, CASE WHEN account_id = '' THEN channel ELSE '' END AS channel FROM notifications WHERE incident_id = ? AND state <> ? AND reason IN (?) ORDER BY 1, 2",
		incidentID, stateFailed, bun.In([]string{respond.ReasonProblem, respond.ReasonReminder, respond.ReasonEscalation})).Scan(ctx, &rows)
	if err != nil {
		return nil, err
	}
	out := make([]respond.Target, len(rows))
	for i, r := range rows {
		out[i] = respond.Target{AccountID: r.AccountID, Channel: r.Channel}
	}
	return out, nil
}

// lanes bounds how many deliveries to one channel run at once.
type lanes struct {
	mu sync.Mutex
	m  map[string]int
}

func (l *lanes) enter(name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.m[name] >= perChannel {
		return false
	}
	if l.m == nil {
		l.m = map[string]int{}
	}
	l.m[name]++
	return true
}

func (l *lanes) leave(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.m[name]--; l.m[name] <= 0 {
		delete(l.m, name)
	}
}

// subject is the one line of a message.
func subject(reason string, i respond.Incident) string {
	title := i.Title
	if len(i.Items) > 0 && !strings.Contains(title, i.Items[0]) {
		title = i.Items[0] + ": " + title
	}
	s := fmt.Sprintf("[P%d] %s %s", i.Priority, i.Number, title)
	switch reason {
	case respond.ReasonReminder:
		s = "Reminder: " + s
	case respond.ReasonRestored:
		s = "Restored: " + s
	case respond.ReasonResolved:
		s = "Resolved: " + s
	case "acknowledged":
		s = "Acknowledged: " + s
	}
	return oneLine(s, 200)
}

// oneLine takes control characters out and cuts after n characters.
func oneLine(s string, n int) string {
	r := []rune(strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x2028 || r == 0x2029 }), " "))
	if len(r) > n {
		r = append(r[:n-1], '…')
	}
	return string(r)
}

func lead(reason string, i respond.Incident) string {
	switch reason {
	case respond.ReasonProblem:
		return "There is a problem that needs somebody."
	case respond.ReasonReminder:
		return "Nobody has answered yet."
	case respond.ReasonEscalation:
		return "Nobody before you has answered yet."
	case "acknowledged":
		return "Somebody is working on it."
	case respond.ReasonRestored:
		if i.RestoredAt != nil {
			return "It works again since " + i.RestoredAt.UTC().Format("2006-01-02 15:04:05 UTC") + "."
		}
		return "It works again."
	case respond.ReasonResolved:
		return "The incident is resolved."
	}
	return ""
}
