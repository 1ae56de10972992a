package check

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/observe/check/recur"
)

// Plan is maintenance that is agreed ahead, once or again and again. Each time its
// moment comes it makes a Downtime.
type Plan struct {
	Name       string   `json:"name" yaml:"name" required:"true"`
	Items      []string `json:"items" yaml:"items,omitempty,flow"`
	Checks     []string `json:"checks" yaml:"checks,omitempty,flow"`
	Dependents bool     `json:"dependents" yaml:"dependents,omitempty"`
	// Starts is the local time of the first window in TimeZone.
	Starts   string `json:"starts" yaml:"starts" required:"true"`
	TimeZone string `json:"time_zone" yaml:"time_zone,omitempty"`
	// Repeat is a rule as in RFC 5545; empty is once.
	Repeat string           `json:"repeat" yaml:"repeat,omitempty"`
	Lasts  observe.Duration `json:"lasts" yaml:"lasts" required:"true"`
	// Flexible, if set, makes each window a span in which the first failure begins a
	// maintenance of this length.
	Flexible observe.Duration `json:"flexible" yaml:"flexible,omitempty"`

	Next      *time.Time `json:"next,omitempty" yaml:"-" doc:"When the next window begins."`
	CreatedBy string     `json:"created_by" yaml:"-"`
	CreatedAt time.Time  `json:"created_at" yaml:"-"`
	Version   int64      `json:"version" yaml:"-"`
}

const (
	maxPlanName = 200
	maxTargets  = 500
	// maxUnfold bounds how many windows of one plan are made at a time, after a long
	// stop.
	maxUnfold = 1000
)

type planRow struct {
	bun.BaseModel `bun:"table:check_plans"`
	ID            string `bun:",pk"`
	Name          string
	Starts        string
	TimeZone      string
	Rule          string
	LastsMs       int64
	FlexibleMs    int64
	Dependents    bool
	NextAt        *time.Time
	CreatedBy     string
	CreatedAt     time.Time
	UpdatedAt     time.Time
	Version       int64
}

type planTarget struct{ RefKind, RefID string }

func planRef(id string) entity.Ref { return entity.Ref{Kind: "maintenance", ID: id} }

// check reports everything that is wrong with a plan by itself.
func (p *Plan) check() (recur.Rule, error) {
	var bad []errs.Field
	say := func(path, value, message string) {
		bad = append(bad, errs.Field{Path: path, Value: value, Message: message})
	}
	if p.Name == "" || len(p.Name) > maxPlanName {
		say("name", p.Name, "must have 1 to 200 characters")
	}
	if n := len(p.Items) + len(p.Checks); n == 0 || n > maxTargets {
		say("items", "", "must name 1 to 500 items or checks")
	}
	if p.Lasts.D() < time.Minute || p.Lasts.D() > maxDowntime {
		say("lasts", p.Lasts.String(), "must be from 1m to a year")
	}
	if p.Flexible != 0 && (p.Flexible.D() < time.Minute || p.Flexible.D() > maxDowntime) {
		say("flexible", p.Flexible.String(), "must be from 1m to a year, or left out")
	}
	if _, err := recur.Zone(p.TimeZone); err != nil {
		say("time_zone", p.TimeZone, "must be an IANA zone such as Europe/Berlin")
	} else if _, err := recur.Parse("", p.Starts, p.TimeZone); err != nil {
		say("starts", p.Starts, "must be a local time such as 2026-11-02T22:00:00")
	}
	if len(bad) > 0 {
		return recur.Rule{}, errs.Fields(bad...)
	}
	r, err := recur.Parse(p.Repeat, p.Starts, p.TimeZone)
	if err != nil {
		return r, errs.Fields(errs.Field{Path: "repeat", Value: p.Repeat, Message: "is not a rule such as FREQ=WEEKLY;BYDAY=SU: " + err.Error()})
	}
	return r, nil
}

