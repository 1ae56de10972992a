package discovery_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/estate/discovery"
	"github.com/mainstay-ops/mainstay/internal/testkit"
	"github.com/mainstay-ops/mainstay/internal/testkit/apptest"
)

// both runs a test against a server on SQLite and on PostgreSQL.
func both(t *testing.T, f func(t *testing.T, s *apptest.Server)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); f(t, apptest.Start(t)) })
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		f(t, apptest.Start(t, func(c *config.Config) { c.Database.URL = testkit.PostgresURL(t) }))
	})
}

func do[T any](t *testing.T, s *apptest.Server, want int, method, path string, body any) T {
	t.Helper()
	st, b := s.Do(method, path, body)
	require.Equal(t, want, st, "%s %s: %s", method, path, b)
	var out T
	if len(b) > 0 {
		require.NoError(t, json.Unmarshal(b, &out), "%s", b)
	}
	return out
}

type findings struct {
	Items []discovery.Finding
	Next  string
}

func ended(t *testing.T, s *apptest.Server, job string) discovery.Run {
	t.Helper()
	var v discovery.JobView
	testkit.Eventually(t, 30*time.Second, job+" has ended", func() bool {
		s.Get("/api/v1/discovery-jobs/"+job, &v)
		return v.Run != nil && v.Run.EndedAt != nil
	})
	return *v.Run
}

func again(t *testing.T, s *apptest.Server, job string) discovery.Run {
	t.Helper()
	do[discovery.JobView](t, s, 200, "POST", "/api/v1/discovery-jobs/"+job+"/run", map[string]any{}) // its run is the newest from here on
	return ended(t, s, job)
}

func TestJobFindsAcceptsAndSeesDrift(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, s *apptest.Server) {
		v := do[discovery.JobView](t, s, 201, "POST", "/api/v1/discovery-jobs", map[string]any{
			"name": "lab", "targets": []string{"127.50.0.1-20, 127.50.0.30"}, "exclude": []string{"127.50.0.2"}, "methods": []string{"ping"}, "rate": 500, "vanished_after": 1,
		})
		require.Equal(t, 20, v.Addresses)
		r := ended(t, s, "lab")
		require.Equal(t, "done", r.State, r.Message)
		require.Equal(t, 20, r.Done)
		require.Equal(t, 20, r.New)
		require.Equal(t, 20, r.Found)
		require.GreaterOrEqual(t, r.Sent, int64(20))
		// An address that only answers is a finding, and no item until somebody says so.
		fs := do[findings](t, s, 200, "GET", "/api/v1/discovery-jobs/lab/findings?q=127.50.0.30", nil)
		require.Len(t, fs.Items, 1)
		require.Equal(t, "icmp", fs.Items[0].SeenBy)
		require.Empty(t, fs.Items[0].Item)
		st, b := s.Do("POST", "/api/v1/discovery-runs/"+r.ID+"/accept", map[string]any{"addresses": []string{"127.50.0.30", "10.9.9.9"}})
		require.Equal(t, 422, st)
		require.Contains(t, string(b), "addresses[1]")
		acc := do[findings](t, s, 200, "POST", "/api/v1/discovery-runs/"+r.ID+"/accept", map[string]any{"addresses": []string{"127.50.0.30"}})
		require.Equal(t, "127.50.0.30", acc.Items[0].Item)
		sug := do[struct {
			Items []struct{ Name, Type, State string }
		}](t, s, 200, "GET", "/api/v1/discovery/suggestions?item=127.50.0.30", nil)
		require.Len(t, sug.Items, 1)
		require.Equal(t, "icmp", sug.Items[0].Type)

		r = again(t, s, "lab")
		require.Equal(t, 20, r.Unchanged)
		require.Zero(t, r.New+r.Changed+r.Vanished)

		// 240.0.0.0/4 answers to nobody: what is left out is not vanished, what is silent is.
		do[discovery.JobView](t, s, 200, "PUT", "/api/v1/discovery-jobs/lab", map[string]any{"targets": []string{"127.50.0.1-20"}, "methods": []string{"ping"}, "rate": 500, "vanished_after": 1})
		r = again(t, s, "lab")
		require.Equal(t, 20, r.Unchanged+r.New)
		require.Equal(t, 1, r.New, "127.50.0.2 is no longer excluded")
		require.Zero(t, r.Vanished)
		drift := do[findings](t, s, 200, "GET", "/api/v1/discovery-jobs/lab/drift?limit=5", nil)
		require.Len(t, drift.Items, 5)
		require.Equal(t, "127.50.0.2", drift.Items[0].Address, "the newest first")
		more := do[findings](t, s, 200, "GET", "/api/v1/discovery-jobs/lab/drift?limit=500&cursor="+drift.Next, nil)
		require.Len(t, more.Items, 16)
		do[any](t, s, 204, "DELETE", "/api/v1/discovery-jobs/lab", nil)
		st, _ = s.Do("GET", "/api/v1/discovery-runs/"+r.ID, nil)
		require.Equal(t, 404, st)
	})
}

