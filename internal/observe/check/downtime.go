package check

import (
	"context"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/observe/check/state"
)

// Downtime is a maintenance window.
type Downtime struct {
	ID       string    `json:"id"`
	Title    string    `json:"title"`
	StartsAt time.Time `json:"starts_at"`
	EndsAt   time.Time `json:"ends_at"`
	// Dependents takes in what stops when the items stop.
	Dependents  bool       `json:"dependents"`
	Items       []string   `json:"items" doc:"Names of items."`
	Checks      []string   `json:"checks" doc:"Names of checks."`
	CreatedBy   string     `json:"created_by"`
	CreatedAt   time.Time  `json:"created_at"`
	CancelledAt *time.Time `json:"cancelled_at,omitempty"`
	Active      bool       `json:"active"`
}

const maxDowntime = 366 * 24 * time.Hour

type downtimeTarget struct{ DowntimeID, RefKind, RefID string }

// planner begins and ends downtimes at their moments. What a downtime covers is
// looked at again each time, so that new checks of its items are in it.
type planner struct {
	s      *Service
	mu     sync.Mutex
	inside map[string]map[string]bool // downtime -> check ids
}

const planEvery = time.Second

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

func (p *planner) look(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now().UTC()
	var ds []Downtime
	if err := p.s.d.DB.Reader().NewRaw("SELECT id, dependents FROM check_downtimes WHERE starts_at <= ? AND ends_at > ? AND cancelled_at IS NULL", now, now).Scan(ctx, &ds); err != nil {
		return err
	}
	active := map[string]bool{}
	for _, d := range ds {
		active[d.ID] = true
		want, err := p.s.covered(ctx, d.ID, d.Dependents)
		if err != nil {
			return err
		}
		have := p.inside[d.ID]
		if have == nil {
			have = map[string]bool{}
			p.inside[d.ID] = have
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
	now := time.Now().UTC()
	var ds []Downtime
	if err := p.s.d.DB.Reader().NewRaw("SELECT id, dependents FROM check_downtimes WHERE starts_at <= ? AND ends_at > ? AND cancelled_at IS NULL", now, now).Scan(ctx, &ds); err != nil {
		return err
	}
	left := map[*entry]int{}
	for _, e := range p.s.engine.list() {
		if d := int(e.snapshot().Depth); d > 0 {
			left[e] = d
		}
	}
	for _, d := range ds {
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

// covered lists the ids of the checks inside a downtime.
func (s *Service) covered(ctx context.Context, downtimeID string, dependents bool) (map[string]bool, error) {
	var ts []downtimeTarget
	r := s.d.DB.Reader()
	if err := r.NewRaw("SELECT downtime_id, ref_kind, ref_id FROM check_downtime_targets WHERE downtime_id = ?", downtimeID).Scan(ctx, &ts); err != nil {
		return nil, err
	}
	out, items := map[string]bool{}, map[string]bool{}
	var ids []string
	for _, t := range ts {
		if t.RefKind == observe.CheckKind {
			out[t.RefID] = true
		} else {
			items[t.RefID] = true
			ids = append(ids, t.RefID)
		}
	}
	if dependents && len(ids) > 0 {
		reached, err := s.items.Impact(ctx, r, ids)
		if err != nil {
			return nil, err
		}
		for _, it := range reached {
			items[it.ID] = true
		}
	}
	for _, e := range s.engine.list() {
		if items[e.itemID] && e.itemID != "" {
			out[e.id] = true
		}
	}
	return out, nil
}

// Plan makes a downtime.
func (s *Service) Plan(ctx context.Context, in Downtime) (*Downtime, error) {
	d := in
	err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		if in.StartsAt.IsZero() {
			in.StartsAt = tx.Now()
		}
		switch {
		case len(in.Items)+len(in.Checks) == 0:
			return errs.Fields(errs.Field{Path: "items", Message: "must name at least one item or check"})
		case !in.EndsAt.After(in.StartsAt) || !in.EndsAt.After(tx.Now()):
			return errs.Fields(errs.Field{Path: "ends_at", Message: "must lie after the start and in the future"})
		case in.EndsAt.Sub(in.StartsAt) > maxDowntime:
			return errs.Fields(errs.Field{Path: "ends_at", Message: "must be at most a year after the start"})
		}
		d = in
		d.ID, d.CreatedBy, d.CreatedAt = newID(), access.From(ctx).Actor(), tx.Now()
		d.StartsAt, d.EndsAt = in.StartsAt.UTC(), in.EndsAt.UTC()
		d.Active = !d.StartsAt.After(tx.Now())
		if _, err := tx.NewRaw("INSERT INTO check_downtimes (id, title, starts_at, ends_at, dependents, created_by, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)", d.ID, d.Title, d.StartsAt, d.EndsAt, d.Dependents, d.CreatedBy, d.CreatedAt).Exec(ctx); err != nil {
			return err
		}
		add := func(kind, refID, teamID string) error {
			if err := access.Check(ctx, observe.WriteChecks, teamID); err != nil {
				return err
			}
			_, err := tx.NewRaw("INSERT INTO check_downtime_targets (downtime_id, ref_kind, ref_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", d.ID, kind, refID).Exec(ctx)
			return err
		}
		for _, n := range in.Items {
			it, err := s.items.ByName(ctx, tx, n)
			if err != nil {
				return err
			}
			if err := add(estate.ItemKind, it.ID, it.OwnerTeamID); err != nil {
				return err
			}
		}
		for _, n := range in.Checks {
			r, err := rowByName(ctx, tx, n)
			if err != nil {
				return err
			}
			if err := add(observe.CheckKind, r.ID, r.TeamID); err != nil {
				return err
			}
		}
		return audit.Write(ctx, tx, audit.Change{Action: "downtime.create", Ref: entity.Ref{Kind: "downtime", ID: d.ID}, Name: d.Title, After: d})
	})
	return &d, err
}

// Cancel ends a downtime now, or takes back one that has not begun.
func (s *Service) Cancel(ctx context.Context, downtimeID string) error {
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		res, err := tx.NewRaw("UPDATE check_downtimes SET cancelled_at = ?, ends_at = CASE WHEN starts_at > ? THEN starts_at ELSE ? END WHERE id = ? AND cancelled_at IS NULL AND ends_at > ?", tx.Now(), tx.Now(), tx.Now(), downtimeID, tx.Now()).Exec(ctx)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errs.New(errs.NotFound, "There is no such downtime, or it is over.")
		}
		return audit.Write(ctx, tx, audit.Change{Action: "downtime.cancel", Ref: entity.Ref{Kind: "downtime", ID: downtimeID}, Name: downtimeID, After: map[string]any{"cancelled_at": tx.Now()}})
	})
}

