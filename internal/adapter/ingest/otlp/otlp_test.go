package otlp

import (
	"context"
	"encoding/json"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/ingesttest"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

const jsonType = "application/json"

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(testkit.Data(t, "otlp"), name))
	require.NoError(t, err)
	return b
}

func post(t *testing.T, r *ingesttest.Recorder, path string, body []byte) string {
	t.Helper()
	rec := ingesttest.Do(r.Handler("otlp"), http.MethodPost, path, body, "Content-Type", jsonType)
	require.Equal(t, 200, rec.Code, rec.Body.String())
	return rec.Body.String()
}

// The facts of each trace file must be the same after it was read.
func TestTracesOfTheDataSet(t *testing.T) {
	t.Parallel()
	type fact struct {
		Spans, Events, Links int
		TraceIDs             []string       `json:"trace_ids"`
		ByService            map[string]int `json:"spans_by_service"`
		Roots                int
	}
	var facts map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(read(t, "facts.json"), &facts))
	seen := 0
	for name, raw := range facts {
		if !strings.HasPrefix(name, "jaeger/") && name != "opentelemetry-proto/trace.json" {
			continue
		}
		var want fact
		require.NoError(t, json.Unmarshal(raw, &want))
		seen++
		r := &ingesttest.Recorder{}
		require.NotContains(t, post(t, r, "/v1/traces", read(t, name)), "rejected", name)
		got := fact{ByService: map[string]int{}}
		ids := map[string]bool{}
		for _, s := range r.Spans() {
			got.Spans++
			got.Events += len(s.Events)
			got.Links += len(s.Links)
			got.ByService[s.Service]++
			ids[s.TraceID] = true
			require.Len(t, s.SpanID, 16)
			require.Equal(t, strings.ToLower(s.TraceID), s.TraceID)
		}
		require.Equal(t, want.Spans, got.Spans, name)
		require.Equal(t, want.Events, got.Events, name)
		require.Equal(t, want.Links, got.Links, name)
		if want.ByService != nil {
			require.Equal(t, want.ByService, got.ByService, name)
		}
		for _, id := range want.TraceIDs {
			require.True(t, ids[strings.ToLower(id)], "%s: %s", name, id)
		}
	}
	require.GreaterOrEqual(t, seen, 11)
}

func TestMetricsOfTheDataSet(t *testing.T) {
	t.Parallel()
	r := &ingesttest.Recorder{}
	post(t, r, "/v1/metrics", read(t, "opentelemetry-proto/metrics.json"))
	scope := "job=my.service,otel_scope_my_scope_attribute=some scope attribute,otel_scope_name=my.library,otel_scope_version=1.0.0"
	got := r.Series()
	require.Equal(t, []float64{5}, got["my_counter_total{job=my.service,my_counter_attr=some value,"+strings.TrimPrefix(scope, "job=my.service,")+"}"], "%v", got)
	names := map[string]bool{}
	for _, s := range r.Samples() {
		names[s.Name] = true
		require.Equal(t, "my.service", s.Hints.Service)
	}
	for _, want := range []string{"my_gauge_ratio", "my_histogram_bucket", "my_histogram_count", "my_histogram_sum", "my_exponential_histogram_bucket"} {
		require.True(t, names[want], "%s is not in %v", want, names)
	}
	require.Equal(t, signal.Meta{Type: "counter", Unit: "1", Help: "I am a Counter"}, r.Meta("my_counter_total"))
}

func TestLogsOfTheDataSet(t *testing.T) {
	t.Parallel()
	r := &ingesttest.Recorder{}
	post(t, r, "/v1/logs", read(t, "opentelemetry-proto/logs.json"))
	post(t, r, "/v1/logs", read(t, "opentelemetry-proto/events.json"))
	ls := r.Lines()
	require.GreaterOrEqual(t, len(ls), 2)
	l := ls[0]
	require.Equal(t, "Example log record", l.Message)
	require.Equal(t, "info", l.Level)
	require.Equal(t, []signal.Field{{Name: "service.name", Value: "my.service"}}, l.Stream)
	require.Equal(t, "5b8efff798038103d269b633813fc60c", signal.Value(l.Fields, "trace_id"))
	require.Equal(t, "true", signal.Value(l.Fields, "boolean.attribute"))
	require.Equal(t, "637.704", signal.Value(l.Fields, "double.attribute"))
	require.JSONEq(t, `["many","values"]`, signal.Value(l.Fields, "array.attribute"))
	require.NotEmpty(t, signal.Value(ls[1].Fields, "event_name"))
}

