package incident

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/core/record"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

func (s *Service) number(r *record.Record) string {
	return s.d.Records.Kind(respond.IncidentKind).Number(r.Number)
}

// load reads an incident so that two who change it take turns.
func (s *Service) load(ctx context.Context, tx *db.Tx, recordID string) (*record.Record, *row, error) {
	r, err := s.d.Records.Lock(ctx, tx, recordID)
	if err != nil {
		return nil, nil, err
	}
	if r.Kind != respond.IncidentKind {
		return nil, nil, errs.New(errs.NotFound, "There is no such incident.")
	}
	var in row
	if err := tx.NewSelect().Model(&in).Where("record_id = ?", recordID).Scan(ctx); err != nil {
		return nil, nil, db.NotFound(err, "There is no such incident.")
	}
	return r, &in, nil
}

func (s *Service) save(ctx context.Context, tx *db.Tx, in *row) error {
	_, err := tx.NewUpdate().Model(in).WherePK().Exec(ctx)
	return err
}

func (s *Service) say(ctx context.Context, tx *db.Tx, r *record.Record, kind, body string, data map[string]any) error {
	if utf8.RuneCountInString(body) > 8000 {
		body = string([]rune(body)[:8000]) + "…"
	}
	return s.d.Records.Say(ctx, tx, r, record.Entry{Kind: kind, Body: body, Data: data})
}

// move changes the state, keeps the row, tells, and sets the timer of the new state.
func (s *Service) move(ctx context.Context, tx *db.Tx, r *record.Record, in *row, to, note, mergedInto string) error {
	from := r.State
	moved, err := s.d.Records.Move(ctx, tx, r, to, note)
	if err != nil {
		return err
	}
	if err := s.save(ctx, tx, in); err != nil || !moved {
		return err
	}
	switch {
	case to == Restored && in.Resolve == auto && in.RestoredAt != nil && in.Source == "alert":
		err = s.timer(ctx, tx, r.ID, doResolve, *in.RestoredAt, tx.Now(), in.ResolveAfter)
	case to == Resolved && in.ResolvedAt != nil:
		err = s.timer(ctx, tx, r.ID, doClose, *in.ResolvedAt, tx.Now(), in.CloseAfter)
	}
	if err != nil {
		return err
	}
	return s.d.Events.Append(ctx, tx, respond.IncidentChanged{
		IncidentID: r.ID, Number: s.number(r), Title: r.Title, State: to, From: from,
		Actor: access.From(ctx).Actor(), Escalation: in.Escalation, MergedInto: mergedInto,
	})
}

// acknowledge says that somebody has it; the first who says so stays.
func (s *Service) acknowledge(ctx context.Context, tx *db.Tx, r *record.Record, in *row, via string) (bool, error) {
	if err := access.Check(ctx, respond.WriteIncidents, r.TeamID); err != nil {
		return false, err
	}
	if r.State != New {
		return false, nil
	}
	actor := access.From(ctx).Actor()
	if in.AcknowledgedAt == nil {
		now := tx.Now()
		in.AcknowledgedAt, in.AcknowledgedBy = &now, actor
	}
	note := "Acknowledged by " + actor
	if via != "" {
		note += " by " + via
	}
	return true, s.move(ctx, tx, r, in, Acknowledged, note+".", "")
}

// startWork notes when repair began; it acknowledges too.
func (s *Service) startWork(ctx context.Context, tx *db.Tx, r *record.Record, in *row) error {
	if !r.Open {
		return errs.New(errs.Conflict, "%s is %s. Reopen it first.", s.number(r), r.State)
	}
	if _, err := s.acknowledge(ctx, tx, r, in, ""); err != nil {
		return err
	}
	if in.WorkStartedAt != nil {
		return nil
	}
	now := tx.Now()
	in.WorkStartedAt = &now
	if err := s.say(ctx, tx, r, "state", "Work began.", nil); err != nil {
		return err
	}
	if err := audit.Write(ctx, tx, audit.Change{Action: "incident.work", Ref: r.Ref(), Name: s.number(r), After: map[string]any{"work_started_at": now}}); err != nil {
		return err
	}
	return s.save(ctx, tx, in)
}

