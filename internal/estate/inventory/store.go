package inventory

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/search"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

// chunk is how many ids go into one IN list.
const chunk = 500

// byName finds the item of a name, or the one that had it or is called so by a
// source.
func byName(ctx context.Context, q bun.IDB, name string) (*Item, error) {
	i, err := byOwnName(ctx, q, name)
	if errs.Is(err, errs.NotFound) {
		return byAlias(ctx, q, name)
	}
	return i, err
}

func byOwnName(ctx context.Context, q bun.IDB, name string) (*Item, error) {
	var i Item
	if err := q.NewSelect().Model(&i).Where("i.name = ?", name).Scan(ctx); err != nil {
		return nil, db.NotFound(err, "There is no item named %q.", short(name))
	}
	return &i, nil
}

func byIDs(ctx context.Context, q bun.IDB, ids []string) ([]Item, error) {
	out := make([]Item, 0, len(ids))
	for part := range chunks(ids) {
		var is []Item
		if err := q.NewSelect().Model(&is).Where("i.id IN (?)", bun.In(part)).Scan(ctx); err != nil {
			return nil, err
		}
		out = append(out, is...)
	}
	return out, nil
}

func chunks(ids []string) func(func([]string) bool) {
	return func(yield func([]string) bool) {
		for len(ids) > 0 {
			n := min(chunk, len(ids))
			if !yield(ids[:n]) {
				return
			}
			ids = ids[n:]
		}
	}
}

// insert writes a new item with its labels and search document.
func insert(ctx context.Context, tx *db.Tx, i *Item) error {
	i.Folded = fold(i)
	if _, err := tx.NewInsert().Model(i).Exec(ctx); err != nil {
		if db.IsUnique(err) {
			return taken(i.Name)
		}
		return err
	}
	i.making = false
	if err := i.writeValues(ctx, tx, sortedKeys(i.Attributes), true); err != nil {
		return err
	}
	return i.writeBeside(ctx, tx)
}

// update writes a changed item; the version must still be the one that was read.
func update(ctx context.Context, tx *db.Tx, i *Item) error {
	i.Folded, i.UpdatedAt, i.Version = fold(i), tx.Now(), i.Version+1
	res, err := tx.NewUpdate().Model(i).WherePK().Where("version = ?", i.Version-1).Exec(ctx)
	if err != nil {
		if db.IsUnique(err) {
			return taken(i.Name)
		}
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errs.New(errs.Conflict, "Somebody else has changed the item %s at the same moment. Try again.", i.Name)
	}
	return i.writeBeside(ctx, tx)
}

func taken(name string) error {
	return errs.New(errs.Conflict, "There is an item named %q already.", name)
}

func fold(i *Item) string { return strings.ToLower(i.Name + "\n" + i.Title) }

// writeBeside keeps the label rows and the search document in step with the item.
func (i *Item) writeBeside(ctx context.Context, tx *db.Tx) error {
	if _, err := tx.NewRaw("DELETE FROM item_labels WHERE item_id = ?", i.ID).Exec(ctx); err != nil {
		return err
	}
	for _, k := range sortedKeys(i.Labels) {
		if _, err := tx.NewRaw("INSERT INTO item_labels (item_id, key, value) VALUES (?, ?, ?)", i.ID, k, i.Labels[k]).Exec(ctx); err != nil {
			return err
		}
	}
	return search.Put(ctx, tx, i.doc())
}

// doc is what a search finds the item by.
func (i *Item) doc() search.Doc {
	var body strings.Builder
	body.WriteString(i.Kind + "\n" + i.Description)
	for _, k := range sortedKeys(i.Labels) {
		body.WriteString("\n" + k + " " + i.Labels[k])
	}
	for _, k := range sortedKeys(i.Attributes) {
		if s, ok := i.Attributes[k].(string); ok {
			body.WriteString("\n" + s)
		}
	}
	return search.Doc{Kind: estate.ItemKind, RefID: i.ID, Name: i.Name, Title: i.Title, Body: body.String(), URL: itemURL(i.Name), TeamID: i.OwnerTeamID}
}

