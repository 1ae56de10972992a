package inventory

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/estate/inventory/kind"
)

// planRelations resolves the names on the other side and looks for circles, among
// what the file says together with what is stored.
func (m *importing) planRelations(ctx context.Context, q bun.IDB) error {
	var rows []*importRow
	var outside []string
	asked := map[string]bool{}
	for _, p := range m.rows {
		if len(p.Relations) == 0 {
			continue
		}
		rows = append(rows, p)
		for _, names := range p.Relations {
			for _, n := range names {
				if m.at[n] == nil && !asked[n] {
					asked[n] = true
					outside = append(outside, n)
				}
			}
		}
	}
	if len(rows) == 0 {
		return nil
	}
	found, err := itemsByName(ctx, q, outside)
	if err != nil {
		return err
	}
	m.resolve(ctx, rows, found)
	stored, err := storedRelations(ctx, q)
	if err != nil {
		return err
	}
	m.circles(rows, stored)
	m.fall()
	m.differ(rows, stored)
	return nil
}

// resolve refuses names that nobody has. Where rows with mistakes are left out, what
// points at them is left out too.
func (m *importing) resolve(ctx context.Context, rows []*importRow, found map[string]*Item) {
	for _, p := range rows {
		for _, t := range m.types {
			names := p.Relations[t.Name]
			for _, n := range names {
				if m.at[n] != nil {
					m.users[n] = append(m.users[n], p)
				}
				msg := ""
				switch {
				case n == p.Name:
					msg = "is the item itself; name another one"
				case m.at[n] == nil && (found[n] == nil || access.Check(ctx, estate.ReadItems, found[n].OwnerTeamID) != nil):
					msg = "is not the name of an item, here or in the file"
				default:
					continue
				}
				m.bad.Add(errs.Field{Line: p.Line, Path: t.Name, Value: short(n), Message: msg})
			}
			if len(names) > maxRelations {
				m.bad.Add(errs.Field{Line: p.Line, Path: t.Name, Message: fmt.Sprintf("an item can have at most %d relations of its own", maxRelations)})
			}
		}
	}
	m.fall()
}

// fall leaves out the rows that need a row with a mistake, and those that need them.
func (m *importing) fall() {
	if !m.partial {
		return
	}
	var wrong []*importRow
	for _, p := range m.rows {
		if m.bad.Has(p.Line) {
			wrong = append(wrong, p)
		}
	}
	for len(wrong) > 0 {
		p := wrong[0]
		wrong = wrong[1:]
		for _, u := range m.users[p.Name] {
			if !m.bad.Has(u.Line) {
				m.bad.Add(errs.Field{Line: u.Line, Path: "relations", Value: short(p.Name), Message: fmt.Sprintf("is in line %d, which has a mistake", p.Line)})
				wrong = append(wrong, u)
			}
		}
	}
}

// storedRelations gives type → from → to, by name.
func storedRelations(ctx context.Context, q bun.IDB) (map[string]map[string][]string, error) {
	var rows []struct{ FromName, Type, ToName string }
	if err := q.NewRaw("SELECT a.name AS from_name, r.type, b.name AS to_name FROM item_relations r JOIN items a ON a.id = r.from_id JOIN items b ON b.id = r.to_id").Scan(ctx, &rows); err != nil {
		return nil, err
	}
	out := map[string]map[string][]string{}
	for _, r := range rows {
		if out[r.Type] == nil {
			out[r.Type] = map[string][]string{}
		}
		out[r.Type][r.FromName] = append(out[r.Type][r.FromName], r.ToName)
	}
	return out, nil
}

// circles refuses every relation of the file that lies on a circle.
func (m *importing) circles(rows []*importRow, stored map[string]map[string][]string) {
	done := map[string]bool{}
	for _, t := range m.types {
		types := kind.Circular(t.Name)
		if types == nil || done[t.Name] {
			continue
		}
		next := map[string][]string{}
		for _, name := range types {
			done[name] = true
			for from, to := range stored[name] {
				if p := m.at[from]; p == nil || p.Relations[name] == nil || m.bad.Has(p.Line) {
					next[from] = append(next[from], to...)
				}
			}
			for _, p := range rows {
				if !m.bad.Has(p.Line) {
					next[p.Name] = append(next[p.Name], p.Relations[name]...)
				}
			}
		}
		group := components(next)
		for _, p := range rows {
			for _, name := range types {
				for _, to := range p.Relations[name] {
					if m.bad.Has(p.Line) || group[p.Name] == 0 || group[p.Name] != group[to] {
						continue
					}
					m.bad.Add(errs.Field{Line: p.Line, Path: name, Value: short(to), Message: "would close a circle: " + strings.Join(append([]string{p.Name}, wayBack(next, to, p.Name)...), " → ") + " (" + strings.Join(types, ", ") + ")"})
				}
			}
		}
	}
}

