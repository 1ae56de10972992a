package check

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/strict"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/observe/check/state"
)

// PassiveType is the type of checks whose results come from outside.
const PassiveType = "passive"

// Bounds of settings.
const (
	minEvery     = 500 * time.Millisecond
	maxEvery     = 31 * 24 * time.Hour
	defaultEvery = time.Minute
	maxTimeout   = 5 * time.Minute
	maxAttempts  = 100
	maxParents   = 100
)

// Settings are the parts of a check that only the state machine reads.
type Settings struct {
	// Parents must all be up, else this check is unreachable.
	Parents []string `json:"parents,omitempty" yaml:"parents,omitempty,flow"`
	// AnyParent is a redundancy group: one of these must be up.
	AnyParent []string `json:"any_parent,omitempty" yaml:"any_parent,omitempty,flow"`
	// NoFlapping switches the detection of flapping off.
	NoFlapping bool `json:"no_flapping,omitempty" yaml:"no_flapping,omitempty"`
	// Volatile tells every result that is not ok.
	Volatile bool `json:"volatile,omitempty" yaml:"volatile,omitempty"`
}

// Spec is a check as people write it.
type Spec struct {
	Name       string           `json:"name" yaml:"name" required:"true"`
	Item       string           `json:"item,omitempty" yaml:"item,omitempty"`
	Every      observe.Duration `json:"every,omitempty" yaml:"every,omitempty"`
	RetryEvery observe.Duration `json:"retry_every,omitempty" yaml:"retry_every,omitempty"`
	Attempts   int              `json:"attempts,omitempty" yaml:"attempts,omitempty"`
	Freshness  observe.Duration `json:"freshness,omitempty" yaml:"freshness,omitempty"`
	Disabled   bool             `json:"disabled,omitempty" yaml:"disabled,omitempty"`
	// From is where the check runs: the name of an edge, any, all, or empty for the
	// server.
	From     string `json:"from,omitempty" yaml:"from,omitempty"`
	Settings `yaml:",inline"`
	// Type and Probe are one key in files: http: {url: …}.
	Type  string              `json:"type" yaml:"-"`
	Probe observe.ProbeConfig `json:"-" yaml:"-"`
}

// passiveConfig has nothing to configure.
type passiveConfig struct{}

// UnmarshalStrict reads a check of ops.yaml: its own keys and exactly one key
// that names a type of probe.
func (s *Spec) UnmarshalStrict(n *yaml.Node, path string) []errs.Field {
	if n.Kind != yaml.MappingNode {
		return []errs.Field{{Path: path, Line: n.Line, Message: "must be a mapping with name and a type of check such as http"}}
	}
	rest := *n
	rest.Content = nil
	var probes []*yaml.Node
	own := []string{"name", "item", "every", "retry_every", "attempts", "freshness", "disabled", "from", "parents", "any_parent", "no_flapping", "volatile"}
	known := append(slices.Clone(own), PassiveType)
	for _, t := range observe.ProbeTypes() {
		known = append(known, t.Name)
	}
	var bad []errs.Field
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		switch {
		case slices.Contains(own, k.Value):
			rest.Content = append(rest.Content, k, v)
		case slices.Contains(known, k.Value):
			probes = append(probes, k, v)
		default:
			bad = append(bad, errs.Field{Path: path + "." + k.Value, Line: k.Line, Value: k.Value, Message: "is not a known key" + strict.DidYouMean(k.Value, known)})
		}
	}
	type plain Spec
	bad = append(bad, strict.DecodeNode(&rest, path, (*plain)(s))...)
	switch len(probes) {
	case 0:
		if len(bad) == 0 {
			bad = append(bad, errs.Field{Path: path, Line: n.Line, Message: "has no type of check; add one such as http: {url: …} or tcp: {address: …}"})
		}
	case 2:
		s.Type = probes[0].Value
		cfg, fs := decodeProbe(s.Type, probes[1], path+"."+s.Type)
		bad = append(bad, fs...)
		s.Probe = cfg
	default:
		bad = append(bad, errs.Field{Path: path + "." + probes[2].Value, Line: probes[2].Line, Message: "is a second type of check; a check has one (" + probes[0].Value + " is given already)"})
	}
	return bad
}

// MarshalYAML writes the check as UnmarshalStrict reads it, without secrets.
func (s Spec) MarshalYAML() (any, error) {
	type plain Spec
	var n yaml.Node
	if err := n.Encode(plain(s)); err != nil {
		return nil, err
	}
	var v yaml.Node
	var cfg any = map[string]any{}
	if s.Probe != nil {
		cfg = redacted(s.Probe)
	}
	if err := v.Encode(cfg); err != nil {
		return nil, err
	}
	v.Style = yaml.FlowStyle
	n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: s.Type}, &v)
	return &n, nil
}

func decodeProbe(typ string, n *yaml.Node, path string) (observe.ProbeConfig, []errs.Field) {
	if typ == PassiveType {
		return nil, strict.DecodeNode(n, path, &passiveConfig{})
	}
	t, ok := observe.ProbeTypeByName(typ)
	if !ok {
		names := []string{PassiveType}
		for _, t := range observe.ProbeTypes() {
			names = append(names, t.Name)
		}
		return nil, []errs.Field{{Path: path, Line: n.Line, Value: typ, Message: "is not a type of check" + strict.DidYouMean(typ, names)}}
	}
	cfg := t.New()
	if fs := strict.DecodeNode(n, path, cfg); len(fs) > 0 {
		return nil, fs
	}
	if err := cfg.Validate(); err != nil {
		fs := errs.FieldsOf(err)
		for i := range fs {
			fs[i].Line = strict.LineOf(n, fs[i].Path)
			fs[i].Path = path + "." + fs[i].Path
		}
		if len(fs) == 0 {
			fs = []errs.Field{{Path: path, Line: n.Line, Message: err.Error()}}
		}
		return nil, fs
	}
	return cfg, nil
}

