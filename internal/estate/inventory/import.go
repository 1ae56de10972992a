package inventory

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/strict"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/estate/inventory/kind"
	"github.com/mainstay-ops/mainstay/internal/estate/inventory/sheet"
)

const (
	// importShown is how many mistakes, and how many changes, an answer holds.
	importShown = 200
	// importWhole is the largest number of rows that are written in one transaction.
	importWhole = 2000
	// importPart is how many rows one transaction of a larger file writes; others
	// wait no longer than one of them takes.
	importPart = 1000
)

// The outcomes of a row.
const (
	rowCreated   = "created"
	rowUpdated   = "updated"
	rowUnchanged = "unchanged"
)

// ImportChange is what a row does.
type ImportChange struct {
	Line    int      `json:"line"`
	Name    string   `json:"name"`
	Outcome string   `json:"outcome" enum:"created,updated"`
	Fields  []string `json:"fields" doc:"field: before → after."`
}

// ImportMistake is one wrong cell.
type ImportMistake struct {
	Line    int    `json:"line" doc:"Line of the file; in a JSON array the position."`
	Column  string `json:"column"`
	Value   string `json:"value"`
	Message string `json:"message"`
}

// ImportResult is what an import did, or would do.
type ImportResult struct {
	DryRun    bool            `json:"dry_run"`
	Rows      int             `json:"rows"`
	Created   int             `json:"created"`
	Updated   int             `json:"updated"`
	Unchanged int             `json:"unchanged"`
	Rejected  int             `json:"rejected" doc:"Rows with mistakes."`
	Mistakes  []ImportMistake `json:"mistakes" doc:"The first 200."`
	// MistakeCount counts those too that are not shown.
	MistakeCount int            `json:"mistake_count"`
	Changes      []ImportChange `json:"changes" doc:"The first 200."`
}

// ImportOptions say how to import.
type ImportOptions struct {
	DryRun bool
	// Partial applies the rows without mistakes; without it one mistake refuses all.
	Partial bool
}

// importRow is a row that has been looked at.
type importRow struct {
	sheet.Row
	outcome string
	// kind is what the item is once the row is applied.
	kind string
	// relate lists the types of which relations differ.
	relate []string
	// written tells that its item is there.
	written bool
}

// importing is one import while it runs.
type importing struct {
	s     *Service
	teams map[string]string
	model *kind.Model
	types []RelationType
	bad   *sheet.Mistakes
	// partial tells that rows with mistakes are left out and others applied.
	partial bool
	rows    []*importRow
	// at finds the row of a name.
	at map[string]*importRow
	// users are the rows whose relations name an item of the file.
	users map[string][]*importRow
	// planning tells that nothing is written yet; then refs gathers the items that
	// attributes name, and unique the values that only one item may have, with the
	// first row that has each.
	planning bool
	refs     []importRef
	unique   map[uniqueValue]*importRow
	out      ImportResult
}

// Import creates and updates items by name. Everything is checked first; nothing
// is written when a row is wrong, unless o says partial. A file of up to 2,000 rows
// is written in one transaction, a larger one in several, so that others can write
// between them; if the program ends in the middle, the same file finishes the work.
func (s *Service) Import(ctx context.Context, rows []sheet.Row, bad *sheet.Mistakes, o ImportOptions) (ImportResult, error) {
	m := &importing{s: s, bad: bad, partial: o.Partial, at: make(map[string]*importRow, len(rows)), users: map[string][]*importRow{}, unique: map[uniqueValue]*importRow{}, out: ImportResult{DryRun: o.DryRun, Mistakes: []ImportMistake{}, Changes: []ImportChange{}}}
	m.out.Rows = len(rows) + bad.Rows()
	if err := m.plan(ctx, rows); err != nil {
		return m.out, err
	}
	m.report()
	if bad.Total > 0 && !o.Partial && !o.DryRun {
		return m.out, m.refusal()
	}
	if o.DryRun {
		return m.out, nil
	}
	return m.out, m.write(ctx)
}

