package file_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/file"
	"github.com/mainstay-ops/mainstay/internal/core/id"
)

func files(t *testing.T, dir string) (out []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, p)
		}
		return err
	}))
	return out
}

func TestPutOpenRemove(t *testing.T) {
	t.Parallel()
	s, err := file.Open(filepath.Join(t.TempDir(), "files"))
	require.NoError(t, err)
	key := id.New()
	for _, text := range []string{"hello", "", "replaced"} {
		n, sum, err := s.Put(key, strings.NewReader(text), 10)
		require.NoError(t, err)
		require.EqualValues(t, len(text), n)
		want := sha256.Sum256([]byte(text))
		require.Equal(t, hex.EncodeToString(want[:]), sum)
		f, err := s.Open(key)
		require.NoError(t, err)
		got, err := io.ReadAll(f)
		require.NoError(t, errors.Join(err, f.Close()))
		require.Equal(t, text, string(got))
	}
	require.NoError(t, s.Remove(key))
	require.NoError(t, s.Remove(key), "what is gone is no error")
	_, err = s.Open(key)
	require.True(t, errs.Is(err, errs.NotFound))
}

// Too large, or broken off: nothing is kept.
func TestNothingIsLeftOfAFailure(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := file.Open(dir)
	require.NoError(t, err)
	key := id.New()
	_, _, err = s.Put(key, strings.NewReader("0123456789"), 10)
	require.NoError(t, err, "exactly the limit")
	require.NoError(t, s.Remove(key))
	_, _, err = s.Put(key, strings.NewReader("01234567890"), 10)
	require.True(t, errs.Is(err, errs.TooLarge), "%v", err)
	broken := errors.New("the line is cut")
	_, _, err = s.Put(key, io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken)), 100)
	require.ErrorIs(t, err, broken)
	require.Empty(t, files(t, dir))
}

// Only an id is a place.
func TestNoWayOutOfTheDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := file.Open(filepath.Join(dir, "files"))
	require.NoError(t, err)
	outside := filepath.Join(dir, "secret")
	require.NoError(t, os.WriteFile(outside, []byte("x"), 0o600))
	for _, key := range []string{"", "x", "../secret", "..", "/etc/passwd", "../../" + id.New(), id.New() + "/../../secret", id.New() + "\x00", "{" + id.New() + "}", "urn:uuid:" + id.New(), strings.ToUpper(id.New()), strings.ReplaceAll(id.New(), "-", "")} {
		_, err := s.Open(key)
		require.True(t, errs.Is(err, errs.NotFound), "%q: %v", key, err)
		_, _, err = s.Put(key, strings.NewReader("evil"), 10)
		require.True(t, errs.Is(err, errs.NotFound), "%q: %v", key, err)
		require.True(t, errs.Is(s.Remove(key), errs.NotFound), key)
	}
	require.Equal(t, []string{outside}, files(t, dir))
}
