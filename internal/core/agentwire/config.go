package agentwire

import (
	"encoding/json"
	"time"
)

// ProgramPath on the agents' port serves the program for a platform, such as
// ProgramPath + "linux-amd64", by GET.
const ProgramPath = "/agent/v1/program/"

// Limits of what a batch brings of logs and checks.
const (
	MaxLines   = 5_000
	MaxStreams = 1_000
	// MaxLineBytes is the longest line that may be asked for.
	MaxLineBytes = 256 << 10
	MaxOutput    = 4 << 10
	MaxDetail    = 16 << 10
	MaxMeasures  = 200
)

// Config is what an agent is to do besides figures. It comes with the answer to a batch
// that names another revision, and is kept by the agent over a restart.
type Config struct {
	Revision string  `json:"revision"`
	Logs     Logs    `json:"logs"`
	Checks   []Check `json:"checks,omitempty"`
}

// Logs say which lines the agent reads.
type Logs struct {
	// Journal says to read the journal of systemd; Units bound it to these units, which
	// may hold * and ?. Without units it is all of it.
	Journal bool      `json:"journal,omitempty"`
	Units   []string  `json:"units,omitempty"`
	Files   []LogFile `json:"files,omitempty"`
	// LinesPerSecond bounds how fast lines are read, MaxLineBytes how long one may be.
	LinesPerSecond int `json:"lines_per_second,omitempty"`
	MaxLineBytes   int `json:"max_line_bytes,omitempty"`
}

// LogFile is a file, or several by a pattern of the shell.
type LogFile struct {
	Path string `json:"path"`
	// Begins is a regular expression: a line that it does not match continues the one
	// before. Without it a line that begins with white space does.
	Begins string `json:"begins,omitempty"`
	// App is the name of the program, for the known formats.
	App string `json:"app,omitempty"`
}

// Check is a check to run on the host.
type Check struct {
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Type      string          `json:"type"`
	EveryMS   int64           `json:"every_ms"`
	RetryMS   int64           `json:"retry_ms"`
	TimeoutMS int64           `json:"timeout_ms"`
	Attempts  int             `json:"attempts"`
	Probe     json.RawMessage `json:"probe"`
}

// Result is what a check of the configuration found.
type Result struct {
	Check string `json:"check"`
	// Status is 0 ok, 1 warning, 2 critical, 3 unknown.
	Status     uint8     `json:"status"`
	Output     string    `json:"output"`
	Detail     string    `json:"detail,omitempty"`
	Start      time.Time `json:"start"`
	DurationNS int64     `json:"duration_ns"`
	Measures   []Measure `json:"measures,omitempty"`
}

// Measure is a figure that a check took.
type Measure struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels,omitempty"`
	Value  float64           `json:"value"`
}

// Line is one line of a log. Stream is a position in Batch.Streams.
type Line struct {
	// At is nanoseconds since 1970; 0 when the line has no time of its own but that in
	// its text. ReadAt is when it was read.
	At     int64 `json:"t,omitempty"`
	ReadAt int64 `json:"r,omitempty"`
	Stream int   `json:"s"`
	// Level as in the journal: emergency, alert, critical, error, warning, notice, info,
	// debug; empty when not known.
	Level   string            `json:"l,omitempty"`
	Message string            `json:"m"`
	Fields  map[string]string `json:"f,omitempty"`
}

// Program is a program that the server wants the agent to be.
type Program struct {
	Platform string `json:"platform"`
	Version  string `json:"version"`
	SHA256   string `json:"sha256"`
	Size     int64  `json:"size"`
	// Try is the id of the request; one that failed is not tried again.
	Try string `json:"try"`
	// Signature is base64 of an ASN.1 ECDSA signature over SHA-256 of Signed, by an
	// authority of the agents.
	Signature []byte `json:"signature"`
}

// Signed is the text that Signature is about.
func (p Program) Signed() []byte {
	b, _ := json.Marshal([]any{"mainstay agent program", p.Platform, p.Version, p.SHA256, p.Size, p.Try})
	return b
}

// State is what the agent says of itself with each batch.
type State struct {
	// Config is the revision that it works by.
	Config string `json:"config,omitempty"`
	// Program is the SHA-256 of the program that runs, hexadecimal.
	Program  string `json:"program,omitempty"`
	Platform string `json:"platform,omitempty"`
	// Updates says that it can update itself.
	Updates bool `json:"updates,omitempty"`
	// FailedTry is the last update that was tried in vain, Why the reason.
	FailedTry string `json:"failed_try,omitempty"`
	Why       string `json:"why,omitempty"`
	// Problems are sentences about what the configuration asks and the host does not
	// give, such as a file outside of the allowed directories.
	Problems []string `json:"problems,omitempty"`
}
