package otlp

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/mainstay-ops/mainstay/internal/adapter/ingest/internal/naming"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

// maxText bounds the value of a label.
const maxText = 1024

// reading is one request with metrics being turned into samples.
type reading struct {
	t       *taker
	from    signal.Source
	now     time.Time
	samples []signal.Sample
	meta    map[string]signal.Meta
	// base are the labels that all points of a scope have, sorted; hints those of the
	// resource.
	base  []signal.Field
	hints *signal.Hints
	// latest is the newest moment of a resource.
	latest time.Time

	exemplars, stale, late int
}

func (t *taker) metrics(ctx context.Context, from signal.Source, md pmetric.Metrics) (outcome, error) {
	r := &reading{t: t, from: from, now: time.Now(), meta: map[string]signal.Meta{}, samples: make([]signal.Sample, 0, md.DataPointCount()*2)}
	for _, rm := range md.ResourceMetrics().All() {
		r.resource(rm)
	}
	t.totals.sweep(r.now)
	if r.exemplars > 0 {
		t.env.Dropped(from, "exemplars", r.exemplars)
	}
	var out outcome
	if r.late > 0 {
		out = outcome{r.late, "A delta is older than one that came before, or there are too many series with deltas."}
		t.env.Dropped(from, "delta out of order", r.late)
	}
	if len(r.samples) == 0 {
		return out, nil
	}
	got, err := t.env.Samples.TakeSamples(ctx, from, r.samples, r.meta)
	if got.Dropped > 0 {
		out.rejected += got.Dropped
		out.why = got.Why
	}
	return out, err
}

// resource reads what one resource sends. Its attributes are labels of target_info;
// job and instance name it on all series (OpenTelemetry's compatibility
// specification for Prometheus).
func (r *reading) resource(rm pmetric.ResourceMetrics) {
	attrs := rm.Resource().Attributes()
	h := hintsOf(attrs)
	r.hints, r.latest = &h, time.Time{}
	job := text(attrs, "service.name")
	if ns := text(attrs, "service.namespace"); ns != "" && job != "" {
		job = ns + "/" + job
	}
	instance := text(attrs, "service.instance.id", "host.name", "k8s.pod.name")
	var who []signal.Field
	if job != "" {
		who = append(who, signal.Field{Name: "job", Value: short(job)})
	}
	if instance != "" {
		who = append(who, signal.Field{Name: "instance", Value: short(instance)})
	}
	for _, sm := range rm.ScopeMetrics().All() {
		r.base = slices.Clone(who)
		if n := sm.Scope().Name(); n != "" {
			r.base = append(r.base, signal.Field{Name: "otel_scope_name", Value: short(n)})
		}
		if v := sm.Scope().Version(); v != "" {
			r.base = append(r.base, signal.Field{Name: "otel_scope_version", Value: short(v)})
		}
		for k, v := range sm.Scope().Attributes().All() {
			r.base = append(r.base, signal.Field{Name: naming.Label("otel_scope_" + k), Value: short(v.AsString())})
		}
		for _, m := range sm.Metrics().All() {
			r.metric(m)
		}
	}
	r.info(attrs, who)
}

// info writes target_info, if there is anything that job and instance do not say.
func (r *reading) info(attrs pcommon.Map, who []signal.Field) {
	if r.latest.IsZero() || len(who) == 0 {
		return
	}
	fs := slices.Clone(who)
	more := false
	for k, v := range attrs.All() {
		switch k {
		case "service.name", "service.namespace", "service.instance.id":
			continue
		}
		more = true
		if len(fs) < 60 {
			fs = append(fs, signal.Field{Name: naming.Label(k), Value: short(v.AsString())})
		}
	}
	if more {
		r.meta["target_info"] = signal.Meta{Type: "gauge", Help: "Attributes of the resource that sends."}
		r.samples = append(r.samples, signal.Sample{Name: "target_info", Labels: byName(fs), At: r.latest, Value: 1, Hints: r.hints})
	}
}

