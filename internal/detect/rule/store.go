package rule

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/detect"
	"github.com/mainstay-ops/mainstay/internal/detect/rule/eval"
)

// row is a rule as stored. Origin names the objective that made it; it is empty for
// rules of people.
type row struct {
	bun.BaseModel `bun:"rules"`

	Name      string    `bun:"name,pk"`
	Spec      string    `bun:"spec"`
	Severity  string    `bun:"severity"`
	Enabled   bool      `bun:"enabled"`
	Origin    string    `bun:"origin"`
	TeamID    string    `bun:"team_id"`
	Folded    string    `bun:"folded"`
	CreatedAt time.Time `bun:"created_at"`
	UpdatedAt time.Time `bun:"updated_at"`
	Version   int64     `bun:"version"`
}

func (r row) rule() (Rule, error) {
	var out Rule
	err := json.Unmarshal([]byte(r.Spec), &out)
	return out, err
}

// instanceRow is an instance that is pending or firing.
type instanceRow struct {
	bun.BaseModel `bun:"rule_instances"`

	Rule        string     `bun:"rule,pk"`
	ID          string     `bun:"id,pk"`
	Instance    string     `bun:"instance"`
	State       string     `bun:"state"`
	Fingerprint string     `bun:"fingerprint"`
	Title       string     `bun:"title"`
	Item        string     `bun:"item"`
	ActiveAt    time.Time  `bun:"active_at"`
	FiredAt     *time.Time `bun:"fired_at"`
}

// historyRow is one time that a rule fired.
type historyRow struct {
	bun.BaseModel `bun:"rule_history"`

	ID        string     `bun:"id,pk"`
	Rule      string     `bun:"rule"`
	Instance  string     `bun:"instance"`
	Labels    string     `bun:"labels"`
	Title     string     `bun:"title"`
	Item      string     `bun:"item"`
	StartedAt time.Time  `bun:"started_at"`
	FiredAt   time.Time  `bun:"fired_at"`
	EndedAt   *time.Time `bun:"ended_at"`
	Reason    string     `bun:"reason"`
	Value     float64    `bun:"value"`
}

func byName(ctx context.Context, q bun.IDB, name string) (row, error) {
	var r row
	err := q.NewSelect().Model(&r).Where("name = ?", name).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return r, errs.New(errs.NotFound, "There is no rule named %q.", name)
	}
	return r, err
}

func readable(ctx context.Context, q bun.IDB, name string) (row, error) {
	r, err := byName(ctx, q, name)
	if err != nil {
		return r, err
	}
	return r, access.Check(ctx, detect.ReadRules, r.TeamID)
}

type filter struct {
	Text, State, Severity, Origin string
	After                         string
	Limit                         int
}

// list gives rules by name, and the last name when there are more.
func list(ctx context.Context, q bun.IDB, f filter) ([]row, string, error) {
	cond, args := access.Where(ctx, detect.ReadRules, "team_id")
	var rows []row
	sel := q.NewSelect().Model(&rows).Where(cond, args...).OrderExpr("name").Limit(int64(f.Limit) + 1)
	if f.After != "" {
		sel = sel.Where("name > ?", f.After)
	}
	if f.Severity != "" {
		sel = sel.Where("severity = ?", f.Severity)
	}
	if f.Text != "" {
		sel = sel.Where(`folded LIKE ? ESCAPE '\'`, "%"+strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(strings.ToLower(f.Text))+"%")
	}
	switch f.State {
	case "disabled":
		sel = sel.Where("NOT enabled")
	case "firing", "pending":
		sel = sel.Where("name IN (SELECT rule FROM rule_instances WHERE state = ?)", f.State)
	case "inactive":
		sel = sel.Where("enabled AND name NOT IN (SELECT rule FROM rule_instances)")
	}
	if err := sel.Scan(ctx); err != nil {
		return nil, "", err
	}
	if len(rows) > f.Limit {
		rows = rows[:f.Limit]
		return rows, rows[f.Limit-1].Name, nil
	}
	return rows, "", nil
}

// counts gives how many instances of the rules are in each state.
func counts(ctx context.Context, q bun.IDB, names []string) (map[string]map[string]int, error) {
	out := map[string]map[string]int{}
	if len(names) == 0 {
		return out, nil
	}
	var rows []struct {
		Rule  string
		State string
		N     int
	}
	if err := q.NewRaw("SELECT rule, state, count(*) AS n FROM rule_instances WHERE rule IN (?) GROUP BY rule, state", bun.In(names)).Scan(ctx, &rows); err != nil {
		return nil, err
	}
	for _, r := range rows {
		if out[r.Rule] == nil {
			out[r.Rule] = map[string]int{}
		}
		out[r.Rule][r.State] = r.N
	}
	return out, nil
}

func (i instanceRow) instance() (eval.Instance, error) {
	var out eval.Instance
	err := json.Unmarshal([]byte(i.Instance), &out)
	return out, err
}

func instances(ctx context.Context, q bun.IDB, name string) ([]instanceRow, error) {
	var rows []instanceRow
	err := q.NewSelect().Model(&rows).Where("rule = ?", name).OrderExpr("id").Scan(ctx)
	return rows, err
}

func saveInstance(ctx context.Context, tx *db.Tx, r instanceRow) error {
	_, err := tx.NewInsert().Model(&r).On("CONFLICT (rule, id) DO UPDATE").Exec(ctx)
	return err
}

func dropInstance(ctx context.Context, tx *db.Tx, rule, id string) error {
	_, err := tx.NewRaw("DELETE FROM rule_instances WHERE rule = ? AND id = ?", rule, id).Exec(ctx)
	return err
}
