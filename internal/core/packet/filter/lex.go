package filter

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error says what is wrong with a filter and where: bytes Pos up to End.
type Error struct {
	Pos, End int
	Message  string
}

// Error is the sentence with the place, counted from 1.
func (e *Error) Error() string {
	return fmt.Sprintf("at character %d of the filter: %s", e.Pos+1, e.Message)
}

func fail(t token, format string, args ...any) *Error {
	return &Error{t.pos, t.end, fmt.Sprintf(format, args...)}
}

type tokenKind uint8

const (
	tEnd    tokenKind = iota
	tWord             // names, numbers, addresses
	tString           // text in quotes
	tOp
)

type token struct {
	kind     tokenKind
	text     string // of strings: what it means
	pos, end int
}

// Limits of a filter.
const (
	maxLength = 10_000
	maxDepth  = 100
)

// operators, longest first.
var operators = []string{"===", "!==", "==", "!=", "~=", ">=", "<=", "&&", "||", "^^", "..", ">", "<", "!", "~", "&", "(", ")", "[", "]", "{", "}", ","}

// words that are operators.
var wordOps = map[string]string{
	"eq": "==", "ne": "!=", "gt": ">", "lt": "<", "ge": ">=", "le": "<=", "and": "&&", "or": "||", "xor": "^^", "not": "!",
	"contains": "contains", "matches": "~", "in": "in", "any_eq": "==", "all_eq": "===", "any_ne": "~=", "all_ne": "!=", "bitwise_and": "&", "any": "any", "all": "all",
}

func lex(src string) ([]token, *Error) {
	if len(src) > maxLength {
		return nil, &Error{0, len(src), fmt.Sprintf("the filter has more than %d characters", maxLength)}
	}
	var out []token
	for i := 0; i < len(src); {
		c := src[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
			continue
		case c == '"' || c == '\'' || (c == 'r' || c == 'R') && i+1 < len(src) && src[i+1] == '"':
			t, err := lexString(src, i)
			if err != nil {
				return nil, err
			}
			out = append(out, t)
			i = t.end
			continue
		}
		if op := operatorAt(src, i); op != "" {
			out = append(out, token{tOp, op, i, i + len(op)})
			i += len(op)
			continue
		}
		n := wordAt(src, i, len(out) > 0 && out[len(out)-1].text == "[")
		if n == 0 {
			_, size := utf8.DecodeRuneInString(src[i:])
			return nil, &Error{i, i + size, fmt.Sprintf("%q has no meaning here", src[i:i+size])}
		}
		t := token{tWord, src[i : i+n], i, i + n}
		if op := wordOps[strings.ToLower(t.text)]; op != "" {
			t.kind, t.text = tOp, op
		}
		out = append(out, t)
		i += n
	}
	return append(out, token{tEnd, "", len(src), len(src)}), nil
}

func operatorAt(src string, i int) string {
	for _, op := range operators {
		if strings.HasPrefix(src[i:], op) {
			return op
		}
	}
	return ""
}

// wordAt is how long the word at i is. In a slice a colon and a minus stand by
// themselves in the word too; the parser takes it apart.
func wordAt(src string, i int, _ bool) int {
	n := 0
	for i+n < len(src) {
		c := src[i+n]
		ok := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == ':' || c == '/' || c == '.'
		if !ok || c == '.' && strings.HasPrefix(src[i+n:], "..") {
			break
		}
		n++
	}
	return n
}

func lexString(src string, from int) (token, *Error) {
	i := from
	raw := src[i] == 'r' || src[i] == 'R'
	if raw {
		i++
	}
	quote := src[i]
	var b strings.Builder
	for i++; i < len(src); i++ {
		c := src[i]
		switch {
		case c == quote:
			return token{tString, b.String(), from, i + 1}, nil
		case c == '\\' && i+1 < len(src) && raw:
			b.WriteByte(c)
			i++
			b.WriteByte(src[i])
		case c == '\\' && i+1 < len(src):
			i++
			i += escape(src[i:], &b) - 1
		default:
			b.WriteByte(c)
		}
	}
	return token{}, &Error{from, len(src), "the text has no closing quote"}
}

// escape writes what the characters behind a backslash mean and tells how many
// they are. What is no escape stays, with its backslash, for regular expressions.
func escape(s string, b *strings.Builder) int {
	simple := map[byte]byte{'n': '\n', 't': '\t', 'r': '\r', '"': '"', '\'': '\'', '\\': '\\', '0': 0}
	if v, ok := simple[s[0]]; ok {
		b.WriteByte(v)
		return 1
	}
	if s[0] == 'x' && len(s) >= 3 {
		hi, lo := hexDigit(s[1]), hexDigit(s[2])
		if hi >= 0 && lo >= 0 {
			b.WriteByte(byte(hi<<4 | lo))
			return 3
		}
	}
	b.WriteByte('\\')
	b.WriteByte(s[0])
	return 1
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
