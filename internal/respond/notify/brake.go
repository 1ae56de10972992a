package notify

import (
	"context"
	"fmt"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

// summaryArgs puts the held messages of one recipient together.
type summaryArgs struct {
	Channel   string `json:"channel"`
	AccountID string `json:"account_id"`
	Position  int    `json:"position"`
	To        string `json:"to"`
}

// Kind implements job.Args.
func (summaryArgs) Kind() string { return "notify.summary" }

// brake holds a message back when its recipient has got perMinute messages in the
// last minute, and sees to it that a summary comes.
func (s *Service) brake(ctx context.Context, tx *db.Tx, n *Notification) (bool, error) {
	if n.Attempts > 0 || n.IncidentID == "" {
		return false, nil
	}
	count, err := tx.NewSelect().Model((*Notification)(nil)).
		Where("channel = ? AND recipient = ? AND sent_at > ? AND account_id = ? AND summary_id = ''", n.Channel, n.To, tx.Now().Add(-time.Minute), n.AccountID).Count(ctx)
	if err != nil || count < perMinute {
		return false, err
	}
	if _, err := tx.NewRaw("UPDATE notifications SET held = ? WHERE id = ? AND state = ?", true, n.ID, stateQueued).Exec(ctx); err != nil {
		return false, err
	}
	a := summaryArgs{Channel: n.Channel, AccountID: n.AccountID, Position: n.Position, To: n.To}
	return true, s.jobs.Insert(ctx, tx, a, job.Options{At: tx.Now().Add(summaryAfter), Queue: "escalation", Unique: true})
}

func (s *Service) summarize(ctx context.Context, a summaryArgs, _ job.Meta) error {
	ctx = access.AsSystem(ctx)
	return s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		var held []Notification
		err := tx.NewSelect().Model(&held).Where("held = ? AND state = ? AND summary_id = '' AND channel = ? AND account_id = ? AND recipient = ?",
			true, stateQueued, a.Channel, a.AccountID, a.To).OrderExpr("id").Limit(10000).Scan(ctx)
		if err != nil || len(held) == 0 {
			return err
		}
		now := tx.Now()
		first := held[0]
		n := &Notification{
			ID: id.New(), Reason: respond.ReasonSummary, Channel: first.Channel, Type: first.Type, AccountID: first.AccountID, Position: first.Position,
			To: first.To, State: stateQueued, Subject: fmt.Sprintf("%d more messages from Mainstay", len(held)), MaxAttempts: maxAttempts, CreatedAt: now, NextAttemptAt: &now,
		}
		n.Key, n.BaseKey = "summary/"+n.ID, "summary/"+n.ID
		if err := s.enqueue(ctx, tx, n); err != nil {
			return err
		}
		for _, h := range held {
			if _, err := tx.NewRaw("UPDATE notifications SET summary_id = ? WHERE id = ?", n.ID, h.ID).Exec(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

// closeSummary gives the messages that a summary stands for its own end.
func (s *Service) closeSummary(ctx context.Context, tx *db.Tx, n *Notification) error {
	if n.Reason != respond.ReasonSummary {
		return nil
	}
	var held []Notification
	if err := tx.NewSelect().Model(&held).Where("summary_id = ? AND state = ?", n.ID, stateQueued).Limit(10000).Scan(ctx); err != nil {
		return err
	}
	for i := range held {
		h := &held[i]
		h.State, h.SentAt, h.LastError, h.NextAttemptAt = n.State, n.SentAt, n.LastError, nil
		if _, err := tx.NewUpdate().Model(h).Column("state", "sent_at", "last_error", "next_attempt_at").WherePK().Exec(ctx); err != nil {
			return err
		}
		s.announce(tx, h, "changed")
		if err := s.done(ctx, tx, h); err != nil {
			return err
		}
		if h.State == stateFailed {
			if err := s.fallBack(ctx, tx, h); err != nil {
				return err
			}
		}
	}
	return nil
}
