package log

import (
	"context"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/logpattern"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// maxTallied bounds the different counts of one minute; lines beyond are counted
// without their item.
const maxTallied = 100_000

// cell is what is counted apart.
type cell struct{ pattern, item, level string }

// tally counts lines by template, item and level.
type tally map[cell]uint64

func (t tally) add(c cell, n uint64) {
	if _, ok := t[c]; !ok && len(t) >= maxTallied {
		c.item = ""
	}
	t[c] += n
}

// counts is the tally of the minute that runs, and the templates that are known.
type counts struct {
	mu    sync.Mutex
	t     tally
	known map[string]logpattern.Match
}

// take adds the tally of a batch.
func (c *counts) take(t tally, seen map[string]logpattern.Match) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.t == nil {
		c.t, c.known = tally{}, map[string]logpattern.Match{}
	}
	for k, n := range t {
		c.t.add(k, n)
	}
	for id, m := range seen {
		if _, ok := c.known[id]; !ok {
			c.known[id] = m
		}
	}
}

// minute ends the minute: what was counted, under the templates of today.
func (s *Service) minute(at time.Time) observe.PatternMinute {
	c := &s.counts
	c.mu.Lock()
	t := c.t
	c.t = tally{}
	out := observe.PatternMinute{At: at, Joined: map[string]string{}}
	// The texts belong to the miner.
	s.patterns.mu.Lock()
	for id, m := range c.known {
		if now := m.Now(); now.ID != id {
			out.Joined[id] = now.ID
			delete(c.known, id)
			if _, ok := c.known[now.ID]; !ok {
				c.known[now.ID] = now
			}
		} else if _, kept := s.patterns.miner.Template(id); !kept {
			delete(c.known, id)
		}
	}
	s.patterns.mu.Unlock()
	c.mu.Unlock()
	sum := tally{}
	for k, n := range t {
		if to, ok := out.Joined[k.pattern]; ok {
			k.pattern = to
		}
		sum.add(k, n)
	}
	s.patterns.mu.Lock()
	defer s.patterns.mu.Unlock()
	for k, n := range sum {
		p := observe.LogPattern{ID: k.pattern}
		if m, ok := s.patterns.miner.Template(k.pattern); ok {
			p.Template, p.Example = m.Text, m.Example
		}
		out.Counts = append(out.Counts, observe.PatternCount{LogPattern: p, Item: k.item, Level: k.level, Lines: n})
	}
	return out
}

// LogPattern implements observe.LogPatterns.
func (s *Service) LogPattern(id string) (observe.LogPattern, bool) {
	if s.patterns == nil {
		return observe.LogPattern{}, false
	}
	s.patterns.mu.Lock()
	defer s.patterns.mu.Unlock()
	m, ok := s.patterns.miner.Template(id)
	return observe.LogPattern{ID: m.ID, Template: m.Text, Example: m.Example}, ok
}

// tellPatterns hands over the counts at the end of each minute.
func (s *Service) tellPatterns(ctx context.Context) {
	defer s.wg.Done()
	t := time.NewTicker(tellEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			s.sink.TakePatterns(s.minute(s.d.DB.Clock().Now().UTC()))
			return
		case <-t.C:
			s.sink.TakePatterns(s.minute(s.d.DB.Clock().Now().UTC()))
		}
	}
}

const tellEvery = time.Minute
