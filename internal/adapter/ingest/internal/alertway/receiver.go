package alertway

import (
	"cmp"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

// Receiver is the payload that Alertmanager sends to webhooks (version 4), and Grafana
// with more fields.
// See https://prometheus.io/docs/alerting/latest/configuration/#webhook_config.
type Receiver struct {
	Status string          `json:"status"`
	Alerts []ReceiverAlert `json:"alerts"`
}

// ReceiverAlert is one alert of a Receiver.
type ReceiverAlert struct {
	Status       string            `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint"`
	// Of Grafana only.
	PanelURL     string `json:"panelURL"`
	DashboardURL string `json:"dashboardURL"`
	ValueString  string `json:"valueString"`
}

// ReadReceiver reads a Receiver.
func ReadReceiver(p signal.Payload) (signal.Read, error) {
	var in Receiver
	if err := JSON(p.Body, &in); err != nil {
		return signal.Read{}, err
	}
	var out signal.Read
	for i, a := range in.Alerts {
		if len(a.Labels) == 0 {
			out.Bad = append(out.Bad, Bad(i, "it has no labels"))
			continue
		}
		s := FromLabels(a.Labels, a.Annotations)
		if a.Fingerprint != "" {
			s.Key = Cut(a.Fingerprint, MaxValue)
		}
		s.Over = a.Status == "resolved"
		s.Began = a.StartsAt
		if s.Over {
			s.Ends = a.EndsAt
		}
		s.Link = cmp.Or(Link(a.PanelURL), Link(a.DashboardURL), Link(a.GeneratorURL))
		if s.Text == "" {
			s.Text = Cut(a.ValueString, 4000)
		}
		out.Alerts = append(out.Alerts, s)
	}
	return out, nil
}

// FromLabels makes an alert of labels and annotations as Prometheus has them.
func FromLabels(labels, annotations map[string]string) signal.Alert {
	a := signal.Alert{
		Key: Fingerprint(labels), Name: Cut(labels["alertname"], MaxValue), Labels: Labels(labels), Hints: Hints(labels),
		Title:    Cut(first(annotations, "summary", "title", "message"), 300),
		Text:     Cut(first(annotations, "description", "message", "runbook_url"), 4000),
		Severity: signal.SeverityOf(first(labels, "severity", "priority", "level")),
	}
	if a.Name == "" {
		a.Name = "alert"
	}
	return a
}
