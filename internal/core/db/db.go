// Package db opens the one database of a server, SQLite or PostgreSQL, and hands
// out transactions. One use case is one transaction with one "now"; what must
// happen after it (wake a worker, tell a browser) is registered on it and runs
// only when it was committed.
//
// SQLite runs in WAL mode with one writing connection and several that only
// read. A commit is synced to disk before it is acknowledged.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite" // driver "sqlite"

	"github.com/mainstay-ops/mainstay/internal/core/clock"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// Dialect names the kind of database.
type Dialect string

// The two dialects. Everything works on both.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// DB is the database of a server. It is safe for concurrent use.
type DB struct {
	write, read *bun.DB
	dialect     Dialect
	clock       clock.Clock
	space       space
}

// Options say what to open.
type Options struct {
	// URL of PostgreSQL ("postgres://…"); empty for SQLite in Dir.
	URL string
	// Dir holds mainstay.db when URL is empty.
	Dir   string
	Clock clock.Clock
}

// Open opens the database and proves that it answers. Its errors are sentences
// for the person who started the program.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if o.URL != "" {
		return openPostgres(ctx, o)
	}
	return openSQLite(ctx, o)
}

func openPostgres(ctx context.Context, o Options) (*DB, error) {
	if !strings.HasPrefix(o.URL, "postgres://") && !strings.HasPrefix(o.URL, "postgresql://") {
		return nil, errs.New(errs.Invalid, "The database address must start with postgres://.")
	}
	s, err := sql.Open("pgx", o.URL)
	if err != nil {
		return nil, errs.New(errs.Unavailable, "The PostgreSQL address cannot be read.")
	}
	s.SetMaxOpenConns(24)
	s.SetMaxIdleConns(12)
	s.SetConnMaxIdleTime(5 * time.Minute)
	b := bun.NewDB(s, pgdialect.New())
	if err := b.PingContext(ctx); err != nil {
		_ = b.Close()
		return nil, errs.Wrap(errs.Unavailable, err, "PostgreSQL does not answer. Check database.url and that the server runs.")
	}
	return &DB{write: b, read: b, dialect: Postgres, clock: o.Clock}, nil
}

func openSQLite(ctx context.Context, o Options) (*DB, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "The data directory %s cannot be made.", o.Dir)
	}
	path := filepath.Join(o.Dir, "mainstay.db")
	dsn := func(extra string) string {
		return "file:" + (&url.URL{Path: path}).EscapedPath() +
			"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(ON)&_pragma=cache_size(-16000)&_pragma=temp_store(MEMORY)" + extra
	}
	w, err := sql.Open("sqlite", dsn("&_txlock=immediate"))
	if err != nil {
		return nil, err
	}
	w.SetMaxOpenConns(1)
	d := &DB{write: bun.NewDB(w, sqlitedialect.New()), dialect: SQLite, clock: o.Clock}
	// A write proves that the disk takes one: a read-only or full disk is told at
	// the start and not at the first alarm.
	if _, err := w.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS schema_migrations (module TEXT NOT NULL, version BIGINT NOT NULL, name TEXT NOT NULL, applied_at TIMESTAMPTZ NOT NULL, PRIMARY KEY (module, version))"); err == nil {
		_, err = w.ExecContext(ctx, "PRAGMA user_version = 1")
		if err != nil {
			_ = w.Close()
			return nil, sqliteOpenError(path, err)
		}
	} else {
		_ = w.Close()
		return nil, sqliteOpenError(path, err)
	}
	r, err := sql.Open("sqlite", dsn("&_pragma=query_only(1)"))
	if err != nil {
		_ = w.Close()
		return nil, err
	}
	r.SetMaxOpenConns(max(4, 2*runtime.NumCPU()))
	r.SetMaxIdleConns(2)
	d.read = bun.NewDB(r, sqlitedialect.New())
	if err := r.PingContext(ctx); err != nil {
		_ = d.Close()
		return nil, sqliteOpenError(path, err)
	}
	return d, nil
}

