package inventory

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/estate/inventory/kind"
)

// maxRelations is how many relations one item may own.
const maxRelations = 10000

// owned gives the relations that an item owns.
func owned(ctx context.Context, q bun.IDB, itemID string) ([]edge, error) {
	var rows []struct{ Type, ToID string }
	if err := q.NewRaw("SELECT type, to_id FROM item_relations WHERE from_id = ? ORDER BY type, to_id", itemID).Scan(ctx, &rows); err != nil {
		return nil, err
	}
	out := make([]edge, len(rows))
	for i, r := range rows {
		out[i] = edge{r.Type, r.ToID}
	}
	return out, nil
}

// target is the other end of a relation to make, with where it was given.
type target struct {
	item *Item
	path string
}

// relate adds and removes relations of one type that a owns. What is there
// already, or there is not, is left out. It tells whether anything changed.
func (s *Service) relate(ctx context.Context, tx *db.Tx, a *Item, typ RelationType, add []target, remove []*Item) (bool, error) {
	if wait, err := s.holdRelations(ctx, tx, a, typ, add, remove); wait || err != nil {
		return wait, err
	}
	have, err := owned(ctx, tx, a.ID)
	if err != nil {
		return false, err
	}
	has := make(map[edge]bool, len(have))
	for _, e := range have {
		has[e] = true
	}
	r := relating{a: a, typ: typ}
	for _, b := range remove {
		if has[edge{typ.Name, b.ID}] {
			if err := r.remove(ctx, tx, b); err != nil {
				return false, err
			}
		}
	}
	var bad []errs.Field
	for _, t := range add {
		e := edge{typ.Name, t.item.ID}
		if has[e] {
			continue
		}
		has[e] = true
		if err := r.add(ctx, tx, t); err != nil {
			if errs.CodeOf(err) != errs.Invalid {
				return false, err
			}
			bad = append(bad, errs.FieldsOf(err)...)
		}
	}
	if len(has) > maxRelations {
		bad = append(bad, errs.Field{Path: typ.Name, Message: fmt.Sprintf("an item can have at most %d relations of its own", maxRelations)})
	}
	if len(bad) > 0 {
		return false, errs.Fields(bad...)
	}
	if len(r.changes) == 0 {
		return false, nil
	}
	return true, r.finish(ctx, tx, s)
}

// relating is one change of relations while it is made.
type relating struct {
	a              *Item
	typ            RelationType
	locked         bool
	changes        []change
	added, removed []string
	others         []string
}

// lock takes turns with whoever else changes relations: two relations that are
// fine alone may close a circle together.
func (r *relating) lock(ctx context.Context, tx *db.Tx) error {
	if r.locked {
		return nil
	}
	r.locked = true
	if tx.Kind() == db.Postgres {
		_, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(7215010)")
		return err
	}
	return nil
}

func (r *relating) remove(ctx context.Context, tx *db.Tx, b *Item) error {
	if err := r.lock(ctx, tx); err != nil {
		return err
	}
	if _, err := tx.NewRaw("DELETE FROM item_relations WHERE from_id = ? AND type = ? AND to_id = ?", r.a.ID, r.typ.Name, b.ID).Exec(ctx); err != nil {
		return err
	}
	r.removed, r.others = append(r.removed, b.Name), append(r.others, b.Name)
	r.changes = append(r.changes,
		change{itemID: r.a.ID, field: r.typ.Name, otherID: b.ID, before: b.Name}, change{itemID: b.ID, field: r.typ.Inverse, otherID: r.a.ID, before: r.a.Name})
	return nil
}

