package faults

import (
	"database/sql"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // driver "sqlite"
)

func serve(t *testing.T, dir string, more ...string) *exec.Cmd {
	t.Helper()
	return exec.Command(binary(t), append([]string{"serve", "--listen", freeAddress(t), "--data", dir}, more...)...)
}

// firstLine is the sentence for people.
func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	dir := t.TempDir()
	out := refused(t, exec.Command(binary(t), "serve", "--listen", l.Addr().String(), "--data", dir))
	require.Contains(t, firstLine(out), "Cannot listen on "+l.Addr().String())
	require.Contains(t, firstLine(out), "address already in use")
	require.Contains(t, firstLine(out), "--listen")
	require.NoFileExists(t, filepath.Join(dir, "mainstay.db"), "nothing was written")
}

func TestSecondServerOnOneDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := start(t, freeAddress(t), dir)
	out := refused(t, serve(t, dir))
	require.Contains(t, firstLine(out), "The data directory "+dir+" is in use by another Mainstay.")
	p.must("GET", "/api/v1/system", nil, nil)
	p.stop()
	// After a kill the lock is free again, without any cleaning up.
	p = start(t, freeAddress(t), dir)
	p.kill()
	start(t, freeAddress(t), dir).stop()
}

func TestReadOnlyDirectory(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(t *testing.T, dir string)
		want   string
	}{
		"no new files": {func(t *testing.T, dir string) { require.NoError(t, os.Chmod(dir, 0o555)) }, "cannot be written"}, //nolint:gosec // that is the point
		"database only": {func(t *testing.T, dir string) {
			start(t, freeAddress(t), dir).stop()
			require.NoError(t, filepath.Walk(dir, func(path string, i os.FileInfo, err error) error {
				if err != nil || filepath.Base(path) == "mainstay.db" {
					return err
				}
				return os.Chmod(path, 0o777) //nolint:gosec // for another user
			}))
			require.NoError(t, os.Chmod(filepath.Join(dir, "mainstay.db"), 0o444)) //nolint:gosec // that is the point
		}, "mainstay.db cannot be written"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, err := os.MkdirTemp("", "mainstay-readonly-*") //nolint:usetesting // another user must reach it
			require.NoError(t, err)
			t.Cleanup(func() { _ = os.Chmod(dir, 0o700); _ = os.RemoveAll(dir) }) //nolint:gosec // to remove it
			require.NoError(t, os.Chmod(dir, 0o755))                              //nolint:gosec // for another user
			c.change(t, dir)
			cmd := serve(t, dir)
			if os.Getuid() == 0 {
				// Root may write anywhere: run as somebody who may not.
				cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
				cmd.Dir = "/"
			}
			out := refused(t, cmd)
			require.Contains(t, firstLine(out), c.want)
			require.Contains(t, firstLine(out), "read-only")
		})
	}
}

func TestDamagedDatabase(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(t *testing.T, file string){
		"not a database": func(t *testing.T, file string) {
			require.NoError(t, os.WriteFile(file, []byte(strings.Repeat("this is a text about something else\n", 300)), 0o600))
		},
		"first page overwritten": func(t *testing.T, file string) {
			f, err := os.OpenFile(file, os.O_RDWR, 0)
			require.NoError(t, err)
			_, err = f.WriteAt([]byte(strings.Repeat("\xa5", 4096)), 0)
			require.NoError(t, err)
			require.NoError(t, f.Close())
		},
		"schema overwritten": func(t *testing.T, file string) {
			f, err := os.OpenFile(file, os.O_RDWR, 0)
			require.NoError(t, err)
			_, err = f.WriteAt([]byte(strings.Repeat("\xa5", 4096-100)), 100)
			require.NoError(t, err)
			require.NoError(t, f.Close())
		},
		"cut off": func(t *testing.T, file string) {
			require.NoError(t, os.Truncate(file, 4096))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			start(t, freeAddress(t), dir).stop()
			damage(t, filepath.Join(dir, "mainstay.db"))
			out := refused(t, serve(t, dir))
			require.Contains(t, firstLine(out), "mainstay.db is damaged. Restore it from a backup", out)
		})
	}
}

func TestNewerDatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	start(t, freeAddress(t), dir).stop()
	d, err := sql.Open("sqlite", filepath.Join(dir, "mainstay.db"))
	require.NoError(t, err)
	_, err = d.ExecContext(t.Context(), "INSERT INTO schema_migrations (module, version, name, applied_at) VALUES ('core.record', 9999, '9999_later', CURRENT_TIMESTAMP)")
	require.NoError(t, err)
	require.NoError(t, d.Close())
	out := refused(t, serve(t, dir))
	require.Contains(t, firstLine(out), "This database was written by a newer Mainstay (core.record is at 9999")
	require.Contains(t, firstLine(out), "restore the backup")
}

func TestLostAndDamagedKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	start(t, freeAddress(t), dir).stop()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "secret.key"), []byte("AGE-SECRET-KEY-1NONSENSE\n"), 0o600))
	out := refused(t, serve(t, dir))
	require.Contains(t, firstLine(out), "secret.key is damaged. Restore it from a backup.")
	require.NotContains(t, out, "NONSENSE", "what is in the file is not shown")
}

// Several mistakes at once are all told, each with where it is.
func TestBadConfiguration(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "mainstay.yaml")
	require.NoError(t, os.WriteFile(file, []byte("listen: nowhere\nlog:\n  level: loud\nmetrics:\n  retention: 5\n  max_byte: 1GiB\ndatabase:\n  url: mysql://root:hunter2@db/x\n"), 0o600))
	cmd := exec.Command(binary(t), "serve", "--config", file, "--log-format", "xml")
	cmd.Env = append(os.Environ(), "MAINSTAY_METRICS__MAX_SERIES=many")
	out := refused(t, cmd)
	require.Equal(t, "mainstay: The configuration is not valid.", firstLine(out))
	for _, want := range []string{"listen", "nowhere", "log.level", "loud", "metrics.retention", "max_byte", "max_bytes", "database.url", "log.format", "xml", "MAINSTAY_METRICS__MAX_SERIES"} {
		require.Contains(t, out, want)
	}
	require.NotContains(t, out, "hunter2", "a password is not shown")
	require.NoDirExists(t, filepath.Join(dir, "data"))
	out = refused(t, exec.Command(binary(t), "serve", "--config", filepath.Join(dir, "none.yaml")))
	require.Contains(t, firstLine(out), "none.yaml cannot be read.")
}