// components numbers the strongly connected components with more than one member
// (Tarjan 1972, without recursion); a node of none has 0.
func components(next map[string][]string) map[string]int {
	type frame struct {
		node string
		edge int
	}
	out, index, low := map[string]int{}, map[string]int{}, map[string]int{}
	on := map[string]bool{}
	var stack []string
	n, groups := 0, 0
	for _, start := range sortedKeys(next) {
		if index[start] > 0 {
			continue
		}
		work := []frame{{node: start}}
		for len(work) > 0 {
			f := &work[len(work)-1]
			if f.edge == 0 && index[f.node] == 0 {
				n++
				index[f.node], low[f.node] = n, n
				stack, on[f.node] = append(stack, f.node), true
			}
			if f.edge < len(next[f.node]) {
				to := next[f.node][f.edge]
				f.edge++
				if index[to] == 0 {
					work = append(work, frame{node: to})
				} else if on[to] {
					low[f.node] = min(low[f.node], index[to])
				}
				continue
			}
			node := f.node
			work = work[:len(work)-1]
			if len(work) > 0 {
				up := work[len(work)-1].node
				low[up] = min(low[up], low[node])
			}
			if low[node] != index[node] {
				continue
			}
			at := slices.Index(stack, node)
			if len(stack)-at > 1 {
				groups++
			}
			for _, x := range stack[at:] {
				on[x] = false
				if len(stack)-at > 1 {
					out[x] = groups
				}
			}
			stack = stack[:at]
		}
	}
	return out
}

// wayBack gives the names from start to goal, both included.
func wayBack(next map[string][]string, start, goal string) []string {
	parent := map[string]string{start: ""}
	for level := []string{start}; len(level) > 0; {
		var more []string
		for _, x := range level {
			for _, to := range next[x] {
				if _, seen := parent[to]; !seen {
					parent[to] = x
					more = append(more, to)
				}
			}
		}
		if _, ok := parent[goal]; ok {
			break
		}
		level = more
	}
	var way []string
	for at := goal; at != ""; at = parent[at] {
		way = append(way, at)
	}
	slices.Reverse(way)
	return way
}

// differ notes which relations of a row are not stored as the file says.
func (m *importing) differ(rows []*importRow, stored map[string]map[string][]string) {
	for _, p := range rows {
		for _, t := range m.types {
			want, given := p.Relations[t.Name]
			if !given || m.bad.Has(p.Line) {
				continue
			}
			has := slices.Clone(stored[t.Name][p.Name])
			want = slices.Clone(want)
			if t.Name == ConnectsTo {
				// The other side may own a connection.
				want = slices.DeleteFunc(want, func(n string) bool {
					return !slices.Contains(has, n) && slices.Contains(stored[ConnectsTo][n], p.Name)
				})
			}
			slices.Sort(has)
			slices.Sort(want)
			if want = slices.Compact(want); slices.Equal(has, want) {
				continue
			}
			p.relate = append(p.relate, t.Name)
			m.related(p, t.Name, has, want)
		}
	}
}

func (m *importing) related(p *importRow, typ string, has, want []string) {
	line := fmt.Sprintf("%s: %s → %s", typ, say(strings.Join(has, ", ")), say(strings.Join(want, ", ")))
	at := slices.IndexFunc(m.out.Changes, func(c ImportChange) bool { return c.Line == p.Line })
	switch {
	case at >= 0:
		m.out.Changes[at].Fields = append(m.out.Changes[at].Fields, line)
	case p.outcome == rowUnchanged && len(m.out.Changes) < importShown:
		m.out.Changes = append(m.out.Changes, ImportChange{Line: p.Line, Name: p.Name, Outcome: rowUpdated, Fields: []string{line}})
	}
	if p.outcome == rowUnchanged {
		p.outcome = rowUpdated
	}
}

