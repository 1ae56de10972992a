package inventory

import (
	"context"
	"strings"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/search"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

// writeItems makes and changes the items of rows; it gives the new ones, which are
// still to be published.
func (m *importing) writeItems(ctx context.Context, tx *db.Tx, part []*importRow) ([]*Item, error) {
	have, err := byNames(ctx, tx, part)
	if err != nil {
		return nil, err
	}
	rule, err := approval(ctx, tx)
	if err != nil {
		return nil, err
	}
	var fresh []*Item
	for _, p := range part {
		old := have[p.Name]
		if old != nil && p.outcome == rowUnchanged {
			continue
		}
		i, err := m.apply(ctx, tx, p, old)
		if err != nil {
			return nil, err
		}
		if old == nil {
			fresh = append(fresh, i)
			continue
		}
		if rule.covers(old) {
			if err := m.s.holdRow(ctx, tx, old, i); err != nil {
				return nil, err
			}
			continue
		}
		if _, err := m.s.keep(ctx, tx, old, i); err != nil {
			return nil, err
		}
	}
	return fresh, m.s.addAll(ctx, tx, fresh)
}

// addAll does as add for many new items, with few statements, but for publishing.
func (s *Service) addAll(ctx context.Context, tx *db.Tx, is []*Item) error {
	if len(is) == 0 {
		return nil
	}
	if err := insertAll(ctx, tx, is); err != nil {
		return err
	}
	var changes []change
	var trail []audit.Change
	for _, i := range is {
		changes = append(changes, change{itemID: i.ID, field: "item", after: i.Name})
		trail = append(trail, audit.Change{Action: "item.create", Ref: estate.Ref(i.ID), Name: i.Name, After: auditView(i)})
	}
	if err := remember(ctx, tx, changes); err != nil {
		return err
	}
	return audit.WriteAll(ctx, tx, trail)
}

// insertAll writes new items with their labels and search documents.
func insertAll(ctx context.Context, tx *db.Tx, is []*Item) error {
	var labels []string
	var args []any
	var values []value
	docs := make([]search.Doc, len(is))
	for n, i := range is {
		i.Folded, i.making = fold(i), false
		values = append(values, i.values(sortedKeys(i.Attributes))...)
		docs[n] = i.doc()
		for _, k := range sortedKeys(i.Labels) {
			labels, args = append(labels, "(?, ?, ?)"), append(args, i.ID, k, i.Labels[k])
		}
	}
	for rest := is; len(rest) > 0; {
		rows := rest[:min(100, len(rest))]
		rest = rest[len(rows):]
		if _, err := tx.NewInsert().Model(&rows).Exec(ctx); err != nil {
			if db.IsUnique(err) {
				return taken(rows[0].Name)
			}
			return err
		}
	}
	for len(labels) > 0 {
		n := min(200, len(labels))
		if _, err := tx.NewRaw("INSERT INTO item_labels (item_id, key, value) VALUES "+strings.Join(labels[:n], ", "), args[:3*n]...).Exec(ctx); err != nil {
			return err
		}
		labels, args = labels[n:], args[3*n:]
	}
	if err := insertValues(ctx, tx, values); err != nil {
		return err
	}
	return search.PutAll(ctx, tx, docs)
}

// publishAll does as publish for many items. Browsers get one note of all new ones.
func (s *Service) publishAll(ctx context.Context, tx *db.Tx, is []*Item, what string) error {
	if len(is) == 0 {
		return nil
	}
	ids := make([]string, len(is))
	facts := make([]event.Fact, len(is))
	for n, i := range is {
		ids[n], facts[n] = i.ID, estate.ItemChanged{ItemID: i.ID, Name: i.Name}
	}
	out, err := ownedAll(ctx, tx, ids)
	if err != nil {
		return err
	}
	if err := s.events.AppendAll(ctx, tx, facts); err != nil {
		return err
	}
	type put struct {
		it      estate.Item
		version int64
		groups  []Group
	}
	puts := make([]put, len(is))
	for n, i := range is {
		puts[n] = put{i.brief(), i.Version, i.Redundancy}
	}
	tx.AfterCommit(func() {
		for _, p := range puts {
			s.graph.put(p.it, p.version, out[p.it.ID], p.groups...)
		}
		last := puts[len(puts)-1].it
		s.live.Send(live.Note{Topic: "items", Kind: what, ID: last.Name})
	})
	return nil
}

// ownedAll gives the relations that items own.
func ownedAll(ctx context.Context, q bun.IDB, ids []string) (map[string][]edge, error) {
	out := map[string][]edge{}
	for part := range chunks(ids) {
		var rows []loadedRelation
		if err := q.NewRaw("SELECT from_id, type, to_id FROM item_relations WHERE from_id IN (?) ORDER BY type, to_id", bun.In(part)).Scan(ctx, &rows); err != nil {
			return nil, err
		}
		for _, r := range rows {
			out[r.FromID] = append(out[r.FromID], edge{r.Type, r.ToID})
		}
	}
	return out, nil
}
