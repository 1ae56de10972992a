package logs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/agent/local"
	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

const (
	lookEvery = 500 * time.Millisecond
	globEvery = 5 * time.Second
	maxFiles  = 500
	// maxBatchBytes bounds the text of one batch.
	maxBatchBytes = 2 << 20
	// share is how many lines of one source are read before the next has its turn.
	share       = 1000
	defaultRate = 1000
	defaultMax  = 32 << 10
	maxProblems = 20
)

// places are where everything goes on.
type places struct {
	Cursor string           `json:"cursor,omitempty"`
	Files  map[string]place `json:"files,omitempty"`
	// Patterns were looked at before: a file that is new to them is read from its
	// begin.
	Patterns []string `json:"patterns,omitempty"`
}

// saved is the file on disk. Now counts when the record Seq of Boot is in the buffer,
// else Before.
type saved struct {
	Now    places  `json:"now"`
	Before *places `json:"before,omitempty"`
	Boot   string  `json:"boot,omitempty"`
	Seq    int64   `json:"seq,omitempty"`
}

// Options of a reader.
type Options struct {
	// Path of the file with the places.
	Path   string
	Local  local.Logs
	Logger *slog.Logger
	Now    func() time.Time
	// Keep stores a batch in the buffer. It calls note before, with the number that
	// the batch will have; Kept tells of such a number whether the batch was stored.
	Keep func(b *agentwire.Batch, note func(boot string, seq int64) error) error
	Kept func(boot string, seq int64) bool
}

// Reader reads what it is told to.
type Reader struct {
	o Options

	mu       sync.Mutex
	want     agentwire.Logs
	problems []string
	behind   int64
	lines    int64

	at      places
	tails   map[string]*tail
	journal *journal
	used    agentwire.Logs
	globbed time.Time
	found   map[string]bool // problems of files, by sentence
	budget  float64
	filled  time.Time
	turn    int
	// dirty says that at has something that is not saved.
	dirty bool
}

// New makes a reader and settles where it is.
func New(o Options) (*Reader, error) {
	r := &Reader{o: o, tails: map[string]*tail{}, found: map[string]bool{}}
	b, err := os.ReadFile(o.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errs.Wrap(errs.Unavailable, err, "The places in logs, %s, cannot be read.", o.Path)
	}
	var s saved
	if err == nil && json.Unmarshal(b, &s) != nil {
		o.Logger.Error("the places in logs are damaged; reading begins at the end of each", "path", o.Path)
	}
	r.at = s.Now
	if s.Before != nil && !o.Kept(s.Boot, s.Seq) {
		r.at = *s.Before
	}
	if r.at.Files == nil {
		r.at.Files = map[string]place{}
	}
	return r, r.save(saved{Now: r.at})
}

// save replaces the file; a crash leaves the old or the new one.
func (r *Reader) save(s saved) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(r.o.Path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.Write(b)
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err == nil {
		err = os.Rename(r.o.Path+".new", r.o.Path)
	}
	if err != nil {
		return errs.Wrap(errs.Unavailable, err, "The places in logs cannot be written.")
	}
	return nil
}

// Set says what to read from now on.
func (r *Reader) Set(want agentwire.Logs) {
	r.mu.Lock()
	r.want = want
	r.mu.Unlock()
}

// State is what the server hears of the reading.
type State struct {
	Problems []string
	// Behind is how many bytes of files wait, Lines counts since the start.
	Behind, Lines int64
}

// State tells how the reading goes.
func (r *Reader) State() State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return State{Problems: slices.Clone(r.problems), Behind: r.behind, Lines: r.lines}
}

