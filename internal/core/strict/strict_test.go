package strict

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

type span time.Duration

func (s *span) UnmarshalText(b []byte) error {
	d, err := time.ParseDuration(string(b))
	if err != nil {
		return fmt.Errorf("must be a duration such as 30s")
	}
	*s = span(d)
	return nil
}

type common struct {
	Team string `yaml:"team"`
}

type check struct {
	Line   int    `strict:"line"`
	Name   string `yaml:"name" required:"true"`
	Mode   string `yaml:"mode" enum:"fast,slow"`
	Every  span   `yaml:"every"`
	Tries  int    `yaml:"tries" minimum:"1" maximum:"5"`
	Port   uint16 `yaml:"port"`
	Secret int    `yaml:"secret" secret:"true"`
	HTTP   *struct {
		URL string `yaml:"url" required:"true"`
	} `yaml:"http"`
	Common common            `yaml:",inline"`
	Labels map[string]string `yaml:"labels"`
	Extra  any               `yaml:"extra"`
}

type document struct {
	Checks []check `yaml:"checks"`
}

func TestDecodeFillsEveryKind(t *testing.T) {
	t.Parallel()
	var d document
	require.NoError(t, Decode("ops.yaml", []byte(`checks:
  - name: a
    mode: slow
    every: 30s
    tries: 3
    port: 443
    http: {url: "http://x"}
    team: net
    labels: {site: home}
    extra: [1, b]
  - name: b
    every:
`), &d))
	c := d.Checks[0]
	require.Equal(t, 2, c.Line)
	require.Equal(t, 11, d.Checks[1].Line)
	require.Equal(t, span(30*time.Second), c.Every)
	require.Equal(t, uint16(443), c.Port)
	require.Equal(t, "http://x", c.HTTP.URL)
	require.Equal(t, "net", c.Common.Team)
	require.Equal(t, map[string]string{"site": "home"}, c.Labels)
	require.Equal(t, []any{1, "b"}, c.Extra)
}

// Every testdata/bad file begins with comments that are the expected messages,
// all of them, in order.
func TestBadFiles(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/bad/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		var want, got []string
		for line := range strings.Lines(string(b)) {
			if m, ok := strings.CutPrefix(line, "#> "); ok {
				want = append(want, strings.TrimSpace(m))
			}
		}
		var d document
		err = Decode(f, b, &d)
		require.True(t, errs.Is(err, errs.Invalid), f)
		for _, x := range errs.FieldsOf(err) {
			got = append(got, fmt.Sprintf("%d|%s|%s|%s", x.Line, x.Path, x.Value, x.Message))
		}
		require.Equal(t, want, got, f)
	}
}

func TestAliasBombAndSizeAreRefused(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n")
	for i := 1; i < 9; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 10), ","))
	}
	var d document
	require.ErrorContains(t, Decode("x", []byte(b.String()), &d), "aliases")
	require.ErrorContains(t, Decode("x", make([]byte, MaxBytes+1), &d), "at most")
	require.ErrorContains(t, Decode("x", []byte(strings.Repeat("[", 100)+strings.Repeat("]", 100)), &d), "deeper than")
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("checks:\n  - name: a\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("checks:\n- labels: {[1]: 2}\n"))
	f.Add([]byte("? {a: b}\n: c\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var d document
		if err := Decode("f", b, &d); err != nil && len(errs.FieldsOf(err)) == 0 {
			t.Fatalf("an error without fields: %v", err)
		}
	})
}
