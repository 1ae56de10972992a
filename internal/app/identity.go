package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
)

// serverID names the server of a data directory among those that share a database. It
// is made at the first start and stays. The directory is locked meanwhile.
func serverID(dir string) (string, error) {
	name := filepath.Join(dir, "server-id")
	b, err := os.ReadFile(name) //nolint:gosec // the directory is the operator's choice
	if s := strings.TrimSpace(string(b)); err == nil && s != "" && len(s) <= 100 {
		return s, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", errs.Wrap(errs.Unavailable, err, "%s cannot be read. Check its owner.", name)
	}
	s := id.New()
	if err := os.WriteFile(name+".new", []byte(s+"\n"), 0o600); err != nil {
		return "", errs.Wrap(errs.Unavailable, err, "%s cannot be written. Check the owner of the data directory, and that its disk is neither full nor read-only.", name)
	}
	if err := os.Rename(name+".new", name); err != nil {
		return "", errs.Wrap(errs.Unavailable, err, "%s cannot be written.", name)
	}
	return s, nil
}
