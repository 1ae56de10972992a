package recur

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// few lists the first n moments in UTC.
func few(t *testing.T, rule, first, zone string, n int) []string {
	t.Helper()
	r, err := Parse(rule, first, zone)
	require.NoError(t, err)
	var out []string
	at := time.Time{}
	for range n {
		next, ok := r.Next(at)
		if !ok {
			break
		}
		out = append(out, next.UTC().Format(time.RFC3339))
		at = next
	}
	return out
}

func TestOccurrences(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rule, first, zone string
		want              []string
	}{
		"once":                           {"", "2026-11-02T22:00:00", "", []string{"2026-11-02T22:00:00Z"}},
		"weekly, over the end of DST":    {"FREQ=WEEKLY;BYDAY=SU", "2026-10-18T22:00:00", "Europe/Berlin", []string{"2026-10-18T20:00:00Z", "2026-10-25T21:00:00Z", "2026-11-01T21:00:00Z"}},
		"second Tuesday of the month":    {"FREQ=MONTHLY;BYDAY=2TU", "2026-11-01T03:30:00", "America/New_York", []string{"2026-11-10T08:30:00Z", "2026-12-08T08:30:00Z", "2027-01-12T08:30:00Z"}},
		"last day of the month":          {"rrule:freq=monthly;bymonthday=-1", "2027-01-31T00:00:00", "", []string{"2027-01-31T00:00:00Z", "2027-02-28T00:00:00Z", "2027-03-31T00:00:00Z"}},
		"the 31st, where there is one":   {"FREQ=MONTHLY;BYMONTHDAY=31", "2027-01-01T00:00:00", "", []string{"2027-01-31T00:00:00Z", "2027-03-31T00:00:00Z", "2027-05-31T00:00:00Z"}},
		"every other day, three times":   {"FREQ=DAILY;INTERVAL=2;COUNT=3", "2026-12-30T12:00:00", "Asia/Kolkata", []string{"2026-12-30T06:30:00Z", "2027-01-01T06:30:00Z", "2027-01-03T06:30:00Z"}},
		"until":                          {"FREQ=DAILY;UNTIL=20270102T000000Z", "2026-12-31T12:00:00", "", []string{"2026-12-31T12:00:00Z", "2027-01-01T12:00:00Z"}},
		"the hour that the spring skips": {"FREQ=DAILY", "2027-03-27T02:30:00", "Europe/Berlin", []string{"2027-03-27T01:30:00Z", "2027-03-28T01:30:00Z", "2027-03-29T00:30:00Z"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, few(t, c.rule, c.first, c.zone, len(c.want)+boolInt(c.rule == "" || strings.Contains(c.rule, "COUNT") || strings.Contains(c.rule, "UNTIL"))))
		})
	}
}

// boolInt asks for one more than there is, to see that it ends.
func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestBadRules(t *testing.T) {
	t.Parallel()
	for rule, want := range map[string]string{
		"FREQ=HOURLY":                         "must be DAILY",
		"every sunday":                        "is not a part",
		"FREQ=DAILY;BYHOUR=3":                 "is not a part",
		"FREQ=WEEKLY;BYDAY=XX":                "cannot be read",
		"FREQ=DAILY;INTERVAL=-1":              "INTERVAL",
		"FREQ=DAILY;INTERVAL=5000":            "INTERVAL",
		"FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30":  "never happens",
		"FREQ=DAILY;UNTIL=20200101T000000Z":   "never happens",
		"FREQ=DAILY;COUNT=1;COUNT=2;BYMONTH=": "cannot be read",
		strings.Repeat("FREQ=DAILY;", 40):     "longer than",
	} {
		_, err := Parse(rule, "2026-11-02T22:00:00", "")
		require.ErrorContains(t, err, want, rule)
	}
	_, err := Parse("", "2026-11-02 22:00", "")
	require.ErrorContains(t, err, "local time")
	_, err = Parse("", "2026-11-02T22:00:00", "Mars/Olympus")
	require.ErrorContains(t, err, "IANA")
	_, err = Parse("", "2026-11-02T22:00:00", "Local")
	require.ErrorContains(t, err, "IANA")
}

// What is accepted goes forward in time and ends in bounded time.
func FuzzParse(f *testing.F) {
	f.Add("FREQ=WEEKLY;BYDAY=SU", "2026-10-18T22:00:00", "Europe/Berlin")
	f.Add("FREQ=MONTHLY;BYDAY=-1FR;BYSETPOS=1", "2026-10-18T22:00:00", "")
	f.Add("FREQ=YEARLY;BYWEEKNO=53;WKST=MO", "2000-02-29T02:30:00", "America/New_York")
	f.Fuzz(func(t *testing.T, rule, first, zone string) {
		late := time.AfterFunc(10*time.Second, func() { panic("too slow: " + rule + " " + first + " " + zone) })
		defer late.Stop()
		r, err := Parse(rule, first, zone)
		if err != nil {
			return
		}
		at := time.Time{}
		for range 5 {
			next, ok := r.Next(at)
			if !ok {
				return
			}
			if !next.After(at) {
				t.Fatalf("%s is not after %s", next, at)
			}
			at = next
		}
	})
}
