package db

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strconv"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// Migrations are the numbered SQL files of one module: NNNN_name.sql for both
// dialects, or NNNN_name.sqlite.sql and NNNN_name.postgres.sql where they must
// differ. A file that has been released is never changed.
type Migrations struct {
	Module string
	FS     fs.FS
}

type migration struct {
	version int64
	name    string
	body    string
}

// Migrate brings every module's tables up to date, in the order given, in one
// transaction: either all of it happens or nothing. A database that a newer
// Mainstay has written is refused.
func (d *DB) Migrate(ctx context.Context, sets []Migrations) error {
	plan := make(map[string][]migration, len(sets))
	for _, s := range sets {
		ms, err := readMigrations(s, d.dialect)
		if err != nil {
			return err
		}
		plan[s.Module] = ms
	}
	return d.InTx(ctx, func(ctx context.Context, tx *Tx) error {
		if d.dialect == Postgres {
			// Two nodes that start at once take turns.
			if _, err := tx.Tx.Tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(7215001)"); err != nil {
				return err
			}
		}
		if _, err := tx.Tx.Tx.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS schema_migrations (module TEXT NOT NULL, version BIGINT NOT NULL, name TEXT NOT NULL, applied_at TIMESTAMPTZ NOT NULL, PRIMARY KEY (module, version))"); err != nil {
			return err
		}
		applied := map[string]int64{}
		var rows []struct {
			Module  string
			Version int64
		}
		if err := tx.NewRaw("SELECT module, MAX(version) AS version FROM schema_migrations GROUP BY module").Scan(ctx, &rows); err != nil {
			return err
		}
		for _, r := range rows {
			applied[r.Module] = r.Version
		}
		for _, s := range sets {
			ms := plan[s.Module]
			if n := len(ms); n > 0 && applied[s.Module] > ms[n-1].version {
				return errs.New(errs.Unavailable, "This database was written by a newer Mainstay (%s is at %d, this program knows %d). Start the newer program, or restore the backup made before the upgrade.", s.Module, applied[s.Module], ms[n-1].version)
			}
			for _, m := range ms {
				if m.version <= applied[s.Module] {
					continue
				}
				if _, err := tx.Tx.Tx.ExecContext(ctx, m.body); err != nil {
					return fmt.Errorf("migration %s %s: %w", s.Module, m.name, err)
				}
				if _, err := tx.NewRaw("INSERT INTO schema_migrations (module, version, name, applied_at) VALUES (?, ?, ?, ?)", s.Module, m.version, m.name, tx.Now()).Exec(ctx); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func readMigrations(s Migrations, dialect Dialect) ([]migration, error) {
	if s.FS == nil {
		return nil, nil
	}
	names, err := fs.Glob(s.FS, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	var out []migration
	for _, n := range names {
		base := strings.TrimSuffix(path.Base(n), ".sql")
		if d := path.Ext(base); d == ".sqlite" || d == ".postgres" {
			if d != "."+string(dialect) {
				continue
			}
			base = strings.TrimSuffix(base, d)
		}
		num, _, ok := strings.Cut(base, "_")
		v, err := strconv.ParseInt(num, 10, 64)
		if !ok || err != nil || v < 1 {
			return nil, fmt.Errorf("migration %s of %s: the name must be NNNN_name.sql", n, s.Module)
		}
		body, err := fs.ReadFile(s.FS, n)
		if err != nil {
			return nil, err
		}
		out = append(out, migration{version: v, name: base, body: string(body)})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].version < out[j].version })
	for i := 1; i < len(out); i++ {
		if out[i].version == out[i-1].version {
			return nil, fmt.Errorf("module %s has two migrations %d", s.Module, out[i].version)
		}
	}
	return out, nil
}
