package exposition

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

const openMetrics = `# TYPE http_requests counter
# HELP http_requests Requests.
# UNIT http_request_seconds seconds
http_requests_total{code="200"} 3 1700000000 # {trace_id="abc"} 1
# TYPE temperature gauge
temperature -1.5
# EOF
`

func TestParse(t *testing.T) {
	t.Parallel()
	var got []string
	found, err := Parse([]byte(openMetrics), "application/openmetrics-text; version=1.0.0", func(s Series) error {
		got = append(got, s.Labels.String())
		if s.Value == 3 {
			require.Equal(t, time.Unix(1700000000, 0), s.At)
		} else {
			require.True(t, s.At.IsZero())
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, []string{`{__name__="http_requests_total", code="200"}`, `{__name__="temperature"}`}, got)
	require.Equal(t, 1, found.Exemplars)
	require.Equal(t, signal.Meta{Type: "counter", Help: "Requests."}, found.Meta["http_requests"])

	_, err = Parse([]byte("a 1\nb{ 2\n"), "", func(Series) error { return nil })
	require.Error(t, err)
	_, err = Parse([]byte("a 1\n"), "text/plain", func(Series) error { return errors.New("enough") })
	require.ErrorContains(t, err, "enough")
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(openMetrics), true)
	f.Add([]byte("# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum NaN\nh_count 1 5\n"), false)
	f.Fuzz(func(_ *testing.T, text []byte, open bool) {
		ct := "text/plain"
		if open {
			ct = "application/openmetrics-text"
		}
		_, _ = Parse(text, ct, func(Series) error { return nil })
	})
}
