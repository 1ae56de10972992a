package check

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/observe/check/recur"
)

// unfold makes the windows of all plans whose moment came, also those that passed
// while the program was down: they were agreed, and reports count them.
func (s *Service) unfold(ctx context.Context) error {
	var due []planRow
	if err := s.d.DB.Reader().NewSelect().Model(&due).Where("next_at <= ?", time.Now().UTC()).OrderExpr("next_at").Limit(100).Scan(ctx); err != nil {
		return err
	}
	for _, r := range due {
		if err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return unfoldOne(ctx, tx, r.ID) }); err != nil {
			return err
		}
	}
	return nil
}

func unfoldOne(ctx context.Context, tx *db.Tx, planID string) error {
	var r planRow
	if err := tx.NewSelect().Model(&r).Where("id = ? AND next_at <= ?", planID, tx.Now()).Scan(ctx); err != nil {
		if errors.Is(err, sql.ErrNoRows) {
			return nil // changed or removed meanwhile
		}
		return err
	}
	rule, err := recur.Parse(r.Rule, r.Starts, r.TimeZone)
	if err != nil {
		return err
	}
	ts, err := planTargets(ctx, tx, r.ID)
	if err != nil {
		return err
	}
	for range maxUnfold {
		begin := r.NextAt.UTC()
		end := begin.Add(time.Duration(r.LastsMs) * time.Millisecond)
		// A plan that was made or changed inside its window covers the rest of it.
		if begin.Before(r.UpdatedAt) {
			begin = r.UpdatedAt.UTC()
		}
		if end.After(begin) {
			d := newID()
			if _, err := tx.NewRaw("INSERT INTO check_downtimes (id, title, starts_at, ends_at, dependents, created_by, created_at, plan, flexible_ms, waiting) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
				d, r.Name, begin, end, r.Dependents, r.CreatedBy, tx.Now(), r.Name, r.FlexibleMs, r.FlexibleMs > 0).Exec(ctx); err != nil {
				return err
			}
			for _, t := range ts {
				if _, err := tx.NewRaw("INSERT INTO check_downtime_targets (downtime_id, ref_kind, ref_id) VALUES (?, ?, ?)", d, t.RefKind, t.RefID).Exec(ctx); err != nil {
					return err
				}
			}
		}
		next, ok := rule.Next(*r.NextAt)
		if !ok {
			r.NextAt = nil
			break
		}
		next = next.UTC()
		r.NextAt = &next
		if next.After(tx.Now()) {
			break
		}
	}
	_, err = tx.NewRaw("UPDATE check_plans SET next_at = ? WHERE id = ?", r.NextAt, r.ID).Exec(ctx)
	return err
}

// planView is a plan as people see it.
func (s *Service) planView(ctx context.Context, q bun.IDB, r planRow) (Plan, error) {
	p := Plan{
		Name: r.Name, Items: []string{}, Checks: []string{}, Dependents: r.Dependents, Starts: r.Starts, TimeZone: r.TimeZone, Repeat: r.Rule,
		Lasts: observe.Duration(time.Duration(r.LastsMs) * time.Millisecond), Flexible: observe.Duration(time.Duration(r.FlexibleMs) * time.Millisecond),
		Next: r.NextAt, CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt, Version: r.Version,
	}
	ts, err := planTargets(ctx, q, r.ID)
	if err != nil {
		return p, err
	}
	p.Items, p.Checks, err = s.targetNames(ctx, q, ts)
	return p, err
}

// targetNames gives the names of what is covered; what is gone is left out.
func (s *Service) targetNames(ctx context.Context, q bun.IDB, ts []planTarget) (items, checks []string, err error) {
	items, checks = []string{}, []string{}
	refs := make([]entity.Ref, len(ts))
	for i, t := range ts {
		refs[i] = entity.Ref{Kind: t.RefKind, ID: t.RefID}
	}
	m, err := s.d.Entities.Resolve(ctx, q, refs)
	if err != nil {
		return items, checks, err
	}
	for _, ref := range refs {
		if sum, ok := m[ref]; ok && ref.Kind == observe.CheckKind {
			checks = append(checks, sum.Name)
		} else if ok {
			items = append(items, sum.Name)
		}
	}
	return items, checks, nil
}

// Plans lists all plans by name.
func (s *Service) Plans(ctx context.Context, q bun.IDB) ([]Plan, error) {
	var rows []planRow
	if err := q.NewSelect().Model(&rows).OrderExpr("name").Limit(5000).Scan(ctx); err != nil {
		return nil, err
	}
	out := make([]Plan, len(rows))
	for i, r := range rows {
		var err error
		if out[i], err = s.planView(ctx, q, r); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// planResource is the key maintenance of ops.yaml.
func (s *Service) planResource() apply.Resource {
	return apply.Resource{
		Key: "maintenance", Order: 35, Need: observe.WriteChecks,
		New: func() any { return &Plan{} },
		Apply: func(ctx context.Context, tx *db.Tx, e any) (apply.Change, error) {
			outcome, err := s.SavePlan(ctx, tx, *e.(*Plan), "")
			return apply.Change{Outcome: outcome}, err
		},
		Export: func(ctx context.Context, q bun.IDB) ([]any, error) {
			ps, err := s.Plans(ctx, q)
			out := make([]any, len(ps))
			for i := range ps {
				out[i] = ps[i]
			}
			return out, err
		},
	}
}
