package alertway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	_ "github.com/mainstay-ops/mainstay/internal/adapter/ingest/alertmanager"
	_ "github.com/mainstay-ops/mainstay/internal/adapter/ingest/datadog"
	_ "github.com/mainstay-ops/mainstay/internal/adapter/ingest/grafana"
	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/ingesttest"
	_ "github.com/mainstay-ops/mainstay/internal/adapter/ingest/newrelic"
	_ "github.com/mainstay-ops/mainstay/internal/adapter/ingest/prtg"
	_ "github.com/mainstay-ops/mainstay/internal/adapter/ingest/webhook"
	_ "github.com/mainstay-ops/mainstay/internal/adapter/ingest/zabbix"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

// payload is one that a program sends, and what it means.
type payload struct {
	program, path, body string
	key, title          string
	severity            string
	over                bool
	host, address, link string
	began               string
}

const prometheusAlert = `{"labels":{"alertname":"DiskFull","instance":"db-1:9100","severity":"page","mount":"/var"},"annotations":{"summary":"/var is full","description":"2 %% are left"},` +
	`"startsAt":"2026-11-23T08:00:00Z","endsAt":"%s","generatorURL":"http://prom:9090/graph?g0.expr=x"}`

func payloads() []payload {
	soon, past := "2126-01-01T00:00:00Z", "2026-11-23T09:00:00Z"
	v4 := `{"version":"4","status":"firing","externalURL":"http://am:9093","alerts":[{"status":"%s","labels":{"alertname":"Slow","host":"web-1"},"annotations":{"description":"p99 is 2 s"},` +
		`"startsAt":"2026-11-23T08:00:00Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://prom/g","fingerprint":"f00d","panelURL":"https://grafana/p/1","values":{"A":1}}]}`
	dd := `{"alert_id":"77","alert_cycle_key":"9","title":"[%s on {host:web-1}] CPU is high","text":"94 %%","transition":"%s","alert_type":"%s","priority":"normal","host":"web-1","tags":"env:prod,service:shop","link":"https://app.datadoghq.com/monitors/77","date":"1763884800000","scope":"host:web-1"}`
	nr := `{"id":"i-1","issueUrl":"https://radar-api.service.newrelic.com/x","title":"Apdex is low","priority":"%s","state":"%s","createdAt":1763884800000,"impactedEntities":["shop"],"alertConditionNames":["Apdex"],"alertPolicyNames":["Web"]}`
	zb := `{"event_id":"501","trigger_id":"9","event_value":"%s","event_name":"Free space is low","event_severity":"%s","event_opdata":"3 %%","host":"db-1","host_ip":"10.0.0.5","url":"https://zabbix/tr_events.php?eventid=501","event_tags":"[{\"tag\":\"scope\",\"value\":\"capacity\"}]"}`
	prtg := `sensorid=2042&device=Router+1&host=10.0.0.1&name=Ping&status=%s&message=Request+timed+out&linksensor=https%%3A%%2F%%2Fprtg%%2Fsensor.htm%%3Fid%%3D2042`
	return []payload{
		{program: "alertmanager", path: "/api/v2/alerts", body: "[" + fmt.Sprintf(prometheusAlert, soon) + "]", title: "/var is full", severity: "critical", host: "db-1", link: "http://prom:9090/graph?g0.expr=x", began: "2026-11-23T08:00:00Z"},
		{program: "alertmanager", path: "/api/v2/alerts", body: "[" + fmt.Sprintf(prometheusAlert, past) + "]", title: "/var is full", severity: "critical", over: true, host: "db-1", link: "http://prom:9090/graph?g0.expr=x", began: "2026-11-23T08:00:00Z"},
		{program: "alertmanager", path: "/webhook", body: fmt.Sprintf(v4, "firing"), key: "f00d", severity: "warning", host: "web-1", link: "https://grafana/p/1", began: "2026-11-23T08:00:00Z"},
		{program: "grafana", path: "/", body: fmt.Sprintf(v4, "resolved"), key: "f00d", severity: "warning", over: true, host: "web-1", link: "https://grafana/p/1", began: "2026-11-23T08:00:00Z"},
		{program: "datadog", path: "/", body: fmt.Sprintf(dd, "Triggered", "Triggered", "error"), key: "77 host:web-1 web-1", title: "CPU is high", severity: "critical", host: "web-1", link: "https://app.datadoghq.com/monitors/77", began: "2025-11-23T08:00:00Z"},
		{program: "datadog", path: "/", body: fmt.Sprintf(dd, "Warn", "Warn", "warning"), key: "77 host:web-1 web-1", title: "CPU is high", severity: "warning", host: "web-1", link: "https://app.datadoghq.com/monitors/77", began: "2025-11-23T08:00:00Z"},
		{program: "datadog", path: "/", body: fmt.Sprintf(dd, "Recovered", "Recovered", "success"), key: "77 host:web-1 web-1", title: "CPU is high", severity: "critical", over: true, host: "web-1", link: "https://app.datadoghq.com/monitors/77", began: "2025-11-23T08:00:00Z"},
		{program: "datadog", path: "/", body: `{"id":"1","title":"[Recovered] CPU is high","body":"x","event_type":"metric_alert_monitor"}`, key: "CPU is high", title: "CPU is high", severity: "critical", over: true},
		{program: "newrelic", path: "/", body: fmt.Sprintf(nr, "CRITICAL", "ACTIVATED"), key: "i-1", title: "Apdex is low", severity: "critical", host: "shop", link: "https://radar-api.service.newrelic.com/x", began: "2025-11-23T08:00:00Z"},
		{program: "newrelic", path: "/", body: fmt.Sprintf(nr, "MEDIUM", "CLOSED"), key: "i-1", title: "Apdex is low", severity: "warning", over: true, host: "shop", link: "https://radar-api.service.newrelic.com/x", began: "2025-11-23T08:00:00Z"},
		{program: "zabbix", path: "/", body: fmt.Sprintf(zb, "1", "Disaster"), key: "501", title: "db-1: Free space is low", severity: "critical", host: "db-1", address: "10.0.0.5", link: "https://zabbix/tr_events.php?eventid=501"},
		{program: "zabbix", path: "/webhook", body: fmt.Sprintf(zb, "0", "Average"), key: "501", title: "db-1: Free space is low", severity: "warning", over: true, host: "db-1", address: "10.0.0.5", link: "https://zabbix/tr_events.php?eventid=501"},
		{program: "prtg", path: "/", body: fmt.Sprintf(prtg, "Down"), key: "2042", title: "Router 1: Ping Down", severity: "critical", host: "Router 1", address: "10.0.0.1", link: "https://prtg/sensor.htm?id=2042"},
		{program: "prtg", path: "/", body: fmt.Sprintf(prtg, "Down+ended+(now%3A+Up)"), key: "2042", title: "Router 1: Ping Down ended (now: Up)", severity: "warning", over: true, host: "Router 1", address: "10.0.0.1", link: "https://prtg/sensor.htm?id=2042"},
		{program: "webhook", path: "/backups", body: "k", key: "k"},
	}
}

