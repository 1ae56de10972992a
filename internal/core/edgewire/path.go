package edgewire

import "time"

// MaxPathBlocks is how many blocks of rounds a batch may hold.
const MaxPathBlocks = 5000

// Path is a network path that the edge measures, see netpath.Target.
type Path struct {
	ID      string `json:"id"`
	Host    string `json:"host"`
	Family  string `json:"family,omitempty"` // 4 or 6
	Proto   string `json:"proto"`
	Port    uint16 `json:"port,omitempty"`
	EveryMS int64  `json:"every_ms"`
	MaxHops int    `json:"max_hops"`
	Size    int    `json:"size,omitempty"`
	DSCP    int    `json:"dscp,omitempty"`
	// AllowMeta permits addresses of cloud metadata services.
	AllowMeta bool `json:"allow_metadata,omitempty"`
}

// PathBlock is what the edge measured of a path, packed by netpath.Pack. Problem says
// why nothing could be measured; Address is what the host was.
type PathBlock struct {
	Path    string    `json:"p"`
	Start   time.Time `json:"t"`
	Data    []byte    `json:"b,omitempty"`
	Address string    `json:"a,omitempty"`
	Problem string    `json:"x,omitempty"`
}
