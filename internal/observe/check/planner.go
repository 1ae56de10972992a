package check

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/observe/check/state"
)

// planner begins and ends downtimes at their moments. What a downtime covers is
// looked at again each time, so that new checks of its items are in it.
type planner struct {
	s      *Service
	mu     sync.Mutex
	inside map[string]map[string]bool // downtime -> check ids
	// waits are flexible downtimes whose span is open and that nothing began yet.
	waits map[string]waiting
	// waitsFor names them by check, for the engine; replaced, never changed in place.
	waitsFor atomic.Pointer[map[string][]string]
}

type waiting struct {
	lasts  time.Duration
	checks map[string]bool
}

const (
	planEvery    = time.Second
	beginTimeout = 10 * time.Second
)

func (p *planner) run(ctx context.Context) {
	tick := time.NewTicker(planEvery)
	defer tick.Stop()
	for {
		if err := p.look(ctx); err != nil && ctx.Err() == nil {
			p.s.d.Logger.Error("downtimes cannot be read", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

type openDowntime struct {
	ID         string
	Dependents bool
	Waiting    bool
	FlexibleMs int64
}

// open lists the downtimes that are inside their time.
func (p *planner) open(ctx context.Context, now time.Time) ([]openDowntime, error) {
	var ds []openDowntime
	err := p.s.d.DB.Reader().NewRaw("SELECT id, dependents, waiting, flexible_ms FROM check_downtimes WHERE starts_at <= ? AND ends_at > ? AND cancelled_at IS NULL", now, now).Scan(ctx, &ds)
	return ds, err
}

func (p *planner) look(ctx context.Context) error {
	if err := p.s.unfold(access.AsSystem(ctx)); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	ds, err := p.open(ctx, time.Now().UTC())
	if err != nil {
		return err
	}
	active := map[string]bool{}
	waits, waitsFor := map[string]waiting{}, map[string][]string{}
	for _, d := range ds {
		want, err := p.s.covered(ctx, d.ID, d.Dependents)
		if err != nil {
			return err
		}
		if d.Waiting {
			waits[d.ID] = waiting{lasts: time.Duration(d.FlexibleMs) * time.Millisecond, checks: want}
			for c := range want {
				waitsFor[c] = append(waitsFor[c], d.ID)
			}
			continue
		}
		active[d.ID] = true
		p.cover(d.ID, want)
	}
	p.waits = waits
	p.waitsFor.Store(&waitsFor)
	for id, have := range p.inside {
		if !active[id] {
			for c := range have {
				p.send(c, state.DowntimeEnd)
			}
			delete(p.inside, id)
		}
	}
	return nil
}

// cover makes the checks inside a running downtime those of want.
func (p *planner) cover(downtimeID string, want map[string]bool) {
	have := p.inside[downtimeID]
	if have == nil {
		have = map[string]bool{}
		p.inside[downtimeID] = have
	}
	for c := range want {
		if !have[c] {
			have[c] = true
			p.send(c, state.DowntimeStart)
		}
	}
	for c := range have {
		if !want[c] {
			delete(have, c)
			p.send(c, state.DowntimeEnd)
		}
	}
}

// failing is told of each result that is not ok, before the result counts: it begins
// the flexible downtimes that wait for it. One that cannot be written does not begin,
// and people are told.
func (p *planner) failing(checkID string) {
	m := p.waitsFor.Load()
	if m == nil || len((*m)[checkID]) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range (*m)[checkID] {
		w, ok := p.waits[id]
		if !ok {
			continue // another failure was first
		}
		began, err := p.begin(id, w.lasts)
		if err != nil {
			p.s.d.Logger.Error("a flexible downtime cannot begin", "downtime", id, "error", err)
			continue
		}
		delete(p.waits, id)
		if began {
			p.cover(id, w.checks)
		}
	}
}

// begin stores that a flexible downtime runs from now; false when it was cancelled or
// its span is over.
func (p *planner) begin(id string, lasts time.Duration) (began bool, err error) {
	ctx, cancel := context.WithTimeout(access.AsSystem(context.Background()), beginTimeout)
	defer cancel()
	err = p.s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		res, err := tx.NewRaw("UPDATE check_downtimes SET waiting = FALSE, span_from = starts_at, span_to = ends_at, starts_at = ?, ends_at = ? WHERE id = ? AND waiting AND cancelled_at IS NULL AND ends_at > ?",
			tx.Now(), tx.Now().Add(lasts), id, tx.Now()).Exec(ctx)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		began = n > 0
		return err
	})
	return began && err == nil, err
}

func (p *planner) send(checkID string, k state.EventKind) {
	p.s.engine.mu.RLock()
	e := p.s.engine.byID[checkID]
	p.s.engine.mu.RUnlock()
	if e != nil {
		p.s.engine.step(e, state.Event{Kind: k})
	}
}

// adopt makes the saved depth of every check agree with the windows after a
// restart: those that the saved state counts are taken as begun.
func (p *planner) adopt(ctx context.Context) error {
	ds, err := p.open(ctx, time.Now().UTC())
	if err != nil {
		return err
	}
	left := map[*entry]int{}
	for _, e := range p.s.engine.list() {
		if d := int(e.snapshot().Depth); d > 0 {
			left[e] = d
		}
	}
	for _, d := range ds {
		if d.Waiting {
			continue
		}
		want, err := p.s.covered(ctx, d.ID, d.Dependents)
		if err != nil {
			return err
		}
		have := map[string]bool{}
		for c := range want {
			if e := p.s.engine.byID[c]; e != nil && left[e] > 0 {
				left[e]--
				have[c] = true
			}
		}
		p.inside[d.ID] = have
	}
	for e, n := range left {
		for range n {
			p.s.engine.step(e, state.Event{Kind: state.DowntimeEnd})
		}
	}
	return nil
}
