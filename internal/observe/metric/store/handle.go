package store

import (
	"fmt"
	"sync"
	"unicode/utf8"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Limits on the labels of a series.
const (
	maxLabels     = 32
	maxLabelName  = 128
	maxLabelValue = 1024
)

// handle is one series that a source holds. The slot in the table and its
// generation make the SeriesID, so that the handle of a forgotten source never
// reaches the series that took its slot.
type handle struct {
	lset   labels.Labels
	source uint32
	gen    uint32
	// ref is what the database calls the series; 0 until the first sample. Read
	// and written with atomics while the table is locked for reading.
	ref uint64
}

type seriesKey struct {
	source uint32
	hash   uint64
}

type source struct {
	id    uint32
	slots []uint32
}

// table holds all handles.
type table struct {
	mu        sync.RWMutex
	slots     []handle
	free      []uint32
	byKey     map[seriesKey]uint32
	sources   map[string]*source
	nextID    uint32
	max       int
	perSource int
}

func newTable(limit, perSource int) table {
	return table{byKey: map[seriesKey]uint32{}, sources: map[string]*source{}, max: limit, perSource: perSource}
}

func makeID(slot, gen uint32) observe.SeriesID {
	return observe.SeriesID(uint64(gen)<<32 | uint64(slot))
}

// at finds the live handle of an id, or nil. The table must be locked.
func (t *table) at(id observe.SeriesID) *handle {
	slot, gen := uint32(id), uint32(id>>32)
	if int64(slot) >= int64(len(t.slots)) {
		return nil
	}
	h := &t.slots[slot]
	if h.gen != gen || h.source == 0 {
		return nil
	}
	return h
}

func (t *table) len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.slots) - len(t.free)
}

// Series implements observe.Appender.
func (s *Store) Series(owner string, set map[string]string) (observe.SeriesID, error) {
	if err := checkLabels(set); err != nil {
		s.stats.seriesRefused.WithLabelValues("invalid").Inc()
		return 0, err
	}
	b := labels.NewScratchBuilder(len(set))
	for n, v := range set {
		if v != "" {
			b.Add(n, v)
		}
	}
	b.Sort()
	id, err := s.table.add(owner, b.Labels())
	if err != nil {
		s.stats.seriesRefused.WithLabelValues("limit").Inc()
	}
	return id, err
}

func (t *table) add(owner string, lset labels.Labels) (observe.SeriesID, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	src := t.sources[owner]
	if src == nil {
		t.nextID++
		src = &source{id: t.nextID}
	}
	key := seriesKey{source: src.id, hash: lset.Hash()}
	if slot, ok := t.byKey[key]; ok {
		h := &t.slots[slot]
		if !labels.Equal(h.lset, lset) {
			return 0, errs.New(errs.Conflict, "The labels %s have the same 64-bit hash as %s.", lset, h.lset)
		}
		return makeID(slot, h.gen), nil
	}
	if len(src.slots) >= t.perSource {
		return 0, errs.New(errs.TooMany, "%s holds %d series, which is the limit for one source.", owner, t.perSource)
	}
	if len(t.slots)-len(t.free) >= t.max {
		return 0, errs.New(errs.TooMany, "The metric store holds %d series, which is its limit.", t.max)
	}
	var slot uint32
	if n := len(t.free); n > 0 {
		slot, t.free = t.free[n-1], t.free[:n-1]
	} else {
		slot = uint32(len(t.slots))
		t.slots = append(t.slots, handle{gen: 1})
	}
	h := &t.slots[slot]
	h.lset, h.source, h.ref = lset, src.id, 0
	src.slots = append(src.slots, slot)
	t.sources[owner] = src
	t.byKey[key] = slot
	return makeID(slot, h.gen), nil
}

// Forget implements observe.Appender.
func (s *Store) Forget(owner string) {
	t := &s.table
	t.mu.Lock()
	defer t.mu.Unlock()
	src := t.sources[owner]
	if src == nil {
		return
	}
	delete(t.sources, owner)
	for _, slot := range src.slots {
		h := &t.slots[slot]
		delete(t.byKey, seriesKey{source: src.id, hash: h.lset.Hash()})
		*h = handle{gen: h.gen + 1}
		t.free = append(t.free, slot)
	}
}

// checkLabels refuses what query tools could not name again.
func checkLabels(set map[string]string) error {
	var bad []errs.Field
	name := set[labels.MetricName]
	if !validName(name, true) {
		bad = append(bad, errs.Field{Path: labels.MetricName, Value: shorten(name), Message: "a metric name has letters, digits, _ and :, does not begin with a digit and has at most 128 bytes"})
	}
	if len(set) > maxLabels {
		bad = append(bad, errs.Field{Path: "labels", Value: fmt.Sprint(len(set)), Message: fmt.Sprintf("a series has at most %d labels", maxLabels)})
	}
	for n, v := range set {
		if n != labels.MetricName && (!validName(n, false) || len(n) > 1 && n[:2] == "__") {
			bad = append(bad, errs.Field{Path: shorten(n), Message: "a label name has letters, digits and _, does not begin with a digit or __ and has at most 128 bytes"})
		}
		if len(v) > maxLabelValue || !utf8.ValidString(v) {
			bad = append(bad, errs.Field{Path: shorten(n), Value: shorten(v), Message: fmt.Sprintf("a label value is UTF-8 of at most %d bytes", maxLabelValue)})
		}
	}
	return errs.Fields(bad...)
}

func validName(s string, colon bool) bool {
	if s == "" || len(s) > maxLabelName {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', colon && c == ':':
		case c >= '0' && c <= '9' && i > 0:
		default:
			return false
		}
	}
	return true
}

func shorten(s string) string {
	if len(s) > 64 {
		s = s[:64] + "…"
	}
	return fmt.Sprintf("%q", s)
}
