package store

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/clock"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// BenchmarkAppend writes rounds of samples, one per series, in batches as the
// check engine does. An operation is one sample.
func BenchmarkAppend(b *testing.B) {
	for _, batch := range []int{5, 500} {
		b.Run(fmt.Sprintf("batch-%d", batch), func(b *testing.B) {
			const checks, each = 20_000, 5
			s, err := Open(Options{Dir: b.TempDir(), Clock: clock.Fixed(base.Add(10_000 * time.Hour))})
			require.NoError(b, err)
			defer func() { require.NoError(b, s.Close()) }()
			samples := make([]observe.Sample, 0, checks*each)
			for c := range checks {
				for m := range each {
					id, err := s.Series(fmt.Sprint(c), map[string]string{"__name__": fmt.Sprintf("probe_%d_seconds", m), "check": fmt.Sprintf("check-%d", c)})
					require.NoError(b, err)
					samples = append(samples, observe.Sample{Series: id, At: base, Value: 0.25})
				}
			}
			round, done := 0, 0
			b.ReportAllocs()
			for b.Loop() {
				if done%len(samples) == 0 {
					b.StopTimer()
					for i := range samples {
						samples[i].At = base.Add(time.Duration(round) * time.Minute)
						samples[i].Value = float64((i*7+round)%100) / 1000
					}
					round++
					done = 0
					b.StartTimer()
				}
				// One operation is one sample: write when a batch is complete.
				done++
				if done%batch == 0 {
					if err := s.Append(context.Background(), samples[done-batch:done]); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
