// Package respond is the contract of the wing that acts on signals: alerts,
// incidents, who is on call, and telling them. It holds no SQL, no HTTP and no
// goroutines.
package respond

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
)

// IncidentKind is the record kind of incidents, AlertKind the entity kind of alerts.
const (
	IncidentKind = "incident"
	AlertKind    = "alert"
)

// IncidentPath is where the web UI shows an incident; its number follows.
const IncidentPath = "/respond/incidents/"

// Permissions.
var (
	ReadAlerts     = access.Permission{Name: "alert.read", Title: "See alerts", Least: access.Viewer}
	WriteAlerts    = access.Permission{Name: "alert.write", Title: "Silence and send alerts", Least: access.Responder}
	ReadIncidents  = access.Permission{Name: "incident.read", Title: "See incidents", Least: access.Viewer}
	WriteIncidents = access.Permission{Name: "incident.write", Title: "Work on incidents", Least: access.Responder}
	ReadOncall     = access.Permission{Name: "oncall.read", Title: "See who is on call", Least: access.Viewer}
	WriteOncall    = access.Permission{Name: "oncall.write", Title: "Change schedules and escalations", Least: access.Operator}
	OverrideOncall = access.Permission{Name: "oncall.override", Title: "Take a shift", Least: access.Responder}
	ReadNotices    = access.Permission{Name: "notification.read", Title: "See notifications", Least: access.Viewer}
	WriteChannels  = access.Permission{Name: "channel.write", Title: "Change channels and mail", Least: access.Operator}
)

// Severities of alerts, the worst first.
const (
	SeverityCritical = "critical"
	SeverityWarning  = "warning"
	SeverityUnknown  = "unknown"
)

// AlertFired is told when an alert began that people should know of.
type AlertFired struct {
	AlertID     string `json:"alert_id"`
	Fingerprint string `json:"fingerprint"`
	Severity    string `json:"severity"`
	Title       string `json:"title"`
	Output      string `json:"output"`
	ItemID      string `json:"item_id,omitempty"`
	Item        string `json:"item,omitempty"`
	Check       string `json:"check,omitempty"`
	// ImpactStartedAt is the first sign of trouble, DetectedAt when it was sure.
	ImpactStartedAt time.Time `json:"impact_started_at"`
	DetectedAt      time.Time `json:"detected_at"`
	// Labels that policies match on.
	Labels map[string]string `json:"labels,omitempty"`
}

// FactName implements event.Fact.
func (AlertFired) FactName() string { return "respond.alert_fired" }

// AlertChanged is told when a firing alert got worse or better without ending.
type AlertChanged struct {
	AlertID  string    `json:"alert_id"`
	Severity string    `json:"severity"`
	From     string    `json:"from"`
	Output   string    `json:"output"`
	At       time.Time `json:"at"`
}

// FactName implements event.Fact.
func (AlertChanged) FactName() string { return "respond.alert_changed" }

// AlertResolved is told when an alert that was told has ended.
type AlertResolved struct {
	AlertID string `json:"alert_id"`
	// At is when the trouble ended.
	At     time.Time `json:"at"`
	Output string    `json:"output"`
}

// FactName implements event.Fact.
func (AlertResolved) FactName() string { return "respond.alert_resolved" }

// AlertGrouped is told when an alert became part of an incident, or moved to
// another one.
type AlertGrouped struct {
	AlertID    string `json:"alert_id"`
	IncidentID string `json:"incident_id"`
	Number     string `json:"number"`
}

// FactName implements event.Fact.
func (AlertGrouped) FactName() string { return "respond.alert_grouped" }

// IncidentOpened is told when an incident was opened.
type IncidentOpened struct {
	IncidentID string `json:"incident_id"`
	Number     string `json:"number"`
	Title      string `json:"title"`
	Priority   int    `json:"priority"`
	TeamID     string `json:"team_id,omitempty"`
	// Escalation is the name of the policy's escalation, empty for none.
	Escalation string `json:"escalation,omitempty"`
}

