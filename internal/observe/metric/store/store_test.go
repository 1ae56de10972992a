package store

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

var base = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// hands is a clock that tests move.
type hands struct {
	mu sync.Mutex
	t  time.Time
}

func (h *hands) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.t
}

func (h *hands) set(t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.t = t
}

func open(t testing.TB, o Options) *Store {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	if o.Clock == nil {
		o.Clock = &hands{t: base}
	}
	s, err := Open(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func mustSeries(t testing.TB, s *Store, source string, kv ...string) observe.SeriesID {
	t.Helper()
	set := map[string]string{"__name__": kv[0]}
	for i := 1; i < len(kv); i += 2 {
		set[kv[i]] = kv[i+1]
	}
	id, err := s.Series(source, set)
	require.NoError(t, err)
	return id
}

func put(t testing.TB, s *Store, id observe.SeriesID, at time.Time, v float64) {
	t.Helper()
	require.NoError(t, s.Append(context.Background(), []observe.Sample{{Series: id, At: at, Value: v}}))
}

// all reads every stored sample of a metric, without look-back.
func all(t testing.TB, s *Store, metric string, at time.Time, span time.Duration) map[string][]observe.Point {
	t.Helper()
	got, err := s.Instant(context.Background(), fmt.Sprintf("%s[%ds]", metric, int(span.Seconds())), at)
	require.NoError(t, err)
	out := map[string][]observe.Point{}
	for _, line := range got {
		out[line.Labels["n"]] = line.Points
	}
	return out
}

func refusedFor(s *Store, reason string) float64 {
	return testutil.ToFloat64(s.stats.refused.WithLabelValues(reason))
}

func TestAppendedIsQueried(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "") //nolint:usetesting // one for each draw of the property
		require.NoError(t, err)
		s, err := Open(Options{Dir: dir, Clock: &hands{t: base}})
		require.NoError(t, err)
		model := map[string]map[int64]float64{}
		closed := false
		defer func() {
			if !closed {
				_ = s.Close()
			}
		}()
		ids := map[string]observe.SeriesID{}
		handle := func(n string) observe.SeriesID {
			id, err := s.Series("src", map[string]string{"__name__": "m", "n": n})
			require.NoError(t, err)
			return id
		}
		rt.Repeat(map[string]func(*rapid.T){
			"append": func(rt *rapid.T) {
				batch := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) observe.Sample {
					n := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "n")
					if _, ok := ids[n]; !ok {
						ids[n] = handle(n)
					}
					// Late and repeated moments are part of life.
					at := base.Add(-time.Duration(rapid.IntRange(0, 3000).Draw(rt, "age")) * time.Second)
					v := rapid.Float64Range(-1e9, 1e9).Draw(rt, "v")
					if model[n] == nil {
						model[n] = map[int64]float64{}
					}
					if old, dup := model[n][at.UnixMilli()]; dup {
						v = old
					}
					model[n][at.UnixMilli()] = v
					return observe.Sample{Series: ids[n], At: at, Value: v}
				}), 1, 20).Draw(rt, "batch")
				require.NoError(rt, s.Append(context.Background(), batch))
			},
			"reopen": func(rt *rapid.T) {
				if rapid.IntRange(0, 7).Draw(rt, "rare") > 0 {
					return
				}
				require.NoError(rt, s.Close())
				closed = true
				s, err = Open(Options{Dir: dir, Clock: &hands{t: base}})
				require.NoError(rt, err)
				closed = false
				for n := range ids {
					ids[n] = handle(n)
				}
			},
			"": func(rt *rapid.T) {
				got := all(t, s, "m", base, 2*time.Hour)
				require.Len(rt, got, len(model))
				for n, want := range model {
					require.Len(rt, got[n], len(want), n)
					for _, p := range got[n] {
						require.Equal(rt, want[p.At.UnixMilli()], p.Value)
					}
				}
			},
		})
	})
}

func TestRefusedSamplesAreCountedAndDropped(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	id := mustSeries(t, s, "a", "m", "n", "1")
	put(t, s, id, base, 1)
	put(t, s, id, base, 2)
	put(t, s, id, base.Add(time.Hour), 3)
	put(t, s, id, base.Add(-27*time.Hour), 4)
	put(t, s, id+1000, base, 5)
	for _, reason := range []string{"duplicate", "future", "late", "forgotten"} {
		require.Equal(t, 1.0, refusedFor(s, reason), reason)
	}
	got := all(t, s, "m", base, 4*time.Hour)
	require.Equal(t, []observe.Point{{At: base, Value: 1}}, got["1"])
}

