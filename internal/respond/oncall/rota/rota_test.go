package rota

import (
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func zone(t require.TestingT, name string) *time.Location {
	z, err := time.LoadLocation(name)
	require.NoError(t, err)
	return z
}

func TestHandoverKeepsWallTimeOverBothChanges(t *testing.T) {
	t.Parallel()
	z := zone(t, "Europe/Berlin")
	s := Schedule{Zone: z, Layers: []Rotation{{Members: []string{"ann", "bob"}, Every: day, Starts: "2026-01-01T09:00:00"}}}
	for date, hours := range map[string]float64{"2026-03-28": 23, "2026-10-24": 25, "2026-06-01": 24} {
		d, err := time.ParseInLocation("2006-01-02 15", date+" 09", z)
		require.NoError(t, err)
		x := s.Shifts(d, d.AddDate(0, 0, 1))
		require.Len(t, x, 1, date)
		require.Equal(t, hours, x[0].End.Sub(x[0].Start).Hours(), date)
		next, ok := s.NextHandover(d, 2*day)
		require.True(t, ok)
		require.Equal(t, 9, next.In(z).Hour())
	}
}

func TestRestrictionsGapsAndOverrides(t *testing.T) {
	t.Parallel()
	at := func(d, h int) time.Time { return time.Date(2026, 11, d, h, 0, 0, 0, time.UTC) }
	s := Schedule{Zone: time.UTC, Layers: []Rotation{{
		Members: []string{"ann"}, Every: 7 * day, Starts: "2026-11-02T00:00:00",
		Restrictions: []Restriction{{Days: []time.Weekday{time.Monday}, From: 22 * time.Hour, To: 6 * time.Hour}},
	}}, Overrides: []Override{{"bob", at(3, 1), at(3, 2)}}}
	require.NoError(t, s.Validate())
	require.Equal(t, []Gap{{at(2, 0), at(2, 22)}, {at(3, 6), at(4, 0)}}, s.Gaps(at(2, 0), at(4, 0)))
	require.Equal(t, map[string]time.Duration{"ann": 7 * time.Hour, "bob": time.Hour}, s.Hours(at(2, 0), at(4, 0)))
	require.Equal(t, []OnCall{{"bob", OverrideLayer}}, s.At(at(3, 1)))
	require.Error(t, Schedule{Layers: []Rotation{{}}}.Validate())
}

func TestShiftsTileAndAgreeWithAt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := Schedule{Zone: zone(t, rapid.SampledFrom([]string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"}).Draw(t, "zone"))}
		for range rapid.IntRange(1, 3).Draw(t, "layers") {
			r := Rotation{Members: []string{"a", "b", "c"}, Every: time.Duration(rapid.SampledFrom([]int{8, 12, 24, 168}).Draw(t, "every")) * time.Hour, Starts: "2026-01-05T02:30:00"}
			if rapid.Bool().Draw(t, "restricted") {
				r.Restrictions = []Restriction{{From: time.Duration(rapid.IntRange(0, 23).Draw(t, "from")) * time.Hour, To: time.Duration(rapid.IntRange(0, 23).Draw(t, "to")) * time.Hour}}
			}
			s.Layers = append(s.Layers, r)
		}
		from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 9000).Draw(t, "hour")) * time.Hour)
		s.Overrides = []Override{{"o", from.Add(5 * time.Hour), from.Add(9 * time.Hour)}}
		to := from.Add(10 * day)
		x := s.Shifts(from, to)
		total := time.Duration(0)
		for i, y := range x {
			require.True(t, y.Start.Before(y.End))
			require.True(t, i == 0 || !y.Start.Before(x[i-1].End), "overlap")
			for _, m := range []time.Time{y.Start, y.End.Add(-1)} {
				require.Equal(t, []OnCall{{y.Member, y.Layer}}, s.At(m))
			}
			total += y.End.Sub(y.Start)
		}
		for _, g := range s.Gaps(from, to) {
			require.Empty(t, s.At(g.Start))
			total += g.End.Sub(g.Start)
		}
		require.Equal(t, to.Sub(from), total)
	})
}

func TestInstantNearClockChanges(t *testing.T) {
	t.Parallel()
	s := Schedule{Zone: zone(t, "Europe/Berlin")}
	for wall, want := range map[string]string{
		"2026-03-29T01:59:00": "2026-03-29T00:59:00Z",
		"2026-03-29T02:30:00": "2026-03-29T01:30:00Z", // skipped: 03:30 summer time
		"2026-03-29T03:00:00": "2026-03-29T01:00:00Z",
		"2026-03-29T05:00:00": "2026-03-29T03:00:00Z",
		"2026-10-25T02:30:00": "2026-10-25T00:30:00Z", // twice: the first
		"2026-10-25T03:00:00": "2026-10-25T02:00:00Z",
		"2026-10-25T06:00:00": "2026-10-25T05:00:00Z",
	} {
		w, err := time.Parse(WallLayout, wall)
		require.NoError(t, err)
		require.Equal(t, want, s.instant(w).UTC().Format(time.RFC3339), wall)
	}
}
