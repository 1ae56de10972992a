package topology

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/job"
)

// Settings say how links age.
type Settings struct {
	bun.BaseModel `bun:"topology_settings" json:"-"`

	ID          int64 `bun:"id,pk" json:"-"`
	StaleHours  int64 `bun:"stale_hours" json:"stale_hours" minimum:"1" maximum:"87600" doc:"A link that nobody has seen for so long is stale."`
	RemoveHours int64 `bun:"remove_hours" json:"remove_hours" minimum:"1" maximum:"87600" doc:"A link that nobody has seen for so long is removed."`
}

func (s Settings) stale() time.Duration  { return time.Duration(s.StaleHours) * time.Hour }
func (s Settings) remove() time.Duration { return time.Duration(s.RemoveHours) * time.Hour }

func settings(ctx context.Context, q bun.IDB) (Settings, error) {
	var out Settings
	err := q.NewSelect().Model(&out).Where("id = 1").Scan(ctx)
	return out, err
}

// set keeps the settings and works out the links again.
func (s *Service) set(ctx context.Context, in Settings) (Settings, error) {
	if in.RemoveHours < in.StaleHours {
		return in, errs.Fields(errs.Field{Path: "remove_hours", Value: fmt.Sprint(in.RemoveHours), Message: "must not be less than stale_hours"})
	}
	in.ID = 1
	err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		was, err := settings(ctx, tx)
		if err != nil || was == in {
			return err
		}
		if _, err := tx.NewUpdate().Model(&in).WherePK().Exec(ctx); err != nil {
			return err
		}
		// A joining that runs now has read the old ones.
		if err := s.d.Jobs.Insert(ctx, tx, joinArgs{}, job.Options{}); err != nil {
			return err
		}
		return audit.Write(ctx, tx, audit.Change{Action: "topology.set", Ref: entity.Ref{Kind: "topology", ID: "settings"}, Name: "topology", Before: was, After: in})
	})
	return in, err
}
