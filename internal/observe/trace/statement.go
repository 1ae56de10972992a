package trace

import (
	"regexp"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

const maxStatement = 600

var (
	quotedText  = regexp.MustCompile(`'(?:[^'\\]|''|\\.)*'`)
	numbers     = regexp.MustCompile(`\b(?:0x[0-9a-fA-F]+|\d+(?:\.\d+)?)\b`)
	placeholder = regexp.MustCompile(`\$\d+|%s|:[a-z_]\w*\b|\?`)
	inList      = regexp.MustCompile(`(?i)\b(in|values)\s*\(\s*\?(?:\s*,\s*\?)*\s*\)(?:\s*,\s*\(\s*\?(?:\s*,\s*\?)*\s*\))*`)
	blanks      = regexp.MustCompile(`\s+`)
)

// Statement takes the values out of a statement, so that those that differ only in
// values are one: texts and numbers become ?, lists of them one ?.
func Statement(q string) string {
	if len(q) > 8<<10 {
		q = q[:8<<10]
	}
	q = quotedText.ReplaceAllString(q, "?")
	q = placeholder.ReplaceAllString(q, "?")
	q = numbers.ReplaceAllString(q, "?")
	q = inList.ReplaceAllString(q, "$1 (?)")
	q = strings.TrimSpace(blanks.ReplaceAllString(q, " "))
	if len(q) > maxStatement {
		q = q[:maxStatement]
	}
	return strings.ToValidUTF8(q, "")
}

// statementOf is the statement of a call of a database without its values; empty for
// other spans.
func statementOf(s *signal.Span) string {
	for _, name := range []string{"db.query.text", "db.statement"} {
		if q := signal.Value(s.Attributes, name); q != "" {
			return Statement(q)
		}
	}
	return ""
}
