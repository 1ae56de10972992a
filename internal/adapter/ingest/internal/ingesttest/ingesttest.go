// Package ingesttest stands in for the stores in tests of protocols: it keeps what it
// is given, copied as a store would.
package ingesttest

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

// Token is the one that is valid.
const Token = "right-token"

// Recorder keeps signals.
type Recorder struct {
	// Err is what stores answer.
	Err error
	// Refuse drops as many of each batch.
	Refuse int

	mu        sync.Mutex
	samples   []signal.Sample
	lines     []signal.Line
	spans     []signal.Span
	alerts    []signal.Alert
	meta      map[string]signal.Meta
	malformed []string
	dropped   map[string]int
}

func clone(fs []signal.Field) []signal.Field {
	out := slices.Clone(fs)
	for i := range out {
		out[i] = signal.Field{Name: strings.Clone(out[i].Name), Value: strings.Clone(out[i].Value)}
	}
	return out
}

func (r *Recorder) receipt(n int) (signal.Receipt, error) {
	if r.Err != nil {
		return signal.Receipt{}, r.Err
	}
	d := min(n, r.Refuse)
	out := signal.Receipt{Taken: n - d, Dropped: d}
	if d > 0 {
		out.Why = "The test refuses it."
	}
	return out, nil
}

// TakeSamples implements signal.Samples.
func (r *Recorder) TakeSamples(_ context.Context, _ signal.Source, in []signal.Sample, meta map[string]signal.Meta) (signal.Receipt, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range in {
		s.Name, s.Labels = strings.Clone(s.Name), clone(s.Labels)
		if s.Hints != nil {
			h := *s.Hints
			s.Hints = &h
		}
		r.samples = append(r.samples, s)
	}
	if r.meta == nil {
		r.meta = map[string]signal.Meta{}
	}
	for k, v := range meta {
		r.meta[strings.Clone(k)] = signal.Meta{Type: strings.Clone(v.Type), Unit: strings.Clone(v.Unit), Help: strings.Clone(v.Help)}
	}
	return r.receipt(len(in))
}

// TakeLines implements signal.Lines.
func (r *Recorder) TakeLines(_ context.Context, _ signal.Source, in []signal.Line) (signal.Receipt, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range in {
		l.Stream, l.Fields = slices.Clone(l.Stream), slices.Clone(l.Fields)
		r.lines = append(r.lines, l)
	}
	return r.receipt(len(in))
}

// TakeSpans implements signal.Spans.
func (r *Recorder) TakeSpans(_ context.Context, _ signal.Source, in []signal.Span) (signal.Receipt, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spans = append(r.spans, in...)
	return r.receipt(len(in))
}

// TakeAlerts implements signal.Alerts.
func (r *Recorder) TakeAlerts(_ context.Context, _ signal.Source, in []signal.Alert) (signal.Receipt, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.alerts = append(r.alerts, in...)
	return r.receipt(len(in))
}

// MapAlerts implements signal.Alerts: the payload's text is the key.
func (r *Recorder) MapAlerts(_ context.Context, mapping string, p signal.Payload) (signal.Read, error) {
	if r.Err != nil {
		return signal.Read{}, r.Err
	}
	return signal.Read{Alerts: []signal.Alert{{Key: string(p.Body), Name: mapping}}}, nil
}

// Alerts gives what was taken.
func (r *Recorder) Alerts() []signal.Alert {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.alerts)
}

// Samples gives what was taken.
func (r *Recorder) Samples() []signal.Sample {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.samples)
}

// Lines gives what was taken.
func (r *Recorder) Lines() []signal.Line {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.lines)
}

// Spans gives what was taken.
func (r *Recorder) Spans() []signal.Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.spans)
}

// Meta gives what was said of a metric.
func (r *Recorder) Meta(name string) signal.Meta {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.meta[name]
}

// Malformed gives the reasons that were counted.
func (r *Recorder) Malformed() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.malformed)
}

// Dropped tells how many were counted as left out.
func (r *Recorder) Dropped(reason string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dropped[reason]
}

// Series gives the values by "name{label=value,…}", with labels as they stand.
func (r *Recorder) Series() map[string][]float64 {
	out := map[string][]float64{}
	for _, s := range r.Samples() {
		k := Key(s)
		out[k] = append(out[k], s.Value)
	}
	return out
}

// Key writes name and labels of a sample.
func Key(s signal.Sample) string {
	var b strings.Builder
	b.WriteString(s.Name)
	b.WriteByte('{')
	for i, f := range s.Labels {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(f.Name + "=" + f.Value)
	}
	b.WriteByte('}')
	return b.String()
}

// Env lends the recorder to a protocol. Loopback addresses may send.
func (r *Recorder) Env() signal.Env {
	return signal.Env{
		Sinks:  signal.Sinks{Lines: r, Samples: r, Spans: r, Alerts: r},
		Logger: slog.New(slog.DiscardHandler),
		Admit: func(protocol string, addr net.Addr) (signal.Source, bool) {
			ap, err := netip.ParseAddrPort(addr.String())
			return signal.Source{Protocol: protocol, Sender: ap.Addr().String(), Address: ap.Addr()}, err == nil && ap.Addr().Unmap().IsLoopback()
		},
		Token: func(_ context.Context, protocol, token string, _ net.Addr) (signal.Source, bool) {
			return signal.Source{Protocol: protocol, Sender: "collector"}, token == Token
		},
		Malformed: func(_ signal.Source, why string) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.malformed = append(r.malformed, why)
		},
		Dropped: func(_ signal.Source, reason string, n int) {
			r.mu.Lock()
			defer r.mu.Unlock()
			if r.dropped == nil {
				r.dropped = map[string]int{}
			}
			r.dropped[reason] += n
		},
	}
}

// Handler gives the handler of a registered protocol.
func (r *Recorder) Handler(name string) http.Handler {
	for _, p := range signal.Protocols() {
		if p.Name == name {
			return p.HTTP(r.Env())
		}
	}
	return nil
}

// Do sends a request to the handler as the gate would. header has pairs of name and
// value.
func Do(h http.Handler, method, path string, body []byte, header ...string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, path, bytes.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	req = req.WithContext(signal.With(req.Context(), signal.Source{Protocol: "test", Sender: "collector", Address: netip.MustParseAddr("192.0.2.1")}))
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	return rec
}
