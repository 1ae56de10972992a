package notify

import (
	"context"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/job"
)

// pruneBatch bounds how long one transaction holds the only writer.
const pruneBatch = 1000

type pruneArgs struct{}

// Kind implements job.Args.
func (pruneArgs) Kind() string { return "notify.prune" }

// prune removes messages older than the setting, with their attempts. What is not
// delivered yet stays, however old.
func (s *Service) prune(ctx context.Context, _ pruneArgs, _ job.Meta) error {
	for {
		var n int64
		err := s.db.InTx(access.AsSystem(ctx), func(ctx context.Context, tx *db.Tx) error {
			res, err := tx.NewRaw("DELETE FROM notifications WHERE id IN (SELECT id FROM notifications WHERE created_at < ? AND state <> ? ORDER BY created_at LIMIT ?)", tx.Now().Add(-s.keep), stateQueued, pruneBatch).Exec(ctx)
			if err != nil {
				return err
			}
			n, err = res.RowsAffected()
			return err
		})
		if err != nil || n < pruneBatch {
			return err
		}
	}
}

// pruneEvery is how often old messages are looked for.
const pruneEvery = 24 * time.Hour
