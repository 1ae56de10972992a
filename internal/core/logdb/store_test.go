package logdb

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

func open(t *testing.T, dir string, change ...func(*Options)) *Store {
	t.Helper()
	o := Options{Name: "logs", Dir: dir, Retention: 30 * dayLength, NoSync: true, MinFree: 1, Logger: slog.New(slog.DiscardHandler)}
	for _, c := range change {
		c(&o)
	}
	s, err := Open(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func write(t *testing.T, s *Store, rows ...Row) {
	t.Helper()
	rec, err := s.Write(rows)
	require.NoError(t, err)
	require.Equal(t, Receipt{Taken: len(rows)}, rec)
	require.NoError(t, s.Flush())
}

func line(at time.Time, host, text string, more ...Field) Row {
	return Row{At: at, Stream: []Field{{Name: "host", Value: host}}, Fields: append([]Field{{Name: Message, Value: text}}, more...)}
}

func ask(t *testing.T, s *Store, q Query) []map[string]string {
	t.Helper()
	var out []map[string]string
	_, err := s.Query(t.Context(), q, func(fs []Field) error {
		m := map[string]string{}
		for _, f := range fs {
			m[f.Name] = f.Value
		}
		out = append(out, m)
		return nil
	})
	require.NoError(t, err)
	return out
}

func messages(rows []map[string]string) []string {
	var out []string
	for _, r := range rows {
		out = append(out, r[Message])
	}
	return out
}

// base is a moment within the retention whose text is the same in every run but for
// the day.
func base() time.Time { return time.Now().UTC().Truncate(dayLength).Add(-dayLength + 12*time.Hour) }

func shop(t0 time.Time) []Row {
	var rows []Row
	for i := range 40 {
		level, text := "info", fmt.Sprintf("GET /cart took %d ms", i)
		if i%10 == 3 {
			level, text = "error", fmt.Sprintf("cannot connect to db-%d: connection refused", i%3)
		}
		rows = append(rows, line(t0.Add(time.Duration(i)*time.Second), fmt.Sprintf("web%d", i%2+1), text,
			Field{Name: "level", Value: level}, Field{Name: "status", Value: fmt.Sprint(200 + i%10*30)}))
	}
	return rows
}

// TestGolden holds what LogsQL answers. A new version of the engine that answers
// otherwise is seen here.
func TestGolden(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	t0 := base()
	write(t, s, shop(t0)...)
	var got strings.Builder
	for _, q := range []string{
		"connection refused",
		`"GET /cart" status:>400 | fields _time, _msg, status`,
		"{host=web2} level:error | fields _msg",
		`level:error | stats by (host) count() as errors`,
		`* | stats count() as rows, min(status) low, max(status) high`,
		`* | top 2 by (level)`,
		`_msg:~"took [0-9] ms" | extract "took <ms> ms" | fields ms, host`,
		`level:in(error) | sort by (_time) | limit 2 | fields _msg`,
		`nothing-of-this`,
		`* | uniq by (host) with hits | sort by (host)`,
	} {
		fmt.Fprintf(&got, "# %s\n", q)
		_, err := s.Query(t.Context(), Query{LogsQL: q, From: t0, To: t0.Add(time.Hour), Limit: 5}, func(fs []Field) error {
			for i, f := range fs {
				if f.Name == Time {
					f.Value = f.Value[len("2006-01-02T"):]
				}
				if f.Name == StreamID {
					f.Value = fmt.Sprintf("<%d>", len(f.Value))
				}
				if i > 0 {
					got.WriteByte(' ')
				}
				fmt.Fprintf(&got, "%s=%q", f.Name, f.Value)
			}
			got.WriteByte('\n')
			return nil
		})
		require.NoError(t, err, q)
	}
	golden(t, "queries.txt", got.String())
}

// TestGoldenErrors holds how wrong queries are explained.
func TestGoldenErrors(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	var got strings.Builder
	for _, q := range []string{
		`level:=`, `foo | fields`, `"open quote`, `(a or b`, `status:>x y | stats by (a`, `a | stats count(`,
		`_time:xx`, `{host=web`, `größe:x | limit many`, `a:~"["`, `| count()`, `a | sort by (x) limit zero`,
	} {
		err := s.Check(q)
		require.True(t, errs.Is(err, errs.Invalid), "%s: %v", q, err)
		for _, f := range errs.FieldsOf(err) {
			fmt.Fprintf(&got, "%s\n    %s %s\n", q, f.Path, f.Message)
		}
	}
	golden(t, "errors.txt", got.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

func TestNewestFirstAndLimits(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), func(o *Options) { o.MaxBytesOfQuery = 4000 })
	t0 := base()
	write(t, s, shop(t0)...)
	rows := ask(t, s, Query{Limit: 3})
	require.Equal(t, []string{"GET /cart took 39 ms", "GET /cart took 38 ms", "GET /cart took 37 ms"}, messages(rows))
	rows = ask(t, s, Query{Limit: 2, Oldest: true})
	require.Equal(t, []string{"GET /cart took 0 ms", "GET /cart took 1 ms"}, messages(rows))

	info, err := s.Query(t.Context(), Query{LogsQL: "level:error", Limit: 4}, func([]Field) error { return nil })
	require.NoError(t, err)
	require.Equal(t, 4, info.Rows)
	require.False(t, info.More, "there are exactly four")
	info, err = s.Query(t.Context(), Query{LogsQL: "level:error", Limit: 3}, func([]Field) error { return nil })
	require.NoError(t, err)
	require.True(t, info.More)

	rows = ask(t, s, Query{From: t0.Add(2 * time.Second), To: t0.Add(5 * time.Second)})
	require.Len(t, rows, 3, "the end is not part of the range")
	rows = ask(t, s, Query{LogsQL: "*", Only: []string{"host:=web1"}, Limit: 100, From: t0, To: t0.Add(9 * time.Second)})
	require.Len(t, rows, 5)
	rows = ask(t, s, Query{LogsQL: "host:in(* | fields host)", Only: []string{"host:=web1"}, From: t0, To: t0.Add(8 * time.Second)})
	require.Len(t, rows, 4, "a filter holds in queries inside a query too")

	_, err = s.Query(t.Context(), Query{}, func([]Field) error { return nil })
	require.ErrorContains(t, err, "The answer is larger than")
	_, err = s.Query(t.Context(), Query{From: t0, To: t0}, func([]Field) error { return nil })
	require.True(t, errs.Is(err, errs.Invalid))
	stop := fmt.Errorf("enough")
	_, err = s.Query(t.Context(), Query{Limit: 2}, func([]Field) error { return stop })
	require.ErrorIs(t, err, stop)
	_, err = s.Query(t.Context(), Query{LogsQL: "* | fields _msg", Limit: 2}, func([]Field) error { return stop })
	require.ErrorIs(t, err, stop)
}

func TestQueryTakesTooLong(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), func(o *Options) { o.Timeout = time.Nanosecond })
	_, err := s.Query(t.Context(), Query{}, func([]Field) error { return nil })
	require.Error(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.Query(ctx, Query{}, func([]Field) error { return nil })
	require.Error(t, err)
}

func TestFacts(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	t0 := base()
	write(t, s, shop(t0)...)
	all := Query{From: t0, To: t0.Add(time.Minute)}

	fields, err := s.Fields(t.Context(), all)
	require.NoError(t, err)
	names := map[string]uint64{}
	for _, f := range fields {
		names[f.Value] = f.Rows
	}
	require.Equal(t, uint64(40), names["level"])
	require.Contains(t, names, "host")

	values, err := s.Values(t.Context(), all, "level", 10)
	require.NoError(t, err)
	require.Equal(t, []Count{{"info", 36}, {"error", 4}}, values)
	top, err := s.Top(t.Context(), all, "level", 1)
	require.NoError(t, err)
	require.Equal(t, []Count{{"info", 36}}, top)
	streams, err := s.Streams(t.Context(), all, 10)
	require.NoError(t, err)
	require.Equal(t, []Count{{`{host="web1"}`, 20}, {`{host="web2"}`, 20}}, streams)

	h, err := s.Hits(t.Context(), all, 20*time.Second, "level")
	require.NoError(t, err)
	require.Equal(t, uint64(40), h.Total)
	require.Equal(t, "info", h.Series[0].Value)
	require.Equal(t, []uint64{18, 18, 0}, h.Series[0].Rows)
	require.Equal(t, []uint64{2, 2, 0}, h.Series[1].Rows)
	require.True(t, h.Start.Equal(t0))
	h, err = s.Hits(t.Context(), Query{LogsQL: "refused | stats count()", From: t0, To: t0.Add(time.Minute)}, time.Minute, "")
	require.NoError(t, err)
	require.Equal(t, []Series{{"", []uint64{4}, 4}}, h.Series)
	_, err = s.Hits(t.Context(), all, time.Millisecond, "")
	require.ErrorContains(t, err, "makes 60000 steps")

	st, err := s.Stats()
	require.NoError(t, err)
	require.Equal(t, uint64(40), st.Rows)
	require.Equal(t, 1, st.Days)
	require.Positive(t, st.JournalBytes)
	require.Positive(t, st.FreeBytes)
}

func TestDroppedAndFolded(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	t0 := base()
	rec, err := s.Write([]Row{
		line(t0.AddDate(-1, 0, 0), "a", "old"),
		line(t0.AddDate(1, 0, 0), "a", "future"),
		line(t0, "a", strings.Repeat("x", MaxRow)),
		line(t0, "a", "kept"),
	})
	require.NoError(t, err)
	require.Equal(t, Receipt{Taken: 1, Dropped: 3, Why: "It is older than the retention."}, rec)

	// A sender whose field names never end loses none of its rows.
	var rows []Row
	for i := range 3000 {
		rows = append(rows, line(t0.Add(time.Duration(i)), "wild", fmt.Sprintf("n %d", i), Field{Name: fmt.Sprintf("key%d", i), Value: "v"}))
	}
	rows = append(rows, line(t0, "wild", "twice", Field{Name: "a", Value: "1"}, Field{Name: "a", Value: "2"}, Field{Name: strings.Repeat("n", 200), Value: "long"}))
	write(t, s, rows...)
	got := ask(t, s, Query{LogsQL: `host:wild | stats count() as n`})
	require.Equal(t, "3001", got[0]["n"])
	got = ask(t, s, Query{LogsQL: `_msg:="n 2999"`})
	require.Equal(t, `{"key2999":"v"}`, got[0][More])
	got = ask(t, s, Query{LogsQL: `_msg:="twice"`})
	require.Contains(t, got[0][More], `"a":`)
	require.Contains(t, got[0][More], `"long"`)
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), func(o *Options) { o.MinFree = 1 << 60 })
	_, err := s.Write([]Row{line(base(), "a", "x")})
	require.True(t, errs.Is(err, errs.Unavailable))
	require.ErrorContains(t, err, "Nothing new is stored.")
	require.ErrorContains(t, s.Health(), "is full")
}

