// Package zipkin takes spans as Zipkin's version 2 JSON.
package zipkin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/answer"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

func init() {
	signal.Register(signal.Protocol{Name: "zipkin", Title: "Zipkin", HTTP: func(env signal.Env) http.Handler { return &handler{env} }})
}

type handler struct{ env signal.Env }

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/api/v2/spans" {
		answer.NotFound(w, r, "/ingest/zipkin/api/v2/spans")
		return
	}
	if !answer.Method(w, r, http.MethodPost) {
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
		answer.Error(w, errs.Wrap(errs.Invalid, err, "This is not an array of Zipkin v2 spans: %s.", err))
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

type endpoint struct {
	ServiceName string `json:"serviceName"`
	IPv4        string `json:"ipv4"`
	IPv6        string `json:"ipv6"`
	Port        int    `json:"port"`
}

func (e *endpoint) address() string {
	if e == nil {
		return ""
	}
	if e.IPv4 != "" {
		return e.IPv4
	}
	return e.IPv6
}

// micros is a count of microseconds; some senders write it as a string.
type micros int64

// UnmarshalJSON reads a number or a string.
func (m *micros) UnmarshalJSON(b []byte) error {
	s := strings.Trim(string(b), `"`)
	if s == "null" || s == "" {
		return nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f < 0 || f > math.MaxInt64/1000 {
		return fmt.Errorf("%s is not a count of microseconds", short(s))
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		n = int64(f)
	}
	*m = micros(n)
	return nil
}

type wireSpan struct {
	TraceID     string            `json:"traceId"`
	ID          string            `json:"id"`
	ParentID    string            `json:"parentId"`
	Kind        string            `json:"kind"`
	Name        string            `json:"name"`
	Timestamp   micros            `json:"timestamp"`
	Duration    micros            `json:"duration"`
	Shared      bool              `json:"shared"`
	Local       *endpoint         `json:"localEndpoint"`
	Remote      *endpoint         `json:"remoteEndpoint"`
	Annotations []annotation      `json:"annotations"`
	Tags        map[string]string `json:"tags"`
}

type annotation struct {
	Timestamp micros `json:"timestamp"`
	Value     string `json:"value"`
}

const maxSpans = 200_000

var errArray = errors.New("it must be an array")

// parse reads an array of spans. bad counts those without valid ids.
func parse(body []byte) (spans []signal.Span, bad int, err error) {
	d := json.NewDecoder(bytes.NewReader(body))
	t, err := d.Token()
	if err != nil || t != json.Delim('[') {
		return nil, 0, errArray
	}
	for d.More() {
		var w wireSpan
		if err := d.Decode(&w); err != nil {
			return nil, 0, err
		}
		if len(spans)+bad >= maxSpans {
			return nil, 0, fmt.Errorf("it has more than %d spans", maxSpans)
		}
		s, ok := w.span()
		if !ok {
			bad++
			continue
		}
		spans = append(spans, s)
	}
	if _, err := d.Token(); err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, err
	}
	return spans, bad, nil
}

// hex brings an id to a width, in lower case; ids of 64 bits get zeros before them.
func hex(s string, width int) (string, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	if len(s) > width {
		return "", false
	}
	zero := true
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return "", false
		}
		zero = zero && c == '0'
	}
	return strings.Repeat("0", width-len(s)) + s, !zero
}

var kinds = map[string]signal.SpanKind{
	"CLIENT": signal.KindClient, "SERVER": signal.KindServer, "PRODUCER": signal.KindProducer, "CONSUMER": signal.KindConsumer,
}

// SharedAttribute marks the server half of a call whose client half has the same
// span id (Zipkin's "shared").
const SharedAttribute = "zipkin.shared"

func (w *wireSpan) span() (s signal.Span, ok bool) {
	if s.TraceID, ok = hex(w.TraceID, 32); !ok {
		return s, false
	}
	if s.SpanID, ok = hex(w.ID, 16); !ok {
		return s, false
	}
	if p, ok := hex(w.ParentID, 16); ok {
		s.ParentID = p
	}
	s.Name, s.Kind = w.Name, kinds[strings.ToUpper(w.Kind)]
	if s.Kind == signal.KindUnspecified {
		s.Kind = signal.KindInternal
	}
	if w.Timestamp > 0 {
		s.Start = time.UnixMicro(int64(w.Timestamp))
		s.End = s.Start.Add(time.Duration(w.Duration) * time.Microsecond)
	}
	if w.Local != nil {
		s.Service = w.Local.ServiceName
		s.Hints = signal.Hints{Service: s.Service, Address: w.Local.address()}
		s.Resource = append(s.Resource, signal.Field{Name: "service.name", Value: s.Service})
		if a := w.Local.address(); a != "" {
			s.Resource = append(s.Resource, signal.Field{Name: "host.ip", Value: a})
		}
	}
	add := func(name, value string) {
		if value != "" && w.Tags[name] == "" {
			s.Attributes = append(s.Attributes, signal.Field{Name: name, Value: value})
		}
	}
	for _, k := range slices.Sorted(maps.Keys(w.Tags)) {
		s.Attributes = append(s.Attributes, signal.Field{Name: k, Value: w.Tags[k]})
	}
	if w.Shared {
		add(SharedAttribute, "true")
	}
	if w.Remote != nil {
		add("peer.service", w.Remote.ServiceName)
		add("network.peer.address", w.Remote.address())
		if w.Remote.Port > 0 {
			add("network.peer.port", strconv.Itoa(w.Remote.Port))
		}
	}
	if e, failed := w.Tags["error"]; failed && e != "false" {
		s.Failed = true
		if e != "true" {
			s.StatusText = e
		}
	}
	for _, a := range w.Annotations {
		s.Events = append(s.Events, signal.SpanEvent{At: time.UnixMicro(int64(a.Timestamp)), Name: a.Value})
	}
	return s, true
}

func short(s string) string {
	if len(s) > 40 {
		s = s[:40]
	}
	return strconv.Quote(s)
}
