package inventory

import (
	"context"
	"slices"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/search"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

// observedRelations adds the relations that a source sees. What names no item, or
// would close a circle with what people have drawn, is left out.
func (s *Service) observedRelations(ctx context.Context, tx *db.Tx, i *Item, in estate.NewItem) error {
	for _, name := range sortedKeys(in.Relations) {
		t, err := relationType("relations", name)
		if err != nil {
			return err
		}
		for _, other := range in.Relations[name] {
			b, err := byName(ctx, tx, other)
			if errs.Is(err, errs.NotFound) {
				continue
			}
			if err != nil {
				return err
			}
			if _, err := s.relate(ctx, tx, i, t, []target{{b, name}}, nil); err != nil && !errs.Is(err, errs.Invalid) {
				return err
			}
		}
	}
	return nil
}

// addMerged answers ids of items that were merged away with what they are now.
func (s *Service) addMerged(ctx context.Context, q bun.IDB, ids []string, out map[string]estate.Item) error {
	var lost []string
	for _, i := range ids {
		if _, ok := out[i]; !ok {
			lost = append(lost, i)
		}
	}
	if len(lost) == 0 {
		return nil
	}
	now, err := merged(ctx, q, lost)
	if err != nil || len(now) == 0 {
		return err
	}
	var to []string
	for _, old := range sortedKeys(now) {
		to = append(to, now[old])
	}
	is, err := byIDs(ctx, q, to)
	if err != nil {
		return err
	}
	for old, itemID := range now {
		if n := slices.IndexFunc(is, func(i Item) bool { return i.ID == itemID }); n >= 0 {
			out[old] = is[n].brief()
		}
	}
	return nil
}

// Merge makes one item of two: keep stays, and gets the relations, identities,
// labels and attributes of gone that it has none of. The name and id of gone lead to
// keep from then on.
func (s *Service) Merge(ctx context.Context, keep, gone string) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		a, err := writable(ctx, tx, keep)
		if err != nil {
			return err
		}
		b, err := writable(ctx, tx, gone)
		if err != nil {
			return err
		}
		return s.merge(ctx, tx, a, b)
	})
}

func (s *Service) merge(ctx context.Context, tx *db.Tx, a, b *Item) error {
	if a.ID == b.ID {
		return errs.Fields(errs.Field{Path: "other", Value: b.Name, Message: "is the item itself; name another one"})
	}
	before := a.clone()
	for k, v := range b.Labels {
		if _, ok := a.Labels[k]; !ok && len(a.Labels) < maxLabels {
			a.Labels[k] = v
		}
	}
	for k, v := range b.Attributes {
		// What a person typed on the other counts more than what a discovery says here.
		if _, ok := a.Attributes[k]; !ok || b.Sources[k] == manual && a.Sources[k] != manual {
			a.Attributes[k], a.Sources[k] = v, b.Sources[k]
		}
	}
	if a.Title == "" {
		a.Title = b.Title
	}
	if a.Description == "" {
		a.Description = b.Description
	}
	if a.OwnerTeamID == "" {
		a.OwnerTeamID = b.OwnerTeamID
	}
	if _, err := s.keep(ctx, tx, &before, a); err != nil {
		return err
	}
	owners, err := s.moveRelations(ctx, tx, a, b)
	if err != nil {
		return err
	}
	for _, stmt := range []struct {
		sql  string
		args []any
	}{
		{"INSERT INTO item_identities (item_id, key, value, source, seen_at) SELECT ?, key, value, source, seen_at FROM item_identities WHERE item_id = ? ON CONFLICT DO NOTHING", []any{a.ID, b.ID}},
		{"UPDATE item_aliases SET item_id = ? WHERE item_id = ?", []any{a.ID, b.ID}},
		{"DELETE FROM item_aliases WHERE name = ?", []any{b.Name}},
		{"DELETE FROM items WHERE id = ?", []any{b.ID}},
		{"INSERT INTO item_aliases (id, item_id, name, reason, at) VALUES (?, ?, ?, ?, ?)", []any{b.ID, a.ID, b.Name, "merged", tx.Now()}},
	} {
		if _, err := tx.NewRaw(stmt.sql, stmt.args...).Exec(ctx); err != nil {
			return err
		}
	}
	if err := search.Remove(ctx, tx, estate.ItemKind, b.ID); err != nil {
		return err
	}
	if err := remember(ctx, tx, []change{{itemID: a.ID, field: "merged", after: b.Name}}); err != nil {
		return err
	}
	if err := audit.Write(ctx, tx, audit.Change{Action: "item.merge", Ref: estate.Ref(a.ID), Name: a.Name, Before: auditView(b), After: map[string]any{"merged": b.Name, "merged_id": b.ID}}); err != nil {
		return err
	}
	if err := s.events.Append(ctx, tx, estate.ItemMerged{ItemID: a.ID, Name: a.Name, GoneID: b.ID, GoneName: b.Name}); err != nil {
		return err
	}
	if err := s.events.Append(ctx, tx, estate.ItemChanged{ItemID: b.ID, Name: b.Name, Removed: true}); err != nil {
		return err
	}
	if err := touch(ctx, tx, a); err != nil {
		return err
	}
	tx.AfterCommit(func() {
		s.graph.remove(b.ID)
		s.live.Send(live.Note{Topic: "items", Kind: "removed", ID: b.Name})
	})
	for n := range owners {
		if err := touch(ctx, tx, &owners[n]); err != nil {
			return err
		}
		if err := s.publish(ctx, tx, &owners[n], "changed"); err != nil {
			return err
		}
	}
	return s.publish(ctx, tx, a, "changed")
}