// touch gives the item a new version because its relations change. It also takes
// the row lock that keeps two changes of one item's relations apart.
func touch(ctx context.Context, tx *db.Tx, i *Item) error {
	i.UpdatedAt = tx.Now()
	return tx.NewRaw("UPDATE items SET version = version + 1, updated_at = ? WHERE id = ? RETURNING version", tx.Now(), i.ID).Scan(ctx, &i.Version)
}

// Entry is one row of an item's history.
type Entry struct {
	ID      string    `json:"id" bun:"id"`
	At      time.Time `json:"at" bun:"at"`
	Actor   string    `json:"actor" bun:"actor"`
	ActorID string    `json:"actor_id,omitempty" bun:"actor_id"`
	Via     string    `json:"via" bun:"via" doc:"How it came in: person, token, system or link."`
	Field   string    `json:"field" bun:"field" doc:"Name of the field; attributes.<key>, labels.<key>, or a relation type."`
	Source  string    `json:"source,omitempty" doc:"Source of the value after, of an attribute."`
	Before  any       `json:"before" bun:"-" doc:"Value before; null when there was none."`
	After   any       `json:"after" bun:"-" doc:"Value after; null when there is none."`
}

type historyRow struct {
	bun.BaseModel `bun:"item_history"`

	ID      string    `bun:"id,pk"`
	ItemID  string    `bun:"item_id"`
	At      time.Time `bun:"at"`
	Actor   string    `bun:"actor"`
	ActorID string    `bun:"actor_id"`
	Via     string    `bun:"via"`
	Field   string    `bun:"field"`
	OtherID string    `bun:"other_id"`
	Before  string    `bun:"before"`
	After   string    `bun:"after"`
	// SourceBefore and SourceAfter are the sources of an attribute's values.
	SourceBefore string `bun:"source_before"`
	SourceAfter  string `bun:"source_after"`
}

// change is one field of one item that changed.
type change struct {
	itemID, field string
	before, after any
	// otherID is the other end of a relation.
	otherID                   string
	sourceBefore, sourceAfter string
}

// remember writes changes to the history.
func remember(ctx context.Context, tx *db.Tx, changes []change) error {
	p := access.From(ctx)
	rows := make([]historyRow, 0, len(changes))
	for _, c := range changes {
		b, err := json.Marshal(c.before)
		if err != nil {
			return err
		}
		a, err := json.Marshal(c.after)
		if err != nil {
			return err
		}
		r := historyRow{ID: id.New(), ItemID: c.itemID, At: tx.Now(), Actor: p.Actor(), Via: access.System, Field: c.field, OtherID: c.otherID, Before: string(b), After: string(a), SourceBefore: c.sourceBefore, SourceAfter: c.sourceAfter}
		if p != nil {
			r.ActorID, r.Via = p.ID, p.Kind
		}
		rows = append(rows, r)
	}
	for len(rows) > 0 {
		part := rows[:min(100, len(rows))]
		if _, err := tx.NewInsert().Model(&part).Exec(ctx); err != nil {
			return err
		}
		rows = rows[len(part):]
	}
	return nil
}

// period narrows history to a time and a field; zero values do not.
type period struct {
	since, until time.Time
	field        string
}

