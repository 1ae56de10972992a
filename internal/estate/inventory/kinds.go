package inventory

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/estate/inventory/kind"
)

// examples is how many items a refusal names.
const examples = 3

// SaveKind makes or replaces a kind. Of a built-in one only attributes and
// precedence can change. It tells what was there before, if anything was.
func (s *Service) saveKind(ctx context.Context, tx *db.Tx, k Kind) (was *Kind, err error) {
	if err := k.Check(); err != nil {
		return nil, err
	}
	if err := kind.Lock(ctx, tx); err != nil {
		return nil, err
	}
	old, err := s.model(ctx, tx)
	if err != nil {
		return nil, err
	}
	if was, ok := old.Kind(k.Name); ok {
		if was.BuiltIn {
			k.Title, k.Icon, k.Description, k.Parent, k.BuiltIn = was.Title, was.Icon, was.Description, "", true
		}
		if sameKind(was, k) {
			return &was, nil
		}
		return &was, s.putKind(ctx, tx, old, &was, k)
	}
	return nil, s.putKind(ctx, tx, old, nil, k)
}

func sameKind(a, b Kind) bool {
	empty := func(k *Kind) {
		k.Attributes, k.Precedence = append([]kind.Attribute{}, k.Attributes...), append([]string{}, k.Precedence...)
		for n := range k.Attributes {
			a := &k.Attributes[n]
			a.Options, a.Precedence = append([]string{}, a.Options...), append([]string{}, a.Precedence...)
		}
	}
	empty(&a)
	empty(&b)
	return reflect.DeepEqual(a, b)
}

func (s *Service) putKind(ctx context.Context, tx *db.Tx, old *kind.Model, was *Kind, k Kind) error {
	if k.Title == "" {
		k.Title = strings.ReplaceAll(k.Name, "_", " ")
	}
	if err := kind.Save(ctx, tx, k); err != nil {
		return err
	}
	m, err := s.model(ctx, tx)
	if err != nil {
		return err
	}
	for n, a := range k.Attributes {
		if a.Kind == "" {
			continue
		}
		if err := m.CheckKind(fmt.Sprintf("attributes[%d].kind", n), a.Kind); err != nil {
			return err
		}
	}
	if err := s.stillFit(ctx, tx, old, m, k); err != nil {
		return err
	}
	change := audit.Change{Action: "item_kind.create", Ref: entity.Ref{Kind: "item_kind", ID: k.Name}, Name: k.Name, After: k}
	if was != nil {
		change.Action, change.Before = "item_kind.update", *was
	}
	if err := audit.Write(ctx, tx, change); err != nil {
		return err
	}
	return s.reorder(ctx, tx, m, m.Within(k.Name))
}

// wrong collects items whose value would not fit.
type wrong struct {
	count int
	some  []string
}

// stillFit refuses a change of a kind that would make values wrong that items have.
func (s *Service) stillFit(ctx context.Context, tx *db.Tx, old, m *kind.Model, k Kind) error {
	type place struct{ kind, key string }
	look := map[place]*kind.Defined{}
	var kinds []string
	for _, name := range m.Within(k.Name) {
		for _, d := range m.Attributes(name) {
			if o := old.Attribute(name, d.Name); o == nil || !sameRule(o.Attribute, d.Attribute) {
				look[place{name, d.Name}] = &d
				kinds = append(kinds, name)
			}
		}
	}
	if len(look) == 0 {
		return nil
	}
	bad := map[string]*wrong{}
	seen := map[string]string{}
	for after := ""; ; {
		var is []Item
		if err := tx.NewSelect().Model(&is).Where("i.kind IN (?)", bun.In(kinds)).Where("i.id > ?", after).OrderExpr("i.id").Limit(1000).Scan(ctx); err != nil {
			return err
		}
		for n := range is {
			i := &is[n]
			for key, v := range i.Attributes {
				d := look[place{i.Kind, key}]
				if d == nil {
					continue
				}
				fit, problem := d.Value(v)
				if problem == "" && d.Type == kind.Item {
					var err error
					if problem, err = refProblem(ctx, tx, m, d, fit.(string)); err != nil {
						return err
					}
				}
				if mark := key + "\x00" + d.By + "\x00" + kind.Canonical(fit); problem == "" && d.Unique {
					if first, dup := seen[mark]; dup {
						problem = "is that of " + first + " too, and must be unique"
					} else {
						seen[mark] = i.Name
					}
				}
				if problem == "" {
					continue
				}
				w := bad[key]
				if w == nil {
					w = &wrong{}
					bad[key] = w
				}
				if w.count++; len(w.some) < examples {
					w.some = append(w.some, fmt.Sprintf("%s has %q, which %s", i.Name, short(fmt.Sprint(v)), problem))
				}
			}
		}
		if len(is) < 1000 {
			break
		}
		after = is[len(is)-1].ID
	}
	var fields []errs.Field
	for _, key := range sortedKeys(bad) {
		path := "parent"
		if n := slices.IndexFunc(k.Attributes, func(a kind.Attribute) bool { return a.Name == key }); n >= 0 {
			path = fmt.Sprintf("attributes[%d]", n)
		}
		fields = append(fields, errs.Field{Path: path, Value: key, Message: fmt.Sprintf("does not fit the values of %s: %s. Correct them first", count(bad[key].count, "item"), strings.Join(bad[key].some, "; "))})
	}
	return errs.Fields(fields...)
}

