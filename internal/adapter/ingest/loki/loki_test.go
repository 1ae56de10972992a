package loki

import (
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/ingesttest"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

func msg(fields ...any) []byte {
	var b []byte
	for i := 0; i < len(fields); i += 2 {
		num := protowire.Number(fields[i].(int))
		switch v := fields[i+1].(type) {
		case int:
			b = protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), uint64(v))
		case string:
			b = protowire.AppendString(protowire.AppendTag(b, num, protowire.BytesType), v)
		case []byte:
			b = protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), v)
		}
	}
	return b
}

var pushed = msg(1, msg(
	1, `{app="shop", host="web1", level="warn"}`,
	2, msg(1, msg(1, 1772359200, 2, 5), 2, "first line"),
	2, msg(1, msg(1, 1772359201), 2, "second", 3, msg(1, "trace_id", 2, "abc"), 3, msg(1, "detected_level", 2, "error")),
))

var want = []signal.Line{
	{
		At: time.Unix(1772359200, 5).UTC(), Message: "first line", Level: "warning", Hints: signal.Hints{Host: "web1", Service: "shop"},
		Stream: []signal.Field{{Name: "app", Value: "shop"}, {Name: "host", Value: "web1"}, {Name: "level", Value: "warn"}},
	},
	{
		At: time.Unix(1772359201, 0).UTC(), Message: "second", Level: "error", Hints: signal.Hints{Host: "web1", Service: "shop"},
		Stream: []signal.Field{{Name: "app", Value: "shop"}, {Name: "host", Value: "web1"}, {Name: "level", Value: "warn"}},
		Fields: []signal.Field{{Name: "trace_id", Value: "abc"}, {Name: "detected_level", Value: "error"}},
	},
}

func TestPush(t *testing.T) {
	t.Parallel()
	rec := &ingesttest.Recorder{}
	h := rec.Handler("loki")
	res := ingesttest.Do(h, "POST", "/api/v1/push", snappy.Encode(nil, pushed), "Content-Type", "application/x-protobuf")
	require.Equal(t, 204, res.Code, res.Body)
	require.Equal(t, want, rec.Lines())

	rec = &ingesttest.Recorder{}
	h = rec.Handler("loki")
	res = ingesttest.Do(h, "POST", "/loki/api/v1/push", []byte(`{"streams":[{"stream":{"host":"web1","app":"shop","level":"warn"},"values":[["1772359200000000005","first line"],["1772359201000000000","second",{"trace_id":"abc","detected_level":"error"}]]}]}`), "Content-Type", "application/json")
	require.Equal(t, 204, res.Code, res.Body)
	require.Equal(t, want, rec.Lines())

	for body, why := range map[string]string{
		`{"streams":1}`: "not a push of Loki", `{"streams":[{"values":[["x","y"]]}]}`: "streams[0].values[0]: the time must be", `{"streams":[{"values":[["1"]]}]}`: "a time and a line",
		`{"streams":[{"labels":"{a=b}","values":[]}]}`: "labels must be like", `junk`: "packed with snappy",
	} {
		res := ingesttest.Do(h, "POST", "/api/v1/push", []byte(body))
		require.Equal(t, 422, res.Code, body)
		require.Contains(t, res.Body.String(), why, body)
	}
	require.Len(t, rec.Malformed(), 5)
	rec.Err = errs.New(errs.Unavailable, "full")
	require.Equal(t, 503, ingesttest.Do(h, "POST", "/api/v1/push", snappy.Encode(nil, pushed)).Code)
	require.Equal(t, 200, ingesttest.Do(h, "GET", "/ready", nil).Code)
	require.Equal(t, 405, ingesttest.Do(h, "GET", "/api/v1/push", nil).Code)
	require.Equal(t, 404, ingesttest.Do(h, "GET", "/x", nil).Code)
}

func FuzzDecode(f *testing.F) {
	f.Add(pushed)
	f.Add([]byte(`{"streams":[{"stream":{"a":"b"},"values":[["1","x",{"c":"d"}]]}]}`))
	f.Fuzz(func(_ *testing.T, b []byte) {
		_, _ = decode(string(b))
		_, _ = decodeJSON(b)
		_, _ = unpack(b)
	})
}
