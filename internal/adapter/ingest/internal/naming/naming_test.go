package naming

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNames(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"queue.depth": "queue_depth", "a:b": "a:b", "9lives": "_9lives", "": "_", "größe": "gr__e", "ok_1": "ok_1"} {
		require.Equal(t, want, Metric(in), in)
	}
	require.Equal(t, "a_b", Label("a:b"))
	require.Equal(t, "key__meta", Label("__meta"))
}

func FuzzNames(f *testing.F) {
	f.Add("__a.b")
	valid := regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]{0,127}$`)
	f.Fuzz(func(t *testing.T, s string) {
		if m, l := Metric(s), Label(s); !valid.MatchString(m) || !valid.MatchString(l) || len(l) > 1 && l[:2] == "__" {
			t.Fatalf("%q became %q and %q", s, m, l)
		}
	})
}
