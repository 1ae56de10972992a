package figures

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Incident holds the timestamps of one incident; a zero time has not happened.
type Incident struct {
	// ImpactStarted is t0, Detected td, Acknowledged ta, WorkStarted tw,
	// Restored tm and Resolved tr of the table in docs/reports.md.
	ImpactStarted, Detected, Acknowledged, WorkStarted, Restored, Resolved time.Time
}

// Mean is a mean with what hides behind it. All are nil when nobody is counted.
type Mean struct {
	MeanSeconds   *float64 `json:"mean_seconds"`
	MedianSeconds *float64 `json:"median_seconds"`
	// P90Seconds is the smallest value that at least nine of ten do not exceed.
	P90Seconds *float64 `json:"p90_seconds"`
	// Population is how many were counted.
	Population int `json:"population" doc:"How many incidents were counted."`
}

// Uptime is what the timeline of a period amounts to.
type Uptime struct {
	// Availability is up / (up + down), 0 to 1; nil when nothing was measured.
	Availability *float64
	// Time is how long the period was in each bucket.
	Time [buckets]time.Duration
	// Failures is how often the item went down in the period.
	Failures int
	// MTBF is up / failures; nil without a failure.
	MTBF *float64
}

// In gives the time in a bucket, in seconds.
func (u Uptime) In(b Bucket) float64 { return u.Time[b].Seconds() }

// Measure computes the figures of the timeline.
func Measure(p Span, w Watch) Uptime {
	var u Uptime
	segs := Segments(p, w)
	for _, s := range segs {
		u.Time[s.Bucket] += s.To.Sub(s.From)
	}
	if agreed := u.Time[Up] + u.Time[Down]; agreed > 0 {
		a := float64(u.Time[Up]) / float64(agreed)
		u.Availability = &a
	}
	u.Failures = failures(p, w, segs)
	if u.Failures > 0 {
		m := u.Time[Up].Seconds() / float64(u.Failures)
		u.MTBF = &m
	}
	return u
}

// failures counts merged outages that began in the period and of which a part
// counts as down. Maintenance or a gap in the data inside an outage does not make
// two of it.
func failures(p Span, w Watch, segs []Segment) int {
	n, i := 0, 0
	for _, run := range merged(w.Outages, cut(p.To)) {
		if run[0] < cut(p.From) || run[0] >= cut(p.To) {
			continue
		}
		for i < len(segs) && cut(segs[i].To) <= run[0] {
			i++
		}
		for j := i; j < len(segs) && cut(segs[j].From) < run[1]; j++ {
			if segs[j].Bucket == Down {
				n++
				break
			}
		}
	}
	return n
}

// merged joins the critical outages that overlap or touch, in order.
func merged(os []Outage, open int64) [][2]int64 {
	var runs [][2]int64
	for _, o := range os {
		if b, _ := o.bucket(); b == Down && o.end(open) > cut(o.Start) {
			runs = append(runs, [2]int64{cut(o.Start), o.end(open)})
		}
	}
	slices.SortFunc(runs, func(a, b [2]int64) int { return cmp.Compare(a[0], b[0]) })
	var out [][2]int64
	for _, r := range runs {
		if n := len(out); n > 0 && r[0] <= out[n-1][1] {
			out[n-1][1] = max(out[n-1][1], r[1])
			continue
		}
		out = append(out, r)
	}
	return out
}

// Response holds the means over incidents.
type Response struct {
	MTTD, MTTA, MTTR, MTTRRespond, MTTRRepair, MTTRResolve Mean
}

// Respond computes the means over incidents.
func Respond(is []Incident) Response {
	return Response{
		MTTD:        mean(is, func(i Incident) (a, z time.Time) { return i.ImpactStarted, i.Detected }),
		MTTA:        mean(is, func(i Incident) (a, z time.Time) { return i.Detected, i.Acknowledged }),
		MTTR:        mean(is, func(i Incident) (a, z time.Time) { return i.ImpactStarted, i.Restored }),
		MTTRRespond: mean(is, func(i Incident) (a, z time.Time) { return i.Detected, i.Restored }),
		MTTRRepair:  mean(is, func(i Incident) (a, z time.Time) { return i.WorkStarted, i.Restored }),
		MTTRResolve: mean(is, func(i Incident) (a, z time.Time) { return i.ImpactStarted, i.Resolved }),
	}
}

// mean averages z - a over the incidents that have both, in the right order.
func mean(is []Incident, of func(Incident) (a, z time.Time)) Mean {
	var ds []time.Duration
	for _, i := range is {
		a, z := of(i)
		if !a.IsZero() && !z.IsZero() && !z.Before(a) {
			ds = append(ds, z.Sub(a))
		}
	}
	n := len(ds)
	if n == 0 {
		return Mean{}
	}
	slices.Sort(ds)
	sum := 0.0
	for _, d := range ds {
		sum += d.Seconds()
	}
	avg := seconds(sum / float64(n))
	med := seconds((ds[(n-1)/2].Seconds() + ds[n/2].Seconds()) / 2)
	p90 := seconds(ds[(n*9+9)/10-1].Seconds())
	return Mean{MeanSeconds: &avg, MedianSeconds: &med, P90Seconds: &p90, Population: n}
}

// seconds rounds to milliseconds.
func seconds(s float64) float64 { return math.Round(s*1000) / 1000 }
