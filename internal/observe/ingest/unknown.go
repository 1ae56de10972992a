package ingest

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

const (
	// maxUnknown bounds the list; new ones are left out when it is full.
	maxUnknown = 2000
	// keepUnknown is how long one stays in the list after its last signal.
	keepUnknown = 30 * 24 * time.Hour
	flushEvery  = 30 * time.Second
)

// unknown is something that signals speak about and that is no item.
type unknown struct {
	row     unknownRow
	signals atomic.Int64
	last    atomic.Int64 // nanoseconds
	written int64        // signals when it was written last; -1 for never
}

type unknownRow struct {
	bun.BaseModel `bun:"ingest_unknown"`

	ID        string    `bun:"id,pk"`
	Hint      string    `bun:"hint"`
	Value     string    `bun:"value"`
	Protocol  string    `bun:"protocol"`
	Sender    string    `bun:"sender"`
	Service   string    `bun:"service"`
	Address   string    `bun:"address"`
	FirstSeen time.Time `bun:"first_seen"`
	LastSeen  time.Time `bun:"last_seen"`
	Signals   int64     `bun:"signals"`
	Ignored   bool      `bun:"ignored"`
}

// note puts something unknown into the list. The matcher is locked.
func (m *matcher) note(now time.Time, from signal.Source, h signal.Hints, c clue) *unknown {
	if u := m.unknown[c]; u != nil {
		return u
	}
	if len(m.unknown) >= maxUnknown {
		return nil
	}
	address := h.Address
	if address == "" && from.Address.IsValid() {
		address = from.Address.Unmap().String()
	}
	u := &unknown{written: -1, row: unknownRow{ID: id.New(), Hint: c.hint, Value: c.value, Protocol: from.Protocol, Sender: from.Sender, Service: cut(h.Service, maxHint), Address: cut(address, 60), FirstSeen: now.UTC()}}
	u.last.Store(now.UnixNano())
	m.unknown[c] = u
	return u
}

// load reads bindings and unknown sources at the start.
func (m *matcher) load(ctx context.Context) error {
	var rows []unknownRow
	q := m.s.d.DB.Reader()
	if err := q.NewSelect().Model(&rows).OrderExpr("last_seen DESC").Limit(maxUnknown).Scan(ctx); err != nil {
		return err
	}
	m.mu.Lock()
	for _, r := range rows {
		u := &unknown{row: r, written: r.Signals}
		u.signals.Store(r.Signals)
		u.last.Store(r.LastSeen.UnixNano())
		m.unknown[clue{r.Hint, r.Value}] = u
	}
	m.mu.Unlock()
	return m.loadBindings(ctx)
}

func (m *matcher) loadBindings(ctx context.Context) error {
	bs, err := bindings(ctx, m.s.d.DB.Reader())
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.bindings)
	clear(m.cache)
	for _, b := range bs {
		m.bindings[clue{b.Hint, b.Value}] = b.ItemID
		delete(m.unknown, clue{b.Hint, b.Value})
	}
	return nil
}

// flush writes what was counted since the last time, and ends what is old.
func (m *matcher) flush(ctx context.Context) error {
	type change struct {
		u *unknown
		n int64
	}
	var changed []change
	m.mu.RLock()
	for _, u := range m.unknown {
		if n := u.signals.Load(); n != u.written {
			changed = append(changed, change{u, n})
		}
	}
	m.mu.RUnlock()
	return m.s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, c := range changed {
			r := c.u.row
			r.Signals, r.LastSeen = c.n, time.Unix(0, c.u.last.Load()).UTC()
			if _, err := tx.NewInsert().Model(&r).On("CONFLICT (hint, value) DO UPDATE").Set("signals = EXCLUDED.signals").Set("last_seen = EXCLUDED.last_seen").Set("protocol = EXCLUDED.protocol").Set("sender = EXCLUDED.sender").Exec(ctx); err != nil {
				return err
			}
		}
		old := tx.Now().Add(-keepUnknown)
		if _, err := tx.NewRaw("DELETE FROM ingest_unknown WHERE last_seen < ? AND NOT ignored", old).Exec(ctx); err != nil {
			return err
		}
		tx.AfterCommit(func() {
			m.mu.Lock()
			defer m.mu.Unlock()
			for _, c := range changed {
				c.u.written = c.n
			}
			for k, u := range m.unknown {
				if !u.row.Ignored && u.last.Load() < old.UnixNano() {
					delete(m.unknown, k)
				}
			}
		})
		return nil
	})
}

// Unknown is something that signals speak about and that is no item yet.
type Unknown struct {
	ID         string      `json:"id"`
	Hint       string      `json:"hint" enum:"item,machine_id,host,service,address" doc:"What the signals name it by."`
	Value      string      `json:"value"`
	Protocol   string      `json:"protocol"`
	Sender     string      `json:"sender"`
	Service    string      `json:"service,omitempty"`
	Address    string      `json:"address,omitempty"`
	First      time.Time   `json:"first_seen"`
	Last       time.Time   `json:"last_seen"`
	Signals    int64       `json:"signals"`
	Ignored    bool        `json:"ignored"`
	Suggestion *Suggestion `json:"suggestion,omitempty"`
}

