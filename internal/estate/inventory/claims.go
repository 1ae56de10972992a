package inventory

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/estate/inventory/kind"
)

// seenEvery is how old "last seen" may be before it is written again.
const seenEvery = 5 * time.Minute

// claim is what one source says of one attribute of one item.
type claim struct {
	bun.BaseModel `bun:"item_claims"`

	ItemID string `bun:"item_id,pk"`
	Key    string `bun:"key,pk"`
	Source string `bun:"source,pk"`
	Value  string `bun:"value"`
	// Problem says why the value cannot win; empty when it can.
	Problem   string    `bun:"problem"`
	SeenAt    time.Time `bun:"seen_at"`
	ChangedAt time.Time `bun:"changed_at"`

	// stored tells that it is a row already.
	stored bool
}

func (c *claim) value() any {
	var v any
	_ = json.Unmarshal([]byte(c.Value), &v)
	return v
}

// claims is what is to be written with an item.
type claims struct {
	keep []claim
	drop []claim
}

// claimsOf reads what sources say of an item: of some keys, or of all when keys is
// nil. What an item was made with has no row; it is told from the item itself.
func claimsOf(ctx context.Context, q bun.IDB, i *Item, keys []string) (map[string][]claim, error) {
	out := map[string][]claim{}
	var rows []claim
	s := q.NewSelect().Model(&rows).Where("item_id = ?", i.ID)
	if keys != nil {
		if len(keys) == 0 {
			return out, nil
		}
		s = s.Where("key IN (?)", bun.In(keys))
	}
	if err := s.Scan(ctx); err != nil {
		return nil, err
	}
	for _, r := range rows {
		r.stored = true
		out[r.Key] = append(out[r.Key], r)
	}
	if keys == nil {
		keys = sortedKeys(i.Attributes)
	}
	for _, k := range keys {
		v, ok := i.Attributes[k]
		if !ok || slices.ContainsFunc(out[k], func(c claim) bool { return c.Source == i.Sources[k] }) {
			continue
		}
		b, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		out[k] = append(out[k], claim{ItemID: i.ID, Key: k, Source: i.Sources[k], Value: string(b), SeenAt: i.CreatedAt, ChangedAt: i.CreatedAt})
	}
	for k := range out {
		slices.SortFunc(out[k], func(a, b claim) int {
			if a.Source < b.Source {
				return -1
			}
			return 1
		})
	}
	return out, nil
}

// rank gives the place of a source in an order: manual comes first unless the
// order says otherwise, what is not in it after all that are, a default last.
func rank(order []string, source string) int {
	if n := slices.Index(order, source); n >= 0 {
		return n
	}
	switch source {
	case manual:
		return -1
	case byDefault:
		return len(order) + 1
	}
	return len(order)
}

// winner gives the claim whose value the item has; nil for none. Among sources of
// one rank the value that changed last wins, so that two that disagree all the
// time do not take turns.
func winner(order []string, cs []claim) *claim {
	var best *claim
	for n := range cs {
		c := &cs[n]
		if c.Problem != "" {
			continue
		}
		if best == nil {
			best = c
			continue
		}
		a, b := rank(order, c.Source), rank(order, best.Source)
		if a < b || a == b && c.ChangedAt.After(best.ChangedAt) {
			best = c
		}
	}
	return best
}

// say sets attributes as a source says; a nil value takes back what it said. Then
// each attribute has the value of the source that wins. A wrong value of a person
// is refused; one of a discovery is kept with what is wrong, and never wins.
func (s *Service) say(ctx context.Context, q bun.IDB, m *kind.Model, i *Item, in map[string]any, source string, refsLater bool) error {
	if len(in) == 0 {
		return nil
	}
	norm, err := normalize(in)
	if err != nil {
		return err
	}
	keys := sortedKeys(norm)
	have := map[string][]claim{}
	if !i.making {
		if have, err = claimsOf(ctx, q, i, keys); err != nil {
			return err
		}
	}
	var bad []errs.Field
	for _, k := range keys {
		v, problem := norm[k], ""
		if v != nil {
			if v, problem, err = s.fit(ctx, q, m, i, k, v, refsLater); err != nil {
				return err
			}
		}
		if problem != "" && source == manual {
			bad = append(bad, errs.Field{Path: "attributes." + k, Value: short(fmt.Sprint(norm[k])), Message: problem})
			continue
		}
		if problem != "" {
			v = norm[k]
		}
		if err := i.claim(s.now(q), m, k, v, problem, source, have[k]); err != nil {
			return err
		}
	}
	if b, err := json.Marshal(i.Attributes); err != nil || len(b) > maxAttributes {
		bad = append(bad, errs.Field{Path: "attributes", Message: fmt.Sprintf("would take %d bytes as JSON; at most %d fit", len(b), maxAttributes)})
	}
	return errs.Fields(bad...)
}