func short(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// labels are those of a point, with the base, sorted.
func (r *reading) labels(attrs pcommon.Map) []signal.Field {
	fs := make([]signal.Field, len(r.base), len(r.base)+attrs.Len()+1)
	copy(fs, r.base)
	for k, v := range attrs.All() {
		fs = append(fs, signal.Field{Name: naming.Label(k), Value: short(v.AsString())})
	}
	return byName(fs)
}

// with adds a label to labels that others use too.
func with(fs []signal.Field, name, value string) []signal.Field {
	i, _ := slices.BinarySearchFunc(fs, name, func(f signal.Field, n string) int { return strings.Compare(f.Name, n) })
	out := make([]signal.Field, 0, len(fs)+1)
	out = append(append(out, fs[:i]...), signal.Field{Name: name, Value: value})
	return append(out, fs[i:]...)
}

func (r *reading) at(ts pcommon.Timestamp) time.Time {
	at := r.now
	if ts != 0 && uint64(ts) <= math.MaxInt64 {
		at = time.Unix(0, int64(ts))
	}
	if at.After(r.latest) {
		r.latest = at
	}
	return at
}

func (r *reading) add(name string, labels []signal.Field, at time.Time, v float64, flags pmetric.DataPointFlags) {
	if flags.NoRecordedValue() {
		v = math.Float64frombits(signal.StaleMarker)
	}
	r.samples = append(r.samples, signal.Sample{Name: name, Labels: labels, At: at, Value: v, Hints: r.hints})
}

func (r *reading) metric(m pmetric.Metric) {
	var kind otlptranslator.MetricType
	mean := signal.Meta{Unit: m.Unit(), Help: m.Description(), Type: "gauge"}
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		kind = otlptranslator.MetricTypeGauge
	case pmetric.MetricTypeSum:
		kind = otlptranslator.MetricTypeNonMonotonicCounter
		if m.Sum().IsMonotonic() {
			kind, mean.Type = otlptranslator.MetricTypeMonotonicCounter, "counter"
		}
	case pmetric.MetricTypeHistogram:
		kind, mean.Type = otlptranslator.MetricTypeHistogram, "histogram"
	case pmetric.MetricTypeExponentialHistogram:
		kind, mean.Type = otlptranslator.MetricTypeExponentialHistogram, "histogram"
	case pmetric.MetricTypeSummary:
		kind, mean.Type = otlptranslator.MetricTypeSummary, "summary"
	default:
		return
	}
	name := r.t.names.of(m.Name(), m.Unit(), kind)
	if len(r.meta) < 20_000 {
		r.meta[name] = mean
	}
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		r.numbers(name, m.Gauge().DataPoints(), false)
	case pmetric.MetricTypeSum:
		r.numbers(name, m.Sum().DataPoints(), m.Sum().AggregationTemporality() == pmetric.AggregationTemporalityDelta)
	case pmetric.MetricTypeHistogram:
		delta := m.Histogram().AggregationTemporality() == pmetric.AggregationTemporalityDelta
		for _, p := range m.Histogram().DataPoints().All() {
			r.exemplars += p.Exemplars().Len()
			r.histogram(name, r.labels(p.Attributes()), r.at(p.Timestamp()), explicit(p), p.Flags(), delta)
		}
	case pmetric.MetricTypeExponentialHistogram:
		delta := m.ExponentialHistogram().AggregationTemporality() == pmetric.AggregationTemporalityDelta
		for _, p := range m.ExponentialHistogram().DataPoints().All() {
			r.exemplars += p.Exemplars().Len()
			r.histogram(name, r.labels(p.Attributes()), r.at(p.Timestamp()), exponential(p), p.Flags(), delta)
		}
	case pmetric.MetricTypeSummary:
		for _, p := range m.Summary().DataPoints().All() {
			ls, at := r.labels(p.Attributes()), r.at(p.Timestamp())
			for _, q := range p.QuantileValues().All() {
				r.add(name, with(ls, "quantile", number(q.Quantile())), at, q.Value(), p.Flags())
			}
			r.add(name+"_sum", ls, at, p.Sum(), p.Flags())
			r.add(name+"_count", ls, at, float64(p.Count()), p.Flags())
		}
	}
}

func (r *reading) numbers(name string, ps pmetric.NumberDataPointSlice, delta bool) {
	for _, p := range ps.All() {
		r.exemplars += p.Exemplars().Len()
		var v float64
		switch p.ValueType() {
		case pmetric.NumberDataPointValueTypeInt:
			v = float64(p.IntValue())
		case pmetric.NumberDataPointValueTypeDouble:
			v = p.DoubleValue()
		}
		ls, at := r.labels(p.Attributes()), r.at(p.Timestamp())
		if delta && !p.Flags().NoRecordedValue() {
			h, ok := r.t.totals.add(r.from, name, ls, at, histogram{sum: v})
			if !ok {
				r.late++
				continue
			}
			v = h.sum
		}
		r.add(name, ls, at, v, p.Flags())
	}
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

type nameKey struct {
	name, unit string
	kind       otlptranslator.MetricType
}

const maxNames = 50_000

// of translates the name of a metric, with its unit and the suffix of its type.
func (n *names) of(name, unit string, kind otlptranslator.MetricType) string {
	k := nameKey{name, unit, kind}
	n.mu.RLock()
	out, ok := n.m[k]
	n.mu.RUnlock()
	if ok {
		return out
	}
	namer := otlptranslator.MetricNamer{WithMetricSuffixes: true}
	out, err := namer.Build(otlptranslator.Metric{Name: name, Unit: unit, Type: kind})
	if err != nil || out == "" {
		out = name
	}
	out = naming.Metric(out)
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.m) >= maxNames {
		clear(n.m)
	}
	n.m[nameKey{strings.Clone(name), strings.Clone(unit), kind}] = out
	return out
}
