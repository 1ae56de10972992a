package observe

import (
	"context"

	"github.com/uptrace/bun"
)

// Installed is a package on an item.
type Installed struct {
	ItemID, Version string
}

// Software tells what is installed where.
type Software interface {
	// WithPackage lists the items that have a package of exactly that name, in a
	// fixed order, at most limit.
	WithPackage(ctx context.Context, q bun.IDB, name string, limit int) ([]Installed, error)
}
