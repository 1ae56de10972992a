package record

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// Patch holds the fields to change; nil leaves a field as it is.
type Patch struct {
	Title, Description *string
	Impact, Urgency    *int
	// Priority overrides the matrix; Reason must then say why.
	Priority           *int
	Reason             string
	AssigneeID, TeamID *string
	Labels             *[]string
}

// Update applies p and writes what changed to the timeline and the audit log.
// The caller has checked access and the version.
func (s *Service) Update(ctx context.Context, tx *db.Tx, r *Record, p Patch) error {
	before := auditView(r)
	var said []string
	set := func(what string, from, to any) { said = append(said, fmt.Sprintf("%s from %v to %v", what, from, to)) }
	if p.Title != nil && *p.Title != r.Title {
		if err := checkText("title", *p.Title, MaxTitle, true); err != nil {
			return err
		}
		set("title", quote(r.Title), quote(*p.Title))
		r.Title = strings.TrimSpace(*p.Title)
	}
	if p.Description != nil && *p.Description != r.Description {
		if err := checkText("description", *p.Description, MaxText, false); err != nil {
			return err
		}
		r.Description = *p.Description
		said = append(said, "description")
	}
	if err := s.reprioritize(r, p, set); err != nil {
		return err
	}
	if p.TeamID != nil && *p.TeamID != r.TeamID {
		r.TeamID = *p.TeamID
		said = append(said, "team")
	}
	if p.AssigneeID != nil && *p.AssigneeID != r.AssigneeID {
		r.AssigneeID = *p.AssigneeID
		said = append(said, "assignee")
	}
	if p.Labels != nil {
		changed, err := s.changeLabels(ctx, tx, r.ID, *p.Labels)
		if err != nil {
			return err
		}
		if changed {
			said = append(said, "labels")
		}
	}
	if len(said) == 0 {
		return nil
	}
	text := "Changed " + strings.Join(said, ", ") + "."
	if p.Reason != "" {
		text += " Reason: " + p.Reason
	}
	if err := s.Say(ctx, tx, r, Entry{Kind: "change", Body: text}); err != nil {
		return err
	}
	return s.save(ctx, tx, r, r.Kind+".update", before)
}

func (s *Service) reprioritize(r *Record, p Patch, set func(string, any, any)) error {
	level := func(path string, v *int, hi int) error {
		if v != nil && (*v < 1 || *v > hi) {
			return errs.Fields(errs.Field{Path: path, Value: fmt.Sprint(*v), Message: fmt.Sprintf("must be between 1 and %d", hi)})
		}
		return nil
	}
	for _, e := range []error{level("impact", p.Impact, 3), level("urgency", p.Urgency, 3), level("priority", p.Priority, 5)} {
		if e != nil {
			return e
		}
	}
	matrix := false
	if p.Impact != nil && *p.Impact != r.Impact {
		set("impact", r.Impact, *p.Impact)
		r.Impact, matrix = *p.Impact, true
	}
	if p.Urgency != nil && *p.Urgency != r.Urgency {
		set("urgency", r.Urgency, *p.Urgency)
		r.Urgency, matrix = *p.Urgency, true
	}
	want := r.Priority
	if matrix {
		want = Priority(r.Impact, r.Urgency)
	}
	if p.Priority != nil {
		if *p.Priority != want && *p.Priority != r.Priority && strings.TrimSpace(p.Reason) == "" {
			return errs.Fields(errs.Field{Path: "reason", Message: "must say why the priority differs from the matrix"})
		}
		want = *p.Priority
	}
	if want != r.Priority {
		set("priority", fmt.Sprintf("P%d", r.Priority), fmt.Sprintf("P%d", want))
		r.Priority = want
	}
	return nil
}

func quote(s string) string {
	if len(s) > 80 {
		s = s[:80] + "…"
	}
	return "“" + strings.ToValidUTF8(s, "") + "”"
}

// Move takes the record to another state if the state machine and the permission
// allow it, and writes it to the timeline. Moving to the present state does
// nothing and reports false.
func (s *Service) Move(ctx context.Context, tx *db.Tx, r *Record, to string, note string) (bool, error) {
	if r.State == to {
		return false, nil
	}
	k := s.kinds[r.Kind]
	t, ok := k.May(r.State, to)
	if !ok {
		return false, errs.New(errs.Conflict, "%s is %s and cannot become %s.", k.Number(r.Number), r.State, to)
	}
	if t.Need.Name != "" {
		if err := access.Check(ctx, t.Need, r.TeamID); err != nil {
			return false, err
		}
	}
	before := auditView(r)
	from := r.State
	st, _ := k.State(to)
	r.State, r.Open = to, st.Open
	if st.Open {
		r.ClosedAt = nil
	} else if r.ClosedAt == nil {
		now := tx.Now()
		r.ClosedAt = &now
	}
	text := fmt.Sprintf("State changed from %s to %s.", from, to)
	if note != "" {
		text += " " + note
	}
	if err := s.Say(ctx, tx, r, Entry{Kind: "state", Body: text, Data: map[string]any{"from": from, "to": to}}); err != nil {
		return false, err
	}
	return true, s.save(ctx, tx, r, r.Kind+"."+to, before)
}

