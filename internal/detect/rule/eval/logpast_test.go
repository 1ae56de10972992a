package eval

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/clock"
	"github.com/mainstay-ops/mainstay/internal/core/logdb"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

func TestCountOf(t *testing.T) {
	t.Parallel()
	for q, want := range map[string]counting{
		`level:error`: {filter: "level:error", name: "value", op: ">"},
		`"a | b" | stats by (host, app) count() as n | filter n:>=5`: {filter: `"a | b"`, by: []string{"host", "app"}, name: "n", op: ">=", limit: 5},
		`x | unpack_json | stats count() n`:                          {filter: "x | unpack_json", name: "n"},
	} {
		c, ok := countOf(q)
		require.True(t, ok, q)
		require.Equal(t, want, c, q)
	}
	for _, q := range []string{
		`x | stats avg(took) as n`, `x | stats by (_time:1m) count() as n`, `x | limit 5 | stats count() n`,
		`x | stats count() n | filter m:>5`, `x | stats count() n, max(a) b`, `x | stats count() n | sort by (n)`,
	} {
		_, ok := countOf(q)
		require.False(t, ok, q)
	}
}

// stored answers from a real store of lines.
type stored struct {
	st    *logdb.Store
	asked int
}

func (s *stored) QueryLogs(ctx context.Context, q observe.LogQuery, row func([]signal.Field) error) error {
	s.asked++
	_, err := s.st.Query(ctx, logdb.Query{LogsQL: q.LogsQL, From: q.From, To: q.To, Limit: q.Limit}, row)
	return err
}

func (s *stored) CheckLogs(q string) error { return s.st.Check(q) }

func TestTryPastLogs(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Hour)
	st, err := logdb.Open(logdb.Options{Name: "logs", Dir: t.TempDir(), Retention: 240 * time.Hour, MaxBytes: 1 << 30, Clock: clock.System{}, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	defer func() { require.NoError(t, st.Close()) }()
	from, to := now.Add(-2*time.Hour), now
	var rows []logdb.Row
	add := func(at time.Time, host string, n int) {
		for i := range n {
			rows = append(rows, logdb.Row{At: at.Add(time.Duration(i) * time.Second), Stream: []signal.Field{{Name: "host", Value: host}}, Fields: []signal.Field{{Name: logdb.Message, Value: "card declined"}, {Name: "took", Value: "7"}}})
		}
	}
	add(from.Add(-3*time.Minute), "a", 6) // in the window of the first step
	add(from.Add(20*time.Minute), "a", 7)
	add(from.Add(20*time.Minute+30*time.Second), "b", 2)
	add(from.Add(70*time.Minute), "b", 50)
	_, err = st.Write(rows)
	require.NoError(t, err)
	logs := &stored{st: st}

	q := LogQuestion{LogsQL: `declined | stats by (host) count() as n | filter n:>5`, Window: 5 * time.Minute}
	fast, err := TryPastLogs(t.Context(), logs, q, Timing{}, from, to, time.Minute)
	require.NoError(t, err)
	require.Less(t, logs.asked, 5)
	require.Equal(t, 3, fast.Fired)
	require.Equal(t, map[string]string{"host": "b"}, fast.Episodes[2].Labels)

	// The same, asked one by one: what sorts after counting is not only counting.
	logs.asked = 0
	q.LogsQL += " | sort by (host)"
	slow, err := TryPastLogs(t.Context(), logs, q, Timing{}, from, to, time.Minute)
	require.NoError(t, err)
	require.Equal(t, 121, logs.asked)
	require.Equal(t, fast, slow)

	// A question that is true without lines.
	q = LogQuestion{LogsQL: `declined | stats count() as n | filter n:<1`, Window: 10 * time.Minute}
	fast, err = TryPastLogs(t.Context(), logs, q, Timing{For: 3 * time.Minute}, from, to, time.Minute)
	require.NoError(t, err)
	q.LogsQL += " | sort by (n)"
	slow, err = TryPastLogs(t.Context(), logs, q, Timing{For: 3 * time.Minute}, from, to, time.Minute)
	require.NoError(t, err)
	require.Equal(t, slow, fast)
	require.Equal(t, 3, fast.Fired)

	// Too many moments to ask one by one.
	logs.asked = 0
	slow, err = TryPastLogs(t.Context(), logs, q, Timing{}, from, to, 10*time.Second)
	require.NoError(t, err)
	require.LessOrEqual(t, logs.asked, maxAsked+1)
	require.InDelta(t, 30, slow.Step, 0.1)
}
