package otlp

import (
	"context"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

func (t *taker) traces(ctx context.Context, from signal.Source, td ptrace.Traces) (outcome, error) {
	spans := make([]signal.Span, 0, td.SpanCount())
	var out outcome
	for _, rs := range td.ResourceSpans().All() {
		attrs := rs.Resource().Attributes()
		hints, resource, service := hintsOf(attrs), fieldsOf(attrs), text(attrs, "service.name")
		for _, ss := range rs.ScopeSpans().All() {
			scope := scopeFields(ss.Scope())
			for _, sp := range ss.Spans().All() {
				if sp.TraceID().IsEmpty() || sp.SpanID().IsEmpty() {
					out.rejected++
					out.why = "A span has no trace id or no span id."
					continue
				}
				s := span(sp)
				s.Service, s.Resource, s.Scope, s.Hints = service, resource, scope, hints
				spans = append(spans, s)
			}
		}
	}
	if out.rejected > 0 {
		t.env.Dropped(from, "no trace id", out.rejected)
	}
	if len(spans) == 0 {
		return out, nil
	}
	got, err := t.env.Spans.TakeSpans(ctx, from, spans)
	if got.Dropped > 0 {
		out.rejected += got.Dropped
		out.why = got.Why
	}
	return out, err
}

func span(sp ptrace.Span) signal.Span {
	s := signal.Span{
		TraceID: sp.TraceID().String(), SpanID: sp.SpanID().String(), ParentID: parent(sp.ParentSpanID()), Name: sp.Name(),
		Start: moment(sp.StartTimestamp()), End: moment(sp.EndTimestamp()),
		Failed: sp.Status().Code() == ptrace.StatusCodeError, StatusText: sp.Status().Message(),
		Attributes: fieldsOf(sp.Attributes()),
	}
	if k := sp.Kind(); k >= 0 && k <= ptrace.SpanKindConsumer {
		s.Kind = signal.SpanKind(k)
	}
	for _, e := range sp.Events().All() {
		s.Events = append(s.Events, signal.SpanEvent{At: moment(e.Timestamp()), Name: e.Name(), Attributes: fieldsOf(e.Attributes())})
	}
	for _, l := range sp.Links().All() {
		s.Links = append(s.Links, signal.SpanLink{TraceID: l.TraceID().String(), SpanID: l.SpanID().String(), Attributes: fieldsOf(l.Attributes())})
	}
	return s
}

func parent(id pcommon.SpanID) string {
	if id.IsEmpty() {
		return ""
	}
	return id.String()
}
