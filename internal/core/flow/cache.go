package flow

import (
	"container/list"
	"slices"
	"time"
)

// spec is one field of a template.
type spec struct {
	element    *Element
	enterprise uint32
	id         uint16
	length     uint16 // variable: 65535
	scope      bool
}

const variableLength = 0xffff

// template is the shape of the records of a set.
type template struct {
	id      uint16
	options bool
	fields  []spec
	min     int // the fewest bytes of a record
}

func (t *template) same(o *template) bool {
	return t.options == o.options && slices.Equal(t.fields, o.fields)
}

// samplerKey names a sampling rate of a source: of a sampler or selector by its
// number, or of the source as a whole (0).
type samplerKey uint64

// waiting is a set whose template has not come yet.
type waiting struct {
	id    uint16
	body  []byte
	head  Record
	until time.Time
}

// source is what is known about one exporter, version and domain.
type source struct {
	key       Source
	templates map[uint16]*template
	samplers  map[samplerKey]uint64
	boot      time.Time
	waiting   []waiting
	seen      time.Time
	order     *list.Element // in cache.recent

	count    SourceStats
	started  bool   // next is known
	next     uint32 // sequence number that should come
	uptime   uint32 // of the last datagram
	exported time.Time
}

// cache holds the sources; the one that was silent longest leaves first.
type cache struct {
	limits  Limits
	sources map[Source]*source
	recent  *list.List // of *source, latest first
	fields  int        // of all templates
	stats   Stats
	learned uint64 // changes of templates and sampling rates
}

func newCache(l Limits) *cache {
	return &cache{limits: l, sources: map[Source]*source{}, recent: list.New()}
}

// of finds or makes the source; a new one may push out the most silent one.
func (c *cache) of(key Source, now time.Time) *source {
	s := c.sources[key]
	if s == nil {
		for len(c.sources) >= c.limits.Sources {
			c.drop(c.recent.Back().Value.(*source))
			c.stats.Refused++
		}
		s = &source{key: key, templates: map[uint16]*template{}, samplers: map[samplerKey]uint64{}}
		s.order = c.recent.PushFront(s)
		c.sources[key] = s
	} else {
		c.recent.MoveToFront(s.order)
	}
	if now.After(s.seen) {
		s.seen = now
	}
	return s
}

func (c *cache) drop(s *source) {
	for id := range s.templates {
		c.forget(s, id)
	}
	c.giveUp(s, len(s.waiting))
	c.recent.Remove(s.order)
	delete(c.sources, s.key)
}

func (c *cache) forget(s *source, id uint16) {
	if t := s.templates[id]; t != nil {
		c.fields -= len(t.fields)
		c.stats.Templates--
		c.learned++
		delete(s.templates, id)
	}
}

// learn keeps a template and tells whether it is new or changed.
func (c *cache) learn(s *source, t *template) bool {
	old := s.templates[t.id]
	if old != nil && old.same(t) {
		return false
	}
	if old == nil && len(s.templates) >= c.limits.Templates || c.fields+len(t.fields) > c.limits.AllFields {
		c.stats.Refused++
		return false
	}
	if old != nil {
		c.stats.Changed++
		s.count.Changed++
		c.forget(s, t.id)
	}
	s.templates[t.id] = t
	c.fields += len(t.fields)
	c.stats.Templates++
	c.learned++
	return true
}

// wait keeps a set until its template comes. The oldest sets of the same source
// make room; when all sources together hold too much, this one is not kept.
func (c *cache) wait(s *source, id uint16, body []byte, head *Record, now time.Time) {
	c.stats.NoTemplate++
	s.count.NoTemplate++
	c.expire(s, now)
	if n := len(s.waiting) - c.limits.WaitingSets + 1; n > 0 {
		c.giveUp(s, n)
	}
	if c.stats.WaitingByte+len(body) > c.limits.WaitingBytes {
		c.stats.Dropped++
		return
	}
	w := waiting{id: id, body: slices.Clone(body), head: *head, until: now.Add(c.limits.WaitingTime)}
	w.head.Fields = nil
	s.waiting = append(s.waiting, w)
	c.stats.Waiting++
	c.stats.WaitingByte += len(body)
}

func (c *cache) expire(s *source, now time.Time) {
	n := 0
	for n < len(s.waiting) && now.After(s.waiting[n].until) {
		n++
	}
	c.giveUp(s, n)
}

// giveUp drops the first n waiting sets.
func (c *cache) giveUp(s *source, n int) {
	for _, w := range s.waiting[:n] {
		c.stats.Waiting--
		c.stats.WaitingByte -= len(w.body)
		c.stats.Dropped++
	}
	s.waiting = slices.Delete(s.waiting, 0, n)
}

// take removes the sets that waited for a template, in the order they came.
func (c *cache) take(s *source, id uint16) []waiting {
	var out []waiting
	s.waiting = slices.DeleteFunc(s.waiting, func(w waiting) bool {
		if w.id != id {
			return false
		}
		out = append(out, w)
		c.stats.Waiting--
		c.stats.WaitingByte -= len(w.body)
		c.stats.Recovered++
		s.count.Recovered++
		return true
	})
	return out
}

// sample keeps a sampling rate: one of n packets was looked at.
func (c *cache) sample(s *source, key samplerKey, n uint64) {
	if n == 0 || n > 1<<32 {
		return
	}
	old, there := s.samplers[key]
	if old != n && (there || len(s.samplers) < c.limits.Samplers) {
		s.samplers[key] = n
		c.learned++
	}
}