func (s *Service) save(ctx context.Context, tx *db.Tx, r *Record, action string, before any) error {
	old := r.Version
	r.UpdatedAt, r.Version = tx.Now(), r.Version+1
	res, err := tx.NewUpdate().Model(r).WherePK().Where("version = ?", old).Exec(ctx)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errs.New(errs.Precondition, "Somebody else has changed this meanwhile. Read it again and repeat your change.")
	}
	if err := s.index(ctx, tx, r); err != nil {
		return err
	}
	s.tell(tx, r, "changed")
	return audit.Write(ctx, tx, audit.Change{Action: action, Ref: r.Ref(), Name: s.kinds[r.Kind].Number(r.Number), Before: before, After: auditView(r)})
}

// Lock reads the record again inside tx so that two who change it take turns.
func (s *Service) Lock(ctx context.Context, tx *db.Tx, recordID string) (*Record, error) {
	q := tx.NewSelect().Model((*Record)(nil)).Where("id = ?", recordID)
	if tx.Kind() == db.Postgres {
		q = q.For("UPDATE")
	}
	var r Record
	err := q.Scan(ctx, &r)
	return &r, db.NotFound(err, "There is no such record.")
}

const maxLabels = 50

func (s *Service) setLabels(ctx context.Context, tx *db.Tx, recordID string, labels []string) error {
	if len(labels) > maxLabels {
		return errs.Fields(errs.Field{Path: "labels", Message: fmt.Sprintf("has more than %d entries", maxLabels)})
	}
	for _, l := range labels {
		if l = strings.TrimSpace(l); l == "" || len(l) > 60 {
			return errs.Fields(errs.Field{Path: "labels", Value: l, Message: "each must have 1 to 60 characters"})
		}
		if _, err := tx.NewRaw("INSERT INTO record_labels (record_id, label) VALUES (?, ?) ON CONFLICT DO NOTHING", recordID, l).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) changeLabels(ctx context.Context, tx *db.Tx, recordID string, labels []string) (bool, error) {
	old, err := Labels(ctx, tx, recordID)
	if err != nil {
		return false, err
	}
	want := make([]string, len(labels))
	for i, l := range labels {
		want[i] = strings.TrimSpace(l)
	}
	slices.Sort(want)
	want = slices.Compact(want)
	if slices.Equal(old, want) {
		return false, nil
	}
	if _, err := tx.NewRaw("DELETE FROM record_labels WHERE record_id = ?", recordID).Exec(ctx); err != nil {
		return false, err
	}
	return true, s.setLabels(ctx, tx, recordID, want)
}

// Labels of a record, sorted.
func Labels(ctx context.Context, q bun.IDB, recordID string) ([]string, error) {
	out := []string{}
	err := q.NewRaw("SELECT label FROM record_labels WHERE record_id = ? ORDER BY label", recordID).Scan(ctx, &out)
	return out, err
}

// MoveItem puts one thing in the place of another in all records that name it,
// because the two turned out to be one.
func MoveItem(ctx context.Context, tx *db.Tx, from, to entity.Ref) error {
	if _, err := tx.NewRaw("INSERT INTO record_items (record_id, ref_kind, ref_id) SELECT record_id, ?, ? FROM record_items WHERE ref_kind = ? AND ref_id = ? ON CONFLICT DO NOTHING", to.Kind, to.ID, from.Kind, from.ID).Exec(ctx); err != nil {
		return err
	}
	_, err := tx.NewRaw("DELETE FROM record_items WHERE ref_kind = ? AND ref_id = ?", from.Kind, from.ID).Exec(ctx)
	return err
}

// AddItem ties the record to a thing; it reports false when it was tied already.
func (s *Service) AddItem(ctx context.Context, tx *db.Tx, r *Record, ref entity.Ref) (bool, error) {
	res, err := tx.NewRaw("INSERT INTO record_items (record_id, ref_kind, ref_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", r.ID, ref.Kind, ref.ID).Exec(ctx)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// RemoveItem unties a thing.
func (s *Service) RemoveItem(ctx context.Context, tx *db.Tx, r *Record, ref entity.Ref) (bool, error) {
	res, err := tx.NewRaw("DELETE FROM record_items WHERE record_id = ? AND ref_kind = ? AND ref_id = ?", r.ID, ref.Kind, ref.ID).Exec(ctx)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// Items lists what the records are tied to, by record id.
func Items(ctx context.Context, q bun.IDB, recordIDs ...string) (map[string][]entity.Ref, error) {
	out := map[string][]entity.Ref{}
	if len(recordIDs) == 0 {
		return out, nil
	}
	var rows []struct{ RecordID, RefKind, RefID string }
	if err := q.NewRaw("SELECT record_id, ref_kind, ref_id FROM record_items WHERE record_id IN (?) ORDER BY record_id, ref_kind, ref_id", bun.In(recordIDs)).Scan(ctx, &rows); err != nil {
		return nil, err
	}
	for _, r := range rows {
		out[r.RecordID] = append(out[r.RecordID], entity.Ref{Kind: r.RefKind, ID: r.RefID})
	}
	return out, nil
}