// moveRelations gives a the relations of b. One that would close a circle, or join a
// with itself, is dropped. It gives the other items whose own relations changed.
func (s *Service) moveRelations(ctx context.Context, tx *db.Tx, a, b *Item) ([]Item, error) {
	if err := (&relating{}).lock(ctx, tx); err != nil {
		return nil, err
	}
	var rows []loadedRelation
	if err := tx.NewRaw("SELECT from_id, type, to_id FROM item_relations WHERE from_id = ? OR to_id = ? ORDER BY type, from_id, to_id", b.ID, b.ID).Scan(ctx, &rows); err != nil {
		return nil, err
	}
	if _, err := tx.NewRaw("DELETE FROM item_relations WHERE from_id = ? OR to_id = ?", b.ID, b.ID).Exec(ctx); err != nil {
		return nil, err
	}
	var others []string
	var changes []change
	for _, r := range rows {
		owned := r.FromID == b.ID
		other := r.FromID
		if owned {
			r.FromID, other = a.ID, r.ToID
		} else {
			r.ToID = a.ID
			others = append(others, other)
		}
		if r.FromID == r.ToID {
			continue
		}
		t, err := relationType("type", r.Type)
		if err != nil {
			return nil, err
		}
		if types := circular(r.Type); types != nil {
			way, err := circle(ctx, tx, r.ToID, r.FromID, types)
			if err != nil {
				return nil, err
			}
			if way != nil {
				continue
			}
		}
		if _, err := tx.NewRaw("INSERT INTO item_relations (from_id, type, to_id, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", r.FromID, r.Type, r.ToID, tx.Now()).Exec(ctx); err != nil {
			return nil, err
		}
		field := t.Inverse
		if !owned {
			field = t.Name
		}
		changes = append(changes, change{itemID: other, field: field, before: b.Name, after: a.Name})
	}
	if err := remember(ctx, tx, changes); err != nil {
		return nil, err
	}
	slices.Sort(others)
	return byIDs(ctx, tx, slices.DeleteFunc(slices.Compact(others), func(o string) bool { return o == a.ID }))
}

// decide remembers what a person said of a pair.
func (s *Service) decide(ctx context.Context, tx *db.Tx, m *matchRow, state string) error {
	m.State, m.DecidedBy, m.UpdatedAt = state, access.From(ctx).Actor(), tx.Now()
	if _, err := tx.NewUpdate().Model(m).WherePK().Exec(ctx); err != nil {
		return err
	}
	return audit.Write(ctx, tx, audit.Change{Action: "item.match", Ref: estate.Ref(m.ItemID), Name: m.ID, After: map[string]any{"other": m.OtherID, "decision": state}})
}
