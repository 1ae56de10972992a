package incident

import (
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/entity"
)

// Person is somebody in a list.
type Person struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// View is an incident in the API.
type View struct {
	Number          string     `json:"number"`
	Title           string     `json:"title"`
	State           string     `json:"state" enum:"new,acknowledged,restored,resolved,closed"`
	Priority        int        `json:"priority" doc:"1 is the most urgent, 5 the least."`
	Impact          int        `json:"impact"`
	Urgency         int        `json:"urgency"`
	Items           []string   `json:"items"`
	Team            string     `json:"team,omitempty"`
	Assignee        *Person    `json:"assignee,omitempty"`
	Policy          string     `json:"policy,omitempty"`
	Escalation      string     `json:"escalation,omitempty"`
	ImpactStartedAt time.Time  `json:"impact_started_at" doc:"First sign of trouble."`
	DetectedAt      time.Time  `json:"detected_at"`
	CreatedAt       time.Time  `json:"created_at"`
	AcknowledgedAt  *time.Time `json:"acknowledged_at,omitempty"`
	AcknowledgedBy  string     `json:"acknowledged_by,omitempty"`
	WorkStartedAt   *time.Time `json:"work_started_at,omitempty"`
	RestoredAt      *time.Time `json:"restored_at,omitempty"`
	ResolvedAt      *time.Time `json:"resolved_at,omitempty"`
	UpdatedAt       time.Time  `json:"updated_at"`
	ResolutionNote  string     `json:"resolution_note,omitempty"`
	CauseCode       string     `json:"cause_code,omitempty"`
	Reopens         int64      `json:"reopens"`
	AlertsFiring    int        `json:"alerts_firing"`
	Version         int64      `json:"version"`
}

// AlertView is an alert of an incident.
type AlertView struct {
	ID        string     `json:"id"`
	Title     string     `json:"title"`
	Severity  string     `json:"severity"`
	Status    string     `json:"status" enum:"firing,resolved"`
	Output    string     `json:"output"`
	Item      string     `json:"item,omitempty"`
	Check     string     `json:"check,omitempty"`
	StartedAt time.Time  `json:"started_at"`
	EndedAt   *time.Time `json:"ended_at,omitempty"`
}

// Detail is one incident with all there is to it but the timeline.
type Detail struct {
	View
	Description     string           `json:"description"`
	DescriptionHTML string           `json:"description_html"`
	Labels          []string         `json:"labels"`
	Links           []entity.Summary `json:"links" doc:"Items and other records."`
	Alerts          []AlertView      `json:"alerts"`
	Output          string           `json:"output,omitempty" doc:"What the check said."`
}

func (s *Service) view(f full) View {
	r, in := f.Record, f.row
	return View{
		Number: s.number(&r), Title: r.Title, State: r.State, Priority: r.Priority, Impact: r.Impact, Urgency: r.Urgency, Items: []string{},
		Policy: in.Policy, Escalation: in.Escalation, ImpactStartedAt: in.ImpactStartedAt.UTC(), DetectedAt: in.DetectedAt.UTC(), CreatedAt: r.CreatedAt.UTC(),
		AcknowledgedAt: utc(in.AcknowledgedAt), AcknowledgedBy: in.AcknowledgedBy, WorkStartedAt: utc(in.WorkStartedAt), RestoredAt: utc(in.RestoredAt),
		ResolvedAt: utc(in.ResolvedAt), UpdatedAt: r.UpdatedAt.UTC(), ResolutionNote: in.ResolutionNote, CauseCode: in.CauseCode,
		Reopens: in.Reopens, Version: r.Version,
	}
}

func (a alertRow) view() AlertView {
	v := AlertView{ID: a.AlertID, Title: a.Title, Severity: a.Severity, Status: "firing", Output: a.Output, Item: a.Item, Check: a.Check, StartedAt: a.StartedAt.UTC(), EndedAt: utc(a.EndedAt)}
	if a.EndedAt != nil {
		v.Status = "resolved"
	}
	return v
}
