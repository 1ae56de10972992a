package db

import (
	"errors"
	"sync"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// space remembers whether the last write failed because nothing more can be stored.
type space struct {
	mu  sync.Mutex
	err error
}

// Result codes of SQLite, the low byte of the extended ones: https://sqlite.org/rescode.html
const (
	sqliteReadOnly = 8
	sqliteIOError  = 10
	sqliteFull     = 13
)

// judge turns the error of a write into a sentence if there is no room or the storage
// fails. A write that succeeded ends the trouble.
func (s *space) judge(err error) error {
	why := storageTrouble(err)
	if err != nil && why == "" {
		return err // about this write only
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err = nil; err != nil {
		s.err = errs.Wrap(errs.Unavailable, err, "%s", why)
	}
	return s.err
}

// storageTrouble says in a sentence why nothing can be stored; empty when err is not
// about that.
func storageTrouble(err error) string {
	if err == nil {
		return ""
	}
	var lite interface{ Code() int }
	if errors.As(err, &lite) {
		switch lite.Code() & 0xff {
		case sqliteFull:
			return "The disk is full: nothing was stored. Free some space; Mainstay goes on by itself."
		case sqliteReadOnly:
			return "The database cannot be written: its file or disk is read-only. Nothing was stored."
		case sqliteIOError:
			return "The disk reports errors: nothing was stored. Look at the disk and its free space."
		}
	}
	// Class 53 of PostgreSQL: insufficient resources.
	var pg interface{ SQLState() string }
	if errors.As(err, &pg) && pg.SQLState() == "53100" {
		return "The disk of the database server is full: nothing was stored. Free some space; Mainstay goes on by itself."
	}
	return ""
}

// Problem says why nothing can be stored at present, for /readyz; nil when the last
// write succeeded.
func (d *DB) Problem() error {
	d.space.mu.Lock()
	defer d.space.mu.Unlock()
	return d.space.err
}
