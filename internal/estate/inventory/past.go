package inventory

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

// grave keeps what an item was when it was removed.
type grave struct {
	bun.BaseModel `bun:"item_gone"`

	ItemID      string    `bun:"item_id,pk"`
	Name        string    `bun:"name"`
	Kind        string    `bun:"kind"`
	OwnerTeamID string    `bun:"owner_team_id"`
	CreatedAt   time.Time `bun:"created_at"`
	GoneAt      time.Time `bun:"gone_at"`
	Actor       string    `bun:"actor"`
	Item        buried    `bun:"item"`
}

// buried is the part of an item that history does not hold.
type buried struct {
	Title       string            `json:"title"`
	Criticality string            `json:"criticality"`
	Lifecycle   string            `json:"lifecycle"`
	Description string            `json:"description"`
	Labels      map[string]string `json:"labels"`
	Attributes  map[string]any    `json:"attributes"`
	Sources     map[string]string `json:"sources"`
	Redundancy  []Group           `json:"redundancy"`
	Version     int64             `json:"version"`
}

func bury(ctx context.Context, tx *db.Tx, i *Item) error {
	g := grave{
		ItemID: i.ID, Name: i.Name, Kind: i.Kind, OwnerTeamID: i.OwnerTeamID, CreatedAt: i.CreatedAt, GoneAt: tx.Now(), Actor: access.From(ctx).Actor(),
		Item: buried{i.Title, string(i.Criticality), i.Lifecycle, i.Description, i.Labels, i.Attributes, i.Sources, i.Redundancy, i.Version},
	}
	_, err := tx.NewInsert().Model(&g).Exec(ctx)
	return err
}

func (g *grave) raise() *Item {
	b := g.Item
	return &Item{
		ID: g.ItemID, Name: g.Name, Kind: g.Kind, OwnerTeamID: g.OwnerTeamID, CreatedAt: g.CreatedAt, UpdatedAt: g.GoneAt, Title: b.Title, Criticality: estate.Criticality(b.Criticality),
		Lifecycle: b.Lifecycle, Description: b.Description, Labels: b.Labels, Attributes: b.Attributes, Sources: b.Sources, Redundancy: b.Redundancy, Version: b.Version,
	}
}

// PastRelation is a relation as it was.
type PastRelation struct {
	Type string `json:"type" doc:"As seen from the item."`
	Item string `json:"item" doc:"Name of the other item at that time; … for one that may not be seen."`
}

// Past is an item as it was at a moment.
type Past struct {
	item      *Item
	owner     string
	relations []PastRelation
	groups    []GroupBody
	gone      *time.Time
}

// whoWas finds the item that a name means at a moment: the one that has it now, if
// it was there already; else the one that had it then, which may have been renamed
// or removed since; else one that had it when it was removed; else the one that
// goes by it now.
func whoWas(ctx context.Context, q bun.IDB, name string, at time.Time) (*Item, *time.Time, error) {
	i, err := byOwnName(ctx, q, name)
	if err == nil && !i.CreatedAt.After(at) {
		return i, nil, nil
	}
	if err != nil && !errs.Is(err, errs.NotFound) {
		return nil, nil, err
	}
	b, _ := json.Marshal(name) //nolint:errchkjson // text
	var was []historyRow
	if err := q.NewSelect().Model(&was).Where("field = 'name' AND before = ? AND at > ?", string(b), at).OrderExpr("id").Limit(20).Scan(ctx); err != nil {
		return nil, nil, err
	}
	for _, h := range was {
		i, gone, err := byID(ctx, q, h.ItemID)
		if errs.Is(err, errs.NotFound) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		names, err := namesAt(ctx, q, []string{i.ID}, at)
		if err != nil {
			return nil, nil, err
		}
		if !i.CreatedAt.After(at) && names[i.ID] == name && (gone == nil || gone.After(at)) {
			return i, gone, nil
		}
	}
	var g []grave
	if err := q.NewSelect().Model(&g).Where("name = ? AND created_at <= ? AND gone_at > ?", name, at, at).OrderExpr("gone_at DESC").Limit(20).Scan(ctx); err != nil {
		return nil, nil, err
	}
	for n := range g {
		names, err := namesAt(ctx, q, []string{g[n].ItemID}, at)
		if err != nil {
			return nil, nil, err
		}
		if names[g[n].ItemID] == name {
			return g[n].raise(), &g[n].GoneAt, nil
		}
	}
	if len(g) > 0 {
		return g[0].raise(), &g[0].GoneAt, nil
	}
	if i, err := byAlias(ctx, q, name); err == nil && !i.CreatedAt.After(at) || err != nil && !errs.Is(err, errs.NotFound) {
		return i, nil, err
	}
	return nil, nil, errs.New(errs.NotFound, "There was no item named %q at %s.", short(name), at.UTC().Format(time.RFC3339))
}

