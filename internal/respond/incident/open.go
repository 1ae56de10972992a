package incident

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/record"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

// open makes the incident of an alert that has no open one.
func (s *Service) open(ctx context.Context, tx *db.Tx, f respond.AlertFired, a around) error {
	p, err := s.policyFor(ctx, tx, subject{item: a.item, severity: f.Severity, labels: f.Labels, check: f.Check})
	if err != nil {
		return err
	}
	before, err := recent(ctx, tx, f, p.Name)
	if err != nil {
		return err
	}
	nr := record.NewRecord{Kind: respond.IncidentKind, Title: f.Title, Impact: a.level(), Urgency: urgency(f.Severity), TeamID: a.item.OwnerTeamID}
	in := &row{Source: "alert", ImpactStartedAt: f.ImpactStartedAt.UTC(), DetectedAt: f.DetectedAt.UTC(), AutoTitle: f.Title, RootAlert: f.AlertID, RootItem: f.ItemID, Output: f.Output}
	r, err := s.create(ctx, tx, nr, in, p)
	if err != nil {
		return err
	}
	if err := s.addAlert(ctx, tx, r, f); err != nil {
		return err
	}
	if before == "" {
		return nil
	}
	old, err := s.d.Records.ByID(ctx, tx, before)
	if err != nil {
		return err
	}
	return s.link(ctx, tx, r, old, "The trouble of "+s.number(old)+" came back.")
}

// create writes record and row, says why the priority is what it is, and tells.
func (s *Service) create(ctx context.Context, tx *db.Tx, nr record.NewRecord, in *row, p Policy) (*record.Record, error) {
	r, err := s.d.Records.Create(ctx, tx, nr)
	if err != nil {
		return nil, err
	}
	in.RecordID, in.Policy, in.Escalation, in.Resolve = r.ID, p.Name, p.Escalation, p.Resolve
	in.RestoreFor, in.ResolveAfter, in.CloseAfter = seconds(p.RestoreFor), seconds(p.ResolveAfter), seconds(p.CloseAfter)
	if _, err := tx.NewInsert().Model(in).Exec(ctx); err != nil {
		return nil, err
	}
	text := fmt.Sprintf("Opened with priority P%d (impact %d, urgency %d).", r.Priority, r.Impact, r.Urgency)
	if p.Name != "" {
		text += " Policy: " + p.Name + "."
	}
	if err := s.say(ctx, tx, r, "state", text, map[string]any{"to": New, "policy": p.Name, "escalation": p.Escalation}); err != nil {
		return nil, err
	}
	return r, s.d.Events.Append(ctx, tx, respond.IncidentOpened{IncidentID: r.ID, Number: s.number(r), Title: r.Title, Priority: r.Priority, TeamID: r.TeamID, Escalation: in.Escalation})
}

