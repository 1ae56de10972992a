package observe

import (
	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/core/packet/sniff"
)

// CaptureKind is the entity kind of packet captures.
const CaptureKind = "capture"

// Permissions on packet captures. They show what people do, so the roles below
// operator do not have them.
var (
	ReadCaptures  = access.Permission{Name: "capture.read", Title: "Open packet captures", Least: access.Operator}
	WriteCaptures = access.Permission{Name: "capture.write", Title: "Capture packets, upload and remove captures", Least: access.Operator}
)

// CapturePlaces take packets in networks that the server does not reach. observe.edge
// provides it.
type CapturePlaces interface {
	// Sniffer says what a place can capture, as it said last. The error is a field error
	// for from when there is no such place, and errs.Unavailable while it is away.
	Sniffer(place string) (edgewire.Sniffer, error)
	// Capture begins a capture at a place, with an id that was never used before. Its
	// packets come in order and each once, also after the line was cut. Its end is
	// *CaptureEnd.
	Capture(place string, o edgewire.Capture) (sniff.Source, error)
}

// CaptureEnd is how a capture at a place ends; the packets until then are good.
type CaptureEnd struct{ Why string }

// Error implements error.
func (e *CaptureEnd) Error() string { return e.Why }
