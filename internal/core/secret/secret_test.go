package secret_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/secret"
)

func open(t *testing.T, dir string) *secret.Box {
	t.Helper()
	b, err := secret.Open(dir)
	require.NoError(t, err)
	return b
}

func TestSealAndOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, dir)
	for _, s := range []string{"", "x", "päss wörd\n", strings.Repeat("k", 100_000), "age1:looks-sealed"} {
		sealed, err := b.Seal(s)
		require.NoError(t, err)
		require.Equal(t, s == "", sealed == "")
		if len(s) > 1 {
			require.NotContains(t, sealed, s)
		}
		got, err := open(t, dir).Open(sealed) // as after a restart
		require.NoError(t, err)
		require.Equal(t, s, got)
	}
	one, err := b.Seal("same")
	require.NoError(t, err)
	two, err := b.Seal("same")
	require.NoError(t, err)
	require.NotEqual(t, one, two, "equal secrets do not look equal")
	info, err := os.Stat(filepath.Join(dir, "secret.key"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

// One changed bit anywhere is noticed.
func TestTamperingIsRefused(t *testing.T) {
	t.Parallel()
	b := open(t, t.TempDir())
	sealed, err := b.Seal("hunter2")
	require.NoError(t, err)
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimPrefix(sealed, "age1:"))
	require.NoError(t, err)
	for i := 0; i < len(raw); i += 3 {
		bad := append([]byte(nil), raw...)
		bad[i] ^= 1
		got, err := b.Open("age1:" + base64.RawStdEncoding.EncodeToString(bad))
		require.Error(t, err, "byte %d", i)
		require.NotEqual(t, "hunter2", got)
	}
	for _, s := range []string{"age1:", "age1:!!", "hunter2", sealed[:len(sealed)-8]} {
		_, err := b.Open(s)
		require.Error(t, err, s)
	}
}

// With another key file nothing opens, and nothing pretends to.
func TestLostKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, dir)
	sealed, err := b.Seal("hunter2")
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(dir, "secret.key")))
	other := open(t, dir)
	_, err = other.Open(sealed)
	require.Error(t, err)
	require.NotEqual(t, b.Key("links"), other.Key("links"))
}

func TestDamagedKeyFile(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"", "\n", "AGE-SECRET-KEY-1NONSENSE", "\x00\x01"} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "secret.key"), []byte(content), 0o600))
		_, err := secret.Open(dir)
		require.True(t, errs.Is(err, errs.Unavailable), "%q", content)
		require.Contains(t, errs.Message(err), "is damaged. Restore it from a backup.")
		require.NotContains(t, err.Error(), "NONSENSE")
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b := open(t, dir), open(t, dir)
	require.Len(t, a.Key("links"), 32)
	require.Equal(t, a.Key("links"), b.Key("links"), "the same after a restart")
	require.NotEqual(t, a.Key("links"), a.Key("other"))
}
