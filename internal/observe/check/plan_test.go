package check_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/testkit"
	"github.com/mainstay-ops/mainstay/internal/testkit/apptest"
)

type window struct {
	ID, Title, Plan string
	StartsAt        time.Time  `json:"starts_at"`
	EndsAt          time.Time  `json:"ends_at"`
	SpanFrom        *time.Time `json:"span_from"`
	SpanTo          *time.Time `json:"span_to"`
	CancelledAt     *time.Time `json:"cancelled_at"`
	Items, Checks   []string
	Active, Waiting bool
	Flexible        string
}

func windows(s *apptest.Server, query string) []window {
	var out struct{ Items []window }
	s.Get("/api/v1/downtimes"+query, &out)
	return out.Items
}

// A flexible window begins with the first failure, before anybody is told, lasts as
// long as agreed, and only that time is planned.
func TestFlexibleDowntime(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, s *apptest.Server) {
		s.Apply("items: [{name: web, kind: application}]\nchecks: [{name: port, item: web, attempts: 1, passive: {}}, {name: page, item: web, attempts: 1, passive: {}}]")
		send(t, s, "port", "ok")
		send(t, s, "page", "ok")
		st, b := s.Do("POST", "/api/v1/downtimes", map[string]any{"title": "reboot", "items": []string{"web"}, "ends_at": time.Now().Add(time.Hour), "flexible": "10m"})
		require.Equal(t, http.StatusCreated, st, "%s", b)
		st, b = s.Do("POST", "/api/v1/downtimes", map[string]any{"title": "short", "items": []string{"web"}, "ends_at": time.Now().Add(time.Hour), "flexible": "5s"})
		require.Equal(t, http.StatusUnprocessableEntity, st, "%s", b)
		ws := windows(s, "")
		require.Len(t, ws, 1)
		require.True(t, ws[0].Waiting)
		require.False(t, ws[0].Active)
		// The span is open once the planner has looked; nothing shows that from outside,
		// so results of a check of its own are sent until it counts.
		testkit.Eventually(t, 20*time.Second, "the failure begins it", func() bool {
			s.Apply("checks: [{name: probe, item: web, attempts: 2, no_flapping: true, passive: {}}]")
			send(t, s, "probe", "ok")
			send(t, s, "probe", "critical")
			return get(s, "probe").InDowntime
		})
		require.True(t, get(s, "port").InDowntime, "the window is that of the item")
		send(t, s, "port", "critical")
		send(t, s, "page", "critical")
		ws = windows(s, "")
		require.Len(t, ws, 1)
		require.True(t, ws[0].Active)
		require.False(t, ws[0].Waiting)
		require.Equal(t, 10*time.Minute, ws[0].EndsAt.Sub(ws[0].StartsAt))
		require.NotNil(t, ws[0].SpanTo)
		require.Zero(t, open(s), "nobody is told")
		st, _ = s.Do("DELETE", "/api/v1/downtimes/"+ws[0].ID, nil)
		require.Equal(t, http.StatusNoContent, st)
		testkit.Eventually(t, 10*time.Second, "it ends", func() bool { return !get(s, "port").InDowntime })
	})
}

// The hard failure itself, with one attempt, is the one that begins the window: it
// must not be told.
func TestFlexibleCoversItsOwnFailure(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	s.Apply("items: [{name: web, kind: application}]\nchecks: [{name: port, item: web, attempts: 1, passive: {}}]\n" +
		"maintenance: [{name: nightly, items: [web], starts: \"2026-01-01T00:00:00\", repeat: FREQ=DAILY, lasts: 24h, flexible: 30m}]")
	send(t, s, "port", "ok")
	testkit.Eventually(t, 20*time.Second, "the span is open", func() bool {
		ws := windows(s, "")
		return len(ws) == 1 && ws[0].Waiting && ws[0].Plan == "nightly"
	})
	// The planner has made the window; with its next look the engine knows it.
	seen := time.Now()
	testkit.Eventually(t, 10*time.Second, "one more look", func() bool { return time.Since(seen) > 2500*time.Millisecond })
	send(t, s, "port", "critical")
	v := get(s, "port")
	require.True(t, v.InDowntime)
	require.True(t, v.Hard)
	require.Zero(t, open(s))
}

