package prometheus

import (
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/ingesttest"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

func request1(t testing.TB) []byte {
	t.Helper()
	b, err := (&prompb.WriteRequest{
		Timeseries: []prompb.TimeSeries{
			{
				Labels:    []prompb.Label{{Name: "__name__", Value: "up"}, {Name: "instance", Value: "web-1:9100"}, {Name: "job", Value: "node"}},
				Samples:   []prompb.Sample{{Value: 1, Timestamp: 1700000000123}, {Value: 0, Timestamp: 1700000015123}},
				Exemplars: []prompb.Exemplar{{Value: 1}},
			},
			{Labels: []prompb.Label{{Name: "__name__", Value: "h"}, {Name: "instance", Value: "https://[2001:db8::1]:443/metrics"}}, Samples: []prompb.Sample{{Value: -2.5, Timestamp: 1}}},
			{Labels: []prompb.Label{{Name: "__name__", Value: "native"}}, Histograms: []prompb.Histogram{{}}},
		},
		Metadata: []prompb.MetricMetadata{{Type: prompb.MetricMetadata_COUNTER, MetricFamilyName: "up", Help: "It is up.", Unit: "none"}},
	}).Marshal()
	require.NoError(t, err)
	return b
}

func request2(t testing.TB) []byte {
	t.Helper()
	st := writev2.NewSymbolTable()
	refs := st.SymbolizeLabels(labels.FromStrings("__name__", "up", "instance", "web-1:9100"), nil)
	req := writev2.Request{Timeseries: []writev2.TimeSeries{{LabelsRefs: refs, Samples: []writev2.Sample{{Value: 3, Timestamp: 1700000000123}}, Metadata: writev2.Metadata{Type: writev2.Metadata_METRIC_TYPE_GAUGE, HelpRef: st.Symbolize("It is up.")}}}}
	req.Symbols = st.Symbols()
	b, err := req.Marshal()
	require.NoError(t, err)
	return b
}

func TestRemoteWrite(t *testing.T) {
	t.Parallel()
	r := &ingesttest.Recorder{}
	h := r.Handler("prometheus")
	for range 2 { // the second request uses the memory of the first
		require.Equal(t, 204, ingesttest.Do(h, http.MethodPost, "/api/v1/write", request1(t)).Code)
	}
	s := r.Samples()
	require.Len(t, s, 6)
	require.Equal(t, s[:3], s[3:])
	require.Equal(t, signal.Sample{Name: "up", Labels: []signal.Field{{Name: "instance", Value: "web-1:9100"}, {Name: "job", Value: "node"}}, At: time.UnixMilli(1700000000123), Value: 1, Hints: &signal.Hints{Host: "web-1"}}, s[0])
	require.Equal(t, "2001:db8::1", s[2].Hints.Host)
	require.Equal(t, signal.Meta{Type: "counter", Help: "It is up.", Unit: "none"}, r.Meta("up"))
	require.Equal(t, 2, r.Dropped("exemplars"))
	require.Equal(t, 2, r.Dropped("native histograms"))

	rec := ingesttest.Do(h, http.MethodPost, "/api/v1/write", request2(t), "Content-Type", "application/x-protobuf;proto=io.prometheus.write.v2.Request")
	require.Equal(t, 204, rec.Code)
	require.Equal(t, "1", rec.Header().Get("X-Prometheus-Remote-Write-Samples-Written"))
	last := r.Samples()[6]
	require.Equal(t, "up{instance=web-1:9100}", ingesttest.Key(last))
	require.Equal(t, 3.0, last.Value)
	require.Equal(t, "gauge", r.Meta("up").Type)

	require.Equal(t, 422, ingesttest.Do(h, http.MethodPost, "/api/v1/write", []byte("\x0a\xff")).Code)
	require.Len(t, r.Malformed(), 1)
	require.Equal(t, 405, ingesttest.Do(h, http.MethodGet, "/api/v1/write", nil).Code)
	require.Equal(t, 404, ingesttest.Do(h, http.MethodPost, "/write", nil).Code)
	r.Err = errs.New(errs.Unavailable, "No.")
	rec = ingesttest.Do(h, http.MethodPost, "/api/v1/write", request1(t))
	require.Equal(t, 503, rec.Code)
	require.NotEmpty(t, rec.Header().Get("Retry-After"))
}

func TestText(t *testing.T) {
	t.Parallel()
	r := &ingesttest.Recorder{}
	h := r.Handler("prometheus")
	text := []byte("# TYPE a counter\na_total{b=\"c\",instance=\"x\"} 5 1700000000000\n")
	require.Equal(t, 204, ingesttest.Do(h, http.MethodPost, "/api/v1/import", text).Code)
	require.Equal(t, 204, ingesttest.Do(h, http.MethodPut, "/metrics/job/backup/instance/db-1", text).Code)
	require.Equal(t, map[string][]float64{"a_total{b=c,instance=x}": {5}, "a_total{job=backup,instance=db-1,b=c}": {5}}, r.Series())
	require.Equal(t, "db-1", r.Samples()[1].Hints.Host)
	require.Equal(t, 422, ingesttest.Do(h, http.MethodPost, "/api/v1/import", []byte("{{{")).Code)
	require.Equal(t, 422, ingesttest.Do(h, http.MethodPost, "/metrics/job/a/b", text).Code)
}

func FuzzDecode(f *testing.F) {
	f.Add(request1(f), false)
	f.Add(request2(f), true)
	f.Fuzz(func(t *testing.T, body []byte, newer bool) {
		b := &batch{hosts: map[string]*signal.Hints{}}
		var err error
		if newer {
			err = b.decode2(body)
		} else {
			err = b.decode1(body)
		}
		if err != nil || newer {
			return
		}
		// What we read is what the generated code reads.
		var want prompb.WriteRequest
		if want.Unmarshal(body) != nil {
			return
		}
		n := 0
		for _, s := range want.Timeseries {
			n += len(s.Samples)
		}
		if n != len(b.samples) {
			t.Fatalf("%d samples, want %d", len(b.samples), n)
		}
	})
}

// BenchmarkDecode reads a request of 2,000 series with nine labels. An operation is
// one request.
func BenchmarkDecode(b *testing.B) {
	var req prompb.WriteRequest
	for range 2000 {
		req.Timeseries = append(req.Timeseries, prompb.TimeSeries{Labels: []prompb.Label{
			{Name: "__name__", Value: "http_requests_total"}, {Name: "cluster", Value: "prod"}, {Name: "container", Value: "app"}, {Name: "env", Value: "production"}, {Name: "instance", Value: "10.0.1.2:9100"},
			{Name: "job", Value: "node"}, {Name: "namespace", Value: "shop"}, {Name: "pod", Value: "pod-17"}, {Name: "zone", Value: "eu-1a"},
		}, Samples: []prompb.Sample{{Value: 1, Timestamp: 1700000000123}}})
	}
	body, err := req.Marshal()
	require.NoError(b, err)
	x := &batch{hosts: map[string]*signal.Hints{}}
	b.ReportAllocs()
	for b.Loop() {
		x.reset()
		if err := x.decode1(body); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/2000, "ns/sample")
}
