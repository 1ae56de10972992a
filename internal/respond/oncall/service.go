package oncall

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/respond"
	"github.com/mainstay-ops/mainstay/internal/respond/oncall/rota"
)

// ahead is how far the next hand-over is looked for.
const ahead = 60 * 24 * time.Hour

// Service is the use cases of schedules and escalations.
type Service struct {
	keep     time.Duration // how long escalations that ended are kept
	db       *db.DB
	jobs     *job.Runner
	live     *live.Hub
	accounts *account.Service

	incidents respond.Incidents
	notifier  respond.Notifier
	channels  respond.Channels
}

func (s *Service) changed(tx *db.Tx, name string) {
	tx.AfterCommit(func() { s.live.Send(live.Note{Topic: "oncall", Kind: "changed", ID: name}) })
}

// OnCallNow implements respond.Roster.
func (s *Service) OnCallNow(ctx context.Context, q bun.IDB, name string, at time.Time) ([]respond.OnCall, error) {
	r, err := s.row(ctx, q, name)
	if err != nil {
		return nil, err
	}
	sc, _, _, err := s.rota(ctx, q, r, at)
	if err != nil {
		return nil, err
	}
	var out []respond.OnCall
	for _, o := range sc.At(at) {
		until, found := sc.NextHandover(at, ahead)
		if !found {
			until = at.Add(ahead)
		}
		out = append(out, respond.OnCall{Schedule: name, AccountID: o.Member, Until: until.UTC()})
	}
	return out, nil
}

// person is how the API shows whoever has a shift.
type person struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email"`
}

// duty is who has one schedule now.
type duty struct {
	Schedule string     `json:"schedule"`
	TimeZone string     `json:"time_zone"`
	Person   *person    `json:"person,omitempty" doc:"Absent when nobody is on call."`
	Override bool       `json:"override" doc:"Whether the person took the shift over."`
	Until    *time.Time `json:"until,omitempty" doc:"The next hand-over within 60 days."`
	Next     *person    `json:"next,omitempty" doc:"Who comes then; absent when nobody does."`
}

func (s *Service) duties(ctx context.Context, at time.Time) ([]duty, error) {
	q := s.db.Reader()
	var rows []scheduleRow
	if err := q.NewSelect().Model(&rows).OrderExpr("name").Limit(5000).Scan(ctx); err != nil {
		return nil, err
	}
	out := make([]duty, len(rows))
	next := make([]string, len(rows))
	now := make([]string, len(rows))
	var ids []string
	for i, r := range rows {
		sc, _, _, err := s.rota(ctx, q, r, at)
		if err != nil {
			return nil, err
		}
		out[i] = duty{Schedule: r.Name, TimeZone: r.TimeZone}
		if on := sc.At(at); len(on) > 0 {
			now[i], out[i].Override = on[0].Member, on[0].Layer == rota.OverrideLayer
		}
		change, ok := sc.NextHandover(at, ahead)
		if now[i] == "" {
			// In a gap the next hand-over is the beginning of the next shift.
			ok = false
			if sh := sc.Shifts(at, at.Add(ahead)); len(sh) > 0 {
				change, ok = sh[0].Start, true
			}
		}
		if ok {
			u := change.UTC()
			out[i].Until = &u
			if on := sc.At(change); len(on) > 0 {
				next[i] = on[0].Member
			}
		}
		ids = append(ids, now[i], next[i])
	}
	people, err := account.ByIDs(ctx, q, ids)
	for i := range out {
		out[i].Person, out[i].Next = personOf(people, now[i]), personOf(people, next[i])
	}
	return out, err
}

func personOf(people map[string]account.Account, accountID string) *person {
	a, ok := people[accountID]
	if !ok {
		return nil
	}
	return &person{ID: a.ID, Name: a.Name, Email: a.Email}
}

// shift is a stretch of the final schedule.
type shift struct {
	Person     *person   `json:"person,omitempty"`
	From       time.Time `json:"from"`
	To         time.Time `json:"to"`
	Layer      int       `json:"layer" doc:"Index of the rotation; -1 for an override."`
	Rotation   string    `json:"rotation,omitempty"`
	Override   bool      `json:"override"`
	OverrideID string    `json:"override_id,omitempty" doc:"To remove the override."`
}

type gap struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

type shiftsBody struct {
	Schedule string  `json:"schedule"`
	TimeZone string  `json:"time_zone"`
	Items    []shift `json:"items"`
	Gaps     []gap   `json:"gaps" doc:"When nobody is on call."`
}

const maxShifts = 5000

