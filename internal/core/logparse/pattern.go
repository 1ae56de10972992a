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
	need  string // longest literal outside optional parts; a quick no
	text  string
}

type node struct {
	kind nodeKind
	lit  string
	name string
	next *node
	sub  *node // of an optional part; its end leads to next
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
			if depth == 0 && lit.Len() > len(p.need) {
				p.need = lit.String()
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
		both = true
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

// matcher runs one pattern over one text.
type matcher struct {
	s     string
	steps int
	far   int // how far it came
	stack []*node
	out   []Field
}

// match appends the parts of s to out. It gives -1 when s fits, else the offset in s up
// to which it did.
func (p *Pattern) match(s string, out []Field) ([]Field, int) {
	if p.need != "" && !strings.Contains(s, p.need) {
		// Far is found by the slow way only when somebody asks: see where.
		return out, 0
	}
	return p.run(s, out)
}

func (p *Pattern) run(s string, out []Field) ([]Field, int) {
	m := matcher{s: s, out: out}
	var buf [8]*node
	m.stack = buf[:0]
	if m.at(p.first, 0) {
		return m.out, -1
	}
	return out, m.far
}

func (m *matcher) at(n *node, i int) bool {
	for {
		if m.steps++; m.steps > maxSteps {
			return false
		}
		if i > m.far {
			m.far = i
		}
		if n == nil { // the end of an optional part
			k := len(m.stack) - 1
			top := m.stack[k]
			m.stack = m.stack[:k]
			if m.at(top, i) {
				return true
			}
			m.stack = append(m.stack, top)
			return false
		}
		switch n.kind {
		case kEnd:
			return i == len(m.s)
		case kLit:
			if !strings.HasPrefix(m.s[i:], n.lit) {
				for k := 0; k < len(n.lit) && i+k < len(m.s) && m.s[i+k] == n.lit[k]; k++ {
					m.far = max(m.far, i+k+1)
				}
				return false
			}
			i += len(n.lit)
			n = n.next
			continue
		case kOpt:
			keep := len(m.out)
			depth := len(m.stack)
			m.stack = append(m.stack, n.next)
			if m.at(n.sub, i) {
				return true
			}
			m.out, m.stack = m.out[:keep], m.stack[:depth]
			n = n.next
			continue
		case kText:
			return m.lazy(n, i)
		case kRest:
			m.add(n.name, m.s[i:])
			i = len(m.s)
			n = n.next
			continue
		}
		e, v := span(n.kind, m.s[i:])
		if e == 0 {
			return false
		}
		// A literal behind a part may begin inside it: "%{word:user}:" on "bob:".
		if n.next != nil && n.next.kind == kLit && (n.kind == kWord || n.kind == kHost || n.kind == kIP) && !strings.HasPrefix(m.s[i+e:], n.next.lit) {
			k := strings.LastIndex(m.s[i:min(i+e+len(n.next.lit)-1, len(m.s))], n.next.lit)
			if n.kind == kWord {
				k = strings.Index(m.s[i:min(i+e+len(n.next.lit)-1, len(m.s))], n.next.lit)
			}
			if k <= 0 {
				return false
			}
			e, v = k, m.s[i:i+k]
		} else if n.kind == kWord && e > 1 && (n.next == nil || n.next.kind == kOpt || n.next.kind == kLit) {
			keep := len(m.out)
			m.add(n.name, v)
			if m.at(n.next, i+e) {
				return true
			}
			m.out = m.out[:keep]
			return m.shorter(n, i, e)
		}
		m.add(n.name, v)
		i += e
		n = n.next
	}
}

// shorter tries a word that ends before a sign.
func (m *matcher) shorter(n *node, i, e int) bool {
	keep := len(m.out)
	for k := e - 1; k > 0; k-- {
		if c := m.s[i+k]; isAlpha(c) || isDigit(c) {
			continue
		}
		m.add(n.name, m.s[i:i+k])
		if m.at(n.next, i+k) {
			return true
		}
		m.out = m.out[:keep]
	}
	return false
}

func (m *matcher) add(name, v string) {
	if name != "" && len(m.out) < maxFields {
		m.out = append(m.out, Field{name, v})
	}
}

// lazy takes as little as lets the rest fit.
func (m *matcher) lazy(n *node, i int) bool {
	keep := len(m.out)
	depth := len(m.stack)
	saved := append([]*node(nil), m.stack...)
	for j := i; j <= len(m.s); {
		if n.next != nil && n.next.kind == kLit {
			k := strings.Index(m.s[j:], n.next.lit)
			if k < 0 {
				return false
			}
			j += k
		} else if n.next != nil && n.next.kind == kEnd {
			j = len(m.s)
		}
		m.add(n.name, m.s[i:j])
		if m.at(n.next, j) {
			return true
		}
		m.out, m.stack = m.out[:keep], append(m.stack[:0], saved[:depth]...)
		if m.steps > maxSteps {
			return false
		}
		j++
	}
	return false
}

// span gives the length of a part of kind k at the start of s, and its value.
func span(k nodeKind, s string) (int, string) {
	i := 0
	switch k {
	case kWord:
		for i < len(s) && s[i] != ' ' && s[i] != '\t' {
			i++
		}
	case kInt, kNum:
		if i < len(s) && (s[i] == '-' || s[i] == '+') {
			i++
		}
		d := i
		for i < len(s) && (isDigit(s[i]) || k == kNum && s[i] == '.' && i > d && i+1 < len(s) && isDigit(s[i+1])) {
			i++
		}
		if i == d {
			return 0, ""
		}
	case kIP:
		dots := 0
		for i < len(s) && (isHex(s[i]) || s[i] == '.' || s[i] == ':') {
			if s[i] == '.' || s[i] == ':' {
				dots++
			}
			i++
		}
		if i < len(s) && s[i] == '%' { // zone of a link-local address
			for i < len(s) && s[i] != ' ' && s[i] != ']' {
				i++
			}
		}
		for i > 0 && (s[i-1] == '.' || s[i-1] == ':' && (i < 2 || s[i-2] != ':')) {
			i--
			dots--
		}
		if dots < 2 {
			return 0, ""
		}
		// "10.0.0.1:80": the port is not part of it.
		if v4 := ipv4(s[:i]); v4 > 0 {
			i = v4
		}
		// IPv4 inside IPv6 is the same host.
		if r, ok := strings.CutPrefix(s[:i], "::ffff:"); ok && ipv4(r) == len(r) {
			return i, r
		}
	case kHost:
		for i < len(s) && (isAlpha(s[i]) || isDigit(s[i]) || s[i] == '.' || s[i] == '-' || s[i] == '_' || s[i] == ':') {
			i++
		}
	case kQuoted:
		v, n := quotedAt(s)
		return n, v
	}
	return i, s[:i]
}

func isHex(c byte) bool { return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }

// ipv4 gives the length of a dotted address at the start of s, 0 without one.
func ipv4(s string) int {
	i := 0
	for part := range 4 {
		_, n := number(s[i:], 3)
		if n == 0 {
			return 0
		}
		i += n
		if part < 3 {
			if i >= len(s) || s[i] != '.' {
				return 0
			}
			i++
		}
	}
	return i
}

// quotedAt reads "text" with escapes at the start of s and gives its length, 0 if none.
func quotedAt(s string) (string, int) {
	if s == "" || s[0] != '"' {
		return "", 0
	}
	esc := false
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			esc = true
			i++
		case '"':
			v := s[1:i]
			if esc {
				v = unescape(v)
			}
			return v, i + 1
		}
	}
	return "", 0
}

// unescape resolves \" and \\ and leaves other escapes as they are: what a hostile
// client sent stays harmless text.
func unescape(s string) string {
	if !strings.Contains(s, `\"`) && !strings.Contains(s, `\\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\') {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
