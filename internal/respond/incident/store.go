package incident

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/record"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

// full is a record with what only incidents have.
type full struct {
	record.Record
	row row
}

// readFull reads incidents by record id.
func readFull(ctx context.Context, q bun.IDB, ids []string) (map[string]full, error) {
	out := make(map[string]full, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	var rs []record.Record
	if err := q.NewSelect().Model(&rs).Where("id IN (?)", bun.In(ids)).Scan(ctx); err != nil {
		return nil, err
	}
	var rows []row
	if err := q.NewSelect().Model(&rows).Where("record_id IN (?)", bun.In(ids)).Scan(ctx); err != nil {
		return nil, err
	}
	byID := make(map[string]row, len(rows))
	for _, r := range rows {
		byID[r.RecordID] = r
	}
	for _, r := range rs {
		if x, ok := byID[r.ID]; ok {
			out[r.ID] = full{Record: r, row: x}
		}
	}
	return out, nil
}

// itemNames maps the ids of all items in refs to their names.
func (s *Service) itemNames(ctx context.Context, q bun.IDB, refs map[string][]entity.Ref) (map[string]string, error) {
	seen := map[string]bool{}
	var ids []string
	for _, rs := range refs {
		for _, r := range rs {
			if r.Kind == estate.ItemKind && !seen[r.ID] {
				seen[r.ID] = true
				ids = append(ids, r.ID)
			}
		}
	}
	out := map[string]string{}
	if len(ids) == 0 {
		return out, nil
	}
	items, err := s.items.ByIDs(ctx, q, ids)
	for id, i := range items {
		out[id] = i.Name
	}
	return out, err
}
