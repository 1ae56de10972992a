package app_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/testkit"
	"github.com/mainstay-ops/mainstay/internal/testkit/apptest"
)

// When two items turn out to be one, what points at the one that goes follows: its
// check, alert and incident.
func TestWhatPointsAtAMergedItemFollows(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			var url string
			if kind == "postgres" {
				url = testkit.PostgresURL(t)
			}
			s := apptest.Start(t, func(c *config.Config) { c.Database.URL = url })
			s.Apply("items: [{name: web-1, kind: host}, {name: web-1.example.org, kind: host}, {name: shop, kind: service, depends_on: [web-1.example.org]}]\nchecks: [{name: c, item: web-1.example.org, attempts: 1, passive: {}}]")
			st, b := s.Do("POST", "/api/v1/checks/c/result", map[string]any{"state": "critical", "output": "away"})
			require.Equal(t, 202, st, "%s", b)
			items := func() []string {
				var out struct{ Items []struct{ Items []string } }
				s.Get("/api/v1/incidents", &out)
				if len(out.Items) != 1 {
					return nil
				}
				return out.Items[0].Items
			}
			testkit.Eventually(t, 10*time.Second, "an incident", func() bool { return len(items()) > 0 })
			require.Contains(t, items(), "web-1.example.org")
			st, b = s.Do("POST", "/api/v1/items/web-1/merge", map[string]any{"other": "web-1.example.org"})
			require.Equal(t, 204, st, "%s", b)
			testkit.Eventually(t, 10*time.Second, "the check follows", func() bool {
				var v struct{ Item string }
				s.Get("/api/v1/checks/c", &v)
				return v.Item == "web-1"
			})
			testkit.Eventually(t, 10*time.Second, "the incident follows", func() bool {
				got := items()
				return len(got) > 0 && got[0] == "web-1"
			})
			var alerts struct{ Items []struct{ Item string } }
			testkit.Eventually(t, 10*time.Second, "the alert follows", func() bool {
				s.Get("/api/v1/alerts", &alerts)
				return len(alerts.Items) == 1 && alerts.Items[0].Item == "web-1"
			})
			var imp struct{ Items []struct{ Name string } }
			s.Get("/api/v1/items/web-1/impact", &imp)
			require.Len(t, imp.Items, 1)
			require.Equal(t, "shop", imp.Items[0].Name)
			// A later result finds the incident by the item that is left.
			st, b = s.Do("POST", "/api/v1/checks/c/result", map[string]any{"state": "ok", "output": "back"})
			require.Equal(t, 202, st, "%s", b)
			testkit.Eventually(t, 10*time.Second, "the alert ends", func() bool {
				var a struct{ Items []struct{ Status string } }
				s.Get("/api/v1/alerts", &a)
				return len(a.Items) == 1 && a.Items[0].Status == "resolved"
			})
		})
	}
}
