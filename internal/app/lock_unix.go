//go:build unix

package app

import (
	"os"
	"path/filepath"
	"syscall"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// dirLock keeps a second server away from the same data directory.
type dirLock struct{ f *os.File }

func lockDir(dir string) (*dirLock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "The data directory %s cannot be made.", dir)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "The data directory %s cannot be written. Check its owner and that the disk is not mounted read-only.", dir)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, errs.Wrap(errs.Unavailable, err, "The data directory %s is in use by another Mainstay. Stop that one first, or choose another directory with --data.", dir)
	}
	return &dirLock{f}, nil
}

func (l *dirLock) release() { _ = l.f.Close() }
