package oncall

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/strict"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

const (
	maxSteps   = 30
	maxTargets = 30
	maxRepeat  = 100
	maxAfter   = 7 * 24 * time.Hour
	// defaultRepeatAfter is the pause before another round when none is given.
	defaultRepeatAfter = 15 * time.Minute
)

// target is who a step tells: exactly one is set.
type target struct {
	Schedule string `yaml:"schedule,omitempty" json:"schedule,omitempty"`
	Person   string `yaml:"person,omitempty" json:"person,omitempty" doc:"An e-mail address."`
	Channel  string `yaml:"channel,omitempty" json:"channel,omitempty"`
}

// step tells all its targets at once, After the incident was opened.
type step struct {
	Notify []target         `yaml:"notify,flow" json:"notify" required:"true"`
	After  observe.Duration `yaml:"after" json:"after" doc:"Counted from the opening of the incident, or from the beginning of the round."`
}

// escalation is also its entry in ops.yaml.
type escalation struct {
	Name        string           `yaml:"name" json:"name" required:"true"`
	Steps       []step           `yaml:"steps" json:"steps" required:"true"`
	Repeat      int              `yaml:"repeat,omitempty" json:"repeat,omitempty" minimum:"0" maximum:"100" doc:"How many more rounds follow the first."`
	RepeatAfter observe.Duration `yaml:"repeat_after,omitempty" json:"repeat_after,omitempty" doc:"Pause between the last step and the next round; 15m when it is not given."`
	CatchAll    string           `yaml:"catch_all,omitempty" json:"catch_all,omitempty" doc:"Channel that is told when a step reaches nobody, or when nobody has answered in the end."`
}

// due is when a step comes, counted from the opening.
func (e escalation) due(round, i int) time.Duration {
	pause := e.RepeatAfter.D()
	if pause == 0 {
		pause = defaultRepeatAfter
	}
	return time.Duration(round)*(e.Steps[len(e.Steps)-1].After.D()+pause) + e.Steps[i].After.D()
}

type escalationRow struct {
	bun.BaseModel `bun:"oncall_escalations"`

	Name       string    `bun:"name,pk"`
	Definition string    `bun:"definition"`
	CreatedAt  time.Time `bun:"created_at"`
	UpdatedAt  time.Time `bun:"updated_at"`
	Version    int64     `bun:"version"`
}

func (r escalationRow) read() (escalation, error) {
	var e escalation
	err := json.Unmarshal([]byte(r.Definition), &e)
	return e, err
}

func (s *Service) escalation(ctx context.Context, q bun.IDB, name string) (escalation, int64, error) {
	var r escalationRow
	err := q.NewSelect().Model(&r).Where("name = ?", name).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		var known []string
		if err := q.NewRaw("SELECT name FROM oncall_escalations ORDER BY name LIMIT 200").Scan(ctx, &known); err != nil {
			return escalation{}, 0, err
		}
		return escalation{}, 0, errs.New(errs.NotFound, "There is no escalation %s%s.", name, strict.DidYouMean(name, known))
	}
	if err != nil {
		return escalation{}, 0, err
	}
	e, err := r.read()
	return e, r.Version, err
}