// writeRelations makes the relations of rows as the file says, and gives the items
// that they changed, still to be published.
func (m *importing) writeRelations(ctx context.Context, tx *db.Tx, part []*importRow) ([]*Item, error) {
	names := []string{}
	for _, p := range part {
		if len(p.relate) > 0 {
			names = append(names, p.Name)
			for _, t := range p.relate {
				names = append(names, p.Relations[t]...)
			}
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	slices.Sort(names)
	items, err := itemsByName(ctx, tx, slices.Compact(names))
	if err != nil {
		return nil, err
	}
	w := relationWriter{items: items, byID: map[string]string{}}
	var ids []string
	for _, i := range items {
		ids, w.byID[i.ID] = append(ids, i.ID), i.Name
	}
	if w.have, err = ownedAll(ctx, tx, ids); err != nil {
		return nil, err
	}
	var lost []string
	for _, es := range w.have {
		for _, e := range es {
			if w.byID[e.To] == "" {
				lost = append(lost, e.To)
			}
		}
	}
	gone, err := byIDs(ctx, tx, lost)
	if err != nil {
		return nil, err
	}
	for _, i := range gone {
		w.byID[i.ID] = i.Name
	}
	if err := (&relating{}).lock(ctx, tx); err != nil {
		return nil, err
	}
	rule, err := approval(ctx, tx)
	if err != nil {
		return nil, err
	}
	for _, p := range part {
		for _, t := range m.types {
			if slices.Contains(p.relate, t.Name) {
				if a := items[p.Name]; a != nil && rule.covers(a) && p.outcome != rowCreated {
					if err := w.hold(ctx, tx, m.s, p, a, t); err != nil {
						return nil, err
					}
					continue
				}
				if err := w.plan(p, t); err != nil {
					return nil, err
				}
			}
		}
	}
	return w.touched, w.write(ctx, tx)
}

// relationWriter gathers changes of relations and writes them with few statements.
type relationWriter struct {
	items   map[string]*Item
	byID    map[string]string
	have    map[string][]edge
	changes []change
	trail   []audit.Change
	touched []*Item
	gone    []any
	added   []string
	args    []any
}

func (w *relationWriter) plan(p *importRow, t RelationType) error {
	a := w.items[p.Name]
	if a == nil {
		return errs.New(errs.Conflict, "The item %s was removed meanwhile.", p.Name)
	}
	want := map[string]bool{}
	var plus, minus []string
	for _, n := range p.Relations[t.Name] {
		b := w.items[n]
		if b == nil {
			return errs.New(errs.Conflict, "The item %s was removed meanwhile.", n)
		}
		if want[b.ID] {
			continue
		}
		want[b.ID] = true
		if slices.Contains(w.have[a.ID], edge{t.Name, b.ID}) || t.Name == ConnectsTo && slices.Contains(w.have[b.ID], edge{t.Name, a.ID}) {
			continue
		}
		plus = append(plus, n)
		w.have[a.ID] = append(w.have[a.ID], edge{t.Name, b.ID})
		w.added, w.args = append(w.added, a.ID), append(w.args, a.ID, t.Name, b.ID)
		w.changes = append(w.changes, change{itemID: a.ID, field: t.Name, otherID: b.ID, after: n}, change{itemID: b.ID, field: t.Inverse, otherID: a.ID, after: a.Name})
	}
	for _, e := range w.have[a.ID] {
		if e.Type == t.Name && !want[e.To] {
			n := w.byID[e.To]
			minus = append(minus, n)
			w.gone = append(w.gone, a.ID, t.Name, e.To)
			w.changes = append(w.changes, change{itemID: a.ID, field: t.Name, otherID: e.To, before: n}, change{itemID: e.To, field: t.Inverse, otherID: a.ID, before: a.Name})
		}
	}
	if len(plus)+len(minus) == 0 {
		return nil
	}
	c := audit.Change{Action: "item.relate", Ref: estate.Ref(a.ID), Name: a.Name}
	if len(minus) > 0 {
		c.Before = map[string]any{t.Name: minus}
	}
	if len(plus) > 0 {
		c.After = map[string]any{t.Name: plus}
	}
	w.trail = append(w.trail, c)
	if !slices.Contains(w.touched, a) {
		w.touched = append(w.touched, a)
	}
	return nil
}

func (w *relationWriter) write(ctx context.Context, tx *db.Tx) error {
	for ; len(w.gone) > 0; w.gone = w.gone[3:] {
		if _, err := tx.NewRaw("DELETE FROM item_relations WHERE from_id = ? AND type = ? AND to_id = ?", w.gone[:3]...).Exec(ctx); err != nil {
			return err
		}
	}
	for len(w.added) > 0 {
		n := min(200, len(w.added))
		var args []any
		for k := range n {
			args = append(append(args, w.args[3*k:3*k+3]...), tx.Now())
		}
		if _, err := tx.NewRaw("INSERT INTO item_relations (from_id, type, to_id, created_at) VALUES "+strings.Repeat(", (?, ?, ?, ?)", n)[2:]+" ON CONFLICT DO NOTHING", args...).Exec(ctx); err != nil {
			return err
		}
		w.added, w.args = w.added[n:], w.args[3*n:]
	}
	ids := make([]string, len(w.touched))
	for n, i := range w.touched {
		ids[n] = i.ID
	}
	for part := range chunks(ids) {
		var now []struct {
			ID      string
			Version int64
		}
		if err := tx.NewRaw("UPDATE items SET version = version + 1, updated_at = ? WHERE id IN (?) RETURNING id, version", tx.Now(), bun.In(part)).Scan(ctx, &now); err != nil {
			return err
		}
		for _, v := range now {
			w.items[w.byID[v.ID]].Version = v.Version
		}
	}
	if err := remember(ctx, tx, w.changes); err != nil {
		return err
	}
	return audit.WriteAll(ctx, tx, w.trail)
}
