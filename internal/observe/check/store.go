package check

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/secret"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/observe/check/state"
)

// row is a check as it is stored.
type row struct {
	bun.BaseModel `bun:"checks"`

	ID          string    `bun:"id,pk"`
	Name        string    `bun:"name"`
	ItemID      string    `bun:"item_id"`
	TeamID      string    `bun:"team_id"`
	Type        string    `bun:"type"`
	Probe       string    `bun:"probe"` // JSON, sealed when it holds secrets
	Target      string    `bun:"target"`
	EveryMS     int64     `bun:"every_ms"`
	RetryMS     int64     `bun:"retry_ms"`
	TimeoutMS   int64     `bun:"timeout_ms"`
	Attempts    int       `bun:"attempts"`
	FreshnessMS int64     `bun:"freshness_ms"`
	Settings    string    `bun:"settings"`
	Enabled     bool      `bun:"enabled"`
	RunFrom     string    `bun:"run_from"`
	CreatedAt   time.Time `bun:"created_at"`
	UpdatedAt   time.Time `bun:"updated_at"`
	Version     int64     `bun:"version"`
}

func (r *row) probeJSON(box *secret.Box) ([]byte, error) {
	if strings.HasPrefix(r.Probe, "{") || r.Probe == "" {
		return []byte(r.Probe), nil
	}
	s, err := box.Open(r.Probe)
	return []byte(s), err
}

// spec turns a row back into what people wrote; item is the item's name.
func (r *row) spec(box *secret.Box, item string) (Spec, error) {
	s := Spec{
		Name: r.Name, Item: item, Every: observe.Duration(time.Duration(r.EveryMS) * time.Millisecond), RetryEvery: observe.Duration(time.Duration(r.RetryMS) * time.Millisecond),
		Attempts: r.Attempts, Freshness: observe.Duration(time.Duration(r.FreshnessMS) * time.Millisecond), Disabled: !r.Enabled, From: r.RunFrom, Type: r.Type,
	}
	if err := json.Unmarshal([]byte(r.Settings), &s.Settings); err != nil {
		return s, err
	}
	if r.Type == PassiveType {
		return s, nil
	}
	raw, err := r.probeJSON(box)
	if err != nil {
		return s, err
	}
	t, ok := observe.ProbeTypeByName(r.Type)
	if !ok {
		return s, errs.New(errs.Invalid, "this program has no check type %s", r.Type)
	}
	cfg := t.New()
	if err := json.Unmarshal(raw, cfg); err != nil {
		return s, err
	}
	s.Probe = cfg
	return s, nil
}

func rowByName(ctx context.Context, q bun.IDB, name string) (*row, error) {
	var r row
	err := q.NewSelect().Model(&r).Where("name = ?", name).Scan(ctx)
	return &r, db.NotFound(err, "There is no check named %q.", name)
}

// savedState is a state as it was last written.
type savedState struct {
	CheckID   string
	State     string
	Result    string
	FirstAt   time.Time
	UpdatedAt time.Time
}

// lastResult is what lists show of the newest result.
type lastResult struct {
	At         time.Time `json:"at"`
	Output     string    `json:"output"`
	Detail     string    `json:"detail,omitempty"`
	DurationMS float64   `json:"duration_ms"`
}

// transition is one change of a state to be written, with its effects.
type transition struct {
	e      *entry
	was    state.Reach // before it
	known  bool        // whether there was a result before it
	st     state.State
	res    lastResult
	first  time.Time
	fx     []state.Effect
	at     time.Time
	output string
	item   string
}

