package check_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/app"
	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/testkit"
	"github.com/mainstay-ops/mainstay/internal/testkit/apptest"
)

type view struct {
	Name, State, Item string
	Hard              bool
	InDowntime        bool                     `json:"in_downtime"`
	ProblemID         string                   `json:"problem_id"`
	LastResult        *struct{ Output string } `json:"last_result"`
	Probe             map[string]any
}

func get(s *apptest.Server, name string) view {
	var v view
	s.Get("/api/v1/checks/"+name, &v)
	return v
}

func send(t *testing.T, s *apptest.Server, name, state string) {
	t.Helper()
	st, b := s.Do("POST", "/api/v1/checks/"+name+"/result", map[string]any{"state": state, "output": "it is " + state})
	require.Equal(t, 202, st, "%s", b)
}

func open(s *apptest.Server) int {
	var out struct{ Items []struct{ State string } }
	s.Get("/api/v1/incidents?open=true", &out)
	return len(out.Items)
}

func databases(t *testing.T, f func(t *testing.T, s *apptest.Server)) {
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); f(t, apptest.Start(t)) })
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		url := testkit.PostgresURL(t)
		f(t, apptest.Start(t, func(c *config.Config) { c.Database.URL = url }))
	})
}

// A real listener that goes away and comes back: soft, hard, one incident, over.
func TestRealTarget(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, s *apptest.Server) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		addr := l.Addr().String()
		s.Apply(fmt.Sprintf("items: [{name: web, kind: application}]\nchecks: [{name: port, item: web, every: 500ms, retry_every: 500ms, attempts: 2, tcp: {address: %q}}]", addr))
		testkit.Eventually(t, 10*time.Second, "ok", func() bool { return get(s, "port").State == "ok" })
		require.NoError(t, l.Close())
		testkit.Eventually(t, 10*time.Second, "hard critical", func() bool { v := get(s, "port"); return v.State == "critical" && v.Hard })
		testkit.Eventually(t, 10*time.Second, "one incident", func() bool { return open(s) == 1 })
		l, err = net.Listen("tcp", addr)
		require.NoError(t, err)
		defer l.Close()
		testkit.Eventually(t, 10*time.Second, "ok again", func() bool { return get(s, "port").State == "ok" })
		var hard []string
		testkit.Eventually(t, 10*time.Second, "history", func() bool {
			var h struct {
				Items []struct {
					From, To, Kind string
					Hard           bool
				}
			}
			s.Get("/api/v1/checks/port/history", &h)
			hard = nil
			for _, c := range h.Items {
				if c.Kind == "state" && c.Hard {
					hard = append(hard, c.From+" "+c.To)
				}
			}
			return len(hard) >= 2
		})
		require.Equal(t, []string{"critical ok", "ok critical"}, hard, "newest first")
		var r struct {
			Availability *float64
			Downtime     float64 `json:"downtime_seconds"`
		}
		s.Get("/api/v1/reports/availability?item=web", &r)
		require.NotNil(t, r.Availability)
		require.Positive(t, r.Downtime)
		require.Less(t, *r.Availability, 1.0)
	})
}

func TestPassive(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, s *apptest.Server) {
		s.Apply("checks: [{name: backup, attempts: 3, passive: {}}]")
		require.Equal(t, "pending", get(s, "backup").State)
		send(t, s, "backup", "ok")
		send(t, s, "backup", "critical")
		v := get(s, "backup")
		require.False(t, v.Hard, "one of three attempts is soft")
		id := v.ProblemID
		require.NotEmpty(t, id)
		send(t, s, "backup", "warning")
		send(t, s, "backup", "critical")
		v = get(s, "backup")
		require.True(t, v.Hard, "another bad state goes on counting")
		require.Equal(t, id, v.ProblemID, "one problem, one id")
		testkit.Eventually(t, 10*time.Second, "an incident", func() bool { return open(s) == 1 })
		var h struct{ Items []struct{ From, To string } }
		s.Get("/api/v1/checks/backup/history?limit=500", &h)
		first := h.Items[len(h.Items)-1]
		require.Equal(t, "pending ok", first.From+" "+first.To, "there was no state before the first result")
		viewer := s.TokenFor("viewer")
		st, _ := s.Do("POST", "/api/v1/checks/backup/result", map[string]any{"state": "ok"}, viewer)
		require.Equal(t, 403, st)
	})
}

