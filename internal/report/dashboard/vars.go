package dashboard

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// all is the value that stands for everything.
const all = "$__all"

// valuesRE takes label_values(metric{…}, label) and label_values(label) apart.
var valuesRE = regexp.MustCompile(`^\s*label_values\(\s*(?:(.+),)?\s*([A-Za-z_][A-Za-z0-9_]*)\s*\)\s*$`)

// labelValues gives the selector, which may be empty, and the label.
func labelValues(q string) (selector, label string, ok bool) {
	m := valuesRE.FindStringSubmatch(q)
	if m == nil {
		return "", "", false
	}
	return strings.TrimSpace(m[1]), m[2], true
}

// wordRE finds $name, ${name} and ${name:format}, and [[name]].
var wordRE = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)(?::[a-z]+)?\}|\$([A-Za-z_][A-Za-z0-9_]*)|\[\[([A-Za-z_][A-Za-z0-9_]*)(?::[a-z]+)?\]\]`)

// words gives what stands for each variable in a query.
type words map[string]string

// wordsOf makes them. A value of a variable with one value stands as it is; several, and
// those of a variable that may have several, as a regular expression. Backslashes and
// quotes are escaped, because values stand inside the quotes of a query.
func wordsOf(vars []Variable, chosen map[string][]string, step, window time.Duration) words {
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	w := words{
		"__interval":      promDuration(step),
		"__interval_ms":   strconv.FormatInt(step.Milliseconds(), 10),
		"__rate_interval": promDuration(rateWindow(step)),
		"__range":         promDuration(window),
		"__range_s":       strconv.FormatInt(int64(window/time.Second), 10),
	}
	for _, v := range vars {
		vals := chosen[v.Name]
		if len(vals) == 0 {
			vals = v.Default
		}
		switch {
		case len(vals) == 0 && v.All, len(vals) > 0 && vals[0] == all:
			w[v.Name] = ".*"
		case !v.Multi && len(vals) <= 1:
			w[v.Name] = quote.Replace(strings.Join(vals, ""))
		default:
			parts := make([]string, len(vals))
			for i, s := range vals {
				parts[i] = quote.Replace(regexp.QuoteMeta(s))
			}
			w[v.Name] = strings.Join(parts, "|")
			if len(parts) > 1 {
				w[v.Name] = "(" + w[v.Name] + ")"
			}
		}
	}
	return w
}

// in puts the words into a query. What is no variable stays.
func (w words) in(q string) string {
	return wordRE.ReplaceAllStringFunc(q, func(s string) string {
		m := wordRE.FindStringSubmatch(s)
		for _, name := range m[1:] {
			if v, ok := w[name]; ok && name != "" {
				return v
			}
		}
		return s
	})
}

// rateWindow is a window for rate() that holds at least two samples of what is read
// once a minute.
func rateWindow(step time.Duration) time.Duration { return max(2*step, 150*time.Second) }

func promDuration(d time.Duration) string {
	return fmt.Sprintf("%ds", max(1, int64((d+time.Second-1)/time.Second)))
}

var legendRE = regexp.MustCompile(`\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}`)

// legend names a line: by its pattern, else by its labels.
func legend(pattern string, labels map[string]string) string {
	if pattern == "" {
		return selector(labels)
	}
	return strings.TrimSpace(legendRE.ReplaceAllStringFunc(pattern, func(s string) string {
		return labels[legendRE.FindStringSubmatch(s)[1]]
	}))
}
