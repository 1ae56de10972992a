package rule

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/detect/rule/eval"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Severities of a rule.
const (
	Critical = "critical"
	Warning  = "warning"
	Info     = "info"
)

// Limits of a rule.
const (
	minEvery     = 10 * time.Second
	maxEvery     = 24 * time.Hour
	defaultEvery = time.Minute
	maxExpr      = 20_000
	maxTexts     = 50
)

// Rule is what a person writes: the entry in ops.yaml and the body of the API.
type Rule struct {
	Name        string           `yaml:"name" json:"name,omitempty" maxLength:"200" doc:"Taken from the path when it is there."`
	Description string           `yaml:"description,omitempty" json:"description,omitempty" maxLength:"4000"`
	Alert       string           `yaml:"alert,omitempty" json:"alert,omitempty" maxLength:"200" doc:"The label alertname; the name of the rule when empty."`
	Record      string           `yaml:"record,omitempty" json:"record,omitempty" maxLength:"200" doc:"Write the answers to the metric store under this name and raise nothing."`
	Expr        string           `yaml:"expr,omitempty" json:"expr,omitempty" maxLength:"20000" doc:"PromQL. This or logs."`
	Logs        string           `yaml:"logs,omitempty" json:"logs,omitempty" maxLength:"20000" doc:"LogsQL. This or expr."`
	Window      observe.Duration `yaml:"window,omitempty" json:"window,omitempty" doc:"How far logs look back; five minutes when empty."`
	Recovery    string           `yaml:"recovery,omitempty" json:"recovery,omitempty" maxLength:"20000" doc:"PromQL that must answer before a firing instance ends."`

	For         observe.Duration  `yaml:"for,omitempty" json:"for,omitempty"`
	KeepFiring  observe.Duration  `yaml:"keep_firing_for,omitempty" json:"keep_firing_for,omitempty"`
	Missing     string            `yaml:"missing,omitempty" json:"missing,omitempty" enum:"ok,keep,alert" doc:"What happens when the data is gone; ok when empty."`
	Every       observe.Duration  `yaml:"every,omitempty" json:"every,omitempty" doc:"10s to 24h; one minute when empty."`
	Severity    string            `yaml:"severity,omitempty" json:"severity,omitempty" enum:"critical,warning,info" doc:"warning when empty."`
	Labels      map[string]string `yaml:"labels,omitempty" json:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty" json:"annotations,omitempty"`
	Item        string            `yaml:"item,omitempty" json:"item,omitempty" maxLength:"200" doc:"Name of the item that it is about."`
	Team        string            `yaml:"team,omitempty" json:"team,omitempty" maxLength:"200" doc:"Name of the team that owns the rule."`
	Enabled     *bool             `yaml:"enabled,omitempty" json:"enabled,omitempty" doc:"true when not given."`
}

// on tells whether the rule is asked.
func (r Rule) on() bool { return r.Enabled == nil || *r.Enabled }

func (r Rule) every() time.Duration {
	if r.Every == 0 {
		return defaultEvery
	}
	return r.Every.D()
}

func (r Rule) window() time.Duration {
	if r.Window == 0 {
		return 5 * time.Minute
	}
	return r.Window.D()
}

func (r Rule) severity() string {
	if r.Severity == "" {
		return Warning
	}
	return r.Severity
}

func (r Rule) alertName() string {
	if r.Alert == "" {
		return r.Name
	}
	return r.Alert
}

func (r Rule) timing() eval.Timing {
	return eval.Timing{For: r.For.D(), KeepFiring: r.KeepFiring.D(), Recovers: r.Recovery != "", Missing: eval.Missing(r.Missing)}
}

func (r Rule) question() eval.Question {
	q := eval.Question{Expr: r.Expr, Recovery: r.Recovery}
	if r.Missing == string(eval.MissingKeep) || r.Missing == string(eval.MissingAlert) {
		q.Presence, _ = eval.Presence(r.Expr)
	}
	return q
}

func (r Rule) logQuestion() eval.LogQuestion {
	return eval.LogQuestion{LogsQL: r.Logs, Window: r.window()}
}

