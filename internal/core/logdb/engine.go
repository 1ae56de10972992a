package logdb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/VictoriaMetrics/VictoriaLogs/lib/logstorage"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// openEngine opens the engine empty and then adds the days one by one, so that a
// damaged day is set aside and does not keep the others from being read.
func (s *Store) openEngine() (err error) {
	root := filepath.Join(s.o.Dir, "engine")
	defer caught(&err, fmt.Sprintf("The files of the %s in %s cannot be opened. Another program may be using them.", s.o.Name, s.o.Dir))
	unlock, err := lockDir(s.o.Dir)
	if err != nil {
		return errs.Wrap(errs.Unavailable, err, "The files of the %s in %s are in use by another program.", s.o.Name, s.o.Dir)
	}
	s.unlock = unlock
	days, waiting := filepath.Join(root, "partitions"), filepath.Join(s.o.Dir, "waiting")
	if err := moveAll(days, waiting); err != nil {
		return errs.Wrap(errs.Unavailable, err, "The files of the %s in %s cannot be moved.", s.o.Name, s.o.Dir)
	}
	s.engine = logstorage.MustOpenStorage(root, &logstorage.StorageConfig{
		Retention:              s.o.Retention,
		MaxDiskSpaceUsageBytes: s.o.MaxBytes,
		FlushInterval:          flushEvery,
		FutureRetention:        s.o.Future + dayLength,
	})
	entries, err := os.ReadDir(waiting)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return errs.Wrap(errs.Unavailable, err, "The files of the %s in %s cannot be read.", s.o.Name, s.o.Dir)
	}
	for _, e := range entries {
		if err := os.Rename(filepath.Join(waiting, e.Name()), filepath.Join(days, e.Name())); err != nil {
			return errs.Wrap(errs.Unavailable, err, "The files of the %s in %s cannot be moved.", s.o.Name, s.o.Dir)
		}
		if err := s.attach(e.Name()); err != nil {
			s.setAside(days, e.Name(), err)
		}
	}
	return os.Remove(waiting)
}

func (s *Store) attach(day string) (err error) {
	defer caught(&err, "A day of the store cannot be read.")
	return s.engine.PartitionAttach(day)
}

// setAside moves a day that cannot be read to the directory "quarantine".
func (s *Store) setAside(days, day string, why error) {
	to := filepath.Join(s.o.Dir, "quarantine")
	err := os.MkdirAll(to, dirPerm)
	if err == nil {
		err = os.Rename(filepath.Join(days, day), filepath.Join(to, day+s.o.Clock.Now().UTC().Format("-20060102T150405")))
	}
	s.o.Logger.Error("a day cannot be read and was set aside", "store", s.o.Name, "day", day, "error", why, "move_error", err)
	s.damaged.Add(1)
}

// moveAll moves what is in from to the directory to; names that are there already
// stay where they are.
func moveAll(from, to string) error {
	entries, err := os.ReadDir(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if len(entries) == 0 {
		return nil
	}
	if err := os.MkdirAll(to, dirPerm); err != nil {
		return err
	}
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(to, e.Name())); err == nil {
			continue
		}
		if err := os.Rename(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// makeRoom deletes the oldest day while the disk is nearly full; the last two days
// stay.
func (s *Store) makeRoom() {
	release, err := s.open()
	if err != nil {
		return
	}
	defer release()
	free, err := s.freeBytes()
	if err != nil {
		s.o.Logger.Error("free space of the disk cannot be read", "store", s.o.Name, "error", err)
		return
	}
	days := s.engine.PartitionList()
	if free >= 2*s.o.MinFree || len(days) <= 2 {
		return
	}
	if err := s.detach(days[0]); err != nil {
		s.o.Logger.Error("oldest day cannot be deleted", "store", s.o.Name, "day", days[0], "error", err)
		return
	}
	err = os.RemoveAll(filepath.Join(s.o.Dir, "engine", "partitions", days[0]))
	s.o.Logger.Warn("oldest day was deleted because the disk is nearly full", "store", s.o.Name, "day", days[0], "free_bytes", free, "error", err)
}

func (s *Store) detach(day string) (err error) {
	defer caught(&err, "A day of the store cannot be closed.")
	return s.engine.PartitionDetach(day)
}
