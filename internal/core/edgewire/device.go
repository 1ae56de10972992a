package edgewire

import (
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/device"
)

// MaxSamples is how many figures a batch may hold, besides those of checks.
const MaxSamples = 200_000

// Device is one that the edge polls by SNMP. Target holds secrets.
type Device struct {
	ID      string      `json:"id"`
	EveryMS int64       `json:"every_ms"`
	Target  snmp.Target `json:"target"`
}

// Poll is what one poll of a device gave.
type Poll struct {
	Device     string    `json:"d"`
	Start      time.Time `json:"t"`
	DurationNS int64     `json:"n"`
	Values     int       `json:"values"`
	// Error says why it failed, for people. Sure is false while the device may only be
	// slow to begin.
	Error   string       `json:"e,omitempty"`
	Sure    bool         `json:"sure,omitempty"`
	Samples []Sample     `json:"s,omitempty"`
	View    *device.View `json:"view,omitempty"`
}

// Sample is one figure of a device, without the label of its item.
type Sample struct {
	Name   string            `json:"n"`
	Labels map[string]string `json:"l,omitempty"`
	AtMS   int64             `json:"t"`
	Value  float64           `json:"v"`
}
