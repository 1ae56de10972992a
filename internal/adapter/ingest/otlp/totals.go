package otlp

import (
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

const (
	maxTotals  = 200_000
	idleTotals = time.Hour
	sweepEvery = 5 * time.Minute
)

// totals adds up values with delta temporality, as PromQL wants totals. A total
// begins at zero with the first delta and after an hour of silence, which PromQL
// takes for a restart of the counter.
type totals struct {
	mu    sync.Mutex
	m     map[string]*total
	swept time.Time
}

type total struct {
	histogram
	at   time.Time
	used time.Time
}

// add adds a delta and gives the total; ok is false when the delta is not newer than
// the last one, or when there are too many series.
func (t *totals) add(from signal.Source, name string, ls []signal.Field, at time.Time, delta histogram) (out histogram, ok bool) {
	var b strings.Builder
	b.WriteString(from.Sender)
	b.WriteByte(0)
	b.WriteString(name)
	for _, l := range ls {
		b.WriteByte(0)
		b.WriteString(l.Name)
		b.WriteByte(1)
		b.WriteString(l.Value)
	}
	key := b.String()
	t.mu.Lock()
	defer t.mu.Unlock()
	x := t.m[key]
	if x == nil {
		if len(t.m) >= maxTotals {
			return out, false
		}
		x = &total{histogram: histogram{buckets: map[float64]float64{}}}
		t.m[key] = x
	} else if !at.After(x.at) {
		return out, false
	}
	x.at, x.used = at, time.Now()
	x.sum += delta.sum
	x.count += delta.count
	x.hasSum = delta.hasSum
	for k, n := range delta.buckets {
		if _, known := x.buckets[k]; known || len(x.buckets) < 2*maxBuckets {
			x.buckets[k] += n
		}
	}
	out = x.histogram
	out.buckets = maps.Clone(x.buckets)
	return out, true
}

// sweep forgets what was silent for long.
func (t *totals) sweep(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.swept) < sweepEvery {
		return
	}
	t.swept = now
	for k, x := range t.m {
		if now.Sub(x.used) > idleTotals {
			delete(t.m, k)
		}
	}
}
