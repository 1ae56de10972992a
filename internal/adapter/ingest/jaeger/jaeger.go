// Package jaeger takes spans as clients of Jaeger send them to its collector: a batch
// in Thrift's binary protocol over HTTP.
package jaeger

import (
	"encoding/base64"
	"fmt"
	"math"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/answer"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

func init() {
	signal.Register(signal.Protocol{Name: "jaeger", Title: "Jaeger (Thrift over HTTP)", HTTP: func(env signal.Env) http.Handler { return &handler{env} }})
}

type handler struct{ env signal.Env }

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/api/traces" {
		answer.NotFound(w, r, "/ingest/jaeger/api/traces")
		return
	}
	if !answer.Method(w, r, http.MethodPost) {
		return
	}
	switch kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind {
	case "application/x-thrift", "application/vnd.apache.thrift.binary":
	default:
		http.Error(w, "The content type must be application/x-thrift.", http.StatusUnsupportedMediaType)
		return
	}
	body, err := signal.Body(r)
	if err != nil {
		answer.Error(w, err)
		return
	}
	from, _ := signal.From(r.Context())
	spans, bad, err := parse(body)
	if err != nil {
		h.env.Malformed(from, err.Error())
		answer.Error(w, errs.Wrap(errs.Invalid, err, "This is not a batch of Jaeger in Thrift's binary protocol: %s.", err))
		return
	}
	if bad > 0 {
		h.env.Dropped(from, "no trace id", bad)
	}
	if len(spans) > 0 {
		if _, err := h.env.Spans.TakeSpans(r.Context(), from, spans); err != nil {
			answer.Error(w, err)
			return
		}
	}
	w.WriteHeader(http.StatusAccepted)
}

// parse reads jaeger.thrift's Batch {1: Process, 2: list<Span>}.
func parse(body []byte) (spans []signal.Span, bad int, err error) {
	r := &reader{b: body}
	var service string
	var resource []signal.Field
	r.fields(func(id int16, kind byte) {
		switch {
		case id == 1 && kind == typeStruct:
			service, resource = r.process()
		case id == 2 && kind == typeList:
			r.list(typeStruct, func() {
				if s, ok := r.span(); ok {
					spans = append(spans, s)
				} else {
					bad++
				}
			})
		default:
			r.skip(kind, 0)
		}
	})
	if r.err != nil {
		return nil, 0, r.err
	}
	h := signal.Hints{Service: service, Host: signal.Value(resource, "host.name")}
	if h.Host == "" {
		h.Host = signal.Value(resource, "hostname")
	}
	h.Address = signal.Value(resource, "ip")
	for i := range spans {
		spans[i].Service, spans[i].Resource, spans[i].Hints = service, resource, h
	}
	return spans, bad, nil
}

// process reads Process {1: serviceName, 2: list<Tag>}.
func (r *reader) process() (service string, resource []signal.Field) {
	var tags []signal.Field
	r.fields(func(id int16, kind byte) {
		switch {
		case id == 1 && kind == typeString:
			service = r.string()
		case id == 2 && kind == typeList:
			tags = r.tags()
		default:
			r.skip(kind, 0)
		}
	})
	resource = []signal.Field{{Name: "service.name", Value: service}}
	for _, t := range tags {
		resource = set(resource, t)
	}
	return service, resource
}

// set adds a field; the first of a name stays.
func set(fs []signal.Field, f signal.Field) []signal.Field {
	for _, g := range fs {
		if g.Name == f.Name {
			return fs
		}
	}
	return append(fs, f)
}

func (r *reader) tags() (out []signal.Field) {
	r.list(typeStruct, func() {
		if f, ok := r.tag(); ok {
			out = set(out, f)
		}
	})
	return out
}

// tag reads Tag {1: key, 2: vType, 3: vStr, 4: vDouble, 5: vBool, 6: vLong, 7: vBinary}.
func (r *reader) tag() (f signal.Field, ok bool) {
	r.fields(func(id int16, kind byte) {
		switch {
		case id == 1 && kind == typeString:
			f.Name = r.string()
		case id == 3 && kind == typeString:
			f.Value = r.string()
		case id == 4 && kind == typeDouble:
			f.Value = strconv.FormatFloat(r.double(), 'g', -1, 64)
		case id == 5 && kind == typeBool:
			f.Value = strconv.FormatBool(r.byte() != 0)
		case id == 6 && kind == typeI64:
			f.Value = strconv.FormatInt(r.i64(), 10)
		case id == 7 && kind == typeString:
			f.Value = base64.StdEncoding.EncodeToString(r.bytes())
		default:
			r.skip(kind, 0)
		}
	})
	return f, f.Name != ""
}

