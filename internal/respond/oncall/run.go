package oncall

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

// States of a run.
const (
	runRunning = "running"
	runStopped = "stopped" // somebody answered, or it is over
	runDone    = "done"    // every step was taken
)

// run is an escalation at work for one incident. Round, Step and DueAt say what
// comes next; they are moved in the transaction that takes the step, so each step
// is taken once, whenever the program was killed.
type run struct {
	bun.BaseModel `bun:"escalation_runs"`

	ID         string `bun:"id,pk"`
	IncidentID string `bun:"incident_id"`
	Escalation string `bun:"escalation"`
	// Definition is the escalation as it was at the opening.
	Definition string    `bun:"definition"`
	OpenedAt   time.Time `bun:"opened_at"`
	// FirstRound makes the rounds of a later run of the same incident differ.
	FirstRound int       `bun:"first_round"`
	Round      int       `bun:"round"`
	Step       int       `bun:"step"`
	State      string    `bun:"state"`
	DueAt      time.Time `bun:"due_at"`
}

// stepArgs is a step that comes due.
type stepArgs struct {
	Run   string `json:"run"`
	Round int    `json:"round"`
	Step  int    `json:"step"`
}

// Kind implements job.Args.
func (stepArgs) Kind() string { return "oncall.step" }

// start begins an escalation; its first steps may be due at once.
func (s *Service) start(ctx context.Context, tx *db.Tx, incidentID, name string, at time.Time) error {
	e, _, err := s.escalation(ctx, tx, name)
	if errs.Is(err, errs.NotFound) {
		return s.incidents.Note(ctx, tx, incidentID, "escalation", "Nobody is told: "+errs.Message(err), nil)
	}
	if err != nil {
		return err
	}
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if _, err := tx.NewRaw("UPDATE escalation_runs SET state = ? WHERE incident_id = ? AND state = ?", runStopped, incidentID, runRunning).Exec(ctx); err != nil {
		return err
	}
	var first int
	if err := tx.NewRaw("SELECT COALESCE(MAX(first_round + round + 1), 0) FROM escalation_runs WHERE incident_id = ?", incidentID).Scan(ctx, &first); err != nil {
		return err
	}
	r := &run{ID: id.New(), IncidentID: incidentID, Escalation: name, Definition: string(text), OpenedAt: at.UTC(), FirstRound: first, State: runRunning, DueAt: at.UTC().Add(e.due(0, 0))}
	if _, err := tx.NewInsert().Model(r).Exec(ctx); err != nil {
		return err
	}
	return s.advance(ctx, tx, r, e)
}

// advance takes every step that is due and plans the next one.
func (s *Service) advance(ctx context.Context, tx *db.Tx, r *run, e escalation) error {
	for {
		if r.DueAt.After(tx.Now()) {
			if err := s.save(ctx, tx, r); err != nil {
				return err
			}
			return s.jobs.Insert(ctx, tx, stepArgs{Run: r.ID, Round: r.Round, Step: r.Step}, job.Options{At: r.DueAt, Queue: "escalation"})
		}
		told, err := s.take(ctx, tx, r, e)
		if err != nil {
			return err
		}
		if !s.next(r, e, told, tx.Now()) {
			return s.finish(ctx, tx, r, e, told)
		}
	}
}

// next moves r to the step after; false when there is none. Where nobody was told
// the next step of the round comes at once.
func (s *Service) next(r *run, e escalation, told bool, now time.Time) bool {
	if r.Step+1 < len(e.Steps) {
		r.Step++
		r.DueAt = r.OpenedAt.Add(e.due(r.Round, r.Step))
		if !told && r.DueAt.After(now) {
			r.DueAt = now
		}
		return true
	}
	if r.Round >= e.Repeat {
		return false
	}
	r.Round, r.Step = r.Round+1, 0
	r.DueAt = r.OpenedAt.Add(e.due(r.Round, 0))
	return true
}

func (s *Service) finish(ctx context.Context, tx *db.Tx, r *run, e escalation, told bool) error {
	r.State = runDone
	if err := s.save(ctx, tx, r); err != nil {
		return err
	}
	// The last step leaves its people the time of a pause to answer, then the
	// catch-all is told. A step that reached nobody has told it already.
	if e.CatchAll == "" || !told {
		return nil
	}
	pause := e.RepeatAfter.D()
	if pause == 0 {
		pause = defaultRepeatAfter
	}
	return s.jobs.Insert(ctx, tx, catchArgs{Run: r.ID}, job.Options{At: tx.Now().Add(pause), Queue: "escalation"})
}

func (s *Service) save(ctx context.Context, tx *db.Tx, r *run) error {
	_, err := tx.NewUpdate().Model(r).Column("round", "step", "state", "due_at").WherePK().Exec(ctx)
	return err
}

// stepDue is the job. A step that was taken meanwhile, or a run that has ended,
// leaves nothing to do.
func (s *Service) stepDue(ctx context.Context, a stepArgs, _ job.Meta) error {
	return s.db.InTx(access.AsSystem(ctx), func(ctx context.Context, tx *db.Tx) error {
		r, e, err := s.load(ctx, tx, a.Run)
		if err != nil || r == nil || r.State != runRunning || r.Round != a.Round || r.Step != a.Step {
			return err
		}
		return s.advance(ctx, tx, r, e)
	})
}

