package zipkin

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/ingesttest"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

const one = `[{"traceId":"5AF7183FB1D4CF5F","id":"6b221d5bc9e6496c","parentId":"5af7183fb1d4cf5f","kind":"CLIENT","name":"get","timestamp":1700000000123456,"duration":1000,
 "localEndpoint":{"serviceName":"cart","ipv4":"192.0.2.7"},"remoteEndpoint":{"serviceName":"db","port":5432},"tags":{"error":"timeout","a":"b"},"annotations":[{"timestamp":1700000000123500,"value":"ws"}],"shared":true},
 {"traceId":"zz","id":"1"}]`

func TestSpan(t *testing.T) {
	t.Parallel()
	r := &ingesttest.Recorder{}
	h := r.Handler("zipkin")
	require.Equal(t, 202, ingesttest.Do(h, http.MethodPost, "/api/v2/spans", []byte(one)).Code)
	start := time.UnixMicro(1700000000123456)
	require.Equal(t, []signal.Span{{
		TraceID: "00000000000000005af7183fb1d4cf5f", SpanID: "6b221d5bc9e6496c", ParentID: "5af7183fb1d4cf5f", Name: "get", Kind: signal.KindClient,
		Start: start, End: start.Add(time.Millisecond), Failed: true, StatusText: "timeout", Service: "cart",
		Resource:   []signal.Field{{Name: "service.name", Value: "cart"}, {Name: "host.ip", Value: "192.0.2.7"}},
		Attributes: []signal.Field{{Name: "a", Value: "b"}, {Name: "error", Value: "timeout"}, {Name: SharedAttribute, Value: "true"}, {Name: "peer.service", Value: "db"}, {Name: "network.peer.port", Value: "5432"}},
		Events:     []signal.SpanEvent{{At: time.UnixMicro(1700000000123500), Name: "ws"}}, Hints: signal.Hints{Service: "cart", Address: "192.0.2.7"},
	}}, r.Spans())
	require.Equal(t, 1, r.Dropped("no trace id"))
	require.Equal(t, 422, ingesttest.Do(h, http.MethodPost, "/api/v2/spans", []byte(`{"a":1}`)).Code)
	require.Equal(t, 404, ingesttest.Do(h, http.MethodPost, "/api/v1/spans", []byte(`[]`)).Code)
	r.Err = errs.New(errs.Unavailable, "Later.")
	require.Equal(t, 503, ingesttest.Do(h, http.MethodPost, "/api/v2/spans", []byte(one)).Code)
}

func TestDataSet(t *testing.T) {
	t.Parallel()
	dir := testkit.Data(t, "otlp")
	b, err := os.ReadFile(filepath.Join(dir, "facts.json"))
	require.NoError(t, err)
	var facts map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(b, &facts))
	seen := 0
	for name, raw := range facts {
		if !strings.HasPrefix(name, "zipkin/") {
			continue
		}
		seen++
		var want struct{ Spans, Shared, Errors int }
		require.NoError(t, json.Unmarshal(raw, &want), "%s", raw)
		body, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		spans, bad, err := parse(body)
		require.NoError(t, err, name)
		require.Zero(t, bad, name)
		require.Len(t, spans, want.Spans, name)
		shared := 0
		for _, s := range spans {
			if signal.Value(s.Attributes, SharedAttribute) != "" {
				shared++
			}
		}
		require.Equal(t, want.Shared, shared, name)
	}
	require.Equal(t, 10, seen)
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(one))
	f.Fuzz(func(t *testing.T, b []byte) {
		spans, _, err := parse(b)
		for _, s := range spans {
			if err == nil && (len(s.TraceID) != 32 || len(s.SpanID) != 16) {
				t.Fatalf("%+v", s)
			}
		}
	})
}
