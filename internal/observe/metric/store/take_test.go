package store

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/clock"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

func sample(at time.Time, v float64, name string, kv ...string) signal.Sample {
	s := signal.Sample{Name: name, At: at, Value: v}
	for i := 0; i < len(kv); i += 2 {
		s.Labels = append(s.Labels, signal.Field{Name: kv[i], Value: kv[i+1]})
	}
	return s
}

func TestTakeKeepsLabelsAndFindsThemAgain(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	ctx := context.Background()
	buf := []byte("web-1:9100")
	for i := range 3 {
		at := base.Add(time.Duration(i) * time.Minute)
		// One series, with labels in and out of order; the empty one is left out.
		a := sample(at, float64(i), "m", "z", "1", "Area", "x", "instance", string(buf), "none", "")
		b := sample(at, float64(i), "n", "job", "j")
		a.Item, b.Item = "web-1", "web-1"
		got, err := s.Take(ctx, "p/a", []signal.Sample{a, b})
		require.NoError(t, err)
		require.Equal(t, signal.Receipt{Taken: 2}, got)
	}
	require.Equal(t, 2, s.ActiveSeries("p/a"))
	got, err := s.Instant(ctx, `{__name__=~"m|n"}`, base.Add(2*time.Minute))
	require.NoError(t, err)
	require.Equal(t, []observe.Series{
		{Labels: map[string]string{"__name__": "m", "z": "1", "Area": "x", "instance": "web-1:9100", "item": "web-1"}, Points: []observe.Point{{At: base.Add(2 * time.Minute), Value: 2}}},
		{Labels: map[string]string{"__name__": "n", "job": "j", "item": "web-1"}, Points: []observe.Point{{At: base.Add(2 * time.Minute), Value: 2}}},
	}, got)
	// A label of the sender's own wins.
	own := sample(base, 1, "o", "item", "mine")
	own.Item = "web-1"
	_, err = s.Take(ctx, "p/a", []signal.Sample{own})
	require.NoError(t, err)
	got, err = s.Instant(ctx, "o", base)
	require.NoError(t, err)
	require.Equal(t, "mine", got[0].Labels["item"])
	// The end of a series is kept.
	_, err = s.Take(ctx, "p/a", []signal.Sample{sample(base.Add(time.Minute), math.Float64frombits(signal.StaleMarker), "o", "item", "mine")})
	require.NoError(t, err)
	got, err = s.Instant(ctx, "o", base.Add(2*time.Minute))
	require.NoError(t, err)
	require.Empty(t, got)
}

func TestTakeSaysWhatItDrops(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	ctx := context.Background()
	one := func(m signal.Sample) signal.Receipt {
		got, err := s.Take(ctx, "p/a", []signal.Sample{m})
		require.NoError(t, err)
		return got
	}
	require.Equal(t, 1, one(sample(base, 1, "m")).Taken)
	for name, m := range map[string]signal.Sample{
		"same moment":  sample(base, 2, "m"),
		"ten minutes":  sample(base.Add(time.Hour), 2, "m"),
		"25 hours":     sample(base.Add(-30*time.Hour), 2, "m"),
		"metric name":  sample(base, 2, "9m"),
		"label name":   sample(base, 2, "m", "a-b", "x"),
		"occurs once":  sample(base, 2, "m", "a", "x", "a", "y"),
		"label value":  sample(base, 2, "m", "a", "\xff"),
		"4096 bytes":   sample(base, 2, "m", "a", string(make([]byte, 5000))),
		"name \"\": a": sample(base, 2, ""),
	} {
		got := one(m)
		require.Equal(t, 1, got.Dropped, name)
		require.Zero(t, got.Taken)
		require.Contains(t, got.Why, name)
	}
	require.Equal(t, 1, s.ActiveSeries("p/a"))
}

func TestOneSenderCannotTakeTheRestDown(t *testing.T) {
	t.Parallel()
	at := &hands{t: base}
	s := open(t, Options{Clock: at})
	s.SetSeriesLimit(100)
	ctx := context.Background()
	many := make([]signal.Sample, 250)
	for i := range many {
		many[i] = sample(base, 1, "m", "n", fmt.Sprint(i))
	}
	got, err := s.Take(ctx, "p/bad", many)
	require.NoError(t, err)
	require.Equal(t, 100, got.Taken)
	require.Equal(t, 150, got.Dropped)
	require.Contains(t, got.Why, "100 active series")
	got, err = s.Take(ctx, "p/good", many[:90])
	require.NoError(t, err)
	require.Equal(t, 90, got.Taken, "what another sender does is no matter")
	require.Equal(t, 90, s.ActiveSeries("p/good"))
	// What was silent for long makes room.
	at.set(base.Add(time.Minute))
	_, err = s.Take(ctx, "p/good", []signal.Sample{sample(base.Add(time.Minute), 1, "m", "n", "1")})
	require.NoError(t, err)
	at.set(base.Add(3 * time.Hour))
	for range 2 {
		at.set(at.Now().Add(11 * time.Minute))
		_, err = s.Take(ctx, "p/good", []signal.Sample{sample(at.Now(), 1, "m", "n", "1")})
		require.NoError(t, err)
	}
	require.Zero(t, s.ActiveSeries("p/bad"))
	require.Equal(t, 1, s.ActiveSeries("p/good"))
}

// BenchmarkTake writes samples as remote write brings them: 500 series in a batch,
// nine labels each. An operation is one sample.
func BenchmarkTake(b *testing.B) {
	s, err := Open(Options{Dir: b.TempDir(), Clock: clock.Fixed(base.Add(10_000 * time.Hour))})
	require.NoError(b, err)
	defer func() { require.NoError(b, s.Close()) }()
	const series, batch = 100_000, 500
	in := make([]signal.Sample, series)
	for i := range in {
		in[i] = sample(base, 1, fmt.Sprintf("metric_%d_total", i%200), "cluster", "prod", "container", "app", "env", "production", "instance", fmt.Sprintf("10.0.%d.%d:9100", i/200/250, i/200%250), "job", "node", "namespace", "shop", "pod", fmt.Sprintf("pod-%d", i/200), "zone", "eu-1a")
	}
	done, round := 0, 0
	b.ReportAllocs()
	for b.Loop() {
		if done%series == 0 {
			b.StopTimer()
			for i := range in {
				in[i].At, in[i].Value = base.Add(time.Duration(round)*15*time.Second), float64(round*i%1000)
			}
			round, done = round+1, 0
			b.StartTimer()
		}
		if done++; done%batch == 0 {
			if _, err := s.Take(context.Background(), "p/a", in[done-batch:done]); err != nil {
				b.Fatal(err)
			}
		}
	}
}
