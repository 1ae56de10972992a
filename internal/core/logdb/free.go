package logdb

import (
	"fmt"

	vmfs "github.com/VictoriaMetrics/VictoriaMetrics/lib/fs"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// freeBytes is the free space on the disk of the store. The engine asks the system
// for it at most every two seconds.
func (s *Store) freeBytes() (n int64, err error) {
	defer caught(&err, "The free space of the disk cannot be read.")
	return int64(vmfs.MustGetFreeSpace(s.o.Dir)), nil
}

// full tells whether nothing may be stored, with the sentence for it.
func (s *Store) full() error {
	free, err := s.freeBytes()
	if err != nil {
		return err
	}
	if free < s.o.MinFree {
		return errs.New(errs.Unavailable, "The disk of the %s is full: %s are free in %s, %s are needed. Nothing new is stored.",
			s.o.Name, mib(free), s.o.Dir, mib(s.o.MinFree))
	}
	return nil
}

// Health is nil while rows can be stored; else its sentence says what is wrong.
func (s *Store) Health() error {
	release, err := s.open()
	if err != nil {
		return err
	}
	defer release()
	if err := s.full(); err != nil {
		return err
	}
	if err := s.journal.broken(); err != nil {
		return errs.Wrap(errs.Unavailable, err, "The journal of the %s cannot be written.", s.o.Name)
	}
	if n := s.damaged.Load(); n > 0 {
		return errs.New(errs.Unavailable, "%d days of the %s could not be read and are in %s/quarantine.", n, s.o.Name, s.o.Dir)
	}
	return nil
}

func mib(n int64) string { return fmt.Sprintf("%d MiB", n>>20) }
