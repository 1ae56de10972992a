package oncall

import (
	"context"
	"fmt"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

// Subscribe implements module.HasEvents.
func (s *Service) Subscribe(r *event.Router) {
	event.On(r, s.opened)
	event.On(r, s.moved)
}

func (s *Service) opened(ctx context.Context, tx *db.Tx, f respond.IncidentOpened, m event.Meta) error {
	if f.Escalation == "" {
		return nil
	}
	ctx = access.AsSystem(ctx)
	// Delivery may be late, after a restart for example: an incident that somebody
	// has taken meanwhile needs nobody else.
	inc, err := s.incidents.ByID(ctx, tx, f.IncidentID)
	if err != nil || inc.State != "new" {
		return err
	}
	return s.start(ctx, tx, f.IncidentID, f.Escalation, m.At)
}

// moved stops the escalation as soon as somebody answers or it is over, tells the
// end to those who were told of the beginning, and begins anew when an incident
// is new again.
func (s *Service) moved(ctx context.Context, tx *db.Tx, f respond.IncidentChanged, m event.Meta) error {
	ctx = access.AsSystem(ctx)
	if f.State == "new" {
		if f.Escalation == "" {
			return nil
		}
		inc, err := s.incidents.ByID(ctx, tx, f.IncidentID)
		if err != nil || inc.State != "new" {
			return err
		}
		return s.start(ctx, tx, f.IncidentID, f.Escalation, m.At)
	}
	// A finished run is stopped too: its catch-all may still be waiting.
	if _, err := tx.NewRaw("UPDATE escalation_runs SET state = ? WHERE incident_id = ? AND state <> ?", runStopped, f.IncidentID, runStopped).Exec(ctx); err != nil {
		return err
	}
	reason := map[string]string{"restored": respond.ReasonRestored, "resolved": respond.ReasonResolved}[f.State]
	if reason == "" {
		return nil
	}
	told, err := s.notifier.Told(ctx, tx, f.IncidentID)
	if err != nil {
		return err
	}
	for _, t := range told {
		msg := respond.Message{IncidentID: f.IncidentID, Reason: reason, Key: fmt.Sprintf("%s/%s/%d/%s", f.IncidentID, reason, m.Seq, keyOf(t))}
		if err := s.notifier.Notify(ctx, tx, t, msg); err != nil {
			return err
		}
	}
	return nil
}

// catchArgs is the catch-all of a run in which nobody has answered.
type catchArgs struct {
	Run string `json:"run"`
}

// Kind implements job.Args.
func (catchArgs) Kind() string { return "oncall.catch_all" }

func (s *Service) catchAll(ctx context.Context, a catchArgs, _ job.Meta) error {
	return s.db.InTx(access.AsSystem(ctx), func(ctx context.Context, tx *db.Tx) error {
		r, e, err := s.load(ctx, tx, a.Run)
		if err != nil || r == nil || r.State != runDone || e.CatchAll == "" {
			return err
		}
		r.State = runStopped
		if err := s.save(ctx, tx, r); err != nil {
			return err
		}
		t := respond.Target{Channel: e.CatchAll}
		msg := respond.Message{IncidentID: r.IncidentID, Reason: respond.ReasonEscalation, Ack: true, Key: fmt.Sprintf("%s/problem/%d/end/%s", r.IncidentID, r.FirstRound+r.Round, keyOf(t))}
		if err := s.notifier.Notify(ctx, tx, t, msg); err != nil {
			return err
		}
		return s.incidents.Note(ctx, tx, r.IncidentID, "escalation", "Nobody has answered. Told the catch-all channel "+e.CatchAll+".", nil)
	})
}

// sweepArgs looks for steps whose job was lost.
type sweepArgs struct{}

// Kind implements job.Args.
func (sweepArgs) Kind() string { return "oncall.sweep" }

// lateBy is how long after its moment a step counts as lost.
const lateBy = time.Minute

// sweep takes steps that are overdue: their job was given up, for example because
// the database did not answer for a long time.
func (s *Service) sweep(ctx context.Context, _ sweepArgs, _ job.Meta) error {
	var late []run
	err := s.db.Reader().NewSelect().Model(&late).Where("state = ? AND due_at < ?", runRunning, s.db.Clock().Now().UTC().Add(-lateBy)).OrderExpr("due_at").Limit(500).Scan(ctx)
	if err != nil {
		return err
	}
	for _, r := range late {
		if err := s.stepDue(ctx, stepArgs{Run: r.ID, Round: r.Round, Step: r.Step}, job.Meta{}); err != nil {
			return err
		}
	}
	return nil
}
