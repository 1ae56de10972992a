package local

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnlyProgramsOfTheFolders(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	dir, out := filepath.Join(base, "run"), filepath.Join(base, "run-not")
	for _, d := range []string{dir, out} {
		require.NoError(t, os.Mkdir(d, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(d, "check"), []byte("#!/bin/sh\n"), 0o700)) //nolint:gosec // a program
	}
	require.NoError(t, os.Symlink(filepath.Join(out, "check"), filepath.Join(dir, "link")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "open"), nil, 0o600))
	require.NoError(t, os.Chmod(filepath.Join(dir, "open"), 0o707)) //nolint:gosec // what is refused
	file := filepath.Join(base, "agent.yaml")
	require.NoError(t, os.WriteFile(file, []byte("run: ["+dir+"]\nupdates: false\n"), 0o600))
	c, err := Load(file, true)
	require.NoError(t, err)
	require.False(t, c.MayUpdate())
	require.Equal(t, []string{"/var/log"}, c.Logs.Directories)
	_, err = c.Program(filepath.Join(dir, "check"))
	require.NoError(t, err)
	for path, why := range map[string]string{
		filepath.Join(out, "check"): "not in a folder",
		dir + "/../run-not/check":   "not in a folder",
		filepath.Join(dir, "link"):  "not in a folder",
		filepath.Join(dir, "open"):  "Everybody may write",
		filepath.Join(dir, "none"):  "There is no program",
		"check":                     "not an absolute path",
		dir:                         "not in a folder",
	} {
		_, err := c.Program(path)
		require.ErrorContains(t, err, why, path)
	}
	_, err = Config{}.Program(filepath.Join(dir, "check"))
	require.Error(t, err, "without the file nothing runs")
	require.NoError(t, os.WriteFile(file, []byte("run: [plugins]\nrum: 1\n"), 0o600))
	_, err = Load(file, true)
	require.ErrorContains(t, err, "mistake")
	_, err = Load(file+".none", true)
	require.Error(t, err)
	c, err = Load(file+".none", false)
	require.NoError(t, err)
	require.True(t, c.MayUpdate())
}