// restore notes that the service works again, since at.
func (s *Service) restore(ctx context.Context, tx *db.Tx, r *record.Record, in *row, at time.Time, note string) error {
	if r.State == Restored {
		return nil
	}
	at = at.UTC()
	if at.Before(in.ImpactStartedAt) {
		at = in.ImpactStartedAt.UTC()
	}
	in.RestoredAt = &at
	return s.move(ctx, tx, r, in, Restored, note, "")
}

// resolve ends the work. An incident that nobody noted as restored counts as
// restored at the same moment.
func (s *Service) resolve(ctx context.Context, tx *db.Tx, r *record.Record, in *row, note, cause string) error {
	if r.State == Resolved {
		return nil
	}
	note = strings.TrimSpace(note)
	if note == "" {
		return errs.Fields(errs.Field{Path: "note", Message: "must say what was done"})
	}
	if utf8.RuneCountInString(note) > 4000 {
		return errs.Fields(errs.Field{Path: "note", Message: "must have at most 4000 characters"})
	}
	if !slices.Contains(causeCodes, cause) {
		return errs.Fields(errs.Field{Path: "cause_code", Value: cause, Message: "must be one of " + strings.Join(causeCodes, ", ")})
	}
	now := tx.Now()
	in.ResolvedAt, in.ResolutionNote, in.CauseCode = &now, note, cause
	if in.RestoredAt == nil {
		in.RestoredAt = &now
	}
	return s.move(ctx, tx, r, in, Resolved, note+" Cause: "+cause+".", "")
}

// reopen takes a resolved or restored incident back to work.
func (s *Service) reopen(ctx context.Context, tx *db.Tx, r *record.Record, in *row) error {
	if r.State == New || r.State == Acknowledged {
		return nil
	}
	note := "Reopened."
	if in.ResolvedAt != nil {
		note = fmt.Sprintf("Reopened; it had been resolved at %s UTC: %s", in.ResolvedAt.UTC().Format("2006-01-02 15:04:05"), in.ResolutionNote)
	}
	if in.AcknowledgedAt == nil {
		now := tx.Now()
		in.AcknowledgedAt, in.AcknowledgedBy = &now, access.From(ctx).Actor()
	}
	in.RestoredAt, in.ResolvedAt, in.ResolutionNote, in.CauseCode, in.ClearedAt = nil, nil, "", "", nil
	in.Reopens++
	return s.move(ctx, tx, r, in, Acknowledged, note, "")
}

// What a timer does when it is time.
const (
	doRestore = "restore"
	doResolve = "resolve"
	doClose   = "close"
)

// timerArgs name the moment that started the clock: when it is another by then,
// the timer is void.
type timerArgs struct {
	Incident string `json:"incident"`
	What     string `json:"what"`
	// Since in microseconds since 1970.
	Since int64 `json:"since"`
}

// Kind implements job.Args.
func (timerArgs) Kind() string { return "incident.timer" }

func (s *Service) timer(ctx context.Context, tx *db.Tx, recordID, what string, since, from time.Time, wait int64) error {
	return s.d.Jobs.Insert(ctx, tx, timerArgs{Incident: recordID, What: what, Since: since.UnixMicro()}, job.Options{At: from.Add(time.Duration(wait) * time.Second)})
}

func (s *Service) runTimer(ctx context.Context, a timerArgs, _ job.Meta) error {
	is := func(t *time.Time) bool { return t != nil && t.UnixMicro() == a.Since }
	return s.d.DB.InTx(access.AsSystem(ctx), func(ctx context.Context, tx *db.Tx) error {
		r, in, err := s.load(ctx, tx, a.Incident)
		if err != nil {
			if errs.Is(err, errs.NotFound) {
				return nil
			}
			return err
		}
		switch {
		case a.What == doRestore && (r.State == New || r.State == Acknowledged) && is(in.ClearedAt):
			return s.restore(ctx, tx, r, in, *in.ClearedAt, "All alerts have cleared.")
		case a.What == doResolve && r.State == Restored && is(in.RestoredAt):
			return s.resolve(ctx, tx, r, in, "Recovered by itself.", "recovered")
		case a.What == doClose && r.State == Resolved && is(in.ResolvedAt):
			return s.move(ctx, tx, r, in, Closed, "", "")
		}
		return nil
	})
}