func sqliteOpenError(path string, err error) error {
	msg := err.Error()
	switch {
	case strings.Contains(msg, "not a database"), strings.Contains(msg, "malformed"):
		return errs.Wrap(errs.Unavailable, err, "The database file %s is damaged. Restore it from a backup, or move it away to start empty.", path)
	case strings.Contains(msg, "readonly"), strings.Contains(msg, "read-only"), errors.Is(err, os.ErrPermission):
		return errs.Wrap(errs.Unavailable, err, "The database file %s cannot be written. Check the owner of the data directory and that the disk is not mounted read-only.", path)
	case strings.Contains(msg, "full"):
		return errs.Wrap(errs.Unavailable, err, "The disk that holds %s is full. Make room and start again.", path)
	case strings.Contains(msg, "locked"):
		return errs.Wrap(errs.Unavailable, err, "The database file %s is in use by another program. Is Mainstay running already?", path)
	}
	return errs.Wrap(errs.Unavailable, err, "The database file %s cannot be opened.", path)
}

// Dialect tells which kind of database it is.
func (d *DB) Dialect() Dialect { return d.dialect }

// Reader gives the handle for reading outside a transaction. On SQLite it never
// waits for a writer. Never write through it.
func (d *DB) Reader() bun.IDB { return d.read }

// SQL gives the writing pool to a library that insists on database/sql.
func (d *DB) SQL() *sql.DB { return d.write.DB }

// Clock gives the clock that transactions read.
func (d *DB) Clock() clock.Clock { return d.clock }

// Close closes all connections.
func (d *DB) Close() error {
	var errR error
	if d.read != nil && d.read != d.write {
		errR = d.read.Close()
	}
	return errors.Join(d.write.Close(), errR)
}

// Tx is one transaction.
type Tx struct {
	bun.Tx
	db    *DB
	now   time.Time
	after []func()
}

// Now is the moment of the whole transaction, in UTC with microseconds.
func (t *Tx) Now() time.Time { return t.now }

// Kind tells which kind of database it is.
func (t *Tx) Kind() Dialect { return t.db.dialect }

// AfterCommit runs fn once the transaction is committed, in order of
// registration, and never if it is not. fn must be quick.
func (t *Tx) AfterCommit(fn func()) { t.after = append(t.after, fn) }

// InTx runs fn in a transaction and commits when it returns nil. On PostgreSQL a
// serialization failure or deadlock is tried again, so fn must have no effect
// outside tx but through AfterCommit.
func (d *DB) InTx(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	for attempt := 0; ; attempt++ {
		err := d.once(ctx, fn)
		if err != nil && attempt < 4 && retryable(err) {
			continue
		}
		return err
	}
}

func (d *DB) once(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	err := d.attempt(ctx, fn)
	return d.space.judge(err)
}

func (d *DB) attempt(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	btx, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	tx := &Tx{Tx: btx, db: d, now: d.clock.Now().UTC().Truncate(time.Microsecond)}
	done := false
	defer func() {
		if !done {
			_ = btx.Rollback()
		}
	}()
	if err := fn(ctx, tx); err != nil {
		return err
	}
	if err := btx.Commit(); err != nil {
		if d.dialect == SQLite {
			// A commit that a full disk refused can leave the transaction open on the only
			// connection that writes; that there is none is what is wanted.
			_, _ = d.write.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		}
		return fmt.Errorf("commit: %w", err)
	}
	done = true
	for _, f := range tx.after {
		f()
	}
	return nil
}

func retryable(err error) bool {
	var st interface{ SQLState() string }
	return errors.As(err, &st) && (st.SQLState() == "40001" || st.SQLState() == "40P01")
}

// ErrRollback makes InTx roll back without meaning a failure, for dry runs.
var ErrRollback = errors.New("db: rolled back on purpose")

// IsUnique tells whether err is the violation of a unique constraint.
func IsUnique(err error) bool {
	if err == nil {
		return false
	}
	var st interface{ SQLState() string }
	if errors.As(err, &st) {
		return st.SQLState() == "23505"
	}
	return strings.Contains(err.Error(), "UNIQUE constraint failed")
}

// NotFound turns sql.ErrNoRows into a sentence and leaves other errors as they are.
func NotFound(err error, format string, args ...any) error {
	if errors.Is(err, sql.ErrNoRows) {
		return errs.New(errs.NotFound, format, args...)
	}
	return err
}