// A child of a dead parent is unreachable, and nobody is told of it.
func TestParents(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	s.Apply("checks:\n  - {name: router, attempts: 1, passive: {}}\n  - {name: server, attempts: 1, parents: [router], passive: {}}")
	send(t, s, "router", "ok")
	send(t, s, "server", "ok")
	send(t, s, "router", "critical")
	testkit.Eventually(t, 5*time.Second, "unreachable", func() bool { return get(s, "server").State == "unreachable" })
	send(t, s, "server", "critical")
	require.Equal(t, "unreachable", get(s, "server").State)
	testkit.Eventually(t, 10*time.Second, "the parent's incident", func() bool { return open(s) == 1 })
	st, b := s.Do("POST", "/api/v1/apply", "checks:\n  - {name: router, attempts: 1, parents: [server], passive: {}}")
	require.Equal(t, 422, st, "a circle is refused")
	require.Contains(t, string(b), "circle")
}

// During maintenance checks go on, and nobody is told.
func TestDowntime(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	s.Apply("items: [{name: web, kind: application}]\nchecks: [{name: port, item: web, attempts: 1, passive: {}}]")
	send(t, s, "port", "ok")
	st, b := s.Do("POST", "/api/v1/downtimes", map[string]any{"title": "upgrade", "items": []string{"web"}, "ends_at": time.Now().Add(time.Hour)})
	require.Equal(t, 201, st, "%s", b)
	var d struct{ ID string }
	require.NoError(t, json.Unmarshal(b, &d))
	testkit.Eventually(t, 10*time.Second, "in maintenance", func() bool { return get(s, "port").InDowntime })
	send(t, s, "port", "critical")
	require.Equal(t, "critical", get(s, "port").State)
	require.Zero(t, open(s))
	st, _ = s.Do("DELETE", "/api/v1/downtimes/"+d.ID, nil)
	require.Equal(t, 204, st)
	testkit.Eventually(t, 10*time.Second, "out of maintenance", func() bool { return !get(s, "port").InDowntime })
	send(t, s, "port", "critical")
	testkit.Eventually(t, 10*time.Second, "a problem that outlives its window is told", func() bool { return open(s) == 1 })
}

// A restart keeps states and pages nobody again.
func TestRestart(t *testing.T) {
	t.Parallel()
	cfg := config.Default()
	cfg.Listen.HTTP, cfg.Data, cfg.Discovery.Host = "127.0.0.1:0", t.TempDir(), false
	start := func() (*app.App, *apptest.Server) {
		a, err := app.New(t.Context(), app.Options{Config: cfg, Version: "test", Logger: testkit.Logger(t), BootstrapToken: apptest.Token})
		require.NoError(t, err)
		require.NoError(t, a.Start(t.Context()))
		return a, apptest.Around(t, a)
	}
	a, s := start()
	s.Apply("checks: [{name: job, attempts: 1, passive: {}}]")
	send(t, s, "job", "critical")
	testkit.Eventually(t, 10*time.Second, "an incident", func() bool { return open(s) == 1 })
	before := get(s, "job")
	a.Stop(context.Background())
	a, s = start()
	defer a.Stop(context.Background())
	after := get(s, "job")
	require.Equal(t, before, after)
	send(t, s, "job", "critical")
	require.Equal(t, 1, open(s))
}

func TestApplyIsIdempotentAndSecretsStayInside(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	const yaml = `checks: [{name: site, every: 1h, http: {url: "http://127.0.0.1:1/", username: bob, password: "tr0ub4dor"}}]`
	s.Apply(yaml)
	var out struct{ Changes []struct{ Outcome string } }
	st, b := s.Do("POST", "/api/v1/apply", yaml)
	require.Equal(t, 200, st)
	require.NoError(t, json.Unmarshal(b, &out))
	require.Equal(t, "unchanged", out.Changes[0].Outcome)
	for _, path := range []string{"/api/v1/checks/site", "/api/v1/export", "/api/v1/audit", "/api/v1/checks"} {
		_, b := s.Do("GET", path, nil)
		require.NotContains(t, string(b), "tr0ub4dor", path)
	}
	// Whoever edits the check cannot send the secret back; it stays.
	st, b = s.Do("PUT", "/api/v1/checks/site", map[string]any{"type": "http", "every": "2h", "probe": map[string]any{"url": "http://127.0.0.1:1/", "username": "bob"}})
	require.Equal(t, 200, st, "%s", b)
	st, b = s.Do("POST", "/api/v1/apply", `checks: [{name: site, every: 2h, http: {url: "http://127.0.0.1:1/", username: bob, password: "tr0ub4dor"}}]`)
	require.Equal(t, 200, st)
	require.Contains(t, string(b), "unchanged", "the kept secret is the same: %s", b)
}