// FactName implements event.Fact.
func (IncidentOpened) FactName() string { return "respond.incident_opened" }

// IncidentChanged is told when an incident moved to another state.
type IncidentChanged struct {
	IncidentID string `json:"incident_id"`
	Number     string `json:"number"`
	Title      string `json:"title"`
	// State is new, acknowledged, restored, resolved or closed.
	State string `json:"state"`
	From  string `json:"from"`
	Actor string `json:"actor"`
	// Escalation as when it was opened.
	Escalation string `json:"escalation,omitempty"`
	// MergedInto is the number of the incident that took this one in, because both
	// have one cause; it is set when State is resolved for that reason.
	MergedInto string `json:"merged_into,omitempty"`
}

// FactName implements event.Fact.
func (IncidentChanged) FactName() string { return "respond.incident_changed" }

// NotificationDone is told when a notification was sent or given up.
type NotificationDone struct {
	NotificationID string `json:"notification_id"`
	IncidentID     string `json:"incident_id"`
	Channel        string `json:"channel"`
	To             string `json:"to"`
	// State is sent or failed.
	State    string `json:"state"`
	Attempts int    `json:"attempts"`
	Error    string `json:"error,omitempty"`
}

// FactName implements event.Fact.
func (NotificationDone) FactName() string { return "respond.notification_done" }

// Incident is what other modules see of an incident.
type Incident struct {
	ID, Number, Title, State, TeamID string
	Priority                         int
	Items                            []string // names
	Output                           string
	// The timestamps of the KPI page; nil where it has not happened.
	ImpactStartedAt, DetectedAt, CreatedAt time.Time
	AcknowledgedAt, WorkStartedAt          *time.Time
	RestoredAt, ResolvedAt                 *time.Time
	ItemIDs                                []string
}

// Incidents answers questions about incidents and acts on them for people who
// follow a link in a message.
type Incidents interface {
	ByID(ctx context.Context, q bun.IDB, incidentID string) (Incident, error)
	// Between lists incidents on any of the items whose impact began in the period.
	Between(ctx context.Context, q bun.IDB, itemIDs []string, from, to time.Time) ([]Incident, error)
	// Acknowledge says "I have it" in the name of whoever acts in ctx. It is no
	// error when it was acknowledged or is over already; done tells.
	Acknowledge(ctx context.Context, tx *db.Tx, incidentID, via string) (done bool, err error)
	// Note adds a system line to the timeline.
	Note(ctx context.Context, tx *db.Tx, incidentID, kind, body string, data map[string]any) error
}

// Message is what is to be told.
type Message struct {
	IncidentID string
	// Reason is problem, reminder, escalation, acknowledged, restored or resolved.
	Reason string
	// Key makes the notification unique: problem, transition, recipient and step.
	// A second message with the same key is not sent.
	Key string
	// Ack asks for a link that acknowledges.
	Ack bool
}

// Target is who or what is told: exactly one of the two is set.
type Target struct {
	// AccountID is told by the person's own contact methods.
	AccountID string
	// Channel is the name of a channel.
	Channel string
}

// Notifier queues messages in the transaction that justifies them.
type Notifier interface {
	Notify(ctx context.Context, tx *db.Tx, t Target, m Message) error
	// Told lists who was told of the problem, so that the same are told its end.
	Told(ctx context.Context, q bun.IDB, incidentID string) ([]Target, error)
}

// OnCall is one person on duty.
type OnCall struct {
	Schedule  string
	AccountID string
	Until     time.Time
}

// Roster tells who is on call.
type Roster interface {
	OnCallNow(ctx context.Context, q bun.IDB, schedule string, at time.Time) ([]OnCall, error)
}

// Escalations tells whether an escalation of that name exists.
type Escalations interface {
	HasEscalation(ctx context.Context, q bun.IDB, name string) (bool, error)
}

// Channels tells which channels there are.
type Channels interface {
	HasChannel(ctx context.Context, q bun.IDB, name string) (bool, error)
	// ChannelNames lists them by name.
	ChannelNames(ctx context.Context, q bun.IDB) ([]string, error)
}
