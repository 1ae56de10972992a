package eval_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/detect/rule/eval"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

var t0 = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

// script turns one letter per minute into steps: A the question is answered, R the
// recovery condition, P there is data but neither, '.' there is no data.
func script(tm eval.Timing, letters string) string {
	m := eval.NewMachine(tm, nil)
	one := []eval.Value{{Labels: map[string]string{"host": "a"}, Value: 1}}
	var out strings.Builder
	for i, l := range letters {
		var r eval.Reading
		switch l {
		case 'A':
			r.Active, r.Present = one, one
		case 'R':
			r.Recovered, r.Present = one, one
		case 'P':
			r.Present = one
		}
		for _, c := range m.Step(t0.Add(time.Duration(i)*time.Minute), r) {
			mark := map[eval.State]string{eval.Pending: "p", eval.Firing: "F", eval.Inactive: "i"}[c.To]
			if c.Instance.NoData {
				mark = "n" + mark
			}
			fmt.Fprintf(&out, "%d%s ", i, mark)
		}
	}
	return strings.TrimSpace(out.String())
}

func TestMachine(t *testing.T) {
	t.Parallel()
	min := time.Minute
	for name, c := range map[string]struct {
		timing        eval.Timing
		letters, want string
	}{
		"at once":                      {eval.Timing{}, "PAAP", "1F 3i"},
		"for":                          {eval.Timing{For: 2 * min}, "PAAAP", "1p 3F 4i"},
		"for begins anew":              {eval.Timing{For: 2 * min}, "AAPAAAP", "0p 2i 3p 5F 6i"},
		"keep firing":                  {eval.Timing{KeepFiring: 2 * min}, "APAPPPP", "0F 5i"},
		"recovery":                     {eval.Timing{Recovers: true}, "APPAPRP", "0F 5i"},
		"recovery, then keep firing":   {eval.Timing{Recovers: true, KeepFiring: min}, "APRRP", "0F 3i"},
		"missing ends":                 {eval.Timing{Missing: eval.MissingOK}, "A.P", "0F 1i"},
		"missing keeps":                {eval.Timing{Missing: eval.MissingKeep}, "A..P", "0F 3i"},
		"missing keeps what waits":     {eval.Timing{Missing: eval.MissingKeep, For: 2 * min}, "A.AP", "0p 2F 3i"},
		"missing alerts":               {eval.Timing{Missing: eval.MissingAlert}, "P..P", "1nF 3ni"},
		"missing alerts after a while": {eval.Timing{Missing: eval.MissingAlert, For: 2 * min}, "P.P...P", "1np 2ni 3np 5nF 6ni"},
	} {
		require.Equal(t, c.want, script(c.timing, c.letters), name)
	}
}

// Whatever comes, an instance goes from inactive over pending to firing and back,
// never fires before its time, and a machine made from what was kept goes on alike.
func TestMachineProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		tm := eval.Timing{
			For: time.Duration(rapid.IntRange(0, 4).Draw(rt, "for")) * time.Minute, KeepFiring: time.Duration(rapid.IntRange(0, 4).Draw(rt, "keep")) * time.Minute,
			Recovers: rapid.Bool().Draw(rt, "recovers"), Missing: rapid.SampledFrom([]eval.Missing{eval.MissingOK, eval.MissingKeep, eval.MissingAlert}).Draw(rt, "missing"),
		}
		a, b := eval.NewMachine(tm, nil), eval.NewMachine(tm, nil)
		state := map[string]eval.State{}
		some := func(label string) []eval.Value {
			var vs []eval.Value
			for _, h := range []string{"x", "y", "z"} {
				if rapid.Bool().Draw(rt, label+h) {
					vs = append(vs, eval.Value{Labels: map[string]string{"host": h}, Value: 1})
				}
			}
			return vs
		}
		for i := range 30 {
			at := t0.Add(time.Duration(i) * time.Minute)
			r := eval.Reading{Active: some("a"), Recovered: some("r"), Present: some("p")}
			cs := a.Step(at, r)
			kept := make([]eval.Instance, 0, len(b.Instances))
			for _, i := range b.Instances {
				kept = append(kept, *i)
			}
			b = eval.NewMachine(tm, kept)
			require.Equal(rt, cs, b.Step(at, r), "after a restart")
			for _, c := range cs {
				was, ok := state[c.Instance.Key]
				if !ok {
					was = eval.Inactive
				}
				require.Equal(rt, was, c.From)
				require.NotEqual(rt, c.From, c.To)
				state[c.Instance.Key] = c.To
				if c.To == eval.Firing {
					require.GreaterOrEqual(rt, c.At.Sub(c.Instance.ActiveAt), tm.For)
				}
				require.False(rt, c.From == eval.Firing && c.To == eval.Pending)
			}
		}
	})
}

