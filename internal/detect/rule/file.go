package rule

import (
	"context"
	"fmt"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/strict"
	"github.com/mainstay-ops/mainstay/internal/detect/rule/eval"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// ParseFile reads the rules of a file: one of Prometheus (groups), or one with rules
// and slos as in ops.yaml, whose other keys are left alone. Every mistake is told with
// its line.
func ParseFile(file string, text []byte) ([]Rule, error) {
	root, bad := strict.Parse(file, text)
	if len(bad) > 0 {
		return nil, mistakes(file, bad)
	}
	if root == nil {
		return nil, errs.New(errs.Invalid, "%s holds no rules.", file)
	}
	var out []Rule
	found := false
	for i := 0; i+1 < len(root.Content); i += 2 {
		switch k, v := root.Content[i].Value, root.Content[i+1]; k {
		case "groups":
			proms, err := eval.ParseProm(file, text)
			if err != nil {
				return nil, err
			}
			return FromProm(proms), nil
		case "rules":
			found = true
			var rules []Rule
			bad = append(bad, strict.DecodeNode(v, k, &rules)...)
			for n, r := range rules {
				bad = append(bad, at(r.check(), fmt.Sprintf("rules[%d].", n), v.Content[n].Line)...)
			}
			out = append(out, rules...)
		case "slos":
			found = true
			var os []Objective
			bad = append(bad, strict.DecodeNode(v, k, &os)...)
			for n, o := range os {
				if fs := at(o.check(), fmt.Sprintf("slos[%d].", n), v.Content[n].Line); len(fs) > 0 {
					bad = append(bad, fs...)
					continue
				}
				out = append(out, o.rules()...)
			}
		}
	}
	if len(bad) > 0 {
		return nil, mistakes(file, bad)
	}
	if !found {
		return nil, errs.New(errs.Invalid, "%s holds neither groups (a rule file of Prometheus) nor rules or slos.", file)
	}
	return out, nil
}

func at(err error, prefix string, line int) []errs.Field {
	fs := errs.FieldsOf(err)
	for i := range fs {
		fs[i].Path, fs[i].Line = prefix+fs[i].Path, line
	}
	return fs
}

func mistakes(file string, bad []errs.Field) error {
	return &errs.Error{Code: errs.Invalid, Message: file + " cannot be read as rules.", Fields: bad}
}

// FileTrial is what one rule of a file would have done.
type FileTrial struct {
	Name     string `json:"name"`
	Severity string `json:"severity"`
	eval.Past

	Night int `json:"at_night"`
	// Skipped says why it was not tried.
	Skipped string `json:"skipped,omitempty"`
}

// TryFile tries rules on the past, each on its own.
func TryFile(ctx context.Context, m observe.Metrics, rules []Rule, from, to time.Time) ([]FileTrial, error) {
	out := make([]FileTrial, 0, len(rules))
	for _, r := range rules {
		t := FileTrial{Name: r.Name, Severity: r.severity()}
		switch {
		case r.Record != "":
			t.Skipped = "it records and raises nothing"
		case r.Logs != "":
			t.Skipped = "rules on logs are tried in the web interface"
		default:
			var err error
			if t.Past, err = eval.TryPast(ctx, m, r.question(), r.timing(), from, to, r.every()); err != nil {
				if ctx.Err() != nil {
					return out, ctx.Err()
				}
				t.Skipped = errs.Message(err)
			}
			t.Night = t.AtNight(time.Local)
		}
		out = append(out, t)
	}
	return out, nil
}
