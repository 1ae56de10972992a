// Package prtg takes states of sensors as PRTG's notification "Execute HTTP action"
// posts them.
package prtg

import (
	"cmp"
	"net/url"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/alertway"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

func init() {
	signal.Register(alertway.Protocol("prtg", "PRTG", read, "", "/webhook"))
}

// read takes the form of docs/outside-alerts.md: names and placeholders of PRTG.
func read(p signal.Payload) (signal.Read, error) {
	v, err := url.ParseQuery(strings.TrimSpace(string(p.Body)))
	if err != nil {
		return signal.Read{}, errs.Wrap(errs.Invalid, err, "The body is not a form. Paste the one of the page Outside alerts into PRTG's field Payload.")
	}
	id, status := v.Get("sensorid"), strings.ToLower(strings.TrimSpace(v.Get("status")))
	if id == "" || status == "" {
		return signal.Read{}, errs.New(errs.Invalid, "The form needs sensorid and status. The page Outside alerts shows it.")
	}
	a := signal.Alert{
		Key: alertway.Cut(id, alertway.MaxValue), Name: alertway.Cut(cmp.Or(v.Get("name"), v.Get("sensor"), "sensor "+id), alertway.MaxValue),
		Text: alertway.Cut(v.Get("message"), 4000), Link: alertway.Link(v.Get("linksensor")), Severity: signal.SeverityWarning,
		Labels: alertway.Labels(map[string]string{"device": v.Get("device"), "group": v.Get("group"), "probe": v.Get("probe"), "status": v.Get("status"), "priority": v.Get("priority")}),
	}
	a.Hints.Host, a.Hints.Address = signal.HostOf(v.Get("host"))
	if a.Hints.Host == "" {
		a.Hints.Host = v.Get("device")
	}
	a.Title = alertway.Cut(strings.TrimPrefix(v.Get("device")+": ", ": ")+a.Name+" "+v.Get("status"), 300)
	switch {
	case strings.Contains(status, "ended"), status == "up", strings.HasPrefix(status, "paused"):
		a.Over = true
	case strings.HasPrefix(status, "down"):
		a.Severity = signal.SeverityCritical
	}
	return signal.Read{Alerts: []signal.Alert{a}}, nil
}