// decodeProbeJSON reads the configuration of a probe as the API sends it. JSON is
// YAML, so files and the API share one decoder and its messages.
func decodeProbeJSON(typ string, raw []byte, path string) (observe.ProbeConfig, error) {
	if len(raw) == 0 {
		raw = []byte("{}")
	}
	n, fs := strict.Parse("", raw)
	if len(fs) > 0 || n == nil {
		return nil, errs.Fields(errs.Field{Path: path, Message: "must be a JSON object"})
	}
	cfg, fs := decodeProbe(typ, n, path)
	for i := range fs {
		fs[i].Line = 0
	}
	return cfg, errs.Fields(fs...)
}

// complete fills in defaults and checks everything that needs no database.
func (s *Spec) complete() error {
	var bad []errs.Field
	add := func(path, value, msg string) { bad = append(bad, errs.Field{Path: path, Value: value, Message: msg}) }
	if err := account.CheckName("name", s.Name); err != nil {
		bad = append(bad, errs.FieldsOf(err)...)
	}
	if s.Every == 0 {
		s.Every = observe.Duration(defaultEvery)
	}
	if s.RetryEvery == 0 {
		s.RetryEvery = min(s.Every, observe.Duration(15*time.Second))
	}
	if s.Attempts == 0 {
		s.Attempts = 3
		if s.Probe != nil && observe.Waits(s.Probe) {
			s.Attempts = 1 // nobody looks a second time
		}
	}
	for _, d := range []struct {
		path string
		v    observe.Duration
	}{{"every", s.Every}, {"retry_every", s.RetryEvery}} {
		if d.v.D() < minEvery || d.v.D() > maxEvery {
			add(d.path, d.v.String(), fmt.Sprintf("must be between %s and %s", minEvery, maxEvery))
		}
	}
	if s.Attempts < 1 || s.Attempts > maxAttempts {
		add("attempts", fmt.Sprint(s.Attempts), fmt.Sprintf("must be between 1 and %d", maxAttempts))
	}
	if s.Freshness != 0 && s.Freshness.D() < time.Second {
		add("freshness", s.Freshness.String(), "must be at least 1s")
	}
	if s.Type == PassiveType && s.Freshness == 0 {
		s.Freshness = 0 // a passive check without a limit waits for ever; that is allowed
	}
	if s.Type == PassiveType && (s.From == observe.FromAny || s.From == observe.FromAll) {
		add("from", s.From, "has no meaning for a passive check; it may name the edge that its results come through")
	}
	if s.From != "" && s.Type != PassiveType && observe.Waits(s.Probe) {
		add("from", s.From, "has no meaning for a check of the type "+s.Type+", which the server decides itself; leave it out")
	}
	if s.From != "" && s.Freshness != 0 && s.Freshness.D() < minPlacedFreshness {
		add("freshness", s.Freshness.String(), "must be at least 2m for a check that runs on an edge, so that the silence of the edge is seen first")
	}
	if len(s.Parents)+len(s.AnyParent) > maxParents {
		add("parents", "", fmt.Sprintf("has more than %d entries", maxParents))
	}
	if slices.Contains(append(slices.Clone(s.Parents), s.AnyParent...), s.Name) {
		add("parents", s.Name, "names the check itself")
	}
	return errs.Fields(bad...)
}

// machine is the configuration of the state machine.
func (s Spec) machine() state.Config {
	c := state.Defaults()
	c.Attempts = s.Attempts
	c.Freshness = s.freshness()
	c.Flapping = !s.NoFlapping
	c.Volatile = s.Volatile
	c.Parents = len(s.Parents)+len(s.AnyParent) > 0
	return c
}

// timeout of one execution.
func (s Spec) timeout() time.Duration {
	if s.Probe == nil {
		return observe.DefaultProbeTimeout
	}
	return min(observe.TimeLimitOf(s.Probe), maxTimeout)
}

// redacted gives the configuration as a map in which secrets are left out.
func redacted(cfg observe.ProbeConfig) map[string]any {
	out := map[string]any{}
	b, err := json.Marshal(cfg)
	if err != nil || json.Unmarshal(b, &out) != nil {
		return out
	}
	for _, k := range secretKeys(reflect.Indirect(reflect.ValueOf(cfg)).Type()) {
		delete(out, k)
	}
	return out
}

func secretKeys(t reflect.Type) []string {
	var out []string
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Tag.Get("secret") == "true" {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			out = append(out, name)
		}
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			out = append(out, secretKeys(f.Type)...)
		}
	}
	return out
}

// keepSecrets copies secrets that the new configuration leaves out from the old
// one: they are write-only, so whoever edits a check cannot send them back.
func keepSecrets(typ string, old, now []byte) []byte {
	t, ok := observe.ProbeTypeByName(typ)
	if !ok {
		return now
	}
	var o, n map[string]any
	if json.Unmarshal(old, &o) != nil || json.Unmarshal(now, &n) != nil {
		return now
	}
	for _, k := range secretKeys(reflect.Indirect(reflect.ValueOf(t.New())).Type()) {
		if s, _ := n[k].(string); s == "" && o[k] != nil {
			n[k] = o[k]
		}
	}
	b, err := json.Marshal(n)
	if err != nil {
		return now
	}
	return b
}