// history lists what changed, newest first; before is the id of the last entry
// already seen, "" to begin.
func history(ctx context.Context, q bun.IDB, itemID, before string, limit int, p period) ([]Entry, string, error) {
	var rows []historyRow
	s := q.NewSelect().Model(&rows).Where("item_id = ?", itemID).OrderExpr("id DESC").Limit(int64(limit) + 1)
	if before != "" {
		s = s.Where("id < ?", before)
	}
	if !p.since.IsZero() {
		s = s.Where("at >= ?", p.since.UTC())
	}
	if !p.until.IsZero() {
		s = s.Where("at <= ?", p.until.UTC())
	}
	if p.field != "" {
		s = s.Where("field = ?", p.field)
	}
	if err := s.Scan(ctx); err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > limit {
		rows = rows[:limit]
		next = rows[limit-1].ID
	}
	out := make([]Entry, len(rows))
	for i, r := range rows {
		out[i] = Entry{ID: r.ID, At: r.At.UTC(), Actor: r.Actor, ActorID: r.ActorID, Via: r.Via, Field: r.Field, Source: r.SourceAfter, Before: json.RawMessage(r.Before), After: json.RawMessage(r.After)}
	}
	return out, next, nil
}

// Filter narrows a list; empty fields do not.
type Filter struct {
	// Text occurs in the name or the title, in any case.
	Text                                string
	OwnerTeamID, Criticality, Lifecycle string
	// Kinds are alternatives.
	Kinds []string
	// Attributes are values of attributes, all of which it must have.
	Attributes map[string]string
	// State is the state of its checks; the service knows it, not the tables.
	State string
	// ids narrows the list to these.
	ids []string
	// notIn leaves out the items of a baseline.
	notIn string
	// LabelKey and LabelValue; a nil value means any.
	LabelKey   string
	LabelValue *string
	// After is the name of the last item already seen.
	After string
	Limit int
}

// label reads "key" or "key=value" into the filter.
func (f *Filter) label(path, s string) error {
	key, value, has := strings.Cut(s, "=")
	if key == "" && has {
		return errs.Fields(errs.Field{Path: path, Value: short(s), Message: "must be a key, or key=value"})
	}
	f.LabelKey = key
	if has {
		f.LabelValue = &value
	}
	return nil
}

// list gives items by name, those that whoever acts may read.
func list(ctx context.Context, q bun.IDB, f Filter) ([]Item, error) {
	var out []Item
	cond, args := access.Where(ctx, estate.ReadItems, "i.owner_team_id")
	s := q.NewSelect().Model(&out).Where(cond, args...).OrderExpr("i.name").Limit(int64(f.Limit))
	if f.After != "" {
		s = s.Where("i.name > ?", f.After)
	}
	if f.Text != "" {
		s = s.Where(`i.folded LIKE ? ESCAPE '\'`, "%"+likeEscape(strings.ToLower(f.Text))+"%")
	}
	for col, v := range map[string]string{"owner_team_id": f.OwnerTeamID, "criticality": f.Criticality, "lifecycle": f.Lifecycle} {
		if v != "" {
			s = s.Where("i.? = ?", bun.Ident(col), v)
		}
	}
	if len(f.Kinds) > 0 {
		s = s.Where("i.kind IN (?)", bun.In(f.Kinds))
	}
	for _, k := range sortedKeys(f.Attributes) {
		s = s.Where("EXISTS (SELECT 1 FROM item_values v WHERE v.item_id = i.id AND v.key = ? AND v.value = ?)", k, f.Attributes[k])
	}
	if f.notIn != "" {
		s = s.Where("NOT EXISTS (SELECT 1 FROM item_baseline_items b WHERE b.baseline = ? AND b.item_id = i.id)", f.notIn)
	}
	if f.ids != nil {
		s = s.Where("i.id IN (?)", bun.In(f.ids))
	}
	if f.LabelKey != "" {
		if f.LabelValue == nil {
			s = s.Where("EXISTS (SELECT 1 FROM item_labels l WHERE l.item_id = i.id AND l.key = ?)", f.LabelKey)
		} else {
			s = s.Where("EXISTS (SELECT 1 FROM item_labels l WHERE l.item_id = i.id AND l.key = ? AND l.value = ?)", f.LabelKey, *f.LabelValue)
		}
	}
	err := s.Scan(ctx)
	return out, err
}

func likeEscape(s string) string {
	return strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(s)
}
