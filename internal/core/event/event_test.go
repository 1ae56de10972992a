package event_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

type counted struct{ N int }

func (counted) FactName() string { return "test.counted" }

type ignored struct{}

func (ignored) FactName() string { return "test.ignored" }

func start(t *testing.T, d *db.DB, register func(*event.Log)) *event.Log {
	t.Helper()
	require.NoError(t, d.Migrate(t.Context(), []db.Migrations{event.Migrations()}))
	l := event.New(d, testkit.Logger(t))
	register(l)
	require.NoError(t, l.Start(t.Context()))
	t.Cleanup(l.Stop)
	return l
}

func TestOrderAndRollback(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		var mu sync.Mutex
		var got []int
		l := start(t, d, func(l *event.Log) {
			event.On(l.Router("reader"), func(_ context.Context, _ *db.Tx, f counted, m event.Meta) error {
				mu.Lock()
				defer mu.Unlock()
				got = append(got, f.N)
				require.NotZero(t, m.Seq)
				return nil
			})
		})
		const writers, each = 4, 25
		var wg sync.WaitGroup
		for w := range writers {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for i := range each {
					_ = d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
						require.NoError(t, l.Append(ctx, tx, ignored{}))
						require.NoError(t, l.Append(ctx, tx, counted{w*1000 + i}))
						if i%5 == 4 {
							return errors.New("changed my mind")
						}
						return nil
					})
				}
			}()
		}
		wg.Wait()
		want := writers * each * 4 / 5
		testkit.Eventually(t, 10*time.Second, "all delivered", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(got) >= want
		})
		mu.Lock()
		defer mu.Unlock()
		require.Len(t, got, want, "what was rolled back was delivered, or something twice")
		for w := range writers {
			var mine []int
			for _, n := range got {
				if n/1000 == w {
					mine = append(mine, n)
				}
			}
			require.True(t, slices.IsSorted(mine), "facts of one writer came out of order: %v", mine)
		}
	})
}

func TestFailingHandlerRetriesAndItsWritesHappenOnce(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		_, err := d.SQL().ExecContext(t.Context(), "CREATE TABLE seen (n BIGINT NOT NULL)")
		require.NoError(t, err)
		fails := 3
		l := start(t, d, func(l *event.Log) {
			event.On(l.Router("writer"), func(ctx context.Context, tx *db.Tx, f counted, _ event.Meta) error {
				if _, err := tx.NewRaw("INSERT INTO seen (n) VALUES (?)", f.N).Exec(ctx); err != nil {
					return err
				}
				if f.N == 2 && fails > 0 {
					fails--
					return fmt.Errorf("not yet")
				}
				return nil
			})
		})
		for n := range 5 {
			require.NoError(t, d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error { return l.Append(ctx, tx, counted{n}) }))
		}
		var got []int
		testkit.Eventually(t, 10*time.Second, "five rows", func() bool {
			got = nil
			require.NoError(t, d.Reader().NewRaw("SELECT n FROM seen ORDER BY n").Scan(t.Context(), &got))
			return len(got) >= 5
		})
		require.Equal(t, []int{0, 1, 2, 3, 4}, got)
	})
}

func TestCursorSurvivesRestart(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		var mu sync.Mutex
		var got []int
		// What is rolled back by the stop does not count: it comes again, as it must.
		handler := func(_ context.Context, tx *db.Tx, f counted, _ event.Meta) error {
			tx.AfterCommit(func() {
				mu.Lock()
				defer mu.Unlock()
				got = append(got, f.N)
			})
			return nil
		}
		seen := func(n int) func() bool {
			return func() bool { mu.Lock(); defer mu.Unlock(); return len(got) >= n }
		}
		l := start(t, d, func(l *event.Log) { event.On(l.Router("r"), handler) })
		add := func(l *event.Log, n int) {
			require.NoError(t, d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error { return l.Append(ctx, tx, counted{n}) }))
		}
		add(l, 1)
		testkit.Eventually(t, 5*time.Second, "first", seen(1))
		l.Stop()
		add(l, 2)
		second := event.New(d, testkit.Logger(t))
		event.On(second.Router("r"), handler)
		require.NoError(t, second.Start(t.Context()))
		t.Cleanup(second.Stop)
		testkit.Eventually(t, 5*time.Second, "second", seen(2))
		mu.Lock()
		defer mu.Unlock()
		require.Equal(t, []int{1, 2}, got)
	})
}