// fake answers range and instant questions from functions of the minute.
type fake map[string]func(minute int) (float64, bool)

func (f fake) Instant(_ context.Context, q string, at time.Time) ([]observe.Series, error) {
	return f.Range(context.Background(), q, at, at, time.Minute)
}

func (f fake) Range(_ context.Context, q string, from, to time.Time, step time.Duration) ([]observe.Series, error) {
	fn, ok := f[q]
	if !ok {
		return nil, errs.New(errs.Invalid, "no %s", q)
	}
	s := observe.Series{Labels: map[string]string{"__name__": "m", "host": "a"}}
	for at := from; !at.After(to); at = at.Add(step) {
		if v, ok := fn(int(at.Sub(t0) / time.Minute)); ok {
			s.Points = append(s.Points, observe.Point{At: at, Value: v})
		}
	}
	if len(s.Points) == 0 {
		return nil, nil
	}
	return []observe.Series{s}, nil
}

// What a trial on the past says is what asking at every moment would have said.
func TestPastIsWhatWouldHaveBeen(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		on := rapid.SliceOfN(rapid.Bool(), 60, 60).Draw(rt, "on")
		m := fake{"q": func(i int) (float64, bool) { return float64(i), i < len(on) && on[i] }}
		tm := eval.Timing{For: 2 * time.Minute, KeepFiring: time.Minute}
		p, err := eval.TryPast(context.Background(), m, eval.Question{Expr: "q"}, tm, t0, t0.Add(59*time.Minute), time.Minute)
		require.NoError(rt, err)
		require.Equal(rt, 60, p.Steps)
		machine, fired := eval.NewMachine(tm, nil), 0
		for i := range 60 {
			at := t0.Add(time.Duration(i) * time.Minute)
			r, err := eval.Question{Expr: "q"}.Ask(context.Background(), m, at)
			require.NoError(rt, err)
			for _, c := range machine.Step(at, r) {
				if c.To == eval.Firing {
					require.Equal(rt, at, p.Episodes[fired].FiredAt)
					fired++
				}
			}
		}
		require.Equal(rt, fired, p.Fired)
	})
}

func TestPastLimitsAndNight(t *testing.T) {
	t.Parallel()
	m := fake{"q": func(i int) (float64, bool) { return 1, i%1440 == 0 }}
	_, err := eval.TryPast(context.Background(), m, eval.Question{Expr: "q"}, eval.Timing{}, t0, t0.Add(400*24*time.Hour), time.Minute)
	require.ErrorContains(t, err, "at most 20000")
	p, err := eval.TryPast(context.Background(), m, eval.Question{Expr: "q"}, eval.Timing{}, t0, t0.Add(3*24*time.Hour), time.Minute)
	require.NoError(t, err)
	require.Equal(t, 4, p.Fired)
	require.Equal(t, 0, p.AtNight(time.UTC))
	require.Equal(t, 4, p.AtNight(time.FixedZone("far", -10*3600)), "nine in the morning there is eleven at night here")
	require.InDelta(t, 180, p.Seconds, 1e-9, "each lasted a minute, the last goes on since the end")
}

