// Package file keeps attachments in a directory. A file's place is derived from
// its id, never from a name that somebody sent.
package file

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
)

// Store is a directory of files.
type Store struct{ dir string }

// Open makes the directory if needed.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "The directory %s cannot be made.", dir)
	}
	return &Store{dir}, nil
}

func (s *Store) path(fileID string) (string, error) {
	if !id.Valid(fileID) {
		return "", errs.New(errs.NotFound, "There is no such file.")
	}
	return filepath.Join(s.dir, fileID[len(fileID)-2:], fileID), nil
}

// Put writes at most limit bytes under fileID and syncs them to disk. It gives
// the size and the SHA-256.
func (s *Store) Put(fileID string, r io.Reader, limit int64) (int64, string, error) {
	p, err := s.path(fileID)
	if err != nil {
		return 0, "", err
	}
	if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
		return 0, "", err
	}
	f, err := os.CreateTemp(filepath.Dir(p), ".new-*")
	if err != nil {
		return 0, "", err
	}
	defer os.Remove(f.Name()) // fails once renamed
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, h), io.LimitReader(r, limit+1))
	if err == nil && n > limit {
		err = errs.New(errs.TooLarge, "The file is larger than %d MiB.", limit>>20)
	}
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return 0, "", fmt.Errorf("write file: %w", err)
	}
	return n, hex.EncodeToString(h.Sum(nil)), os.Rename(f.Name(), p)
}

// Open opens a file for reading.
func (s *Store) Open(fileID string) (*os.File, error) {
	p, err := s.path(fileID)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(p)
	if errors.Is(err, os.ErrNotExist) {
		return nil, errs.New(errs.NotFound, "There is no such file.")
	}
	return f, err
}

// Remove deletes a file; one that is gone is no error.
func (s *Store) Remove(fileID string) error {
	p, err := s.path(fileID)
	if err != nil {
		return err
	}
	if err := os.Remove(p); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
