package notify

import (
	"context"

	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

// tryNow sends a test message to each recipient while the caller waits, once, and
// tells what became of it. Tests are in the log like everything else.
func (s *Service) tryNow(ctx context.Context, name string, rs []recipient) ([]Notification, error) {
	ns := make([]*Notification, len(rs))
	err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		for i, r := range rs {
			now := tx.Now()
			n := &Notification{
				ID: id.New(), Reason: respond.ReasonTest, Channel: r.channel, Type: r.kind, AccountID: r.accountID, Position: r.position, To: r.to,
				State: stateQueued, Subject: "Test message from Mainstay", MaxAttempts: 1, CreatedAt: now, NextAttemptAt: &now,
			}
			n.Key, n.BaseKey = "test/"+n.ID, "test/"+n.ID
			if _, err := tx.NewInsert().Model(n).Exec(ctx); err != nil {
				return err
			}
			ns[i] = n
		}
		return audit.Write(ctx, tx, audit.Change{Action: "channel.test", Ref: entity.Ref{Kind: "channel", ID: name}, Name: name, After: len(rs)})
	})
	if err != nil {
		return nil, err
	}
	out := make([]Notification, len(ns))
	for i, n := range ns {
		if _, err := s.attempt(ctx, n); err != nil {
			return nil, err
		}
		out[i] = *n
	}
	return out, nil
}

func (s *Service) testChannel(ctx context.Context, name string) ([]Notification, error) {
	rs, err := s.recipients(ctx, s.db.Reader(), respond.Target{Channel: name})
	if err != nil {
		return nil, err
	}
	return s.tryNow(ctx, name, rs[:min(len(rs), 5)])
}

func (s *Service) testSMTP(ctx context.Context, to string) ([]Notification, error) {
	to, err := account.CleanEmail(to)
	if err != nil {
		return nil, err
	}
	return s.tryNow(ctx, smtpSetting, []recipient{{channel: "email", kind: "email", to: to}})
}

// testContacts sends a test message by each method of a person, also by those that
// wait otherwise.
func (s *Service) testContacts(ctx context.Context, accountID string) ([]Notification, error) {
	if err := mayEdit(ctx, accountID); err != nil {
		return nil, err
	}
	rs, err := s.recipients(ctx, s.db.Reader(), respond.Target{AccountID: accountID})
	if err != nil {
		return nil, err
	}
	return s.tryNow(ctx, "contacts", rs)
}
