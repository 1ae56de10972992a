package oncall

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/job"
)

// Escalations that ended go when they are old; those that run stay.
func TestPrune(t *testing.T) {
	t.Parallel()
	w := build(t)
	old := w.clock.Now()
	add := func(id, state string, at time.Time) {
		require.NoError(t, w.db.InTx(w.ctx(), func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.NewInsert().Model(&run{ID: id, IncidentID: "i", Escalation: "web", Definition: "{}", OpenedAt: at, State: state, DueAt: at}).Exec(ctx)
			return err
		}))
	}
	add("done", runDone, old)
	add("stopped", runStopped, old)
	add("running", runRunning, old)
	add("young", runDone, old.Add(2*24*time.Hour))
	left := func() []string {
		require.NoError(t, w.prune(w.ctx(), pruneArgs{}, job.Meta{}))
		var ids []string
		require.NoError(t, w.db.Reader().NewRaw("SELECT id FROM escalation_runs ORDER BY id").Scan(w.ctx(), &ids))
		return ids
	}
	w.clock.set(old.Add(399 * 24 * time.Hour))
	require.Len(t, left(), 4)
	w.clock.set(old.Add(401 * 24 * time.Hour))
	require.Equal(t, []string{"running", "young"}, left())
}