func TestPauseResumeCancel(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, s *apptest.Server) {
		do[discovery.JobView](t, s, 201, "POST", "/api/v1/discovery-jobs", map[string]any{"name": "slow", "targets": []string{"127.51.0.0/22"}, "methods": []string{"ping"}, "rate": 400})
		var v discovery.JobView
		get := func() discovery.JobView { s.Get("/api/v1/discovery-jobs/slow", &v); return v }
		testkit.Eventually(t, 20*time.Second, "it is under way", func() bool { return get().Run.Done > 50 && v.Run.ETA > 0 })
		st, b := s.Do("POST", "/api/v1/discovery-jobs/slow/run", map[string]any{})
		require.Equal(t, 409, st, "%s", b)
		st, b = s.Do("DELETE", "/api/v1/discovery-jobs/slow", nil)
		require.Equal(t, 409, st, "%s", b)
		do[discovery.JobView](t, s, 200, "POST", "/api/v1/discovery-jobs/slow/pause", map[string]any{})
		testkit.Eventually(t, 10*time.Second, "it is paused", func() bool { return get().State == "paused" })
		at := v.Run.Done
		require.Less(t, at, 1022)
		require.Contains(t, v.Run.Message, "Paused by")
		do[discovery.JobView](t, s, 200, "POST", "/api/v1/discovery-jobs/slow/resume", map[string]any{})
		testkit.Eventually(t, 10*time.Second, "it goes on", func() bool { return get().State == "running" && v.Run.Done >= at })
		require.Contains(t, v.Run.Message, "Went on after an interruption")
		require.Equal(t, 1, v.Run.Resumed)
		r := ended(t, s, "slow")
		require.Equal(t, "done", r.State)
		require.Equal(t, 1022, r.New, "each address once, although it was interrupted")
		require.Equal(t, 1022, r.Done)

		do[discovery.JobView](t, s, 200, "POST", "/api/v1/discovery-jobs/slow/run", map[string]any{})
		testkit.Eventually(t, 10*time.Second, "it is under way", func() bool { return get().Run.Done > 5 })
		do[discovery.JobView](t, s, 200, "POST", "/api/v1/discovery-jobs/slow/cancel", map[string]any{})
		r = ended(t, s, "slow")
		require.Equal(t, "canceled", r.State)
		require.Zero(t, r.Vanished, "what was not asked has not vanished")
	})
}

func TestJobMistakesAreAllTold(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	st, b := s.Do("POST", "/api/v1/discovery-jobs", map[string]any{
		"targets": []string{"10.0.0.0/24", "10.0.0.5/24", "10.0.0.300"}, "credentials": []string{"nope"}, "ports": []int{0},
		"schedule": map[string]any{"every": "1s", "zone": "Mars/Base", "quiet": []any{map[string]any{"from": "08:00", "to": "08:00"}}},
	})
	require.Equal(t, http.StatusUnprocessableEntity, st)
	for _, p := range []string{"targets[1]", "targets[2]", "credentials[0]", "ports[0]", "schedule.every", "schedule.zone", "schedule.quiet[0].to"} {
		require.Contains(t, string(b), p)
	}
	st, b = s.Do("POST", "/api/v1/discovery-jobs/preview", map[string]any{"targets": []string{"10.0.0.0/24"}, "methods": []string{"ping"}, "rate": 100})
	require.Equal(t, 200, st, "%s", b)
	var e discovery.Estimate
	require.NoError(t, json.Unmarshal(b, &e))
	require.Equal(t, 254, e.Addresses)
	require.Equal(t, 508, e.Packets)
	require.Equal(t, 6*time.Second, e.Least.D())
	viewer := s.TokenFor("viewer")
	st, _ = s.Do("POST", "/api/v1/discovery-jobs", map[string]any{"targets": []string{"127.0.0.1"}}, viewer)
	require.Equal(t, 403, st)
	st, _ = s.Do("GET", "/api/v1/credentials", nil, viewer)
	require.Equal(t, 403, st)
}

func TestCredentialsNeverComeOut(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, s *apptest.Server) {
		s.Apply(`
credentials:
  - {name: v2, version: 2c, community: hunter2-community}
  - {name: v3, version: "3", user: ops, auth_protocol: SHA256, auth_password: hunter2-auth, priv_protocol: AES, priv_password: hunter2-priv}
discovery_jobs:
  - {name: office, targets: [10.0.0.0/24], credentials: [v3, v2], schedule: {every: 24h, at: "03:00", zone: Europe/Zurich}}
`)
		_, list := s.Do("GET", "/api/v1/credentials", nil)
		_, one := s.Do("GET", "/api/v1/credentials/v3", nil)
		_, export := s.Do("GET", "/api/v1/export", nil)
		_, log := s.Do("GET", "/api/v1/audit", nil)
		for _, b := range [][]byte{list, one, export, log} {
			require.NotContains(t, string(b), "hunter2")
		}
		require.Contains(t, string(list), `"user":"ops"`)
		require.Contains(t, string(export), "discovery_jobs")
		// What was exported can be applied: the secrets stay, nothing changes.
		st, b := s.Do("POST", "/api/v1/apply", string(export))
		require.Equal(t, 200, st, "%s", b)
		require.NotContains(t, string(b), `"updated"`)
		// A password may be left empty; a wrong one is told at its field.
		do[discovery.CredentialView](t, s, 200, "PUT", "/api/v1/credentials/v3", map[string]any{"version": "3", "user": "ops2", "auth_protocol": "SHA256", "priv_protocol": "AES"})
		st, b = s.Do("PUT", "/api/v1/credentials/v4", map[string]any{"version": "3", "user": "ops2", "auth_protocol": "SHA9", "auth_password": "short"})
		require.Equal(t, 422, st)
		require.Contains(t, string(b), "auth_protocol")
		require.Contains(t, string(b), "auth_password")
		require.NotContains(t, string(b), "short\"")
		st, b = s.Do("DELETE", "/api/v1/credentials/v2", nil)
		require.Equal(t, 409, st)
		require.Contains(t, string(b), "office")
		var v discovery.JobView
		s.Get("/api/v1/discovery-jobs/office", &v)
		require.NotNil(t, v.NextAt)
		loc, err := time.LoadLocation("Europe/Zurich")
		require.NoError(t, err)
		require.Equal(t, "03:00", v.NextAt.In(loc).Format("15:04"))
		require.Nil(t, v.Run, "a file starts nothing")
		require.False(t, strings.Contains(v.State, "running"))
	})
}