// targets finds what is covered and checks the right to change each.
func (s *Service) targets(ctx context.Context, tx *db.Tx, items, checks []string) ([]planTarget, error) {
	var out []planTarget
	add := func(kind, refID, teamID string) error {
		if t := (planTarget{kind, refID}); !slices.Contains(out, t) {
			out = append(out, t)
		}
		return access.Check(ctx, observe.WriteChecks, teamID)
	}
	for _, n := range items {
		it, err := s.items.ByName(ctx, tx, n)
		if errs.Is(err, errs.NotFound) {
			err = errs.Fields(errs.Field{Path: "items", Value: n, Message: "is not the name of an item"})
		}
		if err != nil {
			return nil, err
		}
		if err := add(estate.ItemKind, it.ID, it.OwnerTeamID); err != nil {
			return nil, err
		}
	}
	for _, n := range checks {
		r, err := rowByName(ctx, tx, n)
		if errs.Is(err, errs.NotFound) {
			err = errs.Fields(errs.Field{Path: "checks", Value: n, Message: "is not the name of a check"})
		}
		if err != nil {
			return nil, err
		}
		if err := add(observe.CheckKind, r.ID, r.TeamID); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func planByName(ctx context.Context, q bun.IDB, name string) (planRow, error) {
	var r planRow
	err := q.NewSelect().Model(&r).Where("name = ?", name).Scan(ctx)
	return r, db.NotFound(err, "There is no maintenance plan of that name.")
}

// SavePlan makes the plan of that name or changes it. A window of it that runs now is
// ended and begun anew as the plan says.
func (s *Service) SavePlan(ctx context.Context, tx *db.Tx, p Plan, ifMatch string) (apply.Outcome, error) {
	rule, err := p.check()
	if err != nil {
		return "", err
	}
	ts, err := s.targets(ctx, tx, p.Items, p.Checks)
	if err != nil {
		return "", err
	}
	old, err := planByName(ctx, tx, p.Name)
	fresh := errs.Is(err, errs.NotFound)
	if err != nil && !fresh {
		return "", err
	}
	r := planRow{
		ID: newID(), Name: p.Name, Starts: p.Starts, TimeZone: p.TimeZone, Rule: p.Repeat, LastsMs: p.Lasts.D().Milliseconds(), FlexibleMs: p.Flexible.D().Milliseconds(),
		Dependents: p.Dependents, CreatedBy: access.From(ctx).Actor(), CreatedAt: tx.Now(), UpdatedAt: tx.Now(), Version: 1,
	}
	c := audit.Change{Action: "maintenance.create", Ref: planRef(r.ID), Name: p.Name, After: p}
	if !fresh {
		if err := httpapi.CheckMatch(ifMatch, old.Version); err != nil {
			return "", err
		}
		before, err := s.planView(ctx, tx, old)
		if err != nil {
			return "", err
		}
		if err := s.mayChange(ctx, tx, old.ID); err != nil {
			return "", err
		}
		was, err := planTargets(ctx, tx, old.ID)
		if err != nil {
			return "", err
		}
		if sameTargets(was, ts) && old.Starts == r.Starts && old.TimeZone == r.TimeZone && old.Rule == r.Rule && old.LastsMs == r.LastsMs && old.FlexibleMs == r.FlexibleMs && old.Dependents == r.Dependents {
			return apply.Unchanged, nil
		}
		r.ID, r.CreatedBy, r.CreatedAt, r.Version = old.ID, old.CreatedBy, old.CreatedAt, old.Version+1
		c = audit.Change{Action: "maintenance.update", Ref: planRef(r.ID), Name: p.Name, Before: before, After: p}
		if err := endWindows(ctx, tx, r.Name); err != nil {
			return "", err
		}
		if _, err := tx.NewRaw("DELETE FROM check_plan_targets WHERE plan_id = ?", r.ID).Exec(ctx); err != nil {
			return "", err
		}
	}
	// A window that should be running already is taken in.
	if next, ok := rule.Next(tx.Now().Add(-p.Lasts.D())); ok {
		next = next.UTC()
		r.NextAt = &next
	}
	if fresh {
		_, err = tx.NewInsert().Model(&r).Exec(ctx)
	} else {
		_, err = tx.NewUpdate().Model(&r).WherePK().Exec(ctx)
	}
	if err != nil {
		return "", err
	}
	for _, t := range ts {
		if _, err := tx.NewRaw("INSERT INTO check_plan_targets (plan_id, ref_kind, ref_id) VALUES (?, ?, ?)", r.ID, t.RefKind, t.RefID).Exec(ctx); err != nil {
			return "", err
		}
	}
	if fresh {
		return apply.Created, audit.Write(ctx, tx, c)
	}
	return apply.Updated, audit.Write(ctx, tx, c)
}

func sameTargets(a, b []planTarget) bool {
	if len(a) != len(b) {
		return false
	}
	for _, t := range a {
		if !slices.Contains(b, t) {
			return false
		}
	}
	return true
}

func planTargets(ctx context.Context, q bun.IDB, planID string) ([]planTarget, error) {
	var ts []planTarget
	err := q.NewRaw("SELECT ref_kind, ref_id FROM check_plan_targets WHERE plan_id = ? ORDER BY ref_kind, ref_id", planID).Scan(ctx, &ts)
	return ts, err
}

// mayChange asks for the right to change everything that a plan covers now.
func (s *Service) mayChange(ctx context.Context, tx *db.Tx, planID string) error {
	ts, err := planTargets(ctx, tx, planID)
	if err != nil {
		return err
	}
	var ids []string
	for _, t := range ts {
		if t.RefKind == estate.ItemKind {
			ids = append(ids, t.RefID)
			continue
		}
		var team []string
		if err := tx.NewRaw("SELECT team_id FROM checks WHERE id = ?", t.RefID).Scan(ctx, &team); err != nil {
			return err
		}
		for _, id := range team {
			if err := access.Check(ctx, observe.WriteChecks, id); err != nil {
				return err
			}
		}
	}
	its, err := s.items.ByIDs(ctx, tx, ids)
	if err != nil {
		return err
	}
	for _, it := range its {
		if err := access.Check(ctx, observe.WriteChecks, it.OwnerTeamID); err != nil {
			return err
		}
	}
	return nil
}

// endWindows ends the windows of a plan that run; one that waits for a failure was
// never used.
func endWindows(ctx context.Context, tx *db.Tx, plan string) error {
	_, err := tx.NewRaw("UPDATE check_downtimes SET ends_at = ? WHERE plan = ? AND cancelled_at IS NULL AND ends_at > ?", tx.Now(), plan, tx.Now()).Exec(ctx)
	return err
}

// DeletePlan removes a plan and ends its window. What it made stays in the past.
func (s *Service) DeletePlan(ctx context.Context, name, ifMatch string) error {
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := planByName(ctx, tx, name)
		if err != nil {
			return err
		}
		if err := httpapi.CheckMatch(ifMatch, r.Version); err != nil {
			return err
		}
		if err := s.mayChange(ctx, tx, r.ID); err != nil {
			return err
		}
		before, err := s.planView(ctx, tx, r)
		if err != nil {
			return err
		}
		if err := endWindows(ctx, tx, r.Name); err != nil {
			return err
		}
		if _, err := tx.NewRaw("DELETE FROM check_plans WHERE id = ?", r.ID).Exec(ctx); err != nil {
			return err
		}
		return audit.Write(ctx, tx, audit.Change{Action: "maintenance.delete", Ref: planRef(r.ID), Name: name, Before: before})
	})
}
