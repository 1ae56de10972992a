package metric

import (
	"context"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// maxMeant bounds what is remembered of the meaning of metrics.
const maxMeant = 20_000

// TakeSamples implements signal.Samples.
func (r *room) TakeSamples(ctx context.Context, from signal.Source, samples []signal.Sample, meta map[string]signal.Meta) (signal.Receipt, error) {
	s := r.store.Load()
	if s == nil {
		return signal.Receipt{}, closed()
	}
	r.learn(meta)
	return s.Take(ctx, owner(from.Protocol, from.Sender), samples)
}

func owner(protocol, sender string) string { return protocol + "/" + sender }

// learn keeps what is new of the meaning of metrics.
func (r *room) learn(meta map[string]signal.Meta) {
	if len(meta) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.meant == nil {
		r.meant = map[string]signal.Meta{}
	}
	var infos []observe.MetricInfo
	for name, m := range meta {
		if old, known := r.meant[name]; known && old == m || !known && len(r.meant) >= maxMeant {
			continue
		}
		name = strings.Clone(name)
		m = signal.Meta{Type: strings.Clone(m.Type), Unit: strings.Clone(m.Unit), Help: strings.Clone(short(m.Help))}
		r.meant[name] = m
		infos = append(infos, observe.MetricInfo{Name: name, Type: m.Type, Unit: m.Unit, Help: m.Help})
	}
	if s := r.store.Load(); s != nil && len(infos) > 0 {
		s.Describe(infos...)
	}
}

// short keeps a description within bounds.
func short(s string) string {
	const limit = 500
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "")
	}
	return s
}

// SetSeriesLimit implements observe.SeriesBudget.
func (r *room) SetSeriesLimit(perSender int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.limit = perSender
	if s := r.store.Load(); s != nil {
		s.SetSeriesLimit(perSender)
	}
}

// ActiveSeries implements observe.SeriesBudget.
func (r *room) ActiveSeries(protocol, sender string) int {
	if s := r.store.Load(); s != nil {
		return s.ActiveSeries(owner(protocol, sender))
	}
	return 0
}
