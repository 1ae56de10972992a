package inventory

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/search"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/estate/inventory/kind"
)

// observedRelations adds the relations that a source sees. What names no item, or
// would close a circle with what people have drawn, is left out.
func (s *Service) observedRelations(ctx context.Context, tx *db.Tx, i *Item, in estate.NewItem) error {
	m, err := s.model(ctx, tx)
	if err != nil {
		return err
	}
	for _, name := range sortedKeys(in.Relations) {
		t, err := m.Relation("relations", name)
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
	if wait, err := s.holdRemoval(ctx, tx, b, a); wait || err != nil {
		return err
	}
	m, err := s.model(ctx, tx)
	if err != nil {
		return err
	}
	if err := s.rememberGone(ctx, tx, b); err != nil {
		return err
	}
	before := a.clone()
	if err := s.takeOver(ctx, tx, m, a, b); err != nil {
		return err
	}
	if _, err := s.keep(ctx, tx, &before, a); err != nil {
		return err
	}
	others, owners, err := s.moveRelations(ctx, tx, m, a, b)
	if err != nil {
		return err
	}
	for _, stmt := range []struct {
		sql  string
		args []any
	}{
		{"INSERT INTO item_identities (item_id, key, value, source, seen_at) SELECT ?, key, value, source, seen_at FROM item_identities WHERE item_id = ? ON CONFLICT DO NOTHING", []any{a.ID, b.ID}},
		{"INSERT INTO item_seen (item_id, source, at) SELECT ?, source, at FROM item_seen WHERE item_id = ? ON CONFLICT DO NOTHING", []any{a.ID, b.ID}},
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
	for n := range others {
		o := &others[n]
		before := o.clone()
		if o.Redundancy = swapped(o.Redundancy, b.ID, a.ID); len(before.Redundancy) > 0 {
			if _, err := s.keep(ctx, tx, &before, o); err != nil {
				return err
			}
		}
		if !owners[o.ID] {
			continue
		}
		if err := touch(ctx, tx, o); err != nil {
			return err
		}
		if err := s.publish(ctx, tx, o, "changed"); err != nil {
			return err
		}
	}
	if err := s.renamed(ctx, tx, m, b.Name, a.Name); err != nil {
		return err
	}
	return s.publish(ctx, tx, a, "changed")
}

// takeOver gives a in memory what it has not of b. What several sources say of one
// attribute is kept of both, and the best wins; of what one source says of both
// counts what it says of a.
func (s *Service) takeOver(ctx context.Context, tx *db.Tx, m *kind.Model, a, b *Item) error {
	for k, v := range b.Labels {
		if _, ok := a.Labels[k]; !ok && len(a.Labels) < maxLabels {
			a.Labels[k] = v
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
	for _, g := range b.Redundancy {
		if !slices.ContainsFunc(a.Redundancy, func(o Group) bool { return o.Name == g.Name }) && len(a.Redundancy) < maxGroups {
			a.Redundancy = append(a.Redundancy, g)
		}
	}
	a.Redundancy = swapped(a.Redundancy, b.ID, "")
	for n := range a.Redundancy {
		a.Redundancy[n].Of = slices.DeleteFunc(a.Redundancy[n].Of, func(o string) bool { return o == a.ID })
	}
	// A value that must be unique is no longer that of b.
	if _, err := tx.NewRaw("DELETE FROM item_values WHERE item_id = ?", b.ID).Exec(ctx); err != nil {
		return err
	}
	have, err := claimsOf(ctx, tx, a, nil)
	if err != nil {
		return err
	}
	more, err := claimsOf(ctx, tx, b, nil)
	if err != nil {
		return err
	}
	for _, k := range sortedKeys(more) {
		cs := have[k]
		for _, c := range more[k] {
			if slices.ContainsFunc(cs, func(o claim) bool { return o.Source == c.Source }) {
				continue
			}
			out, problem, err := s.fit(ctx, tx, m, a, k, c.value(), false)
			if err != nil {
				return err
			}
			if c.ItemID, c.Problem = a.ID, problem; problem == "" {
				v, err := json.Marshal(out)
				if err != nil {
					return err
				}
				c.Value = string(v)
			}
			for _, o := range have[k] {
				if len(cs) == len(have[k]) && !o.stored {
					a.keepClaim(o)
				}
			}
			cs = append(cs, c)
			a.keepClaim(c)
		}
		if w := winner(m.Order(a.Kind, k), cs); w != nil {
			a.Attributes[k], a.Sources[k] = w.value(), w.Source
		}
	}
	return nil
}

// swapped puts one member of groups in the place of another, or takes it out when
// there is none to put.
func swapped(in []Group, old, now string) []Group {
	out := make([]Group, len(in))
	for n, g := range in {
		out[n] = g
		out[n].Of = []string{}
		for _, o := range g.Of {
			if o == old {
				o = now
			}
			if o != "" && !slices.Contains(out[n].Of, o) {
				out[n].Of = append(out[n].Of, o)
			}
		}
	}
	return out
}

// moveRelations gives a the relations of b. One that would close a circle, or join a
// with itself, is dropped. It gives the other items, and which of them own what
// changed.
func (s *Service) moveRelations(ctx context.Context, tx *db.Tx, m *kind.Model, a, b *Item) (others []Item, owners map[string]bool, err error) {
	if err := (&relating{}).lock(ctx, tx); err != nil {
		return nil, nil, err
	}
	var rows []loadedRelation
	if err := tx.NewRaw("SELECT from_id, type, to_id FROM item_relations WHERE from_id = ? OR to_id = ? ORDER BY type, from_id, to_id", b.ID, b.ID).Scan(ctx, &rows); err != nil {
		return nil, nil, err
	}
	if _, err := tx.NewRaw("DELETE FROM item_relations WHERE from_id = ? OR to_id = ?", b.ID, b.ID).Exec(ctx); err != nil {
		return nil, nil, err
	}
	owners = map[string]bool{}
	var ids []string
	for _, r := range rows {
		other := r.FromID
		if r.FromID == b.ID {
			other = r.ToID
		} else if other != a.ID {
			owners[other] = true
		}
		if other != a.ID && !slices.Contains(ids, other) {
			ids = append(ids, other)
		}
	}
	slices.Sort(ids)
	if others, err = byIDs(ctx, tx, ids); err != nil {
		return nil, nil, err
	}
	names := map[string]string{}
	for _, o := range others {
		names[o.ID] = o.Name
	}
	var changes []change
	for _, r := range rows {
		t, err := m.Relation("type", r.Type)
		if err != nil {
			return nil, nil, err
		}
		own, theirs, other := t.Name, t.Inverse, r.ToID
		if r.FromID == b.ID {
			r.FromID = a.ID
		} else {
			own, theirs, other, r.ToID = t.Inverse, t.Name, r.FromID, a.ID
		}
		if other == a.ID {
			continue
		}
		moved, err := moveRelation(ctx, tx, r)
		if err != nil {
			return nil, nil, err
		}
		if moved {
			changes = append(changes, change{itemID: other, field: theirs, otherID: a.ID, after: a.Name}, change{itemID: a.ID, field: own, otherID: other, after: names[other]})
		}
	}
	return others, owners, remember(ctx, tx, changes)
}

// moveRelation writes a relation, unless it is there or would close a circle.
func moveRelation(ctx context.Context, tx *db.Tx, r loadedRelation) (bool, error) {
	if types := kind.Circular(r.Type); types != nil {
		if way, err := circle(ctx, tx, r.ToID, r.FromID, types); err != nil || way != nil {
			return false, err
		}
	}
	if r.Type == ConnectsTo {
		// A connection has no direction: the other side may own it already.
		n, err := tx.NewSelect().Table("item_relations").Where("from_id = ? AND type = ? AND to_id = ?", r.ToID, ConnectsTo, r.FromID).Count(ctx)
		if err != nil || n > 0 {
			return false, err
		}
	}
	res, err := tx.NewRaw("INSERT INTO item_relations (from_id, type, to_id, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", r.FromID, r.Type, r.ToID, tx.Now()).Exec(ctx)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// decide remembers what a person said of a pair.
func (s *Service) decide(ctx context.Context, tx *db.Tx, m *matchRow, state string) error {
	m.State, m.DecidedBy, m.UpdatedAt = state, access.From(ctx).Actor(), tx.Now()
	if _, err := tx.NewUpdate().Model(m).WherePK().Exec(ctx); err != nil {
		return err
	}
	return audit.Write(ctx, tx, audit.Change{Action: "item.match", Ref: estate.Ref(m.ItemID), Name: m.ID, After: map[string]any{"other": m.OtherID, "decision": state}})
}
