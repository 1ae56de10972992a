package promapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/clock"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/observe/metric/store"
)

var base = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// span is how long before base the test data begins.
const span = 3 * time.Hour

// fill writes two checks, every 15 s, off the full seconds so that no sample
// meets the edge of a range.
func fill(t testing.TB, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(store.Options{Dir: dir, Clock: clock.Fixed(base), MaxQuerySamples: 20_000})
	require.NoError(t, err)
	id := func(kv ...string) observe.SeriesID {
		set := map[string]string{"__name__": kv[0]}
		for i := 1; i < len(kv); i += 2 {
			set[kv[i]] = kv[i+1]
		}
		h, err := s.Series("test", set)
		require.NoError(t, err)
		return h
	}
	web := id("probe_duration_seconds", "check", "web", "item", "shop", "type", "http")
	db := id("probe_duration_seconds", "check", "db", "item", "shöp \"<&>\\\n", "type", "tcp")
	count := id("requests_total", "check", "web")
	odd := id("odd", "check", "web")
	strange := []float64{math.Inf(1), math.Inf(-1), math.NaN(), 1e-9, 3e25, 0.1, -7}
	for i, at := 0, base.Add(-span).Add(7250*time.Millisecond); at.Before(base); i, at = i+1, at.Add(15*time.Second) {
		require.NoError(t, s.Append(context.Background(), []observe.Sample{
			{Series: web, At: at, Value: 0.05 + 0.01*math.Sin(float64(i))},
			{Series: db, At: at, Value: float64(i%13) / 1000},
			{Series: count, At: at, Value: float64(i % 300)},
			{Series: odd, At: at, Value: strange[i%len(strange)]},
		}))
	}
	s.Describe(observe.MetricInfo{Name: "probe_duration_seconds", Type: "gauge", Unit: "seconds", Help: "How long the probe took."})
	return s
}

func serve(t *testing.T) (*httptest.Server, *store.Store) {
	t.Helper()
	s := fill(t, t.TempDir())
	srv := httptest.NewServer(New(Options{Store: s, Version: "test", Clock: clock.Fixed(base)}))
	t.Cleanup(func() { srv.Close(); require.NoError(t, s.Close()) })
	return srv, s
}

// call sends parameters by GET or POST and decodes the answer.
func call(t *testing.T, method, endpoint string, params url.Values) (int, map[string]any) {
	t.Helper()
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader(params.Encode())
	} else {
		endpoint += "?" + params.Encode()
	}
	req, err := http.NewRequestWithContext(t.Context(), method, endpoint, body)
	require.NoError(t, err)
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	out := map[string]any{}
	require.NoError(t, json.Unmarshal(raw, &out), "%s: %s", endpoint, raw)
	return resp.StatusCode, out
}

func values(kv ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(kv); i += 2 {
		v.Add(kv[i], kv[i+1])
	}
	return v
}

func at(d time.Duration) string { return fmt.Sprint(base.Add(d).Unix()) }

func TestShapes(t *testing.T) {
	t.Parallel()
	srv, _ := serve(t)
	for _, c := range []struct {
		path   string
		params url.Values
		want   string
	}{
		{"/query", values("query", "1+1"), `{"resultType":"scalar","result":[1772452800,"2"]}`},
		{"/query", values("query", `"x\n"`, "time", "1772452800.5"), `{"resultType":"string","result":[1772452800.500,"x\n"]}`},
		{"/query", values("query", "nothing"), `{"resultType":"vector","result":[]}`},
		{"/query", values("query", `requests_total{check="web"}[20s]`), `{"resultType":"matrix","result":[{"metric":{"__name__":"requests_total","check":"web"},"values":[[1772452792.25,"119"]]}]}`},
		{"/query", values("query", "vector(1)"), `{"resultType":"vector","result":[{"metric":{},"value":[1772452800,"1"]}]}`},
		{"/query_range", values("query", "vector(1)", "start", "1772452800", "end", "1772452860", "step", "1m"), `{"resultType":"matrix","result":[{"metric":{},"values":[[1772452800,"1"],[1772452860,"1"]]}]}`},
		{"/labels", nil, `["__name__","check","item","type"]`},
		{"/labels", values("match[]", "odd", "match[]", "requests_total"), `["__name__","check"]`},
		{"/label/check/values", nil, `["db","web"]`},
		{"/label/check/values", values("match[]", "odd"), `["web"]`},
		{"/label/none/values", nil, `[]`},
		{"/series", values("match[]", "odd"), `[{"__name__":"odd","check":"web"}]`},
		{"/series", values("match[]", "odd", "end", "1000"), `[]`},
		{"/metadata", nil, `{"probe_duration_seconds":[{"type":"gauge","help":"How long the probe took.","unit":"seconds"}]}`},
		{"/metadata", values("metric", "none"), `{}`},
		{"/format_query", values("query", "sum  (odd)by(check)"), `"sum by (check) (odd)"`},
		{"/query_exemplars", values("query", "odd"), `[]`},
	} {
		status, got := call(t, http.MethodGet, srv.URL+Prefix+c.path, c.params)
		require.Equal(t, 200, status, "%s %v: %v", c.path, c.params, got)
		require.Equal(t, "success", got["status"])
		raw, err := json.Marshal(got["data"])
		require.NoError(t, err)
		require.JSONEq(t, c.want, string(raw), "%s %v", c.path, c.params)
	}
	_, got := call(t, http.MethodGet, srv.URL+Prefix+"/status/buildinfo", nil)
	require.Equal(t, "test", got["data"].(map[string]any)["revision"])
}

