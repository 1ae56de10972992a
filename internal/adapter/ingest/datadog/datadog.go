// Package datadog takes alerts of Datadog's webhook integration.
package datadog

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/alertway"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

func init() {
	signal.Register(alertway.Protocol("datadog", "Datadog", read, "", "/webhook"))
}

// event is the payload of docs/outside-alerts.md, and that which Datadog sends when
// nobody wrote one: then the state stands in the title only.
type event struct {
	ID         text `json:"id"`
	AlertID    text `json:"alert_id"`
	Cycle      text `json:"alert_cycle_key"`
	Title      text `json:"title"`
	Body       text `json:"body"`
	Text       text `json:"text"`
	Transition text `json:"transition"`
	Type       text `json:"alert_type"`
	Event      text `json:"event_type"`
	Priority   text `json:"priority"`
	Host       text `json:"host"`
	Scope      text `json:"scope"`
	Tags       text `json:"tags"`
	Link       text `json:"link"`
	Date       text `json:"date"`
	Monitor    text `json:"monitor"`
}

// text is a string, or a number where somebody left the quotes out.
type text string

// UnmarshalJSON reads strings, numbers and null.
func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		*t = text(s)
		return nil
	}
	*t = text(strings.Trim(string(b), `"`))
	if *t == "null" {
		*t = ""
	}
	return nil
}

// over are the transitions that end an alert.
var over = map[string]bool{"recovered": true, "resolved": true}

func read(p signal.Payload) (signal.Read, error) {
	var in event
	if err := alertway.JSON(p.Body, &in); err != nil {
		return signal.Read{}, err
	}
	title, state := split(string(in.Title))
	state = strings.ToLower(cmp.Or(string(in.Transition), state))
	key := cmp.Or(string(in.AlertID), string(in.Monitor))
	if key != "" {
		key += " " + string(in.Scope) + " " + string(in.Host)
	} else {
		// The default payload has an id for each event, so the title must do.
		key = title
	}
	if strings.TrimSpace(key) == "" {
		return signal.Read{}, errs.New(errs.Invalid, "The payload needs alert_id or title. The page Outside alerts shows the payload to paste into Datadog.")
	}
	ms, _ := strconv.ParseInt(string(in.Date), 10, 64)
	tags := map[string]string{}
	for tag := range strings.SplitSeq(string(in.Tags), ",") {
		if name, value, ok := strings.Cut(strings.TrimSpace(tag), ":"); ok {
			tags[name] = value
		}
	}
	a := signal.Alert{
		Key: alertway.Cut(key, alertway.MaxValue), Name: alertway.Cut(cmp.Or(string(in.Monitor), title, "monitor "+string(in.AlertID)), alertway.MaxValue), Title: alertway.Cut(title, 300),
		Text: alertway.Cut(cmp.Or(string(in.Text), string(in.Body)), 4000), Severity: severity(string(in.Type), state, string(in.Priority)), Over: over[state] || in.Type == "success",
		Began: alertway.Millis(ms), Link: alertway.Link(string(in.Link)), Labels: alertway.Labels(tags), Hints: alertway.Hints(tags),
	}
	if in.Host != "" {
		a.Hints.Host, a.Hints.Address = signal.HostOf(string(in.Host))
	}
	return signal.Read{Alerts: []signal.Alert{a}}, nil
}

func severity(kind, state, priority string) string {
	switch {
	case kind == "warning" || strings.HasPrefix(state, "warn") || strings.HasPrefix(state, "re-warn"):
		return signal.SeverityWarning
	case strings.EqualFold(priority, "P3"), strings.EqualFold(priority, "P4"):
		return signal.SeverityWarning
	case kind == "info" || strings.EqualFold(priority, "P5"):
		return signal.SeverityInfo
	}
	return signal.SeverityCritical
}

// split takes "[Triggered on {host:a}] Disk is full" apart.
func split(title string) (rest, state string) {
	rest = strings.TrimSpace(title)
	for strings.HasPrefix(rest, "[") {
		word, after, ok := strings.Cut(rest[1:], "]")
		if !ok {
			break
		}
		if w, _, _ := strings.Cut(word, " on "); state == "" && len(word) > 2 {
			state = w
		}
		rest = strings.TrimSpace(after)
	}
	return rest, state
}