func TestPayloads(t *testing.T) {
	t.Parallel()
	for _, c := range payloads() {
		t.Run(c.program+" "+c.severity+fmt.Sprint(c.over), func(t *testing.T) {
			t.Parallel()
			r := &ingesttest.Recorder{}
			rec := ingesttest.Do(r.Handler(c.program), http.MethodPost, c.path, []byte(c.body))
			require.Equal(t, 200, rec.Code, rec.Body.String())
			require.Len(t, r.Alerts(), 1)
			a := r.Alerts()[0]
			if c.key != "" {
				require.Equal(t, c.key, a.Key)
			}
			require.NotEmpty(t, a.Key)
			require.NotEmpty(t, a.Name)
			require.Equal(t, c.title, a.Title)
			require.Equal(t, c.severity, a.Severity)
			require.Equal(t, c.over, a.Over)
			require.Equal(t, c.host, a.Hints.Host)
			require.Equal(t, c.address, a.Hints.Address)
			require.Equal(t, c.link, a.Link)
			if c.began != "" {
				require.Equal(t, c.began, a.Began.UTC().Format(time.RFC3339))
			} else {
				require.Zero(t, a.Began)
			}
		})
	}
}

// The beginning and the end of an alert have one key, and others have another.
func TestKeys(t *testing.T) {
	t.Parallel()
	r := &ingesttest.Recorder{}
	h := r.Handler("alertmanager")
	other := strings.Replace(fmt.Sprintf(prometheusAlert, "2126-01-01T00:00:00Z"), "/var\"}", "/home\"}", 1)
	body := "[" + fmt.Sprintf(prometheusAlert, "2126-01-01T00:00:00Z") + "," + other + "," + fmt.Sprintf(prometheusAlert, "2026-11-23T09:00:00Z") + `,{"labels":{}},{"labels":7}]`
	rec := ingesttest.Do(h, http.MethodPost, "/api/v2/alerts", []byte(body))
	require.Equal(t, 200, rec.Code)
	var got struct {
		Taken, Bad int
		Why        []string
	}
	require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &got))
	require.Equal(t, 3, got.Taken)
	require.Equal(t, 2, got.Bad, "the good ones are taken, the bad ones named")
	require.Contains(t, got.Why[0], "Alert 4")
	require.Len(t, r.Malformed(), 2)
	a := r.Alerts()
	require.Equal(t, a[0].Key, a[2].Key)
	require.NotEqual(t, a[0].Key, a[1].Key)
	require.True(t, a[2].Over)

	require.Equal(t, 200, ingesttest.Do(h, http.MethodPost, "/api/v2/alerts", []byte("[]")).Code)
	require.Equal(t, 200, ingesttest.Do(h, http.MethodGet, "/api/v2/status", nil).Code)
	require.Equal(t, 404, ingesttest.Do(h, http.MethodPost, "/api/v1/alerts", []byte("[]")).Code)
	require.Equal(t, 405, ingesttest.Do(h, http.MethodGet, "/api/v2/alerts", nil).Code)
	require.Equal(t, 422, ingesttest.Do(h, http.MethodPost, "/api/v2/alerts", []byte(`[{"labels":{}}]`)).Code)
	require.Equal(t, 413, ingesttest.Do(h, http.MethodPost, "/api/v2/alerts", []byte("["+strings.Repeat(`{"labels":{"a":"b"}},`, signal.MaxAlerts)+`{"labels":{"a":"b"}}]`)).Code)
	r.Err = errs.New(errs.Unavailable, "No.")
	require.Equal(t, 503, ingesttest.Do(h, http.MethodPost, "/api/v2/alerts", []byte(body)).Code)
	for _, program := range []string{"grafana", "datadog", "newrelic", "zabbix", "prtg"} {
		require.Equal(t, 422, ingesttest.Do(r.Handler(program), http.MethodPost, "/", []byte(`{"a":"`)).Code, program)
		require.Equal(t, 404, ingesttest.Do(r.Handler(program), http.MethodPost, "/elsewhere", []byte(`{}`)).Code, program)
	}
}

func FuzzReaders(f *testing.F) {
	for _, p := range payloads() {
		f.Add([]byte(p.body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, p := range signal.Protocols() {
			if p.Alerts == nil {
				continue
			}
			for _, path := range []string{"", "/webhook", "/api/v2/alerts"} {
				got, err := p.Alerts(signal.Payload{Path: path, Body: body})
				if err != nil {
					continue
				}
				for _, a := range got.Alerts {
					if a.Key == "" || a.Name == "" && a.Title == "" {
						t.Fatalf("%s: an alert without a key or a name: %+v", p.Name, a)
					}
				}
			}
		}
	})
}
