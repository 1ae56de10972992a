package metric

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// What the server counts about itself can be asked like any other metric.
func TestSelf(t *testing.T) {
	t.Parallel()
	d := deps(t.TempDir())
	inst, err := Module().New(d)
	require.NoError(t, err)
	r := inst.(*room)
	require.NotNil(t, r.self)
	require.NoError(t, inst.(module.Starter).Start(t.Context()))
	defer inst.(module.Starter).Stop(t.Context())
	reg := prometheus.NewRegistry()
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "c_total"}, []string{"kind"})
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "h", Buckets: []float64{1, 2}})
	s := prometheus.NewSummary(prometheus.SummaryOpts{Name: "s", Objectives: map[float64]float64{0.5: 0.05}})
	reg.MustRegister(c, h, s)
	c.WithLabelValues("a").Add(3)
	for _, v := range []float64{0.5, 1.5, 9} {
		h.Observe(v)
		s.Observe(v)
	}
	known := map[string]observe.SeriesID{}
	require.NoError(t, r.storeSelf(t.Context(), reg, known))
	require.Len(t, known, 1+5+3)
	for q, want := range map[string]float64{
		`c_total{job="mainstay",kind="a"}`: 3, `h_bucket{job="mainstay",le="1"}`: 1, `h_bucket{le="+Inf"}`: 3, `h_count`: 3, `h_sum`: 11, `s{quantile="0.5"}`: 1.5, `s_count`: 3,
	} {
		out, err := r.Instant(t.Context(), q, time.Now().Add(time.Second))
		require.NoError(t, err, q)
		require.Len(t, out, 1, q)
		require.Equal(t, want, out[0].Points[0].Value, q)
	}
}