func metricsOf(fill func(m pmetric.Metric)) pmetricotlp.ExportRequest {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("service.name", "cart")
	rm.Resource().Attributes().PutStr("host.name", "web-1")
	m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	fill(m)
	return pmetricotlp.NewExportRequestFromMetrics(md)
}

func pcommonTime(at time.Time) pcommon.Timestamp { return pcommon.NewTimestampFromTime(at) }

func TestHistogramsAndDeltas(t *testing.T) {
	t.Parallel()
	r := &ingesttest.Recorder{}
	h := r.Handler("otlp")
	send := func(req pmetricotlp.ExportRequest) string {
		b, err := req.MarshalProto()
		require.NoError(t, err)
		rec := ingesttest.Do(h, http.MethodPost, "/v1/metrics", b, "Content-Type", "application/x-protobuf")
		require.Equal(t, 200, rec.Code)
		return rec.Body.String()
	}
	base := time.Unix(1_700_000_000, 0)
	for i, at := range []time.Time{base, base.Add(time.Minute), base.Add(time.Minute)} {
		body := send(metricsOf(func(m pmetric.Metric) {
			m.SetName("http.duration")
			m.SetUnit("ms")
			hs := m.SetEmptyHistogram()
			hs.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
			p := hs.DataPoints().AppendEmpty()
			p.SetTimestamp(pcommonTime(at))
			p.ExplicitBounds().FromRaw([]float64{5, 10})
			p.BucketCounts().FromRaw([]uint64{1, 2, 3})
			p.SetCount(6)
			p.SetSum(60)
		}))
		if i == 2 {
			require.Contains(t, body, "older than one that came before", "a delta that comes twice is not counted twice")
		}
	}
	who := "instance=web-1,job=cart"
	got := r.Series()
	require.Equal(t, []float64{1, 2}, got["http_duration_milliseconds_bucket{"+who+",le=5}"], "%v", got)
	require.Equal(t, []float64{3, 6}, got["http_duration_milliseconds_bucket{"+who+",le=10}"])
	require.Equal(t, []float64{6, 12}, got["http_duration_milliseconds_bucket{"+who+",le=+Inf}"])
	require.Equal(t, []float64{60, 120}, got["http_duration_milliseconds_sum{"+who+"}"])
	require.Equal(t, []float64{1, 1, 1}, got["target_info{host_name=web-1,"+who+"}"])

	send(metricsOf(func(m pmetric.Metric) {
		m.SetName("size")
		p := m.SetEmptyExponentialHistogram().DataPoints().AppendEmpty()
		m.ExponentialHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		p.SetTimestamp(pcommonTime(base))
		p.SetScale(3)
		p.Positive().SetOffset(0)
		p.Positive().BucketCounts().FromRaw([]uint64{1, 1, 1, 1, 1, 1, 1, 1, 4}) // (1, 2] in eighths, and the next
		p.SetZeroCount(2)
		p.SetCount(14)
	}))
	got = r.Series()
	require.Equal(t, []float64{2}, got["size_bucket{"+who+",le=0}"], "%v", got)
	root := "1.414213562373095"
	require.Equal(t, []float64{6}, got["size_bucket{"+who+",le="+root+"}"], "%v", got)
	require.Equal(t, []float64{10}, got["size_bucket{"+who+",le=2}"])
	require.Equal(t, []float64{14}, got["size_bucket{"+who+",le=+Inf}"])

	send(metricsOf(func(m pmetric.Metric) {
		m.SetName("gone")
		p := m.SetEmptyGauge().DataPoints().AppendEmpty()
		p.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
	}))
	last := r.Samples()[len(r.Samples())-2]
	require.Equal(t, "gone", last.Name)
	require.Equal(t, signal.StaleMarker, math.Float64bits(last.Value))
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	r := &ingesttest.Recorder{Refuse: 1}
	good := `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"x"}}]}]}]}`
	require.JSONEq(t, `{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"The test refuses it."}}`, post(t, r, "/v1/logs", []byte(good)))
	r.Refuse = 0
	require.JSONEq(t, `{"partialSuccess":{}}`, post(t, r, "/v1/logs", []byte(good)))
	require.Contains(t, post(t, r, "/v1/traces", []byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"x"}]}]}]}`)), `"rejectedSpans":"1"`)
	h := r.Handler("otlp")
	do := func(path, body, kind string) (int, string) {
		rec := ingesttest.Do(h, http.MethodPost, path, []byte(body), "Content-Type", kind)
		return rec.Code, rec.Body.String()
	}
	st, body := do("/v1/logs", `{"resourceLogs":7}`, jsonType)
	require.Equal(t, 400, st)
	require.Contains(t, body, `"code":3`)
	st, _ = do("/v1/logs", "\xff\xff", "application/x-protobuf")
	require.Equal(t, 400, st)
	st, _ = do("/v1/logs", good, "text/plain")
	require.Equal(t, 415, st)
	st, _ = do("/v1/profiles", good, jsonType)
	require.Equal(t, 404, st)
	r.Err = errs.New(errs.TooMany, "Slow down.")
	st, body = do("/v1/logs", good, jsonType)
	require.Equal(t, 429, st)
	require.Contains(t, body, "Slow down.")
}

func TestDeepNestingIsRefused(t *testing.T) {
	t.Parallel()
	r := &ingesttest.Recorder{}
	h := r.Handler("otlp")
	deep := `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":` + strings.Repeat(`{"arrayValue":{"values":[`, 100_000) + strings.Repeat(`]}}`, 100_000) + `}]}]}]}`
	require.Equal(t, 400, ingesttest.Do(h, http.MethodPost, "/v1/logs", []byte(deep), "Content-Type", jsonType).Code)

	ld := plog.NewLogs()
	v := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body()
	for range 70 {
		v = v.SetEmptySlice().AppendEmpty()
	}
	b, err := plogotlp.NewExportRequestFromLogs(ld).MarshalProto()
	require.NoError(t, err)
	require.ErrorIs(t, shallowProto(b, logsPath), errDeep)
	require.Equal(t, 400, ingesttest.Do(h, http.MethodPost, "/v1/logs", b, "Content-Type", "application/x-protobuf").Code)
}

