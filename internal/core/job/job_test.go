package job_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

type hello struct {
	Name string `json:"name"`
}

func (hello) Kind() string { return "test.hello" }

func runner(t *testing.T, d *db.DB, h func(context.Context, hello, job.Meta) error) *job.Runner {
	t.Helper()
	require.NoError(t, d.Migrate(t.Context(), nil))
	r := job.New(d, testkit.Logger(t), "this")
	require.NoError(t, r.Migrate(t.Context()))
	job.Handle(r, h)
	require.NoError(t, r.Build())
	require.NoError(t, r.Start(t.Context()))
	t.Cleanup(func() { r.Stop(context.Background()) })
	return r
}

func insert(t *testing.T, d *db.DB, r *job.Runner, o job.Options, names ...string) {
	t.Helper()
	require.NoError(t, d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		for _, n := range names {
			if err := r.Insert(ctx, tx, hello{n}, o); err != nil {
				return err
			}
		}
		return nil
	}))
}

func TestWorksOnlyWhatWasCommitted(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		var mu sync.Mutex
		seen := map[string]int{}
		r := runner(t, d, func(_ context.Context, a hello, _ job.Meta) error {
			mu.Lock()
			defer mu.Unlock()
			seen[a.Name]++
			return nil
		})
		_ = d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			require.NoError(t, r.Insert(ctx, tx, hello{"undone"}, job.Options{}))
			return errors.New("no")
		})
		insert(t, d, r, job.Options{}, "a", "b")
		insert(t, d, r, job.Options{Unique: true, At: time.Now().Add(500 * time.Millisecond)}, "once", "once")
		testkit.Eventually(t, 10*time.Second, "three done", func() bool { mu.Lock(); defer mu.Unlock(); return len(seen) == 3 })
		mu.Lock()
		defer mu.Unlock()
		require.Equal(t, map[string]int{"a": 1, "b": 1, "once": 1}, seen)
	})
}

func TestLaterAndRetry(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		var laters, fails, gaveUp atomic.Int32
		r := runner(t, d, func(_ context.Context, a hello, m job.Meta) error {
			switch a.Name {
			case "later":
				if laters.Add(1) < 3 {
					return job.Later(10 * time.Millisecond)
				}
				return nil
			case "hopeless":
				gaveUp.Add(1)
				return job.GiveUp(errors.New("never"))
			}
			if fails.Add(1); m.Attempt == 1 {
				return errors.New("first try fails")
			}
			return nil
		})
		insert(t, d, r, job.Options{}, "later", "fails", "hopeless")
		testkit.Eventually(t, 20*time.Second, "tries", func() bool { return laters.Load() == 3 && fails.Load() == 2 && gaveUp.Load() == 1 })
	})
}

func TestPause(t *testing.T) {
	t.Parallel()
	require.Equal(t, 2*time.Second, job.Pause(1))
	require.Equal(t, 6*time.Second, job.Pause(2))
	require.Equal(t, 15*time.Minute, job.Pause(50))
}

// TestTakesBackItsOwn: what a server was doing when it was killed it does again at its
// next start; what another one on the same PostgreSQL does is left to that one.
func TestTakesBackItsOwn(t *testing.T) {
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		require.NoError(t, d.Migrate(t.Context(), nil))
		var mu sync.Mutex
		seen := map[string]int{}
		r := job.New(d, testkit.Logger(t), "this")
		require.NoError(t, r.Migrate(t.Context()))
		job.Handle(r, func(_ context.Context, a hello, _ job.Meta) error {
			mu.Lock()
			defer mu.Unlock()
			seen[a.Name]++
			return nil
		})
		require.NoError(t, r.Build())
		insert(t, d, r, job.Options{}, "mine", "theirs")
		by := func(s string) any { return `["` + s + `"]` }
		if d.Dialect() == db.Postgres {
			by = func(s string) any { return "{" + s + "}" }
		}
		for name, owner := range map[string]string{"mine": "this", "theirs": "other"} {
			res, err := d.SQL().ExecContext(t.Context(), "UPDATE river_job SET state = 'running', attempt = 1, attempted_at = created_at, attempted_by = $1 WHERE CAST(args AS TEXT) LIKE $2", by(owner), "%"+name+"%")
			require.NoError(t, err)
			n, err := res.RowsAffected()
			require.NoError(t, err)
			require.EqualValues(t, 1, n)
		}
		require.NoError(t, r.Start(t.Context()))
		t.Cleanup(func() { r.Stop(context.Background()) })
		want := map[string]int{"mine": 1}
		if d.Dialect() == db.SQLite {
			want["theirs"] = 1 // alone on its database
		}
		testkit.Eventually(t, 10*time.Second, "taken back", func() bool { mu.Lock(); defer mu.Unlock(); return len(seen) == len(want) })
		require.Equal(t, want, seen)
	})
}