func count[N int | int64](n N, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// sameRule tells whether two declarations allow the same values.
func sameRule(a, b kind.Attribute) bool {
	return a.Type == b.Type && a.Pattern == b.Pattern && a.Kind == b.Kind && (a.Unique || !b.Unique) &&
		!slices.ContainsFunc(a.Options, func(o string) bool { return !slices.Contains(b.Options, o) })
}

// removeKind takes out a kind of people, or what they added to a built-in one.
func (s *Service) removeKind(ctx context.Context, tx *db.Tx, name string) error {
	if err := kind.Lock(ctx, tx); err != nil {
		return err
	}
	m, err := s.model(ctx, tx)
	if err != nil {
		return err
	}
	k, ok := m.Kind(name)
	if !ok {
		return errs.New(errs.NotFound, "There is no kind named %q.", short(name))
	}
	if !k.BuiltIn {
		for _, o := range m.Kinds() {
			if o.Parent == name {
				return errs.New(errs.Conflict, "The kind %s extends %s. Remove or change it first.", o.Name, name)
			}
			for _, a := range o.Attributes {
				if a.Kind == name {
					return errs.New(errs.Conflict, "The attribute %s of %s names items of the kind %s. Change it first.", a.Name, o.Name, name)
				}
			}
		}
		var names []string
		if err := tx.NewRaw("SELECT name FROM items WHERE kind = ? ORDER BY name LIMIT ?", name, examples).Scan(ctx, &names); err != nil {
			return err
		}
		if len(names) > 0 {
			n, err := tx.NewSelect().Model((*Item)(nil)).Where("i.kind = ?", name).Count(ctx)
			if err != nil {
				return err
			}
			return errs.New(errs.Conflict, "%s of the kind %s, for example %s. Give them another kind first.", strings.Replace(count(n, "item"), "item", "items are", 1), name, strings.Join(names, ", "))
		}
	}
	if err := kind.Remove(ctx, tx, name); err != nil {
		return err
	}
	if err := audit.Write(ctx, tx, audit.Change{Action: "item_kind.delete", Ref: entity.Ref{Kind: "item_kind", ID: name}, Name: name, Before: k}); err != nil {
		return err
	}
	if m, err = s.model(ctx, tx); err != nil || !k.BuiltIn {
		return err
	}
	return s.reorder(ctx, tx, m, m.Within(name))
}

// reorder lets the sources win anew that the order of now prefers, in items of
// some kinds, all when kinds is nil.
func (s *Service) reorder(ctx context.Context, tx *db.Tx, m *kind.Model, kinds []string) error {
	q := tx.NewSelect().TableExpr("item_claims AS c").ColumnExpr("DISTINCT c.item_id")
	if kinds != nil {
		q = q.Join("JOIN items i ON i.id = c.item_id").Where("i.kind IN (?)", bun.In(kinds))
	}
	var ids []string
	if err := q.Scan(ctx, &ids); err != nil {
		return err
	}
	for part := range chunks(ids) {
		is, err := byIDs(ctx, tx, part)
		if err != nil {
			return err
		}
		for n := range is {
			i := &is[n]
			cs, err := claimsOf(ctx, tx, i, nil)
			if err != nil {
				return err
			}
			before := i.clone()
			for k, list := range cs {
				if w := winner(m.Order(i.Kind, k), list); w != nil && w.Source != i.Sources[k] {
					i.Attributes[k], i.Sources[k] = w.value(), w.Source
				}
			}
			if _, err := s.keep(ctx, tx, &before, i); err != nil {
				return err
			}
		}
	}
	return nil
}

// saveRelationType makes or replaces a relation type.
func (s *Service) saveRelationType(ctx context.Context, tx *db.Tx, t RelationType) (was *RelationType, changed bool, err error) {
	if t.Title == "" {
		t.Title = strings.ReplaceAll(t.Name, "_", " ")
	}
	if t.InverseTitle == "" {
		t.InverseTitle = strings.ReplaceAll(t.Inverse, "_", " ")
	}
	if err := t.Check(); err != nil {
		return nil, false, err
	}
	if err := kind.Lock(ctx, tx); err != nil {
		return nil, false, err
	}
	old, err := s.model(ctx, tx)
	if err != nil {
		return nil, false, err
	}
	change := audit.Change{Action: "relation_type.create", Ref: entity.Ref{Kind: "relation_type", ID: t.Name}, Name: t.Name, After: t}
	for _, o := range old.Relations() {
		if o.Name != t.Name {
			continue
		}
		if o.BuiltIn {
			return nil, false, errs.New(errs.Conflict, "The relation %s is built in and stays as it is.", t.Name)
		}
		if o == t {
			return &o, false, nil
		}
		if o.Inverse != t.Inverse {
			n, err := tx.NewSelect().Table("item_relations").Where("type = ?", t.Name).Count(ctx)
			if err != nil {
				return nil, false, err
			}
			if n > 0 {
				return nil, false, errs.Fields(errs.Field{Path: "inverse", Value: t.Inverse, Message: "cannot change while " + count(n, "relation") + " of the type exist, because their history names it"})
			}
		}
		was = &o
		change.Action, change.Before = "relation_type.update", o
	}
	if err := kind.SaveRelation(ctx, tx, t); err != nil {
		return nil, false, err
	}
	if err := s.retype(ctx, tx); err != nil {
		return nil, false, err
	}
	return was, true, audit.Write(ctx, tx, change)
}

// retype lets the index follow the relation types as tx leaves them.
func (s *Service) retype(ctx context.Context, tx *db.Tx) error {
	m, err := s.model(ctx, tx)
	if err != nil {
		return err
	}
	types := carriersOf(m.Relations())
	tx.AfterCommit(func() { s.graph.retype(types) })
	return nil
}

func (s *Service) removeRelationType(ctx context.Context, tx *db.Tx, name string) error {
	if err := kind.Lock(ctx, tx); err != nil {
		return err
	}
	m, err := s.model(ctx, tx)
	if err != nil {
		return err
	}
	t, err := m.Relation("type", name)
	if err != nil {
		return errs.New(errs.NotFound, "There is no relation type named %q.", short(name))
	}
	if t.BuiltIn {
		return errs.New(errs.Conflict, "The relation %s is built in and stays.", name)
	}
	n, err := tx.NewSelect().Table("item_relations").Where("type = ?", name).Count(ctx)
	if err != nil {
		return err
	}
	if n > 0 {
		return errs.New(errs.Conflict, "%s of the type %s exist. Remove them first.", count(n, "relation"), name)
	}
	if err := kind.RemoveRelation(ctx, tx, name); err != nil {
		return err
	}
	if err := s.retype(ctx, tx); err != nil {
		return err
	}
	return audit.Write(ctx, tx, audit.Change{Action: "relation_type.delete", Ref: entity.Ref{Kind: "relation_type", ID: name}, Name: name, Before: t})
}