func TestNaNStaysAValue(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	id := mustSeries(t, s, "a", "m")
	// This bit pattern would end the series.
	put(t, s, id, base, math.Float64frombits(0x7ff0000000000002))
	got, err := s.Instant(context.Background(), "m", base)
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.True(t, math.IsNaN(got[0].Points[0].Value))
}

func TestLimits(t *testing.T) {
	t.Parallel()
	s := open(t, Options{MaxSeries: 5, MaxSeriesPerSource: 3})
	for i := range 3 {
		put(t, s, mustSeries(t, s, "a", "m", "n", fmt.Sprint(i)), base, 1)
	}
	again := mustSeries(t, s, "a", "m", "n", "1")
	require.Equal(t, again, mustSeries(t, s, "a", "m", "n", "1"))
	_, err := s.Series("a", map[string]string{"__name__": "m", "n": "3"})
	require.True(t, errs.Is(err, errs.TooMany), err)
	put(t, s, mustSeries(t, s, "b", "m", "n", "4"), base, 1)
	put(t, s, mustSeries(t, s, "b", "m", "n", "5"), base, 1)
	_, err = s.Series("b", map[string]string{"__name__": "m", "n": "6"})
	require.True(t, errs.Is(err, errs.TooMany), err)

	// A forgotten source makes room for handles, but its series are in memory
	// until they are compacted, so a new series is still refused.
	s.Forget("a")
	put(t, s, again, base.Add(time.Second), 1)
	require.Equal(t, 1.0, refusedFor(s, "forgotten"))
	put(t, s, mustSeries(t, s, "c", "m", "n", "7"), base, 1)
	require.Equal(t, 1.0, refusedFor(s, "limit"))
	// A series that is in memory already is not new.
	put(t, s, mustSeries(t, s, "c", "m", "n", "1"), base.Add(time.Minute), 1)
	require.Equal(t, 1.0, refusedFor(s, "limit"))
}

func TestHandleOfForgottenSourceNeverHitsItsSuccessor(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	old := mustSeries(t, s, "a", "m", "n", "old")
	s.Forget("a")
	fresh := mustSeries(t, s, "b", "m", "n", "new")
	require.NotEqual(t, old, fresh)
	put(t, s, old, base, 1)
	put(t, s, fresh, base, 2)
	require.Equal(t, map[string][]observe.Point{"new": {{At: base, Value: 2}}}, all(t, s, "m", base, time.Hour))
}

func TestBadLabels(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	for _, set := range []map[string]string{
		{},
		{"__name__": "9lives"},
		{"__name__": "m", "a-b": "x"},
		{"__name__": "m", "__meta": "x"},
		{"__name__": "m", "a": string([]byte{0xff})},
		{"__name__": "m", "a": string(make([]byte, maxLabelValue+1))},
	} {
		_, err := s.Series("a", set)
		require.True(t, errs.Is(err, errs.Invalid), "%v: %v", set, err)
	}
}

// Old blocks go away when newer ones are made.
func TestRetention(t *testing.T) {
	t.Parallel()
	now := &hands{t: base}
	s := open(t, Options{Retention: 8 * time.Hour, Clock: now})
	id := mustSeries(t, s, "a", "m", "n", "1")
	end := base.Add(24 * time.Hour)
	for at := base; !at.After(end); at = at.Add(time.Minute) {
		now.set(at)
		put(t, s, id, at, 1)
		if at.Sub(base)%(2*time.Hour) == 0 {
			s.maintain(context.Background())
			require.NoError(t, s.Health())
		}
	}
	points := all(t, s, "m", end, 48*time.Hour)["1"]
	require.NotEmpty(t, points)
	age := end.Sub(points[0].At)
	require.Greater(t, age, 8*time.Hour)
	// One block more than the retention and the three hours of the head.
	require.Less(t, age, 8*time.Hour+6*time.Hour)
	require.Equal(t, end, points[len(points)-1].At)
	require.Len(t, points, int(age/time.Minute)+1, "no gap between blocks and head")
}

func TestSizeLimitDeletesOldBlocks(t *testing.T) {
	t.Parallel()
	now := &hands{t: base}
	s := open(t, Options{MaxBytes: 1, Clock: now})
	id := mustSeries(t, s, "a", "m", "n", "1")
	for at := base; at.Before(base.Add(12 * time.Hour)); at = at.Add(time.Minute) {
		now.set(at)
		put(t, s, id, at, float64(at.Unix()))
	}
	s.maintain(context.Background())
	require.NoError(t, s.Health())
	require.Empty(t, s.db.Blocks())
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	s := open(t, Options{MinFreeBytes: math.MaxInt64})
	id := mustSeries(t, s, "a", "m")
	err := s.Append(context.Background(), []observe.Sample{{Series: id, At: base, Value: 1}})
	require.True(t, errs.Is(err, errs.Unavailable), err)
	require.ErrorContains(t, err, "is full")
	require.ErrorContains(t, s.Health(), "is full")
	require.Equal(t, 1.0, refusedFor(s, "disk"))
	s.disk.min = 1
	s.maintain(context.Background())
	require.NoError(t, s.Health())
	put(t, s, id, base, 1)
}

