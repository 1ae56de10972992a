package db_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

func set(module string, files ...string) db.Migrations {
	m := fstest.MapFS{}
	for i := 0; i+1 < len(files); i += 2 {
		m["migrations/"+files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return db.Migrations{Module: module, FS: m}
}

func tables(t *testing.T, d *db.DB) string {
	t.Helper()
	q := "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 't_%' ORDER BY name"
	if d.Dialect() == db.Postgres {
		q = "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 't_%' ORDER BY 1"
	}
	var names []string
	require.NoError(t, d.Reader().NewRaw(q).Scan(t.Context(), &names))
	return strings.Join(names, " ")
}

func TestMigrationsRunOnceInOrder(t *testing.T) {
	t.Parallel()
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		a := set("a", "0002_more.sql", "ALTER TABLE t_a ADD COLUMN n BIGINT", "0001_init.sql", "CREATE TABLE t_a (id TEXT); CREATE TABLE t_b (id TEXT)")
		b := set("b", "0001_init.sqlite.sql", "CREATE TABLE t_sqlite (id TEXT)", "0001_init.postgres.sql", "CREATE TABLE t_postgres (id TEXT)")
		for range 2 {
			require.NoError(t, d.Migrate(t.Context(), []db.Migrations{a, b, {Module: "none"}}))
		}
		require.Equal(t, "t_a t_b t_"+string(d.Dialect()), tables(t, d))
	})
}

// One bad statement in the last module takes everything back.
func TestHalfFailedMigrationLeavesNothing(t *testing.T) {
	t.Parallel()
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		good := set("a", "0001_init.sql", "CREATE TABLE t_a (id TEXT)")
		bad := set("b", "0001_init.sql", "CREATE TABLE t_b (id TEXT)", "0002_bad.sql", "CREATE TABLE t_c (id TEXT); CREATE TABEL t_d (id TEXT)")
		err := d.Migrate(t.Context(), []db.Migrations{good, bad})
		require.ErrorContains(t, err, "migration b 0002_bad")
		require.Empty(t, tables(t, d))
		require.NoError(t, d.Migrate(t.Context(), []db.Migrations{good}), "it goes on from before")
		require.Equal(t, "t_a", tables(t, d))
	})
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		require.NoError(t, d.Migrate(t.Context(), []db.Migrations{set("a", "0001_init.sql", "CREATE TABLE t_a (id TEXT)", "0007_more.sql", "CREATE TABLE t_b (id TEXT)")}))
		err := d.Migrate(t.Context(), []db.Migrations{set("z", "0001_init.sql", "CREATE TABLE t_z (id TEXT)"), set("a", "0001_init.sql", "CREATE TABLE t_a (id TEXT)")})
		require.True(t, errs.Is(err, errs.Unavailable))
		require.Contains(t, errs.Message(err), "written by a newer Mainstay (a is at 7, this program knows 1)")
		require.Equal(t, "t_a t_b", tables(t, d), "nothing was changed")
	})
}

func TestBadMigrationNames(t *testing.T) {
	t.Parallel()
	d := testkit.SQLite(t)
	for _, s := range []db.Migrations{set("a", "init.sql", "x"), set("a", "0000_x.sql", "x"), set("a", "-1_x.sql", "x"), set("a", "0001_x.sql", "SELECT 1", "0001_y.sql", "SELECT 1")} {
		require.Error(t, d.Migrate(t.Context(), []db.Migrations{s}))
	}
}