// Downtimes lists windows, the latest end first; past says whether those that are
// over are in it.
func (s *Service) Downtimes(ctx context.Context, past bool, limit int) ([]Downtime, error) {
	now := time.Now().UTC()
	r := s.d.DB.Reader()
	where := "ends_at > ? AND cancelled_at IS NULL"
	if past {
		where = "ends_at > ? OR 1 = 1"
	}
	ds := []Downtime{}
	if err := r.NewRaw("SELECT id, title, starts_at, ends_at, dependents, created_by, created_at, cancelled_at FROM check_downtimes WHERE "+where+" ORDER BY ends_at DESC LIMIT ?", now, limit).Scan(ctx, &ds); err != nil {
		return nil, err
	}
	for i := range ds {
		d := &ds[i]
		d.Items, d.Checks = []string{}, []string{}
		d.Active = !d.StartsAt.After(now) && d.EndsAt.After(now) && d.CancelledAt == nil
		var ts []downtimeTarget
		if err := r.NewRaw("SELECT downtime_id, ref_kind, ref_id FROM check_downtime_targets WHERE downtime_id = ?", d.ID).Scan(ctx, &ts); err != nil {
			return nil, err
		}
		var refs []entity.Ref
		for _, t := range ts {
			refs = append(refs, entity.Ref{Kind: t.RefKind, ID: t.RefID})
		}
		m, err := s.d.Entities.Resolve(ctx, r, refs)
		if err != nil {
			return nil, err
		}
		for _, ref := range refs {
			if sum, ok := m[ref]; ok && ref.Kind == observe.CheckKind {
				d.Checks = append(d.Checks, sum.Name)
			} else if ok {
				d.Items = append(d.Items, sum.Name)
			}
		}
	}
	return ds, nil
}

// InDowntime implements observe.Maintenance.
func (s *Service) InDowntime(ctx context.Context, q bun.IDB, itemIDs []string, t time.Time) (map[string]bool, error) {
	spans, err := s.planned(ctx, q, itemIDs, t, t.Add(time.Microsecond))
	out := map[string]bool{}
	for id, ss := range spans {
		out[id] = len(ss) > 0
	}
	return out, err
}
