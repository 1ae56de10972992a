package jaeger

import (
	"encoding/binary"
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/ingesttest"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

// writer writes Thrift's binary protocol.
type writer []byte

func (w *writer) field(kind byte, id int16) {
	*w = binary.BigEndian.AppendUint16(append(*w, kind), uint16(id))
}

func (w *writer) i32(id int16, v int32) {
	w.field(typeI32, id)
	*w = binary.BigEndian.AppendUint32(*w, uint32(v))
}

func (w *writer) i64(id int16, v int64) {
	w.field(typeI64, id)
	*w = binary.BigEndian.AppendUint64(*w, uint64(v))
}

func (w *writer) text(id int16, s string) {
	w.field(typeString, id)
	*w = append(binary.BigEndian.AppendUint32(*w, uint32(len(s))), s...)
}

func (w *writer) list(id int16, structs ...func(*writer)) {
	w.field(typeList, id)
	*w = binary.BigEndian.AppendUint32(append(*w, typeStruct), uint32(len(structs)))
	for _, f := range structs {
		f(w)
		*w = append(*w, typeStop)
	}
}

func tag(key string, kind int32, fill func(*writer)) func(*writer) {
	return func(w *writer) {
		w.text(1, key)
		w.i32(2, kind)
		fill(w)
	}
}

func str(key, v string) func(*writer) {
	return tag(key, 0, func(w *writer) { w.text(3, v) })
}

func batch() []byte {
	var w writer
	w.field(typeStruct, 1)
	w.text(1, "cart")
	w.list(2, str("hostname", "web-1"), str("ip", "192.0.2.7"))
	w = append(w, typeStop)
	w.list(2, func(w *writer) {
		w.i64(1, 0x11)
		w.i64(2, 0)
		w.i64(3, 0x22)
		w.i64(4, 0)
		w.text(5, "GET /cart")
		w.list(6, func(w *writer) { w.i32(1, 0); w.i64(2, 0x11); w.i64(3, 0); w.i64(4, 0x33) }, func(w *writer) { w.i32(1, 1); w.i64(2, 0x44); w.i64(3, 0x55); w.i64(4, 0x66) })
		w.i32(7, 1)
		w.i64(8, 1_700_000_000_000_000)
		w.i64(9, 1500)
		w.list(10, str("span.kind", "server"), tag("error", 2, func(w *writer) { w.field(typeBool, 5); *w = append(*w, 1) }),
			tag("size", 1, func(w *writer) {
				w.field(typeDouble, 4)
				*w = binary.BigEndian.AppendUint64(*w, math.Float64bits(1.5))
			}), tag("n", 3, func(w *writer) { w.i64(6, -7) }))
		w.list(11, func(w *writer) {
			w.i64(1, 1_700_000_000_000_100)
			w.list(2, str("event", "cache miss"), str("key", "k"))
		})
	}, func(w *writer) { w.text(5, "no ids") })
	return append(w, typeStop)
}

func TestBatch(t *testing.T) {
	t.Parallel()
	r := &ingesttest.Recorder{}
	h := r.Handler("jaeger")
	require.Equal(t, 202, ingesttest.Do(h, http.MethodPost, "/api/traces", batch(), "Content-Type", "application/x-thrift").Code)
	start := time.UnixMicro(1_700_000_000_000_000)
	require.Equal(t, []signal.Span{{
		TraceID: "00000000000000000000000000000011", SpanID: "0000000000000022", ParentID: "0000000000000033", Name: "GET /cart", Kind: signal.KindServer,
		Start: start, End: start.Add(1500 * time.Microsecond), Failed: true, Service: "cart",
		Resource:   []signal.Field{{Name: "service.name", Value: "cart"}, {Name: "hostname", Value: "web-1"}, {Name: "ip", Value: "192.0.2.7"}},
		Attributes: []signal.Field{{Name: "span.kind", Value: "server"}, {Name: "error", Value: "true"}, {Name: "size", Value: "1.5"}, {Name: "n", Value: "-7"}},
		Events:     []signal.SpanEvent{{At: start.Add(100 * time.Microsecond), Name: "cache miss", Attributes: []signal.Field{{Name: "event", Value: "cache miss"}, {Name: "key", Value: "k"}}}},
		Links:      []signal.SpanLink{{TraceID: "00000000000000550000000000000044", SpanID: "0000000000000066"}},
		Hints:      signal.Hints{Service: "cart", Host: "web-1", Address: "192.0.2.7"},
	}}, r.Spans())
	require.Equal(t, 1, r.Dropped("no trace id"))
	require.Equal(t, 422, ingesttest.Do(h, http.MethodPost, "/api/traces", batch()[:50], "Content-Type", "application/x-thrift").Code)
	require.Equal(t, 415, ingesttest.Do(h, http.MethodPost, "/api/traces", batch(), "Content-Type", "application/json").Code)
	require.Equal(t, 404, ingesttest.Do(h, http.MethodPost, "/api/spans", batch()).Code)
}

func TestHostileMessagesEnd(t *testing.T) {
	t.Parallel()
	var deep writer
	for range 100_000 {
		deep.field(typeStruct, 9)
	}
	_, _, err := parse(deep)
	require.ErrorIs(t, err, errDeep)
	var wide writer
	wide.field(typeList, 9)
	wide = binary.BigEndian.AppendUint32(append(wide, typeStruct), math.MaxInt32)
	_, _, err = parse(wide)
	require.ErrorIs(t, err, errMany)
}

func FuzzParse(f *testing.F) {
	f.Add(batch())
	f.Fuzz(func(t *testing.T, b []byte) {
		spans, _, err := parse(b)
		for _, s := range spans {
			if err == nil && (len(s.TraceID) != 32 || len(s.SpanID) != 16) {
				t.Fatalf("%+v", s)
			}
		}
	})
}
