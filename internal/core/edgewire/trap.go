package edgewire

import (
	"net/netip"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
)

// MaxTraps is how many traps, and how many senders of refused ones, a batch may hold.
const MaxTraps = 500

// TrapKey is something that a sender of traps may be known by. It holds secrets.
type TrapKey struct {
	Name   string      `json:"name"`
	Target snmp.Target `json:"target"`
}

// Trap is a trap or inform that an edge received and opened, see trap.Message.
type Trap struct {
	At      time.Time    `json:"t"`
	From    netip.Addr   `json:"f"`
	Version snmp.Version `json:"v"`
	Key     string       `json:"k,omitempty"`
	Inform  bool         `json:"i,omitempty"`
	OID     snmp.OID     `json:"o,omitempty"`
	Uptime  uint64       `json:"u,omitempty"`
	Agent   string       `json:"a,omitempty"`
	Vars    []snmp.Var   `json:"x,omitempty"`
}

// TrapRefusal counts what came from a sender and was not taken, with the last reason.
type TrapRefusal struct {
	At        time.Time  `json:"t"`
	From      netip.Addr `json:"f"`
	Why       string     `json:"w"`
	Malformed int64      `json:"m,omitempty"`
	Refused   int64      `json:"r,omitempty"`
}
