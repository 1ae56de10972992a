package logfield

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

func TestLine(t *testing.T) {
	t.Parallel()
	fs, err := Flatten([]byte(`{"@timestamp":"2026-03-01T10:00:00.5Z","message":"hello","log":{"level":"WARN","file":{"path":"/var/log/x"}},"host":{"name":"web1"},"n":12345678901234567890,"list":[1,"a"],"none":null,"empty":{},"ok":true}`))
	require.NoError(t, err)
	l := Line(fs)
	require.Equal(t, signal.Line{
		At: time.Date(2026, 3, 1, 10, 0, 0, 5e8, time.UTC), Message: "hello", Level: "warning",
		Stream: []signal.Field{{Name: "host", Value: "web1"}, {Name: "log.file.path", Value: "/var/log/x"}},
		Fields: []signal.Field{{Name: "n", Value: "12345678901234567890"}, {Name: "list", Value: `[1,"a"]`}, {Name: "ok", Value: "true"}},
		Hints:  signal.Hints{Host: "web1"},
	}, l)
	for doc, want := range map[string]string{
		``: "too early", `{"a":1`: "too early", `[1]`: "not a JSON object", `{} {}`: "something follows", `{"a" 1}`: "colon",
	} {
		_, err := Flatten([]byte(doc))
		require.ErrorContains(t, err, want, doc)
	}
}

func TestMoment(t *testing.T) {
	t.Parallel()
	want := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	for _, s := range []string{"1772359200", "1772359200.0", "1772359200000", "1772359200000000", "1772359200000000000", "2026-03-01T11:00:00+01:00", "2026-03-01T11:00:00+0100", "2026-03-01 10:00:00,000", "2026-03-01T10:00:00"} {
		got, ok := Moment(s)
		require.True(t, ok, s)
		require.True(t, got.Equal(want), "%s: %s", s, got)
	}
	for _, s := range []string{"", "12", "NaN", "1e300", "yesterday", "-5"} {
		_, ok := Moment(s)
		require.False(t, ok, s)
	}
}

func FuzzFlatten(f *testing.F) {
	f.Add([]byte(`{"a":{"b":[1,2,{"c":null}]},"d":"x"}`))
	f.Fuzz(func(_ *testing.T, b []byte) {
		if fs, err := Flatten(b); err == nil {
			Line(fs)
		}
	})
}
