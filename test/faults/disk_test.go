package faults

import (
	"database/sql"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/testkit"
)

// smallDisk is a file system of its own with little room.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		if os.Geteuid() == 0 {
			testkit.Missing(t, fmt.Sprintf("a file system cannot be mounted here: %v", err))
		}
		t.Skipf("only root can mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Logf("unmount: %v", err)
		}
	})
	return dir
}

// fill writes until there is no room at all and gives the name of the file.
func fill(t *testing.T, dir string) string {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "filler"))
	require.NoError(t, err)
	defer f.Close()
	for block := make([]byte, 1<<20); len(block) > 0; {
		if _, err := f.Write(block); err != nil {
			require.ErrorIs(t, err, syscall.ENOSPC)
			block = block[:len(block)/2]
		}
	}
	return f.Name()
}

// The disk fills while comments are written: each is stored or refused in one
// sentence, the trouble shows, and it ends by itself when there is room again.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "1g") // the stores of logs and traces want room for themselves
	data, address := filepath.Join(disk, "data"), freeAddress(t)
	p := start(t, address, data)
	var made incidentRow
	p.must("POST", "/api/v1/incidents", map[string]any{"title": "the one to comment on"}, &made)
	kept, refused := map[string]bool{}, map[string]bool{}
	pad := strings.Repeat("x", 4000)
	n := 0
	comment := func() (int, string) {
		body := fmt.Sprintf("comment %d %s", n, pad)
		n++
		st, b, err := p.try(t.Context(), "POST", "/api/v1/incidents/"+made.Number+"/comments", map[string]string{"body": body})
		require.NoError(t, err, "there is always an answer")
		switch st {
		case 201:
			kept[body] = true
		default:
			refused[body] = true
		}
		return st, string(b)
	}
	for range 20 {
		st, b := comment()
		require.Equal(t, 201, st, b)
	}
	filler := fill(t, disk)
	var st int
	var b string
	for range 2000 {
		if st, b = comment(); st != 201 {
			break
		}
	}
	require.Equal(t, 503, st, b)
	require.Contains(t, b, "The disk is full")
	require.NotContains(t, b, "SQL", "a sentence for people, not what the database said")
	st, out, err := p.try(t.Context(), "GET", "/readyz", nil)
	require.NoError(t, err)
	require.Equal(t, 503, st)
	require.Contains(t, string(out), "database")
	var sys struct {
		Problems []struct{ Name, Message string }
	}
	p.must("GET", "/api/v1/system", nil, &sys)
	require.True(t, func() bool {
		for _, x := range sys.Problems {
			if x.Name == "database" && strings.Contains(x.Message, "The disk is full") {
				return true
			}
		}
		return false
	}(), "the interface shows it: %+v", sys.Problems)
	p.must("GET", "/api/v1/incidents/"+made.Number, nil, nil)

	require.NoError(t, os.Remove(filler))
	eventually(t, "it is ready again by itself", func() bool {
		st, _, err := p.try(t.Context(), "GET", "/readyz", nil)
		return err == nil && st == 200
	})
	for range 20 {
		st, b := comment()
		require.Equal(t, 201, st, b)
	}
	p.stop()

	d, err := sql.Open("sqlite", filepath.Join(data, "mainstay.db"))
	require.NoError(t, err)
	var verdict string
	require.NoError(t, d.QueryRow("PRAGMA integrity_check").Scan(&verdict))
	require.Equal(t, "ok", verdict)
	require.NoError(t, d.Close())
	p = start(t, address, data)
	seen := timeline(t, p, made.Number)
	for body := range kept {
		require.Equal(t, 1, seen[body], "an acknowledged comment")
	}
	for body := range refused {
		require.Zero(t, seen[body], "a refused comment")
	}
	p.stop()
}

// A server that starts on a full disk ends with one sentence.
func TestStartOnFullDisk(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "8m")
	fill(t, disk)
	cmd := serve(t, filepath.Join(disk, "data"))
	cmd.Stdout = io.Discard
	out := refused(t, cmd)
	require.Regexp(t, "(?i)full|no space|room", firstLine(out))
}
