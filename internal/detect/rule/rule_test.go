package rule_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/app"
	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/testkit"
	"github.com/mainstay-ops/mainstay/internal/testkit/apptest"
)

type page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
}

type alert struct {
	Status    string            `json:"status"`
	Severity  string            `json:"severity"`
	Title     string            `json:"title"`
	Output    string            `json:"output"`
	Item      string            `json:"item"`
	Incident  string            `json:"incident"`
	EndReason string            `json:"end_reason"`
	Labels    map[string]string `json:"labels"`
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, 20*time.Second, 50*time.Millisecond, what)
}

func alerts(s *apptest.Server, status string) []alert {
	var p page[alert]
	s.Get("/api/v1/alerts?status="+status, &p)
	return p.Items
}

// From the question to the incident and back, and over a restart between.
func TestARuleBecomesAnIncident(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	begin := func() *apptest.Server {
		cfg := config.Default()
		cfg.Listen.HTTP, cfg.Data, cfg.Discovery.Host = "127.0.0.1:0", dir, false
		a, err := app.New(t.Context(), app.Options{Config: cfg, Version: "test", Logger: testkit.Logger(t), BootstrapToken: apptest.Token})
		require.NoError(t, err)
		t.Cleanup(func() { a.Stop(t.Context()) })
		require.NoError(t, a.Start(t.Context()))
		return apptest.Around(t, a)
	}
	s := begin()
	s.Apply(`
items: [{name: db-1, kind: host}]
policies: [{name: default, match: {}, resolve: auto}]
rules:
  - name: hot
    expr: label_replace(vector(31), "instance", "db-1:9100", "", "") > 30
    recovery: label_replace(vector(31), "instance", "db-1:9100", "", "") < 26
    every: 10s
    severity: critical
    labels: {room: "{{ $labels.instance }}"}
    annotations: {summary: "{{ $labels.instance }} has {{ $value }} degrees", description: "Open a window.", runbook_url: "https://wiki.example.org/hot"}
  - {name: quiet, expr: vector(1) > 0, every: 10s, severity: info}
  - {name: later, expr: vector(1) > 0, every: 10s, for: 1h}
`)
	until(t, "an alert with an incident", func() bool {
		as := alerts(s, "firing")
		return len(as) == 1 && as[0].Incident != ""
	})
	a := alerts(s, "firing")[0]
	require.Equal(t, "db-1:9100 has 31 degrees", a.Title)
	require.Equal(t, "db-1", a.Item)
	require.Equal(t, "critical", a.Severity)
	require.Contains(t, a.Output, "Open a window.")
	require.Contains(t, a.Output, "https://wiki.example.org/hot")
	require.Equal(t, map[string]string{"alertname": "hot", "instance": "db-1:9100", "room": "db-1:9100", "rule": "hot"}, a.Labels)

	type view struct {
		Name, State     string
		Firing, Pending int
	}
	until(t, "info fires, the other waits", func() bool {
		var p page[view]
		s.Get("/api/v1/rules", &p)
		return fmt.Sprint(p.Items) == "[{hot firing 1 0} {later pending 0 1} {quiet firing 1 0}]"
	})
	require.Len(t, alerts(s, "firing"), 1, "nobody is told of info")
	var p page[view]
	s.Get("/api/v1/rules?state=pending", &p)
	require.Len(t, p.Items, 1)
	s.Get("/api/v1/rules?q=label_rep", &p)
	require.Equal(t, "hot", p.Items[0].Name)

	s.Stop(t.Context())
	s = begin()
	require.Len(t, alerts(s, "firing"), 1, "it goes on where it was")
	var inst page[struct {
		Labels map[string]string
		State  string
	}]
	s.Get("/api/v1/rules/hot/instances", &inst)
	require.Equal(t, "firing", inst.Items[0].State)

	// Between the two limits it goes on; below the lower one it ends.
	rule := map[string]any{"expr": `label_replace(vector(28), "instance", "db-1:9100", "", "") > 30`, "recovery": `label_replace(vector(28), "instance", "db-1:9100", "", "") < 26`, "every": "10s"}
	put := func() {
		st, b := s.Do("PUT", "/api/v1/rules/hot", rule)
		require.Equal(t, 200, st, string(b))
	}
	asked := func() *time.Time {
		var v struct {
			AskedAt *time.Time `json:"asked_at"`
		}
		s.Get("/api/v1/rules/hot", &v)
		return v.AskedAt
	}
	put()
	until(t, "it was asked", func() bool { return asked() != nil })
	require.Len(t, alerts(s, "firing"), 1, "28 is neither hot nor cool")
	rule["recovery"] = `label_replace(vector(25), "instance", "db-1:9100", "", "") < 26`
	put()
	until(t, "the alert ended", func() bool { return len(alerts(s, "firing")) == 0 })
	require.Equal(t, "The recovery condition is met.", alerts(s, "resolved")[0].EndReason)
	var fired page[struct {
		Reason  string
		EndedAt *time.Time `json:"ended_at"`
	}]
	s.Get("/api/v1/rules/hot/history", &fired)
	require.Len(t, fired.Items, 1)
	require.NotNil(t, fired.Items[0].EndedAt)

	st, _ := s.Do("DELETE", "/api/v1/rules/hot", nil)
	require.Equal(t, http.StatusNoContent, st)
	st, _ = s.Do("GET", "/api/v1/rules/hot", nil)
	require.Equal(t, http.StatusNotFound, st)
}