func TestGRPC(t *testing.T) {
	t.Parallel()
	r := &ingesttest.Recorder{}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- serveGRPC(ctx, r.Env(), ln) }()
	conn, err := grpc.NewClient(ln.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer conn.Close()
	ld := plog.NewLogs()
	ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr("over grpc")
	_, err = plogotlp.NewGRPCClient(conn).Export(ctx, plogotlp.NewExportRequestFromLogs(ld))
	require.Equal(t, codes.Unauthenticated, grpcstatus.Code(err))
	known := metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+ingesttest.Token)
	_, err = plogotlp.NewGRPCClient(conn).Export(known, plogotlp.NewExportRequestFromLogs(ld), grpc.UseCompressor(gzip.Name))
	require.NoError(t, err)
	_, err = pmetricotlp.NewGRPCClient(conn).Export(known, metricsOf(func(m pmetric.Metric) {
		m.SetName("m")
		m.SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(3)
	}))
	require.NoError(t, err)
	_, err = ptraceotlp.NewGRPCClient(conn).Export(known, ptraceotlp.NewExportRequest())
	require.NoError(t, err)
	require.Equal(t, "over grpc", r.Lines()[0].Message)
	require.Equal(t, 3.0, r.Samples()[0].Value)
	r.Err = errs.New(errs.Unavailable, "Later.")
	_, err = plogotlp.NewGRPCClient(conn).Export(known, plogotlp.NewExportRequestFromLogs(ld))
	require.Equal(t, codes.Unavailable, grpcstatus.Code(err))
	cancel()
	require.NoError(t, <-done)
}

func FuzzTake(f *testing.F) {
	f.Add([]byte(`{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","sum":{"aggregationTemporality":1,"isMonotonic":true,"dataPoints":[{"asInt":"5"}]}}]}]}]}`), uint8(0), true)
	f.Add([]byte(`{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","exponentialHistogram":{"aggregationTemporality":1,"dataPoints":[{"scale":-2147483648,"count":"3","positive":{"offset":2147483647,"bucketCounts":["1","2"]}}]}}]}]}]}`), uint8(0), true)
	f.Add([]byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"kvlistValue":{"values":[{"key":"message","value":{"stringValue":"x"}}]}}}]}]}]}`), uint8(1), true)
	f.Add([]byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174","kind":2}]}]}]}`), uint8(2), true)
	f.Add([]byte("\x0a\x10\x12\x0e\x12\x0c\x2a\x0a\x0a\x08"), uint8(1), false)
	t := newTaker((&ingesttest.Recorder{}).Env())
	f.Fuzz(func(tt *testing.T, body []byte, kind uint8, asJSON bool) {
		r := &ingesttest.Recorder{}
		t.env = r.Env()
		_, _ = t.take(tt.Context(), signal.Source{}, []string{metricsPath, logsPath, tracesPath}[kind%3], body, asJSON)
		for _, s := range r.Samples() {
			for i := 1; i < len(s.Labels); i++ {
				if s.Labels[i].Name <= s.Labels[i-1].Name {
					tt.Fatalf("labels out of order or twice: %v", s.Labels)
				}
			}
		}
	})
}
