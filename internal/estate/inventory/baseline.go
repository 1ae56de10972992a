package inventory

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

// maxBaselines and maxBaselineItems bound what baselines hold.
const (
	maxBaselines     = 200
	maxBaselineItems = 200_000
)

// BaselineFilter says which items a baseline is about; empty fields do not narrow.
type BaselineFilter struct {
	Kind        string   `json:"kind,omitempty" maxLength:"50" doc:"A kind; those that extend it count."`
	Owner       string   `json:"owner,omitempty" maxLength:"200" doc:"Name of the owning team."`
	Criticality string   `json:"criticality,omitempty" enum:"low,medium,high,critical"`
	Lifecycle   string   `json:"lifecycle,omitempty" enum:"planned,in_use,retired"`
	Label       string   `json:"label,omitempty" maxLength:"310" doc:"A label's key, or key=value."`
	Items       []string `json:"items,omitempty" maxItems:"1000" doc:"Names of items, instead of a filter."`
}

// Baseline is a named moment of a set of items.
type Baseline struct {
	bun.BaseModel `bun:"item_baselines"`

	Name        string         `json:"name" bun:"name,pk"`
	Description string         `json:"description" bun:"description"`
	Filter      BaselineFilter `json:"filter" bun:"filter"`
	At          time.Time      `json:"at" bun:"at"`
	Actor       string         `json:"actor" bun:"actor"`
	Items       int            `json:"items" bun:"items" doc:"How many items it holds."`
}

type baselineItem struct {
	bun.BaseModel `bun:"item_baseline_items"`

	Baseline    string `bun:"baseline"`
	Name        string `bun:"name"`
	ItemID      string `bun:"item_id"`
	OwnerTeamID string `bun:"owner_team_id"`
}

// filter reads what a baseline is about.
func (s *Service) filter(ctx context.Context, q bun.IDB, b BaselineFilter) (Filter, error) {
	f := Filter{Criticality: b.Criticality, Lifecycle: b.Lifecycle}
	if err := f.label("filter.label", b.Label); err != nil {
		return f, err
	}
	if b.Kind != "" {
		m, err := s.model(ctx, q)
		if err != nil {
			return f, err
		}
		if err := m.CheckKind("filter.kind", b.Kind); err != nil {
			return f, err
		}
		f.Kinds = m.Within(b.Kind)
	}
	var err error
	f.OwnerTeamID, err = teamID(ctx, q, b.Owner)
	return f, err
}

// each gives all items that a filter finds, page by page.
func each(ctx context.Context, q bun.IDB, f Filter, do func([]Item) error) error {
	for f.Limit = exportPage; ; {
		page, err := list(ctx, q, f)
		if err != nil {
			return err
		}
		if err := do(page); err != nil {
			return err
		}
		if len(page) < exportPage {
			return nil
		}
		f.After = page[len(page)-1].Name
	}
}

// SaveBaseline keeps a moment of a set of items under a name.
func (s *Service) SaveBaseline(ctx context.Context, name, description string, bf BaselineFilter) (*Baseline, error) {
	b := Baseline{Name: name, Description: description, Filter: bf, Actor: access.From(ctx).Actor()}
	if err := account.CheckName("name", name); err != nil {
		return nil, err
	}
	if err := checkText("description", description, maxTitle); err != nil {
		return nil, err
	}
	return &b, s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		b.At, b.Items = tx.Now(), 0
		if n, err := tx.NewSelect().Model((*Baseline)(nil)).Count(ctx); err != nil {
			return err
		} else if n >= maxBaselines {
			return errs.New(errs.Conflict, "There are %d baselines; remove one first.", maxBaselines)
		}
		f, err := s.filter(ctx, tx, bf)
		if err != nil {
			return err
		}
		if _, err := tx.NewInsert().Model(&b).Exec(ctx); err != nil {
			if db.IsUnique(err) {
				return errs.New(errs.Conflict, "There is a baseline named %q already.", short(name))
			}
			return err
		}
		keep := func(is []Item) error {
			b.Items += len(is)
			if b.Items > maxBaselineItems {
				return errs.New(errs.Invalid, "A baseline holds at most %d items. Narrow the filter.", maxBaselineItems)
			}
			for part := range slices.Chunk(is, 200) {
				rows := make([]baselineItem, len(part))
				for n, i := range part {
					rows[n] = baselineItem{Baseline: name, Name: i.Name, ItemID: i.ID, OwnerTeamID: i.OwnerTeamID}
				}
				if _, err := tx.NewInsert().Model(&rows).Exec(ctx); err != nil {
					return err
				}
			}
			return nil
		}
		if len(bf.Items) > 0 {
			var is []Item
			for n, item := range bf.Items {
				if slices.Contains(bf.Items[:n], item) {
					continue
				}
				i, err := named(ctx, tx, fmt.Sprintf("filter.items[%d]", n), item)
				if err != nil {
					return err
				}
				is = append(is, *i)
			}
			err = keep(is)
		} else {
			err = each(ctx, tx, f, keep)
		}
		if err != nil {
			return err
		}
		if _, err := tx.NewRaw("UPDATE item_baselines SET items = ? WHERE name = ?", b.Items, name).Exec(ctx); err != nil {
			return err
		}
		return audit.Write(ctx, tx, audit.Change{Action: "item_baseline.create", Ref: entity.Ref{Kind: "item_baseline", ID: name}, Name: name, After: b})
	})
}

