// Package edgewire is what an edge and its server say to each other: JSON in requests
// and answers over a NATS leaf node with TLS 1.3 and a client certificate. The
// enrolment goes to the normal address of the server, with the types of agentwire.
//
// An edge says hello first, then delivers batches one after the other. Batches of one
// boot (a run of the edge's buffer) have rising sequence numbers. The server answers
// only when what follows from a batch is stored, and takes each once.
package edgewire

import (
	"encoding/json"
	"time"
)

// EnrollPath is on the normal address of the server.
const EnrollPath = "/api/v1/edges/enroll"

// What an edge asks of the server, and what the server tells it. Subjects are
// "edges.<id of the edge>.<word>"; answers go to the inbox below the same id, so that an
// edge needs to see nothing else.
const (
	AskHello       = "hello"
	AskBatch       = "batch"
	AskConfig      = "config"
	AskCertificate = "certificate"
	Inbox          = "inbox"
	ToldConfig     = "told.config" // the revision may have changed
	ToldRun        = "told.run"    // the ids of checks to run soon, JSON
)

// Subject names what an edge asks or is told; "*" stands for any edge.
func Subject(edge, word string) string { return "edges." + edge + "." + word }

// Headers of a batch; the body is its JSON with gzip.
const (
	HeaderBoot = "Boot"
	HeaderSeq  = "Seq"
	HeaderSent = "Sent" // the clock of the edge, RFC 3339 with nanoseconds
)

// Limits. A message is at most MaxMessage, a batch at most MaxBatch after gzip is
// unpacked.
const (
	MaxMessage = 32 << 20
	MaxBatch   = 32 << 20
	MaxResults = 10_000
	MaxOutput  = 2 << 10
	MaxDetail  = 16 << 10
)

// Hello is a sign of life, each HelloEvery.
type Hello struct {
	SentAt   time.Time `json:"sent_at"`
	Version  string    `json:"version"`
	Revision string    `json:"revision"` // of the configuration that runs
	Checks   int       `json:"checks"`
	Devices  int       `json:"devices,omitempty"` // polled by SNMP
	// Waiting batches are on disk, Oldest is when the first of them was made; zero when
	// there is none.
	Waiting      int64     `json:"waiting"`
	WaitingBytes int64     `json:"waiting_bytes"`
	Oldest       time.Time `json:"oldest,omitzero"`
	// Dropped counts batches that were lost since the edge started: the buffer was full
	// or could not be written.
	Dropped int64 `json:"dropped"`
	// Ports are those that it was told to open.
	Ports []PortState `json:"ports,omitempty"`
	// Sniffer says what it can capture.
	Sniffer Sniffer `json:"sniffer,omitzero"`
	// Missing are capabilities that its process lacks, with what it cannot do then.
	Missing []string `json:"missing,omitempty"`
}

// HelloEvery is the interval of signs of life.
const HelloEvery = 15 * time.Second

// Welcome answers a hello. An edge with another revision asks for the configuration.
type Welcome struct {
	At       time.Time `json:"at"`
	Revision string    `json:"revision"`
}

// Config is what an edge runs. It holds secrets.
type Config struct {
	Revision string   `json:"revision"`
	Checks   []Check  `json:"checks"`
	Devices  []Device `json:"devices,omitempty"`
	Paths    []Path   `json:"paths,omitempty"`
	Receive  Receive  `json:"receive,omitzero"`
	// TrapKeys are what senders of traps are known by; only while the port is open.
	TrapKeys []TrapKey `json:"trap_keys,omitempty"`
}

// Check is one check. Probe is the configuration of its type as in ops.yaml.
type Check struct {
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Type      string          `json:"type"`
	EveryMS   int64           `json:"every_ms"`
	RetryMS   int64           `json:"retry_ms"`
	TimeoutMS int64           `json:"timeout_ms"`
	Attempts  int             `json:"attempts"`
	AllowMeta bool            `json:"allow_metadata,omitempty"`
	Probe     json.RawMessage `json:"probe"`
}

// Batch is one delivery.
type Batch struct {
	At      time.Time `json:"at"`
	Results []Result  `json:"results"`
	Polls   []Poll    `json:"polls,omitempty"`
	// Paths are rounds of network paths.
	Paths []PathBlock `json:"paths,omitempty"`
	// Flows are what exporters of the site reported.
	Flows []FlowBlock `json:"flows,omitempty"`
	// Traps and what was refused come in batches of their own.
	Traps        []Trap        `json:"traps,omitempty"`
	TrapRefusals []TrapRefusal `json:"trap_refusals,omitempty"`
}

// Result is one execution of a check. Status is as of Nagios plugins, 0 to 3.
type Result struct {
	Check      string    `json:"c"`
	Status     uint8     `json:"s"`
	Output     string    `json:"o,omitempty"`
	Detail     string    `json:"d,omitempty"`
	Start      time.Time `json:"t"`
	DurationNS int64     `json:"n"`
	Measures   []Measure `json:"m,omitempty"`
}

// Measure is one figure of a result.
type Measure struct {
	Name   string            `json:"n"`
	Labels map[string]string `json:"l,omitempty"`
	Value  float64           `json:"v"`
}

// Answer is what the server says to anything asked. Code is empty when it did it.
type Answer struct {
	Code   string          `json:"code,omitempty"`
	Reason string          `json:"reason,omitempty"` // for people
	Body   json.RawMessage `json:"body,omitempty"`
}
