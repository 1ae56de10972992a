package inventory

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/estate/inventory/kind"
)

// fileEntry is an item in ops.yaml. A key that is left out leaves what is there;
// one that is given replaces it. Attributes replace the manual ones only.
type fileEntry struct {
	Name        string            `yaml:"name" required:"true"`
	Title       *string           `yaml:"title,omitempty"`
	Kind        string            `yaml:"kind" required:"true"`
	Owner       *string           `yaml:"owner,omitempty"`
	Criticality *string           `yaml:"criticality,omitempty"`
	Lifecycle   *string           `yaml:"lifecycle,omitempty"`
	Description *string           `yaml:"description,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Attributes  map[string]any    `yaml:"attributes,omitempty"`
	DependsOn   []string          `yaml:"depends_on,omitempty,flow"`
	RunsOn      []string          `yaml:"runs_on,omitempty,flow"`
	PartOf      []string          `yaml:"part_of,omitempty,flow"`
	ConnectsTo  []string          `yaml:"connects_to,omitempty,flow"`
	MemberOf    []string          `yaml:"member_of,omitempty,flow"`
	// Relations are those of other types, by type.
	Relations  map[string][]string `yaml:"relations,omitempty"`
	Redundancy []GroupBody         `yaml:"redundancy,omitempty"`
}

// targets gives the names of one relation type; nil when the file leaves it out.
func (e *fileEntry) targets(typ string) []string {
	if l := e.list(typ); l != nil {
		return *l
	}
	return e.Relations[typ]
}

// list points at the list of a built-in relation type.
func (e *fileEntry) list(typ string) *[]string {
	return map[string]*[]string{DependsOn: &e.DependsOn, RunsOn: &e.RunsOn, PartOf: &e.PartOf, ConnectsTo: &e.ConnectsTo, MemberOf: &e.MemberOf}[typ]
}

// Resources implements module.HasResources.
func (s *Service) Resources() []apply.Resource {
	return append(append(s.kindResources(), s.ruleResource()), apply.Resource{
		Key: "items", Order: 20, Need: estate.WriteItems,
		New: func() any { return &fileEntry{} },
		Apply: func(ctx context.Context, tx *db.Tx, e any) (apply.Change, error) {
			return waitingChange(ctx, tx, e.(*fileEntry), s.applyItem)
		},
		Connect: func(ctx context.Context, tx *db.Tx, e any) (apply.Change, error) {
			return waitingChange(ctx, tx, e.(*fileEntry), s.connectItem)
		},
		Export: s.export,
	})
}

func (s *Service) applyItem(ctx context.Context, tx *db.Tx, e *fileEntry) (apply.Change, error) {
	f := Fields{Name: &e.Name, Title: e.Title, Kind: &e.Kind, Criticality: e.Criticality, Lifecycle: e.Lifecycle, Description: e.Description, Attributes: map[string]any{}, Labels: map[string]*string{}, refsLater: true}
	if e.Owner != nil {
		t, err := teamID(ctx, tx, *e.Owner)
		if err != nil {
			return apply.Change{}, err
		}
		f.OwnerTeamID = &t
	}
	for k, v := range e.Labels {
		f.Labels[k] = &v
	}
	for k, v := range e.Attributes {
		f.Attributes[k] = v
	}
	i, err := writable(ctx, tx, e.Name)
	if errs.Is(err, errs.NotFound) {
		_, err := s.create(ctx, tx, f)
		return apply.Change{Outcome: apply.Created}, err
	}
	if err != nil {
		return apply.Change{}, err
	}
	if e.Labels != nil {
		for k := range i.Labels {
			if _, keep := e.Labels[k]; !keep {
				f.Labels[k] = nil
			}
		}
	}
	if e.Attributes != nil {
		for k, source := range i.Sources {
			if _, keep := e.Attributes[k]; !keep && source == manual {
				f.Attributes[k] = nil
			}
		}
	}
	changes, err := s.change(ctx, tx, i, f)
	c := apply.Change{Outcome: apply.Unchanged}
	for _, ch := range changes {
		c.Outcome = apply.Updated
		c.Fields = append(c.Fields, fmt.Sprintf("%s: %s → %s", ch.field, say(ch.before), say(ch.after)))
	}
	return c, err
}

// say writes a value for people, shortened.
func say(v any) string {
	if v == nil {
		return "nothing"
	}
	if t := fmt.Sprint(v); t != "" {
		return short(t)
	}
	return "nothing"
}

// connectItem makes the relations of an item as the file lists them.
func (s *Service) connectItem(ctx context.Context, tx *db.Tx, e *fileEntry) (apply.Change, error) {
	c := apply.Change{Outcome: apply.Unchanged}
	var a *Item
	var have []edge
	var bad []errs.Field
	m, err := s.model(ctx, tx)
	if err != nil {
		return c, err
	}
	for _, typ := range sortedKeys(e.Relations) {
		if _, err := m.Relation("relations."+typ, typ); err != nil {
			bad = append(bad, errs.FieldsOf(err)...)
		} else if e.list(typ) != nil {
			bad = append(bad, errs.Field{Path: "relations." + typ, Message: "is built in; write " + typ + ": beside relations:"})
		}
	}
	if len(bad) > 0 {
		return c, errs.Fields(bad...)
	}
	for _, t := range m.Relations() {
		names := e.targets(t.Name)
		if names == nil {
			continue
		}
		if a == nil {
			var err error
			if a, err = writable(ctx, tx, e.Name); err != nil {
				return c, err
			}
			if have, err = owned(ctx, tx, a.ID); err != nil {
				return c, err
			}
		}
		changed, err := s.connectType(ctx, tx, a, t, names, have)
		if err != nil {
			if fs := errs.FieldsOf(err); errs.Is(err, errs.Invalid) && len(fs) > 0 {
				bad = append(bad, fs...)
				continue
			}
			return c, err
		}
		if changed {
			c.Outcome = apply.Updated
			c.Fields = append(c.Fields, t.Name+": "+say(names))
		}
	}
	if len(bad) == 0 {
		bad, err = s.connectRest(ctx, tx, m, e, &c)
	}
	if err != nil {
		return c, err
	}
	return c, errs.Fields(bad...)
}

// connectRest sets what rests on the relations of an item and on other items:
// groups, and attributes that name items.
func (s *Service) connectRest(ctx context.Context, tx *db.Tx, m *kind.Model, e *fileEntry, c *apply.Change) ([]errs.Field, error) {
	i, err := writable(ctx, tx, e.Name)
	if err != nil {
		return nil, err
	}
	var bad []errs.Field
	for _, k := range sortedKeys(e.Attributes) {
		d := m.Attribute(i.Kind, k)
		if d == nil || d.Type != kind.Item {
			continue
		}
		name, _ := e.Attributes[k].(string)
		problem, err := refProblem(ctx, tx, m, d, name)
		if err != nil {
			return nil, err
		}
		if problem != "" {
			bad = append(bad, errs.Field{Path: "attributes." + k, Value: short(name), Message: problem})
		}
	}
	if e.Redundancy == nil || len(bad) > 0 {
		return bad, nil
	}
	changes, err := s.change(ctx, tx, i, Fields{Redundancy: &e.Redundancy})
	if fs := errs.FieldsOf(err); errs.Is(err, errs.Invalid) && len(fs) > 0 {
		return fs, nil
	}
	if len(changes) > 0 {
		c.Outcome = apply.Updated
		c.Fields = append(c.Fields, "redundancy: "+count(len(e.Redundancy), "group"))
	}
	return nil, err
}

func (s *Service) connectType(ctx context.Context, tx *db.Tx, a *Item, t RelationType, names []string, have []edge) (bool, error) {
	if len(names) > maxRelations {
		return false, errs.Fields(errs.Field{Path: t.Name, Message: fmt.Sprintf("an item can have at most %d relations of its own", maxRelations)})
	}
	var add []target
	var gone []string
	var bad []errs.Field
	wanted := map[string]bool{}
	for n, name := range names {
		path := fmt.Sprintf("%s[%d]", t.Name, n)
		b, err := named(ctx, tx, path, name)
		if err != nil {
			if fs := errs.FieldsOf(err); len(fs) > 0 {
				bad = append(bad, fs...)
				continue
			}
			return false, err
		}
		wanted[b.ID] = true
		add = append(add, target{b, path})
	}
	if len(bad) > 0 {
		return false, errs.Fields(bad...)
	}
	for _, h := range have {
		if h.Type == t.Name && !wanted[h.To] {
			gone = append(gone, h.To)
		}
	}
	removed, err := byIDs(ctx, tx, gone)
	if err != nil {
		return false, err
	}
	remove := make([]*Item, len(removed))
	for n := range removed {
		remove[n] = &removed[n]
	}
	return s.relate(ctx, tx, a, t, add, remove)
}

// exportPage is how many items are read at once.
const exportPage = 1000

func (s *Service) export(ctx context.Context, q bun.IDB) ([]any, error) {
	teams, err := account.TeamNames(ctx, q)
	if err != nil {
		return nil, err
	}
	var out []any
	for f := (Filter{Limit: exportPage}); ; {
		page, err := list(ctx, q, f)
		if err != nil {
			return nil, err
		}
		entries, err := exportItems(ctx, q, page, teams)
		if err != nil {
			return nil, err
		}
		out = append(out, entries...)
		if len(page) < exportPage {
			return out, nil
		}
		f.After = page[len(page)-1].Name
	}
}

func exportItems(ctx context.Context, q bun.IDB, page []Item, teams map[string]string) ([]any, error) {
	ids := make([]string, len(page))
	at := make(map[string]*fileEntry, len(page))
	out := make([]any, len(page))
	for n := range page {
		e := page[n].entry(teams)
		ids[n], at[page[n].ID], out[n] = page[n].ID, e, e
	}
	for part := range chunks(ids) {
		var rows []struct{ FromID, Type, Name string }
		if err := q.NewRaw("SELECT r.from_id, r.type, i.name FROM item_relations r JOIN items i ON i.id = r.to_id WHERE r.from_id IN (?) ORDER BY i.name", bun.In(part)).Scan(ctx, &rows); err != nil {
			return nil, err
		}
		for _, r := range rows {
			e := at[r.FromID]
			if l := e.list(r.Type); l != nil {
				*l = append(*l, r.Name)
				continue
			}
			if e.Relations == nil {
				e.Relations = map[string][]string{}
			}
			e.Relations[r.Type] = append(e.Relations[r.Type], r.Name)
		}
	}
	for n := range page {
		bs, err := bodies(ctx, q, page[n].Redundancy)
		if err != nil {
			return nil, err
		}
		at[page[n].ID].Redundancy = bs
	}
	return out, nil
}

// entry writes the item as a file would say it. What only a discovery has said is
// left out, so that applying the file again does not turn it into a person's word.
func (i *Item) entry(teams map[string]string) *fileEntry {
	e := &fileEntry{Name: i.Name, Kind: i.Kind, Labels: i.Labels}
	if t := i.Title; i.Typed["title"] {
		e.Title = &t
	}
	if o := teams[i.OwnerTeamID]; o != "" {
		e.Owner = &o
	}
	if c := string(i.Criticality); i.Typed["criticality"] {
		e.Criticality = &c
	}
	if l := i.Lifecycle; l != inUse {
		e.Lifecycle = &l
	}
	if d := i.Description; d != "" {
		e.Description = &d
	}
	for _, k := range sortedKeys(i.Sources) {
		if i.Sources[k] == manual {
			if e.Attributes == nil {
				e.Attributes = map[string]any{}
			}
			e.Attributes[k] = i.Attributes[k]
		}
	}
	return e
}