// The reference types of SpanRef.
const childOf = 0

// span reads Span {1: traceIdLow, 2: traceIdHigh, 3: spanId, 4: parentSpanId,
// 5: operationName, 6: references, 7: flags, 8: startTime, 9: duration, 10: tags,
// 11: logs}; times are microseconds.
func (r *reader) span() (s signal.Span, ok bool) {
	var low, high, id, parent, start, length int64
	var child int64
	r.fields(func(field int16, kind byte) {
		switch {
		case kind == typeI64 && field == 1:
			low = r.i64()
		case kind == typeI64 && field == 2:
			high = r.i64()
		case kind == typeI64 && field == 3:
			id = r.i64()
		case kind == typeI64 && field == 4:
			parent = r.i64()
		case kind == typeString && field == 5:
			s.Name = r.string()
		case kind == typeList && field == 6:
			r.list(typeStruct, func() {
				ref, span, of := r.reference()
				if of == childOf && child == 0 {
					child = span
				} else {
					s.Links = append(s.Links, ref)
				}
			})
		case kind == typeI64 && field == 8:
			start = r.i64()
		case kind == typeI64 && field == 9:
			length = r.i64()
		case kind == typeList && field == 10:
			s.Attributes = r.tags()
		case kind == typeList && field == 11:
			r.list(typeStruct, func() { s.Events = append(s.Events, r.log()) })
		default:
			r.skip(kind, 0)
		}
	})
	if parent == 0 {
		parent = child
	}
	s.TraceID, s.SpanID = fmt.Sprintf("%016x%016x", uint64(high), uint64(low)), hex(id)
	if parent != 0 {
		s.ParentID = hex(parent)
	}
	s.Start = micros(start)
	s.End = s.Start
	if length > 0 && length < math.MaxInt64/1000 && start > 0 {
		s.End = s.Start.Add(time.Duration(length) * time.Microsecond)
	}
	describe(&s)
	return s, (low != 0 || high != 0) && id != 0
}

// kinds are the values of OpenTracing's tag "span.kind".
var kinds = map[string]signal.SpanKind{
	"client": signal.KindClient, "server": signal.KindServer, "producer": signal.KindProducer, "consumer": signal.KindConsumer, "internal": signal.KindInternal,
}

// describe reads kind and failure from the tags, as OpenTracing and OpenTelemetry
// write them.
func describe(s *signal.Span) {
	s.Kind = kinds[signal.Value(s.Attributes, "span.kind")]
	if s.Kind == signal.KindUnspecified {
		s.Kind = signal.KindInternal
	}
	s.Failed = signal.Value(s.Attributes, "error") == "true" || signal.Value(s.Attributes, "otel.status_code") == "ERROR"
	s.StatusText = signal.Value(s.Attributes, "otel.status_description")
}

func hex(id int64) string { return fmt.Sprintf("%016x", uint64(id)) }

func micros(n int64) time.Time {
	if n <= 0 {
		return time.Time{}
	}
	return time.UnixMicro(n)
}

// reference reads SpanRef {1: refType, 2: traceIdLow, 3: traceIdHigh, 4: spanId}.
func (r *reader) reference() (l signal.SpanLink, span int64, kind int32) {
	var low, high int64
	r.fields(func(id int16, t byte) {
		switch {
		case id == 1 && t == typeI32:
			kind = r.i32()
		case id == 2 && t == typeI64:
			low = r.i64()
		case id == 3 && t == typeI64:
			high = r.i64()
		case id == 4 && t == typeI64:
			span = r.i64()
		default:
			r.skip(t, 0)
		}
	})
	return signal.SpanLink{TraceID: fmt.Sprintf("%016x%016x", uint64(high), uint64(low)), SpanID: hex(span)}, span, kind
}

// log reads Log {1: timestamp, 2: fields}. Its name is the field "event".
func (r *reader) log() (e signal.SpanEvent) {
	r.fields(func(id int16, kind byte) {
		switch {
		case id == 1 && kind == typeI64:
			e.At = micros(r.i64())
		case id == 2 && kind == typeList:
			e.Attributes = r.tags()
		default:
			r.skip(kind, 0)
		}
	})
	e.Name = signal.Value(e.Attributes, "event")
	if e.Name == "" {
		e.Name = "log"
	}
	return e
}
