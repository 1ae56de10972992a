package agent_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/testkit/apptest"
)

// Rules reach the agents they are for, once, and again when they change.
func TestOrders(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *apptest.Server) {
		h := enroll(t, s, "web1", "m1", map[string]any{"labels": map[string]string{"role": "web"}})
		put := func(name string, body map[string]any) (int, []byte) {
			return s.Do("PUT", "/api/v1/agent-logs/"+url.PathEscape(name), body)
		}
		for name, c := range map[string]struct {
			body map[string]any
			says string
		}{
			"empty":    {map[string]any{}, "the rule reads nothing"},
			"relative": {map[string]any{"files": []map[string]any{{"path": "log/x"}}}, "absolute path"},
			"up":       {map[string]any{"files": []map[string]any{{"path": "/var/log/../x"}}}, "without .."},
			"option":   {map[string]any{"journal": true, "units": []string{"--file=/x"}}, "name of a unit"},
			"begins":   {map[string]any{"files": []map[string]any{{"path": "/x", "begins": "("}}}, "is not an expression"},
			"Big":      {map[string]any{"journal": true}, "small letters"},
		} {
			st, b := put(name, c.body)
			require.Equal(t, 422, st, "%s: %s", name, b)
			require.Contains(t, string(b), c.says, name)
		}
		for name, body := range map[string]map[string]any{
			"all":    {"files": []map[string]any{{"path": "/var/log/a.log"}}, "lines_per_second": 10},
			"web":    {"labels": map[string]string{"role": "web"}, "journal": true, "units": []string{"nginx.service"}, "lines_per_second": 20},
			"other":  {"agents": []string{"db1"}, "files": []map[string]any{{"path": "/var/log/b.log"}}},
			"is off": {"journal": true, "enabled": false},
		} {
			st, b := put(name, body)
			require.Equal(t, 200, st, "%s", b)
		}
		say := agentwire.State{Platform: "linux-amd64", Program: "abc"}
		a := h.send(agentwire.Batch{Seq: 1, State: say})
		require.NotNil(t, a.Config)
		require.Equal(t, agentwire.Logs{Journal: true, Units: []string{"nginx.service"}, Files: []agentwire.LogFile{{Path: "/var/log/a.log"}}, LinesPerSecond: 20, MaxLineBytes: 32768}, a.Config.Logs)
		say.Config = a.Config.Revision
		require.Nil(t, h.send(agentwire.Batch{Seq: 2, State: say}).Config, "it has the newest")
		st, _ := s.Do("DELETE", "/api/v1/agent-logs/all", nil)
		require.Equal(t, 204, st)
		a = h.send(agentwire.Batch{Seq: 3, State: say})
		require.NotNil(t, a.Config)
		require.Empty(t, a.Config.Logs.Files)
		// A line cannot say that it is of another item.
		now := time.Now()
		h.send(agentwire.Batch{Seq: 4, State: say, Streams: []map[string]string{{"item": "bank", "unit": "x.service"}}, Lines: []agentwire.Line{{At: now.UnixNano(), Message: "forged line", Level: "warning", Fields: map[string]string{"item": "bank"}}}})
		st, b := s.Do("GET", "/api/v1/logs/query?query="+url.QueryEscape(`"forged line"`), nil)
		require.Equal(t, 200, st)
		require.Contains(t, string(b), `"item":"web1"`)
		require.NotContains(t, string(b), "bank")
		// A platform of which the server has no program.
		say.Platform, say.Updates = "plan9-amd64", true
		h.send(agentwire.Batch{Seq: 5, State: say})
		st, b = s.Do("POST", "/api/v1/agent-updates", map[string]any{})
		require.Equal(t, 200, st)
		require.Contains(t, string(b), "has no program for plan9-amd64")
		st, _ = s.Do("POST", "/api/v1/agent-updates", map[string]any{"agents": []string{"nobody"}})
		require.Equal(t, 422, st)
	})
}