func TestMistakesAreToldAtOnce(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	st, b := s.Do("POST", "/api/v1/apply", "checks:\n  - {name: a, every: 1x, http: {url: \"http://x/\"}}\n  - {name: b, htttp: {}}\n  - {name: c, every: 5s}\n  - {name: d, item: nowhere, tcp: {address: \"127.0.0.1:1\"}}\n")
	require.Equal(t, 422, st)
	for _, want := range []string{"checks[0].every", "checks[1].htttp", "did you mean http", "has no type of check", `"line":2`, `"line":3`} {
		require.Contains(t, string(b), want)
	}
	var list struct{ Items []view }
	s.Get("/api/v1/checks", &list)
	require.Empty(t, list.Items, "nothing was applied")
}

// A check that is switched off while it fails says nothing any more: its problem,
// alert and incident end, and it begins anew when it is switched on.
func TestSwitchedOffWhileFailing(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, s *apptest.Server) {
		s.Apply("items: [{name: shop, kind: service}]\nchecks: [{name: c, item: shop, attempts: 1, passive: {}}]")
		send(t, s, "c", "critical")
		testkit.Eventually(t, 10*time.Second, "an incident", func() bool { return open(s) == 1 })
		s.Apply("checks: [{name: c, item: shop, attempts: 1, disabled: true, passive: {}}]")
		testkit.Eventually(t, 10*time.Second, "the incident is restored", func() bool {
			var out struct{ Items []struct{ State string } }
			s.Get("/api/v1/incidents", &out)
			return len(out.Items) == 1 && out.Items[0].State != "new"
		})
		v := get(s, "c")
		require.Equal(t, "pending", v.State)
		require.Empty(t, v.ProblemID)
		var alerts struct {
			Items []struct {
				Status    string
				EndReason string `json:"end_reason"`
			}
		}
		s.Get("/api/v1/alerts", &alerts)
		require.Len(t, alerts.Items, 1)
		require.Equal(t, "resolved", alerts.Items[0].Status)
		require.Equal(t, "The check was switched off.", alerts.Items[0].EndReason)
		s.Apply("checks: [{name: c, item: shop, attempts: 1, passive: {}}]")
		send(t, s, "c", "critical")
		testkit.Eventually(t, 10*time.Second, "a new problem", func() bool { return get(s, "c").ProblemID != "" })
	})
}

// A parent that is removed is no parent any more, and its children can be saved.
func TestRemovedParent(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, s *apptest.Server) {
		s.Apply("checks: [{name: up, passive: {}}, {name: other, passive: {}}, {name: c, parents: [up, other], passive: {}}, {name: d, any_parent: [up], passive: {}}]")
		st, b := s.Do("DELETE", "/api/v1/checks/up", nil)
		require.Equal(t, 204, st, "%s", b)
		for name, want := range map[string][]string{"c": {"other"}, "d": nil} {
			var v struct {
				Parents   []string `json:"parents"`
				AnyParent []string `json:"any_parent"`
			}
			s.Get("/api/v1/checks/"+name, &v)
			require.Equal(t, want, v.Parents, name)
			require.Empty(t, v.AnyParent, name)
		}
		s.Apply("checks: [{name: c, parents: [other], every: 1m, passive: {}}]")
	})
}

// A check that waits for what a module receives runs nowhere, so it has no place.
func TestWaitingCheckHasNoPlace(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	st, b := s.Do("POST", "/api/v1/checks", map[string]any{"name": "links", "from": "all", "type": "trap", "probe": map[string]any{"traps": []string{"linkDown"}}})
	require.Equal(t, 422, st, "%s", b)
	require.Contains(t, string(b), "has no meaning for a check of the type trap")
}