// Two that start at once on one PostgreSQL take turns.
func TestMigrateAtOnce(t *testing.T) {
	t.Parallel()
	url := testkit.PostgresURL(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			d, err := db.Open(t.Context(), db.Options{URL: url})
			if err == nil {
				err = errors.Join(d.Migrate(t.Context(), []db.Migrations{set("a", "0001_init.sql", "CREATE TABLE t_a (id TEXT)")}), d.Close())
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestAfterCommit(t *testing.T) {
	t.Parallel()
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		require.NoError(t, d.Migrate(t.Context(), []db.Migrations{set("a", "0001_init.sql", "CREATE TABLE t_a (id TEXT UNIQUE)")}))
		ran := ""
		insert := func(end error) error {
			return d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				tx.AfterCommit(func() { ran += "1" })
				tx.AfterCommit(func() { ran += "2" })
				require.Equal(t, d.Dialect(), tx.Kind())
				require.Zero(t, tx.Now().Nanosecond()%1000)
				_, err := tx.NewRaw("INSERT INTO t_a (id) VALUES (?)", "x").Exec(ctx)
				return errors.Join(err, end)
			})
		}
		require.ErrorIs(t, insert(db.ErrRollback), db.ErrRollback)
		require.Empty(t, ran)
		require.NoError(t, insert(nil))
		require.Equal(t, "12", ran)
		err := d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.NewRaw("INSERT INTO t_a (id) VALUES ('x')").Exec(ctx)
			return err
		})
		require.True(t, db.IsUnique(err), "%v", err)
		require.Panics(t, func() {
			_ = d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				_, _ = tx.NewRaw("DELETE FROM t_a").Exec(ctx)
				panic("x")
			})
		})
		var n int
		require.NoError(t, d.Reader().NewRaw("SELECT COUNT(*) FROM t_a").Scan(t.Context(), &n))
		require.Equal(t, 1, n, "a panic rolls back, and the connection is free again")
	})
}

// The reading handle cannot write on SQLite, so that a mistake shows at once.
func TestReaderOnlyReads(t *testing.T) {
	t.Parallel()
	d := testkit.SQLite(t)
	_, err := d.Reader().NewRaw("CREATE TABLE t_x (id TEXT)").Exec(t.Context())
	require.ErrorContains(t, err, "readonly")
}

func TestOpenTellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	write := func(content string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "mainstay.db"), []byte(content), 0o600))
		}
	}
	for name, c := range map[string]struct {
		prepare func(t *testing.T, dir string)
		want    string
	}{
		"a text":           {write(strings.Repeat("just a text\n", 1000)), "is damaged. Restore it from a backup"},
		"header only":      {write("SQLite format 3\x00" + strings.Repeat("\xff", 4080)), "is damaged. Restore it from a backup"},
		"a directory":      {func(t *testing.T, dir string) { require.NoError(t, os.Mkdir(filepath.Join(dir, "mainstay.db"), 0o700)) }, "cannot be opened"},
		"no directory":     {func(t *testing.T, dir string) { require.NoError(t, os.WriteFile(filepath.Join(dir, "x"), nil, 0o600)) }, "cannot be made"},
		"an empty file is": {write(""), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			c.prepare(t, dir)
			if name == "no directory" {
				dir = filepath.Join(dir, "x", "data")
			}
			d, err := db.Open(t.Context(), db.Options{Dir: dir})
			if c.want == "" {
				require.NoError(t, err)
				require.NoError(t, d.Close())
				return
			}
			require.True(t, errs.Is(err, errs.Unavailable), "%v", err)
			require.Contains(t, errs.Message(err), c.want)
			require.NotContains(t, errs.Message(err), "\n")
		})
	}
	for _, url := range []string{"mysql://x", "postgres://user:hunter2@127.0.0.1:1/x?connect_timeout=1", "postgres://:::bad"} {
		_, err := db.Open(t.Context(), db.Options{URL: url})
		require.Error(t, err)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestNotFound(t *testing.T) {
	t.Parallel()
	d := testkit.SQLite(t)
	var n int
	err := d.Reader().NewRaw("SELECT 1 WHERE 1 = 0").Scan(t.Context(), &n)
	require.Equal(t, "There is no item \"x\".", errs.Message(db.NotFound(err, "There is no item %q.", "x")))
	other := errors.New("other")
	require.Equal(t, other, db.NotFound(other, "x"))
	require.NoError(t, db.NotFound(nil, "x"))
}
