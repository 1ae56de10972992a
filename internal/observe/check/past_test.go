package check

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// An item is unreachable while all checks that watched it were, not one of them.
func TestUnreachableSpans(t *testing.T) {
	t.Parallel()
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		require.NoError(t, d.Migrate(ctx, []db.Migrations{{Module: "observe.check", FS: migrations}}))
		t0 := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		at := func(min int) time.Time { return t0.Add(time.Duration(min) * time.Minute) }
		require.NoError(t, d.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			add := func(id string, made int, enabled bool) {
				_, err := tx.NewInsert().Model(&row{ID: id, Name: id, ItemID: "i", Type: "tcp", Settings: "{}", Enabled: enabled, CreatedAt: at(made), UpdatedAt: at(made)}).Exec(ctx)
				require.NoError(t, err)
			}
			lost := func(id string, from int, to any) {
				_, err := tx.NewRaw("INSERT INTO check_unreachable (check_id, item_id, started_at, ended_at) VALUES (?, 'i', ?, ?)", id, at(from), to).Exec(ctx)
				require.NoError(t, err)
			}
			add("a", -100, true)
			add("b", -100, true)
			add("late", 60, true)
			add("off", -100, false)
			lost("a", -10, at(30))
			lost("b", 10, at(40))
			lost("a", 50, nil)
			lost("b", 50, nil)
			lost("gone", 0, nil)
			lost("late", 70, nil)
			return nil
		}))
		got, err := unreachable(ctx, d.Reader(), []string{"i"}, t0, at(100))
		require.NoError(t, err)
		require.Equal(t, []observe.Span{{From: at(10), To: at(30)}, {From: at(50), To: at(60)}, {From: at(70), To: at(100)}}, got)
		got, err = unreachable(ctx, d.Reader(), []string{"other"}, t0, at(100))
		require.NoError(t, err)
		require.Empty(t, got)
	})
}