// Suggestion is what to do with something unknown.
type Suggestion struct {
	// Item is the name of an item that it may be; empty when a new one is suggested.
	Item string `json:"item,omitempty"`
	// Create and Kind are the name and kind of an item that would fit.
	Create string `json:"create,omitempty"`
	Kind   string `json:"kind,omitempty"`
	Reason string `json:"reason"`
}

// unknowns lists them, the newest first, with suggestions out of the items that
// whoever asks may see.
func (s *Service) unknowns(ctx context.Context, ignored bool, limit int) ([]Unknown, error) {
	s.match.mu.RLock()
	out := []Unknown{}
	for _, u := range s.match.unknown {
		if u.row.Ignored != ignored {
			continue
		}
		r := &u.row
		out = append(out, Unknown{ID: r.ID, Hint: r.Hint, Value: r.Value, Protocol: r.Protocol, Sender: r.Sender, Service: r.Service, Address: r.Address, First: r.FirstSeen, Last: time.Unix(0, u.last.Load()).UTC(), Signals: u.signals.Load(), Ignored: r.Ignored})
	}
	s.match.mu.RUnlock()
	slices.SortFunc(out, func(a, b Unknown) int { return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.ID, b.ID)) })
	out = out[:min(len(out), limit)]
	names, err := s.itemNames(ctx)
	if err != nil {
		return nil, err
	}
	for i := range out {
		out[i].Suggestion = suggest(&out[i], names)
	}
	return out, nil
}

// maxCompared is among how many items a similar name is looked for.
const maxCompared = 5000

func (s *Service) itemNames(ctx context.Context) ([]string, error) {
	if s.catalog == nil {
		return nil, nil
	}
	var names []string
	f := estate.CatalogFilter{Limit: 500}
	for len(names) < maxCompared {
		page, err := s.catalog.Catalog(ctx, s.d.DB.Reader(), f)
		if err != nil {
			return nil, err
		}
		for _, it := range page {
			names = append(names, it.Name)
			f.After = it.Name
		}
		if len(page) < f.Limit {
			break
		}
	}
	return names, nil
}

// byID finds an unknown source in the list. The matcher is not locked.
func (m *matcher) unknownByID(unknownID string) (clue, *unknown, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for c, u := range m.unknown {
		if u.row.ID == unknownID {
			return c, u, nil
		}
	}
	return clue{}, nil, errs.New(errs.NotFound, "This source is not in the list of unknown sources any more.")
}

// Accept binds an unknown source to an item. With kind the item is made, if there
// is none of that name.
func (s *Service) Accept(ctx context.Context, unknownID, item, kind string) (Binding, error) {
	c, u, err := s.match.unknownByID(unknownID)
	if err != nil {
		return Binding{}, err
	}
	if strings.TrimSpace(item) == "" {
		return Binding{}, errs.Fields(errs.Field{Path: "item", Message: "must name an item"})
	}
	var b Binding
	err = s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		it, err := s.items.ByName(ctx, tx, item)
		if errs.Is(err, errs.NotFound) && kind != "" {
			if err := access.Check(ctx, estate.WriteItems, ""); err != nil {
				return err
			}
			it, err = s.discoverer.Observed(ctx, tx, estate.NewItem{Name: item, Kind: kind, Source: "ingest:" + u.row.Protocol})
			if err != nil {
				return err
			}
		} else if err != nil {
			return err
		}
		if err := access.Check(ctx, estate.ReadItems, it.OwnerTeamID); err != nil {
			return err
		}
		b, err = bind(ctx, tx, c, it)
		return err
	})
	if err != nil {
		return b, err
	}
	return b, s.match.loadBindings(ctx)
}

// Ignore takes an unknown source off the list, or puts it back.
func (s *Service) Ignore(ctx context.Context, unknownID string, ignored bool) error {
	_, u, err := s.match.unknownByID(unknownID)
	if err != nil {
		return err
	}
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		r := u.row
		r.Signals, r.LastSeen, r.Ignored = u.signals.Load(), time.Unix(0, u.last.Load()).UTC(), ignored
		if _, err := tx.NewInsert().Model(&r).On("CONFLICT (hint, value) DO UPDATE").Set("ignored = EXCLUDED.ignored").Exec(ctx); err != nil {
			return err
		}
		tx.AfterCommit(func() {
			s.match.mu.Lock()
			defer s.match.mu.Unlock()
			u.row.Ignored = ignored
		})
		action := "ingest.ignore"
		if !ignored {
			action = "ingest.unignore"
		}
		return audit.Write(ctx, tx, audit.Change{Action: action, Ref: entity.Ref{Kind: "source", ID: r.ID}, Name: r.Value})
	})
}
