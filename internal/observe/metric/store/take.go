package store

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

const (
	// maxTakenLabels is more than maxLabels: what comes from outside is described by
	// others.
	maxTakenLabels = 64
	maxTakenValue  = 4096
	// idleAfter is how long a series without values counts for its sender; sweepEvery
	// how often that is looked at.
	idleAfter  = 2 * time.Hour
	sweepEvery = 10 * time.Minute
)

// senders hold what series each sender has, so that a value that comes again costs
// a look-up and no new labels.
type senders struct {
	mu    sync.RWMutex
	m     map[string]*taker
	limit atomic.Int64
	swept atomic.Int64 // unix seconds
	work  sync.Pool
}

// taker is one sender.
type taker struct {
	mu     sync.RWMutex
	series map[uint64]*taken
	n      int
}

// taken is a series of a sender. Its labels are those that the database keeps too.
type taken struct {
	lset labels.Labels
	ref  atomic.Uint64
	used atomic.Int64 // unix seconds
	next *taken       // another with the same hash
}

func (s *senders) of(owner string) *taker {
	s.mu.RLock()
	t := s.m[owner]
	s.mu.RUnlock()
	if t != nil {
		return t
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m == nil {
		s.m = map[string]*taker{}
	}
	if t = s.m[owner]; t == nil {
		t = &taker{series: map[uint64]*taken{}}
		s.m[owner] = t
	}
	return t
}

// SetSeriesLimit bounds how many series one sender may have active; 0 is no limit.
func (s *Store) SetSeriesLimit(perSender int64) { s.senders.limit.Store(perSender) }

// ActiveSeries tells how many series a sender has active.
func (s *Store) ActiveSeries(owner string) int {
	s.senders.mu.RLock()
	t := s.senders.m[owner]
	s.senders.mu.RUnlock()
	if t == nil {
		return 0
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.n
}

// room is what one call works with.
type room struct {
	b      labels.ScratchBuilder
	lset   labels.Labels
	found  []*taken
	missed []int
}

// Take writes the samples of a sender in one transaction. What is refused (too old,
// in the future, a second value for one moment, bad labels, too many series) is
// dropped and counted in the receipt. The error is errs.Unavailable when nothing
// could be written.
func (s *Store) Take(ctx context.Context, owner string, in []signal.Sample) (signal.Receipt, error) {
	if len(in) == 0 {
		return signal.Receipt{}, nil
	}
	if !s.begin() {
		return signal.Receipt{}, errs.New(errs.Unavailable, "The metric store is closed.")
	}
	defer s.use.RUnlock()
	now := s.opts.Clock.Now()
	err := s.disk.check(now)
	s.setHealth(&s.diskErr, err)
	if err != nil {
		return signal.Receipt{}, err
	}
	t := s.senders.of(owner)
	w, _ := s.senders.work.Get().(*room)
	if w == nil {
		w = &room{b: labels.NewScratchBuilder(32)}
	}
	defer func() {
		clear(w.found)
		s.senders.work.Put(w)
	}()
	var out signal.Receipt
	var tally [len(reasons)]int
	s.lookUp(t, w, in, now.Unix(), &out)
	accepted, err := s.transact(ctx, func(app storage.Appender) (int, error) {
		return s.put(app, w, in, now.Add(maxFuture).UnixMilli(), &tally)
	})
	if err != nil {
		err = errs.Wrap(errs.Unavailable, err, "Samples cannot be written to the metric store in %s.", s.opts.Dir)
		s.setHealth(&s.writeErr, err)
		return signal.Receipt{}, err
	}
	s.setHealth(&s.writeErr, nil)
	s.account(accepted, &tally)
	out.Taken = accepted
	for i, n := range tally {
		if n > 0 {
			out.Dropped += n
			if out.Why == "" {
				out.Why = sentences[i]
			}
		}
	}
	s.sweep(now)
	return out, nil
}

var sentences = [...]string{
	forgotten: "The series is not known any more.",
	future:    "A value lies more than ten minutes in the future. Is the clock of the sender right?",
	late:      "A value is older than what the store takes (25 hours before the newest).",
	duplicate: "There is another value for the same moment already.",
	limit:     "The metric store holds as many series as it may.",
}

// lookUp finds the series of all samples and makes those that are new.
func (s *Store) lookUp(t *taker, w *room, in []signal.Sample, now int64, out *signal.Receipt) {
	w.found, w.missed = w.found[:0], w.missed[:0]
	t.mu.RLock()
	for i := range in {
		w.build(&in[i])
		e := t.find(w.lset.Hash(), w.lset)
		if e == nil {
			w.missed = append(w.missed, i)
		} else if e.used.Load() != now {
			e.used.Store(now)
		}
		w.found = append(w.found, e)
	}
	t.mu.RUnlock()
	if len(w.missed) == 0 {
		return
	}
	limit := int(s.senders.limit.Load())
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, i := range w.missed {
		w.build(&in[i])
		h := w.lset.Hash()
		e := t.find(h, w.lset)
		if e == nil {
			if err := checkTaken(w.lset); err != nil {
				out.Dropped++
				s.stats.seriesRefused.WithLabelValues("invalid").Inc()
				out.Why = errs.FieldsOf(err)[0].Path + ": " + errs.FieldsOf(err)[0].Message + "."
				continue
			}
			if limit > 0 && t.n >= limit {
				out.Dropped++
				s.stats.seriesRefused.WithLabelValues("limit").Inc()
				out.Why = errs.New(errs.TooMany, "The sender has %d active series, which is its limit. New ones are refused.", limit).Message
				continue
			}
			e = &taken{lset: w.lset.Copy(), next: t.series[h]}
			t.series[h] = e
			t.n++
		}
		e.used.Store(now)
		w.found[i] = e
	}
}

func (t *taker) find(h uint64, lset labels.Labels) *taken {
	for e := t.series[h]; e != nil; e = e.next {
		if labels.Equal(e.lset, lset) {
			return e
		}
	}
	return nil
}

// build puts the labels of a sample into w.lset. They come in order mostly, and are
// sorted only when they do not.
func (w *room) build(m *signal.Sample) {
	w.b.Reset()
	w.b.Add(labels.MetricName, m.Name)
	sorted, last, item := true, labels.MetricName, m.Item
	for i := range m.Labels {
		f := &m.Labels[i]
		if f.Value == "" {
			continue
		}
		if item != "" && f.Name >= itemLabel {
			if f.Name > itemLabel {
				w.b.Add(itemLabel, item)
				sorted = sorted && last < itemLabel
			}
			item = ""
		}
		w.b.Add(f.Name, f.Value)
		sorted = sorted && last < f.Name
		last = f.Name
	}
	if item != "" {
		w.b.Add(itemLabel, item)
		sorted = sorted && last < itemLabel
	}
	if !sorted {
		w.b.Sort()
	}
	w.b.Overwrite(&w.lset)
}

const itemLabel = "item"

// checkTaken refuses labels that query tools could not name again. It is asked once
// for each series.
func checkTaken(ls labels.Labels) error {
	var bad []errs.Field
	n, last := 0, ""
	ls.Range(func(l labels.Label) {
		n++
		switch {
		case l.Name == last:
			bad = append(bad, errs.Field{Path: shorten(l.Name), Message: "a label occurs once"})
		case l.Name == labels.MetricName:
			if !validName(l.Value, true) {
				bad = append(bad, errs.Field{Path: "name " + shorten(l.Value), Message: "a metric name has letters, digits, _ and :, does not begin with a digit and has at most 128 bytes"})
			}
		case !validName(l.Name, false):
			bad = append(bad, errs.Field{Path: shorten(l.Name), Message: "a label name has letters, digits and _, does not begin with a digit and has at most 128 bytes"})
		case len(l.Value) > maxTakenValue || !utf8.ValidString(l.Value):
			bad = append(bad, errs.Field{Path: shorten(l.Name), Message: "a label value is UTF-8 of at most 4096 bytes"})
		}
		last = l.Name
	})
	if n > maxTakenLabels {
		bad = append(bad, errs.Field{Path: "labels", Message: "a series has at most 64 labels"})
	}
	return errs.Fields(bad...)
}

// put appends what was found.
func (s *Store) put(app storage.Appender, w *room, in []signal.Sample, latest int64, tally *[len(reasons)]int) (accepted int, err error) {
	refs, _ := app.(storage.GetRef)
	full := s.db.Head().NumSeries() >= uint64(s.opts.MaxSeries)
	for i, e := range w.found {
		if e == nil {
			continue
		}
		t := in[i].At.UnixMilli()
		if t > latest {
			tally[future]++
			continue
		}
		ref := storage.SeriesRef(e.ref.Load())
		if ref == 0 && full {
			if ref, _ = refs.GetRef(e.lset, e.lset.Hash()); ref == 0 {
				tally[limit]++
				continue
			}
		}
		v := in[i].Value
		if math.IsNaN(v) && math.Float64bits(v) != signal.StaleMarker {
			v = math.NaN()
		}
		got, err := app.Append(ref, e.lset, t, v)
		switch {
		case err == nil:
			accepted++
			if got != ref {
				e.ref.Store(uint64(got))
			}
		case errors.Is(err, storage.ErrDuplicateSampleForTimestamp):
			tally[duplicate]++
		case errors.Is(err, storage.ErrOutOfOrderSample), errors.Is(err, storage.ErrOutOfBounds), errors.Is(err, storage.ErrTooOldSample):
			tally[late]++
		default:
			return accepted, err
		}
	}
	return accepted, nil
}

// sweep lets series go that had no value for long.
func (s *Store) sweep(now time.Time) {
	last := s.senders.swept.Load()
	if now.Unix()-last < int64(sweepEvery.Seconds()) || !s.senders.swept.CompareAndSwap(last, now.Unix()) || last == 0 {
		return
	}
	s.senders.mu.RLock()
	all := make(map[string]*taker, len(s.senders.m))
	for k, t := range s.senders.m {
		all[k] = t
	}
	s.senders.mu.RUnlock()
	before := now.Add(-idleAfter).Unix()
	for _, t := range all {
		t.mu.Lock()
		for h, e := range t.series {
			t.series[h] = t.fresh(e, before)
			if t.series[h] == nil {
				delete(t.series, h)
			}
		}
		t.mu.Unlock()
	}
}

// fresh keeps those of a chain that were used. The taker is locked.
func (t *taker) fresh(e *taken, before int64) *taken {
	if e == nil {
		return nil
	}
	e.next = t.fresh(e.next, before)
	if e.used.Load() < before {
		t.n--
		return e.next
	}
	return e
}
