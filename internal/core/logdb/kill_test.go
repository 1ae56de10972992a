package logdb

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestKill kills a program that writes and looks whether everything that it was told
// is safe is there, once.
func TestKill(t *testing.T) {
	t.Parallel()
	if dir := os.Getenv("LOGDB_TEST_CHILD"); dir != "" {
		child(t, dir)
		return
	}
	dir := t.TempDir()
	var safe [3]int // rows that were acknowledged in each round
	// The second kill comes after the engine wrote some of the rows to files.
	for round, stay := range []time.Duration{300 * time.Millisecond, 7 * time.Second, time.Millisecond} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKill$", "-test.v") //nolint:gosec // it is this test
		cmd.Env = append(os.Environ(), "LOGDB_TEST_CHILD="+dir, fmt.Sprintf("LOGDB_TEST_FROM=%d", round*perRound))
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		var killAt <-chan time.Time
		lines := make(chan string)
		go func() {
			sc := bufio.NewScanner(out)
			for sc.Scan() {
				lines <- sc.Text()
			}
			close(lines)
		}()
		for open := true; open; {
			select {
			case l, ok := <-lines:
				if open = ok; !ok {
					break
				}
				if n, found := strings.CutPrefix(l, "safe "); found {
					safe[round], err = strconv.Atoi(n)
					require.NoError(t, err)
					safe[round] -= round * perRound
					if killAt == nil {
						killAt = time.After(stay)
					}
				}
			case <-killAt:
				require.NoError(t, cmd.Process.Kill())
			}
		}
		_ = cmd.Wait() // killed
		require.Positive(t, safe[round], "round %d", round)
	}

	s := open(t, dir, func(o *Options) { o.MaxRows = 100_000 })
	require.NoError(t, s.Flush())
	seen := map[string]int{}
	for _, r := range ask(t, s, Query{LogsQL: `* | stats by (n) count() as c`, Limit: 100_000}) {
		n, err := strconv.Atoi(r["c"])
		require.NoError(t, err)
		seen[r["n"]] += n
	}
	for round, n := range safe {
		for i := range n {
			require.Equal(t, 1, seen[strconv.Itoa(round*perRound+i)], "row %d of %d in round %d", i, n, round)
		}
	}
	require.Len(t, ask(t, s, Query{LogsQL: `{host="h1"} n:=1`}), 1, "streams are known after a kill")
}

const perRound = 30_000

func child(t *testing.T, dir string) {
	from, err := strconv.Atoi(os.Getenv("LOGDB_TEST_FROM"))
	require.NoError(t, err)
	s, err := Open(Options{Name: "logs", Dir: dir, Retention: 30 * dayLength, MinFree: 1})
	require.NoError(t, err)
	t0 := base()
	for i := from; ; {
		var rows []Row
		for range 20 {
			rows = append(rows, line(t0.Add(time.Duration(i)*time.Millisecond), fmt.Sprintf("h%d", i%3), "a line", Field{Name: "n", Value: strconv.Itoa(i)}))
			i++
		}
		_, err := s.Write(rows)
		require.NoError(t, err)
		fmt.Printf("safe %d\n", i)
		if i-from > perRound/2 {
			select {} // until it is killed
		}
	}
}

func TestJournalCutOff(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, err := openJournal(dir, false)
	require.NoError(t, err)
	require.NoError(t, j.append([]byte("first")))
	middle := int(j.size)
	require.NoError(t, j.append([]byte("second")))
	require.NoError(t, j.cur.Close())
	path := dir + "/" + j.curName
	whole, err := os.ReadFile(path) //nolint:gosec // of this test
	require.NoError(t, err)
	for cut := range len(whole) + 1 {
		require.NoError(t, os.WriteFile(path, whole[:cut], 0o600))
		var got []string
		damaged, err := j.read(j.curName, func(p string) error { got = append(got, p); return nil })
		require.NoError(t, err)
		want := []string{"first", "second"}
		switch {
		case cut < middle:
			want = nil
		case cut < len(whole):
			want = want[:1]
		}
		require.Equal(t, want, got, "cut at %d", cut)
		require.Equal(t, cut != 0 && cut != middle && cut != len(whole), damaged, "cut at %d", cut)
	}
}

func FuzzReadRow(f *testing.F) {
	r := line(time.Unix(1, 2), "h", "text", Field{Name: "a", Value: "b"})
	f.Add(string(appendRow(nil, &r)))
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		rows, err := appendRows(nil, s)
		if err != nil {
			return
		}
		var b []byte
		for i := range rows {
			b = appendRow(b, &rows[i])
		}
		again, err := appendRows(nil, string(b))
		require.NoError(t, err)
		require.Equal(t, rows, again)
	})
}