// refusal says that nothing was changed, with the mistakes.
func (m *importing) refusal() error {
	e := errs.New(errs.Invalid, "%d of %d rows are wrong. Nothing was changed.", m.bad.Rows(), m.out.Rows)
	if m.bad.Rows() == 1 {
		e.Message = fmt.Sprintf("1 of %d rows is wrong. Nothing was changed.", m.out.Rows)
	}
	if m.bad.Total > len(m.bad.List) {
		e.Message += fmt.Sprintf(" The first %d of %d mistakes are shown.", len(m.bad.List), m.bad.Total)
	}
	e.Fields = m.bad.List
	return e
}

func (m *importing) report() {
	m.bad.Sort()
	m.out.Rejected, m.out.MistakeCount = m.bad.Rows(), m.bad.Total
	for _, f := range m.bad.List {
		m.out.Mistakes = append(m.out.Mistakes, ImportMistake{Line: f.Line, Column: f.Path, Value: f.Value, Message: f.Message})
	}
	for _, p := range m.rows {
		switch p.outcome {
		case rowCreated:
			m.out.Created++
		case rowUpdated:
			m.out.Updated++
		default:
			m.out.Unchanged++
		}
	}
	m.out.Changes = slices.DeleteFunc(m.out.Changes, func(c ImportChange) bool { return m.bad.Has(c.Line) })
}

func (m *importing) plan(ctx context.Context, rows []sheet.Row) (err error) {
	q := m.s.db.Reader()
	teams, err := account.TeamNames(ctx, q)
	if err != nil {
		return err
	}
	m.teams = map[string]string{}
	for id, name := range teams {
		m.teams[name] = id
	}
	if m.model, err = m.s.model(ctx, q); err != nil {
		return err
	}
	m.types = m.model.Relations()
	m.planning = true
	defer func() { m.planning = false }()
	for _, r := range rows {
		if first, dup := m.at[r.Name]; dup {
			m.bad.Add(errs.Field{Line: r.Line, Path: "name", Value: short(r.Name), Message: fmt.Sprintf("is in line %d already; an item is in a file once", first.Line)})
			continue
		}
		p := &importRow{Row: r}
		m.at[r.Name] = p
		m.rows = append(m.rows, p)
	}
	for part := range slices.Chunk(m.rows, chunk) {
		if err := m.planPart(ctx, q, part); err != nil {
			return err
		}
	}
	if err := m.planRefs(ctx, q); err != nil {
		return err
	}
	if err := m.planRelations(ctx, q); err != nil {
		return err
	}
	m.fall()
	m.rows = slices.DeleteFunc(m.rows, func(p *importRow) bool { return m.bad.Has(p.Line) })
	return nil
}

// planPart looks at the fields of some rows.
func (m *importing) planPart(ctx context.Context, q bun.IDB, part []*importRow) error {
	have, err := byNames(ctx, q, part)
	if err != nil {
		return err
	}
	for _, p := range part {
		after, err := m.apply(ctx, q, p, have[p.Name])
		if err == nil {
			m.gather(p, have[p.Name], after)
		}
		if err != nil {
			if !errs.Is(err, errs.Invalid) && !errs.Is(err, errs.Forbidden) && !errs.Is(err, errs.NotFound) {
				return err
			}
			fs := errs.FieldsOf(err)
			if len(fs) == 0 {
				fs = []errs.Field{{Path: "name", Value: short(p.Name), Message: errs.Message(err)}}
			}
			for n := range fs {
				fs[n].Line = p.Line
				if k, ok := strings.CutPrefix(fs[n].Path, "attributes."); ok {
					fs[n].Path = sheet.AttributePrefix + k
				}
			}
			m.bad.Add(fs...)
		}
	}
	return nil
}

// byNames reads the items of rows that exist, by name.
func byNames(ctx context.Context, q bun.IDB, part []*importRow) (map[string]*Item, error) {
	names := make([]string, len(part))
	for n, p := range part {
		names[n] = p.Name
	}
	return itemsByName(ctx, q, names)
}

