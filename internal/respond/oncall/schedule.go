package oncall

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
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
	"github.com/mainstay-ops/mainstay/internal/respond/oncall/rota"
)

const (
	maxLayers  = 20
	maxMembers = 200
)

// rotation hands the duty from member to member; members are e-mail addresses.
type rotation struct {
	Name    string           `yaml:"name,omitempty" json:"name,omitempty"`
	Members []string         `yaml:"members,flow" json:"members" required:"true" doc:"E-mail addresses, in the order of their turns."`
	Every   observe.Duration `yaml:"every" json:"every" required:"true" doc:"Length of a turn, such as 168h."`
	Starts  string           `yaml:"starts" json:"starts" required:"true" doc:"Local time of the first turn, such as 2026-11-02T09:00:00."`
}

// schedule is also its entry in ops.yaml. A later rotation wins over an earlier one.
type schedule struct {
	Name      string     `yaml:"name" json:"name" required:"true"`
	TimeZone  string     `yaml:"time_zone,omitempty" json:"time_zone" doc:"IANA zone of all hand-overs; empty means UTC."`
	Rotations []rotation `yaml:"rotations" json:"rotations" required:"true"`
}

type scheduleRow struct {
	bun.BaseModel `bun:"oncall_schedules"`

	Name      string    `bun:"name,pk"`
	TimeZone  string    `bun:"time_zone"`
	Rotations string    `bun:"rotations"`
	CreatedAt time.Time `bun:"created_at"`
	UpdatedAt time.Time `bun:"updated_at"`
	Version   int64     `bun:"version"`
}

// layer is a rotation as it is stored: members are account ids.
type layer struct {
	Name    string           `json:"name,omitempty"`
	Members []string         `json:"members"`
	Every   observe.Duration `json:"every"`
	Starts  string           `json:"starts"`
}

// override puts a person on call for a while.
type override struct {
	bun.BaseModel `bun:"oncall_overrides" json:"-"`

	ID        string    `bun:"id,pk" json:"id"`
	Schedule  string    `bun:"schedule" json:"schedule"`
	AccountID string    `bun:"account_id" json:"account_id"`
	From      time.Time `bun:"starts_at" json:"from"`
	To        time.Time `bun:"ends_at" json:"to"`
	CreatedAt time.Time `bun:"created_at" json:"-"`
}

func scheduleNames(ctx context.Context, q bun.IDB) ([]string, error) {
	var names []string
	err := q.NewRaw("SELECT name FROM oncall_schedules ORDER BY name LIMIT 5000").Scan(ctx, &names)
	return names, err
}

func (s *Service) row(ctx context.Context, q bun.IDB, name string) (scheduleRow, error) {
	var r scheduleRow
	err := q.NewSelect().Model(&r).Where("name = ?", name).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		known, err := scheduleNames(ctx, q)
		if err != nil {
			return r, err
		}
		return r, errs.New(errs.NotFound, "There is no schedule %s%s.", name, strict.DidYouMean(name, known))
	}
	return r, err
}

func (r scheduleRow) layers() ([]layer, error) {
	var ls []layer
	err := json.Unmarshal([]byte(r.Rotations), &ls)
	return ls, err
}

// zone is never nil: what is stored was checked, and what a newer zone table has
// dropped is read as UTC.
func (r scheduleRow) zone() *time.Location {
	z, err := time.LoadLocation(r.TimeZone)
	if err != nil {
		return time.UTC
	}
	return z
}

// rota makes the pure schedule of what touches the time from a moment on.
func (s *Service) rota(ctx context.Context, q bun.IDB, r scheduleRow, from time.Time) (rota.Schedule, []layer, []override, error) {
	ls, err := r.layers()
	if err != nil {
		return rota.Schedule{}, nil, nil, err
	}
	var os []override
	if err := q.NewSelect().Model(&os).Where("schedule = ? AND ends_at > ?", r.Name, from.UTC()).OrderExpr("id").Limit(5000).Scan(ctx); err != nil {
		return rota.Schedule{}, nil, nil, err
	}
	out := rota.Schedule{Zone: r.zone()}
	for _, l := range ls {
		out.Layers = append(out.Layers, rota.Rotation{Members: l.Members, Every: l.Every.D(), Starts: l.Starts})
	}
	for _, o := range os {
		out.Overrides = append(out.Overrides, rota.Override{Member: o.AccountID, Start: o.From, End: o.To})
	}
	return out, ls, os, nil
}

// view turns account ids back into addresses.
func view(ctx context.Context, q bun.IDB, r scheduleRow) (schedule, error) {
	ls, err := r.layers()
	if err != nil {
		return schedule{}, err
	}
	var ids []string
	for _, l := range ls {
		ids = append(ids, l.Members...)
	}
	people, err := account.ByIDs(ctx, q, ids)
	if err != nil {
		return schedule{}, err
	}
	out := schedule{Name: r.Name, TimeZone: r.TimeZone, Rotations: []rotation{}}
	for _, l := range ls {
		x := rotation{Name: l.Name, Every: l.Every, Starts: l.Starts, Members: []string{}}
		for _, m := range l.Members {
			if a, ok := people[m]; ok {
				x.Members = append(x.Members, a.Email)
			}
		}
		out.Rotations = append(out.Rotations, x)
	}
	return out, nil
}