func TestSecondProcessIsRefused(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	_, err := Open(Options{Dir: s.opts.Dir})
	require.ErrorContains(t, err, "in use by another process")
	require.Empty(t, s.Repaired())
}

func TestNewerFormatIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	block := filepath.Join(dir, "01BX5ZZKBKACTAV9WEVGEMMVRZ")
	require.NoError(t, os.MkdirAll(block, 0o750))
	require.NoError(t, os.WriteFile(filepath.Join(block, "meta.json"), []byte(`{"version":2}`), 0o600))
	_, err := Open(Options{Dir: dir})
	require.True(t, errs.Is(err, errs.Precondition), err)
}

func TestDirectoryThatIsAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	_, err := Open(Options{Dir: path})
	require.ErrorContains(t, err, "cannot be opened")
}

func TestOperationsAfterClose(t *testing.T) {
	t.Parallel()
	s, err := Open(Options{Dir: t.TempDir(), Registerer: prometheus.NewRegistry()})
	require.NoError(t, err)
	id := mustSeries(t, s, "a", "m")
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	require.Error(t, s.Append(context.Background(), []observe.Sample{{Series: id, At: base}}))
	_, err = s.Instant(context.Background(), "m", base)
	require.Error(t, err)
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			id := mustSeries(t, s, fmt.Sprint(w), "m", "n", fmt.Sprint(w))
			for i := range 200 {
				if err := s.Append(context.Background(), []observe.Sample{{Series: id, At: base.Add(time.Duration(i) * time.Second), Value: 1}}); err != nil {
					t.Error(err)
				}
				if i%50 == 0 {
					if _, err := s.Range(context.Background(), "sum(m)", base, base.Add(time.Minute), time.Second); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	for n, points := range all(t, s, "m", base.Add(time.Hour), 2*time.Hour) {
		require.Len(t, points, 200, n)
	}
}

func TestQueryErrors(t *testing.T) {
	t.Parallel()
	s := open(t, Options{MaxQuerySamples: 10})
	ctx := context.Background()
	_, err := s.Instant(ctx, "sum(", base)
	require.True(t, errs.Is(err, errs.Invalid), err)
	_, err = s.Range(ctx, "1", base, base.Add(time.Hour), 0)
	require.True(t, errs.Is(err, errs.Invalid), err)
	_, err = s.Range(ctx, "1", base, base.Add(12_000*time.Second), time.Second)
	require.ErrorContains(t, err, "11,000")
	_, err = s.Range(ctx, "vector(1)", base, base.Add(time.Hour), time.Minute)
	require.ErrorContains(t, err, "too many samples")
	_, err = s.Instant(ctx, `"text"`, base)
	require.True(t, errs.Is(err, errs.Invalid), err)
	got, err := s.Instant(ctx, "1+1", base)
	require.NoError(t, err)
	require.Equal(t, []observe.Series{{Labels: map[string]string{}, Points: []observe.Point{{At: base, Value: 2}}}}, got)
}

// What a running store holds can be read beside it.
func TestReadOnlyBesideARunningStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := Open(Options{Dir: dir})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	now := time.Now().Truncate(time.Second)
	h, err := s.Series("test", map[string]string{"__name__": "m", "host": "a"})
	require.NoError(t, err)
	for i := range 10 {
		require.NoError(t, s.Append(t.Context(), []observe.Sample{{Series: h, At: now.Add(time.Duration(i-10) * time.Minute), Value: float64(i)}}))
	}
	r, err := OpenReadOnly(Options{Dir: dir})
	require.NoError(t, err)
	for range 2 { // queries share one reading
		got, err := r.Range(t.Context(), "m", now.Add(-10*time.Minute), now.Add(-time.Minute), time.Minute)
		require.NoError(t, err)
		require.Len(t, got, 1)
		require.Len(t, got[0].Points, 10)
		require.InDelta(t, 9, got[0].Points[9].Value, 0)
	}
	_, err = r.Range(t.Context(), "sum(", now, now, time.Minute)
	require.True(t, errs.Is(err, errs.Invalid))
	require.NoError(t, r.Close())
	_, err = OpenReadOnly(Options{Dir: filepath.Join(dir, "no")})
	require.True(t, errs.Is(err, errs.NotFound))
	require.NoError(t, s.Append(t.Context(), []observe.Sample{{Series: h, At: now, Value: 10}}), "the store goes on")
}