func itemsByName(ctx context.Context, q bun.IDB, names []string) (map[string]*Item, error) {
	out := make(map[string]*Item, len(names))
	for part := range chunks(names) {
		var is []Item
		if err := q.NewSelect().Model(&is).Where("i.name IN (?)", bun.In(part)).Scan(ctx); err != nil {
			return nil, err
		}
		for n := range is {
			out[is[n].Name] = &is[n]
		}
	}
	return out, nil
}

// apply lays a row over the item of that name, nil for none, notes the outcome and
// gives the item as it would be. What the item has already is left alone, so that
// it keeps its source.
func (m *importing) apply(ctx context.Context, q bun.IDB, p *importRow, have *Item) (*Item, error) {
	var bad []errs.Field
	f := Fields{Labels: map[string]*string{}, Attributes: map[string]any{}, refsLater: true}
	now := have
	if have == nil {
		now = &Item{}
		f.Name = &p.Name
	}
	m.applyFields(p, now, &f, &bad)
	for k, v := range p.Labels {
		if old, ok := now.Labels[k]; ok != (v != nil) || ok && old != *v {
			f.Labels[k] = v
		}
	}
	p.kind = now.Kind
	if f.Kind != nil {
		p.kind = *f.Kind
	}
	for k, v := range p.Attributes {
		v = m.typed(p.kind, k, v)
		if old, ok := now.Attributes[k]; ok != (v != nil) || ok && !reflect.DeepEqual(old, v) {
			f.Attributes[k] = v
		}
	}
	after, wrong, err := m.draft(ctx, q, have, f)
	if err != nil {
		return nil, err
	}
	if bad = append(bad, wrong...); len(bad) > 0 {
		return nil, errs.Fields(bad...)
	}
	return after, m.outcome(ctx, q, p, have, after)
}

// typed brings what a cell says into the form that the kind wants. What cannot be
// is left as it is and refused later, with what would be right.
func (m *importing) typed(of, key string, v any) any {
	d := m.model.Attribute(of, key)
	if d == nil || v == nil {
		return v
	}
	if s, ok := v.(string); ok && d.Type == kind.List {
		v = sheet.List(s)
	}
	if out, wrong := d.Value(v); wrong == "" {
		return out
	}
	return v
}

func (m *importing) applyFields(p *importRow, now *Item, f *Fields, bad *[]errs.Field) {
	set := func(field, old string, dst **string) {
		if v, ok := p.Fields[field]; ok && v != old {
			*dst = &v
		}
	}
	set("kind", now.Kind, &f.Kind)
	set("title", now.Title, &f.Title)
	set("description", now.Description, &f.Description)
	set("criticality", string(now.Criticality), &f.Criticality)
	set("lifecycle", now.Lifecycle, &f.Lifecycle)
	owner, ok := p.Fields["owner"]
	if !ok {
		return
	}
	team, known := m.teams[owner]
	if owner != "" && !known {
		*bad = append(*bad, errs.Field{Path: "owner", Value: short(owner), Message: "is not the name of a team" + strict.DidYouMean(owner, sortedKeys(m.teams))})
	} else if team != now.OwnerTeamID {
		f.OwnerTeamID = &team
	}
}

// draft gives the item as it would be, and every mistake at once.
func (m *importing) draft(ctx context.Context, q bun.IDB, have *Item, f Fields) (*Item, []errs.Field, error) {
	var after Item
	if have == nil {
		after = *blankAt(m.s.now(q))
		if f.Kind == nil {
			f.Kind = new(string)
		}
	} else {
		if err := access.Check(ctx, estate.ReadItems, have.OwnerTeamID); err != nil {
			return nil, nil, err
		}
		if err := access.Check(ctx, estate.WriteItems, have.OwnerTeamID); err != nil {
			return nil, nil, err
		}
		after = have.clone()
	}
	bad, err := m.s.lay(ctx, q, m.model, &after, f)
	if err != nil || len(bad) > 0 {
		return nil, bad, err
	}
	if have == nil || after.OwnerTeamID != have.OwnerTeamID {
		if err := access.Check(ctx, estate.WriteItems, after.OwnerTeamID); err != nil {
			return nil, nil, err
		}
	}
	return &after, nil, nil
}

