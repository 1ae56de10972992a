package edgewire

import (
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/snmp/visit"
	"github.com/mainstay-ops/mainstay/internal/core/sweep"
)

// ToldSweep gives a Sweep to an edge. The edge asks AskSwept with what it found, in
// reports one after the other, each with gzip. The answer errs.NotFound means that the
// sweep is not wanted any more.
const (
	ToldSweep = "told.sweep"
	AskSwept  = "swept"
)

// SweptEvery is the longest time between two reports of a sweep.
const SweptEvery = time.Second

// Sweep is what an edge is to look for. It holds secrets.
type Sweep struct {
	// ID is of this attempt; a run that goes on has another.
	ID         string        `json:"id"`
	Targets    []string      `json:"targets"`
	Exclude    []string      `json:"exclude,omitempty"`
	From       int           `json:"from"` // see sweep.Plan
	Rate       float64       `json:"rate"`
	Ping       bool          `json:"ping"`
	Tries      int           `json:"tries"`
	Timeout    time.Duration `json:"timeout_ns"`
	Ports      []int         `json:"ports,omitempty"`
	Everything bool          `json:"everything,omitempty"`
	Names      bool          `json:"names,omitempty"`
	// Credentials are tried at hosts; Worked says by address which did last time.
	Credentials []visit.Credential `json:"credentials,omitempty"`
	Worked      map[string]string  `json:"worked,omitempty"`
}

// Swept is a report. Seq rises from 1.
type Swept struct {
	ID  string `json:"id"`
	Seq int64  `json:"seq"`
	// Progress is that before the hosts of this report: those count when the server
	// has kept them.
	Progress sweep.Progress `json:"progress"`
	Hosts    []Found        `json:"hosts,omitempty"`
	Notes    []SweepNote    `json:"notes,omitempty"`
	// End says that this was all; Error why there is no more, for people.
	End   bool   `json:"end,omitempty"`
	Error string `json:"error,omitempty"`
}

// Found is a host, and what SNMP gave of it.
type Found struct {
	Host    sweep.Host     `json:"host"`
	Reading *visit.Reading `json:"reading,omitempty"`
	// MACs are all that claim its address.
	MACs []string `json:"macs,omitempty"`
}

// SweepNote is a line of the log of a run.
type SweepNote struct {
	Address string `json:"a,omitempty"`
	Method  string `json:"m"`
	OK      bool   `json:"ok,omitempty"`
	Text    string `json:"t"`
}
