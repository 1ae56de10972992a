package flow

import (
	"context"
	"slices"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/logdb"
)

const (
	// gather is how long the writer waits for more after the first record.
	gather = 100 * time.Millisecond
	// late is how long after its end a minute is written.
	late = 2 * time.Second
	// writeSize is how many records the log engine gets at a time.
	writeSize = 10_000
)

func (s *Service) health() error {
	st := s.store.Load()
	if st == nil {
		return errs.New(errs.Unavailable, "The flow store is not open.")
	}
	return st.Health()
}

// writer is what the one goroutine that writes has to itself.
type writer struct {
	texts  *texts
	last   time.Time
	rows   []logdb.Row
	fields []logdb.Field
	// edges are those that delivered since the start.
	edges map[string]*taken
}

func (s *Service) write(ctx context.Context, st *logdb.Store) {
	w := &writer{texts: newTexts(), edges: map[string]*taken{}}
	defer close(s.ended)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	done := context.WithoutCancel(ctx)
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
		case d := <-s.placed:
			err := s.takePlaced(done, st, w, d)
			if d.late {
				s.d.Live.Send(live.Note{Topic: "flows", Kind: "changed"})
			}
			d.done <- err
			continue
		case <-s.wake:
			select {
			case <-ctx.Done():
			case <-time.After(gather):
			}
		}
		now := s.now()
		s.drain(st, w)
		s.flush(done, now.Add(-late))
	}
	s.drain(st, w)
	s.flush(done, time.Time{})
}

// drain stores and counts what waits.
func (s *Service) drain(st *logdb.Store, w *writer) {
	s.queueMu.Lock()
	batch := s.queue
	s.queue = nil
	s.queueMu.Unlock()
	for len(batch) > 0 {
		n := min(writeSize, len(batch))
		s.save(st, w, batch[:n])
		batch = batch[n:]
	}
}

// save stores records and, when they are stored, counts them.
func (s *Service) save(st *logdb.Store, w *writer, batch []record) {
	nets := s.nets.Load()
	const perRow = 28
	if cap(w.fields) < len(batch)*perRow {
		w.fields = make([]logdb.Field, 0, writeSize*perRow)
	}
	w.rows = w.rows[:0]
	used := w.fields[:0]
	for i := range batch {
		r := &batch[i]
		// Times tell records apart, also after a restart.
		if r.at.After(w.last) || w.last.Sub(r.at) > time.Minute { // or the clock was set back
			w.last = r.at
		} else {
			w.last = w.last.Add(1)
			r.at = w.last
		}
		r.srcNet, r.dstNet = nets.of(r.Src), nets.of(r.Dst)
		row := w.texts.row(r, used[len(used):len(used):cap(used)])
		used = used[:len(used)+len(row.Fields)]
		w.rows = append(w.rows, row)
	}
	rec, err := st.Write(w.rows)
	if err != nil {
		s.dropped.Add(uint64(len(batch)))
		s.d.Logger.Error("records of traffic cannot be stored", "records", len(batch), "error", errs.Message(err))
		return
	}
	s.stored.Add(uint64(rec.Taken))
	s.dropped.Add(uint64(rec.Dropped))
	s.mu.Lock()
	defer s.mu.Unlock()
	var m *minute
	// A minute that is written stays as it is, also when the clock is set back.
	first := s.written[tierMinute].Load()
	for i := range batch {
		r := &batch[i]
		at := max(r.at.Unix()/60*60, first)
		if m == nil || m.at != at {
			m = s.minuteOf(at)
		}
		m.count(r)
	}
	s.judge.observe(batch)
}

// minuteOf gives the minute that begins at a time. The minutes are locked.
func (s *Service) minuteOf(at int64) *minute {
	m := s.minutes[at]
	if m == nil {
		m = newMinute(at)
		s.minutes[at] = m
	}
	return m
}

// flush writes the minutes that ended before a moment; the zero time means that the
// program ends: then the last minute stays uncounted here and is counted again from
// the records at the next start.
func (s *Service) flush(ctx context.Context, before time.Time) {
	if before.IsZero() {
		return
	}
	upTo := before.Unix() / 60 * 60
	if upTo <= s.written[tierMinute].Load() {
		return
	}
	var ended []*minute
	s.mu.Lock()
	for at, m := range s.minutes {
		if at < upTo {
			ended = append(ended, m)
		}
	}
	s.mu.Unlock()
	slices.SortFunc(ended, func(a, b *minute) int { return int(a.at - b.at) })
	s.tiers.Lock()
	err := s.saveMinutes(ctx, ended, upTo)
	if err == nil {
		s.written[tierMinute].Store(upTo)
	}
	s.tiers.Unlock()
	if err != nil {
		s.d.Logger.Error("sums of traffic cannot be written", "minutes", len(ended), "error", errs.Message(err))
		s.limitMinutes()
		return
	}
	s.mu.Lock()
	for _, m := range ended {
		delete(s.minutes, m.at)
	}
	s.mu.Unlock()
	if len(ended) > 0 {
		s.d.Live.Send(live.Note{Topic: "flows", Kind: "changed"})
	}
}

// maxWaiting is how many minutes wait in memory while the database cannot be written.
const maxWaiting = 30

func (s *Service) limitMinutes() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.minutes) > maxWaiting {
		oldest := int64(0)
		for at := range s.minutes {
			if oldest == 0 || at < oldest {
				oldest = at
			}
		}
		delete(s.minutes, oldest)
	}
}
