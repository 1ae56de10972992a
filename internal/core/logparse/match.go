package logparse

import (
	"strings"
	"sync"
)

// matcher runs one pattern over one text.
type matcher struct {
	s     string
	steps int
	far   int // offset of the part that fits no more
	pos   int // the last part that was reached
	stack []*node
	out   []Field
}

var matchers = sync.Pool{New: func() any { return &matcher{out: make([]Field, 0, 64), stack: make([]*node, 0, 8)} }}

// possible is a quick look whether s has the fixed text of p, in order.
func (p *Pattern) possible(s string) bool {
	if p.first.kind == kLit {
		if !strings.HasPrefix(s, p.first.lit) {
			return false
		}
	}
	if !strings.Contains(s, p.long) {
		return false
	}
	for _, l := range p.lits {
		i := strings.Index(s, l)
		if i < 0 {
			return false
		}
		s = s[i+len(l):]
	}
	return true
}

// run appends the parts of s to out. It gives -1 when s fits, else the offset in s up to
// which it did.
func (p *Pattern) run(s string, out []Field) ([]Field, int) {
	m := matchers.Get().(*matcher)
	defer m.release()
	m.reset(s)
	if m.at(p.first, 0) {
		return append(out, m.out...), -1
	}
	return out, m.far
}

func (m *matcher) reset(s string) {
	m.s, m.steps, m.far, m.pos, m.out, m.stack = s, 0, 0, 0, m.out[:0], m.stack[:0]
}

func (m *matcher) release() {
	clear(m.out)
	m.s = ""
	matchers.Put(m)
}

func (m *matcher) at(n *node, i int) bool {
	for {
		if m.steps++; m.steps > maxSteps {
			return false
		}
		if n != nil && (n.pos > m.pos || n.pos == m.pos && i > m.far) {
			m.pos, m.far = n.pos, i
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
				for k := 0; n.pos == m.pos && k < len(n.lit) && i+k < len(m.s) && m.s[i+k] == n.lit[k]; k++ {
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
	var few [8]*node // nesting is at most 8 deep
	saved := append(few[:0], m.stack...)
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
