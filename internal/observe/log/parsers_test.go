package log

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

func TestParsersOfOnesOwn(t *testing.T) {
	t.Parallel()
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		f := setUp(t, d)
		ctx := access.AsSystem(t.Context())
		put := func(p Parser) (o apply.Outcome, err error) {
			err = d.InTx(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
				o, err = f.s.putParser(ctx, tx, p)
				return err
			})
			return o, err
		}
		shop := Parser{Name: "shop", Pattern: "order=%{int:order} took %{word:took}", Types: map[string]string{"took": "duration"}, Items: []string{"web-1"}}
		o, err := put(shop)
		require.NoError(t, err)
		require.Equal(t, apply.Created, o)
		o, err = put(shop)
		require.NoError(t, err)
		require.Equal(t, apply.Unchanged, o)
		_, err = put(Parser{Name: "oddly", Pattern: `{"odd":%{rest:odd}`, First: true, Senders: []string{"lab"}})
		require.NoError(t, err)
		_, err = put(Parser{Name: "bad", Pattern: "%{nope:x}"})
		require.Equal(t, "pattern", errs.FieldsOf(err)[0].Path)

		now := d.Clock().Now()
		line := func(item, text string) signal.Line {
			return signal.Line{At: now, Message: text, Stream: []signal.Field{{Name: "item", Value: item}}}
		}
		_, err = f.s.TakeLines(ctx, signal.Source{Sender: "lab"}, []signal.Line{
			line("web-1", "order=7 took 250ms"), line("web-1", "order=x took 1s"), line("web-2", "order=8 took 1s"), line("web-2", `{"odd":1}`),
		})
		require.NoError(t, err)
		_, err = f.s.TakeLines(ctx, signal.Source{Sender: "other"}, []signal.Line{line("web-2", `{"odd":2}`)})
		require.NoError(t, err)
		rows := func(q string) (out []map[string]string) {
			require.Eventually(t, func() bool {
				out = nil
				err := f.s.QueryLogs(ctx, observe.LogQuery{LogsQL: q, From: now.Add(-time.Minute), To: now.Add(time.Minute)}, func(fs []signal.Field) error {
					out = append(out, object(fs))
					return nil
				})
				return err == nil && len(out) > 0
			}, 10*time.Second, 20*time.Millisecond, q)
			return out
		}
		got := rows(`format:=shop`)
		require.Len(t, got, 1)
		require.Equal(t, "7", got[0]["order"])
		require.Equal(t, "0.25", got[0]["took"])
		require.Equal(t, "order=x took 1s", rows(`"order=x"`)[0]["_msg"], "what does not fit stays as it is")
		require.NotEqual(t, "shop", rows(`"order=8"`)[0]["format"], "it is for another item")
		require.Equal(t, "1}", rows(`format:=oddly odd:*`)[0]["odd"])
		all := *f.s.parsers.Load()
		require.Equal(t, []uint64{1, 1}, []uint64{all[1].fits.Load(), all[1].fails.Load()})

		// Over a restart of the settings, and away.
		require.NoError(t, f.s.loadParsers(ctx, d.Reader()))
		require.Len(t, *f.s.parsers.Load(), 2)
		require.NoError(t, f.s.removeParser(ctx, "oddly"))
		require.Len(t, *f.s.parsers.Load(), 1)
		require.True(t, errs.Is(f.s.removeParser(ctx, "oddly"), errs.NotFound))
	})
}

func TestTryParser(t *testing.T) {
	t.Parallel()
	out, err := tryParser(Parser{Regexp: `^(?P<user>\w+) (?P<n>\d+)$`}, []string{"ada 7", "odd"}, time.Now())
	require.NoError(t, err)
	require.True(t, out[0].Fits)
	require.False(t, out[1].Fits)
	require.NotEmpty(t, out[1].Misses)
	_, err = tryParser(Parser{Regexp: `(`}, nil, time.Now())
	require.Equal(t, "regexp", errs.FieldsOf(err)[0].Path)
}

// Nothing that a person can write as a parser takes long or breaks down.
func FuzzTryParser(f *testing.F) {
	f.Add("%{word:a} %{ip:b}%[ %{rest:c}%]", "x 10.0.0.1 y", false)
	f.Add(`(?P<a>(x+)+)$`, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxy", true)
	f.Add("%{text:a}%{text:b}%{text:c}%{text:d}%{int:e}", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false)
	f.Fuzz(func(t *testing.T, text, line string, expression bool) {
		p := Parser{Pattern: text}
		if expression {
			p = Parser{Regexp: text}
		}
		out, err := tryParser(p, []string{line}, time.Unix(1e9, 0))
		if err == nil {
			require.Len(t, out, 1)
		} else {
			require.True(t, errs.Is(err, errs.Invalid), err)
		}
	})
}