// recent finds an incident of the same policy on the same item, or of the same
// fingerprint, that was resolved a short time ago. CROSS JOIN makes SQLite begin
// with the few incidents of the last minutes.
func recent(ctx context.Context, tx *db.Tx, f respond.AlertFired, policy string) (string, error) {
	var id string
	err := tx.NewRaw(`SELECT i.record_id FROM incidents i CROSS JOIN records r CROSS JOIN incident_alerts a
WHERE r.id = i.record_id AND a.record_id = i.record_id AND a.fingerprint = ? AND i.policy = ? AND r.open = ? AND i.cause_code <> 'duplicate' AND i.resolved_at > ? ORDER BY i.resolved_at DESC LIMIT 1`,
		f.Fingerprint, policy, false, tx.Now().Add(-recurWithin)).Scan(ctx, &id)
	if f.ItemID != "" && errors.Is(err, sql.ErrNoRows) {
		err = tx.NewRaw(`SELECT i.record_id FROM incidents i CROSS JOIN records r CROSS JOIN record_items t
WHERE r.id = i.record_id AND t.record_id = i.record_id AND t.ref_kind = ? AND t.ref_id = ? AND i.policy = ? AND r.open = ? AND i.cause_code <> 'duplicate' AND i.resolved_at > ? ORDER BY i.resolved_at DESC LIMIT 1`,
			estate.ItemKind, f.ItemID, policy, false, tx.Now().Add(-recurWithin)).Scan(ctx, &id)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, err
}

// link ties two incidents and says why on the first.
func (s *Service) link(ctx context.Context, tx *db.Tx, r, other *record.Record, why string) error {
	if _, err := s.d.Records.AddItem(ctx, tx, r, other.Ref()); err != nil {
		return err
	}
	return s.say(ctx, tx, r, "link", why, map[string]any{"ref": entity.Ref{Kind: respond.IncidentKind, ID: other.ID}, "number": s.number(other)})
}

// join adds an alert to an open incident and restates what follows from it.
func (s *Service) join(ctx context.Context, tx *db.Tx, r *record.Record, in *row, f respond.AlertFired, a around) error {
	if err := s.addAlert(ctx, tx, r, f); err != nil {
		return err
	}
	in.ClearedAt = nil
	_, deeper := a.impact[in.RootItem]
	// The same item again is the root while nothing else of it fails.
	if deeper && f.ItemID != in.RootItem {
		in.RootAlert, in.RootItem, in.Output = f.AlertID, f.ItemID, f.Output
		if err := s.say(ctx, tx, r, "alert", fmt.Sprintf("%s is the deeper cause: what failed before needs it.", f.Item), map[string]any{"item": f.Item}); err != nil {
			return err
		}
		if err := s.retitle(ctx, tx, r, in, f.Title); err != nil {
			return err
		}
	}
	if err := s.restate(ctx, tx, r, in, a.level(), urgency(f.Severity)); err != nil {
		return err
	}
	return s.failedAgain(ctx, tx, r, in)
}

// retitle changes the title unless a person did.
func (s *Service) retitle(ctx context.Context, tx *db.Tx, r *record.Record, in *row, title string) error {
	if r.Title != in.AutoTitle || r.Title == title {
		return nil
	}
	in.AutoTitle = title
	return s.d.Records.Update(ctx, tx, r, record.Patch{Title: &title})
}

// restate raises impact and urgency, never lowers them, and leaves them alone
// when a person set them.
func (s *Service) restate(ctx context.Context, tx *db.Tx, r *record.Record, in *row, impact, urgency int) error {
	impact, urgency = min(r.Impact, impact), min(r.Urgency, urgency)
	if in.Overridden || impact == r.Impact && urgency == r.Urgency {
		return nil
	}
	return s.d.Records.Update(ctx, tx, r, record.Patch{Impact: &impact, Urgency: &urgency})
}

// failedAgain takes a restored incident back to work.
func (s *Service) failedAgain(ctx context.Context, tx *db.Tx, r *record.Record, in *row) error {
	if r.State != Restored {
		return s.save(ctx, tx, in)
	}
	to := New
	if in.AcknowledgedAt != nil {
		to = Acknowledged
	}
	note := "It failed again."
	if in.RestoredAt != nil {
		note = "It failed again after it was restored at " + in.RestoredAt.UTC().Format("2006-01-02 15:04:05") + " UTC."
	}
	in.RestoredAt = nil
	return s.move(ctx, tx, r, in, to, note, "")
}

// merge moves everything of another open incident into r and resolves it as a
// duplicate.
func (s *Service) merge(ctx context.Context, tx *db.Tx, r *record.Record, in *row, otherID string) error {
	o, oin, err := s.load(ctx, tx, otherID)
	if err != nil {
		return err
	}
	var alerts []string
	if err := tx.NewRaw("SELECT alert_id FROM incident_alerts WHERE record_id = ? ORDER BY alert_id", o.ID).Scan(ctx, &alerts); err != nil {
		return err
	}
	if _, err := tx.NewRaw("UPDATE incident_alerts SET record_id = ? WHERE record_id = ?", r.ID, o.ID).Exec(ctx); err != nil {
		return err
	}
	for _, a := range alerts {
		if err := s.d.Events.Append(ctx, tx, respond.AlertGrouped{AlertID: a, IncidentID: r.ID, Number: s.number(r)}); err != nil {
			return err
		}
	}
	refs, err := record.Items(ctx, tx, o.ID)
	if err != nil {
		return err
	}
	for _, ref := range refs[o.ID] {
		if ref.ID == r.ID {
			continue
		}
		if _, err := s.d.Records.AddItem(ctx, tx, r, ref); err != nil {
			return err
		}
	}
	if err := s.link(ctx, tx, r, o, "Took in "+s.number(o)+": both have one cause."); err != nil {
		return err
	}
	if err := s.restate(ctx, tx, r, in, o.Impact, o.Urgency); err != nil {
		return err
	}
	if o.State != Restored {
		if err := s.failedAgain(ctx, tx, r, in); err != nil {
			return err
		}
	}
	if oin.AcknowledgedAt != nil && in.AcknowledgedAt == nil {
		// Whoever has the one has the other.
		in.AcknowledgedAt, in.AcknowledgedBy = oin.AcknowledgedAt, oin.AcknowledgedBy
		if err := s.move(ctx, tx, r, in, Acknowledged, "Acknowledged as "+s.number(o)+".", ""); err != nil {
			return err
		}
	}
	if _, err := s.d.Records.AddItem(ctx, tx, o, r.Ref()); err != nil {
		return err
	}
	now := tx.Now()
	oin.ResolvedAt, oin.CauseCode, oin.ResolutionNote = &now, "duplicate", "Part of "+s.number(r)+"."
	return s.move(ctx, tx, o, oin, Resolved, oin.ResolutionNote, s.number(r))
}
