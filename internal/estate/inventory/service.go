package inventory

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/search"
	"github.com/mainstay-ops/mainstay/internal/core/strict"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/estate/inventory/kind"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Service has the use cases on items.
type Service struct {
	db     *db.DB
	events *event.Log
	live   *live.Hub
	graph  *graph
	kinds  kind.Cache
	// states is nil when nothing watches items.
	states observe.ItemStates
	// checks is nil when nothing watches items.
	checks observe.CheckMaker
	health health
}

func newService(d *db.DB, events *event.Log, hub *live.Hub) *Service {
	return &Service{db: d, events: events, live: hub, graph: newGraph()}
}

// readable finds an item that whoever acts may read.
func readable(ctx context.Context, q bun.IDB, name string) (*Item, error) {
	i, err := byName(ctx, q, name)
	if err != nil {
		return nil, err
	}
	return i, access.Check(ctx, estate.ReadItems, i.OwnerTeamID)
}

// writable finds an item that whoever acts may change.
func writable(ctx context.Context, q bun.IDB, name string) (*Item, error) {
	i, err := readable(ctx, q, name)
	if err != nil {
		return nil, err
	}
	return i, access.Check(ctx, estate.WriteItems, i.OwnerTeamID)
}

// teamID finds the team of that name; "" is no team.
func teamID(ctx context.Context, q bun.IDB, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	t, err := account.TeamByName(ctx, q, name)
	if !errs.Is(err, errs.NotFound) {
		return t.ID, err
	}
	names, err := account.TeamNames(ctx, q)
	if err != nil {
		return "", err
	}
	return "", errs.Fields(errs.Field{Path: "owner", Value: short(name), Message: "is not the name of a team" + strict.DidYouMean(name, slices.Sorted(maps.Values(names)))})
}

// Create adds an item.
func (s *Service) Create(ctx context.Context, f Fields) (*Item, error) {
	var i *Item
	err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		i, err = s.create(ctx, tx, f)
		return err
	})
	return i, err
}

func (s *Service) create(ctx context.Context, tx *db.Tx, f Fields) (*Item, error) {
	i := blank(tx)
	// What is missing is refused like what is empty.
	var empty string
	f.Name, f.Kind = cmp.Or(f.Name, &empty), cmp.Or(f.Kind, &empty)
	m, err := s.model(ctx, tx)
	if err != nil {
		return nil, err
	}
	bad, err := s.lay(ctx, tx, m, i, f)
	if err != nil {
		return nil, err
	}
	if f.Redundancy != nil && len(*f.Redundancy) > 0 {
		bad = append(bad, errs.Field{Path: "redundancy", Message: "names what the item has relations to; add the item and its relations first"})
	}
	if len(bad) > 0 {
		return nil, errs.Fields(bad...)
	}
	if err := access.Check(ctx, estate.WriteItems, i.OwnerTeamID); err != nil {
		return nil, err
	}
	return i, s.add(ctx, tx, i)
}

// lay applies f to an item in memory as a person does, all but redundancy, and
// gives every mistake. q need not be a transaction.
func (s *Service) lay(ctx context.Context, q bun.IDB, m *kind.Model, i *Item, f Fields) ([]errs.Field, error) {
	was := i.Kind
	bad := i.set(m, f)
	err := s.say(ctx, q, m, i, f.Attributes, manual, f.refsLater)
	if err != nil && !errs.Is(err, errs.Invalid) {
		return nil, err
	}
	if i.making {
		if err == nil {
			i.complete(m)
			bad = append(bad, i.lacking(m)...)
		}
		return append(bad, errs.FieldsOf(err)...), nil
	}
	bad = append(bad, errs.FieldsOf(err)...)
	if i.Kind != was && len(bad) == 0 {
		bad = append(s.refit(ctx, q, m, i, f.refsLater), i.lacking(m)...)
	}
	for _, l := range i.lacking(m) {
		if v, given := f.Attributes[strings.TrimPrefix(l.Path, "attributes.")]; given && v == nil {
			bad = append(bad, l)
		}
	}
	return bad, nil
}

func blank(tx *db.Tx) *Item { return blankAt(tx.Now()) }

func blankAt(now time.Time) *Item {
	return &Item{
		making: true, Redundancy: []Group{},
		ID: id.New(), Criticality: estate.Medium, Lifecycle: inUse, Labels: map[string]string{}, Attributes: map[string]any{}, Sources: map[string]string{}, Typed: map[string]bool{},
		CreatedAt: now, UpdatedAt: now, Version: 1,
	}
}

