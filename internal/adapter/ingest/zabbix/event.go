package zabbix

import (
	"cmp"
	"encoding/json"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/alertway"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

// problem is what the script of docs/outside-alerts.md posts: macros of Zabbix, all as
// text.
type problem struct {
	EventID  string `json:"event_id"`
	Trigger  string `json:"trigger_id"`
	Value    string `json:"event_value"`
	Update   string `json:"event_update_status"`
	Name     string `json:"event_name"`
	Severity string `json:"event_severity"`
	OpData   string `json:"event_opdata"`
	Host     string `json:"host"`
	IP       string `json:"host_ip"`
	URL      string `json:"url"`
	// Tags is {EVENT.TAGSJSON}.
	Tags json.RawMessage `json:"event_tags"`
}

func readEvent(p signal.Payload) (signal.Read, error) {
	var in problem
	if err := alertway.JSON(p.Body, &in); err != nil {
		return signal.Read{}, err
	}
	if in.EventID == "" || in.Value == "" {
		return signal.Read{}, errs.New(errs.Invalid, "The payload needs event_id and event_value. The page Outside alerts shows the script to paste into Zabbix.")
	}
	tags := tagsOf(in.Tags)
	labels := map[string]string{"severity": in.Severity, "host": in.Host}
	for n, v := range tags {
		labels[n] = v
	}
	a := signal.Alert{
		Key: alertway.Cut(in.EventID, alertway.MaxValue), Name: alertway.Cut(cmp.Or(in.Name, "event "+in.EventID), alertway.MaxValue),
		Title: alertway.Cut(strings.TrimPrefix(in.Host+": ", ": ")+in.Name, 300), Text: alertway.Cut(in.OpData, 4000),
		Severity: signal.SeverityOf(in.Severity), Over: in.Value == "0", Link: alertway.Link(in.URL), Labels: alertway.Labels(labels), Hints: alertway.Hints(tags),
	}
	a.Hints.Host, a.Hints.Address = cmp.Or(in.Host, a.Hints.Host), cmp.Or(in.IP, a.Hints.Address)
	return signal.Read{Alerts: []signal.Alert{a}}, nil
}

// tagsOf reads [{"tag":"a","value":"b"}], as a list or as its text.
func tagsOf(raw json.RawMessage) map[string]string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		raw = json.RawMessage(text)
	}
	var list []struct{ Tag, Value string }
	out := map[string]string{}
	if json.Unmarshal(raw, &list) == nil {
		for _, t := range list {
			out[t.Tag] = t.Value
		}
	}
	return out
}
