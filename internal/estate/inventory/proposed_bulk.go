package inventory

import (
	"context"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/db"
)

// String says the rule in words.
func (a Approval) String() string {
	var on []string
	if a.Criticality != "" {
		on = append(on, a.Criticality+" and above")
	}
	if a.Label != "" {
		on = append(on, "label "+a.Label)
	}
	if !a.Enabled || len(on) == 0 {
		return "off"
	}
	return strings.Join(on, ", ")
}

// holdChange proposes f, whose outcome i is, when it must wait; it tells whether it
// did. What makes no difference is not proposed.
func (s *Service) holdChange(ctx context.Context, tx *db.Tx, before, i *Item, f Fields) (bool, error) {
	if wait, err := holds(ctx, tx, before); !wait || err != nil {
		return false, err
	}
	cs, err := diff(ctx, tx, before, i)
	if err != nil || len(cs) == 0 {
		return false, err
	}
	return true, s.propose(ctx, tx, before, operation{Do: doUpdate, Fields: &f}, cs)
}

// holdRow proposes what a row of an import makes of an item.
func (s *Service) holdRow(ctx context.Context, tx *db.Tx, old, i *Item) error {
	cs, err := diff(ctx, tx, old, i)
	if err != nil || len(cs) == 0 {
		return err
	}
	f := Fields{Labels: map[string]*string{}, Attributes: map[string]any{}}
	for _, c := range cs {
		where, key, _ := strings.Cut(c.field, ".")
		switch where {
		case "title":
			f.Title = &i.Title
		case "kind":
			f.Kind = &i.Kind
		case "owner":
			f.OwnerTeamID = &i.OwnerTeamID
		case "criticality":
			v := string(i.Criticality)
			f.Criticality = &v
		case "lifecycle":
			f.Lifecycle = &i.Lifecycle
		case "description":
			f.Description = &i.Description
		case "labels":
			f.Labels[key] = nil
			if v, ok := i.Labels[key]; ok {
				f.Labels[key] = &v
			}
		case "attributes", "sources":
			f.Attributes[key] = i.Attributes[key]
		}
	}
	return s.propose(ctx, tx, old, operation{Do: doUpdate, Fields: &f}, cs)
}

// hold proposes the relations of a row of an import.
func (w *relationWriter) hold(ctx context.Context, tx *db.Tx, s *Service, p *importRow, a *Item, t RelationType) error {
	want := map[string]bool{}
	var add []target
	var remove []*Item
	for _, n := range p.Relations[t.Name] {
		if b := w.items[n]; b != nil && !want[b.ID] {
			want[b.ID] = true
			add = append(add, target{b, t.Name})
		}
	}
	for _, e := range w.have[a.ID] {
		if e.Type == t.Name && !want[e.To] {
			is, err := byIDs(ctx, tx, []string{e.To})
			if err != nil {
				return err
			}
			for n := range is {
				remove = append(remove, &is[n])
			}
		}
	}
	_, err := s.holdRelations(ctx, tx, a, t, add, remove)
	return err
}

// waitingChange runs a step of ops.yaml, and tells when its change waits.
func waitingChange(ctx context.Context, tx *db.Tx, e *fileEntry, do func(context.Context, *db.Tx, *fileEntry) (apply.Change, error)) (apply.Change, error) {
	ctx, h := holding(ctx)
	c, err := do(ctx, tx, e)
	if err != nil || h.last == nil {
		return c, err
	}
	c.Outcome = apply.Waits
	if c.Fields == nil {
		for _, f := range h.last.Changes {
			c.Fields = append(c.Fields, f.Field+": "+say(f.Before)+" → "+say(f.After))
		}
	}
	return c, nil
}