// load locks the run, so that a step and an acknowledgement take turns.
func (s *Service) load(ctx context.Context, tx *db.Tx, runID string) (*run, escalation, error) {
	var r run
	var e escalation
	q := tx.NewSelect().Model(&r).Where("id = ?", runID)
	if tx.Kind() == db.Postgres {
		q = q.For("UPDATE")
	}
	if err := q.Scan(ctx); err != nil {
		if errors.Is(err, sql.ErrNoRows) {
			return nil, e, nil
		}
		return nil, e, err
	}
	r.OpenedAt, r.DueAt = r.OpenedAt.UTC(), r.DueAt.UTC()
	err := json.Unmarshal([]byte(r.Definition), &e)
	return &r, e, err
}

// take tells everybody of one step and writes down who that was.
func (s *Service) take(ctx context.Context, tx *db.Tx, r *run, e escalation) (told bool, err error) {
	who, missing, err := s.resolve(ctx, tx, e.Steps[r.Step], tx.Now())
	if err != nil {
		return false, err
	}
	reason := respond.ReasonProblem
	switch {
	case r.Round > 0:
		reason = respond.ReasonReminder
	case r.Step > 0:
		reason = respond.ReasonEscalation
	}
	var names []string
	for _, w := range who {
		if err := s.tell(ctx, tx, r, w, reason); err != nil {
			return false, err
		}
		names = append(names, w.label)
	}
	label := fmt.Sprintf("Step %d", r.Step+1)
	if r.FirstRound+r.Round > 0 {
		label = fmt.Sprintf("Round %d, step %d", r.FirstRound+r.Round+1, r.Step+1)
	}
	body := label + ": told " + list(names) + "."
	if len(names) == 0 {
		body = label + ": nobody could be told."
	}
	if len(missing) > 0 {
		body += " " + strings.Join(missing, " ")
	}
	if len(names) == 0 && e.CatchAll != "" {
		if err := s.tell(ctx, tx, r, recipient{Target: respond.Target{Channel: e.CatchAll}}, reason); err != nil {
			return false, err
		}
		body += " Told the catch-all channel " + e.CatchAll + "."
	}
	return len(names) > 0, s.incidents.Note(ctx, tx, r.IncidentID, "escalation", body, map[string]any{"escalation": r.Escalation, "round": r.FirstRound + r.Round + 1, "step": r.Step + 1, "told": len(names)})
}

func (s *Service) tell(ctx context.Context, tx *db.Tx, r *run, w recipient, reason string) error {
	key := fmt.Sprintf("%s/problem/%d/%d/%s", r.IncidentID, r.FirstRound+r.Round, r.Step, keyOf(w.Target))
	return s.notifier.Notify(ctx, tx, w.Target, respond.Message{IncidentID: r.IncidentID, Reason: reason, Key: key, Ack: true})
}

func keyOf(t respond.Target) string {
	if t.AccountID != "" {
		return t.AccountID
	}
	return "channel:" + t.Channel
}

// recipient is one target with what the timeline calls it.
type recipient struct {
	respond.Target
	label string
}

// resolve finds who a step means now, each once, and says who is missing.
func (s *Service) resolve(ctx context.Context, tx *db.Tx, st step, at time.Time) (who []recipient, missing []string, err error) {
	seen := map[respond.Target]bool{}
	add := func(t respond.Target, label string) {
		if !seen[t] {
			seen[t] = true
			who = append(who, recipient{t, label})
		}
	}
	for _, t := range st.Notify {
		switch {
		case t.Channel != "":
			has, err := s.channels.HasChannel(ctx, tx, t.Channel)
			if err != nil {
				return nil, nil, err
			}
			if !has {
				missing = append(missing, "There is no channel "+t.Channel+" any more.")
				continue
			}
			add(respond.Target{Channel: t.Channel}, "channel "+t.Channel)
		case t.Person != "":
			a, err := account.ByEmail(ctx, tx, t.Person)
			if err != nil && !errs.Is(err, errs.NotFound) {
				return nil, nil, err
			}
			if err != nil || a.Disabled {
				missing = append(missing, t.Person+" has no account that can be told.")
				continue
			}
			add(respond.Target{AccountID: a.ID}, a.Name)
		default:
			on, err := s.OnCallNow(ctx, tx, t.Schedule, at)
			if errs.Is(err, errs.NotFound) {
				missing = append(missing, "There is no schedule "+t.Schedule+" any more.")
				continue
			}
			if err != nil {
				return nil, nil, err
			}
			if len(on) == 0 {
				missing = append(missing, "Nobody is on call in "+t.Schedule+".")
			}
			for _, o := range on {
				a, err := account.ByID(ctx, tx, o.AccountID)
				if err != nil && !errs.Is(err, errs.NotFound) {
					return nil, nil, err
				}
				if err != nil || a.Disabled {
					missing = append(missing, "Whoever is on call in "+t.Schedule+" has no account that can be told.")
					continue
				}
				add(respond.Target{AccountID: a.ID}, a.Name+" ("+t.Schedule+")")
			}
		}
	}
	return who, missing, nil
}

func list(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
