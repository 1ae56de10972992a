package metric

import (
	"context"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

const (
	// selfEvery is how often the figures of the server itself are stored.
	selfEvery  = 30 * time.Second
	selfSource = "mainstay"
)

// watchSelf stores what the server counts about itself, as if it scraped its own
// /metrics, until ctx ends.
func (r *room) watchSelf(ctx context.Context, from prometheus.Gatherer) {
	known := map[string]observe.SeriesID{}
	t := time.NewTicker(selfEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if err := r.storeSelf(ctx, from, known); err != nil && ctx.Err() == nil {
			r.opts.Logger.Warn("the server's own figures could not be stored", "error", err)
		}
	}
}

func (r *room) storeSelf(ctx context.Context, from prometheus.Gatherer, known map[string]observe.SeriesID) error {
	families, err := from.Gather()
	if err != nil {
		return err
	}
	now := r.now()
	var out []observe.Sample
	for _, f := range families {
		for _, m := range f.GetMetric() {
			each(f, m, func(name string, extra []string, v float64) {
				labels := map[string]string{"__name__": name, "job": selfSource}
				for _, l := range m.GetLabel() {
					labels[l.GetName()] = l.GetValue()
				}
				if len(extra) == 2 {
					labels[extra[0]] = extra[1]
				}
				key := keyOf(labels)
				id, ok := known[key]
				if !ok {
					if id, err = r.Series(selfSource, labels); err != nil {
						return
					}
					known[key] = id
				}
				out = append(out, observe.Sample{Series: id, At: now, Value: v})
			})
		}
	}
	return r.Append(ctx, out)
}

// each gives the values of one metric with their names, as the text format has them.
func each(f *dto.MetricFamily, m *dto.Metric, give func(name string, extra []string, v float64)) {
	name := f.GetName()
	switch f.GetType() {
	case dto.MetricType_COUNTER:
		give(name, nil, m.GetCounter().GetValue())
	case dto.MetricType_GAUGE:
		give(name, nil, m.GetGauge().GetValue())
	case dto.MetricType_UNTYPED:
		give(name, nil, m.GetUntyped().GetValue())
	case dto.MetricType_HISTOGRAM:
		h := m.GetHistogram()
		last := false
		for _, b := range h.GetBucket() {
			last = math.IsInf(b.GetUpperBound(), 1)
			give(name+"_bucket", []string{"le", number(b.GetUpperBound())}, float64(b.GetCumulativeCount()))
		}
		if !last {
			give(name+"_bucket", []string{"le", "+Inf"}, float64(h.GetSampleCount()))
		}
		give(name+"_sum", nil, h.GetSampleSum())
		give(name+"_count", nil, float64(h.GetSampleCount()))
	case dto.MetricType_SUMMARY:
		s := m.GetSummary()
		for _, q := range s.GetQuantile() {
			give(name, []string{"quantile", number(q.GetQuantile())}, q.GetValue())
		}
		give(name+"_sum", nil, s.GetSampleSum())
		give(name+"_count", nil, float64(s.GetSampleCount()))
	}
}

func number(v float64) string {
	if math.IsInf(v, 1) {
		return "+Inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

func keyOf(labels map[string]string) string {
	var sb strings.Builder
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		sb.WriteString(k + "\x00" + labels[k] + "\x00")
	}
	return sb.String()
}