// byID finds an item that is there, or one that is gone.
func byID(ctx context.Context, q bun.IDB, itemID string) (*Item, *time.Time, error) {
	is, err := byIDs(ctx, q, []string{itemID})
	if err != nil || len(is) > 0 {
		if err != nil {
			return nil, nil, err
		}
		return &is[0], nil, nil
	}
	var g grave
	if err := q.NewSelect().Model(&g).Where("item_id = ?", itemID).Scan(ctx); err != nil {
		return nil, nil, db.NotFound(err, "There is no such item.")
	}
	return g.raise(), &g.GoneAt, nil
}

// namesAt gives the names that items had at a moment.
func namesAt(ctx context.Context, q bun.IDB, ids []string, at time.Time) (map[string]string, error) {
	out := make(map[string]string, len(ids))
	for part := range chunks(ids) {
		var rows []struct{ ID, Name string }
		if err := q.NewRaw("SELECT id, name FROM items WHERE id IN (?) UNION ALL SELECT item_id AS id, name FROM item_gone WHERE item_id IN (?)", bun.In(part), bun.In(part)).Scan(ctx, &rows); err != nil {
			return nil, err
		}
		for _, r := range rows {
			out[r.ID] = r.Name
		}
		var was []historyRow
		if err := q.NewRaw("SELECT h.* FROM item_history h JOIN (SELECT MIN(id) AS id FROM item_history WHERE item_id IN (?) AND at > ? AND field = 'name' GROUP BY item_id) m ON m.id = h.id", bun.In(part), at).Scan(ctx, &was); err != nil {
			return nil, err
		}
		for _, h := range was {
			var name string
			if json.Unmarshal([]byte(h.Before), &name) == nil {
				out[h.ItemID] = name
			}
		}
	}
	return out, nil
}

// sinceOf gives the first change of each field of an item after a moment.
func sinceOf(ctx context.Context, q bun.IDB, itemID string, at time.Time) ([]historyRow, error) {
	var rows []historyRow
	err := q.NewRaw("SELECT h.* FROM item_history h JOIN (SELECT MIN(id) AS id FROM item_history WHERE item_id = ? AND at > ? GROUP BY field, other_id) m ON m.id = h.id ORDER BY h.id", itemID, at).Scan(ctx, &rows)
	return rows, err
}

// AsOf gives the item of that name as it was at a moment: what it is now, with
// every change after the moment taken back.
func (s *Service) AsOf(ctx context.Context, q bun.IDB, name string, at time.Time) (*Past, error) {
	at = at.UTC().Truncate(time.Microsecond)
	i, gone, err := whoWas(ctx, q, name, at)
	if err != nil {
		return nil, err
	}
	if err := access.Check(ctx, estate.ReadItems, i.OwnerTeamID); err != nil {
		return nil, err
	}
	teams, err := account.TeamNames(ctx, q)
	if err != nil {
		return nil, err
	}
	p := &Past{item: i, owner: teams[i.OwnerTeamID], gone: gone}
	rels, err := s.relationsNow(ctx, q, i.ID)
	if err != nil {
		return nil, err
	}
	rows, err := sinceOf(ctx, q, i.ID, at)
	if err != nil {
		return nil, err
	}
	if err := p.undo(rows, rels); err != nil {
		return nil, err
	}
	return p, s.nameRelations(ctx, q, p, rels, at)
}

// tie is a relation as seen from an item.
type tie struct{ word, other string }

