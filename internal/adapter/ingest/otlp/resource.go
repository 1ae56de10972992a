package otlp

import (
	"cmp"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

// text gives an attribute as text; empty when it is not there.
func text(m pcommon.Map, names ...string) string {
	for _, n := range names {
		if v, ok := m.Get(n); ok {
			if s := v.AsString(); s != "" {
				return s
			}
		}
	}
	return ""
}

// hintsOf are what a resource says of where it belongs, after the semantic
// conventions.
func hintsOf(res pcommon.Map) signal.Hints {
	return signal.Hints{
		Item: text(res, "mainstay.item"), MachineID: text(res, "host.id"), Host: text(res, "host.name", "k8s.node.name"),
		Service: text(res, "service.name"),
	}
}

// fieldsOf gives attributes as text, as they are named.
func fieldsOf(m pcommon.Map) []signal.Field {
	if m.Len() == 0 {
		return nil
	}
	out := make([]signal.Field, 0, m.Len())
	for k, v := range m.All() {
		out = set(out, k, v.AsString())
	}
	return out
}

// set adds a field, or replaces one of that name: a name occurs once.
func set(fs []signal.Field, name, value string) []signal.Field {
	if name == "" {
		return fs
	}
	if len(fs) < 24 { // lists are short, mostly
		for i := range fs {
			if fs[i].Name == name {
				fs[i].Value = value
				return fs
			}
		}
	} else if i := slices.IndexFunc(fs, func(f signal.Field) bool { return f.Name == name }); i >= 0 {
		fs[i].Value = value
		return fs
	}
	return append(fs, signal.Field{Name: name, Value: value})
}

// scopeFields are those of an instrumentation scope.
func scopeFields(s pcommon.InstrumentationScope) []signal.Field {
	var out []signal.Field
	if s.Name() != "" {
		out = append(out, signal.Field{Name: "name", Value: s.Name()})
	}
	if s.Version() != "" {
		out = append(out, signal.Field{Name: "version", Value: s.Version()})
	}
	for k, v := range s.Attributes().All() {
		out = set(out, k, v.AsString())
	}
	return out
}

// byName sorts labels and joins those that have one name, as Prometheus does: with a
// semicolon between the values.
func byName(fs []signal.Field) []signal.Field {
	slices.SortStableFunc(fs, func(a, b signal.Field) int { return cmp.Compare(a.Name, b.Name) })
	out := fs[:0]
	for _, f := range fs {
		if n := len(out); n > 0 && out[n-1].Name == f.Name {
			if out[n-1].Value != f.Value {
				out[n-1].Value = strings.Join([]string{out[n-1].Value, f.Value}, ";")
			}
			continue
		}
		out = append(out, f)
	}
	return out
}
