package observe

import (
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
)

// Trap is a notification of an SNMP agent, as checks judge it.
type Trap struct {
	At time.Time
	// Address it came from, or of the device for which it was sent on.
	Address string
	// OID is the notification, Name its name; empty when it has none.
	OID  snmp.OID
	Name string
	Vars []TrapVar
}

// TrapVar is one value in a notification.
type TrapVar struct {
	OID snmp.OID `json:"oid"`
	// Name of the object without its index; empty when it is not known.
	Name string `json:"name,omitempty"`
	// Index of the row.
	Index string `json:"index,omitempty"`
	// Text is the value, in words where the number has one.
	Text string `json:"text"`
}

// TrapVerdict is what a notification means to a check.
type TrapVerdict struct {
	Status Status
	// Key tells problems of one check apart, such as its interfaces.
	Key    string
	Output string
}

// TrapJudge is the configuration of a check that waits for notifications.
type TrapJudge interface {
	ProbeConfig
	// Judge tells what t means; false when it is not about this check.
	Judge(t Trap) (TrapVerdict, bool)
	// ResetAfter is after how long a problem that nothing ended is taken for ended; 0
	// is never.
	ResetAfter() time.Duration
}

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

// TrapCheck is a check that waits for notifications.
type TrapCheck struct {
	ID, Name string
	// ItemID is empty when the check is about no item: then it hears every sender.
	ItemID string
	Judge  TrapJudge
}

// TrapChecks lists the checks that wait for notifications and are not switched off.
// observe.check provides it.
type TrapChecks interface{ TrapChecks() []TrapCheck }
