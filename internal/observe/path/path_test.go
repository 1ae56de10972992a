package path_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/app"
	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/testkit"
	"github.com/mainstay-ops/mainstay/internal/testkit/apptest"
)

type figures struct {
	Sent, Lost int64
	Loss       float64
	Mean       *float64 `json:"mean_ms"`
}

type report struct {
	Address, Problem string
	Rounds           int64
	Distance         int
	End              figures
	MOS              float64
	Hops             []struct {
		TTL       int
		Target    bool
		Addresses []struct{ Address, Item string }
		figures
	}
	Comments []struct{ ID, Text, Author string }
	Findings []string
}

type summary struct {
	Name, State, Problem string
	Judged               bool
	End                  figures
}

func each(t *testing.T, f func(t *testing.T, s *apptest.Server)) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("raw sockets need root")
	}
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); f(t, apptest.Start(t)) })
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		dsn := testkit.PostgresURL(t)
		f(t, apptest.Start(t, func(c *config.Config) { c.Database.URL = dsn }))
	})
}

func until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 20 s", what)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func get(s *apptest.Server, name string) (r report) {
	s.Get("/api/v1/paths/"+url.PathEscape(name), &r)
	return r
}

func list(s *apptest.Server) map[string]summary {
	var out struct{ Items []summary }
	s.Get("/api/v1/paths?limit=500", &out)
	by := map[string]summary{}
	for _, x := range out.Items {
		by[x.Name] = x
	}
	return by
}

const setup = `
items: [{name: here, kind: host}]
paths:
  - {name: loop, host: 127.0.0.9, every: 1s, item: here}
  - {name: six, host: "::1", proto: udp, every: 1s}
  - {name: web, host: 127.0.0.1, proto: tcp, port: 9, every: 1s}
  - {name: lost, host: no-such-name.invalid, every: 1s}
checks:
  - {name: loop quality, item: here, path: {path: loop, over: 30s, loss: 5}}
  - {name: loop slow, path: {path: loop, over: 30s, latency: 1ns}}
  - {name: none such, path: {path: nowhere, loss: 5}}
`

func TestPaths(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *apptest.Server) {
		s.Apply(setup)
		until(t, "rounds of all protocols", func() bool {
			return get(s, "loop").Rounds >= 6 && get(s, "six").Rounds >= 3 && get(s, "web").Rounds >= 3
		})
		for name, addr := range map[string]string{"loop": "127.0.0.9", "six": "::1", "web": "127.0.0.1"} {
			r := get(s, name)
			require.Zero(t, r.End.Lost, name)
			require.Equal(t, 1, r.Distance, name)
			require.Equal(t, addr, r.Hops[0].Addresses[0].Address)
			require.True(t, r.Hops[0].Target)
			require.Greater(t, r.MOS, 4.0)
			require.NotNil(t, r.End.Mean)
			require.Less(t, *r.End.Mean, 50.0)
			require.NotEmpty(t, r.Findings)
		}
		// A window without a round has no figures, and says so.
		var empty report
		s.Get("/api/v1/paths/loop?from=2020-01-01T00:00:00Z&to=2020-01-01T01:00:00Z", &empty)
		require.Zero(t, empty.Rounds)
		require.Nil(t, empty.End.Mean)
		until(t, "the checks are decided", func() bool {
			l := list(s)
			return l["loop"].Judged && l["loop"].State == "critical"
		})
		require.Equal(t, "unknown", list(s)["lost"].State)
		require.Contains(t, list(s)["lost"].Problem, "no-such-name.invalid")
		var c struct {
			State      string
			LastResult *struct{ Output string } `json:"last_result"`
		}
		until(t, "the loss is well", func() bool { s.Get("/api/v1/checks/loop%20quality", &c); return c.State == "ok" })
		until(t, "a path that is missing is said", func() bool {
			s.Get("/api/v1/checks/none%20such", &c)
			return c.LastResult != nil && c.State == "unknown"
		})
		require.Contains(t, c.LastResult.Output, "There is no network path named")

		status, body := s.Do("POST", "/api/v1/paths/loop/comments", map[string]string{"text": "the line is changed"})
		require.Equal(t, 201, status, string(body))
		r := get(s, "loop")
		require.Equal(t, "the line is changed", r.Comments[0].Text)
		status, _ = s.Do("DELETE", "/api/v1/paths/loop/comments/"+r.Comments[0].ID, nil)
		require.Equal(t, 204, status)
		status, body = s.Do("GET", "/api/v1/paths/loop/report?zone=Europe/Berlin", nil)
		require.Equal(t, 200, status)
		require.True(t, bytes.HasPrefix(body, []byte("%PDF-")))
		status, _ = s.Do("GET", "/api/v1/paths/loop/report?zone=Nowhere/City", nil)
		require.Equal(t, 422, status)

		viewer := s.TokenFor("viewer")
		status, _ = s.Do("GET", "/api/v1/paths/loop", nil, viewer)
		require.Equal(t, 200, status)
		status, _ = s.Do("DELETE", "/api/v1/paths/loop", nil, viewer)
		require.Equal(t, 403, status)
		status, _ = s.Do("DELETE", "/api/v1/paths/loop", nil)
		require.Equal(t, 204, status)
		status, _ = s.Do("GET", "/api/v1/paths/loop", nil)
		require.Equal(t, 404, status)
	})
}

func TestMistakesAreNamed(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	for body, want := range map[string]string{
		`{"name":"x","host":"two words"}`:              "host",
		`{"name":"x","host":"224.0.0.1"}`:              "host",
		`{"name":"x","host":"h","every":"100ms"}`:      "every",
		`{"name":"x","host":"192.0.2.1","family":"6"}`: "family",
		`{"name":"x","host":"h","from":"nobody"}`:      "from",
		`{"name":"x","host":"h","item":"nobody"}`:      "item",
		`{"name":"x","host":"h","from":"all"}`:         "from",
		`{"name":"x","host":"h","max_hops":65}`:        "max_hops",
	} {
		status, got := s.Do("PUT", "/api/v1/paths/x", json.RawMessage(body))
		require.Equal(t, 422, status, body)
		require.Contains(t, string(got), want, body)
	}
}

// What was measured is there after a new start, without a gap or a double.
func TestRestart(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("raw sockets need root")
	}
	dir := t.TempDir()
	cfg := config.Default()
	cfg.Listen.HTTP, cfg.Data, cfg.Discovery.Host = "127.0.0.1:0", dir, false
	start := func() *app.App {
		a, err := app.New(t.Context(), app.Options{Config: cfg, Version: "test", Logger: testkit.Logger(t), BootstrapToken: apptest.Token})
		require.NoError(t, err)
		require.NoError(t, a.Start(t.Context()))
		return a
	}
	a := start()
	s := apptest.Around(t, a)
	s.Apply("paths: [{name: loop, host: 127.0.0.9, every: 1s}]")
	until(t, "some rounds", func() bool { return get(s, "loop").Rounds >= 4 })
	before := get(s, "loop").Rounds
	a.Stop(t.Context())
	a = start()
	t.Cleanup(func() { a.Stop(context.Background()) })
	s = apptest.Around(t, a)
	after := get(s, "loop").Rounds
	require.GreaterOrEqual(t, after, before)
	require.LessOrEqual(t, after, before+3)
	require.GreaterOrEqual(t, list(s)["loop"].End.Sent, before, "the list knows the last hour")
	until(t, "it goes on", func() bool { return get(s, "loop").Rounds >= after+2 })
}