func TestErrors(t *testing.T) {
	t.Parallel()
	srv, _ := serve(t)
	long := strings.Repeat("a", maxBody+1)
	for _, c := range []struct {
		method, path string
		params       url.Values
		status       int
		kind, text   string
	}{
		{"GET", "/query", values("query", "sum("), 400, "bad_data", `invalid parameter "query": 1:5: parse error: unclosed left parenthesis`},
		{"GET", "/query", nil, 400, "bad_data", `unknown position: parse error: no expression found in input`},
		{"GET", "/query", values("query", "1", "time", "soon"), 400, "bad_data", `cannot parse "soon" to a valid timestamp`},
		{"GET", "/query", values("query", "1", "time", "NaN"), 400, "bad_data", "cannot parse"},
		{"GET", "/query", values("query", "1", "timeout", "x"), 400, "bad_data", `invalid parameter "timeout"`},
		{"GET", "/query", values("query", "1", "limit", "-1"), 400, "bad_data", "non-negative"},
		{"GET", "/query", values("query", "odd", "timeout", "1ns"), 400, "bad_data", "timeout"},
		{"GET", "/query", values("query", "sum(odd)", "timeout", "0"), 503, "timeout", "query timed out in"},
		{"GET", "/query", values("query", "odd + on(check) {check=\"web\"}"), 422, "execution", "many-to-many"},
		{"GET", "/query_range", values("query", "1"), 400, "bad_data", `invalid parameter "start"`},
		{"GET", "/query_range", values("query", "1", "start", "0", "end", "11001", "step", "1"), 400, "bad_data", "11,000 points"},
		{"GET", "/query_range", values("query", "1", "start", "0", "end", "1", "step", "0"), 400, "bad_data", "zero or negative"},
		{"GET", "/query_range", values("query", "1", "start", "0", "end", "1", "step", "1e-9"), 400, "bad_data", "one millisecond"},
		{"GET", "/query_range", values("query", "1", "start", "2", "end", "1", "step", "1"), 400, "bad_data", "before start"},
		{"GET", "/query_range", values("query", "{check=~\".+\"}", "start", at(-span), "end", at(0), "step", "1"), 422, "execution", "too many samples"},
		{"GET", "/series", nil, 400, "bad_data", "no match[] parameter provided"},
		{"GET", "/series", values("match[]", `{a=~".*"}`), 400, "bad_data", "non-empty matcher"},
		{"GET", "/label/a-b/values", nil, 400, "bad_data", `invalid label name: "a-b"`},
		{"GET", "/metadata", values("limit", "x"), 400, "bad_data", "limit must be a number"},
		{"GET", "/nothing", nil, 404, "not_found", "does not exist"},
		{"POST", "/query", values("query", long), 413, "bad_data", "too large"},
	} {
		status, got := call(t, c.method, srv.URL+Prefix+c.path, c.params)
		require.Equal(t, c.status, status, "%s %s: %s", c.path, fmt.Sprintf("%.100q", c.params.Encode()), fmt.Sprintf("%.300v", got))
		require.Equal(t, "error", got["status"])
		require.Equal(t, c.kind, got["errorType"])
		require.Contains(t, got["error"], c.text)
		require.NotContains(t, got, "data")
	}
}

func TestLimitWarns(t *testing.T) {
	t.Parallel()
	srv, _ := serve(t)
	for _, path := range []string{"/query", "/series", "/labels", "/label/check/values"} {
		status, got := call(t, http.MethodGet, srv.URL+Prefix+path, values("query", "probe_duration_seconds", "match[]", "probe_duration_seconds", "limit", "1"))
		require.Equal(t, 200, status)
		require.Equal(t, []any{"results truncated due to limit"}, got["warnings"], path)
	}
}

func TestStats(t *testing.T) {
	t.Parallel()
	srv, _ := serve(t)
	_, got := call(t, http.MethodPost, srv.URL+Prefix+"/query", values("query", "odd", "stats", "all"))
	st := got["data"].(map[string]any)["stats"].(map[string]any)
	require.Equal(t, 1.0, st["samples"].(map[string]any)["totalQueryableSamples"])
}

func FuzzQuery(f *testing.F) {
	s := fill(f, f.TempDir())
	f.Cleanup(func() { require.NoError(f, s.Close()) })
	h := New(Options{Store: s, Clock: clock.Fixed(base)})
	f.Add("sum(rate(requests_total[5m]))", at(-time.Hour), at(0), "60", "odd")
	f.Add("1", clientMinTime, clientMaxTime, "1y", `{a="b"}`)
	f.Add("\x00(", "1e308", "-1e308", "1e18", "{")
	f.Fuzz(func(t *testing.T, query, start, end, step, match string) {
		v := values("query", query, "start", start, "end", end, "step", step, "match[]", match, "time", start, "timeout", "1s")
		for _, path := range []string{"/query", "/query_range", "/series", "/labels", "/label/check/values", "/format_query"} {
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, Prefix+path+"?"+v.Encode(), nil))
			if rec.Code == http.StatusInternalServerError {
				t.Fatalf("%s: %s", path, rec.Body)
			}
			if !json.Valid(rec.Body.Bytes()) {
				t.Fatalf("%s: not JSON: %q", path, rec.Body)
			}
		}
	})
}