// relationsNow gives the relations of an item as seen from it.
func (s *Service) relationsNow(ctx context.Context, q bun.IDB, itemID string) (map[tie]bool, error) {
	m, err := s.model(ctx, q)
	if err != nil {
		return nil, err
	}
	var rows []stored
	if err := q.NewRaw("SELECT from_id, type, to_id FROM item_relations WHERE from_id = ? OR to_id = ?", itemID, itemID).Scan(ctx, &rows); err != nil {
		return nil, err
	}
	out := map[tie]bool{}
	for _, r := range rows {
		t, err := m.Relation("type", r.Type)
		if err != nil {
			return nil, err
		}
		if r.FromID == itemID {
			out[tie{t.Name, r.ToID}] = true
		} else {
			out[tie{t.Inverse, r.FromID}] = true
		}
	}
	return out, nil
}

// undo takes the first change of each field back.
func (p *Past) undo(rows []historyRow, rels map[tie]bool) error {
	i := p.item
	sourced := map[string]bool{}
	for _, h := range rows {
		var before any
		if err := json.Unmarshal([]byte(h.Before), &before); err != nil {
			return err
		}
		text, _ := before.(string)
		kindOf, key, _ := strings.Cut(h.Field, ".")
		switch {
		case h.OtherID != "":
			t := tie{h.Field, h.OtherID}
			if before != nil {
				rels[t] = true
			} else {
				delete(rels, t)
			}
		case kindOf == "attributes":
			if before == nil {
				delete(i.Attributes, key)
				delete(i.Sources, key)
				sourced[key] = true
				break
			}
			i.Attributes[key] = before
			if h.SourceBefore != "" && !sourced[key] {
				i.Sources[key], sourced[key] = h.SourceBefore, true
			}
		case kindOf == "sources":
			if !sourced[key] {
				i.Sources[key], sourced[key] = text, true
			}
		case kindOf == "labels" && before == nil:
			delete(i.Labels, key)
		case kindOf == "labels":
			i.Labels[key] = text
		case h.Field == "redundancy":
			var gs []pastGroup
			if err := json.Unmarshal([]byte(h.Before), &gs); err != nil {
				return err
			}
			i.Redundancy = []Group{}
			for _, g := range gs {
				i.Redundancy = append(i.Redundancy, Group{Name: g.Name, Need: g.Need, Below: g.Below, Of: g.IDs})
			}
		default:
			p.field(h.Field, text)
		}
	}
	return nil
}

func (p *Past) field(name, was string) {
	i := p.item
	switch name {
	case "name":
		i.Name = was
	case "title":
		i.Title = was
	case "kind":
		i.Kind = was
	case "owner":
		p.owner = was
	case "criticality":
		i.Criticality = estate.Criticality(was)
	case "lifecycle":
		i.Lifecycle = was
	case "description":
		i.Description = was
	}
}

// nameRelations gives the other ends the names that they had.
func (s *Service) nameRelations(ctx context.Context, q bun.IDB, p *Past, rels map[tie]bool, at time.Time) error {
	var ids []string
	for t := range rels {
		ids = append(ids, t.other)
	}
	for _, g := range p.item.Redundancy {
		ids = append(ids, g.Of...)
	}
	names, err := namesAt(ctx, q, ids, at)
	if err != nil {
		return err
	}
	hidden, err := hiddenOf(ctx, q, ids)
	if err != nil {
		return err
	}
	name := func(id string) string {
		if hidden[id] {
			return "…"
		}
		return names[id]
	}
	for t := range rels {
		if n := name(t.other); n != "" {
			p.relations = append(p.relations, PastRelation{t.word, n})
		}
	}
	sortRelations(p.relations)
	for _, g := range p.item.Redundancy {
		b := GroupBody{Name: g.Name, Need: g.Need, Below: g.Below, Of: []string{}}
		for _, id := range g.Of {
			if n := name(id); n != "" {
				b.Of = append(b.Of, n)
			}
		}
		p.groups = append(p.groups, b)
	}
	return nil
}

// hiddenOf tells which items whoever acts may not see.
func hiddenOf(ctx context.Context, q bun.IDB, ids []string) (map[string]bool, error) {
	out := map[string]bool{}
	for part := range chunks(ids) {
		var rows []struct{ ID, Team string }
		if err := q.NewRaw("SELECT id, owner_team_id AS team FROM items WHERE id IN (?) UNION ALL SELECT item_id AS id, owner_team_id AS team FROM item_gone WHERE item_id IN (?)", bun.In(part), bun.In(part)).Scan(ctx, &rows); err != nil {
			return nil, err
		}
		for _, r := range rows {
			if !visible(ctx, r.Team) {
				out[r.ID] = true
			}
		}
	}
	return out, nil
}
