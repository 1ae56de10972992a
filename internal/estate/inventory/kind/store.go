package kind

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"sync"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/id"
)

// Cache keeps the models that were read last. Each change of the tables has a new
// revision, so that a transaction sees what it has changed itself, and several
// servers on one database see each other's changes.
type Cache struct {
	mu     sync.Mutex
	models []*Model
}

// Get gives the model as q sees it.
func (c *Cache) Get(ctx context.Context, q bun.IDB) (*Model, error) {
	var rev string
	if err := q.NewRaw("SELECT revision FROM item_schema WHERE id = 1").Scan(ctx, &rev); err != nil {
		return nil, err
	}
	if m := c.find(rev); m != nil {
		return m, nil
	}
	m, err := load(ctx, q)
	if err != nil {
		return nil, err
	}
	m.Revision = rev
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.models = append(c.models, m); len(c.models) > 4 {
		c.models = c.models[1:]
	}
	return m, nil
}

func (c *Cache) find(rev string) *Model {
	c.mu.Lock()
	defer c.mu.Unlock()
	for n := len(c.models) - 1; n >= 0; n-- {
		if c.models[n].Revision == rev {
			return c.models[n]
		}
	}
	return nil
}

type kindRow struct {
	bun.BaseModel `bun:"item_kinds"`

	Name        string      `bun:"name,pk"`
	Title       string      `bun:"title"`
	Icon        string      `bun:"icon"`
	Description string      `bun:"description"`
	Parent      string      `bun:"parent"`
	Attributes  []Attribute `bun:"attributes"`
	Precedence  []string    `bun:"precedence"`
}

type relationRow struct {
	bun.BaseModel `bun:"item_relation_types"`

	Name         string `bun:"name,pk"`
	Inverse      string `bun:"inverse"`
	Title        string `bun:"title"`
	InverseTitle string `bun:"inverse_title"`
	Carries      string `bun:"carries"`
	Description  string `bun:"description"`
}

func load(ctx context.Context, q bun.IDB) (*Model, error) {
	own, rels, order, err := Rows(ctx, q)
	if err != nil {
		return nil, err
	}
	m, err := Build(own, rels)
	if err != nil {
		return nil, err
	}
	m.Precedence = order
	return m, nil
}

// Rows reads what people have defined: kinds, relation types and the order of
// sources.
func Rows(ctx context.Context, q bun.IDB) (own []Kind, relations []Relation, order []string, err error) {
	var ks []kindRow
	if err := q.NewSelect().Model(&ks).OrderExpr("name").Scan(ctx); err != nil {
		return nil, nil, nil, err
	}
	for _, r := range ks {
		own = append(own, Kind{Name: r.Name, Title: r.Title, Icon: r.Icon, Description: r.Description, Parent: r.Parent, Attributes: r.Attributes, Precedence: r.Precedence})
	}
	var rs []relationRow
	if err := q.NewSelect().Model(&rs).OrderExpr("name").Scan(ctx); err != nil {
		return nil, nil, nil, err
	}
	for _, r := range rs {
		relations = append(relations, Relation{Name: r.Name, Inverse: r.Inverse, Title: r.Title, InverseTitle: r.InverseTitle, Carries: r.Carries, Description: r.Description})
	}
	return own, relations, order, Setting(ctx, q, "precedence", &order)
}

// Setting reads a setting into v; v stays as it is when there is none.
func Setting(ctx context.Context, q bun.IDB, key string, v any) error {
	var raw string
	err := q.NewRaw("SELECT value FROM item_settings WHERE key = ?", key).Scan(ctx, &raw)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(raw), v)
}

// SaveSetting writes a setting.
func SaveSetting(ctx context.Context, tx *db.Tx, key string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if _, err := tx.NewRaw("INSERT INTO item_settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, string(b)).Exec(ctx); err != nil {
		return err
	}
	return changed(ctx, tx)
}

// Lock takes turns with whoever else changes the model.
func Lock(ctx context.Context, tx *db.Tx) error {
	_, err := tx.NewRaw("UPDATE item_schema SET revision = revision WHERE id = 1").Exec(ctx)
	return err
}

func changed(ctx context.Context, tx *db.Tx) error {
	_, err := tx.NewRaw("UPDATE item_schema SET revision = ? WHERE id = 1", id.New()).Exec(ctx)
	return err
}

// Save writes a kind; of a built-in one only what people add to it.
func Save(ctx context.Context, tx *db.Tx, k Kind) error {
	if k.Attributes == nil {
		k.Attributes = []Attribute{}
	}
	if k.Precedence == nil {
		k.Precedence = []string{}
	}
	r := kindRow{Name: k.Name, Title: k.Title, Icon: k.Icon, Description: k.Description, Parent: k.Parent, Attributes: k.Attributes, Precedence: k.Precedence}
	if _, err := tx.NewInsert().Model(&r).On("CONFLICT (name) DO UPDATE").
		Set("title = excluded.title, icon = excluded.icon, description = excluded.description, parent = excluded.parent, attributes = excluded.attributes, precedence = excluded.precedence").Exec(ctx); err != nil {
		return err
	}
	return changed(ctx, tx)
}

// Remove takes out a kind, or what people have added to a built-in one.
func Remove(ctx context.Context, tx *db.Tx, name string) error {
	if _, err := tx.NewRaw("DELETE FROM item_kinds WHERE name = ?", name).Exec(ctx); err != nil {
		return err
	}
	return changed(ctx, tx)
}

// SaveRelation writes a relation type.
func SaveRelation(ctx context.Context, tx *db.Tx, t Relation) error {
	r := relationRow{Name: t.Name, Inverse: t.Inverse, Title: t.Title, InverseTitle: t.InverseTitle, Carries: t.Carries, Description: t.Description}
	if _, err := tx.NewInsert().Model(&r).On("CONFLICT (name) DO UPDATE").
		Set("inverse = excluded.inverse, title = excluded.title, inverse_title = excluded.inverse_title, carries = excluded.carries, description = excluded.description").Exec(ctx); err != nil {
		return err
	}
	return changed(ctx, tx)
}

// RemoveRelation takes out a relation type.
func RemoveRelation(ctx context.Context, tx *db.Tx, name string) error {
	if _, err := tx.NewRaw("DELETE FROM item_relation_types WHERE name = ?", name).Exec(ctx); err != nil {
		return err
	}
	return changed(ctx, tx)
}
