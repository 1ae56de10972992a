package eval

import (
	"regexp"
	"strconv"

	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

var hasStats = regexp.MustCompile(`\|\s*(stats|count|uniq|top|math|eval)\b`)

// CountLines makes a LogsQL question count when it only selects lines.
func CountLines(q string) string {
	if hasStats.MatchString(q) {
		return q
	}
	return q + " | stats count() as value | filter value:>0"
}

// RowValue turns a row of a LogsQL answer into a value: the field value, or the last
// number in it, since stats writes its aggregate behind what it groups by; all other
// fields are labels. ok is false for a row without a number.
func RowValue(fields []signal.Field) (v Value, ok bool) {
	v.Labels = map[string]string{}
	at := -1
	for i, f := range fields {
		if _, err := strconv.ParseFloat(f.Value, 64); err != nil {
			continue
		}
		if f.Name == "value" {
			at = i
			break
		}
		at = i
	}
	if at < 0 {
		return v, false
	}
	for i, f := range fields {
		if i == at {
			// Checked above.
			v.Value, _ = strconv.ParseFloat(f.Value, 64)
		} else if f.Name != "" && f.Value != "" {
			v.Labels[f.Name] = f.Value
		}
	}
	return v, true
}
