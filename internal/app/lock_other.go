//go:build !unix

package app

import (
	"os"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// dirLock does nothing where there is no flock; SQLite's own lock remains.
type dirLock struct{}

func lockDir(dir string) (*dirLock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "The data directory %s cannot be made.", dir)
	}
	return &dirLock{}, nil
}

func (l *dirLock) release() {}
