package alert

import (
	"context"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/detect"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

// Subscribe implements module.HasEvents.
func (s *Service) Subscribe(r *event.Router) {
	event.On(r, func(ctx context.Context, tx *db.Tx, f estate.ItemMerged, _ event.Meta) error {
		_, err := tx.NewRaw("UPDATE alerts SET item_id = ?, item = ? WHERE item_id = ?", f.ItemID, f.Name, f.GoneID).Exec(ctx)
		return err
	})
	event.On(r, func(ctx context.Context, tx *db.Tx, f observe.CheckStateChanged, _ event.Meta) error {
		return s.checkChanged(ctx, tx, f)
	})
	event.On(r, func(ctx context.Context, tx *db.Tx, f detect.SignalRaised, _ event.Meta) error {
		return s.signalRaised(ctx, tx, f)
	})
	event.On(r, func(ctx context.Context, tx *db.Tx, f detect.SignalCleared, _ event.Meta) error {
		a, err := firing(ctx, tx, f.Fingerprint)
		if err != nil {
			return err
		}
		return s.end(ctx, tx, a, f.At, f.Reason, "")
	})
	event.On(r, func(ctx context.Context, tx *db.Tx, f respond.AlertGrouped, _ event.Meta) error {
		return s.grouped(ctx, tx, f)
	})
}

func (s *Service) grouped(ctx context.Context, tx *db.Tx, f respond.AlertGrouped) error {
	if _, err := tx.NewRaw("UPDATE alerts SET incident_id = ?, incident = ? WHERE id = ?", f.IncidentID, f.Number, f.AlertID).Exec(ctx); err != nil {
		return err
	}
	note := live.Note{Topic: "alerts", Kind: "changed", ID: f.AlertID, Data: map[string]any{"incident": f.Number}}
	tx.AfterCommit(func() { s.d.Live.Send(note) })
	return nil
}
