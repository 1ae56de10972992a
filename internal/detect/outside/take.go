package outside

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/detect"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

// batch is how many alerts one transaction takes, so that thousands at once do not
// hold up other writers.
const batch = 200

// TakeAlerts implements signal.Alerts. What it answers for is written.
func (s *Service) TakeAlerts(ctx context.Context, from signal.Source, in []signal.Alert) (signal.Receipt, error) {
	for part := range slices.Chunk(in, batch) {
		err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			for i := range part {
				if err := s.take(ctx, tx, from, &part[i]); err != nil {
					return err
				}
			}
			tx.AfterCommit(func() { s.d.Live.Send(live.Note{Topic: "outside-alerts", Kind: "changed"}) })
			return nil
		})
		if err != nil {
			// Those before are written; the sender repeats all, which changes nothing.
			return signal.Receipt{}, errs.Wrap(errs.Unavailable, err, "The alerts could not be written. Send them again.")
		}
	}
	return signal.Receipt{Taken: len(in)}, nil
}

func (s *Service) take(ctx context.Context, tx *db.Tx, from signal.Source, a *signal.Alert) error {
	r, err := firing(ctx, tx, fingerprint(from, a.Key))
	if err != nil {
		return err
	}
	now := tx.Now()
	if a.Over {
		if r == nil {
			return nil
		}
		at := cmp.Or(a.Ends, now)
		if at.After(now) || at.Before(r.StartedAt) {
			at = now
		}
		r.LastSeen = now
		r.Received++
		return s.end(ctx, tx, r, at, "The sender says that it is over.")
	}
	news, err := saidOf(a)
	if err != nil {
		return err
	}
	tell := r == nil
	if r == nil {
		r = &row{ID: id.New(), Fingerprint: fingerprint(from, a.Key), Program: from.Protocol, Sender: from.Sender, State: Firing, FirstSeen: now, StartedAt: began(a.Began, now)}
	} else {
		tell = r.said() != news || r.Item != a.Item
	}
	if r.Item != a.Item || r.ItemID == "" && a.Item != "" {
		if err := s.place(ctx, tx, r, a.Item); err != nil {
			return err
		}
	}
	was := r.Severity
	r.Name, r.Title, r.Body, r.Severity, r.Labels, r.Link = news.Name, news.Title, news.Body, news.Severity, news.Labels, news.Link
	r.LastSeen, r.ExpiresAt = now, nil
	r.Received++
	if !a.Ends.IsZero() {
		ends := a.Ends.UTC()
		if !ends.After(now) {
			ends = now
		}
		r.ExpiresAt = &ends
	}
	if _, err := tx.NewInsert().Model(r).On("CONFLICT (id) DO UPDATE").Exec(ctx); err != nil {
		return err
	}
	switch {
	case !tell:
		return nil
	case r.Severity != signal.SeverityInfo:
		return s.d.Events.Append(ctx, tx, r.raised(now))
	case was != "" && was != signal.SeverityInfo:
		return s.d.Events.Append(ctx, tx, r.cleared(now, "The sender says that it is of no concern any more."))
	}
	return nil
}

// began is the beginning that the sender names, as far as it can be.
func began(at, now time.Time) time.Time {
	if at.IsZero() || at.After(now) || now.Sub(at) > 366*24*time.Hour {
		return now
	}
	return at.UTC()
}

// place notes the item; a name that has no item any more is none.
func (s *Service) place(ctx context.Context, tx *db.Tx, r *row, name string) error {
	var it estate.Item
	if name != "" {
		var err error
		if it, err = s.items.ByName(ctx, tx, name); err != nil && !errs.Is(err, errs.NotFound) {
			return err
		}
	}
	r.Item, r.ItemID, r.TeamID = it.Name, it.ID, it.OwnerTeamID
	return nil
}

func (r *row) raised(now time.Time) detect.SignalRaised {
	labels := r.labels()
	labels["program"] = r.Program
	return detect.SignalRaised{
		Fingerprint: r.Fingerprint, Rule: r.Program + ": " + r.Name, Severity: r.Severity, Title: r.Title, Output: r.Body, ItemID: r.ItemID, TeamID: r.TeamID,
		Labels: labels, Link: r.Link, StartedAt: r.StartedAt.UTC(), DetectedAt: now.UTC(),
	}
}

func (r *row) cleared(at time.Time, why string) detect.SignalCleared {
	return detect.SignalCleared{Fingerprint: r.Fingerprint, Rule: r.Program + ": " + r.Name, At: at.UTC(), Reason: why}
}

// end ends a firing alert.
func (s *Service) end(ctx context.Context, tx *db.Tx, r *row, at time.Time, why string) error {
	at = at.UTC()
	r.State, r.EndedAt, r.Reason, r.ExpiresAt = Ended, &at, why, nil
	if _, err := tx.NewUpdate().Model(r).WherePK().Exec(ctx); err != nil {
		return err
	}
	if r.Severity == signal.SeverityInfo {
		return nil
	}
	return s.d.Events.Append(ctx, tx, r.cleared(at, why))
}

// expire ends those that their sender does not repeat.
func (s *Service) expire(ctx context.Context) error {
	for {
		n := 0
		err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			var due []row
			q := tx.NewSelect().Model(&due).Where("state = 'firing' AND expires_at <= ?", tx.Now()).OrderExpr("expires_at").Limit(batch)
			if tx.Kind() == db.Postgres {
				q = q.For("UPDATE")
			}
			if err := q.Scan(ctx); err != nil {
				return err
			}
			n = len(due)
			for i := range due {
				if err := s.end(ctx, tx, &due[i], *due[i].ExpiresAt, "The sender did not repeat it in time."); err != nil {
					return err
				}
			}
			if n > 0 {
				tx.AfterCommit(func() { s.d.Live.Send(live.Note{Topic: "outside-alerts", Kind: "changed"}) })
			}
			return nil
		})
		if err != nil || n < batch {
			return err
		}
	}
}

// firing finds the alert that is on; nil when there is none.
func firing(ctx context.Context, tx *db.Tx, fingerprint string) (*row, error) {
	var r row
	q := tx.NewSelect().Model(&r).Where("fingerprint = ? AND state = 'firing'", fingerprint)
	if tx.Kind() == db.Postgres {
		q = q.For("UPDATE")
	}
	err := q.Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &r, err
}

func byID(ctx context.Context, q bun.IDB, alertID string) (*row, error) {
	var r row
	return &r, db.NotFound(q.NewSelect().Model(&r).Where("id = ?", alertID).Scan(ctx), "There is no such alert.")
}
