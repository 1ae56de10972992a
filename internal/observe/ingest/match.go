package ingest

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

// What a signal may say of where it belongs, in the order in which it is believed.
const (
	byItem    = "item"
	byMachine = "machine_id"
	byHost    = "host"
	byService = "service"
	byAddress = "address"
)

const (
	// keepFound and keepMissed are how long an answer of the estate is believed. A
	// change of an item ends it sooner.
	keepFound  = 5 * time.Minute
	keepMissed = time.Minute
	// maxCached bounds memory against hosts that are made up.
	maxCached = 50_000
	// looksPerSecond bounds what unknown names cost the database.
	looksPerSecond = 500
	maxHint        = 200
)

// clue is one thing that a signal says of where it belongs.
type clue struct{ hint, value string }

// answer is what is known for hints.
type answer struct {
	item  string
	until time.Time
	// unknown counts signals that match nothing; nil when they say nothing.
	unknown *unknown
}

// matcher finds the items of signals.
type matcher struct {
	s *Service

	mu       sync.RWMutex
	cache    map[signal.Hints]*answer
	bindings map[clue]string // item id
	unknown  map[clue]*unknown
	looks    bucket
}

func newMatcher(s *Service) *matcher {
	return &matcher{s: s, cache: map[signal.Hints]*answer{}, bindings: map[clue]string{}, unknown: map[clue]*unknown{}}
}

// forget drops all answers, because items or bindings have changed.
func (m *matcher) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.cache)
}

// item gives the name of the item of one signal; empty when none is known.
func (m *matcher) item(ctx context.Context, from signal.Source, h signal.Hints) string {
	a := m.find(ctx, from, h)
	a.count(m.s.now(), 1)
	return a.item
}

// samples fills in the items of samples. Those of one host stand together, mostly.
func (m *matcher) samples(ctx context.Context, from signal.Source, in []signal.Sample) {
	now := m.s.now()
	var a *answer
	var last *signal.Hints
	run := 0
	for i := range in {
		s := &in[i]
		if s.Item != "" {
			continue
		}
		if a == nil || s.Hints != last {
			a.count(now, run)
			run = 0
			var h signal.Hints
			if s.Hints != nil {
				h = *s.Hints
			}
			a, last = m.find(ctx, from, h), s.Hints
		}
		s.Item = a.item
		run++
	}
	a.count(now, run)
}

// count notes that n signals had this answer.
func (a *answer) count(now time.Time, n int) {
	if a == nil || a.unknown == nil || n == 0 {
		return
	}
	a.unknown.signals.Add(int64(n))
	a.unknown.last.Store(now.UnixNano())
}

func (m *matcher) find(ctx context.Context, from signal.Source, h signal.Hints) *answer {
	if h == (signal.Hints{}) && from.Address.IsValid() {
		h.Address = from.Address.Unmap().WithZone("").String()
	}
	now := m.s.now()
	m.mu.RLock()
	a := m.cache[h]
	m.mu.RUnlock()
	if a != nil && now.Before(a.until) {
		return a
	}
	clues := cluesOf(h)
	if len(clues) == 0 {
		return &answer{}
	}
	m.mu.Lock()
	free := m.looks.take(now, 1, looksPerSecond)
	m.mu.Unlock()
	if !free {
		if a != nil {
			return a
		}
		return &answer{}
	}
	item, err := m.look(ctx, clues)
	if err != nil {
		m.s.d.Logger.Warn("the item of a signal could not be looked up", "protocol", from.Protocol, "error", err)
		return &answer{}
	}
	return m.keep(now, from, h, clues, item)
}

func (m *matcher) keep(now time.Time, from signal.Source, h signal.Hints, clues []clue, item string) *answer {
	// The strings may point into a buffer that is used again.
	h = signal.Hints{Item: strings.Clone(h.Item), MachineID: strings.Clone(h.MachineID), Host: strings.Clone(h.Host), Service: strings.Clone(h.Service), Address: strings.Clone(h.Address)}
	a := &answer{item: item, until: now.Add(keepFound)}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.cache) >= maxCached {
		clear(m.cache)
	}
	if item == "" {
		a.until = now.Add(keepMissed)
		a.unknown = m.note(now, from, h, clues[0])
	} else {
		delete(m.unknown, clues[0])
	}
	m.cache[h] = a
	return a
}

// cluesOf lists what hints say, from the most to the least certain.
func cluesOf(h signal.Hints) []clue {
	out := make([]clue, 0, 5)
	add := func(hint, v string) {
		if v = strings.TrimSpace(v); v != "" && len(v) <= maxHint {
			out = append(out, clue{hint, strings.Clone(v)})
		}
	}
	add(byItem, h.Item)
	add(byMachine, strings.ToLower(h.MachineID))
	host := strings.ToLower(strings.TrimSuffix(h.Host, "."))
	if a, err := netip.ParseAddr(host); err == nil {
		if h.Address == "" {
			h.Address = a.String()
		}
	} else if host != "localhost" && host != "localhost.localdomain" {
		add(byHost, host)
	}
	add(byService, h.Service)
	if a, err := netip.ParseAddr(h.Address); err == nil && !a.IsLoopback() && !a.IsUnspecified() {
		add(byAddress, a.Unmap().WithZone("").String())
	}
	return out
}

// look asks the estate. The name that it gives is empty when nothing matches.
func (m *matcher) look(ctx context.Context, clues []clue) (string, error) {
	for _, c := range clues {
		it, err := m.lookOne(ctx, c)
		if err == nil {
			return it.Name, nil
		}
		if !errs.Is(err, errs.NotFound) {
			return "", err
		}
	}
	return "", nil
}

var errNoItem = errs.New(errs.NotFound, "There is no such item.")

func (m *matcher) lookOne(ctx context.Context, c clue) (estate.Item, error) {
	q := m.s.d.DB.Reader()
	m.mu.RLock()
	bound := m.bindings[c]
	m.mu.RUnlock()
	if bound != "" {
		return m.byID(ctx, bound)
	}
	switch c.hint {
	case byMachine:
		if m.s.recognizer == nil {
			return estate.Item{}, errNoItem
		}
		return m.s.recognizer.Recognize(ctx, q, estate.ByMachineID, c.value)
	case byHost:
		return m.byHost(ctx, c.value)
	case byAddress:
		if m.s.owners != nil {
			if id, err := m.s.owners.ItemAt(ctx, q, c.value); !errs.Is(err, errs.NotFound) {
				if err != nil {
					return estate.Item{}, err
				}
				return m.byID(ctx, id)
			}
		}
	}
	return m.s.items.ByName(ctx, q, c.value)
}

// byHost tries the name as it is, as the full name of an identity, and without its
// domain.
func (m *matcher) byHost(ctx context.Context, host string) (estate.Item, error) {
	q := m.s.d.DB.Reader()
	it, err := m.s.items.ByName(ctx, q, host)
	short, _, full := strings.Cut(host, ".")
	if !errs.Is(err, errs.NotFound) || !full {
		return it, err
	}
	if m.s.recognizer != nil {
		if it, err = m.s.recognizer.Recognize(ctx, q, estate.ByFQDN, host); !errs.Is(err, errs.NotFound) {
			return it, err
		}
	}
	return m.s.items.ByName(ctx, q, short)
}

func (m *matcher) byID(ctx context.Context, id string) (estate.Item, error) {
	its, err := m.s.items.ByIDs(ctx, m.s.d.DB.Reader(), []string{id})
	if err != nil {
		return estate.Item{}, err
	}
	it, ok := its[id]
	if !ok {
		return it, errNoItem
	}
	return it, nil
}
