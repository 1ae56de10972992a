package notify

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/job"
)

type listIn struct {
	httpapi.Page
	Incident string `query:"incident" maxLength:"100" doc:"Number of an incident, such as INC-1."`
	State    string `query:"state" enum:"queued,sent,failed" doc:"Only those in this state."`
	Channel  string `query:"channel" maxLength:"200" doc:"Name of a channel, or email for people."`
}

// list gives the newest first; ids sort by time, so the last one is the cursor.
func (s *Service) list(ctx context.Context, in *listIn) ([]Notification, string, error) {
	rows := []Notification{}
	q := s.db.Reader().NewSelect().Model(&rows).OrderExpr("id DESC").Limit(int64(in.Limit) + 1)
	if in.Incident != "" {
		q = q.Where("incident = ?", in.Incident)
	}
	if in.State != "" {
		q = q.Where("state = ?", in.State)
	}
	if in.Channel != "" {
		q = q.Where("channel = ?", in.Channel)
	}
	if in.Cursor != "" {
		q = q.Where("id < ?", in.Cursor)
	}
	if err := q.Scan(ctx); err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > in.Limit {
		rows = rows[:in.Limit]
		next = rows[in.Limit-1].ID
	}
	return rows, next, nil
}

func attempts(ctx context.Context, q bun.IDB, notificationID string) ([]Attempt, error) {
	as := []Attempt{}
	err := q.NewSelect().Model(&as).Where("notification_id = ?", notificationID).OrderExpr("id").Limit(500).Scan(ctx)
	return as, err
}

// retry puts a failed notification into the queue again, with as many attempts as
// a new one.
func (s *Service) retry(ctx context.Context, notificationID string) (*Notification, error) {
	var n *Notification
	err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if n, err = byID(ctx, tx, notificationID); err != nil {
			return err
		}
		if n.State != stateFailed || n.Type == "none" {
			return errs.New(errs.Conflict, "Only a notification that has failed can be tried again; this one is %s.", n.State)
		}
		now := tx.Now()
		n.State, n.MaxAttempts, n.NextAttemptAt, n.Held = stateQueued, n.Attempts+maxAttempts, &now, false
		if _, err := tx.NewUpdate().Model(n).Column("state", "max_attempts", "next_attempt_at", "held").WherePK().Exec(ctx); err != nil {
			return err
		}
		if err := audit.Write(ctx, tx, audit.Change{Action: "notification.retry", Ref: entity.Ref{Kind: "notification", ID: n.ID}, Name: n.Subject, Before: stateFailed, After: stateQueued}); err != nil {
			return err
		}
		s.announce(tx, n, "changed")
		return s.jobs.Insert(ctx, tx, sendArgs{ID: n.ID}, job.Options{Queue: queueOf(n.Type)})
	})
	return n, err
}
