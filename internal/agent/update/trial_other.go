//go:build !unix

package update

import (
	"context"
	"log/slog"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// Able says that a program can replace itself on this system.
const Able = false

// Replace is not there on this system.
func Replace(string, string) error { return errNotHere }

// Try is not there on this system.
func (s *Store) Try(context.Context, *slog.Logger, string, string, string, string, time.Duration) error {
	return errNotHere
}

var errNotHere = errs.New(errs.Unavailable, "A program does not replace itself on this system.")
