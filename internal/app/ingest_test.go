package app_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/testkit"
	"github.com/mainstay-ops/mainstay/internal/testkit/apptest"
)

// query asks PromQL and gives the values by label.
func query(s *apptest.Server, label, q string) map[string]string {
	var out struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Value  [2]any
			}
		}
	}
	st, b := s.Do("GET", "/prometheus/api/v1/query?query="+url.QueryEscape(q), nil)
	if st != 200 || json.Unmarshal(b, &out) != nil {
		return nil
	}
	got := map[string]string{}
	for _, r := range out.Data.Result {
		got[r.Metric[label]] = fmt.Sprint(r.Value[1])
	}
	return got
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// startProgram runs a program until the test ends.
func startProgram(t *testing.T, name string, args ...string) {
	t.Helper()
	bin, err := exec.LookPath(name)
	if err != nil {
		testkit.Missing(t, name+" is not installed")
	}
	c := exec.CommandContext(t.Context(), bin, args...)
	require.NoError(t, c.Start())
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
}

// Prometheus writes what it scraped of node_exporter, and Mainstay scrapes the same
// exporter itself: both say the same, and both belong to the item.
func TestPrometheusAndScraping(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	exporter, prom, dir := freeAddress(t), freeAddress(t), t.TempDir()
	startProgram(t, "prometheus-node-exporter", "--web.listen-address="+exporter)
	st, b := s.Do("POST", "/api/v1/tokens", map[string]any{"name": "prom", "role": "responder", "scopes": []string{"observe.ingest"}})
	require.Equal(t, 201, st, "%s", b)
	var token struct{ Token string }
	require.NoError(t, json.Unmarshal(b, &token))
	s.Apply("items: [{name: shop, kind: service}, {name: rack-7, kind: host}]\nscrape_jobs:\n  - {name: own, every: 1s, targets: [\"" + exporter + "\"], item: shop}\n")
	conf := filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(conf, fmt.Appendf(nil, `
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: node
    static_configs: [{targets: [%q]}]
    relabel_configs: [{target_label: instance, replacement: "rack-7:9100"}]
remote_write: [{url: %q, authorization: {credentials: %q}, queue_config: {batch_send_deadline: 200ms}}]
`, exporter, s.URL+"/ingest/prometheus/api/v1/write", token.Token), 0o600))
	startProgram(t, "prometheus", "--config.file="+conf, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+prom, "--log.level=error")
	testkit.Eventually(t, 60*time.Second, "both arrive", func() bool {
		up := query(s, "job", "up")
		return up["own"] == "1" && up["node"] == "1"
	})
	require.Equal(t, map[string]string{"own": "shop", "node": "rack-7"}, map[string]string{
		"own": only(query(s, "item", `up{job="own"}`)), "node": only(query(s, "item", `up{job="node"}`)),
	})
	testkit.Eventually(t, 30*time.Second, "both know the machine", func() bool {
		seen := query(s, "job", "node_uname_info")
		return seen["own"] == "1" && seen["node"] == "1"
	})
	// This token can send and nothing else.
	st, _ = s.Do("GET", "/api/v1/items", nil, token.Token)
	require.Equal(t, 403, st)
	var src struct {
		Items []struct {
			Protocol, Sender string
			Samples, Dropped int64
		}
	}
	s.Get("/api/v1/ingest/sources", &src)
	for _, x := range src.Items {
		require.Positive(t, x.Samples, "%+v", x)
		require.Zero(t, x.Dropped, "%+v", x)
	}
	require.Len(t, src.Items, 2)
}

func only(m map[string]string) string {
	for k := range m {
		return k
	}
	return ""
}

func TestAllListeners(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t, func(c *config.Config) {
		c.Listen.Ports = map[string]string{}
		for _, p := range config.Ports() {
			if strings.Contains(p.Name, "tls") || p.Name == "mqtts" {
				continue // needs a certificate
			}
			c.Listen.Ports[p.Name] = "127.0.0.1:0"
		}
	})
	var o struct {
		Protocols []struct {
			Name  string
			Ports []struct{ Name, Network, Address, Problem string }
		}
	}
	s.Get("/api/v1/ingest", &o)
	at := map[string]string{}
	for _, p := range o.Protocols {
		for _, x := range p.Ports {
			if x.Network != "tls" {
				require.NotEmpty(t, x.Address, "%s %+v", p.Name, x)
			}
			at[x.Name+" "+x.Network] = x.Address
		}
	}
	c, err := net.Dial("tcp", at["graphite tcp"])
	require.NoError(t, err)
	_, err = c.Write([]byte("office.temperature;room=1 21.5\n"))
	require.NoError(t, err)
	require.NoError(t, c.Close())
	testkit.Eventually(t, 10*time.Second, "Graphite arrives", func() bool { return query(s, "room", "office_temperature")["1"] == "21.5" })

	st, b := s.Do("POST", "/ingest/otlp/v1/metrics", map[string]any{"resourceMetrics": []any{map[string]any{"scopeMetrics": []any{map[string]any{"metrics": []any{
		map[string]any{"name": "queue.depth", "gauge": map[string]any{"dataPoints": []any{map[string]any{"timeUnixNano": fmt.Sprint(time.Now().UnixNano()), "asDouble": 42.5}}}},
	}}}}}})
	require.Equal(t, 200, st, "%s", b)
	require.Equal(t, "42.5", query(s, "", `{__name__=~"queue.depth.*"}`)[""])
	require.True(t, strings.Contains(string(b), "partialSuccess"), "%s", b)
}
