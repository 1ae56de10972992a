package observe

import (
	"context"
	"fmt"
	"sort"
	"sync"
	"time"
)

// Measure is one number that a probe took, ready for the metric store.
type Measure struct {
	// Name in Prometheus style with its base unit, for example
	// "probe_http_duration_seconds". Performance data of a plugin is named
	// "probe_perfdata" with the label "label".
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels,omitempty"`
	Value  float64           `json:"value"`
}

// Result is what one execution of a probe found. It is a plain value: certainty
// (soft, hard), reachability and handling are added later, see
// docs/spec/check-states.md.
type Result struct {
	// Status as Nagios plugins define it.
	Status Status `json:"status"`
	// Output is one short line for people; it never holds a secret.
	Output string `json:"output"`
	// Detail is further text (at most 16 KiB), may be empty.
	Detail string `json:"detail,omitempty"`
	// Start is when the execution began; results are ordered by it.
	Start time.Time `json:"start"`
	// Duration of the execution.
	Duration time.Duration `json:"duration"`
	Measures []Measure     `json:"measures,omitempty"`
	// CertNotAfter is the earliest expiry in the certificate chain seen, if any.
	CertNotAfter time.Time `json:"cert_not_after,omitzero"`
}

// Status is the measured state of a check, with the exit codes of Nagios plugins.
type Status uint8

// The four results a probe can have. They equal the plugin exit codes 0 to 3.
const (
	OK Status = iota
	Warning
	Critical
	Unknown
)

// String gives the word used in the API: ok, warning, critical, unknown.
func (s Status) String() string {
	switch s {
	case OK:
		return "ok"
	case Warning:
		return "warning"
	case Critical:
		return "critical"
	}
	return "unknown"
}

// ParseStatus reads the words that String writes.
func ParseStatus(s string) (Status, error) {
	for _, c := range []Status{OK, Warning, Critical, Unknown} {
		if c.String() == s {
			return c, nil
		}
	}
	return Unknown, fmt.Errorf("state %q is not one of ok, warning, critical, unknown", s)
}

// Worse tells whether s needs attention before t: critical, then unknown, then
// warning, then ok.
func (s Status) Worse(t Status) bool { return severityRank[s&3] > severityRank[t&3] }

var severityRank = [4]int{OK: 0, Warning: 1, Unknown: 2, Critical: 3}

// Probe is one configured measurement against one target. Run must return soon
// after ctx ends, must bound what it reads from the target (64 KiB unless its
// purpose needs more, then a stated limit) and must be safe for repeated, but
// not for concurrent, use. It never panics on what a target answers.
type Probe interface {
	Run(ctx context.Context) Result
}

// ProbeType makes probes of one kind from their configuration. A type lives in
// internal/adapter/probe/<name> and registers itself in init, by way of
// internal/adapter/all.
type ProbeType struct {
	// Name is the key in ops.yaml, for example "http".
	Name string
	// Title for people, for example "HTTP".
	Title string
	// New returns a pointer to a configuration struct with its defaults set. The
	// struct has json and yaml tags with the same names, `doc` tags for the form
	// in the UI, and durations as observe.Duration.
	New func() ProbeConfig
	// FromTarget sets the target field from one word as `mainstay check run TYPE
	// TARGET` gives it.
	FromTarget func(target string) (ProbeConfig, error)
}

// ProbeConfig is the typed configuration of one probe.
type ProbeConfig interface {
	// Validate names every wrong field in the error (errs.Fields), with the value
	// and what would be right.
	Validate() error
	// Probe builds the probe. It opens nothing yet.
	Probe(env ProbeEnv) (Probe, error)
	// Target is a short text of what is probed, without secrets.
	Target() string
}

// ProbeEnv is what the engine lends to probes.
type ProbeEnv struct {
	// Timeout that the engine sets on the context of Run; 0 means the default (10 s).
	Timeout time.Duration
	// AllowMetadata permits link-local cloud metadata addresses (169.254.169.254,
	// fd00:ec2::254) as targets. Off unless the administrator says so.
	AllowMetadata bool
}

var probeTypes = struct {
	sync.RWMutex
	m map[string]ProbeType
}{m: map[string]ProbeType{}}

// RegisterProbe adds a probe type; it panics when the name is taken. It is meant
// for init functions of adapters.
func RegisterProbe(t ProbeType) {
	probeTypes.Lock()
	defer probeTypes.Unlock()
	if _, dup := probeTypes.m[t.Name]; dup || t.Name == "" || t.New == nil {
		panic("observe: probe type registered twice or incomplete: " + t.Name)
	}
	probeTypes.m[t.Name] = t
}

// ProbeTypeByName finds a registered probe type.
func ProbeTypeByName(name string) (ProbeType, bool) {
	probeTypes.RLock()
	defer probeTypes.RUnlock()
	t, ok := probeTypes.m[name]
	return t, ok
}

// ProbeTypes lists the registered types by name.
func ProbeTypes() []ProbeType {
	probeTypes.RLock()
	defer probeTypes.RUnlock()
	out := make([]ProbeType, 0, len(probeTypes.m))
	for _, t := range probeTypes.m {
		out = append(out, t)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}
