package observe

import (
	"context"
	"encoding/json"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
)

// What `from` of a check may say instead of the name of an edge. No edge has one of
// these names, nor FromServer, which lists use for checks without `from`.
const (
	FromAny    = "any"
	FromAll    = "all"
	FromServer = "server"
)

// Place is an edge, as checks see it.
type Place struct {
	Name string
	// Present says that it delivers and has nothing old left to deliver.
	Present bool
	// Why says why it is not present, for example "is offline".
	Why string
}

// PlacedCheck is a check as a place runs it. Probe holds secrets.
type PlacedCheck struct {
	ID, Name, Type             string
	Every, RetryEvery, Timeout time.Duration
	// Attempts is how many results in a row at RetryEvery follow a first one that is
	// not ok.
	Attempts int
	Probe    json.RawMessage
}

// PlacedResult is what a place found for a check.
type PlacedResult struct {
	CheckID string
	Result
}

// PlacedChecks are the checks that run elsewhere, see docs/spec/check-states.md,
// "Places".
type PlacedChecks interface {
	// SetPlaces tells all places there are, and how they are now.
	SetPlaces(ps []Place)
	// SetAgents tells all agents there are, each named by AgentPlace.
	SetAgents(ps []Place)
	// ChecksFor gives what a place is to run, ordered by id.
	ChecksFor(place string) []PlacedCheck
	// ChecksFrom names the checks whose `from` is this place.
	ChecksFrom(place string) []string
	// TakeResults applies what a place found, in the order given. When it returns nil
	// everything that follows from the results is stored. Results that are given again
	// change nothing. It writes by itself, so it must not be called inside a transaction.
	TakeResults(ctx context.Context, place string, rs []PlacedResult) error
}

// PlacedDevices are the devices that edges poll by SNMP.
type PlacedDevices interface {
	// DevicesFor gives what a place is to poll, ordered by id.
	DevicesFor(place string) []edgewire.Device
	// TakePolls stores what a place read. Polls that are given again change nothing.
	TakePolls(ctx context.Context, place string, ps []edgewire.Poll) error
}

// Places reach the places that run checks. Both return at once and do what they can.
type Places interface {
	// ChecksChanged says that ChecksFor, or DevicesFor, may answer differently from now on.
	ChecksChanged()
	// RunNow asks a place to run a check soon.
	RunNow(place, checkID string)
}

// Delivery numbers what a place sends: within a boot the numbers rise.
type Delivery struct {
	Boot string `json:"boot"`
	Seq  int64  `json:"seq"`
}

// Before tells whether a delivery came before another, or is it.
func (d Delivery) Before(o Delivery) bool { return d.Boot == o.Boot && d.Seq <= o.Seq }