// writeTransition stores t; facts are appended by the caller, unless kept is false:
// then the check has been removed meanwhile, and its problem was ended with it.
func writeTransition(ctx context.Context, tx *db.Tx, t *transition) (kept bool, err error) {
	js, err := json.Marshal(t.st)
	if err != nil {
		return false, err
	}
	rs, err := json.Marshal(t.res)
	if err != nil {
		return false, err
	}
	res, err := tx.NewRaw(`INSERT INTO check_states (check_id, state, result, first_at, updated_at) SELECT id, ?, ?, ?, ? FROM checks WHERE id = ?
ON CONFLICT (check_id) DO UPDATE SET state = excluded.state, result = excluded.result, updated_at = excluded.updated_at`,
		string(js), string(rs), t.first, tx.Now(), t.e.id).Exec(ctx)
	if err != nil {
		return false, err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	if err := writeReach(ctx, tx, t); err != nil {
		return false, err
	}
	for _, f := range t.fx {
		kind, from := "", f.From.String()
		switch f.Kind {
		case state.StateChanged:
			kind = "state"
			if !t.known {
				from = "pending"
			}
		case state.Notify:
			kind = "notice " + f.Notice.String()
		case state.Withheld:
			kind = "withheld " + f.Notice.String() + ": " + strings.Join(f.Reasons.Names(), ", ")
		default:
			continue
		}
		if _, err := tx.NewRaw("INSERT INTO check_history (id, check_id, at, from_state, to_state, hard, kind, problem_id, output) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			newID(), t.e.id, stampOr(f.At, t.at), from, f.To.String(), f.Hard, kind, f.ProblemID, t.output).Exec(ctx); err != nil {
			return false, err
		}
	}
	return true, writeOutage(ctx, tx, t)
}

// writeReach begins or ends the span in which the check is unreachable.
func writeReach(ctx context.Context, tx *db.Tx, t *transition) error {
	was, is := t.was != state.Reachable, t.st.Reach != state.Reachable
	var err error
	switch {
	case is && !was:
		_, err = tx.NewRaw("INSERT INTO check_unreachable (check_id, item_id, started_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", t.e.id, t.e.itemID, t.at.UTC()).Exec(ctx)
	case was && !is:
		_, err = tx.NewRaw("UPDATE check_unreachable SET ended_at = ? WHERE check_id = ? AND ended_at IS NULL", t.at.UTC(), t.e.id).Exec(ctx)
	}
	return err
}

func stampOr(s state.Stamp, t time.Time) time.Time {
	if s == 0 {
		return t.UTC()
	}
	return s.Time().Truncate(time.Microsecond)
}

// writeOutage opens, worsens or ends the outage of the problem.
func writeOutage(ctx context.Context, tx *db.Tx, t *transition) error {
	for _, f := range t.fx {
		switch {
		case f.Kind == state.StateChanged && f.Hard && f.To != observe.OK && f.ProblemID != "":
			_, err := tx.NewRaw(`INSERT INTO check_outages (problem_id, check_id, check_name, item_id, started_at, hard_at, ended_at, worst) VALUES (?, ?, ?, ?, ?, ?, NULL, ?)
ON CONFLICT (problem_id) DO UPDATE SET worst = CASE WHEN excluded.worst = 'critical' OR check_outages.worst = 'warning' THEN excluded.worst ELSE check_outages.worst END`,
				f.ProblemID, t.e.id, t.e.name, t.e.itemID, stampOr(f.Since, t.at), stampOr(f.At, t.at), f.To.String()).Exec(ctx)
			if err != nil {
				return err
			}
		case f.Kind == state.ProblemClosed:
			if _, err := tx.NewRaw("UPDATE check_outages SET ended_at = ? WHERE problem_id = ? AND ended_at IS NULL", stampOr(f.At, t.at), f.ProblemID).Exec(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// Change is one line of a check's history.
type Change struct {
	ID        string    `json:"id"`
	At        time.Time `json:"at"`
	From      string    `json:"from"`
	To        string    `json:"to"`
	Hard      bool      `json:"hard"`
	Kind      string    `json:"kind" doc:"state, notice or withheld, with its reasons."`
	ProblemID string    `json:"problem_id,omitempty"`
	Output    string    `json:"output"`
}

func history(ctx context.Context, q bun.IDB, checkID, before string, limit int) ([]Change, error) {
	cs := []Change{}
	where, args := "check_id = ?", []any{checkID}
	if before != "" {
		where, args = where+" AND id < ?", append(args, before)
	}
	err := q.NewRaw(`SELECT id, at, from_state AS "from", to_state AS "to", hard, kind, problem_id, output FROM check_history WHERE `+where+" ORDER BY id DESC LIMIT ?", append(args, limit)...).Scan(ctx, &cs)
	return cs, err
}