func TestPresence(t *testing.T) {
	t.Parallel()
	for expr, want := range map[string]string{
		"a > 5": "a", "5 < a": "a", "(a / b) > 0.9": "(a / b)", "a > 5 and b > 1": "a", "sum by (x) (rate(m[5m])) == 0": "sum by (x) (rate(m[5m]))",
		"a > 5 or b > 1": "", "absent(a)": "", "a": "",
	} {
		got, ok := eval.Presence(expr)
		require.Equal(t, want, got, expr)
		require.Equal(t, want != "", ok, expr)
	}
	require.Contains(t, eval.CheckExpr("sum(a"), "character")
	require.Contains(t, eval.CheckExpr("a[5m]"), "range vector")
	require.Empty(t, eval.CheckExpr("a > 1"))
}

func TestTexts(t *testing.T) {
	t.Parallel()
	out := eval.Renderer{URL: "https://m.example.org", Metrics: fake{"up": func(int) (float64, bool) { return 3, true }}}.Render(context.Background(), map[string]string{
		"a": "{{ $labels.host }} is {{ $value | humanizePercentage }} full", "b": "{{ broken", "c": `{{ with query "up" }}{{ . | first | value }}{{ end }}`, "d": "plain", "e": "{{ $externalURL }}",
	}, map[string]string{"host": "db"}, 0.93, t0)
	require.Equal(t, "db is 93% full", out["a"])
	require.Contains(t, out["b"], "cannot be filled in")
	require.Equal(t, "3", out["c"])
	require.Equal(t, "plain", out["d"])
	require.Equal(t, "https://m.example.org", out["e"])
	require.Contains(t, eval.CheckText("{{ .x"), "is not a template")
	require.Empty(t, eval.CheckText("{{ $labels.x }}"))
}

func TestPromMistakesHaveLines(t *testing.T) {
	t.Parallel()
	_, err := eval.ParseProm("x.yml", []byte("groups:\n- name: g\n  rules:\n  - alert: A\n    expr: sum(\n  - alert: B\n    expr: up\n    labels: {\"\": x}\n"))
	require.Error(t, err)
	fs := errs.FieldsOf(err)
	require.NotEmpty(t, fs)
	require.Equal(t, "A", fs[0].Path)
	require.Equal(t, 5, fs[0].Line)
	_, err = eval.ParseProm("x.yml", []byte("groups: [{name: g, ruless: []}]"))
	require.Contains(t, errs.FieldsOf(err)[0].Message, "ruless")
}

// Rule files of the community load unchanged, with every count.
func TestRuleFilesOfOthers(t *testing.T) {
	t.Parallel()
	dir := testkit.Data(t, "nms-import/prometheus-rules")
	b, err := os.ReadFile(filepath.Join(dir, "counts.json"))
	require.NoError(t, err)
	var counts map[string]struct {
		Alerts   int            `json:"alerts"`
		Severity map[string]int `json:"severity"`
	}
	require.NoError(t, json.Unmarshal(b, &counts))
	files := make([]string, 0, len(counts))
	for f := range counts {
		files = append(files, f)
	}
	sort.Strings(files)
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(dir, f))
		require.NoError(t, err)
		rules, err := eval.ParseProm(f, data)
		require.NoError(t, err, f)
		alerts, severity := 0, map[string]int{}
		for _, r := range rules {
			if r.Alert == "" {
				continue
			}
			alerts++
			severity[eval.SeverityOf(r.Labels["severity"])]++
			require.Empty(t, eval.CheckExpr(r.Expr), r.Alert)
			for _, text := range (eval.Renderer{}).Render(context.Background(), r.Annotations, map[string]string{"instance": "db:9100"}, 0.5, t0) {
				require.NotContains(t, text, "cannot be filled in", r.Alert)
				require.NotContains(t, text, "{{", r.Alert)
			}
		}
		require.Equal(t, counts[f].Alerts, alerts, f)
		require.Equal(t, counts[f].Severity, severity, f)
	}
}

func FuzzParseProm(f *testing.F) {
	f.Add([]byte("groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up == 0\n    for: 5m\n"))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = eval.ParseProm("f", b) })
}
