// Package newrelic takes issues of New Relic's workflows by a webhook destination.
package newrelic

import (
	"cmp"
	"encoding/json"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/alertway"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

func init() {
	signal.Register(alertway.Protocol("newrelic", "New Relic", read, "", "/webhook"))
}

// issue is the payload that New Relic proposes for webhooks.
type issue struct {
	ID       string          `json:"id"`
	URL      string          `json:"issueUrl"`
	Title    string          `json:"title"`
	Priority string          `json:"priority"`
	State    string          `json:"state"`
	Trigger  string          `json:"trigger"`
	Created  json.Number     `json:"createdAt"`
	Entities json.RawMessage `json:"impactedEntities"`
	// Policies and conditions are lists, or one text when the template says so.
	Policies   json.RawMessage `json:"alertPolicyNames"`
	Conditions json.RawMessage `json:"alertConditionNames"`
}

func read(p signal.Payload) (signal.Read, error) {
	var in issue
	if err := alertway.JSON(p.Body, &in); err != nil {
		return signal.Read{}, err
	}
	if in.ID == "" || in.State == "" {
		return signal.Read{}, errs.New(errs.Invalid, "The payload needs the fields id and state. Use the template that New Relic proposes for webhooks.")
	}
	ms, _ := in.Created.Int64()
	conditions, policies, entities := texts(in.Conditions), texts(in.Policies), texts(in.Entities)
	a := signal.Alert{
		Key: alertway.Cut(in.ID, alertway.MaxValue), Name: alertway.Cut(cmp.Or(strings.Join(conditions, ", "), "issue"), alertway.MaxValue), Title: alertway.Cut(in.Title, 300),
		Severity: severity(in.Priority), Over: strings.EqualFold(in.State, "CLOSED"), Began: alertway.Millis(ms), Link: alertway.Link(in.URL),
		Labels: alertway.Labels(map[string]string{"priority": in.Priority, "policy": strings.Join(policies, ", "), "entities": strings.Join(entities, ", ")}),
	}
	if len(entities) > 0 {
		a.Hints.Host, a.Hints.Address = signal.HostOf(entities[0])
		a.Text = "Entities: " + alertway.Cut(strings.Join(entities, ", "), 1000)
	}
	return signal.Read{Alerts: []signal.Alert{a}}, nil
}

// severity of New Relic's priorities: medium and low are warnings there.
func severity(priority string) string {
	switch strings.ToUpper(priority) {
	case "CRITICAL", "HIGH":
		return signal.SeverityCritical
	}
	return signal.SeverityWarning
}

func texts(raw json.RawMessage) []string {
	var many []string
	if json.Unmarshal(raw, &many) == nil {
		return many
	}
	var one string
	if json.Unmarshal(raw, &one) == nil && one != "" {
		return []string{one}
	}
	return nil
}
