package estate

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/db"
)

// Node is an item as a map shows it.
type Node struct {
	Item
	Labels     map[string]string
	Attributes map[string]any
}

// Relation is one stored relation: From Type To.
type Relation struct {
	FromID, Type, ToID string
}

// Graph gives a map its nodes and relations. estate.inventory provides it.
type Graph interface {
	// Nodes gives those of the items that whoever acts in ctx may see.
	Nodes(ctx context.Context, q bun.IDB, ids []string) ([]Node, error)
	// Relations lists relations of the types in a fixed order, at most limit.
	Relations(ctx context.Context, q bun.IDB, types []string, limit int) ([]Relation, error)
	// Relate adds a relation as whoever acts in ctx, who must be allowed to change
	// the item from. One that is there stays as it is.
	Relate(ctx context.Context, tx *db.Tx, from, typ, to string) error
}