func (r *relating) add(ctx context.Context, tx *db.Tx, t target) error {
	if t.item.ID == r.a.ID {
		return errs.Fields(errs.Field{Path: t.path, Value: t.item.Name, Message: "is the item itself; name another one"})
	}
	if r.typ.Name == ConnectsTo {
		// A connection has no direction: the other side may own it already.
		n, err := tx.NewSelect().Table("item_relations").Where("from_id = ? AND type = ? AND to_id = ?", t.item.ID, ConnectsTo, r.a.ID).Count(ctx)
		if err != nil || n > 0 {
			return err
		}
	}
	if err := r.lock(ctx, tx); err != nil {
		return err
	}
	if types := kind.Circular(r.typ.Name); types != nil {
		way, err := circle(ctx, tx, t.item.ID, r.a.ID, types)
		if err != nil {
			return err
		}
		if way != nil {
			return errs.Fields(errs.Field{Path: t.path, Value: t.item.Name, Message: "would close a circle: " + r.a.Name + " → " + strings.Join(way, " → ") + " (" + strings.Join(types, ", ") + "); take one of these relations out first"})
		}
	}
	if _, err := tx.NewRaw("INSERT INTO item_relations (from_id, type, to_id, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", r.a.ID, r.typ.Name, t.item.ID, tx.Now()).Exec(ctx); err != nil {
		return err
	}
	r.added, r.others = append(r.added, t.item.Name), append(r.others, t.item.Name)
	r.changes = append(r.changes,
		change{itemID: r.a.ID, field: r.typ.Name, otherID: t.item.ID, after: t.item.Name}, change{itemID: t.item.ID, field: r.typ.Inverse, otherID: r.a.ID, after: r.a.Name})
	return nil
}

func (r *relating) finish(ctx context.Context, tx *db.Tx, s *Service) error {
	if err := touch(ctx, tx, r.a); err != nil {
		return err
	}
	if err := remember(ctx, tx, r.changes); err != nil {
		return err
	}
	c := audit.Change{Action: "item.relate", Ref: estate.Ref(r.a.ID), Name: r.a.Name}
	if len(r.removed) > 0 {
		c.Before = map[string]any{r.typ.Name: r.removed}
	}
	if len(r.added) > 0 {
		c.After = map[string]any{r.typ.Name: r.added}
	}
	if err := audit.Write(ctx, tx, c); err != nil {
		return err
	}
	others := r.others
	tx.AfterCommit(func() {
		for _, name := range others {
			s.live.Send(live.Note{Topic: "items", Kind: "changed", ID: name})
		}
	})
	return s.publish(ctx, tx, r.a, "changed")
}

// rememberGone keeps what i was, and tells the history of it and of all items
// related to it that it is gone.
func (s *Service) rememberGone(ctx context.Context, tx *db.Tx, i *Item) error {
	var rows []struct{ FromID, Type, ToID, Other string }
	if err := tx.NewRaw("SELECT r.from_id, r.type, r.to_id, o.name AS other FROM item_relations r JOIN items o ON o.id = CASE WHEN r.from_id = ? THEN r.to_id ELSE r.from_id END WHERE r.from_id = ? OR r.to_id = ?", i.ID, i.ID, i.ID).Scan(ctx, &rows); err != nil {
		return err
	}
	m, err := s.model(ctx, tx)
	if err != nil {
		return err
	}
	cs := []change{{itemID: i.ID, field: "item", before: i.Name}}
	for _, r := range rows {
		t, err := m.Relation("type", r.Type)
		if err != nil {
			return err
		}
		own, theirs, other := t.Name, t.Inverse, r.ToID
		if r.FromID != i.ID {
			own, theirs, other = t.Inverse, t.Name, r.FromID
		}
		cs = append(cs, change{itemID: other, field: theirs, otherID: i.ID, before: i.Name}, change{itemID: i.ID, field: own, otherID: other, before: r.Other})
	}
	if err := remember(ctx, tx, cs); err != nil {
		return err
	}
	return bury(ctx, tx, i)
}

// Relate adds "name typ other"; it tells whether it was not there yet.
func (s *Service) Relate(ctx context.Context, name, typ, other string) (added bool, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		a, t, b, err := s.relationEnds(ctx, tx, name, typ, other)
		if err != nil {
			return err
		}
		added, err = s.relate(ctx, tx, a, t, []target{{b, "item"}}, nil)
		return err
	})
	return added, err
}

