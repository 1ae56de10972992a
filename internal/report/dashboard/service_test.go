package dashboard_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/testkit"
	"github.com/mainstay-ops/mainstay/internal/testkit/apptest"
)

func both(t *testing.T, f func(t *testing.T, s *apptest.Server)) {
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); f(t, apptest.Start(t)) })
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		url := testkit.PostgresURL(t)
		f(t, apptest.Start(t, func(c *config.Config) { c.Database.URL = url }))
	})
}

func panel(id, kind, expr string) map[string]any {
	p := map[string]any{"id": id, "kind": kind, "x": 0, "y": 0, "w": 12, "h": 6}
	if expr != "" {
		p["queries"] = []map[string]any{{"expr": expr, "legend": "{{check}}"}}
	}
	return p
}

// A dashboard is made, changed, answered, shared by a link and ended, with real checks
// behind it.
func TestDashboards(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, s *apptest.Server) {
		do := func(want int, method, path string, body any, as ...string) []byte {
			t.Helper()
			st, b := s.Do(method, path, body, as...)
			require.Equal(t, want, st, "%s %s: %s", method, path, b)
			return b
		}
		do(200, "POST", "/api/v1/apply", "items: [{name: shop, kind: service}]\nchecks: [{name: port, item: shop, attempts: 1, passive: {}}]")
		do(202, "POST", "/api/v1/checks/port/result", map[string]any{"state": "critical", "output": "it is down"})
		spec := map[string]any{"name": "web", "title": "Web", "variables": []map[string]any{{"name": "check", "kind": "query", "query": "label_values(check_status, check)"}}, "panels": []any{panel("a", "series", `check_status{check="$check"}`), panel("b", "items", "")}}
		do(201, "POST", "/api/v1/dashboards", spec)
		do(409, "POST", "/api/v1/dashboards", spec)
		spec["panels"] = []any{panel("a", "pie", "up")}
		require.Contains(t, string(do(422, "PUT", "/api/v1/dashboards/web", spec)), "panels[0].kind")
		spec["panels"] = []any{panel("a", "series", `check_status{check="$check"}`), panel("b", "items", ""), panel("c", "series", "sum(")}
		do(200, "PUT", "/api/v1/dashboards/web", spec)
		var list struct{ Items []struct{ Name string } }
		require.NoError(t, json.Unmarshal(do(200, "GET", "/api/v1/dashboards?q=web", nil), &list))
		require.Len(t, list.Items, 1)
		spec["name"] = "host"
		require.Contains(t, string(do(422, "POST", "/api/v1/dashboards", spec)), "comes with Mainstay")
		require.Contains(t, string(do(409, "DELETE", "/api/v1/dashboards/host", nil)), "comes with Mainstay")

		// The store writes in batches, so the first answers may be empty.
		ask := map[string]any{"from": time.Now().Add(-time.Hour), "to": time.Now().Add(time.Minute), "points": 100, "values": map[string][]string{"check": {"port"}}}
		var data struct {
			Lines []struct {
				Name   string
				Values []*float64
			}
			Items []struct{ Name, State string }
		}
		var link struct{ ID, Token string }
		require.NoError(t, json.Unmarshal(do(201, "POST", "/api/v1/dashboards/web/shares", map[string]any{"note": "wall"}), &link))
		open := "/api/v1/shared-dashboards/" + link.Token
		testkit.Eventually(t, 30*time.Second, "the state is in the answer", func() bool {
			ask["to"] = time.Now().Add(time.Minute)
			st, b := s.Do("POST", open+"/panels/a", ask, "-")
			require.Equal(t, 200, st, "%s", b)
			require.NoError(t, json.Unmarshal(b, &data))
			return len(data.Lines) == 1
		})
		require.Equal(t, "port", data.Lines[0].Name)
		require.NoError(t, json.Unmarshal(do(200, "POST", open+"/panels/b", ask, "-"), &data))
		require.Contains(t, data.Items, struct{ Name, State string }{"shop", "critical"})
		require.Contains(t, string(do(200, "POST", open+"/options", ask, "-")), `"port"`)
		require.Contains(t, string(do(422, "POST", open+"/panels/c", ask, "-")), "parse error")

		// A link asks only what the dashboard asks.
		ask["values"] = map[string][]string{"check": {`port"} or up{x="`}}
		var none struct{ Lines []any }
		require.NoError(t, json.Unmarshal(do(200, "POST", open+"/panels/a", ask, "-"), &none))
		require.Empty(t, none.Lines)
		do(404, "POST", open+"/panels/z", ask, "-")
		do(401, "POST", "/api/v1/dashboard-query", map[string]any{"panel": panel("a", "series", "up"), "from": ask["from"], "to": ask["to"]}, "-")
		do(200, "POST", "/api/v1/dashboard-query", map[string]any{"panel": panel("a", "series", "up"), "from": ask["from"], "to": ask["to"]})
		require.Contains(t, string(do(422, "POST", "/api/v1/dashboard-query", map[string]any{"panel": panel("a", "series", "up"), "from": ask["to"], "to": ask["from"]})), "after from")

		do(204, "DELETE", "/api/v1/dashboards/web/shares/"+link.ID, nil)
		do(403, "GET", open, nil, "-")
		do(403, "POST", open+"/panels/a", map[string]any{}, "-")
		out := string(do(200, "GET", "/api/v1/export", nil))
		require.Contains(t, out, "dashboards:")
		require.NotContains(t, string(do(200, "POST", "/api/v1/apply", out[strings.Index(out, "dashboards:"):])), "created")
		do(204, "DELETE", "/api/v1/dashboards/web", nil)
		do(404, "GET", "/api/v1/dashboards/web", nil)
	})
}
