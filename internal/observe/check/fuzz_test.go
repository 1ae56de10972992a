package check_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	_ "github.com/mainstay-ops/mainstay/internal/adapter/all"
	"github.com/mainstay-ops/mainstay/internal/core/strict"
	"github.com/mainstay-ops/mainstay/internal/observe/check"
)

// Whatever is read without a complaint can be written, and read again.
func FuzzSpec(f *testing.F) {
	for _, s := range []string{
		"{name: a, every: 10s, tcp: {address: \"127.0.0.1:1\"}}", "{name: a, passive: {}}", "{name: a, item: b, parents: [c], any_parent: [d], http: {url: \"http://x/\"}}",
		"{name: a, attempts: 99999999999, passive: {}}", "{name: &x a, item: *x, passive: {}}", "[]", "{tcp: {}, http: {}}", "{name: [a], passive: 1}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		n, bad := strict.Parse("f", in)
		if len(bad) > 0 || n == nil {
			return
		}
		var s check.Spec
		if len(s.UnmarshalStrict(n, "check")) > 0 {
			return
		}
		out, err := yaml.Marshal(s)
		require.NoError(t, err)
		n, bad = strict.Parse("f", out)
		require.Empty(t, bad, "%s", out)
		var again check.Spec
		require.Empty(t, again.UnmarshalStrict(n, "check"), "%s", out)
		require.Equal(t, s.Name, again.Name)
		require.Equal(t, s.Type, again.Type)
	})
}
