package trap

import (
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
)

// Notice is a notification with names.
type Notice struct {
	At time.Time
	// Address it came from, or of the device for which it was sent on.
	Address string
	// OID is the notification, Name its name; empty when it has none.
	OID  snmp.OID
	Name string
	Vars []Value
}

// Value is one value in a notification.
type Value struct {
	OID snmp.OID `json:"oid"`
	// Name of the object without its index; empty when it is not known.
	Name string `json:"name,omitempty"`
	// Index of the row.
	Index string `json:"index,omitempty"`
	// Text is the value, in words where the number has one.
	Text string `json:"text"`
}
