package device

import (
	"context"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Polling is how a device is polled.
type Polling struct {
	// EverySeconds is from 10 to 86400; 0 switches polling off.
	EverySeconds int64 `json:"every_seconds" minimum:"0" maximum:"86400" doc:"10 to 86400; 0 switches polling off."`
}

// settings gives the intervals that differ from the default, by item; below zero
// is off.
func (s *Service) settings(ctx context.Context, q bun.IDB) (map[string]time.Duration, error) {
	var rows []struct {
		ItemID       string
		EverySeconds int64
	}
	if err := q.NewRaw("SELECT item_id, every_seconds FROM device_settings").Scan(ctx, &rows); err != nil {
		return nil, err
	}
	out := make(map[string]time.Duration, len(rows))
	for _, r := range rows {
		out[r.ItemID] = time.Duration(r.EverySeconds) * time.Second
		if r.EverySeconds == 0 {
			out[r.ItemID] = -1
		}
	}
	return out, nil
}

// SetPolling changes how a device is polled.
func (s *Service) SetPolling(ctx context.Context, name string, p Polling) (Polling, error) {
	if p.EverySeconds != 0 && p.EverySeconds < 10 {
		return p, errs.Fields(errs.Field{Path: "every_seconds", Value: strconv.FormatInt(p.EverySeconds, 10), Message: "must be 0, or from 10 to 86400"})
	}
	return p, s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		it, err := s.items.ByName(ctx, tx, name)
		if err != nil {
			return err
		}
		if err := access.Check(ctx, observe.WriteChecks, it.OwnerTeamID); err != nil {
			return err
		}
		if _, err := tx.NewRaw("INSERT INTO device_settings (item_id, every_seconds, updated_at) VALUES (?, ?, ?) ON CONFLICT (item_id) DO UPDATE SET every_seconds = excluded.every_seconds, updated_at = excluded.updated_at", it.ID, p.EverySeconds, tx.Now()).Exec(ctx); err != nil {
			return err
		}
		tx.AfterCommit(func() { nudge(s.look) })
		return audit.Write(ctx, tx, audit.Change{Action: "device.polling", Ref: estate.Ref(it.ID), Name: it.Name, After: p})
	})
}