func TestOldestDayGoesWhenDiskIsNearlyFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	for i := range 4 {
		write(t, s, line(base().AddDate(0, 0, -i), "a", fmt.Sprintf("day %d", i)))
	}
	s.o.MinFree = 1 << 60
	s.makeRoom()
	s.makeRoom()
	s.makeRoom()
	require.Equal(t, []string{"day 0", "day 1"}, messages(ask(t, s, Query{})))
}

func TestOpenTwiceAndAfterClose(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	write(t, s, line(base(), "a", "one"))
	_, err := Open(Options{Name: "logs", Dir: dir})
	require.True(t, errs.Is(err, errs.Unavailable))
	require.NoError(t, s.Close())
	_, err = s.Write([]Row{line(base(), "a", "x")})
	require.True(t, errs.Is(err, errs.Unavailable))
	require.Error(t, s.Health())

	s = open(t, dir)
	require.Equal(t, []string{"one"}, messages(ask(t, s, Query{})))
	require.NoError(t, s.Health())
}

func TestDamagedDayIsSetAside(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	write(t, s, line(base(), "a", "good"), line(base().AddDate(0, 0, -3), "a", "lost"))
	require.NoError(t, s.Close())
	day := base().AddDate(0, 0, -3).Format("20060102")
	parts, err := filepath.Glob(filepath.Join(dir, "engine", "partitions", day, "datadb", "*", "metadata.json"))
	require.NoError(t, err)
	require.NotEmpty(t, parts)
	require.NoError(t, os.WriteFile(parts[0], []byte("{"), 0o600))

	s = open(t, dir)
	require.Equal(t, []string{"good"}, messages(ask(t, s, Query{})))
	require.ErrorContains(t, s.Health(), "quarantine")
	set, err := filepath.Glob(filepath.Join(dir, "quarantine", day+"*"))
	require.NoError(t, err)
	require.Len(t, set, 1)
}

func TestTail(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	t0 := base()
	write(t, s, line(t0, "a", "before refused"))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	got := make(chan string, 10)
	ended := make(chan error, 1)
	go func() {
		ended <- s.Tail(ctx, Query{LogsQL: "refused"}, func(rows [][]Field, skipped int) error {
			for _, r := range rows {
				for _, f := range r {
					if f.Name == Message {
						got <- f.Value
					}
				}
			}
			return nil
		})
	}()
	for s.tails.any.Load() == 0 {
		select {
		case err := <-ended:
			t.Fatal(err)
		case <-time.After(time.Millisecond):
		}
	}
	begin := time.Now()
	_, err := s.Write([]Row{line(t0, "a", "first refused"), line(t0, "a", "fine"), line(t0.AddDate(0, 0, -2), "b", "older refused")})
	require.NoError(t, err)
	require.Equal(t, "older refused", <-got)
	require.Equal(t, "first refused", <-got)
	require.Less(t, time.Since(begin), 5*time.Second)
	cancel()
	require.NoError(t, <-ended)
	require.Empty(t, got, "what was stored before is not new")

	err = s.Tail(t.Context(), Query{LogsQL: "a | stats count()"}, nil)
	require.True(t, errs.Is(err, errs.Invalid))
}
