// Package agentwire is what an agent and its server say to each other: JSON over
// HTTP/2 with TLS 1.3 and a client certificate, except for the enrolment, which
// goes to the normal address of the server with a one-time token.
//
// Batches of one boot (a run of the agent's buffer) have rising sequence numbers. The
// server answers only when a batch is kept, and takes each once: one that comes again
// is answered with Duplicate and changes nothing.
package agentwire

import "time"

// Paths on the agents' port, all POST. EnrollPath is on the normal address.
const (
	EnrollPath      = "/api/v1/agents/enroll"
	BatchPath       = "/agent/v1/batches"
	CertificatePath = "/agent/v1/certificate"
)

// Limits of a batch.
const (
	// MaxWire is the size of the body as sent, MaxBody after decompression (gzip).
	MaxWire = 4 << 20
	MaxBody = 32 << 20
	// MaxSeries and MaxPoints bound the figures, MaxList each list of an inventory.
	MaxSeries = 20_000
	MaxPoints = 200_000
	MaxList   = 20_000
	MaxChecks = 2_000
)

// EnrollRequest asks for a certificate. CSR is a PEM certificate request of an ECDSA
// P-256 key; only the key in it counts.
type EnrollRequest struct {
	Token     string `json:"token,omitempty" maxLength:"200"`
	CSR       string `json:"csr,omitempty" maxLength:"16384"`
	Hostname  string `json:"hostname,omitempty" maxLength:"253"`
	MachineID string `json:"machine_id,omitempty" maxLength:"100"`
	// Name is how an edge is to be called; agents have the name of their item.
	Name    string `json:"name,omitempty" maxLength:"100"`
	OS      string `json:"os,omitempty" maxLength:"50"`
	Arch    string `json:"arch,omitempty" maxLength:"50"`
	Version string `json:"version,omitempty" maxLength:"50"`
}

// EnrollResponse makes the host an agent, or an edge, of which Item is the name. CA is a PEM bundle: every authority in it
// is to be trusted for URL, and nothing else is.
type EnrollResponse struct {
	AgentID     string   `json:"agent_id"`
	Item        string   `json:"item"`
	Certificate string   `json:"certificate"`
	CA          string   `json:"ca"`
	URL         string   `json:"url" doc:"The agents' port."`
	Settings    Settings `json:"settings"`
}

// Settings are what the server wants of the agent. They come with each answer.
type Settings struct {
	// IntervalSeconds between readings of figures, InventorySeconds between readings
	// of the inventory.
	IntervalSeconds  int `json:"interval_seconds"`
	InventorySeconds int `json:"inventory_seconds"`
}

// CertificateRequest asks for a new certificate, with the one that ends.
type CertificateRequest struct {
	CSR string `json:"csr"`
}

// CertificateResponse replaces the certificate and the authorities.
type CertificateResponse struct {
	Certificate string `json:"certificate"`
	CA          string `json:"ca"`
}

// Batch is one delivery. A nil list says that the agent did not look; an empty one
// that there is none.
type Batch struct {
	Boot string `json:"boot"`
	Seq  int64  `json:"seq"`
	// At is when the batch was made, SentAt the clock of the host when it is sent: the
	// server compares it with its own.
	At      time.Time `json:"at"`
	SentAt  time.Time `json:"sent_at"`
	Version string    `json:"version,omitempty"`
	// Series are named once, Points refer to them by position.
	Series    []Series      `json:"series,omitempty"`
	Points    []Point       `json:"points,omitempty"`
	Inventory *Inventory    `json:"inventory,omitempty"`
	Processes []Process     `json:"processes,omitempty"`
	Checks    []CheckResult `json:"checks,omitempty"`
	// Results are those of the checks of the configuration.
	Results []Result `json:"results,omitempty"`
	// Streams are where Lines come from, named once: host, unit, file, app.
	Streams []map[string]string `json:"streams,omitempty"`
	Lines   []Line              `json:"lines,omitempty"`
	// State is set when the batch is sent.
	State State `json:"state,omitzero"`
}

// Series is a metric with its labels. The server adds item and agent.
type Series struct {
	Name   string            `json:"n"`
	Labels map[string]string `json:"l,omitempty"`
}

// Point is one value: Series is a position in Batch.Series, At in milliseconds since
// 1970.
type Point struct {
	Series int     `json:"s"`
	At     int64   `json:"t"`
	Value  float64 `json:"v"`
}

// Answer says that the batch is kept.
type Answer struct {
	Boot      string   `json:"boot"`
	Seq       int64    `json:"seq"`
	Duplicate bool     `json:"duplicate,omitempty"`
	Settings  Settings `json:"settings"`
	// Config replaces the one that the agent has; nil when it has the newest.
	Config *Config `json:"config,omitempty"`
	// Run are ids of checks to run soon.
	Run []string `json:"run,omitempty"`
	// Update is the program that the agent is to become; nil when there is none.
	Update *Program `json:"update,omitempty"`
}

// CheckResult is the result of a check that ran on the host: the name of a passive
// check, and a state of ok, warning, critical or unknown.
type CheckResult struct {
	Check      string    `json:"check"`
	State      string    `json:"state"`
	Output     string    `json:"output"`
	At         time.Time `json:"at"`
	DurationMS int64     `json:"duration_ms,omitempty"`
}
