package faults

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var ackLink = regexp.MustCompile(`http://[^\s"<>]+/ack/([^\s"<>]+)`)

// The main loop with nothing made up: nginx is stopped, exim takes the mail, the link
// in it acknowledges, nginx is started again, and the report has counted it.
func TestMainLoop(t *testing.T) {
	t.Parallel()
	web, mails := newNginx(t), newExim(t)
	bin := installed(t, "nginx")
	p := start(t, freeAddress(t), t.TempDir())
	p.must("POST", "/api/v1/apply", fmt.Sprintf(`
teams: [{name: web, members: [ops@example.org]}]
items:
  - {name: shop, kind: service, owner: web, criticality: high}
  - {name: shop-web, kind: application, owner: web, part_of: [shop]}
checks: [{name: shop-http, item: shop-web, every: 1s, retry_every: 500ms, attempts: 2, http: {url: "http://127.0.0.1:%d/health", status: [200], contains: ok, timeout: 2s}}]
channels: [{name: web-mail, email: {to: [boss@example.org]}}]
schedules: [{name: primary, time_zone: Europe/Berlin, rotations: [{members: [ops@example.org], every: 168h, starts: "2026-01-05T09:00:00"}]}]
escalations: [{name: web, steps: [{notify: [{schedule: primary}], after: 0s}, {notify: [{channel: web-mail}], after: 2s}]}]
policies: [{name: default, match: {}, escalation: web, resolve: auto, resolve_after: 1s}]
smtp: {host: 127.0.0.1, port: %d, from: "mainstay@example.org", tls: none}
`, web.port, mails.port()), nil)
	var c struct {
		State string
		Hard  bool
	}
	eventually(t, "nginx is well", func() bool { return get(t, p, "/api/v1/checks/shop-http", &c) && c.State == "ok" })

	web.stop()
	eventually(t, "the check is hard critical", func() bool {
		return get(t, p, "/api/v1/checks/shop-http", &c) && c.State == "critical" && c.Hard
	})
	eventually(t, "the one on call has a mail, and then the next step too", func() bool {
		box := mails.mailbox()
		return strings.Contains(box, "for ops@example.org") && strings.Contains(box, "for boss@example.org")
	})
	all := incidents(p)
	require.Len(t, all, 1, "one incident")
	number := all[0].Number
	link := ackLink.FindStringSubmatch(mails.mailbox())
	require.NotNil(t, link, "the mail has a link that acknowledges")
	res, err := http.Post(link[0], "application/x-www-form-urlencoded", nil)
	require.NoError(t, err)
	_ = res.Body.Close()
	require.Equal(t, http.StatusOK, res.StatusCode)
	var inc struct {
		State, Title   string
		Priority       int
		AcknowledgedAt string `json:"acknowledged_at"`
		RestoredAt     string `json:"restored_at"`
		ResolvedAt     string `json:"resolved_at"`
	}
	p.must("GET", "/api/v1/incidents/"+number, nil, &inc)
	require.Equal(t, "acknowledged", inc.State)
	require.NotEmpty(t, inc.AcknowledgedAt)

	web.start(bin)
	eventually(t, "the incident is resolved", func() bool {
		return get(t, p, "/api/v1/incidents/"+number, &inc) && inc.State == "resolved"
	})
	require.NotEmpty(t, inc.RestoredAt)
	require.NotEmpty(t, inc.ResolvedAt)
	var report struct {
		Availability *float64
		Downtime     float64  `json:"downtime_seconds"`
		Incidents    int      `json:"incidents"`
		MTTA         *float64 `json:"mtta_seconds"`
		MTTR         *float64 `json:"mttr_seconds"`
	}
	eventually(t, "the report has counted it", func() bool {
		return get(t, p, "/api/v1/reports/availability?item=shop-web", &report) && report.Incidents == 1 && report.MTTR != nil
	})
	require.Positive(t, report.Downtime)
	require.NotNil(t, report.MTTA)
	require.Less(t, *report.Availability, 1.0)
	var log struct {
		Items []struct{ Channel, To, State string }
	}
	st, b, err := p.try(t.Context(), "GET", "/api/v1/notifications?incident="+number, nil)
	require.NoError(t, err)
	require.Equal(t, 200, st)
	require.NoError(t, json.Unmarshal(b, &log))
	require.GreaterOrEqual(t, len(log.Items), 2)
	for _, n := range log.Items {
		require.NotEqual(t, "failed", n.State, "%+v", n)
	}
	p.stop()
}
