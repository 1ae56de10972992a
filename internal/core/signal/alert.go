package signal

import (
	"context"
	"strings"
	"time"
)

// Alert is what another program says is wrong, or is over.
type Alert struct {
	// Key is the same from the beginning to the end of the alert, and different for
	// each alert of one sender. It is never empty.
	Key string
	// Name is the rule, monitor or trigger; Title is for people. One of them is given.
	Name, Title string
	Text        string
	// Severity is SeverityCritical, SeverityWarning or SeverityInfo.
	Severity string
	// Over tells that it has ended.
	Over bool
	// Began is the zero value when the sender does not say. Ends is when it ended, or
	// for one that goes on when it is over unless the sender repeats it; zero for never.
	Began, Ends time.Time
	Labels      []Field
	// Link leads to the alert at the sender; an http or https address or empty.
	Link  string
	Hints Hints
	// Item is the name of the item, when it is known. Adapters leave it empty.
	Item string
}

// Severities of alerts.
const (
	SeverityCritical = "critical"
	SeverityWarning  = "warning"
	SeverityInfo     = "info"
)

// severities are the words of the programs that send alerts.
var severities = map[string]string{
	"critical": SeverityCritical, "crit": SeverityCritical, "disaster": SeverityCritical, "high": SeverityCritical,
	"error": SeverityCritical, "err": SeverityCritical, "emergency": SeverityCritical, "emerg": SeverityCritical, "alert": SeverityCritical,
	"fatal": SeverityCritical, "page": SeverityCritical, "major": SeverityCritical, "down": SeverityCritical, "outage": SeverityCritical,
	"p1": SeverityCritical, "p2": SeverityCritical, "1": SeverityCritical, "2": SeverityCritical,
	"info": SeverityInfo, "information": SeverityInfo, "informational": SeverityInfo, "notice": SeverityInfo, "none": SeverityInfo,
	"debug": SeverityInfo, "ok": SeverityInfo, "success": SeverityInfo, "p5": SeverityInfo, "5": SeverityInfo,
}

// SeverityOf reduces a word of another program to the three severities. What it does
// not know is a warning.
func SeverityOf(word string) string {
	if s, ok := severities[strings.ToLower(strings.TrimSpace(word))]; ok {
		return s
	}
	return SeverityWarning
}

// Alerts takes alerts, as Lines takes lines.
type Alerts interface {
	TakeAlerts(ctx context.Context, from Source, alerts []Alert) (Receipt, error)
	// MapAlerts reads a payload by the mapping of that name, which a person has written.
	MapAlerts(ctx context.Context, mapping string, p Payload) (Read, error)
}

// Payload is the body of a request that tells of alerts.
type Payload struct {
	// Path is what stands behind the name of the protocol.
	Path string
	// Type is the Content-Type.
	Type string
	Body []byte
}

// Read are the alerts of a payload. Bad says for those that could not be read why.
type Read struct {
	Alerts []Alert
	Bad    []string
}

// MaxAlerts is how many alerts one payload may have.
const MaxAlerts = 10_000

// AlertReader reads the payload of a protocol. It keeps and sends nothing.
type AlertReader func(p Payload) (Read, error)
