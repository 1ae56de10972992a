package observe

import (
	"context"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
)

// Permissions on records of traffic. They tell who talked to whom, across all teams.
var (
	ReadFlows  = access.Permission{Name: "flow.read", Title: "See who talks to whom on the network", Least: access.Responder}
	WriteFlows = access.Permission{Name: "flow.write", Title: "Change how traffic is judged", Least: access.Operator}
)

// PlacedFlows takes what exporters report to edges. observe.flow provides it.
type PlacedFlows interface {
	// TakeFlows stores and counts what came to a place. When it returns nil everything
	// that follows is stored; a delivery that is given again changes nothing. It writes
	// by itself, so it must not be called inside a transaction.
	TakeFlows(ctx context.Context, place string, d Delivery, bs []edgewire.FlowBlock) error
}
