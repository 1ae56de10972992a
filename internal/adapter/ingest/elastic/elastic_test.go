package elastic

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/ingesttest"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

func TestBulk(t *testing.T) {
	t.Parallel()
	rec := &ingesttest.Recorder{}
	h := rec.Handler("elastic")
	body := `{"create":{"_index":"logs-app"}}
{"@timestamp":"2026-03-01T10:00:00.000Z","message":"hello","host":{"name":"web1"},"log":{"level":"error"},"user":"ada"}
{"index":{}}
{"message":"no time"}
{"delete":{"_id":"1"}}
{"create":{}}
not json
`
	res := ingesttest.Do(h, "POST", "/filebeat/_bulk", []byte(body))
	require.Equal(t, 200, res.Code, res.Body)
	var out struct {
		Errors bool
		Items  []map[string]struct {
			Status int
			Error  struct{ Reason string }
		}
	}
	require.NoError(t, json.Unmarshal(res.Body.Bytes(), &out))
	require.True(t, out.Errors)
	require.Equal(t, 201, out.Items[0]["create"].Status)
	require.Equal(t, 400, out.Items[2]["delete"].Status)
	require.NotEmpty(t, out.Items[3]["create"].Error.Reason)
	lines := rec.Lines()
	require.Len(t, lines, 2)
	require.Equal(t, signal.Line{
		At: time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC), Message: "hello", Level: "error", Hints: signal.Hints{Host: "web1"},
		Stream: []signal.Field{{Name: "host", Value: "web1"}}, Fields: []signal.Field{{Name: "user", Value: "ada"}, {Name: "index", Value: "logs-app"}},
	}, lines[0])
	require.True(t, lines[1].At.IsZero())

	for _, bad := range []string{"junk\n", `{"create":{}}`, "{\"drop\":{}}\n{}\n"} {
		require.Equal(t, 400, ingesttest.Do(h, "POST", "/_bulk", []byte(bad)).Code, bad)
	}
	rec.Err = errs.New(errs.TooMany, "slow down")
	require.Equal(t, 429, ingesttest.Do(h, "POST", "/_bulk", []byte(body)).Code)
}

func TestHandshake(t *testing.T) {
	t.Parallel()
	rec := &ingesttest.Recorder{}
	h := rec.Handler("elastic")
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/", 200},
		{"HEAD", "/", 200},
		{"GET", "/_license", 200},
		{"GET", "/_cluster/health", 200},
		{"PUT", "/_index_template/filebeat", 200},
		{"HEAD", "/_data_stream/filebeat", 200},
		{"GET", "/_nodes/http", 200},
		{"POST", "/logs/_doc", 400},
		{"GET", "/logs/_search", 404},
	} {
		res := ingesttest.Do(h, c.method, c.path, nil)
		require.Equal(t, c.status, res.Code, c.path)
		require.Equal(t, "Elasticsearch", res.Header().Get("X-Elastic-Product"))
	}
	require.Equal(t, 201, ingesttest.Do(h, "POST", "/logs/_doc", []byte(`{"message":"x"}`)).Code)
	require.Len(t, rec.Lines(), 1)
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("{\"create\":{}}\n{\"message\":\"x\"}\n"))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = parse(b, "i") })
}
