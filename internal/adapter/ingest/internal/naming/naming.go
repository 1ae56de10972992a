// Package naming brings names of metrics and labels into the rules of Prometheus.
package naming

import "strings"

// maxName is what the metric store takes.
const maxName = 128

// Metric makes a metric name: what is not a letter, digit, _ or : becomes _.
func Metric(s string) string { return clean(s, true) }

// Label makes a label name: what is not a letter, digit or _ becomes _. Names that
// begin with __ are reserved and get "key" before them.
func Label(s string) string {
	out := clean(s, false)
	if strings.HasPrefix(out, "__") {
		out = clean("key"+out, false)
	}
	return out
}

func clean(s string, colon bool) string {
	ok := s != "" && len(s) <= maxName && !digit(s[0])
	for i := 0; ok && i < len(s); i++ {
		ok = allowed(s[i], colon)
	}
	if ok {
		return s
	}
	b := make([]byte, 0, min(len(s), maxName)+1)
	if s == "" || digit(s[0]) {
		b = append(b, '_')
	}
	for i := 0; i < len(s) && len(b) < maxName; i++ {
		switch {
		case allowed(s[i], colon):
			b = append(b, s[i])
		case s[i]&0xc0 != 0x80: // one _ for a letter of several bytes
			b = append(b, '_')
		}
	}
	return string(b)
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func allowed(c byte, colon bool) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || digit(c) || colon && c == ':'
}
