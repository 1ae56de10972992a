package inventory

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"sync"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

// edge is one stored relation as its owner holds it.
type edge struct {
	Type string
	To   string
}

// node is an item in the index. A node that is only pointed at is not alive.
type node struct {
	item    estate.Item
	alive   bool
	version int64
	// out are the relations that the item owns.
	out []edge
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
	loaded bool
}

func newGraph() *graph {
	return &graph{nodes: map[string]*node{}, gone: map[string]struct{}{}}
}

func (g *graph) node(itemID string) *node {
	n := g.nodes[itemID]
	if n == nil {
		n = &node{item: estate.Item{ID: itemID}}
		g.nodes[itemID] = n
	}
	return n
}

// put sets an item and all relations it owns, unless something newer is known.
func (g *graph) put(it estate.Item, version int64, out []edge) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.set(it, version, out)
}

func (g *graph) set(it estate.Item, version int64, out []edge) {
	if _, dead := g.gone[it.ID]; dead {
		return
	}
	n := g.node(it.ID)
	if n.alive && n.version >= version {
		return
	}
	g.unlink(n)
	n.item, n.alive, n.version, n.out = it, true, version, out
	for _, e := range out {
		src, dst := g.ends(n, e)
		if src != nil {
			src.hit, dst.needs = append(src.hit, dst), append(dst.needs, src)
		}
	}
}

// ends gives the node whose stop travels along e and the one it reaches; nil when
// the relation carries no impact.
func (g *graph) ends(n *node, e edge) (src, dst *node) {
	switch carries(e.Type) {
	case toFrom:
		return g.node(e.To), n
	case toTarget:
		return n, g.node(e.To)
	}
	return nil, nil
}

func carries(relType string) direction {
	for _, t := range relationTypes() {
		if t.Name == relType {
			return t.Carries
		}
	}
	return nowhere
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

// walk is a search through relations.
type walk struct {
	// up follows needs, otherwise impact is followed.
	up bool
	// depth is the largest distance, 0 for any.
	depth int
	// limit is the largest number of items found.
	limit int
}

// reach finds items breadth first: by distance, then by name, so that the same
// question has the same answer from memory and from the tables.
func (g *graph) reach(ids []string, w walk) (found []estate.Reached, truncated bool) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	parent := make(map[*node]*node, 64)
	var level []*node
	for _, s := range ids {
		if n := g.nodes[s]; n != nil && n.alive {
			if _, dup := parent[n]; !dup {
				parent[n] = nil
				level = append(level, n)
			}
		}
	}
	sortNodes(level)
	for distance := 1; len(level) > 0 && (w.depth == 0 || distance <= w.depth); distance++ {
		var next []*node
		for _, n := range level {
			near := n.hit
			if w.up {
				near = n.needs
			}
			for _, m := range near {
				if _, seen := parent[m]; !seen && m.alive {
					parent[m] = n
					next = append(next, m)
				}
			}
		}
		sortNodes(next)
		for _, m := range next {
			if len(found) == w.limit {
				return found, true
			}
			found = append(found, estate.Reached{Item: m.item, Distance: distance, Path: pathTo(m, parent, distance)})
		}
		level = next
	}
	return found, false
}

func sortNodes(ns []*node) {
	slices.SortFunc(ns, func(a, b *node) int { return cmp.Compare(a.item.Name, b.item.Name) })
}

func pathTo(n *node, parent map[*node]*node, distance int) []string {
	path := make([]string, distance+1)
	for i := distance; i >= 0; i-- {
		path[i] = n.item.ID
		n = parent[n]
	}
	return path
}

// load reads all items and relations as of one moment. What commits have put
// meanwhile and is newer stays.
func (g *graph) load(ctx context.Context, d *db.DB) error {
	opts := &sql.TxOptions{ReadOnly: true}
	if d.Dialect() == db.Postgres {
		opts.Isolation = sql.LevelRepeatableRead
	}
	var items []loadedItem
	var rels []loadedRelation
	err := d.Reader().RunInTx(ctx, opts, func(ctx context.Context, tx bun.Tx) error {
		if err := tx.NewRaw("SELECT id, name, title, kind, owner_team_id, criticality, lifecycle, created_at, version FROM items").Scan(ctx, &items); err != nil {
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
	for _, i := range items {
		i.Item.CreatedAt = i.Item.CreatedAt.UTC()
		g.set(i.Item, i.Version, out[i.Item.ID])
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
	Version int64
}

type loadedRelation struct{ FromID, Type, ToID string }