func (s *Service) escalations(ctx context.Context, q bun.IDB) ([]escalation, error) {
	var rows []escalationRow
	if err := q.NewSelect().Model(&rows).OrderExpr("name").Limit(5000).Scan(ctx); err != nil {
		return nil, err
	}
	out := make([]escalation, len(rows))
	for i, r := range rows {
		var err error
		if out[i], err = r.read(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// HasEscalation implements respond.Escalations.
func (s *Service) HasEscalation(ctx context.Context, q bun.IDB, name string) (bool, error) {
	n, err := q.NewSelect().Model((*escalationRow)(nil)).Where("name = ?", name).Count(ctx)
	return n > 0, err
}

// UsesChannel implements respond.ChannelUsers.
func (s *Service) UsesChannel(ctx context.Context, q bun.IDB, channel string) (string, error) {
	es, err := s.escalations(ctx, q)
	if err != nil {
		return "", err
	}
	for _, e := range es {
		if e.CatchAll == channel {
			return e.Name, nil
		}
	}
	return s.usedBy(ctx, q, func(t target) bool { return t.Channel == channel })
}

// usedBy names an escalation that has such a target.
func (s *Service) usedBy(ctx context.Context, q bun.IDB, is func(target) bool) (string, error) {
	es, err := s.escalations(ctx, q)
	for _, e := range es {
		for _, st := range e.Steps {
			if slices.ContainsFunc(st.Notify, is) {
				return e.Name, nil
			}
		}
	}
	return "", err
}

// checkShape looks at what needs no database.
func checkShape(e escalation) error {
	if err := account.CheckName("name", e.Name); err != nil {
		return err
	}
	var bad []errs.Field
	add := func(path, value, message string) {
		bad = append(bad, errs.Field{Path: path, Value: value, Message: message})
	}
	if len(e.Steps) == 0 || len(e.Steps) > maxSteps {
		add("steps", "", fmt.Sprintf("must hold 1 to %d steps", maxSteps))
	}
	if e.Repeat < 0 || e.Repeat > maxRepeat {
		add("repeat", "", fmt.Sprintf("must be from 0 to %d", maxRepeat))
	}
	if d := e.RepeatAfter.D(); d != 0 && (d < time.Minute || d > maxAfter) {
		add("repeat_after", e.RepeatAfter.String(), "must be between 1m and 168h")
	}
	before := time.Duration(0)
	for i, st := range e.Steps {
		p := fmt.Sprintf("steps[%d]", i)
		switch d := st.After.D(); {
		case d < 0 || d > maxAfter:
			add(p+".after", st.After.String(), "must be between 0s and 168h")
		case d < before:
			add(p+".after", st.After.String(), "must not be earlier than the step before it; it counts from the opening of the incident")
		default:
			before = d
		}
		if len(st.Notify) == 0 || len(st.Notify) > maxTargets {
			add(p+".notify", "", fmt.Sprintf("must name 1 to %d schedules, people or channels", maxTargets))
		}
		for j, t := range st.Notify {
			n := 0
			for _, v := range []string{t.Schedule, t.Person, t.Channel} {
				if v != "" {
					n++
				}
			}
			if n != 1 {
				add(fmt.Sprintf("%s.notify[%d]", p, j), "", "must have exactly one of schedule, person and channel")
			}
		}
	}
	return errs.Fields(bad...)
}

// checkNames looks whether what is named is there, and makes people who are new.
func (s *Service) checkNames(ctx context.Context, tx *db.Tx, e escalation) error {
	schedules, err := scheduleNames(ctx, tx)
	if err != nil {
		return err
	}
	channels, err := s.channels.ChannelNames(ctx, tx)
	if err != nil {
		return err
	}
	var bad []errs.Field
	known := func(path, kind, name string, all []string) {
		if name != "" && !slices.Contains(all, name) {
			bad = append(bad, errs.Field{Path: path, Value: name, Message: "is not a known " + kind + strict.DidYouMean(name, all)})
		}
	}
	known("catch_all", "channel", e.CatchAll, channels)
	for i, st := range e.Steps {
		for j, t := range st.Notify {
			p := fmt.Sprintf("steps[%d].notify[%d]", i, j)
			known(p+".schedule", "schedule", t.Schedule, schedules)
			known(p+".channel", "channel", t.Channel, channels)
			if t.Person == "" {
				continue
			}
			if _, _, err := s.accounts.Ensure(ctx, tx, t.Person); errs.Is(err, errs.Invalid) {
				bad = append(bad, errs.Field{Path: p + ".person", Value: t.Person, Message: "must be one e-mail address such as ops@example.org"})
			} else if err != nil {
				return err
			}
		}
	}
	return errs.Fields(bad...)
}

func (s *Service) saveEscalation(ctx context.Context, tx *db.Tx, e escalation, ifMatch func(int64) error) (apply.Outcome, error) {
	if err := checkShape(e); err != nil {
		return "", err
	}
	if err := s.checkNames(ctx, tx, e); err != nil {
		return "", err
	}
	old, version, err := s.escalation(ctx, tx, e.Name)
	found := err == nil
	if err != nil && !errs.Is(err, errs.NotFound) {
		return "", err
	}
	if err := ifMatch(version); err != nil {
		return "", err
	}
	if found && reflect.DeepEqual(old, e) {
		return apply.Unchanged, nil
	}
	text, err := json.Marshal(e)
	if err != nil {
		return "", err
	}
	_, err = tx.NewRaw("INSERT INTO oncall_escalations (name, definition, created_at, updated_at, version) VALUES (?, ?, ?, ?, 1) ON CONFLICT (name) DO UPDATE SET definition = excluded.definition, updated_at = excluded.updated_at, version = oncall_escalations.version + 1",
		e.Name, string(text), tx.Now(), tx.Now()).Exec(ctx)
	if err != nil {
		return "", err
	}
	s.changed(tx, e.Name)
	ch := audit.Change{Action: "escalation.create", Ref: entity.Ref{Kind: "escalation", ID: e.Name}, Name: e.Name, After: e}
	if found {
		ch.Action, ch.Before = "escalation.update", old
		return apply.Updated, audit.Write(ctx, tx, ch)
	}
	return apply.Created, audit.Write(ctx, tx, ch)
}

// deleteEscalation removes it. Runs that have begun go on with what they began with.
func (s *Service) deleteEscalation(ctx context.Context, tx *db.Tx, name string) error {
	old, _, err := s.escalation(ctx, tx, name)
	if err != nil {
		return err
	}
	if _, err := tx.NewRaw("DELETE FROM oncall_escalations WHERE name = ?", name).Exec(ctx); err != nil {
		return err
	}
	s.changed(tx, name)
	return audit.Write(ctx, tx, audit.Change{Action: "escalation.delete", Ref: entity.Ref{Kind: "escalation", ID: name}, Name: name, Before: old})
}
