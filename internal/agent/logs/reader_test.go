package logs

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/agent/local"
	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// store stands for the buffer: it can lose a batch before or after it is written.
type store struct {
	boot  string
	seq   int64
	kept  map[string]int64
	lines []string
	crash string // "", before, after
}

func (s *store) keep(b *agentwire.Batch, note func(string, int64) error) error {
	if err := note(s.boot, s.seq+1); err != nil {
		return err
	}
	if s.crash == "before" {
		panic("killed")
	}
	s.seq++
	s.kept[s.boot] = s.seq
	for _, l := range b.Lines {
		s.lines = append(s.lines, l.Message)
	}
	if s.crash == "after" {
		panic("killed")
	}
	return nil
}

type bench struct {
	t   *testing.T
	dir string
	now time.Time
	st  *store
	r   *Reader
	cfg agentwire.Logs
}

func newBench(t *testing.T, files ...agentwire.LogFile) *bench {
	b := &bench{t: t, dir: t.TempDir(), now: time.Now(), st: &store{boot: "b0", kept: map[string]int64{}}}
	for i := range files {
		files[i].Path = filepath.Join(b.dir, files[i].Path)
	}
	b.cfg = agentwire.Logs{Files: files, LinesPerSecond: 100_000}
	b.start()
	return b
}

func (b *bench) start() {
	b.st.boot = fmt.Sprintf("b%d", len(b.st.kept)+1)
	b.st.seq, b.st.crash = 0, ""
	b.st.kept[b.st.boot] = 0
	var err error
	b.r, err = New(Options{
		Path: filepath.Join(b.dir, "state.json"), Local: local.Logs{Directories: []string{b.dir}}, Logger: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return b.now }, Keep: b.st.keep, Kept: func(boot string, seq int64) bool { return seq > 0 && b.st.kept[boot] >= seq },
	})
	require.NoError(b.t, err)
	b.t.Cleanup(b.r.close)
	b.r.Set(b.cfg)
}

// look reads until all is quiet.
func (b *bench) look() {
	for range 6 {
		b.now = b.now.Add(3 * time.Second)
		b.r.globbed = time.Time{}
		b.r.round(b.t.Context())
	}
}

// kill ends the reader in the middle of a round.
func (b *bench) kill(when string) {
	b.st.crash = when
	func() {
		defer func() { _ = recover() }()
		b.look()
	}()
	b.r.close()
	b.start()
}

func (b *bench) write(name, text string) {
	f, err := os.OpenFile(filepath.Join(b.dir, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(b.t, err)
	_, err = f.WriteString(text)
	require.NoError(b.t, err)
	require.NoError(b.t, f.Close())
}

func (b *bench) move(from, to string) {
	require.NoError(b.t, os.Rename(filepath.Join(b.dir, from), filepath.Join(b.dir, to)))
}

func TestRotationAndRestart(t *testing.T) {
	t.Parallel()
	b := newBench(t, agentwire.LogFile{Path: "app.log"})
	b.write("app.log", "old\n")
	b.look()
	require.Empty(t, b.st.lines, "what was there before is not read")
	b.write("app.log", "one\ntwo\npart")
	b.look()
	require.Equal(t, []string{"one", "two"}, b.st.lines)
	b.write("app.log", "ial\n")
	b.move("app.log", "app.log.1")
	b.write("app.log", "three\n")
	b.look()
	require.Equal(t, []string{"one", "two", "partial", "three"}, b.st.lines)
	// Cut and written anew, to more than there was before.
	require.NoError(t, os.WriteFile(filepath.Join(b.dir, "app.log"), []byte("four\nfive\nsix\n"), 0o600))
	b.look()
	require.Equal(t, []string{"one", "two", "partial", "three", "four", "five", "six"}, b.st.lines)
	// Rotated twice while the agent is away.
	b.r.close()
	b.write("app.log", "seven\n")
	b.move("app.log", "app.log.2")
	b.write("app.log", "eight\n")
	b.start()
	b.look()
	require.ElementsMatch(t, []string{"one", "two", "partial", "three", "four", "five", "six", "seven", "eight"}, b.st.lines)
	b.look()
	require.Len(t, b.st.lines, 9)
}

func TestPatternMatchesRotated(t *testing.T) {
	t.Parallel()
	b := newBench(t, agentwire.LogFile{Path: "*.log*"})
	b.look()
	for i := range 5 {
		b.write("x.log", fmt.Sprintf("line %d\n", i))
		b.look()
		b.move("x.log", fmt.Sprintf("x.log.%d", i))
		b.look()
	}
	require.Equal(t, []string{"line 0", "line 1", "line 2", "line 3", "line 4"}, b.st.lines)
}

func TestJoinAndCut(t *testing.T) {
	t.Parallel()
	b := newBench(t, agentwire.LogFile{Path: "a.log"}, agentwire.LogFile{Path: "b.log", Begins: `^\d{4}-`})
	b.cfg.MaxLineBytes = 40
	b.r.Set(b.cfg)
	b.look()
	b.write("a.log", "panic: x\n\tat main\n  at init\nnext\r\n")
	b.write("b.log", "2026-01-01 begin\nmore\n2026-01-02 "+string(make([]byte, 200))+"\n")
	b.look()
	require.Len(t, b.st.lines, 4)
	require.Contains(t, b.st.lines, "panic: x\n\tat main\n  at init")
	require.Contains(t, b.st.lines, "next")
	require.Contains(t, b.st.lines, "2026-01-01 begin\nmore")
	for _, l := range b.st.lines {
		require.LessOrEqual(t, len(l), 40)
	}
}

// A kill at any moment neither loses a line nor doubles one.
func TestKilled(t *testing.T) {
	t.Parallel()
	b := newBench(t, agentwire.LogFile{Path: "app*.log"})
	b.look()
	var want []string
	for i := range 60 {
		name := fmt.Sprintf("app%d.log", i%3)
		for k := range 1 + rand.IntN(20) {
			l := fmt.Sprintf("%s line %d.%d", name, i, k)
			want = append(want, l)
			b.write(name, l+"\n")
		}
		switch rand.IntN(4) {
		case 0:
			b.kill("before")
		case 1:
			b.kill("after")
		case 2:
			b.look()
			b.move(name, fmt.Sprintf("old-%d", i))
		}
	}
	b.look()
	b.look()
	require.ElementsMatch(t, want, b.st.lines)
}

func TestOutsideIsRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t, agentwire.LogFile{Path: "link.log"})
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("root:x\n"), 0o600))
	b.look()
	require.NoError(t, os.Symlink(secret, filepath.Join(b.dir, "link.log")))
	b.cfg.Files = append(b.cfg.Files, agentwire.LogFile{Path: "/etc/passwd"})
	b.r.Set(b.cfg)
	b.look()
	require.Empty(t, b.st.lines)
	require.Len(t, b.r.State().Problems, 2)
	_, err := local.Config{Run: []string{b.dir}}.Program("/bin/sh")
	require.True(t, errs.Is(err, errs.Forbidden), "%v", err)
}

func FuzzParseEntry(f *testing.F) {
	f.Add([]byte(`{"__CURSOR":"s=1","MESSAGE":[104,105,256],"PRIORITY":"4","__REALTIME_TIMESTAMP":"1795454998576058","_SYSTEMD_UNIT":["a","b"]}`))
	f.Add([]byte(`{"__CURSOR":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := parseEntry(b, 100)
		if err == nil && (e.cursor == "" || len(e.text) > 100) {
			t.Fatalf("%+v", e)
		}
	})
}
