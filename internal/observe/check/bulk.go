package check

import (
	"context"
	"encoding/json"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/search"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// bulkRows is how many rows one statement reads or writes.
const bulkRows = 200

// saveMany does the plain entries of a file with few statements: new checks without
// parents and without programs, and checks that stay as they are. The others, and all
// that are wrong, are left to Save.
func (s *Service) saveMany(ctx context.Context, tx *db.Tx, entries []any) ([]apply.Change, error) {
	out := make([]apply.Change, len(entries))
	items := map[string]ownedItem{}
	specs := make([]Spec, len(entries))
	plain := make([]int, 0, len(entries))
	var names []string
	for i, e := range entries {
		specs[i] = *e.(*Spec)
		spec := &specs[i]
		if spec.complete() != nil || spec.From != "" || len(spec.Parents)+len(spec.AnyParent) > 0 || spec.Type == "script" || spec.Type == "plugin" {
			continue
		}
		it, known := items[spec.Item]
		if !known {
			it = s.owned(ctx, tx, spec.Item)
			items[spec.Item] = it
		}
		if it.usable {
			plain, names = append(plain, i), append(names, spec.Name)
		}
	}
	old, err := rowsByName(ctx, tx, names)
	if err != nil {
		return nil, err
	}
	var fresh []*row
	var docs []search.Doc
	var changes []audit.Change
	for _, i := range plain {
		spec := &specs[i]
		it := items[spec.Item]
		r, err := draft(spec, it.id, it.team, tx.Now())
		if err != nil {
			return nil, err
		}
		probe := []byte("{}")
		if spec.Probe != nil {
			if probe, err = json.Marshal(spec.Probe); err != nil {
				return nil, err
			}
		}
		if was, ok := old[spec.Name]; ok {
			if was.Type != spec.Type {
				continue
			}
			prev, err := was.probeJSON(s.d.Secrets)
			if err != nil {
				return nil, err
			}
			same, err := s.same(was, r, keepSecrets(spec.Type, prev, probe))
			if err != nil {
				return nil, err
			}
			if same {
				out[i].Outcome = apply.Unchanged
			}
			continue
		}
		if r.Probe, err = s.seal(spec.Type, probe); err != nil {
			return nil, err
		}
		old[spec.Name] = r // a second one of that name is a change of this one
		out[i].Outcome = apply.Created
		fresh, docs = append(fresh, r), append(docs, doc(r, spec.Item))
		changes = append(changes, audit.Change{Action: "check.create", Ref: ref(r.ID), Name: r.Name, After: view(r)})
		item := spec.Item
		tx.AfterCommit(func() { s.engine.put(r, item, s.d.Secrets, true) })
	}
	for rest := fresh; len(rest) > 0; {
		part := rest[:min(len(rest), bulkRows)]
		rest = rest[len(part):]
		if _, err := tx.NewInsert().Model(&part).Exec(ctx); err != nil {
			return nil, err
		}
	}
	if err := search.PutAll(ctx, tx, docs); err != nil {
		return nil, err
	}
	return out, audit.WriteAll(ctx, tx, changes)
}

// ownedItem is what a check takes from its item.
type ownedItem struct {
	id, team string
	usable   bool
}

// owned finds an item that whoever acts may make checks for; one that is not usable
// is looked at again by Save, which says why.
func (s *Service) owned(ctx context.Context, tx *db.Tx, name string) ownedItem {
	var o ownedItem
	if name != "" {
		it, err := s.items.ByName(ctx, tx, name)
		if err != nil {
			return o
		}
		o.id, o.team = it.ID, it.OwnerTeamID
	}
	o.usable = access.Check(ctx, observe.WriteChecks, o.team) == nil
	return o
}

// rowsByName gives the checks of those names that exist.
func rowsByName(ctx context.Context, q bun.IDB, names []string) (map[string]*row, error) {
	out := make(map[string]*row, len(names))
	for len(names) > 0 {
		part := names[:min(len(names), bulkRows)]
		names = names[len(part):]
		var rows []*row
		if err := q.NewSelect().Model(&rows).Where("name IN (?)", bun.In(part)).Scan(ctx); err != nil {
			return nil, err
		}
		for _, r := range rows {
			out[r.Name] = r
		}
	}
	return out, nil
}