// Unrelate removes "name typ other".
func (s *Service) Unrelate(ctx context.Context, name, typ, other string) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		a, t, b, err := s.relationEnds(ctx, tx, name, typ, other)
		if err != nil {
			return err
		}
		removed, err := s.relate(ctx, tx, a, t, nil, []*Item{b})
		if err == nil && !removed && t.Name == ConnectsTo {
			// The other side may own the connection.
			if err := access.Check(ctx, estate.WriteItems, b.OwnerTeamID); err != nil {
				return err
			}
			removed, err = s.relate(ctx, tx, b, t, nil, []*Item{a})
		}
		if err == nil && !removed {
			err = errs.New(errs.NotFound, "There is no relation %s %s %s.", name, typ, other)
		}
		return err
	})
}

func (s *Service) relationEnds(ctx context.Context, tx *db.Tx, name, typ, other string) (*Item, RelationType, *Item, error) {
	m, err := s.model(ctx, tx)
	if err != nil {
		return nil, RelationType{}, nil, err
	}
	t, err := m.Relation("type", typ)
	if err != nil {
		return nil, t, nil, err
	}
	a, err := writable(ctx, tx, name)
	if err != nil {
		return nil, t, nil, err
	}
	b, err := named(ctx, tx, "item", other)
	return a, t, b, err
}

// named finds the item that an input field names.
func named(ctx context.Context, q bun.IDB, path, name string) (*Item, error) {
	b, err := readable(ctx, q, name)
	if errs.Is(err, errs.NotFound) {
		return nil, errs.Fields(errs.Field{Path: path, Value: short(name), Message: "is not the name of an item; make that item first"})
	}
	return b, err
}

// Relation is one line of an item's relations, seen from that item.
type Relation struct {
	// Type is the type seen from the item: depends_on, or used_by for the other side.
	Type string
	// Says is the type in words, Impact what a failure does: none, stops_it or
	// is_stopped_by_it.
	Says, Impact string
	// Owned tells that the item owns the relation.
	Owned bool
	Other Item
	Since time.Time

	stored string
}

func (r Relation) cursor() relationCursor {
	c := relationCursor{Side: 1, Type: r.stored, Name: r.Other.Name}
	if r.Owned {
		c.Side = 0
	}
	return c
}

// relations lists an item's relations as whoever acts may see them: its own by
// type and name, then those of others. after is the last line already seen.
func relations(ctx context.Context, q bun.IDB, m *kind.Model, itemID string, after *relationCursor, limit int) ([]Relation, error) {
	cond, args := access.Where(ctx, estate.ReadItems, "i.owner_team_id")
	all := append([]any{itemID, itemID}, args...)
	if after != nil {
		cond += " AND (r.side, r.type, i.name) > (?, ?, ?)"
		all = append(all, after.Side, after.Type, after.Name)
	}
	var rows []struct {
		Item
		RelSide  int
		RelType  string
		RelSince time.Time
	}
	err := q.NewRaw("SELECT i.*, r.side AS rel_side, r.type AS rel_type, r.created_at AS rel_since FROM (SELECT 0 AS side, type, to_id AS other, created_at FROM item_relations WHERE from_id = ? UNION ALL SELECT 1 AS side, type, from_id AS other, created_at FROM item_relations WHERE to_id = ?) r JOIN items i ON i.id = r.other WHERE "+cond+" ORDER BY r.side, r.type, i.name LIMIT ?",
		append(all, limit)...).Scan(ctx, &rows)
	if err != nil {
		return nil, err
	}
	out := make([]Relation, len(rows))
	for n, r := range rows {
		t, err := m.Relation("type", r.RelType)
		if err != nil {
			return nil, err
		}
		out[n] = Relation{Type: t.Name, Says: t.Title, Impact: "none", Owned: r.RelSide == 0, Other: r.Item, Since: r.RelSince.UTC(), stored: t.Name}
		if r.RelSide == 1 {
			out[n].Type, out[n].Says = t.Inverse, t.InverseTitle
		}
		switch {
		case t.Carries == kind.ToSource && r.RelSide == 0, t.Carries == kind.ToTarget && r.RelSide == 1:
			out[n].Impact = "stops_it"
		case t.Carries != kind.Nowhere:
			out[n].Impact = "is_stopped_by_it"
		}
	}
	return out, nil
}

type relationCursor struct {
	Side int
	Type string
	Name string
}
