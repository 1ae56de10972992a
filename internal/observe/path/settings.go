package path

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
)

// Settings are how paths are kept and what is looked up.
type Settings struct {
	RetentionDays int   `json:"retention_days" minimum:"1" maximum:"3650" doc:"How long answers are kept."`
	MaxRows       int64 `json:"max_rows" minimum:"10000" maximum:"1000000000" doc:"How many minutes of all paths are kept; the oldest go first."`
	ReverseDNS    bool  `json:"reverse_dns" doc:"Ask DNS for the names of hops."`
	OriginLookup  bool  `json:"origin_lookup" doc:"Ask the DNS zone of Team Cymru which AS announces the public addresses of hops. It tells Team Cymru these addresses."`
}

func readSettings(ctx context.Context, q bun.IDB) (set Settings, err error) {
	err = q.NewRaw("SELECT retention_days, max_rows, reverse_dns, origin_lookup FROM path_settings WHERE id = 1").Scan(ctx, &set)
	return set, err
}

func (s *Service) saveSettings(ctx context.Context, set Settings) (Settings, error) {
	return set, s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		was, err := readSettings(ctx, tx)
		if err != nil {
			return err
		}
		if _, err := tx.NewRaw("UPDATE path_settings SET retention_days = ?, max_rows = ?, reverse_dns = ?, origin_lookup = ? WHERE id = 1", set.RetentionDays, set.MaxRows, set.ReverseDNS, set.OriginLookup).Exec(ctx); err != nil {
			return err
		}
		tx.AfterCommit(func() {
			s.mu.Lock()
			s.set = set
			s.mu.Unlock()
		})
		return audit.Write(ctx, tx, audit.Change{Action: "path.settings", Ref: entity.Ref{Kind: "path", ID: "settings"}, Name: "Network paths", Before: was, After: set})
	})
}

func (s *Service) settings() Settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.set
}

// prune removes what is too old, too much, or of paths that are gone. It does so in
// pieces, so that nobody waits long for the one connection that writes.
func (s *Service) prune(ctx context.Context) error {
	set, err := readSettings(ctx, s.d.DB.Reader())
	if err != nil {
		return err
	}
	const piece = 2000
	oldest := s.now().AddDate(0, 0, -set.RetentionDays).Unix() / 60
	for _, where := range []struct {
		cond string
		args []any
	}{
		{"minute < ?", []any{oldest}},
		{"path_id NOT IN (SELECT id FROM paths)", nil},
	} {
		for {
			var n int64
			err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				res, err := tx.NewRaw("DELETE FROM path_minutes WHERE (path_id, minute) IN (SELECT path_id, minute FROM path_minutes WHERE "+where.cond+" LIMIT ?)", append(where.args, piece)...).Exec(ctx)
				if err != nil {
					return err
				}
				n, err = res.RowsAffected()
				return err
			})
			if err != nil {
				return err
			}
			if n < piece {
				break
			}
		}
	}
	for {
		var n int64
		err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			var have int64
			if err := tx.NewRaw("SELECT COUNT(*) FROM path_minutes").Scan(ctx, &have); err != nil || have <= set.MaxRows {
				return err
			}
			res, err := tx.NewRaw("DELETE FROM path_minutes WHERE (path_id, minute) IN (SELECT path_id, minute FROM path_minutes ORDER BY minute LIMIT ?)", min(piece, have-set.MaxRows)).Exec(ctx)
			if err != nil {
				return err
			}
			n, err = res.RowsAffected()
			return err
		})
		if err != nil || n == 0 {
			return err
		}
	}
}
