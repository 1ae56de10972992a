package otlp

import (
	"maps"
	"math"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

// histogram is a sum with a count and with how many values lie at or below each
// bound. A plain number is one with a sum alone.
type histogram struct {
	sum   float64
	count float64
	// buckets holds how many values lie in the bucket that ends at the bound, not
	// below it.
	buckets map[float64]float64
	// hasSum is false for one whose values may be negative and that tells no sum.
	hasSum bool
}

// explicit reads a histogram with bounds.
func explicit(p pmetric.HistogramDataPoint) histogram {
	h := histogram{sum: p.Sum(), hasSum: p.HasSum(), count: float64(p.Count()), buckets: map[float64]float64{}}
	bounds, counts := p.ExplicitBounds(), p.BucketCounts()
	for i := range min(bounds.Len(), counts.Len()) {
		if b := bounds.At(i); !math.IsNaN(b) {
			h.buckets[b] += float64(counts.At(i))
		}
	}
	return h
}

// coarsest is the scale to which exponential histograms are brought: base 2^(2^-1),
// so that two buckets double the value. Finer ones would be as many series.
const coarsest = 1

// maxBuckets bounds the series that one exponential histogram becomes; beyond it the
// scale is lowered further.
const maxBuckets = 80

// exponential reads an exponential histogram. The bucket i of scale s ends at
// 2^((i+1)·2^-s) (OpenTelemetry metrics data model, "ExponentialHistogram").
func exponential(p pmetric.ExponentialHistogramDataPoint) histogram {
	h := histogram{sum: p.Sum(), hasSum: p.HasSum(), count: float64(p.Count()), buckets: map[float64]float64{}}
	scale := int(p.Scale())
	positive, negative := p.Positive(), p.Negative()
	wide := max(positive.BucketCounts().Len(), negative.BucketCounts().Len())
	target := min(scale, coarsest)
	for target > -11 && wide>>min(max(scale-target, 0), 60) > maxBuckets {
		target--
	}
	shift := min(max(scale-target, 0), 40)
	bound := func(i int) float64 { return math.Exp2(float64(i) * math.Exp2(float64(-target))) }
	for i, n := range positive.BucketCounts().All() {
		if n > 0 {
			h.buckets[bound((int(positive.Offset())+i)>>shift+1)] += float64(n)
		}
	}
	for i, n := range negative.BucketCounts().All() {
		if n > 0 {
			// The bucket reaches from -bound(j+1) to -bound(j); its end is the larger.
			h.buckets[-bound((int(negative.Offset())+i)>>shift)] += float64(n)
		}
	}
	if z := p.ZeroCount(); z > 0 {
		h.buckets[p.ZeroThreshold()] += float64(z)
	}
	return h
}

// histogram writes the classic series of a histogram: a count of values at or below
// each bound, their sum and their number.
func (r *reading) histogram(name string, ls []signal.Field, at time.Time, h histogram, flags pmetric.DataPointFlags, delta bool) {
	if delta && !flags.NoRecordedValue() {
		var ok bool
		if h, ok = r.t.totals.add(r.from, name, ls, at, h); !ok {
			r.late++
			return
		}
	}
	below := 0.0
	for _, b := range slices.Sorted(maps.Keys(h.buckets)) {
		if math.IsInf(b, 1) {
			continue
		}
		below += h.buckets[b]
		r.add(name+"_bucket", with(ls, "le", number(b)), at, below, flags)
	}
	r.add(name+"_bucket", with(ls, "le", "+Inf"), at, h.count, flags)
	r.add(name+"_count", ls, at, h.count, flags)
	if h.hasSum {
		r.add(name+"_sum", ls, at, h.sum, flags)
	}
}