func TestBadRulesSayWhatIsRight(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	for _, c := range []struct {
		rule map[string]any
		want []string
	}{
		{map[string]any{"name": "a"}, []string{"expr", "must hold PromQL"}},
		{map[string]any{"name": "a", "expr": "sum(up"}, []string{"is not PromQL", "character"}},
		{map[string]any{"name": "a", "expr": "up", "logs": "error"}, []string{"one question"}},
		{map[string]any{"name": "a", "expr": "up", "missing": "keep"}, []string{"with a comparison"}},
		{map[string]any{"name": "a", "expr": "up", "every": "1s"}, []string{"between 10s and 24h0m0s"}},
		{map[string]any{"name": "a", "expr": "up", "annotations": map[string]string{"summary": "{{ $labels.x"}}, []string{"annotations.summary", "is not a template"}},
		{map[string]any{"name": "a", "expr": "up", "labels": map[string]string{"a-b": "x"}}, []string{"labels.a-b"}},
		{map[string]any{"name": "a", "expr": "up", "item": "nowhere"}, []string{"is not the name of an item"}},
		{map[string]any{"name": "a", "expr": "up", "record": "x", "for": "5m"}, []string{"raises nothing"}},
	} {
		st, b := s.Do("POST", "/api/v1/rules", c.rule)
		require.Equal(t, 422, st, string(b))
		for _, w := range c.want {
			require.Contains(t, string(b), w)
		}
	}
	st, _ := s.Do("POST", "/api/v1/rules", map[string]any{"name": "a", "expr": "up == 0"})
	require.Equal(t, 201, st)
	st, b := s.Do("POST", "/api/v1/rules", map[string]any{"name": "a", "expr": "up == 0"})
	require.Equal(t, 409, st, string(b))
}

func TestImportTakesAllOrNothing(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	file := "groups:\n- name: g\n  interval: 30s\n  labels: {team: web}\n  rules:\n  - alert: Down\n    expr: up == 0\n    for: 5m\n    labels: {severity: page}\n  - alert: Down\n    expr: up == 0\n    labels: {severity: info}\n  - record: job:up:sum\n    expr: sum by (job) (up)\n"
	send := func(text, query string) (int, string) {
		st, b := s.Do("POST", "/api/v1/rules/import"+query, map[string]string{"text": text})
		return st, string(b)
	}
	st, b := send(file, "?dry_run=true")
	require.Equal(t, 200, st, b)
	require.JSONEq(t, `{"items":[{"name":"Down","outcome":"created"},{"name":"Down info","outcome":"created"},{"name":"job:up:sum","outcome":"created"}]}`, b)
	var p page[struct {
		Name, Severity, For, Every string
		Labels                     map[string]string
	}]
	s.Get("/api/v1/rules", &p)
	require.Empty(t, p.Items, "a dry run makes nothing")
	st, b = send(file, "")
	require.Equal(t, 200, st, b)
	s.Get("/api/v1/rules", &p)
	require.Len(t, p.Items, 3)
	require.Equal(t, "critical", p.Items[0].Severity)
	require.Equal(t, "5m0s", p.Items[0].For)
	require.Equal(t, "30s", p.Items[0].Every)
	require.Equal(t, map[string]string{"team": "web", "severity": "page"}, p.Items[0].Labels)
	st, b = send(file, "")
	require.Equal(t, 200, st, b)
	require.NotContains(t, b, "created", "again changes nothing")
	st, b = send("groups:\n- name: g\n  rules:\n  - alert: New\n    expr: up\n  - alert: Broken\n    expr: sum(\n", "?file=x.yml")
	require.Equal(t, 422, st)
	require.Contains(t, b, "x.yml is not a rule file.")
	require.Contains(t, b, `"line":7`)
	s.Get("/api/v1/rules", &p)
	require.Len(t, p.Items, 3)
}

