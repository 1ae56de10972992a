package incident

import (
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/record"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

// States of an incident.
const (
	New          = "new"
	Acknowledged = "acknowledged"
	Restored     = "restored"
	Resolved     = "resolved"
	Closed       = "closed"
)

// Kind declares incidents: the state machine as a table.
func Kind() record.Kind {
	w := respond.WriteIncidents
	return record.Kind{
		Name: respond.IncidentKind, Plural: "incidents", Title: "Incident", Prefix: "INC", URL: respond.IncidentPath + "INC-%d",
		States: []record.State{
			{Name: New, Title: "New", Open: true},
			{Name: Acknowledged, Title: "Acknowledged", Open: true},
			{Name: Restored, Title: "Restored", Open: true},
			{Name: Resolved, Title: "Resolved"},
			{Name: Closed, Title: "Closed"},
		},
		Transitions: []record.Transition{
			{From: []string{New, Restored, Resolved}, To: Acknowledged, Need: w},
			{From: []string{Restored}, To: New, Need: w},
			{From: []string{New, Acknowledged}, To: Restored, Need: w},
			{From: []string{New, Acknowledged, Restored}, To: Resolved, Need: w},
			{From: []string{Resolved}, To: Closed, Need: w},
		},
		Read: respond.ReadIncidents, Write: w,
	}
}

// CauseCodes are the reasons that a resolution may give.
var causeCodes = []string{"recovered", "configuration", "capacity", "software", "hardware", "network", "provider", "change", "human", "security", "planned", "duplicate", "unknown"}

// Urgency of a severity: critical is 1, unknown is 2 (nobody can tell how bad it
// is), warning is 3.
func urgency(severity string) int {
	switch severity {
	case respond.SeverityCritical:
		return 1
	case respond.SeverityWarning:
		return 3
	}
	return 2
}

// row holds what only incidents have. Of the moments, ImpactStartedAt, DetectedAt,
// AcknowledgedAt and WorkStartedAt are written once. RestoredAt and ResolvedAt are
// written once too, and withdrawn when it fails again or is reopened; the
// timeline keeps what was withdrawn.
type row struct {
	bun.BaseModel `bun:"incidents"`

	RecordID        string     `bun:"record_id,pk"`
	Source          string     `bun:"source"`
	ImpactStartedAt time.Time  `bun:"impact_started_at"`
	DetectedAt      time.Time  `bun:"detected_at"`
	AcknowledgedAt  *time.Time `bun:"acknowledged_at"`
	AcknowledgedBy  string     `bun:"acknowledged_by"`
	WorkStartedAt   *time.Time `bun:"work_started_at"`
	RestoredAt      *time.Time `bun:"restored_at"`
	ResolvedAt      *time.Time `bun:"resolved_at"`
	CauseCode       string     `bun:"cause_code"`
	ResolutionNote  string     `bun:"resolution_note"`
	Reopens         int64      `bun:"reopens"`
	Policy          string     `bun:"policy"`
	Escalation      string     `bun:"escalation"`
	Resolve         string     `bun:"resolve"`
	RestoreFor      int64      `bun:"restore_for_s"`
	ResolveAfter    int64      `bun:"resolve_after_s"`
	CloseAfter      int64      `bun:"close_after_s"`
	// Overridden says that a person set impact, urgency or priority.
	Overridden bool `bun:"overridden"`
	// AutoTitle is the title that was given last without a person.
	AutoTitle string     `bun:"auto_title"`
	RootAlert string     `bun:"root_alert"`
	RootItem  string     `bun:"root_item"`
	Output    string     `bun:"output"`
	ClearedAt *time.Time `bun:"cleared_at"`
}

// alertRow is an alert that belongs to an incident.
type alertRow struct {
	bun.BaseModel `bun:"incident_alerts"`

	AlertID     string     `bun:"alert_id,pk"`
	RecordID    string     `bun:"record_id"`
	Fingerprint string     `bun:"fingerprint"`
	ItemID      string     `bun:"item_id"`
	Item        string     `bun:"item"`
	Check       string     `bun:"check_name"`
	Severity    string     `bun:"severity"`
	Title       string     `bun:"title"`
	Output      string     `bun:"output"`
	StartedAt   time.Time  `bun:"started_at"`
	EndedAt     *time.Time `bun:"ended_at"`
}
