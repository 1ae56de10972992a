package rule

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/detect/rule/eval"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

var notInName = regexp.MustCompile(`[^A-Za-z0-9 ._:@/+-]+`)

// FromProm turns the rules of a Prometheus file into rules with names of their own.
func FromProm(in []eval.PromRule) []Rule {
	taken := map[string]bool{}
	out := make([]Rule, 0, len(in))
	for _, p := range in {
		r := Rule{
			Expr: p.Expr, For: observe.Duration(p.For), KeepFiring: observe.Duration(p.KeepFiring), Every: observe.Duration(p.Every),
			Annotations: p.Annotations, Description: "From the group " + p.Group + ".", Record: p.Record, Alert: p.Alert,
		}
		for k, v := range p.Labels {
			if r.Labels == nil {
				r.Labels = map[string]string{}
			}
			r.Labels[k] = v
		}
		base := p.Record
		if p.Alert != "" {
			base, r.Severity = p.Alert, eval.SeverityOf(p.Labels["severity"])
		}
		if r.Every != 0 && r.Every.D() < minEvery {
			r.Every = observe.Duration(minEvery)
		}
		r.Name = unique(taken, clean(base), p.Labels["severity"])
		out = append(out, r)
	}
	return out
}

// clean keeps what a name may hold.
func clean(s string) string {
	s = strings.Trim(notInName.ReplaceAllString(s, "-"), " ._:@/+-")
	if s == "" {
		s = "rule"
	}
	return s[:min(len(s), 180)]
}

// unique gives a name that is not taken: with the severity, then with a number.
func unique(taken map[string]bool, base, severity string) string {
	name := base
	if taken[name] && severity != "" {
		name = base + " " + clean(severity)
	}
	for i := 2; taken[name]; i++ {
		name = fmt.Sprintf("%s %d", base, i)
	}
	taken[name] = true
	return name
}