func TestPlans(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, s *apptest.Server) {
		const yaml = "items: [{name: web, kind: application}]\nchecks: [{name: port, item: web, attempts: 1, passive: {}}]\n" +
			"maintenance:\n  - {name: patch day, items: [web], dependents: true, starts: \"2026-01-01T22:00:00\", time_zone: Europe/Berlin, repeat: FREQ=MONTHLY;BYDAY=2TU, lasts: 2h}\n" +
			"  - {name: always, checks: [port], starts: \"2026-01-01T00:00:00\", repeat: FREQ=DAILY, lasts: 24h}\n"
		s.Apply(yaml)
		st, b := s.Do("POST", "/api/v1/apply", yaml)
		require.Equal(t, http.StatusOK, st)
		require.NotContains(t, string(b), `"updated"`, "applying twice changes nothing")
		_, b = s.Do("GET", "/api/v1/export", nil)
		require.Contains(t, string(b), "repeat: FREQ=MONTHLY;BYDAY=2TU")
		var list struct {
			Items []struct {
				Name, Repeat, Lasts string
				Items               []string
				Next                *time.Time
			}
		}
		s.Get("/api/v1/maintenance-plans", &list)
		require.Len(t, list.Items, 2)
		require.Equal(t, "patch day", list.Items[1].Name)
		require.Equal(t, []string{"web"}, list.Items[1].Items)
		berlin, err := time.LoadLocation("Europe/Berlin")
		require.NoError(t, err)
		next := list.Items[1].Next.In(berlin)
		require.Equal(t, time.Tuesday, next.Weekday())
		require.Equal(t, "22:00", next.Format("15:04"))
		require.True(t, next.Day() >= 8 && next.Day() <= 14)

		testkit.Eventually(t, 20*time.Second, "in maintenance", func() bool { return get(s, "port").InDowntime })
		send(t, s, "port", "critical")
		require.Zero(t, open(s))
		ws := windows(s, "")
		require.Len(t, ws, 1)
		require.Equal(t, []string{"port"}, ws[0].Checks)

		// Changed while it runs: one window ends, the next begins, nobody is told between.
		st, b = s.Do("PUT", "/api/v1/maintenance-plans/always", map[string]any{"checks": []string{"port"}, "starts": "2026-01-01T00:00:00", "repeat": "FREQ=DAILY", "lasts": "23h59m"})
		require.Equal(t, http.StatusOK, st, "%s", b)
		testkit.Eventually(t, 20*time.Second, "a window of the changed plan", func() bool {
			now := windows(s, "")
			return len(now) == 1 && now[0].ID != ws[0].ID && now[0].Active && get(s, "port").InDowntime
		})
		require.Zero(t, open(s))
		st, _ = s.Do("DELETE", "/api/v1/maintenance-plans/always", nil)
		require.Equal(t, http.StatusNoContent, st)
		testkit.Eventually(t, 20*time.Second, "out of maintenance", func() bool { return !get(s, "port").InDowntime })
		require.Len(t, windows(s, "?past=true"), 2, "what was stays known")

		viewer := s.TokenFor("viewer")
		st, _ = s.Do("PUT", "/api/v1/maintenance-plans/mine", map[string]any{"checks": []string{"port"}, "starts": "2026-01-01T00:00:00", "lasts": "1h"}, viewer)
		require.Equal(t, http.StatusForbidden, st)
	})
}

func TestBadPlans(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	s.Apply("items: [{name: web, kind: application}]")
	for want, body := range map[string]map[string]any{
		"is not a rule":              {"items": []string{"web"}, "starts": "2026-01-01T00:00:00", "lasts": "1h", "repeat": "FREQ=HOURLY"},
		"must be a local time":       {"items": []string{"web"}, "starts": "tomorrow", "lasts": "1h"},
		"must be an IANA zone":       {"items": []string{"web"}, "starts": "2026-01-01T00:00:00", "lasts": "1h", "time_zone": "CEST-1"},
		"must be from 1m to a year":  {"items": []string{"web"}, "starts": "2026-01-01T00:00:00", "lasts": "1s"},
		"must name 1 to 500 items":   {"starts": "2026-01-01T00:00:00", "lasts": "1h"},
		"is not the name of an item": {"items": []string{"wob"}, "starts": "2026-01-01T00:00:00", "lasts": "1h"},
		"is not the name of a check": {"checks": []string{"wob"}, "starts": "2026-01-01T00:00:00", "lasts": "1h"},
	} {
		st, b := s.Do("PUT", "/api/v1/maintenance-plans/p", body)
		require.Equal(t, http.StatusUnprocessableEntity, st, "%s", b)
		require.Contains(t, string(b), want)
		require.True(t, json.Valid(b))
	}
}
