package check

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/observe"
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
	// Flexible is how long the maintenance lasts from the first failure between
	// StartsAt and EndsAt; 0 is from StartsAt to EndsAt. Once it began, these two are
	// its real times, and SpanFrom and SpanTo what was planned.
	Flexible observe.Duration `json:"flexible"`
	Waiting  bool             `json:"waiting" doc:"Flexible, and no failure began it yet."`
	SpanFrom *time.Time       `json:"span_from,omitempty"`
	SpanTo   *time.Time       `json:"span_to,omitempty"`
	Plan     string           `json:"plan,omitempty" doc:"Name of the plan that made it."`
	// FlexibleMs is Flexible as it is stored.
	FlexibleMs int64 `json:"-"`
}

const maxDowntime = 366 * 24 * time.Hour

type downtimeTarget struct{ DowntimeID, RefKind, RefID string }

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
		case in.Flexible != 0 && (in.Flexible.D() < time.Minute || in.Flexible.D() > maxDowntime):
			return errs.Fields(errs.Field{Path: "flexible", Value: in.Flexible.String(), Message: "must be from 1m to a year, or left out"})
		}
		d = in
		d.ID, d.CreatedBy, d.CreatedAt = newID(), access.From(ctx).Actor(), tx.Now()
		d.StartsAt, d.EndsAt = in.StartsAt.UTC(), in.EndsAt.UTC()
		d.Waiting = d.Flexible > 0
		d.Active = !d.Waiting && !d.StartsAt.After(tx.Now())
		if _, err := tx.NewRaw("INSERT INTO check_downtimes (id, title, starts_at, ends_at, dependents, created_by, created_at, flexible_ms, waiting) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			d.ID, d.Title, d.StartsAt, d.EndsAt, d.Dependents, d.CreatedBy, d.CreatedAt, d.Flexible.D().Milliseconds(), d.Waiting).Exec(ctx); err != nil {
			return err
		}
		ts, err := s.targets(ctx, tx, in.Items, in.Checks)
		if err != nil {
			return err
		}
		for _, t := range ts {
			if _, err := tx.NewRaw("INSERT INTO check_downtime_targets (downtime_id, ref_kind, ref_id) VALUES (?, ?, ?)", d.ID, t.RefKind, t.RefID).Exec(ctx); err != nil {
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
	if err := r.NewRaw("SELECT id, title, starts_at, ends_at, dependents, created_by, created_at, cancelled_at, flexible_ms, waiting, span_from, span_to, plan FROM check_downtimes WHERE "+where+" ORDER BY ends_at DESC LIMIT ?", now, limit).Scan(ctx, &ds); err != nil {
		return nil, err
	}
	for i := range ds {
		d := &ds[i]
		d.Flexible = observe.Duration(time.Duration(d.FlexibleMs) * time.Millisecond)
		d.Active = !d.Waiting && !d.StartsAt.After(now) && d.EndsAt.After(now) && d.CancelledAt == nil
		var ts []planTarget
		if err := r.NewRaw("SELECT ref_kind, ref_id FROM check_downtime_targets WHERE downtime_id = ?", d.ID).Scan(ctx, &ts); err != nil {
			return nil, err
		}
		var err error
		if d.Items, d.Checks, err = s.targetNames(ctx, r, ts); err != nil {
			return nil, err
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
