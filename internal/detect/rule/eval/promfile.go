package eval

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// MaxFile limits a rule file.
const MaxFile = 8 << 20

// PromRule is one rule of a Prometheus file, with what its group adds.
type PromRule struct {
	Group string
	// Alert or Record is set.
	Alert, Record       string
	Expr                string
	For, KeepFiring     time.Duration
	Every               time.Duration
	Labels, Annotations map[string]string
}

// ParseProm reads a rule file of Prometheus. The error holds every mistake, with its
// line.
func ParseProm(file string, data []byte) ([]PromRule, error) {
	if len(data) > MaxFile {
		return nil, errs.New(errs.Invalid, "%s has %d bytes, at most %d are read.", file, len(data), MaxFile)
	}
	groups, bad := rulefmt.Parse(data, false, model.UTF8Validation, newParser(), slog.New(slog.DiscardHandler))
	if len(bad) > 0 {
		fs := make([]errs.Field, 0, len(bad))
		for _, err := range bad {
			fs = append(fs, promMistake(err))
		}
		return nil, &errs.Error{Code: errs.Invalid, Message: fmt.Sprintf("%s is not a rule file.", file), Fields: fs}
	}
	var out []PromRule
	for _, g := range groups.Groups {
		for _, r := range g.Rules {
			x := PromRule{
				Group: g.Name, Alert: r.Alert, Record: r.Record, Expr: strings.TrimSpace(r.Expr), For: time.Duration(r.For), KeepFiring: time.Duration(r.KeepFiringFor),
				Every: time.Duration(g.Interval), Labels: map[string]string{}, Annotations: r.Annotations,
			}
			for k, v := range g.Labels {
				x.Labels[k] = v
			}
			for k, v := range r.Labels {
				x.Labels[k] = v
			}
			out = append(out, x)
		}
	}
	return out, nil
}

var promLine = regexp.MustCompile(`^(?:yaml: )?(?:line )?(\d+)(?::\d+)?: `)

func promMistake(err error) errs.Field {
	var f errs.Field
	var re *rulefmt.Error
	if errors.As(err, &re) {
		f.Path = re.RuleName
		if f.Path == "" {
			f.Path = fmt.Sprintf("%s[%d]", re.Group, re.Rule)
		}
		err = &re.Err
	}
	f.Message = err.Error()
	if m := promLine.FindStringSubmatch(f.Message); m != nil {
		f.Line, _ = strconv.Atoi(m[1])
		f.Message = f.Message[len(m[0]):]
	}
	return f
}

// SeverityOf reads the severity label as other programs write it.
func SeverityOf(label string) string {
	switch strings.ToLower(label) {
	case "critical", "page", "error", "high", "emergency", "fatal":
		return "critical"
	case "info", "none", "low", "informational", "notice":
		return "info"
	}
	return "warning"
}
