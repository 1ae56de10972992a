package observe

import (
	"context"

	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
)

// Waiting is the configuration of a check that nobody runs: its results come from a
// module. Such a check is hard with its first result unless it says otherwise.
type Waiting interface {
	ProbeConfig
	// Waits does nothing; it marks the type.
	Waits()
}

// Waits tells whether nobody runs a check with this configuration.
func Waits(c ProbeConfig) bool {
	_, ok := c.(Waiting)
	return ok
}

// WaitingCheck is a check that nobody runs. ItemID is empty when it is about no item.
type WaitingCheck struct {
	ID, Name, ItemID string
	Config           ProbeConfig
}

// WaitingChecks lists those that are not switched off. observe.check provides it.
type WaitingChecks interface{ WaitingChecks() []WaitingCheck }

// PlacedTraps takes SNMP traps that edges receive. observe.trap provides it.
type PlacedTraps interface {
	// TrapKeys are what senders may be known by. They are secret.
	TrapKeys(ctx context.Context) ([]edgewire.TrapKey, error)
	// TakeTraps stores what a place received, and judges it. When it returns nil
	// everything is stored; a delivery that is given again changes nothing. It writes by
	// itself, so it must not be called inside a transaction.
	TakeTraps(ctx context.Context, place string, d Delivery, ts []edgewire.Trap, rs []edgewire.TrapRefusal) error
}