// outcome compares and keeps the difference for the answer.
func (m *importing) outcome(ctx context.Context, q bun.IDB, p *importRow, have, after *Item) error {
	p.outcome = rowUnchanged
	if have == nil {
		p.outcome = rowCreated
		if len(m.out.Changes) < importShown {
			m.out.Changes = append(m.out.Changes, ImportChange{Line: p.Line, Name: p.Name, Outcome: rowCreated, Fields: []string{"kind: nothing → " + after.Kind}})
		}
		return nil
	}
	cs, err := diff(ctx, q, have, after)
	if err != nil || len(cs) == 0 {
		return err
	}
	p.outcome = rowUpdated
	if len(m.out.Changes) < importShown {
		c := ImportChange{Line: p.Line, Name: p.Name, Outcome: rowUpdated}
		for _, ch := range cs {
			c.Fields = append(c.Fields, fmt.Sprintf("%s: %s → %s", ch.field, say(ch.before), say(ch.after)))
		}
		m.out.Changes = append(m.out.Changes, c)
	}
	return nil
}

// write applies the rows that are right, those without relations first, so that
// most relations find their other side and are written with their item.
func (m *importing) write(ctx context.Context) error {
	slices.SortStableFunc(m.rows, func(a, b *importRow) int { return min(len(a.relate), 1) - min(len(b.relate), 1) })
	size := importPart
	if len(m.rows) <= importWhole {
		size = max(1, len(m.rows))
	}
	written := 0
	var later []*importRow
	for part := range slices.Chunk(m.rows, size) {
		err := m.s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return m.writePart(ctx, tx, part) })
		if err != nil {
			return m.stopped(err, written)
		}
		written += len(part)
		for _, p := range part {
			p.written = true
		}
		for _, p := range part {
			if len(p.relate) > 0 && !m.ready(p) {
				later = append(later, p)
			}
		}
	}
	for part := range slices.Chunk(later, size) {
		err := m.s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			touched, err := m.writeRelations(ctx, tx, part)
			if err != nil {
				return err
			}
			return m.s.publishAll(ctx, tx, touched, "changed")
		})
		if err != nil {
			return m.stopped(err, written)
		}
	}
	return nil
}

// ready tells whether all that the relations of a row name has been written.
func (m *importing) ready(p *importRow) bool {
	for _, t := range p.relate {
		for _, n := range p.Relations[t] {
			if o := m.at[n]; o != nil && !o.written {
				return false
			}
		}
	}
	return true
}

// writePart writes items with those of their relations that can be.
func (m *importing) writePart(ctx context.Context, tx *db.Tx, part []*importRow) error {
	fresh, err := m.writeItems(ctx, tx, part)
	if err != nil {
		return err
	}
	for _, p := range part {
		p.written = true
	}
	var now []*importRow
	for _, p := range part {
		if len(p.relate) > 0 && m.ready(p) {
			now = append(now, p)
		}
	}
	// Until the transaction is committed none of them counts for other parts.
	defer func() {
		for _, p := range part {
			p.written = false
		}
	}()
	touched, err := m.writeRelations(ctx, tx, now)
	if err != nil {
		return err
	}
	again := make(map[string]bool, len(touched))
	for _, i := range touched {
		again[i.ID] = true
	}
	fresh = slices.DeleteFunc(fresh, func(i *Item) bool { return again[i.ID] })
	if err := m.s.publishAll(ctx, tx, touched, "changed"); err != nil {
		return err
	}
	return m.s.publishAll(ctx, tx, fresh, "created")
}

// stopped says how far a large import has come.
func (m *importing) stopped(err error, written int) error {
	e := errs.CodeOf(err)
	if written == 0 || e == errs.Internal {
		return err
	}
	return &errs.Error{Code: e, Message: fmt.Sprintf("The import stopped after %d of %d rows, because something else changed meanwhile: %s Import the file again to finish.", written, len(m.rows), errs.Message(err)), Fields: errs.FieldsOf(err), Err: err}
}
