package audit_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

func write(ctx context.Context, d *db.DB, i int) error {
	return d.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		return audit.Write(ctx, tx, audit.Change{Action: "item.update", Ref: entity.Ref{Kind: "item", ID: fmt.Sprint(i)}, Name: fmt.Sprint("web-", i), Before: map[string]int{"n": i}, After: map[string]int{"n": i + 1}})
	})
}

func filled(t *testing.T, d *db.DB, n int) context.Context {
	t.Helper()
	require.NoError(t, d.Migrate(t.Context(), []db.Migrations{audit.Migrations()}))
	ctx := access.With(t.Context(), &access.Principal{Kind: access.Person, ID: "a1", Name: "Ann"})
	for i := range n {
		require.NoError(t, write(ctx, d, i))
	}
	return ctx
}

func TestChainHolds(t *testing.T) {
	t.Parallel()
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		ctx := filled(t, d, 0)
		broken, err := audit.Verify(ctx, d.Reader())
		require.NoError(t, err)
		require.Zero(t, broken, "an empty log is whole")
		// Writers at once, more entries than Verify reads in one go.
		var wg sync.WaitGroup
		errs := make(chan error, 8)
		for w := range 8 {
			wg.Go(func() {
				for i := range 130 {
					if err := write(ctx, d, w*1000+i); err != nil {
						errs <- err
						return
					}
				}
			})
		}
		wg.Wait()
		require.Empty(t, errs)
		broken, err = audit.Verify(ctx, d.Reader())
		require.NoError(t, err)
		require.Zero(t, broken)
		es, err := audit.List(ctx, d.Reader(), audit.Filter{Ref: entity.Ref{Kind: "item", ID: "3005"}, Limit: 10})
		require.NoError(t, err)
		require.Len(t, es, 1)
		require.Equal(t, "Ann", es[0].Actor)
		require.Equal(t, "person", es[0].Via)
		require.JSONEq(t, `{"n":3006}`, string(es[0].After))
	})
}

func TestNothingIsWrittenForNoChange(t *testing.T) {
	t.Parallel()
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		ctx := filled(t, d, 1)
		require.NoError(t, d.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			return audit.Write(ctx, tx, audit.Change{Action: "item.update", Before: "same", After: "same"})
		}))
		es, err := audit.List(ctx, d.Reader(), audit.Filter{Limit: 10})
		require.NoError(t, err)
		require.Len(t, es, 1)
	})
}

// Every way to tamper with ten entries is found, and where.
func TestTamperingIsFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sql    []string
		broken int64
	}{
		"action altered":   {[]string{"UPDATE audit_log SET action = 'item.create' WHERE seq = 4"}, 4},
		"actor altered":    {[]string{"UPDATE audit_log SET actor = 'Bob' WHERE seq = 1"}, 1},
		"time altered":     {[]string{"UPDATE audit_log SET at = '2020-01-01 00:00:00+00:00' WHERE seq = 7"}, 7},
		"value altered":    {[]string{`UPDATE audit_log SET after = '{"n":99}' WHERE seq = 10`}, 10},
		"field shifted":    {[]string{"UPDATE audit_log SET ref_kind = 'ite', ref_id = 'm' || ref_id WHERE seq = 5"}, 5},
		"one removed":      {[]string{"DELETE FROM audit_log WHERE seq = 5"}, 6},
		"first removed":    {[]string{"DELETE FROM audit_log WHERE seq = 1"}, 2},
		"newest removed":   {[]string{"DELETE FROM audit_log WHERE seq >= 9"}, 10},
		"everything gone":  {[]string{"DELETE FROM audit_log"}, 10},
		"two reordered":    {[]string{"UPDATE audit_log SET seq = 99 WHERE seq = 3", "UPDATE audit_log SET seq = 3 WHERE seq = 4", "UPDATE audit_log SET seq = 4 WHERE seq = 99"}, 3},
		"one moved to end": {[]string{"UPDATE audit_log SET seq = 11 WHERE seq = 2"}, 3},
		"hash altered":     {[]string{"UPDATE audit_log SET hash = prev_hash WHERE seq = 6"}, 6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testkit.Databases(t, func(t *testing.T, d *db.DB) {
				ctx := filled(t, d, 10)
				for _, s := range c.sql {
					_, err := d.SQL().ExecContext(ctx, s)
					require.NoError(t, err)
				}
				broken, err := audit.Verify(ctx, d.Reader())
				require.NoError(t, err)
				require.Equal(t, c.broken, broken)
			})
		})
	}
}