// now is the moment of a transaction; outside of one, that of the clock.
func (s *Service) now(q bun.IDB) time.Time {
	if tx, ok := q.(*db.Tx); ok {
		return tx.Now()
	}
	return s.db.Clock().Now().UTC().Truncate(time.Microsecond)
}

// claim lays one claim of a source to those that there are and lets the best win.
func (i *Item) claim(now time.Time, m *kind.Model, k string, v any, problem, source string, cs []claim) error {
	at := slices.IndexFunc(cs, func(c claim) bool { return c.Source == source })
	if v == nil {
		switch {
		case at >= 0:
			i.dropClaim(cs[at])
			cs = slices.Delete(slices.Clone(cs), at, at+1)
		case source == manual:
			// A person takes out what only discoveries say: it comes back when they
			// see it again.
			for _, c := range cs {
				i.dropClaim(c)
			}
			cs = nil
		default:
			return nil
		}
	} else {
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		c := claim{ItemID: i.ID, Key: k, Source: source, Value: string(b), Problem: problem, SeenAt: now, ChangedAt: now}
		if at < 0 {
			// The one that is told from the item itself needs a row from now on.
			for n := range cs {
				i.keepClaim(cs[n])
			}
			cs = append(slices.Clone(cs), c)
			i.keepClaim(c)
		} else if old := cs[at]; old.Value != c.Value || old.Problem != problem {
			cs = slices.Clone(cs)
			cs[at] = c
			i.keepClaim(c)
		} else if source != manual && now.Sub(old.SeenAt) >= seenEvery {
			c.ChangedAt = old.ChangedAt
			i.keepClaim(c)
		}
	}
	if w := winner(m.Order(i.Kind, k), cs); w != nil {
		i.Attributes[k], i.Sources[k] = w.value(), w.Source
	} else {
		delete(i.Attributes, k)
		delete(i.Sources, k)
	}
	return nil
}

func (i *Item) keepClaim(c claim) {
	if i.making {
		return
	}
	if i.claims == nil {
		i.claims = &claims{}
	}
	i.claims.keep = append(i.claims.keep, c)
}

func (i *Item) dropClaim(c claim) {
	if !c.stored {
		return
	}
	if i.claims == nil {
		i.claims = &claims{}
	}
	i.claims.drop = append(i.claims.drop, c)
}

// writeClaims writes what say has left to write.
func (i *Item) writeClaims(ctx context.Context, tx *db.Tx) error {
	if i.claims == nil {
		return nil
	}
	for _, c := range i.claims.drop {
		if _, err := tx.NewRaw("DELETE FROM item_claims WHERE item_id = ? AND key = ? AND source = ?", c.ItemID, c.Key, c.Source).Exec(ctx); err != nil {
			return err
		}
	}
	rows := i.claims.keep
	i.claims = nil
	for len(rows) > 0 {
		part := rows[:min(100, len(rows))]
		if _, err := tx.NewInsert().Model(&part).On("CONFLICT (item_id, key, source) DO UPDATE").
			Set("value = excluded.value, problem = excluded.problem, seen_at = excluded.seen_at, changed_at = excluded.changed_at").Exec(ctx); err != nil {
			return err
		}
		rows = rows[len(part):]
	}
	return nil
}

// fit brings a value into the form that the kind of the item wants. problem says
// why it cannot be.
func (s *Service) fit(ctx context.Context, q bun.IDB, m *kind.Model, i *Item, key string, v any, refsLater bool) (out any, problem string, err error) {
	d := m.Attribute(i.Kind, key)
	if d == nil {
		return v, "", nil
	}
	if out, problem = d.Value(v); problem != "" {
		return nil, problem, nil
	}
	if d.Type == kind.Item && !refsLater {
		if problem, err = refProblem(ctx, q, m, d, out.(string)); problem != "" || err != nil {
			return nil, problem, err
		}
	}
	if d.Unique {
		problem, err = uniqueProblem(ctx, q, m, d, i.ID, out)
	}
	return out, problem, err
}

// refProblem tells why an attribute cannot name that item.
func refProblem(ctx context.Context, q bun.IDB, m *kind.Model, d *kind.Defined, name string) (string, error) {
	o, err := byName(ctx, q, name)
	if errs.Is(err, errs.NotFound) || err == nil && !visible(ctx, o.OwnerTeamID) && access.From(ctx) != nil {
		return "is not the name of an item", nil
	}
	if err != nil {
		return "", err
	}
	if d.Kind != "" && !slices.Contains(m.Within(d.Kind), o.Kind) {
		return fmt.Sprintf("is of the kind %s; it must name a %s", o.Kind, d.Kind), nil
	}
	return "", nil
}

