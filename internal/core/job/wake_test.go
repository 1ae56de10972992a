package job

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/db"
)

type note struct{}

func (note) Kind() string { return "test.note" }

// With an hour between looks at the queue, only the announcement can bring the
// job to a worker.
func TestNewJobsAreAnnounced(t *testing.T) {
	t.Parallel()
	d, err := db.Open(t.Context(), db.Options{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	require.NoError(t, d.Migrate(t.Context(), nil))
	r := New(d, slog.New(slog.DiscardHandler), "")
	r.poll = time.Hour
	require.NoError(t, r.Migrate(t.Context()))
	done := make(chan struct{}, 1)
	Handle(r, func(context.Context, note, Meta) error { done <- struct{}{}; return nil })
	require.NoError(t, r.Build())
	require.NoError(t, r.Start(t.Context()))
	t.Cleanup(func() { r.Stop(context.Background()) })
	for range 3 {
		require.NoError(t, d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error { return r.Insert(ctx, tx, note{}, Options{Queue: "mail"}) }))
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			t.Fatal("nobody told the worker")
		}
	}
}
