package discovery

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

// missingAfter is how long a service must not listen until its item says so.
const missingAfter = 10 * time.Minute

// listening is a service of this machine that was seen. It is kept, so that one that
// ends while this program is down is missed as well.
type listening struct {
	bun.BaseModel `bun:"discovery_listeners"`

	Item      string     `bun:"item,pk"`
	GoneSince *time.Time `bun:"gone_since"`
}

// remember reads what was seen before the start. Those are asked again what they are.
func (s *Service) remember(ctx context.Context) error {
	var rows []listening
	if err := s.d.DB.Reader().NewSelect().Model(&rows).Scan(ctx); err != nil {
		return err
	}
	for _, r := range rows {
		s.known[r.Item] = ""
		if r.GoneSince != nil {
			s.gone[r.Item] = r.GoneSince.UTC()
		}
	}
	return nil
}

// note keeps that a service listens, or since when it does not.
func (s *Service) note(ctx context.Context, item string, gone *time.Time) error {
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.NewInsert().Model(&listening{Item: item, GoneSince: gone}).On("CONFLICT (item) DO UPDATE").Exec(ctx)
		return err
	})
}

// missing marks services that no longer listen for ten minutes; they come back by
// themselves.
func (s *Service) missing(ctx context.Context, present map[string]bool) {
	now := s.d.DB.Clock().Now().UTC()
	for name := range s.known {
		if err := s.miss(ctx, name, present[name], now); err != nil && ctx.Err() == nil {
			s.d.Logger.Warn("whether a service listens cannot be kept", "service", name, "error", err)
		}
	}
}

func (s *Service) miss(ctx context.Context, name string, present bool, now time.Time) error {
	since, gone := s.gone[name]
	switch {
	case present && gone:
		delete(s.gone, name)
		return s.note(ctx, name, nil)
	case present:
		return nil
	case !gone:
		s.gone[name] = now
		return s.note(ctx, name, &now)
	case now.Sub(since) < missingAfter:
		return nil
	}
	err := s.place(ctx, estate.NewItem{Name: name, Attributes: map[string]any{"not_listening_since": since.Format(time.RFC3339)}, Source: source}, nil,
		func(ctx context.Context, tx *db.Tx, _ estate.Item) error {
			_, err := tx.NewRaw("DELETE FROM discovery_listeners WHERE item = ?", name).Exec(ctx)
			return err
		})
	if err == nil {
		delete(s.known, name)
		delete(s.gone, name)
	}
	return err
}
