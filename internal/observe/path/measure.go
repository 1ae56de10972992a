package path

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/core/netpath"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

func source(id string) string { return "path/" + id }

func sortPaths(ps []edgewire.Path) {
	slices.SortFunc(ps, func(a, b edgewire.Path) int { return cmp.Compare(a.ID, b.ID) })
}

func (s *Service) describe() {
	s.metrics.Describe(
		observe.MetricInfo{Name: "path_rtt_seconds", Type: "gauge", Unit: "seconds", Help: "Mean round trip to the target of a network path over a minute."},
		observe.MetricInfo{Name: "path_jitter_seconds", Type: "gauge", Unit: "seconds", Help: "Mean difference between one answer of the target and the next over a minute."},
		observe.MetricInfo{Name: "path_loss_ratio", Type: "gauge", Unit: "ratio", Help: "Share of the probes to the target that were lost in a minute."},
		observe.MetricInfo{Name: "path_mos", Type: "gauge", Help: "Voice quality of a network path over a minute, by a simplified E-model."},
		observe.MetricInfo{Name: "path_hops", Type: "gauge", Help: "Distance of the target of a network path."},
		observe.MetricInfo{Name: "path_route_changes_total", Type: "counter", Help: "Changes of the route of a network path since the server started."},
	)
}

// measure writes the figures of minutes to the metric store. They are about the minute
// and have the time of its end.
func (s *Service) measure(ctx context.Context, ms []minute) {
	var out []observe.Sample
	for _, m := range ms {
		s.mu.Lock()
		k, r := s.rows[m.path], s.rec[m.path]
		s.mu.Unlock()
		if k == nil || len(m.rounds) == 0 {
			continue
		}
		var st netpath.Stats
		hops := 0
		for _, x := range m.rounds {
			st.TakeEnd(x)
			hops = max(hops, x.Distance())
		}
		if st.Sent == 0 {
			continue
		}
		at := m.rounds[len(m.rounds)-1].At
		add := func(name string, v float64) {
			if id, ok := s.series(k, name); ok {
				out = append(out, observe.Sample{Series: id, At: at, Value: v})
			}
		}
		add("path_loss_ratio", st.Loss())
		add("path_mos", st.MOS())
		if st.Answers() > 0 {
			add("path_rtt_seconds", st.Mean().Seconds())
			add("path_jitter_seconds", st.Jitter().Seconds())
			add("path_hops", float64(hops))
		}
		r.mu.Lock()
		changes := r.changes
		r.mu.Unlock()
		add("path_route_changes_total", float64(changes))
	}
	if len(out) == 0 {
		return
	}
	if err := s.metrics.Append(ctx, out); err != nil && ctx.Err() == nil {
		s.d.Logger.Warn("figures of network paths could not be stored", "error", err)
	}
}

// series gives the handle of a metric of a path.
func (s *Service) series(k *kept, name string) (observe.SeriesID, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id, ok := k.series[name]; ok {
		return id, true
	}
	labels := map[string]string{"__name__": name, "path": k.Name, "from": k.spec.place()}
	id, err := s.metrics.Series(source(k.ID), labels)
	if err != nil {
		return 0, false
	}
	if k.series == nil {
		k.series = map[string]observe.SeriesID{}
	}
	k.series[name] = id
	return id, true
}

// figures sums up the end of a path since from.
func (r *recorder) figures(from time.Time) netpath.Stats {
	var st netpath.Stats
	for _, e := range r.window(from) {
		if e.rtt < 0 {
			st.Lose()
		} else {
			st.Add(e.rtt)
		}
	}
	return st
}
