package logparse

import (
	"fmt"
	"slices"
	"strings"
)

// Pattern is a compiled pattern: literal text with %{type:name} for parts, and
// %[ ... %] around what may be missing. "%%" is a percent sign.
//
// A pattern describes the whole text. Types: word (no blank), text (anything, as short as
// possible), rest (anything to the end), int, num, ip, host, ipport is not needed: write
// %{ip:a}:%{int:b}. "quoted" is text in double quotes, given without them. Without a name
// the part is skipped; %{name} is short for %{word:name}.
type Pattern struct {
	first *node
	names []string
	lits  []string // literals outside optional parts, in order; a quick no
	long  string   // the longest of them
	count int
	text  string
}

type node struct {
	kind nodeKind
	lit  string
	name string
	next *node
	sub  *node // of an optional part; its end leads to next
	pos  int   // place in the pattern
}

type nodeKind uint8

const (
	kLit nodeKind = iota
	kEnd
	kOpt
	kWord
	kText
	kRest
	kInt
	kNum
	kIP
	kHost
	kQuoted
)

// Types lists the types of parts and what they take.
func Types() []string {
	return []string{"word", "text", "rest", "int", "num", "ip", "host", "quoted"}
}

func kindOf(t string) (nodeKind, bool) {
	i := slices.Index(Types(), t)
	return kWord + nodeKind(i), i >= 0
}

// PatternError tells where in a pattern the mistake is.
type PatternError struct {
	// Offset in bytes from the start of the pattern.
	Offset  int    `json:"offset"`
	Message string `json:"message"`
}

func (e *PatternError) Error() string {
	return fmt.Sprintf("at character %d: %s", e.Offset+1, e.Message)
}

// Limits of a pattern.
const (
	maxPattern = 8 << 10
	maxParts   = 128
	maxSteps   = 20000
)

// CompilePattern reads a pattern. The error is a *PatternError.
func CompilePattern(src string) (*Pattern, error) {
	if len(src) > maxPattern {
		return nil, &PatternError{Offset: maxPattern, Message: "the pattern is longer than 8,192 bytes"}
	}
	p := &Pattern{text: src}
	end := &node{kind: kEnd}
	i := 0
	first, err := p.sequence(&i, end, 0)
	if err != nil {
		return nil, err
	}
	p.first = first
	return p, nil
}

func (p *Pattern) sequence(i *int, after *node, depth int) (*node, error) {
	src := p.text
	var list []*node
	var lit strings.Builder
	flush := func() {
		if lit.Len() > 0 {
			if depth == 0 {
				p.lits = append(p.lits, lit.String())
				if lit.Len() > len(p.long) {
					p.long = lit.String()
				}
			}
			list = append(list, &node{kind: kLit, lit: lit.String()})
			lit.Reset()
		}
	}
	start, closed := *i, depth == 0
loop:
	for *i < len(src) {
		if src[*i] != '%' {
			lit.WriteByte(src[*i])
			*i++
			continue
		}
		at := *i
		if at+1 >= len(src) {
			return nil, &PatternError{at, `"%" at the end; write "%%" for a percent sign`}
		}
		switch src[at+1] {
		case '%':
			lit.WriteByte('%')
			*i += 2
		case '[':
			flush()
			if depth >= 8 {
				return nil, &PatternError{at, "optional parts are nested too deep; 8 levels at most"}
			}
			*i += 2
			opt := &node{kind: kOpt}
			sub, err := p.sequence(i, nil, depth+1)
			if err != nil {
				return nil, err
			}
			opt.sub = sub
			list = append(list, opt)
		case ']':
			if depth == 0 {
				return nil, &PatternError{at, `"%]" without "%[" before it`}
			}
			*i += 2
			closed = true
			break loop
		case '{':
			e := strings.IndexByte(src[at:], '}')
			if e < 0 {
				return nil, &PatternError{at, `"%{" without "}"`}
			}
			flush()
			n, err := p.part(src[at+2:at+e], at+2)
			if err != nil {
				return nil, err
			}
			if l := len(list); l > 0 && list[l-1].kind == kRest {
				return nil, &PatternError{at, `nothing can follow "rest"`}
			}
			list = append(list, n)
			*i = at + e + 1
		default:
			return nil, &PatternError{at, `"%" is followed by "{", "[", "]" or "%"`}
		}
	}
	if !closed {
		return nil, &PatternError{start - 2, `"%[" without "%]"`}
	}
	flush()
	for _, n := range list {
		if n.pos == 0 {
			p.count++
			n.pos = p.count
		}
	}
	next := after
	for k := len(list) - 1; k >= 0; k-- {
		list[k].next = next
		next = list[k]
	}
	if next == nil && depth > 0 {
		return nil, &PatternError{start, "an optional part is empty"}
	}
	return next, nil
}

func (p *Pattern) part(spec string, at int) (*node, error) {
	t, name, both := strings.Cut(spec, ":")
	if !both {
		if k, ok := kindOf(t); ok {
			return &node{kind: k}, nil
		}
		t, name = "word", t
	}
	k, ok := kindOf(t)
	if !ok {
		return nil, &PatternError{at, fmt.Sprintf("%q is no type; types are %s", t, strings.Join(Types(), ", "))}
	}
	if name == "_" {
		name = ""
	}
	if name == "" {
		return &node{kind: k}, nil
	}
	if !validName(name) {
		return nil, &PatternError{at, fmt.Sprintf("%q is no name; use letters, digits, \"_\" and \".\", at most 64", name)}
	}
	if !slices.Contains(p.names, name) {
		p.names = append(p.names, name)
	}
	if len(p.names) > maxParts {
		return nil, &PatternError{at, "a pattern has at most 128 parts"}
	}
	return &node{kind: k, name: name}, nil
}

func validName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !isAlpha(c) && !isDigit(c) && c != '_' && c != '.' && c != '-' && c != '@' {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

// Names of the parts, in the order of the pattern.
func (p *Pattern) Names() []string { return p.names }
