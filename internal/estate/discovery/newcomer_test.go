package discovery_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/testkit"
	"github.com/mainstay-ops/mainstay/internal/testkit/apptest"
)

// A server that was told nothing finds the machine, a service with its certificate,
// and a check that one click makes.
func TestNewcomer(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*testing.T, *config.Config){
		"sqlite":   func(*testing.T, *config.Config) {},
		"postgres": func(t *testing.T, c *config.Config) { t.Helper(); c.Database.URL = testkit.PostgresURL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			web := httptest.NewTLSServer(http.NotFoundHandler())
			t.Cleanup(web.Close)
			port := web.URL[strings.LastIndexByte(web.URL, ':'):]
			s := apptest.Start(t, func(c *config.Config) { change(t, c); c.Discovery.Host = true })
			var certs struct {
				Items []struct {
					Item     string
					NotAfter time.Time `json:"not_after"`
				}
			}
			mine := ""
			testkit.Eventually(t, 15*time.Second, "the certificate", func() bool {
				s.Get("/api/v1/discovery/certificates", &certs)
				for _, c := range certs.Items {
					if strings.HasSuffix(c.Item, port) {
						require.Equal(t, web.Certificate().NotAfter.UTC(), c.NotAfter)
						mine = c.Item
					}
				}
				return mine != ""
			})
			var list struct {
				Items []struct{ ID, Name, Item, Type string }
			}
			s.Get("/api/v1/discovery/suggestions?item="+mine, &list)
			require.Len(t, list.Items, 2, "the service and its certificate")
			for _, g := range list.Items {
				for range 2 { // accepting twice does no harm
					st, b := s.Do("POST", "/api/v1/discovery/suggestions/"+g.ID+"/accept", map[string]any{})
					require.Equal(t, 200, st, "%s", b)
				}
				testkit.Eventually(t, 10*time.Second, g.Name+" is ok", func() bool {
					var v struct{ State string }
					s.Get("/api/v1/checks/"+strings.ReplaceAll(g.Name, " ", "%20"), &v)
					return v.State == "ok"
				})
			}
			st, _ := s.Do("GET", "/api/v1/discovery/certificates?cursor=nonsense", nil)
			require.Equal(t, 422, st)
			s.Get("/api/v1/discovery/certificates?limit=1&cursor=0000000000000001.x", &certs)
			require.Len(t, certs.Items, 1)
		})
	}
}
