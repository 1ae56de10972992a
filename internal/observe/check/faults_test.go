package check_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/testkit"
	"github.com/mainstay-ops/mainstay/internal/testkit/apptest"
)

// An output that PostgreSQL cannot store must not stop the writer for all checks.
func TestOutputWithNUL(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, s *apptest.Server) {
		s.Apply("checks:\n  - {name: odd, attempts: 1, passive: {}}\n  - {name: plain, attempts: 1, passive: {}}")
		st, b := s.Do("POST", "/api/v1/checks/odd/result", map[string]any{"state": "critical", "output": "a\x00b"})
		require.Equal(t, 202, st, "%s", b)
		send(t, s, "plain", "critical")
		testkit.Eventually(t, 10*time.Second, "both are told", func() bool { return open(s) == 2 })
	})
}

// A problem ends with its check, in the incident and in the figures.
func TestDeleteWhileFailing(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, s *apptest.Server) {
		s.Apply("checks: [{name: job, attempts: 1, passive: {}}]")
		for range 5 {
			send(t, s, "job", "critical")
			st, _ := s.Do("DELETE", "/api/v1/checks/job", nil)
			require.Equal(t, 204, st)
			s.Apply("checks: [{name: job, attempts: 1, passive: {}}]")
			require.Equal(t, "pending", get(s, "job").State, "a new check of that name knows nothing of the old one")
		}
		st, _ := s.Do("POST", "/api/v1/checks/job/result", map[string]any{"state": "critical", "output": "the last one"})
		require.Equal(t, 202, st)
		firing, last := 0, false
		// Facts are handled in order: when the last one is there, so are the others.
		testkit.Eventually(t, 10*time.Second, "the last problem is told", func() bool {
			var out struct {
				Items []struct{ Status, Output string }
			}
			s.Get("/api/v1/alerts", &out)
			firing, last = 0, false
			for _, a := range out.Items {
				if a.Status == "firing" {
					firing++
				}
				last = last || a.Output == "the last one"
			}
			return last
		})
		require.Equal(t, 1, firing, "problems of removed checks are over")
		require.Equal(t, "critical", get(s, "job").State)
	})
}

func TestCircleInsideOneFile(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	s.Apply("checks:\n  - {name: a, passive: {}}\n  - {name: b, passive: {}}\n  - {name: c, passive: {}}")
	st, b := s.Do("POST", "/api/v1/apply", "checks:\n  - {name: a, parents: [b], passive: {}}\n  - {name: b, any_parent: [c], passive: {}}\n  - {name: c, parents: [a], passive: {}}")
	require.Equal(t, 422, st, "%s", b)
	require.Contains(t, string(b), "c → a → b → c")
}

// The child of a parent that is deleted while it is down can be judged again.
func TestDeletedParentFreesItsChild(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	s.Apply("checks:\n  - {name: router, attempts: 1, passive: {}}\n  - {name: server, attempts: 1, parents: [router], passive: {}}")
	send(t, s, "router", "ok")
	send(t, s, "server", "ok")
	send(t, s, "router", "critical")
	testkit.Eventually(t, 5*time.Second, "unreachable", func() bool { return get(s, "server").State == "unreachable" })
	st, _ := s.Do("DELETE", "/api/v1/checks/router", nil)
	require.Equal(t, 204, st)
	testkit.Eventually(t, 5*time.Second, "reachable", func() bool { return get(s, "server").State == "ok" })
}

// A limit that is set later holds, although no result comes any more.
func TestFreshnessSetLater(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	s.Apply("checks: [{name: backup, passive: {}}]")
	send(t, s, "backup", "ok")
	s.Apply("checks: [{name: backup, freshness: 1s, passive: {}}]")
	testkit.Eventually(t, 10*time.Second, "missed", func() bool { v := get(s, "backup"); return v.State == "unknown" && v.Hard })
	require.Contains(t, get(s, "backup").LastResult.Output, "No result for 1s")
}

// The time in which a check could not be judged counts as such, not as up or down.
func TestUnreachableTimeIsReported(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, s *apptest.Server) {
		s.Apply("items: [{name: web, kind: application}]\nchecks:\n  - {name: router, attempts: 1, passive: {}}\n  - {name: server, item: web, attempts: 1, parents: [router], passive: {}}")
		send(t, s, "router", "ok")
		send(t, s, "server", "ok")
		send(t, s, "router", "critical")
		seconds := func() float64 {
			var r struct {
				Buckets struct {
					Unreachable float64 `json:"unreachable_seconds"`
				}
			}
			s.Get("/api/v1/reports/availability?item=web", &r)
			return r.Buckets.Unreachable
		}
		testkit.Eventually(t, 10*time.Second, "counted", func() bool { return seconds() > 0 })
		send(t, s, "router", "ok")
		testkit.Eventually(t, 10*time.Second, "reachable", func() bool { return get(s, "server").State == "ok" })
		var was float64
		testkit.Eventually(t, 10*time.Second, "ended", func() bool { now := seconds(); same := now == was; was = now; return same && now > 0 })
	})
}
