package packet

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/packet/filter"
	"github.com/mainstay-ops/mainstay/internal/core/packet/index"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// opened is a capture with its index, while somebody may ask for it.
type opened struct {
	index   *index.Index
	builder *index.Builder // nil when it was opened from a file
	file    *os.File

	mu    sync.Mutex
	users int
	gone  bool // nobody new may use it
	used  time.Time
	found map[string]*matches
	order []string // of found, the latest last
}

// matches is what a filter chose so far.
type matches struct {
	mu      sync.Mutex
	numbers []uint32
	seen    int
}

const (
	mostOpen    = 16
	mostFilters = 12
)

func (o *opened) close() {
	o.index.Close()
	o.file.Close()
}

// openBuilder makes the index of a capture whose packets come yet, and lets it
// be asked for. The caller is a user of it and must leave.
func (s *Service) openBuilder(captureID string, f *os.File) (*opened, error) {
	x, err := os.OpenFile(s.path(captureID, extIndex), os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		f.Close()
		return nil, err
	}
	b := index.NewBuilder(x, f)
	o := &opened{index: b.Index(), builder: b, file: f, found: map[string]*matches{}, users: 1}
	s.mu.Lock()
	s.evict()
	s.open[captureID] = o
	s.mu.Unlock()
	return o, nil
}

// build makes the index of a capture that is whole.
func (s *Service) build(captureID string, f *os.File) (*opened, error) {
	o, err := s.openBuilder(captureID, f)
	if err != nil {
		return nil, err
	}
	defer func() { o.leave(s.db.Clock().Now()) }()
	st, err := f.Stat()
	if err != nil {
		s.forget(captureID)
		return nil, err
	}
	last := time.Now()
	note, err := o.builder.Fill(io.NewSectionReader(f, 0, st.Size()), func() error {
		if now := time.Now(); now.Sub(last) >= time.Second {
			last = now
			s.tell(captureID, "changed", map[string]any{"packets": o.index.Len()})
		}
		return s.base.Err()
	}, nil)
	if err == nil {
		err = o.builder.Finish(note)
	}
	if err != nil {
		s.forget(captureID)
		os.Remove(s.path(captureID, extIndex))
		return nil, err
	}
	return o, nil
}

// evict closes what nobody uses when too much is open. s.mu is held.
func (s *Service) evict() {
	for len(s.open) >= mostOpen {
		oldest := ""
		var at time.Time
		for k, o := range s.open {
			o.mu.Lock()
			free, used := o.users == 0, o.used
			o.mu.Unlock()
			if _, runs := s.runs[k]; free && !runs && (oldest == "" || used.Before(at)) {
				oldest, at = k, used
			}
		}
		if oldest == "" {
			return
		}
		s.open[oldest].close()
		delete(s.open, oldest)
	}
}

// forget closes a capture once nobody uses it.
func (s *Service) forget(captureID string) {
	s.mu.Lock()
	o := s.open[captureID]
	delete(s.open, captureID)
	s.mu.Unlock()
	if o == nil {
		return
	}
	o.mu.Lock()
	o.gone = true
	free := o.users == 0
	o.mu.Unlock()
	if free {
		o.close()
	}
}

// leave ends a use; the last one closes what was forgotten.
func (o *opened) leave(now time.Time) {
	o.mu.Lock()
	o.users--
	o.used = now
	last := o.gone && o.users == 0
	o.mu.Unlock()
	if last {
		o.close()
	}
}

// use opens a capture for whoever acts in ctx. done must be called.
func (s *Service) use(ctx context.Context, captureID string) (o *opened, done func(), err error) {
	r, err := s.get(ctx, captureID)
	if err != nil {
		return nil, nil, err
	}
	if o, err = s.hold(captureID, r); err != nil {
		return nil, nil, err
	}
	done = func() { o.leave(s.db.Clock().Now()) }
	if err := s.opening(ctx, r, "capture.open"); err != nil {
		done()
		return nil, nil, err
	}
	return o, done, nil
}