// uniqueProblem tells which other item has the value already.
func uniqueProblem(ctx context.Context, q bun.IDB, m *kind.Model, d *kind.Defined, itemID string, v any) (string, error) {
	if tx, ok := q.(*db.Tx); ok && tx.Kind() == db.Postgres {
		// Two items that take one value at the same moment take turns.
		if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(7215011)"); err != nil {
			return "", err
		}
	}
	var names []string
	if err := q.NewRaw("SELECT i.name FROM item_values v JOIN items i ON i.id = v.item_id WHERE v.key = ? AND v.value = ? AND i.id <> ? AND i.kind IN (?) LIMIT 1",
		d.Name, kind.Canonical(v), itemID, bun.In(m.Within(d.By))).Scan(ctx, &names); err != nil || len(names) == 0 {
		return "", err
	}
	return "is that of " + names[0] + " already, and must be unique", nil
}

// complete gives a new item the defaults of its kind.
func (i *Item) complete(m *kind.Model) {
	for _, d := range m.Attributes(i.Kind) {
		if _, ok := i.Attributes[d.Name]; !ok && d.Default != nil {
			i.Attributes[d.Name], i.Sources[d.Name] = d.Default, byDefault
		}
	}
}

// refit looks at all values again after the kind of an item has changed.
func (s *Service) refit(ctx context.Context, q bun.IDB, m *kind.Model, i *Item, refsLater bool) []errs.Field {
	var bad []errs.Field
	for _, k := range sortedKeys(i.Attributes) {
		v, problem, err := s.fit(ctx, q, m, i, k, i.Attributes[k], refsLater)
		switch {
		case err != nil:
			bad = append(bad, errs.Field{Path: "attributes." + k, Message: errs.Message(err)})
		case problem != "" && i.Sources[k] == manual:
			bad = append(bad, errs.Field{Path: "attributes." + k, Value: short(fmt.Sprint(i.Attributes[k])), Message: problem})
		case problem == "" && !reflect.DeepEqual(v, i.Attributes[k]):
			i.Attributes[k] = v
		}
	}
	return bad
}

// lacking lists the required attributes that the item has no value of.
func (i *Item) lacking(m *kind.Model) []errs.Field {
	var bad []errs.Field
	for _, d := range m.Attributes(i.Kind) {
		if _, ok := i.Attributes[d.Name]; !ok && d.Required {
			bad = append(bad, errs.Field{Path: "attributes." + d.Name, Message: "is missing; every " + d.By + " needs it"})
		}
	}
	return bad
}

// value is a row of the index of plain values.
type value struct {
	bun.BaseModel `bun:"item_values"`

	ItemID string `bun:"item_id"`
	Key    string `bun:"key"`
	Value  string `bun:"value"`
}

// values gives what the index holds of some keys.
func (i *Item) values(keys []string) []value {
	var rows []value
	for _, k := range keys {
		for _, w := range kind.Words(i.Attributes[k]) {
			rows = append(rows, value{ItemID: i.ID, Key: k, Value: w})
		}
	}
	return rows
}

// writeValues keeps the index of plain values in step for some keys.
func (i *Item) writeValues(ctx context.Context, tx *db.Tx, keys []string, fresh bool) error {
	if !fresh && len(keys) > 0 {
		if _, err := tx.NewRaw("DELETE FROM item_values WHERE item_id = ? AND key IN (?)", i.ID, bun.In(keys)).Exec(ctx); err != nil {
			return err
		}
	}
	return insertValues(ctx, tx, i.values(keys))
}

func insertValues(ctx context.Context, tx *db.Tx, rows []value) error {
	for len(rows) > 0 {
		part := rows[:min(200, len(rows))]
		if _, err := tx.NewInsert().Model(&part).Exec(ctx); err != nil {
			return err
		}
		rows = rows[len(part):]
	}
	return nil
}

// renamed lets the attributes that name the item follow its new name.
func (s *Service) renamed(ctx context.Context, tx *db.Tx, m *kind.Model, from, to string) error {
	for _, k := range m.Kinds() {
		for _, a := range k.Attributes {
			if a.Type != kind.Item {
				continue
			}
			var ids []string
			if err := tx.NewRaw("SELECT i.id FROM item_values v JOIN items i ON i.id = v.item_id WHERE v.key = ? AND v.value = ? AND i.kind IN (?)", a.Name, from, bun.In(m.Within(k.Name))).Scan(ctx, &ids); err != nil {
				return err
			}
			is, err := byIDs(ctx, tx, ids)
			if err != nil {
				return err
			}
			for n := range is {
				i := &is[n]
				before := i.clone()
				if _, err := tx.NewRaw("DELETE FROM item_claims WHERE item_id = ? AND key = ? AND source = ?", i.ID, a.Name, i.Sources[a.Name]).Exec(ctx); err != nil {
					return err
				}
				i.Attributes[a.Name] = to
				if _, err := s.keep(ctx, tx, &before, i); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