func checkSchedule(in schedule) error {
	if err := account.CheckName("name", in.Name); err != nil {
		return err
	}
	var bad []errs.Field
	zone, err := time.LoadLocation(in.TimeZone)
	if err != nil || in.TimeZone == "Local" {
		zone = time.UTC
		bad = append(bad, errs.Field{Path: "time_zone", Value: in.TimeZone, Message: "must be an IANA zone such as Europe/Berlin"})
	}
	if len(in.Rotations) == 0 || len(in.Rotations) > maxLayers {
		bad = append(bad, errs.Field{Path: "rotations", Message: fmt.Sprintf("must hold 1 to %d rotations", maxLayers)})
	}
	r := rota.Schedule{Zone: zone}
	for i, x := range in.Rotations {
		if len(x.Members) > maxMembers || len(x.Name) > 200 {
			bad = append(bad, errs.Field{Path: fmt.Sprintf("rotations[%d].members", i), Message: fmt.Sprintf("must name at most %d people", maxMembers)})
		}
		r.Layers = append(r.Layers, rota.Rotation{Members: x.Members, Every: x.Every.D(), Starts: x.Starts})
	}
	for _, f := range errs.FieldsOf(r.Validate()) {
		f.Path = strings.Replace(f.Path, "layers[", "rotations[", 1)
		bad = append(bad, f)
	}
	return errs.Fields(bad...)
}

// saveSchedule makes or changes a schedule; people who have no account get one.
func (s *Service) saveSchedule(ctx context.Context, tx *db.Tx, in schedule, ifMatch func(int64) error) (apply.Outcome, error) {
	if err := checkSchedule(in); err != nil {
		return "", err
	}
	old, err := s.row(ctx, tx, in.Name)
	found := err == nil
	if err != nil && !errs.Is(err, errs.NotFound) {
		return "", err
	}
	if err := ifMatch(old.Version); err != nil {
		return "", err
	}
	ls := make([]layer, len(in.Rotations))
	var bad []errs.Field
	for i, r := range in.Rotations {
		ls[i] = layer{Name: r.Name, Every: r.Every, Starts: r.Starts}
		for j, m := range r.Members {
			a, _, err := s.accounts.Ensure(ctx, tx, m)
			if errs.Is(err, errs.Invalid) {
				bad = append(bad, errs.Field{Path: fmt.Sprintf("rotations[%d].members[%d]", i, j), Value: m, Message: "must be one e-mail address such as ops@example.org"})
				continue
			}
			if err != nil {
				return "", err
			}
			ls[i].Members = append(ls[i].Members, a.ID)
		}
	}
	if err := errs.Fields(bad...); err != nil {
		return "", err
	}
	text, err := json.Marshal(ls)
	if err != nil {
		return "", err
	}
	ch := audit.Change{Action: "schedule.create", Ref: entity.Ref{Kind: "schedule", ID: in.Name}, Name: in.Name, After: in}
	outcome := apply.Created
	if found {
		before, err := view(ctx, tx, old)
		if err != nil {
			return "", err
		}
		var was []layer
		if was, err = old.layers(); err != nil {
			return "", err
		}
		if old.TimeZone == in.TimeZone && reflect.DeepEqual(was, ls) {
			return apply.Unchanged, nil
		}
		ch.Action, ch.Before, outcome = "schedule.update", before, apply.Updated
	}
	_, err = tx.NewRaw("INSERT INTO oncall_schedules (name, time_zone, rotations, created_at, updated_at, version) VALUES (?, ?, ?, ?, ?, 1) ON CONFLICT (name) DO UPDATE SET time_zone = excluded.time_zone, rotations = excluded.rotations, updated_at = excluded.updated_at, version = oncall_schedules.version + 1",
		in.Name, in.TimeZone, string(text), tx.Now(), tx.Now()).Exec(ctx)
	if err != nil {
		return "", err
	}
	s.changed(tx, in.Name)
	return outcome, audit.Write(ctx, tx, ch)
}

func (s *Service) deleteSchedule(ctx context.Context, tx *db.Tx, name string) error {
	r, err := s.row(ctx, tx, name)
	if err != nil {
		return err
	}
	by, err := s.usedBy(ctx, tx, func(t target) bool { return t.Schedule == name })
	if err != nil {
		return err
	}
	if by != "" {
		return errs.New(errs.Conflict, "The schedule %s is used by the escalation %s. Change that first.", name, by)
	}
	before, err := view(ctx, tx, r)
	if err != nil {
		return err
	}
	if _, err := tx.NewRaw("DELETE FROM oncall_schedules WHERE name = ?", name).Exec(ctx); err != nil {
		return err
	}
	s.changed(tx, name)
	return audit.Write(ctx, tx, audit.Change{Action: "schedule.delete", Ref: entity.Ref{Kind: "schedule", ID: name}, Name: name, Before: before})
}
