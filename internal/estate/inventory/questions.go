package inventory

import (
	"context"
	"errors"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/estate/inventory/kind"
	"github.com/mainstay-ops/mainstay/internal/estate/inventory/match"
)

// maxReached bounds an answer to another wing.
const maxReached = 10000

// ByName implements estate.Items.
func (s *Service) ByName(ctx context.Context, q bun.IDB, name string) (estate.Item, error) {
	i, err := byName(ctx, q, name)
	if err != nil {
		return estate.Item{}, err
	}
	return i.brief(), nil
}

// ByIDs implements estate.Items.
func (s *Service) ByIDs(ctx context.Context, q bun.IDB, ids []string) (map[string]estate.Item, error) {
	is, err := byIDs(ctx, q, ids)
	if err != nil {
		return nil, err
	}
	out := make(map[string]estate.Item, len(is))
	for _, i := range is {
		out[i.ID] = i.brief()
	}
	return out, s.addMerged(ctx, q, ids, out)
}

// Impact implements estate.Items. It gives the nearest 10,000 items that stop or
// are degraded; what still works because of redundancy is not among them.
func (s *Service) Impact(ctx context.Context, q bun.IDB, ids []string) ([]estate.Reached, error) {
	found, _, err := s.reach(ctx, q, ids, walk{limit: maxReached})
	return found, err
}

// Needs implements estate.Items. It gives the nearest 10,000 items.
func (s *Service) Needs(ctx context.Context, q bun.IDB, ids []string) ([]estate.Reached, error) {
	found, _, err := s.reach(ctx, q, ids, walk{up: true, limit: maxReached})
	return found, err
}

// reach answers from memory, or from the tables when q is a transaction, which
// may hold relations that are not committed.
func (s *Service) reach(ctx context.Context, q bun.IDB, ids []string, w walk) ([]estate.Reached, bool, error) {
	if _, plain := q.(*bun.DB); plain && s.graph.ready() {
		found, truncated := s.graph.reach(ids, w)
		return found, truncated, nil
	}
	return reachSQL(ctx, q, ids, w)
}

// Observed implements estate.Discoverer. It fills in what nobody has typed: title,
// kind and criticality. What it says of attributes is kept beside what others say,
// and counts where it wins; an attribute with a nil value is taken back. The item that RunsOn names must exist; the relation is
// left out where it would close a circle with what people have drawn.
func (s *Service) Observed(ctx context.Context, tx *db.Tx, in estate.NewItem) (estate.Item, error) {
	ctx = passed(ctx)
	source := in.Source
	if source == "" {
		source = "discovery"
	}
	if source == manual {
		return estate.Item{}, errManual
	}
	known, err := s.reconcile(ctx, tx, in)
	if err != nil {
		return estate.Item{}, err
	}
	i := known.item
	fresh := i == nil
	if fresh {
		i = blank(tx)
		i.Name = known.name
	}
	m, err := s.model(ctx, tx)
	if err != nil {
		return estate.Item{}, err
	}
	before := i.clone()
	if err := i.observe(m, in); err != nil {
		return estate.Item{}, err
	}
	if err := s.say(ctx, tx, m, i, in.Attributes, source, false); err != nil {
		return estate.Item{}, err
	}
	if fresh {
		i.complete(m)
		err = s.add(ctx, tx, i)
	} else {
		_, err = s.keep(ctx, tx, &before, i)
	}
	if err != nil {
		return i.brief(), err
	}
	if err := s.identified(ctx, tx, i, in, known, source); err != nil {
		return i.brief(), err
	}
	if err := s.observedRelations(ctx, tx, i, in); err != nil || in.RunsOn == "" {
		return i.brief(), err
	}
	host, err := byName(ctx, tx, in.RunsOn)
	if err != nil {
		return estate.Item{}, err
	}
	t, err := m.Relation("runs_on", RunsOn)
	if err != nil {
		return estate.Item{}, err
	}
	if _, err := s.relate(ctx, tx, i, t, []target{{host, "runs_on"}}, nil); err != nil && !errs.Is(err, errs.Invalid) {
		return estate.Item{}, err
	}
	return i.brief(), nil
}

// observe sets what a discovery knows and no person has said.
func (i *Item) observe(m *kind.Model, in estate.NewItem) error {
	if err := account.CheckName("name", in.Name); err != nil {
		return err
	}
	if in.Title != "" && !i.Typed["title"] {
		if err := checkText("title", in.Title, maxTitle); err != nil {
			return err
		}
		i.Title = in.Title
	}
	if !i.Typed["kind"] && (in.Kind != "" || i.Kind == "") {
		if err := m.CheckKind("kind", in.Kind); err != nil {
			return err
		}
		i.Kind = in.Kind
	}
	if in.Criticality != "" && !i.Typed["criticality"] {
		if err := oneOf("criticality", string(in.Criticality), string(estate.Low), string(estate.Medium), string(estate.High), string(estate.Critical)); err != nil {
			return err
		}
		i.Criticality = in.Criticality
	}
	if i.OwnerTeamID == "" {
		i.OwnerTeamID = in.OwnerTeamID
	}
	return nil
}

