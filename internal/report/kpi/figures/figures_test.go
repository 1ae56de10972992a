package figures

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var t0 = time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)

func at(min int) time.Time { return t0.Add(time.Duration(min) * time.Minute) }
func span(a, z int) Span   { return Span{at(a), at(z)} }
func crit(a, z int) Outage { return Outage{Start: at(a), End: at(z), Worst: Critical} }
func ratio(t *testing.T, u Uptime) float64 {
	t.Helper()
	require.NotNil(t, u.Availability)
	return *u.Availability
}

// TestWorkedExample reproduces the example of docs/reports.md.
func TestWorkedExample(t *testing.T) {
	t.Parallel()
	w := Watch{
		First:   at(60),
		Planned: []Span{span(600, 660)},
		NoData:  []Span{span(1200, 1230)},
		Outages: []Outage{
			crit(300, 320),
			{Start: at(310), End: at(330), Worst: Critical}, // two checks, one failure
			crit(610, 640), // inside maintenance
			{Start: at(700), End: at(760), Worst: Warning},
			{Start: at(900), End: at(910), Worst: Unknown},
			crit(1000, 1014),
		},
	}
	u := Measure(span(0, 1440), w)
	require.Equal(t, 60*time.Minute, u.Time[Planned])
	require.Equal(t, 90*time.Minute, u.Time[NoData])
	require.Equal(t, 44*time.Minute, u.Time[Down])
	require.Equal(t, 10*time.Minute, u.Time[UnknownState])
	require.Equal(t, 1236*time.Minute, u.Time[Up])
	require.InDelta(t, 0.965625, ratio(t, u), 1e-12)
	require.Equal(t, 2, u.Failures)
	require.InDelta(t, 37080, *u.MTBF, 1e-9)

	r := Respond([]Incident{
		{ImpactStarted: at(300), Detected: at(301), Acknowledged: at(304), WorkStarted: at(310), Restored: at(330), Resolved: at(360)},
		{ImpactStarted: at(1000), Detected: at(1002), Acknowledged: at(1003), Restored: at(1014)},
	})
	require.Equal(t, []float64{90, 120, 1320, 1230, 1200, 3600}, []float64{*r.MTTD.MeanSeconds, *r.MTTA.MeanSeconds, *r.MTTR.MeanSeconds, *r.MTTRRespond.MeanSeconds, *r.MTTRRepair.MeanSeconds, *r.MTTRResolve.MeanSeconds})
	require.Equal(t, []int{2, 2, 2, 2, 1, 1}, []int{r.MTTD.Population, r.MTTA.Population, r.MTTR.Population, r.MTTRRespond.Population, r.MTTRRepair.Population, r.MTTRResolve.Population})
}

func TestNothingMeasured(t *testing.T) {
	t.Parallel()
	u := Measure(span(0, 60), Watch{})
	require.Nil(t, u.Availability)
	require.Nil(t, u.MTBF)
	require.Equal(t, time.Hour, u.Time[NoData])
	require.Equal(t, Mean{}, Respond([]Incident{{ImpactStarted: at(5)}}).MTTR)
	require.Equal(t, 0, Respond([]Incident{{ImpactStarted: at(5), Detected: at(4)}}).MTTD.Population, "a time before its start is no duration")
}

func TestOngoingOutageAndOverrun(t *testing.T) {
	t.Parallel()
	w := Watch{First: at(0), Planned: []Span{span(10, 20)}, Outages: []Outage{{Start: at(15), Worst: Critical}}}
	u := Measure(span(0, 60), w)
	require.Equal(t, 40*time.Minute, u.Time[Down])
	require.Equal(t, 1, u.Failures, "maintenance that overran is a failure")
	require.Equal(t, 0, Measure(span(30, 60), w).Failures, "it began before the period")
	require.Zero(t, ratio(t, Measure(span(30, 60), w)))
}

func TestMedianAndP90(t *testing.T) {
	t.Parallel()
	var is []Incident
	for i := 1; i <= 10; i++ {
		is = append(is, Incident{ImpactStarted: at(0), Restored: at(0).Add(time.Duration(i) * time.Second)})
	}
	m := Respond(is).MTTR
	require.InDelta(t, 5.5, *m.MedianSeconds, 1e-9)
	require.InDelta(t, 9, *m.P90Seconds, 1e-9)
	require.InDelta(t, 1, *Respond(is[:1]).MTTR.P90Seconds, 1e-9)
}

// TestSegmentsAgainstMinutes compares with a model that asks every minute by itself.
func TestSegmentsAgainstMinutes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		spans := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) Span {
			a := rapid.IntRange(-20, 120).Draw(rt, "a")
			return span(a, a+rapid.IntRange(0, 40).Draw(rt, "len"))
		}), 0, 4)
		w := Watch{Planned: spans.Draw(rt, "planned"), NoData: spans.Draw(rt, "nodata"), Unreachable: spans.Draw(rt, "unreachable")}
		if rapid.Bool().Draw(rt, "measured") {
			w.First = at(rapid.IntRange(-10, 110).Draw(rt, "first"))
		}
		for _, s := range spans.Draw(rt, "outages") {
			o := Outage{Start: s.From, End: s.To, Worst: rapid.SampledFrom([]string{Warning, Critical, Unknown}).Draw(rt, "worst")}
			if rapid.IntRange(0, 5).Draw(rt, "open") == 0 {
				o.End = time.Time{}
			}
			w.Outages = append(w.Outages, o)
		}
		var want [buckets]time.Duration
		for m := range 100 {
			want[model(w, at(m))] += time.Minute
		}
		u := Measure(span(0, 100), w)
		require.Equal(rt, want, u.Time)
		end := at(0)
		for _, s := range Segments(span(0, 100), w) {
			require.Equal(rt, end, s.From)
			require.True(rt, s.To.After(s.From))
			end = s.To
		}
		require.Equal(rt, at(100), end)
	})
}

func model(w Watch, t time.Time) Bucket {
	in := func(ss []Span) bool {
		for _, s := range ss {
			if !t.Before(s.From) && t.Before(s.To) {
				return true
			}
		}
		return false
	}
	out := func(worst string) bool {
		for _, o := range w.Outages {
			if o.Worst == worst && !t.Before(o.Start) && (o.End.IsZero() || t.Before(o.End)) {
				return true
			}
		}
		return false
	}
	first, ok := w.measuredSince()
	switch {
	case in(w.Planned):
		return Planned
	case in(w.NoData) || !ok || t.Before(first):
		return NoData
	case out(Critical):
		return Down
	case in(w.Unreachable):
		return Unreachable
	case out(Unknown):
		return UnknownState
	}
	return Up
}
