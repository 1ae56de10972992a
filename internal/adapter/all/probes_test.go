package all

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Every type has matching tags, a text for each field, and an example that is
// strictly read, valid, and makes a probe.
func TestProbeTypes(t *testing.T) {
	require.Len(t, observe.ProbeTypes(), len(examples))
	for _, pt := range observe.ProbeTypes() {
		t.Run(pt.Name, func(t *testing.T) {
			cfg := pt.New()
			require.Error(t, cfg.Validate(), "the target is always needed")
			require.Positive(t, observe.TimeLimitOf(cfg))
			typ := reflect.TypeOf(cfg).Elem()
			for i := range typ.NumField() {
				f := typ.Field(i)
				if !f.IsExported() {
					continue
				}
				require.NotEmpty(t, f.Tag.Get("doc"), f.Name)
				require.Equal(t, f.Tag.Get("json"), f.Tag.Get("yaml"), f.Name)
				if strings.Contains(strings.ToLower(f.Name), "password") {
					require.Equal(t, "true", f.Tag.Get("secret"), f.Name)
				}
			}
			d := yaml.NewDecoder(strings.NewReader(strings.TrimPrefix(examples[pt.Name], pt.Name+": ")))
			d.KnownFields(true)
			require.NoError(t, d.Decode(cfg))
			require.NoError(t, cfg.Validate())
			require.NotEmpty(t, cfg.Target())
			_, err := cfg.Probe(observe.ProbeEnv{})
			require.NoError(t, err)
		})
	}
}
