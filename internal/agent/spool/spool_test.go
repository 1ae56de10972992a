package spool

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
)

func open(t *testing.T, dir string, limit int64) *Spool {
	t.Helper()
	s, err := Open(dir, limit, id.New)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func next(t *testing.T, s *Spool) (Record, bool) {
	t.Helper()
	r, ok, err := s.Peek()
	require.NoError(t, err)
	return r, ok
}

func TestInOrderAndOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, 1<<20)
	for i := range 10 {
		require.NoError(t, s.Append(fmt.Appendf(nil, "a%d", i)))
	}
	for i := range 4 {
		r, ok := next(t, s)
		require.True(t, ok)
		require.Equal(t, int64(i+1), r.Seq)
		require.NoError(t, s.Ack(r))
	}
	require.Equal(t, int64(6), s.Stats().Pending)
	_, err := Open(dir, 1<<20, id.New)
	require.True(t, errs.Is(err, errs.Conflict), "a second agent must not share the buffer: %v", err)
	require.NoError(t, s.Close())

	s = open(t, dir, 1<<20)
	require.NoError(t, s.Append([]byte("b0")))
	var got []string
	boots := map[string]bool{}
	for {
		r, ok := next(t, s)
		if !ok {
			break
		}
		got = append(got, string(r.Payload))
		boots[r.Boot] = true
		require.NoError(t, s.Ack(r))
	}
	require.Equal(t, []string{"a4", "a5", "a6", "a7", "a8", "a9", "b0"}, got)
	require.Len(t, boots, 2, "each opening numbers for itself")
	require.Zero(t, s.Stats().Pending)
}

func TestOldestMakeRoom(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), minLimit)
	payload := bytes.Repeat([]byte("x"), 10<<10)
	for range 100 {
		require.NoError(t, s.Append(payload))
	}
	st := s.Stats()
	require.LessOrEqual(t, st.Bytes, int64(minLimit))
	require.Equal(t, int64(100), st.Dropped+st.Pending)
	r, ok := next(t, s)
	require.True(t, ok)
	require.Equal(t, st.Dropped+1, r.Seq)
	require.Error(t, s.Append(make([]byte, MaxRecord+1)))
}

// A record that is being sent may make room; its late answer changes nothing.
func TestAnswerForDropped(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), minLimit)
	payload := bytes.Repeat([]byte("x"), 20<<10)
	require.NoError(t, s.Append(payload))
	first, _ := next(t, s)
	for range 40 {
		require.NoError(t, s.Append(payload))
	}
	before, _ := next(t, s)
	require.NoError(t, s.Ack(first))
	after, _ := next(t, s)
	require.Equal(t, before.Seq, after.Seq)
}

func TestDamagedEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, 1<<20)
	require.NoError(t, s.Append([]byte("one")))
	require.NoError(t, s.Append([]byte("two")))
	require.NoError(t, s.Close())
	path := filepath.Join(dir, fmt.Sprintf("%020d%s", 1, segmentSuffix))
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, b[:len(b)-1], 0o600))
	s = open(t, dir, 1<<20)
	require.NoError(t, s.Append([]byte("three")))
	var got []string
	for {
		r, ok := next(t, s)
		if !ok {
			break
		}
		got = append(got, string(r.Payload))
		require.NoError(t, s.Ack(r))
	}
	require.Equal(t, []string{"one", "three"}, got)
}

const childDir = "MAINSTAY_TEST_SPOOL_CHILD"

// TestSurvivesKill starts this test as a child that appends until it is killed, and
// expects every payload of which the child was sure.
func TestSurvivesKill(t *testing.T) {
	if dir := os.Getenv(childDir); dir != "" {
		s, err := Open(dir, 64<<20, id.New)
		require.NoError(t, err)
		for i := 0; ; i++ {
			require.NoError(t, s.Append(fmt.Appendf(nil, "%d %s", i, bytes.Repeat([]byte("p"), 5000))))
			fmt.Fprintf(os.Stdout, "kept %d\n", i)
		}
	}
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSurvivesKill$")
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	sc, sure := bufio.NewScanner(out), -1
	for sc.Scan() {
		if _, err := fmt.Sscanf(sc.Text(), "kept %d", &sure); err == nil && sure == 200 {
			require.NoError(t, cmd.Process.Kill())
		}
	}
	require.Error(t, cmd.Wait())
	require.GreaterOrEqual(t, sure, 200)
	s := open(t, dir, 64<<20)
	seen := 0
	for {
		r, ok := next(t, s)
		if !ok {
			break
		}
		var i int
		_, err := fmt.Sscanf(string(r.Payload), "%d ", &i)
		require.NoError(t, err)
		require.Equal(t, seen, i)
		require.Equal(t, int64(seen+1), r.Seq)
		seen++
		require.NoError(t, s.Ack(r))
	}
	require.Greater(t, seen, sure)
}

func FuzzReadRecord(f *testing.F) {
	f.Add(frame(1, []byte("hello")))
	f.Add(append(frame(1, nil), frame(2, []byte("x"))...))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, off := bytes.NewReader(b), int64(0)
		for {
			seq, payload, next, err := readRecord(r, off)
			if err != nil {
				return
			}
			if next <= off || next > int64(len(b)) || !bytes.Equal(frame(seq, payload), b[off:next]) {
				t.Fatalf("a record at %d of %d does not stand for its bytes", off, len(b))
			}
			off = next
		}
	})
}
