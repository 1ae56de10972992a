// Package loki takes what senders push to Grafana Loki: JSON, and protobuf packed
// with snappy.
package loki

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/golang/snappy"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/answer"
	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/logfield"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

func init() {
	signal.Register(signal.Protocol{Name: "loki", Title: "Loki push", HTTP: func(env signal.Env) http.Handler { return &handler{env} }})
}

type handler struct{ env signal.Env }

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch strings.TrimPrefix(r.URL.Path, "/loki") {
	case "/api/v1/push", "/api/prom/push":
		if answer.Method(w, r, http.MethodPost) {
			h.push(w, r)
		}
	case "/ready":
		_, _ = w.Write([]byte("ready\n"))
	default:
		answer.NotFound(w, r, "/ingest/loki/api/v1/push")
	}
}

func (h *handler) push(w http.ResponseWriter, r *http.Request) {
	from, _ := signal.From(r.Context())
	body, err := signal.Body(r)
	if err != nil {
		answer.Error(w, err)
		return
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	var got []signal.Line
	if kind == "application/json" || kind != "application/x-protobuf" && len(bytes.TrimSpace(body)) > 0 && bytes.TrimSpace(body)[0] == '{' {
		got, err = decodeJSON(body)
	} else {
		// Senders pack it without saying so in a header.
		if r.Header.Get("Content-Encoding") == "" {
			body, err = unpack(body)
		}
		if err == nil {
			got, err = decode(string(body))
		}
	}
	if err != nil {
		h.env.Malformed(from, err.Error())
		answer.Error(w, errs.Wrap(errs.Invalid, err, "This is not a push of Loki: %s.", err))
		return
	}
	var receipt signal.Receipt
	if len(got) > 0 {
		if receipt, err = h.env.Lines.TakeLines(r.Context(), from, got); err != nil {
			answer.Error(w, err)
			return
		}
	}
	answer.Taken(w, r, receipt)
}

func unpack(b []byte) ([]byte, error) {
	n, err := snappy.DecodedLen(b)
	if err != nil || n > signal.MaxBody {
		return nil, errors.New("it is not packed with snappy, or larger than 64 MiB")
	}
	plain, err := snappy.Decode(nil, b)
	if err != nil {
		return nil, errors.New("it is not packed with snappy")
	}
	return plain, nil
}

// stream makes lines of the entries of one stream.
type stream struct {
	labels []signal.Field
	hints  signal.Hints
	level  string
}

func newStream(labels []signal.Field) stream {
	s := stream{labels: labels, hints: logfield.Hints(labels)}
	s.level = logfield.Level(logfield.Find(labels, "level", "detected_level", "severity"))
	return s
}

func (s *stream) line(at time.Time, text string, meta []signal.Field) signal.Line {
	l := signal.Line{At: at, Message: text, Level: s.level, Stream: s.labels, Fields: meta, Hints: s.hints}
	if v := logfield.Level(logfield.Find(meta, "level", "detected_level", "severity_text", "severity")); v != "" {
		l.Level = v
	}
	if l.Hints.Host == "" && len(meta) > 0 {
		l.Hints = logfield.Hints(meta)
	}
	return l
}

type jsonPush struct {
	Streams []struct {
		Stream map[string]string   `json:"stream"`
		Labels string              `json:"labels"`
		Values [][]json.RawMessage `json:"values"`
	} `json:"streams"`
}

func decodeJSON(body []byte) ([]signal.Line, error) {
	var p jsonPush
	if err := json.Unmarshal(body, &p); err != nil {
		return nil, err
	}
	var out []signal.Line
	for i, in := range p.Streams {
		labels, err := parseLabels(in.Labels)
		if err != nil {
			return nil, err
		}
		for _, k := range sorted(in.Stream) {
			labels = append(labels, signal.Field{Name: k, Value: in.Stream[k]})
		}
		s := newStream(labels)
		for j, v := range in.Values {
			where := fmt.Sprintf("streams[%d].values[%d]", i, j)
			if len(v) < 2 {
				return nil, fmt.Errorf("%s must be a time and a line", where)
			}
			at, err := nanos(v[0])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", where, err)
			}
			var text string
			if err := json.Unmarshal(v[1], &text); err != nil {
				return nil, fmt.Errorf("%s: the line must be a text", where)
			}
			var meta []signal.Field
			if len(v) > 2 {
				if meta, err = logfield.Flatten(v[2]); err != nil {
					return nil, fmt.Errorf("%s: %w", where, err)
				}
			}
			out = append(out, s.line(at, text, meta))
		}
	}
	return out, nil
}

