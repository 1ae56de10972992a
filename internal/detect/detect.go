// Package detect is the contract of the wing that finds meaning in signals: rules,
// objectives, patterns. It holds no SQL, no HTTP and no goroutines.
package detect

import (
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
)

// RuleKind is the entity kind of rules.
const RuleKind = "rule"

// RulePath is where the web UI shows a rule; its name follows.
const RulePath = "/detect/rules/"

// Permissions.
var (
	ReadRules  = access.Permission{Name: "rule.read", Title: "See rules", Least: access.Viewer}
	WriteRules = access.Permission{Name: "rule.write", Title: "Change rules", Least: access.Operator}
)

// SignalRaised is told when a rule began to fire, and again when what it says has
// changed while it fires.
type SignalRaised struct {
	// Fingerprint tells the signal apart from others of the same rule and of other
	// rules. It is the same from its beginning to its end.
	Fingerprint string `json:"fingerprint"`
	Rule        string `json:"rule"`
	// Severity is critical or warning.
	Severity string            `json:"severity"`
	Title    string            `json:"title"`
	Output   string            `json:"output,omitempty"`
	ItemID   string            `json:"item_id,omitempty"`
	TeamID   string            `json:"team_id,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
	// Link leads to the program that says it, when that is another one.
	Link string `json:"link,omitempty"`
	// StartedAt is when the question was first answered, DetectedAt when it was sure.
	StartedAt  time.Time `json:"started_at"`
	DetectedAt time.Time `json:"detected_at"`
}

// FactName implements event.Fact.
func (SignalRaised) FactName() string { return "detect.signal_raised" }

// SignalCleared is told when a signal that was raised has ended.
type SignalCleared struct {
	Fingerprint string    `json:"fingerprint"`
	Rule        string    `json:"rule"`
	At          time.Time `json:"at"`
	// Reason is a sentence.
	Reason string `json:"reason"`
}

// FactName implements event.Fact.
func (SignalCleared) FactName() string { return "detect.signal_cleared" }
