package discovery

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

func at2(t *testing.T, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, s)
	require.NoError(t, err)
	return v
}

func TestNextStart(t *testing.T) {
	t.Parallel()
	h := func(n int) observe.Duration { return observe.Duration(time.Duration(n) * time.Hour) }
	for name, c := range map[string]struct {
		s         *Schedule
		now, want string
	}{
		"by hand":                {nil, "2026-11-23T10:00:00Z", ""},
		"only quiet hours":       {&Schedule{Quiet: []Quiet{{From: "08:00", To: "09:00"}}}, "2026-11-23T10:00:00Z", ""},
		"every hour":             {&Schedule{Every: h(1)}, "2026-11-23T10:00:00Z", "2026-11-23T11:00:00Z"},
		"later today":            {&Schedule{At: "12:30"}, "2026-11-23T10:00:00Z", "2026-11-23T12:30:00Z"},
		"tomorrow":               {&Schedule{Every: h(24), At: "03:00"}, "2026-11-23T10:00:00Z", "2026-11-24T03:00:00Z"},
		"exactly now":            {&Schedule{At: "10:00"}, "2026-11-23T10:00:00Z", "2026-11-24T10:00:00Z"},
		"a zone":                 {&Schedule{At: "03:00", Zone: "Europe/Zurich"}, "2026-11-23T10:00:00Z", "2026-11-24T02:00:00Z"},
		"a zone over the clock":  {&Schedule{At: "03:00", Zone: "Europe/Zurich"}, "2026-03-28T10:00:00Z", "2026-03-29T01:00:00Z"},
		"each week":              {&Schedule{Every: h(168), At: "03:00"}, "2026-11-23T03:00:00Z", "2026-11-30T03:00:00Z"},
		"six hours from three":   {&Schedule{Every: h(6), At: "03:00"}, "2026-11-23T10:00:00Z", "2026-11-23T15:00:00Z"},
		"seven hours begin anew": {&Schedule{Every: h(7), At: "03:00"}, "2026-11-23T17:30:00Z", "2026-11-24T00:00:00Z"},
		"and then at three":      {&Schedule{Every: h(7), At: "03:00"}, "2026-11-24T00:30:00Z", "2026-11-24T03:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := c.s.next(at2(t, c.now))
			if c.want == "" {
				require.True(t, got.IsZero())
				return
			}
			require.Equal(t, at2(t, c.want).UTC(), got)
		})
	}
}

func TestQuietHours(t *testing.T) {
	t.Parallel()
	s := &Schedule{Zone: "Europe/Zurich", Quiet: []Quiet{{From: "08:00", To: "18:00", Days: []string{"mon", "tue"}}, {From: "22:00", To: "02:00", Days: []string{"fri"}}}}
	for now, until := range map[string]string{
		"2026-11-23T06:59:00Z": "",                     // Monday, 07:59 there
		"2026-11-23T07:00:00Z": "2026-11-23T17:00:00Z", // 08:00
		"2026-11-23T17:00:00Z": "",
		"2026-11-25T10:00:00Z": "",                     // Wednesday
		"2026-11-27T22:00:00Z": "2026-11-28T01:00:00Z", // Friday, 23:00
		"2026-11-28T00:30:00Z": "2026-11-28T01:00:00Z", // Saturday, 01:30: still Friday's
		"2026-11-28T21:30:00Z": "",
	} {
		got, quiet := s.quietUntil(at2(t, now))
		require.Equal(t, until != "", quiet, now)
		if quiet {
			require.Equal(t, at2(t, until).UTC(), got, now)
		}
	}
}