// resolve implements entity.Resolver.
func (s *Service) resolve(ctx context.Context, q bun.IDB, ids []string) ([]entity.Summary, error) {
	is, err := byIDs(ctx, q, ids)
	if err != nil {
		return nil, err
	}
	states := s.stateOf(ids)
	out := make([]entity.Summary, len(is))
	for n, i := range is {
		out[n] = entity.Summary{Ref: estate.Ref(i.ID), Name: i.Name, Title: i.Title, State: states[i.ID], URL: itemURL(i.Name)}
	}
	return out, nil
}

// find implements entity.Finder.
func (s *Service) find(ctx context.Context, q bun.IDB, name string) (string, error) {
	i, err := readable(ctx, q, name)
	if err != nil {
		return "", err
	}
	return i.ID, nil
}

// visible tells whether whoever acts may see an item of the team.
func visible(ctx context.Context, teamID string) bool {
	return access.From(ctx).CanFor(estate.ReadItems, teamID)
}

// Catalog implements estate.Catalog.
func (s *Service) Catalog(ctx context.Context, q bun.IDB, f estate.CatalogFilter) ([]estate.Item, error) {
	var kinds []string
	if f.Kind != "" {
		m, err := s.model(ctx, q)
		if err != nil {
			return nil, err
		}
		kinds = m.Within(f.Kind)
	}
	is, err := list(ctx, q, Filter{Kinds: kinds, OwnerTeamID: f.OwnerTeamID, After: f.After, Limit: f.Limit})
	if err != nil {
		return nil, err
	}
	out := make([]estate.Item, len(is))
	for n, i := range is {
		out[n] = i.brief()
	}
	return out, nil
}

// Nodes implements estate.Graph.
func (s *Service) Nodes(ctx context.Context, q bun.IDB, ids []string) ([]estate.Node, error) {
	is, err := byIDs(ctx, q, ids)
	if err != nil {
		return nil, err
	}
	out := make([]estate.Node, 0, len(is))
	for n := range is {
		if i := &is[n]; visible(ctx, i.OwnerTeamID) {
			out = append(out, estate.Node{Item: i.brief(), Labels: i.Labels, Attributes: i.Attributes})
		}
	}
	return out, nil
}

// Relations implements estate.Graph.
func (s *Service) Relations(ctx context.Context, q bun.IDB, types []string, limit int) ([]estate.Relation, error) {
	var rows []struct{ FromID, Type, ToID string }
	if err := q.NewRaw("SELECT from_id, type, to_id FROM item_relations WHERE type IN (?) ORDER BY from_id, type, to_id LIMIT ?", bun.In(types), limit).Scan(ctx, &rows); err != nil {
		return nil, err
	}
	out := make([]estate.Relation, len(rows))
	for n, r := range rows {
		out[n] = estate.Relation(r)
	}
	return out, nil
}

// relateNamed adds a relation inside a transaction, as whoever acts in ctx.
func (s *Service) relateNamed(ctx context.Context, tx *db.Tx, from, typ, to string) error {
	a, t, b, err := s.relationEnds(ctx, tx, from, typ, to)
	if err != nil {
		return err
	}
	_, err = s.relate(ctx, tx, a, t, []target{{b, "item"}}, nil)
	return err
}

// mapGraph answers estate.Graph; Service.Relate is the use case of the API, which
// opens a transaction of its own.
type mapGraph struct{ *Service }

// Relate implements estate.Graph.
func (g mapGraph) Relate(ctx context.Context, tx *db.Tx, from, typ, to string) error {
	return g.relateNamed(ctx, tx, from, typ, to)
}

// Recognize implements estate.Recognizer.
func (s *Service) Recognize(ctx context.Context, q bun.IDB, key, value string) (estate.Item, error) {
	clean := match.Clean(map[string][]string{key: {value}})[key]
	if len(clean) == 0 {
		return estate.Item{}, errs.New(errs.NotFound, "%q identifies no item.", short(value))
	}
	var ids []string
	if err := q.NewRaw("SELECT DISTINCT item_id FROM item_identities WHERE key = ? AND value = ? LIMIT 2", key, clean[0]).Scan(ctx, &ids); err != nil {
		return estate.Item{}, err
	}
	if len(ids) != 1 {
		return estate.Item{}, errs.New(errs.NotFound, "%d items have the %s %q.", len(ids), key, short(value))
	}
	is, err := byIDs(ctx, q, ids)
	if err != nil || len(is) != 1 {
		return estate.Item{}, errors.Join(err, errs.New(errs.NotFound, "%q identifies no item.", short(value)))
	}
	return is[0].brief(), nil
}
