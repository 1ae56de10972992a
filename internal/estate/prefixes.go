package estate

import (
	"context"
	"net/netip"

	"github.com/uptrace/bun"
)

// Prefixes tells the networks of the address plan. estate.address provides it.
type Prefixes interface {
	// Prefixes gives those of the global table that are no containers, without order.
	Prefixes(ctx context.Context, q bun.IDB) ([]netip.Prefix, error)
}