// add writes a new item that has been checked.
func (s *Service) add(ctx context.Context, tx *db.Tx, i *Item) error {
	if err := insert(ctx, tx, i); err != nil {
		return err
	}
	if err := remember(ctx, tx, []change{{itemID: i.ID, field: "item", after: i.Name}}); err != nil {
		return err
	}
	if err := audit.Write(ctx, tx, audit.Change{Action: "item.create", Ref: estate.Ref(i.ID), Name: i.Name, After: auditView(i)}); err != nil {
		return err
	}
	return s.publish(ctx, tx, i, "created")
}

func auditView(i *Item) map[string]any {
	return map[string]any{
		"name": i.Name, "title": i.Title, "kind": i.Kind, "owner_team_id": i.OwnerTeamID, "criticality": i.Criticality, "lifecycle": i.Lifecycle,
		"description": i.Description, "labels": i.Labels, "attributes": i.Attributes,
	}
}

// Update changes an item. ifMatch is the entity tag that the change is based on,
// "" for any.
func (s *Service) Update(ctx context.Context, name, ifMatch string, f Fields) (*Item, error) {
	var i *Item
	err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if i, err = writable(ctx, tx, name); err != nil {
			return err
		}
		if err := httpapi.CheckMatch(ifMatch, i.Version); err != nil {
			return err
		}
		_, err = s.change(ctx, tx, i, f)
		return err
	})
	return i, err
}

// change applies f to an item that whoever acts may change, and gives the fields
// that differ.
func (s *Service) change(ctx context.Context, tx *db.Tx, i *Item, f Fields) ([]change, error) {
	before := i.clone()
	m, err := s.model(ctx, tx)
	if err != nil {
		return nil, err
	}
	bad, err := s.lay(ctx, tx, m, i, f)
	if err != nil {
		return nil, err
	}
	if f.Redundancy != nil {
		fs, err := s.regroup(ctx, tx, m, i, *f.Redundancy)
		if err != nil {
			return nil, err
		}
		bad = append(bad, fs...)
	}
	if len(bad) > 0 {
		return nil, errs.Fields(bad...)
	}
	if i.OwnerTeamID != before.OwnerTeamID {
		// Giving an item away needs the right on both sides.
		if err := access.Check(ctx, estate.WriteItems, i.OwnerTeamID); err != nil {
			return nil, err
		}
	}
	if wait, err := s.holdChange(ctx, tx, &before, i, f); wait || err != nil {
		return nil, err
	}
	return s.keep(ctx, tx, &before, i)
}

// keep writes what differs between before and i, if anything.
func (s *Service) keep(ctx context.Context, tx *db.Tx, before, i *Item) ([]change, error) {
	changes, err := diff(ctx, tx, before, i)
	if err != nil {
		return nil, err
	}
	if err := i.writeClaims(ctx, tx); err != nil {
		return nil, err
	}
	if len(changes) == 0 && reflect.DeepEqual(before.Typed, i.Typed) {
		return nil, nil
	}
	if err := update(ctx, tx, i); err != nil {
		return nil, err
	}
	var keys []string
	for _, c := range changes {
		if k, ok := strings.CutPrefix(c.field, "attributes."); ok {
			keys = append(keys, k)
		}
	}
	if err := i.writeValues(ctx, tx, keys, false); err != nil {
		return nil, err
	}
	if before.Name != i.Name {
		m, err := s.model(ctx, tx)
		if err != nil {
			return nil, err
		}
		if err := s.renamed(ctx, tx, m, before.Name, i.Name); err != nil {
			return nil, err
		}
	}
	if err := remember(ctx, tx, changes); err != nil {
		return nil, err
	}
	if len(changes) > 0 {
		was, is := map[string]any{}, map[string]any{}
		for _, c := range changes {
			was[c.field], is[c.field] = c.before, c.after
		}
		if err := audit.Write(ctx, tx, audit.Change{Action: "item.update", Ref: estate.Ref(i.ID), Name: i.Name, Before: was, After: is}); err != nil {
			return nil, err
		}
	}
	return changes, s.publish(ctx, tx, i, "changed")
}

