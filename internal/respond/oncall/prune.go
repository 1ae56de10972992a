package oncall

import (
	"context"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/job"
)

const (
	pruneEvery = 24 * time.Hour
	// pruneBatch bounds how long one transaction holds the only writer.
	pruneBatch = 1000
)

type pruneArgs struct{}

// Kind implements job.Args.
func (pruneArgs) Kind() string { return "oncall.prune" }

// prune removes escalations that ended and are older than the setting. One that runs
// stays, however old.
func (s *Service) prune(ctx context.Context, _ pruneArgs, _ job.Meta) error {
	for {
		var n int64
		err := s.db.InTx(access.AsSystem(ctx), func(ctx context.Context, tx *db.Tx) error {
			old := tx.Now().Add(-s.keep)
			res, err := tx.NewRaw("DELETE FROM escalation_runs WHERE id IN (SELECT id FROM escalation_runs WHERE state <> ? AND opened_at < ? AND due_at < ? LIMIT ?)", runRunning, old, old, pruneBatch).Exec(ctx)
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