func baselineNamed(ctx context.Context, q bun.IDB, name string) (*Baseline, error) {
	var b Baseline
	if err := q.NewSelect().Model(&b).Where("name = ?", name).Scan(ctx); err != nil {
		return nil, db.NotFound(err, "There is no baseline named %q.", short(name))
	}
	b.At = b.At.UTC()
	return &b, nil
}

// Difference is what became of one item since a baseline.
type Difference struct {
	Name   string        `json:"name" doc:"Name at the moment of the baseline, or now for an item that is new."`
	Change string        `json:"change" enum:"new,changed,removed"`
	Fields []FieldChange `json:"fields"`
}

// FieldChange is a field then and now.
type FieldChange struct {
	Field  string `json:"field" doc:"Name of the field; attributes.<key>, labels.<key>, or a relation type."`
	Before any    `json:"before"`
	After  any    `json:"after"`
}

// Compare tells what became of the items of a baseline, by name, after a name.
func (s *Service) Compare(ctx context.Context, name, after string, limit int) ([]Difference, string, error) {
	q := s.db.Reader()
	b, err := baselineNamed(ctx, q, name)
	if err != nil {
		return nil, "", err
	}
	cond, args := access.Where(ctx, estate.ReadItems, "b.owner_team_id")
	var rows []struct{ Name, ItemID, Gone string }
	all := append([]any{name, after}, args...)
	if err := q.NewRaw("SELECT b.name, b.item_id, CASE WHEN i.id IS NULL THEN 'yes' ELSE '' END AS gone FROM item_baseline_items b LEFT JOIN items i ON i.id = b.item_id WHERE b.baseline = ? AND b.name > ? AND "+cond+
		" AND (i.id IS NULL OR EXISTS (SELECT 1 FROM item_history h WHERE h.item_id = b.item_id AND h.at > ?)) ORDER BY b.name LIMIT ?", append(all, b.At, limit+1)...).Scan(ctx, &rows); err != nil {
		return nil, "", err
	}
	var out []Difference
	for _, r := range rows {
		d := Difference{Name: r.Name, Change: "changed", Fields: []FieldChange{}}
		if r.Gone != "" {
			d.Change = "removed"
		} else if d.Fields, err = s.fieldsSince(ctx, q, r.ItemID, b.At); err != nil {
			return nil, "", err
		} else if len(d.Fields) == 0 {
			d.Change = "" // it is as it was
		}
		out = append(out, d)
	}
	fresh, err := s.newSince(ctx, q, b, after, limit+1)
	if err != nil {
		return nil, "", err
	}
	out = append(out, fresh...)
	slices.SortFunc(out, func(a, b Difference) int { return cmp.Compare(a.Name, b.Name) })
	next := ""
	if len(out) > limit {
		out = out[:limit]
		next = writeCursor(out[limit-1].Name)
	}
	return slices.DeleteFunc(out, func(d Difference) bool { return d.Change == "" }), next, nil
}

// fieldsSince gives the fields of an item that are not as they were.
func (s *Service) fieldsSince(ctx context.Context, q bun.IDB, itemID string, at time.Time) ([]FieldChange, error) {
	first, err := sinceOf(ctx, q, itemID, at)
	if err != nil {
		return nil, err
	}
	var last []historyRow
	if err := q.NewRaw("SELECT h.* FROM item_history h JOIN (SELECT MAX(id) AS id FROM item_history WHERE item_id = ? AND at > ? GROUP BY field, other_id) m ON m.id = h.id", itemID, at).Scan(ctx, &last); err != nil {
		return nil, err
	}
	now := map[tie]string{}
	for _, h := range last {
		now[tie{h.Field, h.OtherID}] = h.After
	}
	out := []FieldChange{}
	for _, h := range first {
		after := now[tie{h.Field, h.OtherID}]
		if h.Before == after || h.OtherID != "" && (h.Before == "null") == (after == "null") {
			continue
		}
		out = append(out, FieldChange{Field: h.Field, Before: json.RawMessage(h.Before), After: json.RawMessage(after)})
	}
	return out, nil
}

// newSince gives items that a baseline would hold today and did not then.
func (s *Service) newSince(ctx context.Context, q bun.IDB, b *Baseline, after string, limit int) ([]Difference, error) {
	if len(b.Filter.Items) > 0 {
		return nil, nil
	}
	f, err := s.filter(ctx, q, b.Filter)
	if err != nil {
		return nil, err
	}
	f.After, f.Limit, f.notIn = after, limit, b.Name
	is, err := list(ctx, q, f)
	out := make([]Difference, len(is))
	for n, i := range is {
		out[n] = Difference{Name: i.Name, Change: "new", Fields: []FieldChange{}}
	}
	return out, err
}
