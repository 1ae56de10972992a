package promapi

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/clock"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

func needs(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		testkit.Missing(t, program+" is not installed (Debian package prometheus)")
	}
	return path
}

// startPrometheus runs the real server on a directory, on loopback.
func startPrometheus(t *testing.T, data string) string {
	t.Helper()
	program := needs(t, "prometheus")
	conf := filepath.Join(t.TempDir(), "prometheus.yml")
	require.NoError(t, os.WriteFile(conf, []byte("global: {}\n"), 0o600))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	cmd := exec.Command(program, "--config.file="+conf, "--storage.tsdb.path="+data,
		"--storage.tsdb.retention.time=50y", "--web.listen-address="+address)
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()
		if t.Failed() {
			out, _ := os.ReadFile(log.Name())
			t.Logf("%s", out)
		}
		require.NoError(t, log.Close())
	})
	require.Eventually(t, func() bool {
		resp, err := http.Get("http://" + address + "/-/ready")
		if err != nil {
			return false
		}
		return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	}, 30*time.Second, 50*time.Millisecond)
	return "http://" + address + "/api/v1"
}

// TestSameAnswersAsPrometheus asks the real server, on a copy of the same files.
func TestSameAnswersAsPrometheus(t *testing.T) {
	t.Parallel()
	needs(t, "prometheus")
	dir := t.TempDir()
	require.NoError(t, fill(t, dir).Close())
	theirs := filepath.Join(t.TempDir(), "data")
	require.NoError(t, os.CopyFS(theirs, os.DirFS(dir)))
	real := startPrometheus(t, theirs)
	s := fill(t, dir) // The repeated samples are refused or equal.
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	srv := httptest.NewServer(New(Options{Store: s, Clock: clock.Fixed(base)}))
	t.Cleanup(srv.Close)

	now := values("time", at(0))
	over := values("start", at(-time.Hour), "end", at(0), "step", "75s")
	with := func(v url.Values, kv ...string) url.Values {
		out := url.Values{}
		for k := range v {
			out[k] = v[k]
		}
		for i := 0; i < len(kv); i += 2 {
			out.Add(kv[i], kv[i+1])
		}
		return out
	}
	type ask struct {
		path   string
		params url.Values
	}
	var asks []ask
	for _, q := range []string{
		"probe_duration_seconds", "odd", "odd[2m]", "sum by (type) (rate(requests_total[5m]))",
		"sort_desc(max_over_time(probe_duration_seconds[30m]))", "quantile_over_time(0.9, probe_duration_seconds[1h])",
		"count({__name__=~\".+\"})", "absent(nothing)", "requests_total offset 10m", "resets(requests_total[2h])",
		"topk(1, probe_duration_seconds)", "scalar(odd)", "time()", `label_replace(odd, "new", "$1", "check", "(.*)")`,
		"rate(requests_total[5m:1m])", "1/0", "probe_duration_seconds > 0.05 or odd", "odd @ 1772450000", "sum(", "odd + on(check) {check=\"web\"}",
		"requests_total[0s]", "foo bar", "nope(odd)",
	} {
		asks = append(asks, ask{"/query", with(now, "query", q)}, ask{"/query_range", with(over, "query", q)}, ask{"/format_query", values("query", q)})
	}
	for _, m := range []string{"odd", `{check="web"}`, `{item=~"shop|other"}`, "nothing", `{a=~".*"}`, "{"} {
		asks = append(asks, ask{"/series", with(over, "match[]", m)}, ask{"/labels", values("match[]", m)}, ask{"/label/item/values", values("match[]", m)})
	}
	asks = append(asks, ask{"/labels", nil}, ask{"/label/__name__/values", nil}, ask{"/series", nil},
		ask{"/label/a-b/values", nil}, ask{"/query_range", values("query", "1")}, ask{"/query", values("query", "1", "time", "x")},
		ask{"/query_range", values("query", "1", "start", "0", "end", "20000", "step", "1")})

	compared := 0
	for _, a := range asks {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			if method == http.MethodPost && len(a.path) > 6 && a.path[:7] == "/label/" {
				continue
			}
			wantStatus, want := call(t, method, real+a.path, a.params)
			status, got := call(t, method, srv.URL+Prefix+a.path, a.params)
			require.Equal(t, wantStatus, status, "%s %v: %v", a.path, a.params, got)
			// Sentences and remarks change between releases; all else must not.
			for _, m := range []map[string]any{want, got} {
				delete(m, "error")
				delete(m, "infos")
				delete(m, "warnings")
			}
			require.Equal(t, roughly(want), roughly(got), "%s %v", a.path, a.params)
			compared++
		}
	}
	t.Logf("compared %d answers", compared)
}

// roughly orders vectors and rounds numbers in strings to 12 digits: releases sum in different orders.
func roughly(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if v["resultType"] == "vector" { // Without sort, the order means nothing.
			list := v["result"].([]any)
			slices.SortFunc(list, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		}
		out := map[string]any{}
		for k, e := range v {
			out[k] = roughly(e)
		}
		return out
	case []any:
		if len(v) == 2 {
			if s, ok := v[1].(string); ok {
				var f float64
				if n, err := fmt.Sscanf(s, "%g", &f); n == 1 && err == nil {
					return []any{v[0], fmt.Sprintf("%.12g", f)}
				}
			}
		}
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = roughly(e)
		}
		return out
	}
	return v
}

func TestPromtool(t *testing.T) {
	t.Parallel()
	promtool := needs(t, "promtool")
	srv, _ := serve(t)
	root := srv.URL + "/prometheus"
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"query", "instant", root, "--time=" + at(0), "sum(requests_total)"}, "{} => 119 @[1772452800]\n"},
		{[]string{"query", "range", root, "--start=" + at(-time.Minute), "--end=" + at(0), "--step=60s", "requests_total"}, "requests_total{check=\"web\"} =>\n115 @[1772452740]\n119 @[1772452800]\n"},
		{[]string{"query", "series", root, "--match=odd", "--start=" + at(-time.Hour), "--end=" + at(0)}, "{__name__=\"odd\", check=\"web\"}\n"},
		{[]string{"query", "labels", root, "--start=" + at(-time.Hour), "--end=" + at(0), "check"}, "db\nweb\n"},
	} {
		out, err := exec.Command(promtool, c.args...).CombinedOutput()
		require.NoError(t, err, "%v: %s", c.args, out)
		require.Equal(t, c.want, string(out), "%v", c.args)
	}
	out, err := exec.Command(promtool, "query", "instant", root, "sum(").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "bad_data")
}