// Run reads until ctx ends.
func (r *Reader) Run(ctx context.Context) {
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	defer r.close()
	for {
		more := r.round(ctx)
		if more && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

func (r *Reader) close() {
	if r.journal != nil {
		r.journal.stop()
		r.journal = nil
	}
	for _, t := range r.tails {
		_ = t.f.Close()
	}
	clear(r.tails)
}

// round reads once; true when there is more and the rate allows it.
func (r *Reader) round(ctx context.Context) bool {
	r.mu.Lock()
	want := r.want
	r.mu.Unlock()
	r.apply(ctx, want)
	n := r.allowance()
	b := &batcher{now: r.o.Now(), streams: map[string]int{}, b: &agentwire.Batch{At: r.o.Now().UTC()}}
	next := places{Cursor: r.at.Cursor, Patterns: r.at.Patterns, Files: map[string]place{}}
	if r.journal != nil {
		r.readJournal(b, min(n, max(share, n/2)), &next)
	}
	r.readFiles(b, n, &next)
	r.tell()
	moved := r.dirty || next.Cursor != r.at.Cursor || !maps.Equal(next.Files, r.at.Files)
	switch {
	case len(b.b.Lines) > 0:
		before := r.at
		err := r.o.Keep(b.b, func(boot string, seq int64) error {
			return r.save(saved{Now: next, Before: &before, Boot: boot, Seq: seq})
		})
		if err != nil {
			r.o.Logger.Error("lines of logs cannot be kept; they are read again", "lines", len(b.b.Lines), "error", err)
			r.again()
			return false
		}
		r.budget -= float64(len(b.b.Lines))
		r.mu.Lock()
		r.lines += int64(len(b.b.Lines))
		r.mu.Unlock()
	case moved:
		if err := r.save(saved{Now: next}); err != nil {
			r.o.Logger.Error("the places in logs cannot be written", "error", err)
		}
	}
	r.at, r.dirty = next, false
	return len(b.b.Lines) >= share && r.budget >= 1
}

// again goes back to what was kept last.
func (r *Reader) again() {
	_ = r.save(saved{Now: r.at})
	r.close()
	r.globbed = time.Time{}
	r.used = agentwire.Logs{}
}

// allowance is how many lines may be read now.
func (r *Reader) allowance() int {
	rate := r.used.LinesPerSecond
	if rate <= 0 {
		rate = defaultRate
	}
	now := r.o.Now()
	if d := now.Sub(r.filled).Seconds(); d > 0 && !r.filled.IsZero() {
		r.budget += d * float64(rate)
	} else {
		r.budget = max(r.budget, 1)
	}
	r.filled = now
	r.budget = min(r.budget, float64(max(rate, 1)))
	return min(int(r.budget), agentwire.MaxLines)
}

func (r *Reader) maxLine() int {
	if m := r.used.MaxLineBytes; m > 0 {
		return min(m, agentwire.MaxLineBytes)
	}
	return defaultMax
}

// apply makes the sources what is wanted.
func (r *Reader) apply(ctx context.Context, want agentwire.Logs) {
	journalChanged := want.Journal != r.used.Journal || !sameUnits(want.Units, r.used.Units) || want.MaxLineBytes != r.used.MaxLineBytes
	filesChanged := !slices.Equal(want.Files, r.used.Files) || want.MaxLineBytes != r.used.MaxLineBytes
	r.used = want
	if r.journal != nil && (journalChanged || !want.Journal) {
		r.journal.stop()
		r.journal = nil
	}
	switch {
	case !want.Journal:
		r.dirty = r.dirty || r.at.Cursor != ""
		r.at.Cursor = "" // asked for again, it begins at the end
	case r.o.Local.NoJournal:
	case r.journal == nil:
		r.journal = follow(ctx, r.o.Local.JournalDirectory, want.Units, r.maxLine(), r.at.Cursor)
	}
	if now := r.o.Now(); filesChanged || now.Sub(r.globbed).Abs() >= globEvery {
		if filesChanged {
			for _, t := range r.tails {
				_ = t.f.Close()
			}
			clear(r.tails)
		}
		r.globbed = now
		r.find()
	}
}

func (r *Reader) readJournal(b *batcher, n int, next *places) {
	for range n {
		select {
		case e := <-r.journal.entries:
			next.Cursor = e.cursor
			if e.text != "" {
				b.add(e.line(b.stream(e.stream), b.now), len(e.text))
			}
		default:
			return
		}
		if b.full() {
			return
		}
	}
}

func (r *Reader) readFiles(b *batcher, n int, next *places) {
	ids := slices.Sorted(maps.Keys(r.tails))
	if len(ids) > 0 {
		r.turn = (r.turn + 1) % len(ids)
		ids = append(ids[r.turn:], ids[:r.turn]...)
	}
	behind := int64(0)
	for _, id := range ids {
		t := r.tails[id]
		if left := min(n-len(b.b.Lines), share); left > 0 && !b.full() {
			recs, err := t.read(left, maxBatchBytes-b.bytes, b.now)
			if err != nil {
				r.problem(fmt.Sprintf("%s cannot be read: %v", t.place.Path, err))
			}
			s := -1
			for _, rec := range recs {
				if rec.text == "" {
					continue
				}
				if s < 0 {
					s = b.stream(streamOf(t))
				}
				l := agentwire.Line{ReadAt: b.now.UnixNano(), Stream: s, Message: rec.text}
				if rec.cut > 0 {
					l.Fields = map[string]string{"cut_bytes": strconv.Itoa(rec.cut)}
				}
				b.add(l, len(rec.text))
			}
		}
		if st, err := t.f.Stat(); err == nil {
			behind += max(0, st.Size()-t.place.Offset)
		}
		if t.drained() {
			_ = t.f.Close()
			delete(r.tails, id)
			continue
		}
		next.Files[id] = t.place
	}
	r.mu.Lock()
	r.behind = behind
	r.mu.Unlock()
}

func streamOf(t *tail) map[string]string {
	m := map[string]string{"source": "file", "file": t.place.Path}
	if t.cfg.App != "" {
		m["app"] = t.cfg.App
	}
	return m
}

func (r *Reader) problem(s string) { r.found[s] = true }

// tell makes the problems known.
func (r *Reader) tell() {
	var ps []string
	if r.used.Journal && r.o.Local.NoJournal {
		ps = append(ps, "The agent.yaml of this host forbids to read the journal.")
	}
	if r.journal != nil {
		if p := r.journal.problem.Load(); p != nil {
			ps = append(ps, *p)
		}
	}
	ps = append(ps, slices.Sorted(maps.Keys(r.found))...)
	r.mu.Lock()
	r.problems = ps[:min(len(ps), maxProblems)]
	r.mu.Unlock()
}

// batcher fills a batch.
type batcher struct {
	b       *agentwire.Batch
	now     time.Time
	streams map[string]int
	bytes   int
}

func (b *batcher) full() bool {
	return b.bytes >= maxBatchBytes || len(b.b.Lines) >= agentwire.MaxLines || len(b.b.Streams) >= agentwire.MaxStreams
}

func (b *batcher) add(l agentwire.Line, n int) {
	b.b.Lines = append(b.b.Lines, l)
	b.bytes += n
}

// stream gives the position of a stream.
func (b *batcher) stream(m map[string]string) int {
	key, err := json.Marshal(m)
	if err != nil {
		return 0
	}
	i, ok := b.streams[string(key)]
	if !ok {
		i = len(b.b.Streams)
		b.streams[string(key)] = i
		b.b.Streams = append(b.b.Streams, m)
	}
	return i
}