func (s *Service) shifts(ctx context.Context, name string, from, to time.Time) (shiftsBody, error) {
	if from.IsZero() {
		from = s.db.Clock().Now()
	}
	if to.IsZero() {
		to = from.AddDate(0, 0, 28)
	}
	from, to = from.UTC(), to.UTC()
	if !from.Before(to) || to.Sub(from) > 400*24*time.Hour {
		return shiftsBody{}, errs.Fields(errs.Field{Path: "to", Value: to.Format(time.RFC3339), Message: "must be after from, at most 400 days"})
	}
	q := s.db.Reader()
	r, err := s.row(ctx, q, name)
	if err != nil {
		return shiftsBody{}, err
	}
	sc, layers, overrides, err := s.rota(ctx, q, r, from)
	if err != nil {
		return shiftsBody{}, err
	}
	list := sc.Shifts(from, to)
	if len(list) > maxShifts {
		return shiftsBody{}, errs.Fields(errs.Field{Path: "to", Message: "covers too many shifts; ask for a shorter time"})
	}
	var ids []string
	for _, x := range list {
		ids = append(ids, x.Member)
	}
	people, err := account.ByIDs(ctx, q, ids)
	out := shiftsBody{Schedule: r.Name, TimeZone: r.TimeZone, Items: []shift{}, Gaps: []gap{}}
	for _, x := range list {
		v := shift{Person: personOf(people, x.Member), From: x.Start.UTC(), To: x.End.UTC(), Layer: x.Layer, Override: x.Layer == rota.OverrideLayer}
		if !v.Override {
			v.Rotation = layers[x.Layer].Name
		}
		for _, o := range overrides {
			if v.Override && o.AccountID == x.Member && !x.Start.Before(o.From) && x.Start.Before(o.To) {
				v.OverrideID = o.ID
			}
		}
		out.Items = append(out.Items, v)
	}
	for _, g := range sc.Gaps(from, to) {
		out.Gaps = append(out.Gaps, gap{g.Start.UTC(), g.End.UTC()})
	}
	return out, err
}

// overrideIn puts a person on call for a while.
type overrideIn struct {
	Person string    `json:"person,omitempty" maxLength:"254" doc:"E-mail address; yourself when it is not given."`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
}

const maxOverride = 90 * 24 * time.Hour

// mayGive lets everybody with the permission take a shift, and those who may
// change schedules give one to others.
func mayGive(ctx context.Context, accountID string) error {
	p := access.From(ctx)
	if p != nil && p.ID == accountID || p.Can(respond.WriteOncall) {
		return nil
	}
	return errs.New(errs.Forbidden, "You can take a shift yourself; giving it to others needs the permission %s.", respond.WriteOncall.Name)
}

func (s *Service) addOverride(ctx context.Context, tx *db.Tx, name string, in overrideIn) (*override, error) {
	r, err := s.row(ctx, tx, name)
	if err != nil {
		return nil, err
	}
	now := tx.Now()
	switch {
	case !in.From.Before(in.To):
		return nil, errs.Fields(errs.Field{Path: "to", Value: in.To.Format(time.RFC3339), Message: "must be after from"})
	case in.To.Sub(in.From) > maxOverride:
		return nil, errs.Fields(errs.Field{Path: "to", Value: in.To.Format(time.RFC3339), Message: "must be at most 90 days after from"})
	case !in.To.After(now):
		return nil, errs.Fields(errs.Field{Path: "to", Value: in.To.Format(time.RFC3339), Message: "must be in the future"})
	}
	var a *account.Account
	if in.Person == "" {
		p := access.From(ctx)
		if p == nil || p.ID == "" {
			return nil, errs.Fields(errs.Field{Path: "person", Message: "must be an e-mail address; this token stands for nobody"})
		}
		a, err = account.ByID(ctx, tx, p.ID)
	} else {
		a, err = account.ByEmail(ctx, tx, in.Person)
	}
	if err != nil {
		return nil, err
	}
	if a.Disabled {
		return nil, errs.Fields(errs.Field{Path: "person", Value: a.Email, Message: "is disabled and cannot be on call"})
	}
	if err := mayGive(ctx, a.ID); err != nil {
		return nil, err
	}
	o := &override{ID: id.New(), Schedule: r.Name, AccountID: a.ID, From: in.From.UTC(), To: in.To.UTC(), CreatedAt: now}
	if _, err := tx.NewInsert().Model(o).Exec(ctx); err != nil {
		return nil, err
	}
	s.changed(tx, r.Name)
	return o, audit.Write(ctx, tx, audit.Change{Action: "override.create", Ref: entity.Ref{Kind: "schedule", ID: r.Name}, Name: r.Name, After: o})
}

func (s *Service) removeOverride(ctx context.Context, tx *db.Tx, name, overrideID string) error {
	var o override
	err := tx.NewSelect().Model(&o).Where("id = ? AND schedule = ?", overrideID, name).Scan(ctx)
	if err := db.NotFound(err, "There is no such override."); err != nil {
		return err
	}
	if err := mayGive(ctx, o.AccountID); err != nil {
		return err
	}
	if _, err := tx.NewDelete().Model(&o).WherePK().Exec(ctx); err != nil {
		return err
	}
	s.changed(tx, name)
	return audit.Write(ctx, tx, audit.Change{Action: "override.delete", Ref: entity.Ref{Kind: "schedule", ID: name}, Name: name, Before: o})
}