func (s *Service) hold(captureID string, r *row) (*opened, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.open[captureID]; o != nil {
		o.mu.Lock()
		o.users++
		o.mu.Unlock()
		return o, nil
	}
	switch r.State {
	case stateRunning:
		return nil, errs.New(errs.Unavailable, "A capture with a ring can be read when it has ended.")
	case stateReading:
		return nil, errs.New(errs.Unavailable, "The capture is being read. Try again in a moment.")
	}
	s.evict()
	f, err := os.Open(s.path(captureID, extPackets))
	if err != nil {
		return nil, errs.Wrap(errs.NotFound, err, "The packets of this capture are gone.")
	}
	x, err := os.Open(s.path(captureID, extIndex))
	if err == nil {
		var ix *index.Index
		if ix, err = index.Open(x, f); err == nil {
			o := &opened{index: ix, file: f, found: map[string]*matches{}, users: 1}
			s.open[captureID] = o
			return o, nil
		}
		x.Close()
	}
	f.Close()
	s.work.Go(func() { s.again(captureID) })
	return nil, errs.Wrap(errs.Unavailable, err, "The index of this capture is missing or damaged; it is made again. Try again in a moment.")
}

// again makes an index anew.
func (s *Service) again(captureID string) {
	s.files.Lock()
	defer s.files.Unlock()
	s.mu.Lock()
	_, there := s.open[captureID]
	s.mu.Unlock()
	if there {
		return
	}
	s.read(captureID, "")
}

// read makes the index of a file that is there, and writes down what it holds.
func (s *Service) read(captureID, note string) {
	f, err := os.Open(s.path(captureID, extPackets))
	var o *opened
	if err == nil {
		o, err = s.build(captureID, f)
	}
	ctx := context.WithoutCancel(s.base)
	if errors.Is(err, context.Canceled) {
		return // it is read when the server starts again
	}
	serr := s.settle(ctx, captureID, func(r *row) {
		r.Reserved = 0
		r.Size = s.sizeOf(captureID)
		if err != nil {
			r.State, r.Note = stateFailed, say(err)
			return
		}
		t := o.index.Totals()
		r.State, r.Packets = stateReady, int64(t.Packets)
		if note != "" {
			r.Note = note
		}
		if t.Note != "" {
			r.Note = joinNotes(r.Note, sentence(errors.New(t.Note))+".")
		}
	})
	if serr != nil {
		s.logger.Error("what a capture holds cannot be written down", "capture", captureID, "error", serr)
	}
}

func joinNotes(a, b string) string {
	if a == "" {
		return b
	}
	return a + " " + b
}

// match gives the packets that a filter chooses; nil stands for all.
func (o *opened) match(ctx context.Context, src string) ([]uint32, int, error) {
	total := o.index.Len()
	f, err := filter.Compile(src)
	if err != nil {
		return nil, 0, filterError("filter", src, err)
	}
	if len(f.Uses()) == 0 {
		return nil, total, nil
	}
	o.mu.Lock()
	m := o.found[src]
	if m == nil {
		m = &matches{}
		o.found[src] = m
		if o.order = append(o.order, src); len(o.order) > mostFilters {
			delete(o.found, o.order[0])
			o.order = o.order[1:]
		}
	}
	o.mu.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seen < total {
		more, seen, err := o.index.Match(ctx, f, m.seen)
		if err != nil {
			return nil, 0, err
		}
		m.numbers, m.seen = append(m.numbers, more...), seen
	}
	if m.numbers == nil {
		return []uint32{}, 0, nil
	}
	return m.numbers[:len(m.numbers):len(m.numbers)], len(m.numbers), nil
}

// filterError says where a filter is wrong: the value of the field is
// "first-last" of its characters that are wrong.
func filterError(path, src string, err error) error {
	var e *filter.Error
	if !errors.As(err, &e) {
		return err
	}
	from := len([]rune(src[:min(e.Pos, len(src))]))
	to := len([]rune(src[:min(max(e.End, e.Pos), len(src))]))
	return &errs.Error{Code: errs.Invalid, Message: "The filter is not right: " + e.Error() + ".", Fields: []errs.Field{{Path: path, Value: place(from, to), Message: e.Error()}}}
}

// mayWrite tells whether whoever acts in ctx may change captures.
func mayWrite(ctx context.Context) error { return access.Check(ctx, observe.WriteCaptures, "") }