func nanos(raw json.RawMessage) (time.Time, error) {
	n, err := strconv.ParseInt(strings.Trim(string(raw), `"`), 10, 64)
	if err != nil {
		return time.Time{}, errors.New("the time must be nanoseconds since 1970 as text")
	}
	return time.Unix(0, n).UTC(), nil
}

func sorted(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	// Few labels: the simplest sort is quick enough.
	for i := 1; i < len(out); i++ {
		for j := i; j > 0 && out[j] < out[j-1]; j-- {
			out[j], out[j-1] = out[j-1], out[j]
		}
	}
	return out
}

// parseLabels reads {a="b", c="d"}; an empty text has none.
func parseLabels(s string) ([]signal.Field, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return nil, nil
	}
	bad := errors.New(`the labels must be like {app="shop", host="web1"}`)
	if len(s) < 2 || s[0] != '{' || s[len(s)-1] != '}' {
		return nil, bad
	}
	s = strings.TrimSpace(s[1 : len(s)-1])
	var out []signal.Field
	for s != "" {
		name, rest, ok := strings.Cut(s, "=")
		name = strings.TrimSpace(name)
		if !ok || name == "" || len(out) >= 100 {
			return nil, bad
		}
		rest = strings.TrimSpace(rest)
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			return nil, bad
		}
		value, err := strconv.Unquote(quoted)
		if err != nil {
			return nil, bad
		}
		if signal.Value(out, name) == "" && value != "" {
			out = append(out, signal.Field{Name: name, Value: value})
		}
		rest = strings.TrimSpace(rest[len(quoted):])
		if rest != "" {
			if rest[0] != ',' {
				return nil, bad
			}
			rest = strings.TrimSpace(rest[1:])
		}
		s = rest
	}
	return out, nil
}

var errProto = errors.New("the protobuf message is damaged")

// each calls field for every field of a message. Values that are not bytes are given
// as number.
func each(b string, field func(num protowire.Number, bytes string, number uint64) error) error {
	raw := []byte(b)
	for len(raw) > 0 {
		num, typ, n := protowire.ConsumeTag(raw)
		if n < 0 {
			return errProto
		}
		raw, b = raw[n:], b[n:]
		var text string
		var number uint64
		switch typ {
		case protowire.BytesType:
			var v []byte
			if v, n = protowire.ConsumeBytes(raw); n >= 0 {
				text = b[n-len(v) : n]
			}
		case protowire.VarintType:
			number, n = protowire.ConsumeVarint(raw)
		default:
			n = protowire.ConsumeFieldValue(num, typ, raw)
		}
		if n < 0 {
			return errProto
		}
		raw, b = raw[n:], b[n:]
		if err := field(num, text, number); err != nil {
			return err
		}
	}
	return nil
}

// decode reads logproto.PushRequest. Numbers of fields: PushRequest.streams 1;
// StreamAdapter.labels 1, entries 2; EntryAdapter.timestamp 1, line 2,
// structuredMetadata 3; Timestamp.seconds 1, nanos 2; LabelPairAdapter.name 1,
// value 2.
func decode(b string) ([]signal.Line, error) {
	var out []signal.Line
	err := each(b, func(num protowire.Number, body string, _ uint64) error {
		if num != 1 {
			return nil
		}
		var labels string
		var entries []string
		if err := each(body, func(num protowire.Number, v string, _ uint64) error {
			switch num {
			case 1:
				labels = v
			case 2:
				entries = append(entries, v)
			}
			return nil
		}); err != nil {
			return err
		}
		fs, err := parseLabels(labels)
		if err != nil {
			return err
		}
		s := newStream(fs)
		for _, e := range entries {
			l, err := entry(&s, e)
			if err != nil {
				return err
			}
			out = append(out, l)
		}
		return nil
	})
	return out, err
}

func entry(s *stream, b string) (signal.Line, error) {
	var at time.Time
	var text string
	var meta []signal.Field
	err := each(b, func(num protowire.Number, v string, _ uint64) error {
		switch num {
		case 1:
			var sec, nano uint64
			if err := each(v, func(num protowire.Number, _ string, n uint64) error {
				switch num {
				case 1:
					sec = n
				case 2:
					nano = n
				}
				return nil
			}); err != nil {
				return err
			}
			at = time.Unix(int64(sec), int64(nano)).UTC() //nolint:gosec // a wrong time is a wrong time
		case 2:
			text = v
		case 3:
			var f signal.Field
			if err := each(v, func(num protowire.Number, v string, _ uint64) error {
				switch num {
				case 1:
					f.Name = v
				case 2:
					f.Value = v
				}
				return nil
			}); err != nil {
				return err
			}
			if len(meta) < 1000 {
				meta = append(meta, f)
			}
		}
		return nil
	})
	return s.line(at, text, meta), err
}
