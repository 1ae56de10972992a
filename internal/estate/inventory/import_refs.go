package inventory

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/estate/inventory/kind"
	"github.com/mainstay-ops/mainstay/internal/estate/inventory/sheet"
)

// importRef is an item that an attribute of a row names.
type importRef struct {
	row  *importRow
	attr *kind.Defined
	name string
}

// uniqueValue is a value that only one item of the kind by may have.
type uniqueValue struct{ by, key, value string }

// gather notes what can only be checked when all rows are known: the items that
// attributes name, and values that two rows have and only one may.
func (m *importing) gather(p *importRow, have, after *Item) {
	if !m.planning {
		return
	}
	for _, k := range sortedKeys(p.Attributes) {
		v, ok := after.Attributes[k]
		d := m.model.Attribute(after.Kind, k)
		if !ok || d == nil {
			continue
		}
		if name, isText := v.(string); isText && d.Type == kind.Item && (have == nil || have.Attributes[k] != v) {
			m.refs = append(m.refs, importRef{p, d, name})
			m.users[name] = append(m.users[name], p)
		}
		if !d.Unique {
			continue
		}
		u := uniqueValue{d.By, k, kind.Canonical(v)}
		if first := m.unique[u]; first != nil {
			m.bad.Add(errs.Field{Line: p.Line, Path: sheet.AttributePrefix + k, Value: short(u.value), Message: fmt.Sprintf("is that of %s in line %d already, and must be unique", first.Name, first.Line)})
			continue
		}
		m.unique[u] = p
	}
}

// planRefs refuses attributes that name no item, here or in the file, or one of
// another kind.
func (m *importing) planRefs(ctx context.Context, q bun.IDB) error {
	var outside []string
	for _, r := range m.refs {
		if m.at[r.name] == nil {
			outside = append(outside, r.name)
		}
	}
	slices.Sort(outside)
	found, err := itemsByName(ctx, q, slices.Compact(outside))
	if err != nil {
		return err
	}
	for _, r := range m.refs {
		of, problem := "", ""
		if o := m.at[r.name]; o != nil {
			of = o.kind
		} else if i := found[r.name]; i != nil && access.Check(ctx, estate.ReadItems, i.OwnerTeamID) == nil {
			of = i.Kind
		} else {
			problem = "is not the name of an item, here or in the file"
		}
		if problem == "" && r.attr.Kind != "" && !m.model.Is(of, []string{r.attr.Kind}) {
			problem = fmt.Sprintf("is of the kind %s; it must name a %s", of, r.attr.Kind)
		}
		if problem != "" {
			m.bad.Add(errs.Field{Line: r.row.Line, Path: sheet.AttributePrefix + r.attr.Name, Value: short(r.name), Message: problem})
		}
	}
	m.refs = nil
	return nil
}
