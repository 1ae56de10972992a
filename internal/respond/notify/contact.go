package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

const maxMethods = 10

// method is one way of telling a person. Those without a delay are used at once;
// the others when nobody has answered by then, or when the one before failed.
type method struct {
	respond.ChannelSettings
	Delay observe.Duration `json:"delay,omitempty" doc:"How long after the message this method is used, unless somebody has answered."`
}

// methods lists how a person is told; without any of their own, by e-mail.
func (s *Service) methods(ctx context.Context, q bun.IDB, a account.Account) ([]method, error) {
	var rows []struct {
		Settings string
		DelayMs  int64
	}
	if err := q.NewRaw("SELECT settings, delay_ms FROM notify_contacts WHERE account_id = ? ORDER BY position", a.ID).Scan(ctx, &rows); err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return []method{{ChannelSettings: respond.ChannelSettings{Email: &respond.EmailSettings{To: []string{a.Email}}}}}, nil
	}
	out := make([]method, len(rows))
	for i, r := range rows {
		if err := s.openJSON(r.Settings, &out[i].ChannelSettings); err != nil {
			return nil, err
		}
		out[i].Delay = observe.Duration(time.Duration(r.DelayMs) * time.Millisecond)
	}
	return out, nil
}

// mayEdit lets people change their own methods, and administrators everybody's.
func mayEdit(ctx context.Context, accountID string) error {
	p := access.From(ctx)
	if p != nil && p.ID == accountID && accountID != "" || p.Can(account.Write) {
		return nil
	}
	return errs.New(errs.Forbidden, "Only the person and administrators may see and change this.")
}

func (s *Service) saveMethods(ctx context.Context, tx *db.Tx, accountID string, ms []method) error {
	a, err := account.ByID(ctx, tx, accountID)
	if err != nil {
		return err
	}
	if len(ms) > maxMethods {
		return errs.Fields(errs.Field{Path: "methods", Message: fmt.Sprintf("must hold at most %d methods", maxMethods)})
	}
	old, err := s.methods(ctx, tx, *a)
	if err != nil {
		return err
	}
	var bad []errs.Field
	for i := range ms {
		var before respond.ChannelSettings
		if i < len(old) {
			before = old[i].ChannelSettings
		}
		next, err := keepSecrets(ms[i].ChannelSettings, before)
		if err == nil {
			ms[i].ChannelSettings = next
			err = checkSettings(next)
		}
		if err == nil && next.Email != nil && len(next.Email.To) != 1 {
			err = errs.Fields(errs.Field{Path: "email.to", Message: "must hold one address; add a method for each"})
		}
		if err == nil && (ms[i].Delay < 0 || ms[i].Delay.D() > 24*time.Hour) {
			err = errs.Fields(errs.Field{Path: "delay", Value: ms[i].Delay.String(), Message: "must be between 0s and 24h"})
		}
		var e *errs.Error
		if errors.As(err, &e) {
			for _, f := range e.Fields {
				f.Path = fmt.Sprintf("methods[%d].%s", i, f.Path)
				bad = append(bad, f)
			}
		} else if err != nil {
			return err
		}
	}
	if err := errs.Fields(bad...); err != nil {
		return err
	}
	if _, err := tx.NewRaw("DELETE FROM notify_contacts WHERE account_id = ?", accountID).Exec(ctx); err != nil {
		return err
	}
	for i, m := range ms {
		sealed, err := s.sealJSON(m.ChannelSettings)
		if err != nil {
			return err
		}
		if _, err := tx.NewRaw("INSERT INTO notify_contacts (account_id, position, settings, delay_ms) VALUES (?, ?, ?, ?)", accountID, i, sealed, m.Delay.D().Milliseconds()).Exec(ctx); err != nil {
			return err
		}
	}
	return audit.Write(ctx, tx, audit.Change{Action: "contact.update", Ref: entity.Ref{Kind: "account", ID: accountID}, Name: a.Email, Before: described(old), After: described(ms)})
}

func described(ms []method) []string {
	out := make([]string, len(ms))
	for i, m := range ms {
		out[i] = fmt.Sprintf("%s %s after %s", m.Types()[0], recipientOf(m.ChannelSettings)[0], m.Delay)
	}
	return out
}

// methodArgs is a slower method of a person that comes due.
type methodArgs struct {
	AccountID  string `json:"account_id"`
	Position   int    `json:"position"`
	IncidentID string `json:"incident_id"`
	Reason     string `json:"reason"`
	Key        string `json:"key"`
	Ack        bool   `json:"ack"`
}

// Kind implements job.Args.
func (methodArgs) Kind() string { return "notify.method" }

func (s *Service) methodDue(ctx context.Context, a methodArgs, _ job.Meta) error {
	ctx = access.AsSystem(ctx)
	return s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		inc, err := s.incidents.ByID(ctx, tx, a.IncidentID)
		if errs.Is(err, errs.NotFound) || err == nil && inc.State != "new" {
			return nil // somebody has it, or it is over
		}
		if err != nil {
			return err
		}
		return s.queueMethod(ctx, tx, a, inc)
	})
}

// queueMethod queues the method at a position; none there is no error.
func (s *Service) queueMethod(ctx context.Context, tx *db.Tx, a methodArgs, inc respond.Incident) error {
	acc, err := account.ByID(ctx, tx, a.AccountID)
	if errs.Is(err, errs.NotFound) || err == nil && acc.Disabled {
		return nil
	}
	if err != nil {
		return err
	}
	ms, err := s.methods(ctx, tx, *acc)
	if err != nil || a.Position >= len(ms) {
		return err
	}
	m := respond.Message{IncidentID: inc.ID, Reason: a.Reason, Key: a.Key, Ack: a.Ack}
	return s.queue(ctx, tx, recipientOfMethod(acc.ID, a.Position, ms[a.Position]), m, inc)
}