// diff lists the fields that differ, by name.
func diff(ctx context.Context, q bun.IDB, a, b *Item) ([]change, error) {
	var out []change
	add := func(field string, before, after any) {
		if !reflect.DeepEqual(before, after) {
			out = append(out, change{itemID: b.ID, field: field, before: before, after: after})
		}
	}
	add("name", a.Name, b.Name)
	add("title", a.Title, b.Title)
	add("kind", a.Kind, b.Kind)
	if a.OwnerTeamID != b.OwnerTeamID {
		teams, err := account.TeamNames(ctx, q)
		if err != nil {
			return nil, err
		}
		add("owner", teams[a.OwnerTeamID], teams[b.OwnerTeamID])
	}
	add("criticality", a.Criticality, b.Criticality)
	add("lifecycle", a.Lifecycle, b.Lifecycle)
	add("description", a.Description, b.Description)
	diffMap("labels.", a.Labels, b.Labels, add)
	first := len(out)
	diffMap("attributes.", a.Attributes, b.Attributes, add)
	for n := range out[first:] {
		c := &out[first+n]
		k := strings.TrimPrefix(c.field, "attributes.")
		c.sourceBefore, c.sourceAfter = a.Sources[k], b.Sources[k]
	}
	for _, k := range sortedKeys(a.Sources) {
		if now, ok := b.Sources[k]; ok && reflect.DeepEqual(a.Attributes[k], b.Attributes[k]) {
			add("sources."+k, a.Sources[k], now)
		}
	}
	was, is, err := groupsForHistory(ctx, q, a.Redundancy, b.Redundancy)
	if err != nil {
		return nil, err
	}
	add("redundancy", was, is)
	return out, nil
}

func diffMap[V any](prefix string, a, b map[string]V, add func(string, any, any)) {
	keys := copyMap(a)
	maps.Copy(keys, b)
	for _, k := range sortedKeys(keys) {
		var before, after any
		if v, ok := a[k]; ok {
			before = v
		}
		if v, ok := b[k]; ok {
			after = v
		}
		add(prefix+k, before, after)
	}
}

func sortedKeys[V any](m map[string]V) []string {
	ks := slices.Collect(maps.Keys(m))
	sort.Strings(ks)
	return ks
}

// publish tells the outbox, and after the commit the index and the browsers, that
// an item has changed.
func (s *Service) publish(ctx context.Context, tx *db.Tx, i *Item, what string) error {
	out, err := owned(ctx, tx, i.ID)
	if err != nil {
		return err
	}
	if err := s.events.Append(ctx, tx, estate.ItemChanged{ItemID: i.ID, Name: i.Name}); err != nil {
		return err
	}
	it, version := i.brief(), i.Version
	groups := i.Redundancy
	tx.AfterCommit(func() {
		s.graph.put(it, version, out, groups...)
		s.live.Send(live.Note{Topic: "items", Kind: what, ID: it.Name, Data: map[string]any{"title": it.Title, "kind": it.Kind, "criticality": it.Criticality, "lifecycle": it.Lifecycle}})
	})
	return nil
}

// Delete removes an item with its relations. What it was can still be read as of a
// moment before.
func (s *Service) Delete(ctx context.Context, name, ifMatch string) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		i, err := writable(ctx, tx, name)
		if err != nil {
			return err
		}
		if err := httpapi.CheckMatch(ifMatch, i.Version); err != nil {
			return err
		}
		if wait, err := s.holdRemoval(ctx, tx, i, nil); wait || err != nil {
			return err
		}
		return s.remove(ctx, tx, i)
	})
}

// remove takes an item out, with its relations.
func (s *Service) remove(ctx context.Context, tx *db.Tx, i *Item) error {
	if err := s.rememberGone(ctx, tx, i); err != nil {
		return err
	}
	if _, err := tx.NewRaw("DELETE FROM items WHERE id = ?", i.ID).Exec(ctx); err != nil {
		return err
	}
	if err := search.Remove(ctx, tx, estate.ItemKind, i.ID); err != nil {
		return err
	}
	if err := audit.Write(ctx, tx, audit.Change{Action: "item.delete", Ref: estate.Ref(i.ID), Name: i.Name, Before: auditView(i)}); err != nil {
		return err
	}
	if err := s.events.Append(ctx, tx, estate.ItemChanged{ItemID: i.ID, Name: i.Name, Removed: true}); err != nil {
		return err
	}
	tx.AfterCommit(func() {
		s.graph.remove(i.ID)
		s.live.Send(live.Note{Topic: "items", Kind: "removed", ID: i.Name})
	})
	return nil
}

// Start implements module.Starter: it reads the index.
func (s *Service) Start(ctx context.Context) error { return s.graph.load(ctx, s.db) }

// Stop implements module.Starter.
func (s *Service) Stop(context.Context) {}

// stateOf asks how items are; an item that nothing watches is left out.
func (s *Service) stateOf(ids []string) map[string]string {
	if s.states == nil || len(ids) == 0 {
		return nil
	}
	return s.states.ItemStates(ids)
}

var errManual = errors.New("inventory: a discovery must not call itself " + manual)
