package alert

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/respond"
)

// Statuses of an alert.
const (
	Firing   = "firing"
	Resolved = "resolved"
)

// Where an alert comes from.
const (
	fromCheck = "check"
	fromAPI   = "api"
	fromRule  = "rule"
)

// confirming is the reason of an alert whose check still makes sure of it.
const confirming = "confirming"

// row is an alert as stored.
type row struct {
	bun.BaseModel `bun:"alerts"`

	ID          string `bun:"id,pk"`
	Fingerprint string `bun:"fingerprint"`
	Source      string `bun:"source"`
	Status      string `bun:"status"`
	Severity    string `bun:"severity"`
	Title       string `bun:"title"`
	Output      string `bun:"output"`
	ItemID      string `bun:"item_id"`
	Item        string `bun:"item"`
	CheckID     string `bun:"check_id"`
	Check       string `bun:"check_name"`
	ProblemID   string `bun:"problem_id"`
	TeamID      string `bun:"team_id"`
	// Labels is JSON, Suppressed is joined by commas.
	Labels     string `bun:"labels"`
	Suppressed string `bun:"suppressed"`
	SilencedBy string `bun:"silenced_by"`
	// Due says that people should know; Told that they do.
	Due        bool       `bun:"due"`
	Told       bool       `bun:"told"`
	IncidentID string     `bun:"incident_id"`
	Incident   string     `bun:"incident"`
	StartedAt  time.Time  `bun:"started_at"`
	DetectedAt time.Time  `bun:"detected_at"`
	EndedAt    *time.Time `bun:"ended_at"`
	EndReason  string     `bun:"end_reason"`
	LastChange time.Time  `bun:"last_change"`
	Count      int64      `bun:"count"`
	// Link leads to the program that says it.
	Link string `bun:"link"`
}

func (a *row) labels() map[string]string {
	m := map[string]string{}
	if a.Labels != "" {
		// Written by us from the same type, so it can be read.
		_ = json.Unmarshal([]byte(a.Labels), &m)
	}
	return m
}

func (a *row) setLabels(m map[string]string) error {
	if len(m) == 0 {
		a.Labels = ""
		return nil
	}
	b, err := json.Marshal(m)
	a.Labels = string(b)
	return err
}

func (a *row) reasons() []string {
	if a.Suppressed == "" {
		return []string{}
	}
	return strings.Split(a.Suppressed, ",")
}

func (a *row) suppress(reasons []string) {
	r := slices.Compact(slices.Sorted(slices.Values(reasons)))
	a.Suppressed = strings.Join(r, ",")
}

func (a *row) fired() respond.AlertFired {
	return respond.AlertFired{
		AlertID: a.ID, Fingerprint: a.Fingerprint, Severity: a.Severity, Title: a.Title, Output: a.Output, ItemID: a.ItemID, Item: a.Item,
		Check: a.Check, ImpactStartedAt: a.StartedAt.UTC(), DetectedAt: a.DetectedAt.UTC(), Labels: a.labels(),
	}
}

// checkTitle is "shop-web: shop-http critical".
func checkTitle(item, check, severity string) string {
	t := check + " " + severity
	if item != "" {
		t = item + ": " + t
	}
	return t
}

// View is an alert in the API.
type View struct {
	ID          string            `json:"id"`
	Fingerprint string            `json:"fingerprint" doc:"Two alerts with one fingerprint are about the same thing at different times."`
	Status      string            `json:"status" enum:"firing,resolved"`
	Severity    string            `json:"severity" enum:"critical,warning,unknown"`
	Title       string            `json:"title"`
	Output      string            `json:"output"`
	Item        string            `json:"item,omitempty" doc:"Name of the item."`
	Check       string            `json:"check,omitempty" doc:"Name of the check."`
	Labels      map[string]string `json:"labels,omitempty"`
	StartedAt   time.Time         `json:"started_at" doc:"First sign of trouble."`
	DetectedAt  time.Time         `json:"detected_at" doc:"When it was sure."`
	EndedAt     *time.Time        `json:"ended_at,omitempty"`
	EndReason   string            `json:"end_reason,omitempty"`
	LastChange  time.Time         `json:"last_change"`
	Count       int64             `json:"count" doc:"How many times it was reported."`
	Incident    string            `json:"incident,omitempty" doc:"Number of the incident it belongs to."`
	Suppressed  []string          `json:"suppressed" doc:"Why nobody was told: downtime, unreachable, flapping, confirming."`
	Silenced    bool              `json:"silenced"`
	SilencedBy  string            `json:"silenced_by,omitempty" doc:"Id of the silence."`
	Link        string            `json:"link,omitempty" doc:"Leads to the alert in the program that says it."`
	Told        bool              `json:"told" doc:"Whether incidents and people were told of it."`
}

func (a *row) view() View {
	v := View{
		ID: a.ID, Fingerprint: a.Fingerprint, Status: a.Status, Severity: a.Severity, Title: a.Title, Output: a.Output, Item: a.Item, Check: a.Check,
		Labels: a.labels(), StartedAt: a.StartedAt.UTC(), DetectedAt: a.DetectedAt.UTC(), EndReason: a.EndReason, LastChange: a.LastChange.UTC(), Count: a.Count,
		Incident: a.Incident, Suppressed: a.reasons(), Silenced: a.SilencedBy != "", SilencedBy: a.SilencedBy, Told: a.Told, Link: a.Link,
	}
	if a.EndedAt != nil {
		t := a.EndedAt.UTC()
		v.EndedAt = &t
	}
	return v
}
