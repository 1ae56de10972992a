package pattern

import (
	"context"
	"encoding/json"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/detect/pattern/usual"
)

// maxPolicies bounds what each signal is compared with.
const maxPolicies = 200

func (r policyRow) policy() (Policy, error) {
	p := Policy{}
	err := json.Unmarshal([]byte(r.Spec), &p)
	p.Name = r.Name
	return p, err
}

func policies(ctx context.Context, q bun.IDB) ([]Policy, error) {
	var rows []policyRow
	if err := q.NewSelect().Model(&rows).OrderExpr("name").Scan(ctx); err != nil {
		return nil, err
	}
	out := make([]Policy, 0, len(rows))
	for _, r := range rows {
		p, err := r.policy()
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// putPolicy makes or changes a policy.
func (s *Service) putPolicy(ctx context.Context, tx *db.Tx, p Policy) (apply.Outcome, error) {
	if _, err := p.check(); err != nil {
		return "", err
	}
	var old policyRow
	err := tx.NewSelect().Model(&old).Where("name = ?", p.Name).Scan(ctx)
	if err = db.NotFound(err, "none"); err != nil && !errs.Is(err, errs.NotFound) {
		return "", err
	}
	made := err != nil
	b, err := json.Marshal(p)
	if err != nil {
		return "", err
	}
	c := audit.Change{Action: "pattern.policy.update", Ref: entity.Ref{Kind: "pattern_policy", ID: p.Name}, Name: p.Name, After: p}
	if made {
		c.Action = "pattern.policy.create"
		n, err := tx.NewSelect().Model((*policyRow)(nil)).Count(ctx)
		if err != nil {
			return "", err
		}
		if n >= maxPolicies {
			return "", errs.New(errs.Conflict, "There are %d policies already. Remove one first.", n)
		}
	} else {
		if old.Spec == string(b) {
			return apply.Unchanged, nil
		}
		before, err := old.policy()
		if err != nil {
			return "", err
		}
		c.Before = before
	}
	r := policyRow{Name: p.Name, Spec: string(b), Version: old.Version + 1, UpdatedAt: tx.Now()}
	if _, err := tx.NewInsert().Model(&r).On("CONFLICT (name) DO UPDATE").Exec(ctx); err != nil {
		return "", err
	}
	s.afterCommit(ctx, tx)
	if err := audit.Write(ctx, tx, c); err != nil {
		return "", err
	}
	if made {
		return apply.Created, nil
	}
	return apply.Updated, nil
}

func (s *Service) removePolicy(ctx context.Context, name string) error {
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		var old policyRow
		if err := db.NotFound(tx.NewSelect().Model(&old).Where("name = ?", name).Scan(ctx), "There is no such policy."); err != nil {
			return err
		}
		before, err := old.policy()
		if err != nil {
			return err
		}
		if _, err := tx.NewDelete().Model(&old).WherePK().Exec(ctx); err != nil {
			return err
		}
		s.afterCommit(ctx, tx)
		return audit.Write(ctx, tx, audit.Change{Action: "pattern.policy.delete", Ref: entity.Ref{Kind: "pattern_policy", ID: name}, Name: name, Before: before})
	})
}

// afterCommit makes a change count.
func (s *Service) afterCommit(ctx context.Context, tx *db.Tx) {
	ctx = context.WithoutCancel(ctx)
	tx.AfterCommit(func() {
		if err := s.reload(ctx, s.d.DB.Reader()); err != nil {
			s.d.Logger.Error("marks and policies of log patterns could not be read", "error", err)
		}
		s.d.Live.Send(live.Note{Topic: "patterns", Kind: "changed"})
	})
}

// mark keeps what a person says of a pattern; an empty mark takes it back.
func (s *Service) mark(ctx context.Context, pattern, mark, comment, by string) error {
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		var old markRow
		err := db.NotFound(tx.NewSelect().Model(&old).Where("pattern = ?", pattern).Scan(ctx), "none")
		if err != nil && !errs.Is(err, errs.NotFound) {
			return err
		}
		r := markRow{Pattern: pattern, Mark: mark, Comment: comment, By: by, At: tx.Now()}
		c := audit.Change{Action: "pattern.mark", Ref: entity.Ref{Kind: "log_pattern", ID: pattern}, Name: pattern, After: map[string]string{"mark": mark, "comment": comment}}
		if err == nil {
			c.Before = map[string]string{"mark": old.Mark, "comment": old.Comment}
		}
		if mark == "" {
			_, err = tx.NewRaw("DELETE FROM pattern_marks WHERE pattern = ?", pattern).Exec(ctx)
		} else {
			_, err = tx.NewInsert().Model(&r).On("CONFLICT (pattern) DO UPDATE").Exec(ctx)
		}
		if err != nil {
			return err
		}
		switch mark {
		case Muted:
			err = s.endAll(ctx, tx, pattern, "", by+" muted it.", tx.Now())
		case Known:
			err = s.endAll(ctx, tx, pattern, string(usual.New), by+" marked it as known.", tx.Now())
			tx.AfterCommit(func() {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.engine.Known(pattern, r.At)
			})
		}
		if err != nil {
			return err
		}
		s.afterCommit(ctx, tx)
		return audit.Write(ctx, tx, c)
	})
}

// signals lists signals, the newest first.
func signals(ctx context.Context, q bun.IDB, in signalsIn) ([]signalRow, string, error) {
	var rows []signalRow
	sel := q.NewSelect().Model(&rows).OrderExpr("id DESC").Limit(int64(in.Limit) + 1)
	if in.Cursor != "" {
		sel = sel.Where("id < ?", in.Cursor)
	}
	if in.Kind != "" {
		sel = sel.Where("kind = ?", in.Kind)
	}
	if in.Pattern != "" {
		sel = sel.Where("pattern = ?", in.Pattern)
	}
	if in.Open {
		sel = sel.Where("ended_at IS NULL")
	}
	if err := sel.Scan(ctx); err != nil {
		return nil, "", err
	}
	if len(rows) > in.Limit {
		rows = rows[:in.Limit]
		return rows, rows[in.Limit-1].ID, nil
	}
	return rows, "", nil
}
