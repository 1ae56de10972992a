package ingest

import (
	"context"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

// gate stands between adapters and stores. It implements signal.Intake.
type gate struct{ s *Service }

var _ signal.Intake = gate{}

// enter counts that somebody sends n of a kind and asks for the limit. bytes counts
// for what did not come in a request, whose body was counted already.
func (g gate) enter(ctx context.Context, from signal.Source, kind, n, bytes int) (*sender, error) {
	sd := g.s.senders.of(from)
	if _, request := signal.From(ctx); request {
		bytes = 0
	}
	g.s.senders.heard(sd, from, bytes)
	limits := g.s.settings().Limits
	now := g.s.now()
	ok, wait := sd.allow(now, kind, int64(n), limits.rate(kind))
	if ok && bytes > 0 {
		ok, wait = sd.allow(now, bytesRate, int64(bytes), limits.BytesPerSecond)
	}
	if !ok {
		err := errs.New(errs.TooMany, "%s sends more %s than its limit allows. Try again in %.0f seconds.", from.Sender, kindNames[kind], wait.Seconds())
		g.s.senders.lost(sd, reasonRate, err.Message, n)
		return sd, err
	}
	return sd, nil
}

func (g gate) leave(sd *sender, kind, n int, r signal.Receipt, err error) (signal.Receipt, error) {
	if err != nil {
		reason := reasonStore
		if errs.Is(err, errs.Unavailable) {
			reason = reasonUnavailable
		}
		g.s.senders.lost(sd, reason, errs.Message(err), n)
		return r, err
	}
	g.s.senders.took(sd, kind, r.Taken)
	g.s.senders.lost(sd, reasonStore, r.Why, r.Dropped)
	return r, nil
}

func absent(what string) error {
	return errs.New(errs.Unavailable, "This server keeps no %s.", what)
}

// TakeSamples implements signal.Samples.
func (g gate) TakeSamples(ctx context.Context, from signal.Source, in []signal.Sample, meta map[string]signal.Meta) (signal.Receipt, error) {
	sd, err := g.enter(ctx, from, samples, len(in), 0)
	if err != nil {
		return signal.Receipt{}, err
	}
	if g.s.samples == nil {
		return g.leave(sd, samples, len(in), signal.Receipt{}, absent("metrics"))
	}
	g.s.match.samples(ctx, from, in)
	r, err := g.s.samples.TakeSamples(ctx, from, in, meta)
	return g.leave(sd, samples, len(in), r, err)
}

// TakeLines implements signal.Lines.
func (g gate) TakeLines(ctx context.Context, from signal.Source, in []signal.Line) (signal.Receipt, error) {
	bytes := 0
	for i := range in {
		bytes += len(in[i].Message)
	}
	sd, err := g.enter(ctx, from, lines, len(in), bytes)
	if err != nil {
		return signal.Receipt{}, err
	}
	if g.s.lines == nil {
		return g.leave(sd, lines, len(in), signal.Receipt{}, absent("logs"))
	}
	for i := range in {
		l := &in[i]
		if signal.Value(l.Stream, "item") != "" {
			continue
		}
		if item := g.s.match.item(ctx, from, l.Hints); item != "" {
			l.Stream = append(l.Stream[:len(l.Stream):len(l.Stream)], signal.Field{Name: "item", Value: item})
		}
	}
	r, err := g.s.lines.TakeLines(ctx, from, in)
	return g.leave(sd, lines, len(in), r, err)
}

// TakeSpans implements signal.Spans.
func (g gate) TakeSpans(ctx context.Context, from signal.Source, in []signal.Span) (signal.Receipt, error) {
	sd, err := g.enter(ctx, from, spans, len(in), 0)
	if err != nil {
		return signal.Receipt{}, err
	}
	if g.s.spans == nil {
		return g.leave(sd, spans, len(in), signal.Receipt{}, absent("traces"))
	}
	for i := range in {
		s := &in[i]
		if signal.Value(s.Resource, "item") != "" {
			continue
		}
		if item := g.s.match.item(ctx, from, s.Hints); item != "" {
			s.Resource = append(s.Resource[:len(s.Resource):len(s.Resource)], signal.Field{Name: "item", Value: item})
		}
	}
	r, err := g.s.spans.TakeSpans(ctx, from, in)
	return g.leave(sd, spans, len(in), r, err)
}

// TakeFlowReport implements signal.FlowReports. How many records a datagram has is
// known when it was read, so the limit holds from the next one on.
func (g gate) TakeFlowReport(ctx context.Context, from signal.Source, r signal.FlowReport) (int, error) {
	sd, err := g.enter(ctx, from, flows, 0, len(r.Bytes))
	if err != nil {
		g.s.senders.lost(sd, reasonRate, errs.Message(err), 1)
		return 0, err
	}
	if g.s.flows == nil {
		err := absent("flows")
		g.s.senders.lost(sd, reasonUnavailable, errs.Message(err), 1)
		return 0, err
	}
	r.Item = g.s.match.item(ctx, from, signal.Hints{})
	n, err := g.s.flows.TakeFlowReport(ctx, from, r)
	sd.allow(g.s.now(), flows, int64(n), g.s.settings().Limits.FlowsPerSecond)
	g.s.senders.took(sd, flows, n)
	if err != nil {
		reason := reasonMalformed
		if errs.Is(err, errs.Unavailable) {
			reason = reasonUnavailable
		}
		g.s.senders.lost(sd, reason, errs.Message(err), 1)
	}
	return n, err
}

// TakeAlerts implements signal.Alerts.
func (g gate) TakeAlerts(ctx context.Context, from signal.Source, in []signal.Alert) (signal.Receipt, error) {
	sd, err := g.enter(ctx, from, alerts, len(in), 0)
	if err != nil {
		return signal.Receipt{}, err
	}
	if g.s.alerts == nil {
		return g.leave(sd, alerts, len(in), signal.Receipt{}, absent("alerts"))
	}
	for i := range in {
		a := &in[i]
		// An alert that names no host is about none: the sender is not what is wrong.
		if a.Item == "" && a.Hints != (signal.Hints{}) {
			a.Item = g.s.match.item(ctx, from, a.Hints)
		}
	}
	r, err := g.s.alerts.TakeAlerts(ctx, from, in)
	return g.leave(sd, alerts, len(in), r, err)
}

// MapAlerts implements signal.Alerts.
func (g gate) MapAlerts(ctx context.Context, mapping string, p signal.Payload) (signal.Read, error) {
	if g.s.alerts == nil {
		return signal.Read{}, absent("alerts")
	}
	return g.s.alerts.MapAlerts(ctx, mapping, p)
}
