package probekit

import (
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

func TestParsePluginOutput(t *testing.T) {
	t.Parallel()
	p := ParsePluginOutput("DISK OK - free space: / 3326 MB (56%); | /=2643MB;5948;5958;0;5968\n/ 15272 MB (77%);\n/boot 68 MB (69%);\n/home 69357 MB (27%); | /boot=68MB;88;93;0;98\n'/my home'=69357MB;253404;253409;0;253414\n")
	require.Equal(t, "DISK OK - free space: / 3326 MB (56%);", p.Line)
	require.Equal(t, "/ 15272 MB (77%);\n/boot 68 MB (69%);\n/home 69357 MB (27%);", p.Detail)
	require.Len(t, p.Measures, 15)
	require.Equal(t, observe.Measure{Name: "probe_perfdata", Labels: map[string]string{"label": "/", "unit": "bytes"}, Value: 2643e6}, p.Measures[0])
	require.Equal(t, observe.Measure{Name: "probe_perfdata_max", Labels: map[string]string{"label": "/my home"}, Value: 253414e6}, p.Measures[14])
}

func TestParsePerfdata(t *testing.T) {
	t.Parallel()
	one := func(s string) observe.Measure {
		ms := ParsePerfdata(s)
		require.NotEmpty(t, ms, s)
		return ms[0]
	}
	require.InDelta(t, 0.0123, one("time=12.3ms;;").Value, 1e-9)
	require.Equal(t, "it's", one("'it''s'=1").Labels["label"])
	require.InDelta(t, 0.5, one("load1=0,5;5;10;0").Value, 0)
	require.InDelta(t, 1e-3, one("x=1e-3").Value, 0)
	require.InDelta(t, -4, one("temp=-4C").Value, 0)
	require.Equal(t, "percent", one("used=41%").Labels["unit"])
	ms := ParsePerfdata("a=3;@1:5;~:9;0;10")
	require.Equal(t, []float64{3, 5, 9, 0, 10}, []float64{ms[0].Value, ms[1].Value, ms[2].Value, ms[3].Value, ms[4].Value})
	require.Empty(t, ParsePerfdata("x=U;1;2 =5 lone 'open=3"))
	require.Len(t, ParsePerfdata("bad good=1"), 1)
	require.Len(t, ParsePerfdata("a=1 a=2"), 1, "a label counts once")
	var b strings.Builder
	for i := range 1000 {
		b.WriteString("l" + strings.Repeat("x", i%100) + string(rune('a'+i%26)) + "=1 ")
	}
	require.LessOrEqual(t, len(ParsePerfdata(b.String())), MaxPerfdata)
}

func FuzzParsePluginOutput(f *testing.F) {
	f.Add("OK | a=1s;2;3;0;4 'b c'=5%\nlong | d=U")
	f.Add("\xff|'")
	f.Fuzz(func(t *testing.T, s string) {
		p := ParsePluginOutput(s)
		if len(p.Line) > maxOutput || len(p.Detail) > 3*MaxDetail || strings.ContainsAny(p.Line, "\n\r") || !utf8.ValidString(p.Line+p.Detail) {
			t.Fatalf("output not clean: %q", p.Line)
		}
		if len(p.Measures) > 5*MaxPerfdata {
			t.Fatal("too many measures")
		}
		for _, m := range p.Measures {
			if math.IsInf(m.Value, 0) || math.IsNaN(m.Value) || m.Labels["label"] == "" || !utf8.ValidString(m.Labels["label"]) {
				t.Fatalf("bad measure %+v", m)
			}
		}
	})
}

func TestLineAndText(t *testing.T) {
	t.Parallel()
	require.Equal(t, "a b", Line(" a\n\x00b\x1b ", 20))
	require.Equal(t, "ääää...", Line(strings.Repeat("ä", 50), 12))
	require.Equal(t, "x\ny", Text("x\ny\x07", 10))
}
