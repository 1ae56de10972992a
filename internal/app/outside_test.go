package app_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/testkit"
	"github.com/mainstay-ops/mainstay/internal/testkit/apptest"
)

// A Prometheus with a rule sends its alerts here, as it would to Alertmanager: they
// become one incident on the item, and end when the rule does.
func TestPrometheusSendsAlerts(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	s.Apply("items: [{name: rack-7, kind: host}]\n")
	st, b := s.Do("POST", "/api/v1/tokens", map[string]any{"name": "prom", "role": "responder", "scopes": []string{"observe.ingest"}})
	require.Equal(t, 201, st, "%s", b)
	var token struct{ Token string }
	require.NoError(t, json.Unmarshal(b, &token))
	dir, prom := t.TempDir(), freeAddress(t)
	rules, targets, conf := filepath.Join(dir, "rules.yml"), filepath.Join(dir, "targets.json"), filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(rules, []byte(`
groups:
  - name: g
    interval: 1s
    rules:
      - {alert: TargetDown, expr: up == 0, labels: {severity: critical}, annotations: {summary: "{{ $labels.instance }} is down"}}
`), 0o600))
	target := func(address string) {
		require.NoError(t, os.WriteFile(targets+".new", fmt.Appendf(nil, `[{"targets":[%q],"labels":{"instance":"rack-7:9100"}}]`, address), 0o600))
		require.NoError(t, os.Rename(targets+".new", targets))
	}
	target(freeAddress(t))
	require.NoError(t, os.WriteFile(conf, fmt.Appendf(nil, `
global: {scrape_interval: 1s}
rule_files: [%q]
scrape_configs: [{job_name: node, file_sd_configs: [{files: [%q], refresh_interval: 1s}]}]
alerting: {alertmanagers: [{api_version: v2, path_prefix: /ingest/alertmanager, authorization: {credentials: %q}, static_configs: [{targets: [%q]}]}]}
`, rules, targets, token.Token, s.URL[len("http://"):]), 0o600))
	startProgram(t, "prometheus", "--config.file="+conf, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+prom, "--log.level=error", "--rules.alert.resend-delay=1s")

	var incidents struct {
		Items []struct {
			Title, State string
			Items        []string
		}
	}
	testkit.Eventually(t, 60*time.Second, "the incident opens", func() bool {
		s.Get("/api/v1/incidents", &incidents)
		return len(incidents.Items) == 1
	})
	require.Equal(t, []string{"rack-7"}, incidents.Items[0].Items)
	var outside struct {
		Items []struct {
			ID, Program, Sender, Title, State, Item, Link, Severity string
			Labels                                                  map[string]string
			Received                                                int64
		}
	}
	s.Get("/api/v1/outside-alerts?state=firing", &outside)
	require.Len(t, outside.Items, 1)
	o := outside.Items[0]
	require.Equal(t, [6]string{"alertmanager", "prom", "rack-7:9100 is down", "firing", "rack-7", "critical"}, [6]string{o.Program, o.Sender, o.Title, o.State, o.Item, o.Severity})
	require.Equal(t, "TargetDown", o.Labels["alertname"])
	require.NotEmpty(t, o.Link)
	var alerts struct {
		Items []struct{ Link, Title string }
	}
	s.Get("/api/v1/alerts", &alerts)
	require.Len(t, alerts.Items, 1)
	require.Equal(t, o.Link, alerts.Items[0].Link)

	// The target comes up: Prometheus scrapes itself.
	target(prom)
	testkit.Eventually(t, 60*time.Second, "the incident is over", func() bool {
		s.Get("/api/v1/incidents", &incidents)
		return len(incidents.Items) == 1 && (incidents.Items[0].State == "restored" || incidents.Items[0].State == "resolved")
	})
	s.Get("/api/v1/outside-alerts?state=firing", &outside)
	require.Empty(t, outside.Items)

	// An alert without a severity about a host that is no item.
	st, b = s.Do("POST", "/ingest/alertmanager/api/v2/alerts", json.RawMessage(`[{"labels":{"alertname":"Kept","instance":"nowhere:1"}},{"labels":{}}]`), token.Token)
	require.Equal(t, 200, st, "%s", b)
	st, _ = s.Do("POST", "/ingest/alertmanager/api/v2/alerts", json.RawMessage(`[]`), "wrong")
	require.Equal(t, 401, st)
	s.Get("/api/v1/outside-alerts?q=kept", &outside)
	require.Len(t, outside.Items, 1)
	require.Empty(t, outside.Items[0].Item)
	require.Equal(t, "warning", outside.Items[0].Severity, "no severity is a warning")
	var unknown struct {
		Items []struct{ Hint, Value string }
	}
	testkit.Eventually(t, 40*time.Second, "the unknown host waits in the list", func() bool {
		s.Get("/api/v1/ingest/unknown", &unknown)
		return len(unknown.Items) == 1 && unknown.Items[0].Value == "nowhere"
	})
}