var (
	labelName  = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]{0,99}$`)
	metricName = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]{0,199}$`)
)

// check says everything that is wrong with a rule.
func (r Rule) check() error {
	var bad []errs.Field
	add := func(path, value, format string, args ...any) {
		bad = append(bad, errs.Field{Path: path, Value: value, Message: fmt.Sprintf(format, args...)})
	}
	bad = append(bad, errs.FieldsOf(account.CheckName("name", r.Name))...)
	r.checkQuestion(add)
	r.checkTimes(add)
	if s := r.Severity; s != "" && s != Critical && s != Warning && s != Info {
		add("severity", s, "must be critical, warning or info")
	}
	if len(r.Labels) > maxTexts || len(r.Annotations) > maxTexts {
		add("labels", "", "may be %d at most, as may annotations", maxTexts)
	}
	for _, part := range []struct {
		path  string
		texts map[string]string
	}{{"labels", r.Labels}, {"annotations", r.Annotations}} {
		for _, k := range slices.Sorted(maps.Keys(part.texts)) {
			if !labelName.MatchString(k) {
				add(part.path+"."+k, "", "must be a name of letters, digits and _, such as summary")
			}
			if len(part.texts[k]) > 4000 {
				add(part.path+"."+k, "", "must have at most 4000 characters")
			} else if msg := eval.CheckText(part.texts[k]); msg != "" {
				add(part.path+"."+k, part.texts[k], "%s", msg)
			}
		}
	}
	return errs.Fields(bad...)
}

func (r Rule) checkQuestion(add func(path, value, format string, args ...any)) {
	switch {
	case strings.TrimSpace(r.Expr) == "" && strings.TrimSpace(r.Logs) == "":
		add("expr", "", "must hold PromQL, unless logs holds LogsQL")
	case r.Expr != "" && r.Logs != "":
		add("logs", "", "must be empty when expr is given; a rule asks one question")
	case r.Logs != "" && (r.Recovery != "" || r.Record != "" || r.Missing != "" && r.Missing != string(eval.MissingOK)):
		add("logs", "", "do not go with recovery, record or missing; those are for PromQL")
	}
	for _, e := range []struct{ path, expr string }{{"expr", r.Expr}, {"recovery", r.Recovery}} {
		if len(e.expr) > maxExpr {
			add(e.path, "", "must have at most %d characters", maxExpr)
		} else if e.expr != "" {
			if msg := eval.CheckExpr(e.expr); msg != "" {
				add(e.path, e.expr, "%s", msg)
			}
		}
	}
	if r.Record != "" {
		if !metricName.MatchString(r.Record) {
			add("record", r.Record, "must be the name of a metric, such as job:http_errors:rate5m")
		}
		if r.For != 0 || r.KeepFiring != 0 || r.Recovery != "" || len(r.Annotations) > 0 {
			add("record", r.Record, "does not go with for, keep_firing_for, recovery or annotations; a rule that records raises nothing")
		}
	}
	switch r.Missing {
	case "", string(eval.MissingOK):
	case string(eval.MissingKeep), string(eval.MissingAlert):
		if _, ok := eval.Presence(r.Expr); r.Expr != "" && !ok {
			add("missing", r.Missing, "needs a question with a comparison, such as a / b > 5, to know which data it is about")
		}
	default:
		add("missing", r.Missing, "must be ok, keep or alert")
	}
}

func (r Rule) checkTimes(add func(path, value, format string, args ...any)) {
	if e := r.Every.D(); e != 0 && (e < minEvery || e > maxEvery) {
		add("every", e.String(), "must be between %s and %s", minEvery, maxEvery)
	}
	for _, d := range []struct {
		path string
		d    time.Duration
	}{{"for", r.For.D()}, {"keep_firing_for", r.KeepFiring.D()}, {"window", r.Window.D()}} {
		if d.d < 0 || d.d > 31*24*time.Hour {
			add(d.path, d.d.String(), "must be between 0 and 31 days")
		}
	}
}
