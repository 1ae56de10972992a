package incident

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/record"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

// Subscribe implements module.HasEvents.
func (s *Service) Subscribe(r *event.Router) {
	event.On(r, func(ctx context.Context, tx *db.Tx, f estate.ItemMerged, _ event.Meta) error {
		if _, err := tx.NewRaw("UPDATE incident_alerts SET item_id = ?, item = ? WHERE item_id = ?", f.ItemID, f.Name, f.GoneID).Exec(ctx); err != nil {
			return err
		}
		return record.MoveItem(ctx, tx, estate.Ref(f.GoneID), estate.Ref(f.ItemID))
	})
	event.On(r, func(ctx context.Context, tx *db.Tx, f respond.AlertFired, _ event.Meta) error {
		return s.alertFired(ctx, tx, f)
	})
	event.On(r, func(ctx context.Context, tx *db.Tx, f respond.AlertChanged, _ event.Meta) error {
		return s.alertChanged(ctx, tx, f)
	})
	event.On(r, func(ctx context.Context, tx *db.Tx, f respond.AlertResolved, _ event.Meta) error {
		return s.alertResolved(ctx, tx, f)
	})
	event.On(r, func(ctx context.Context, tx *db.Tx, f respond.NotificationDone, _ event.Meta) error {
		return s.notified(ctx, tx, f)
	})
}

// alertOf finds an alert of an incident; nil when it belongs to none.
func alertOf(ctx context.Context, tx *db.Tx, alertID string) (*alertRow, error) {
	var a alertRow
	err := tx.NewSelect().Model(&a).Where("alert_id = ?", alertID).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &a, err
}

func (s *Service) alertChanged(ctx context.Context, tx *db.Tx, f respond.AlertChanged) error {
	a, err := alertOf(ctx, tx, f.AlertID)
	if err != nil || a == nil {
		return err
	}
	r, in, err := s.load(ctx, tx, a.RecordID)
	if err != nil {
		return err
	}
	a.Severity, a.Output = f.Severity, f.Output
	if a.Check != "" {
		a.Title = a.Check + " " + f.Severity
		if a.Item != "" {
			a.Title = a.Item + ": " + a.Title
		}
	}
	if _, err := tx.NewUpdate().Model(a).WherePK().Exec(ctx); err != nil {
		return err
	}
	if err := s.say(ctx, tx, r, "alert", line(fmt.Sprintf("%s, before %s", a.Title, f.From), f.Output), map[string]any{"alert": a.AlertID, "severity": f.Severity, "from": f.From}); err != nil {
		return err
	}
	if !r.Open {
		return nil
	}
	if in.RootAlert == a.AlertID {
		in.Output = f.Output
		if err := s.retitle(ctx, tx, r, in, a.Title); err != nil {
			return err
		}
	}
	if err := s.restate(ctx, tx, r, in, r.Impact, urgency(f.Severity)); err != nil {
		return err
	}
	return s.save(ctx, tx, in)
}

func (s *Service) alertResolved(ctx context.Context, tx *db.Tx, f respond.AlertResolved) error {
	a, err := alertOf(ctx, tx, f.AlertID)
	if err != nil || a == nil || a.EndedAt != nil {
		return err
	}
	r, in, err := s.load(ctx, tx, a.RecordID)
	if err != nil {
		return err
	}
	at := f.At.UTC()
	a.EndedAt = &at
	if _, err := tx.NewUpdate().Model(a).WherePK().Exec(ctx); err != nil {
		return err
	}
	if err := s.say(ctx, tx, r, "alert", line("Cleared: "+a.Title, f.Output), map[string]any{"alert": a.AlertID}); err != nil {
		return err
	}
	return s.cleared(ctx, tx, r.ID, in)
}

// cleared looks whether all alerts have ended, and then restores the incident, or
// starts the clock of the policy's restore_for.
func (s *Service) cleared(ctx context.Context, tx *db.Tx, recordID string, in *row) error {
	r, err := s.d.Records.ByID(ctx, tx, recordID)
	if err != nil || r.State != New && r.State != Acknowledged {
		return err
	}
	var ends []*time.Time
	if err := tx.NewRaw("SELECT ended_at FROM incident_alerts WHERE record_id = ?", recordID).Scan(ctx, &ends); err != nil {
		return err
	}
	var last time.Time
	for _, e := range ends {
		if e == nil {
			return nil
		}
		if e.After(last) {
			last = e.UTC()
		}
	}
	if len(ends) == 0 {
		return nil
	}
	in.ClearedAt = &last
	if in.RestoreFor == 0 {
		return s.restore(ctx, tx, r, in, last, "All alerts have cleared.")
	}
	if err := s.save(ctx, tx, in); err != nil {
		return err
	}
	return s.timer(ctx, tx, recordID, doRestore, last, last, in.RestoreFor)
}

func (s *Service) notified(ctx context.Context, tx *db.Tx, f respond.NotificationDone) error {
	if f.IncidentID == "" {
		return nil
	}
	what := f.Channel
	if what == "" {
		what = "Message"
	}
	text := fmt.Sprintf("%s to %s sent.", what, f.To)
	if f.State != "sent" {
		text = fmt.Sprintf("%s to %s failed after %d attempts: %s", what, f.To, f.Attempts, f.Error)
	}
	err := s.Note(ctx, tx, f.IncidentID, "notification", text, map[string]any{"notification": f.NotificationID, "state": f.State, "attempts": f.Attempts})
	if errs.Is(err, errs.NotFound) {
		return nil
	}
	return err
}
