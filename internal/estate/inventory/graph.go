package inventory

import (
	"context"
	"database/sql"
	"slices"
	"sync"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/estate/inventory/kind"
)

// edge is one stored relation as its owner holds it.
type edge struct {
	Type string
	To   string
}

// node is an item in the index. A node that is only pointed at is not alive.
type node struct {
	item estate.Item
	// folded is name and title in lower case, for filters.
	folded  string
	alive   bool
	version int64
	// out are the relations that the item owns.
	out []edge
	// groups are what it needs only some of.
	groups []Group
	// seq is its place in the marks of a walk.
	seq int
	// hit are the nodes that stop when this one stops, needs those that this one
	// stops with. Both may hold a node twice.
	hit, needs []*node
}

// graph is the index of all items and relations in memory. Commits may reach it
// in another order than the database made them; the version of the item that
// owns the relations decides which is newer.
type graph struct {
	mu     sync.RWMutex
	nodes  map[string]*node
	gone   map[string]struct{}
	types  carriers
	count  int
	loaded bool
	marks  sync.Pool
}

// carriers says for each type of relation which way a failure travels.
type carriers map[string]string

func carriersOf(types []RelationType) carriers {
	out := carriers{}
	for _, t := range types {
		if t.Carries != kind.Nowhere {
			out[t.Name] = t.Carries
		}
	}
	return out
}

func newGraph() *graph {
	return &graph{nodes: map[string]*node{}, gone: map[string]struct{}{}, types: carriersOf(kind.BuiltinRelations())}
}

func (g *graph) node(itemID string) *node {
	n := g.nodes[itemID]
	if n == nil {
		n = &node{item: estate.Item{ID: itemID}, seq: g.count}
		g.count++
		g.nodes[itemID] = n
	}
	return n
}

// put sets an item and all relations it owns, unless something newer is known.
func (g *graph) put(it estate.Item, version int64, out []edge, groups ...Group) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.set(it, version, out, groups)
}

func (g *graph) set(it estate.Item, version int64, out []edge, groups []Group) {
	if _, dead := g.gone[it.ID]; dead {
		return
	}
	n := g.node(it.ID)
	if n.alive && n.version >= version {
		return
	}
	g.unlink(n)
	n.item, n.alive, n.version, n.out, n.groups = it, true, version, out, groups
	n.folded = folded(it.Name, it.Title)
	g.link(n)
}

func (g *graph) link(n *node) {
	for _, e := range n.out {
		src, dst := g.ends(n, e)
		if src != nil {
			src.hit, dst.needs = append(src.hit, dst), append(dst.needs, src)
		}
	}
}

// retype says anew which way failures travel, and draws all lines again.
func (g *graph) retype(types carriers) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.types = types
	for _, n := range g.nodes {
		n.hit, n.needs = nil, nil
	}
	for _, n := range g.nodes {
		g.link(n)
	}
}

// ends gives the node whose stop travels along e and the one it reaches; nil when
// the relation carries no impact.
func (g *graph) ends(n *node, e edge) (src, dst *node) {
	switch g.types[e.Type] {
	case kind.ToSource:
		return g.node(e.To), n
	case kind.ToTarget:
		return n, g.node(e.To)
	}
	return nil, nil
}

func (g *graph) unlink(n *node) {
	for _, e := range n.out {
		if src, dst := g.ends(n, e); src != nil {
			src.hit, dst.needs = without(src.hit, dst), without(dst.needs, src)
		}
	}
	n.out = nil
}

// without removes one occurrence of x.
func without(ns []*node, x *node) []*node {
	if i := slices.Index(ns, x); i >= 0 {
		return slices.Delete(ns, i, i+1)
	}
	return ns
}

// remove takes an item out for good.
func (g *graph) remove(itemID string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gone[itemID] = struct{}{}
	if n := g.nodes[itemID]; n != nil {
		g.unlink(n)
		n.alive = false
		if len(n.hit) == 0 && len(n.needs) == 0 {
			delete(g.nodes, itemID)
		}
	}
}

// load reads all items and relations as of one moment. What commits have put
// meanwhile and is newer stays.
func (g *graph) load(ctx context.Context, d *db.DB) error {
	var types []RelationType
	opts := &sql.TxOptions{ReadOnly: true}
	if d.Dialect() == db.Postgres {
		opts.Isolation = sql.LevelRepeatableRead
	}
	var items []loadedItem
	var rels []loadedRelation
	err := d.Reader().RunInTx(ctx, opts, func(ctx context.Context, tx bun.Tx) (err error) {
		if err := tx.NewRaw("SELECT id, name, title, kind, owner_team_id, criticality, lifecycle, created_at, version, redundancy FROM items").Scan(ctx, &items); err != nil {
			return err
		}
		if _, types, _, err = kind.Rows(ctx, tx); err != nil {
			return err
		}
		return tx.NewRaw("SELECT from_id, type, to_id FROM item_relations").Scan(ctx, &rels)
	})
	if err != nil {
		return err
	}
	out := make(map[string][]edge, len(items))
	for _, r := range rels {
		out[r.FromID] = append(out[r.FromID], edge{r.Type, r.ToID})
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.types = carriersOf(append(kind.BuiltinRelations(), types...))
	for _, i := range items {
		i.Item.CreatedAt = i.Item.CreatedAt.UTC()
		g.set(i.Item, i.Version, out[i.Item.ID], i.Redundancy)
	}
	g.loaded = true
	return nil
}

func (g *graph) ready() bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.loaded
}

type loadedItem struct {
	estate.Item
	Version    int64
	Redundancy []Group
}

type loadedRelation struct{ FromID, Type, ToID string }
