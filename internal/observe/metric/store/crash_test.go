package store

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

const childDir = "MAINSTAY_TEST_STORE_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		writeForever(dir)
	}
	os.Exit(m.Run())
}

// writeForever appends one sample per line that it prints, until it is killed.
func writeForever(dir string) {
	s, err := Open(Options{Dir: dir, Clock: &hands{t: base.Add(time.Hour)}})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	id, err := s.Series("a", map[string]string{"__name__": "m", "n": "1"})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	for i := 0; ; i++ {
		if err := s.Append(context.Background(), []observe.Sample{{Series: id, At: base.Add(time.Duration(i) * time.Millisecond), Value: float64(i)}}); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		fmt.Println(i)
	}
}

// TestKill kills the writing process and expects every acknowledged sample.
func TestKill(t *testing.T) {
	t.Parallel()
	for _, after := range []int{1, 700, 5000} {
		dir := t.TempDir()
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childDir+"="+dir)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		last := -1
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "error") {
				t.Error(lines.Text())
				break
			}
			n, err := strconv.Atoi(lines.Text())
			if err != nil {
				break // A line cut by the kill.
			}
			last = n
			if n == after {
				require.NoError(t, cmd.Process.Kill())
			}
		}
		_ = cmd.Wait()
		require.GreaterOrEqual(t, last, after)

		s := open(t, Options{Dir: dir})
		require.Empty(t, s.Repaired())
		points := all(t, s, "m", base.Add(time.Hour), 2*time.Hour)["1"]
		require.Greater(t, len(points), last)
		for i, p := range points {
			require.Equal(t, float64(i), p.Value)
		}
	}
}

// fillBlocks makes a store with blocks and a head, and closes it.
func fillBlocks(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	now := &hands{t: base}
	s, err := Open(Options{Dir: dir, Clock: now})
	require.NoError(t, err)
	id := mustSeries(t, s, "a", "m", "n", "1")
	for at := base; at.Before(base.Add(8 * time.Hour)); at = at.Add(time.Minute) {
		now.set(at)
		put(t, s, id, at, 1)
	}
	s.maintain(context.Background())
	require.NoError(t, s.Health())
	require.NotEmpty(t, s.db.Blocks())
	require.NoError(t, s.Close())
	return dir
}

func glob(t *testing.T, pattern ...string) []string {
	t.Helper()
	m, err := filepath.Glob(filepath.Join(pattern...))
	require.NoError(t, err)
	require.NotEmpty(t, m)
	return m
}

func TestCorruptBlockIsMovedAway(t *testing.T) {
	t.Parallel()
	dir := fillBlocks(t)
	require.NoError(t, os.WriteFile(glob(t, dir, "0*", "index")[0], []byte("garbage"), 0o600))
	s := open(t, Options{Dir: dir})
	require.Len(t, s.Repaired(), 1)
	require.DirExists(t, filepath.Join(dir, s.Repaired()[0]))
	require.NotEmpty(t, all(t, s, "m", base.Add(8*time.Hour), 9*time.Hour)["1"])
}

func TestCorruptLogKeepsWhatCameBefore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := Open(Options{Dir: dir, Clock: &hands{t: base}})
	require.NoError(t, err)
	id := mustSeries(t, s, "a", "m", "n", "1")
	for i := range 2000 {
		put(t, s, id, base.Add(time.Duration(i-2000)*time.Second), 1)
	}
	require.NoError(t, s.Close())
	segment := glob(t, dir, "wal", "0*")[0]
	b, err := os.ReadFile(segment)
	require.NoError(t, err)
	for i := len(b) / 2; i < len(b)/2+64; i++ {
		b[i] ^= 0x5a
	}
	require.NoError(t, os.WriteFile(segment, b, 0o600))

	s = open(t, Options{Dir: dir})
	kept := all(t, s, "m", base, 2*time.Hour)["1"]
	require.Greater(t, len(kept), 500)
	require.Less(t, len(kept), 2000)
	put(t, s, mustSeries(t, s, "a", "m", "n", "1"), base.Add(time.Second), 1)
}

func TestCorruptCheckpoint(t *testing.T) {
	t.Parallel()
	dir := fillBlocks(t)
	check := filepath.Join(dir, "wal", "checkpoint.00000000")
	require.NoError(t, os.MkdirAll(check, 0o750))
	require.NoError(t, os.WriteFile(filepath.Join(check, "00000000"), []byte("garbage that is no record"), 0o600))
	for i := range 2 { // Opening again must not depend on what the first repair left.
		s, err := Open(Options{Dir: dir, Clock: &hands{t: base.Add(9 * time.Hour)}})
		require.NoError(t, err)
		put(t, s, mustSeries(t, s, "a", "m", "n", "1"), base.Add(8*time.Hour+time.Duration(i)*time.Second), 7)
		points := all(t, s, "m", base.Add(9*time.Hour), 10*time.Hour)["1"]
		require.Greater(t, len(points), 200, "blocks are kept")
		require.Equal(t, 7.0, points[len(points)-1].Value)
		require.NoError(t, s.Close())
	}
}

// A log with a hole cannot be repaired by the database.
func TestUnreadableLogIsMovedAway(t *testing.T) {
	t.Parallel()
	dir := fillBlocks(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "wal", "00000007"), nil, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "wal", "00000009"), nil, 0o600))
	s := open(t, Options{Dir: dir})
	require.NotEmpty(t, s.Repaired())
	for _, moved := range s.Repaired() {
		require.DirExists(t, filepath.Join(dir, moved))
	}
	require.Greater(t, len(all(t, s, "m", base.Add(8*time.Hour), 9*time.Hour)["1"]), 200, "blocks are kept")
}