func TestObjective(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	slo := map[string]any{"objective": 99.0, "total": "vector(100) + 0 * sum_over_time(vector(0)[$window:1m])", "bad": "vector(20) + 0 * sum_over_time(vector(0)[$window:1m])"}
	st, b := s.Do("PUT", "/api/v1/slos/shop", slo)
	require.Equal(t, 200, st, string(b))
	var v struct {
		Good   float64 `json:"good_percent"`
		Left   float64 `json:"budget_left"`
		Burn   float64 `json:"burn_rate"`
		Firing int
		Rules  []string
	}
	require.NoError(t, json.Unmarshal(b, &v))
	require.InDelta(t, 80, v.Good, 1e-9)
	require.InDelta(t, -19, v.Left, 1e-9, "twenty times the budget is gone")
	require.InDelta(t, 20, v.Burn, 1e-9)
	require.Len(t, v.Rules, 4)
	until(t, "all burn rates fire", func() bool { return len(alerts(s, "firing")) == 4 })
	st, b = s.Do("DELETE", "/api/v1/rules/shop%2Fburn%206", nil)
	require.Equal(t, 409, st, string(b))
	slo["bad"] = "vector(0.1) + 0 * sum_over_time(vector(0)[$window:1m])"
	st, b = s.Do("PUT", "/api/v1/slos/shop", slo)
	require.Equal(t, 200, st, string(b))
	until(t, "they end", func() bool { return len(alerts(s, "firing")) == 0 })
	st, b = s.Do("PUT", "/api/v1/slos/shop", map[string]any{"objective": 100, "total": "up", "bad": "up"})
	require.Equal(t, 422, st)
	for _, want := range []string{"between 0 and 100", "must hold $window"} {
		require.Contains(t, string(b), want)
	}
	st, _ = s.Do("DELETE", "/api/v1/slos/shop", nil)
	require.Equal(t, 204, st)
	var p page[struct{ Name string }]
	s.Get("/api/v1/rules", &p)
	require.Empty(t, p.Items)
}

func TestTryOnThePast(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	to := time.Now().UTC().Truncate(time.Minute)
	st, b := s.Do("POST", "/api/v1/rules/try", map[string]any{
		"rule": map[string]any{"name": "x", "expr": "minute() % 30 < 10", "for": "5m"}, "from": to.Add(-24 * time.Hour), "to": to, "time_zone": "Europe/Berlin",
	})
	require.Equal(t, 200, st, string(b))
	var v struct {
		Fired, Steps int
		Night        int     `json:"at_night"`
		Seconds      float64 `json:"firing_seconds"`
	}
	require.NoError(t, json.Unmarshal(b, &v))
	require.Equal(t, 1441, v.Steps)
	require.InDelta(t, 48, v.Fired, 1)
	require.InDelta(t, 16, v.Night, 1)
	require.InDelta(t, 48*5*60, v.Seconds, 600)
}

func TestARuleOnLogs(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	st, b := s.Do("POST", "/api/v1/rules", map[string]any{"name": "bad", "logs": "level:>("})
	require.Equal(t, 422, st, string(b))
	s.Apply(`
items: [{name: web-1, kind: host}]
rules:
  - {name: declined, logs: "declined | stats by (host) count() as value | filter value:>1", window: 10m, every: 10s, annotations: {summary: "{{ $labels.host }}: {{ $value }} payments declined"}}
  - {name: never, logs: "no such words", every: 10s}
`)
	for i := range 3 {
		st, b = s.Do("POST", "/ingest/loki/api/v1/push", map[string]any{"streams": []any{map[string]any{
			"stream": map[string]string{"host": "web-1"}, "values": [][]string{{fmt.Sprint(time.Now().UnixNano() + int64(i)), fmt.Sprintf("payment %d declined", i)}},
		}}})
		require.Less(t, st, 300, string(b))
	}
	until(t, "the lines raise an alert", func() bool { return len(alerts(s, "firing")) == 1 })
	a := alerts(s, "firing")[0]
	require.Equal(t, "web-1: 3 payments declined", a.Title)
	require.Equal(t, "web-1", a.Item)
}
