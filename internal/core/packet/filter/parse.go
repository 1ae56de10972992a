package filter

import (
	"strconv"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/packet"
)

// test is a part of a filter that is true or false for a packet.
type test func(p *packet.Packet) bool

// Filter chooses packets. It may be used by several goroutines.
type Filter struct {
	src  string
	test test
	uses []Use
}

// Use is a field that a filter looks at.
type Use struct {
	Def *packet.Def
	// Value says that its value matters; else only whether the field is there.
	Value bool
}

// Uses lists the fields that a packet must have kept for the filter to judge it;
// names for several fields are listed as those. A field may be listed twice.
func (f *Filter) Uses() []Use { return f.uses }

// Compile reads a filter. The error is an *Error with the place.
func Compile(src string) (*Filter, error) {
	if strings.TrimSpace(src) == "" {
		return &Filter{src: src, test: func(*packet.Packet) bool { return true }}, nil
	}
	tokens, err := lex(src)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	t, err := p.or()
	if err == nil && p.peek().kind != tEnd {
		err = fail(p.peek(), "%q is too much here; tests are joined with and, or", src[p.peek().pos:p.peek().end])
	}
	if err != nil {
		return nil, err
	}
	return &Filter{src, t, p.uses}, nil
}

// String is the filter as it was written.
func (f *Filter) String() string { return f.src }

// Match tells whether a packet is chosen.
func (f *Filter) Match(p *packet.Packet) bool { return f.test(p) }

type parser struct {
	tokens []token
	at     int
	depth  int
	uses   []Use
}

// use notes that a field is looked at.
func (p *parser) use(d *packet.Def) {
	if len(d.Of) == 0 {
		p.uses = append(p.uses, Use{d, true})
	}
	for _, o := range d.Of {
		p.uses = append(p.uses, Use{o, true})
	}
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != tEnd {
		p.at++
	}
	return t
}

// op takes an operator when it is the next token.
func (p *parser) op(names ...string) bool {
	t := p.peek()
	if t.kind != tOp {
		return false
	}
	for _, n := range names {
		if t.text == n {
			p.at++
			return true
		}
	}
	return false
}

func (p *parser) or() (test, *Error) {
	a, err := p.xor()
	for err == nil && p.op("||") {
		var b test
		left := a
		if b, err = p.xor(); err == nil {
			a = func(k *packet.Packet) bool { return left(k) || b(k) }
		}
	}
	return a, err
}

func (p *parser) xor() (test, *Error) {
	a, err := p.and()
	for err == nil && p.op("^^") {
		var b test
		left := a
		if b, err = p.and(); err == nil {
			a = func(k *packet.Packet) bool { return left(k) != b(k) }
		}
	}
	return a, err
}

func (p *parser) and() (test, *Error) {
	a, err := p.not()
	for err == nil && p.op("&&") {
		var b test
		left := a
		if b, err = p.not(); err == nil {
			a = func(k *packet.Packet) bool { return left(k) && b(k) }
		}
	}
	return a, err
}

func (p *parser) not() (test, *Error) {
	if p.depth++; p.depth > maxDepth {
		return nil, fail(p.peek(), "the filter is nested more than %d deep", maxDepth)
	}
	defer func() { p.depth-- }()
	if p.op("!") {
		a, err := p.not()
		if err != nil {
			return nil, err
		}
		return func(k *packet.Packet) bool { return !a(k) }, nil
	}
	if p.peek().text == "(" && p.peek().kind == tOp {
		open := p.next()
		a, err := p.or()
		if err != nil {
			return nil, err
		}
		if !p.op(")") {
			return nil, fail(open, "this parenthesis is not closed")
		}
		return a, nil
	}
	return p.comparison()
}

// comparison reads one test: a field by itself, or compared with something.
func (p *parser) comparison() (test, *Error) {
	every := false
	if p.op("all") {
		every = true
	} else {
		p.op("any")
	}
	start, noted := p.peek(), len(p.uses)
	left, err := p.operand(nil)
	if err != nil {
		return nil, err
	}
	t := p.peek()
	if t.kind == tOp {
		switch t.text {
		case "==", "===", "!=", "!==", "~=", ">", "<", ">=", "<=", "contains":
			p.next()
			return p.relation(left, t, every)
		case "~":
			p.next()
			return p.matches(left, t, every)
		case "in":
			p.next()
			return p.in(left, t, every)
		}
	}
	if left.field == nil && !left.masked {
		return nil, fail(start, "%q is a value; it needs a field to compare with", start.text)
	}
	if left.plain {
		for i := noted; i < len(p.uses); i++ {
			p.uses[i].Value = false
		}
	}
	return left.exists, nil
}

func (p *parser) relation(left operand, op token, every bool) (test, *Error) {
	right, err := p.operand(&left)
	if err != nil {
		return nil, err
	}
	if left.field == nil && left.class == cNone {
		if right.class == cNone || right.field == nil {
			return nil, fail(op, "one side of %s must be a field", op.text)
		}
		if left, err = left.as(right); err != nil {
			return nil, err
		}
	}
	if left.class == cNone {
		return nil, fail(op, "%s has no value; write it by itself to ask whether it is there", left.name)
	}
	if left.class != right.class {
		return nil, fail(op, "%s and %s cannot be compared", left.name, right.name)
	}
	c := left.class
	var one func(a, b value) bool
	if op.text == "contains" {
		if c != cText && c != cBytes {
			return nil, fail(op, "contains is for texts and bytes; %s is neither", left.name)
		}
		one = func(a, b value) bool { return strings.Contains(string(a.b), string(b.b)) }
		return pairs(left, right, one, every), nil
	}
	one = relations[op.text](c)
	switch op.text {
	case "===", "!==":
		every = true
	case "!=": // there is a value, and none is equal
		every = true
	}
	return pairs(left, right, one, every), nil
}

var relations = map[string]func(class) func(a, b value) bool{
	"==":  func(c class) func(a, b value) bool { return func(a, b value) bool { return compare(c, a, b) == 0 } },
	"===": func(c class) func(a, b value) bool { return func(a, b value) bool { return compare(c, a, b) == 0 } },
	"!=":  func(c class) func(a, b value) bool { return func(a, b value) bool { return compare(c, a, b) != 0 } },
	"!==": func(c class) func(a, b value) bool { return func(a, b value) bool { return compare(c, a, b) != 0 } },
	"~=":  func(c class) func(a, b value) bool { return func(a, b value) bool { return compare(c, a, b) != 0 } },
	">":   func(c class) func(a, b value) bool { return func(a, b value) bool { return compare(c, a, b) > 0 } },
	"<":   func(c class) func(a, b value) bool { return func(a, b value) bool { return compare(c, a, b) < 0 } },
	">=":  func(c class) func(a, b value) bool { return func(a, b value) bool { return compare(c, a, b) >= 0 } },
	"<=":  func(c class) func(a, b value) bool { return func(a, b value) bool { return compare(c, a, b) <= 0 } },
}

// pairs tests the values of the left side against those of the right.
func pairs(left, right operand, one func(a, b value) bool, every bool) test {
	return func(p *packet.Packet) bool {
		found, result := false, every
		left.each(p, func(a value) bool {
			right.each(p, func(b value) bool {
				found = true
				if one(a, b) != every {
					result = !every
					return false
				}
				return true
			})
			return result == every
		})
		return found && result
	}
}

// in reads a set: {80, 443, 8000..8080}. Commas may be left out.
func (p *parser) in(left operand, op token, every bool) (test, *Error) {
	if left.field == nil && left.class == cNone {
		return nil, fail(op, "the left side of in must be a field")
	}
	open := p.peek()
	if !p.op("{") {
		return nil, fail(open, "in is followed by a set such as {80, 443, 8000..8080}")
	}
	type span struct{ low, high value }
	var set []span
	for !p.op("}") {
		if p.peek().kind == tEnd {
			return nil, fail(open, "this brace is not closed")
		}
		t := p.next()
		if t.kind == tOp {
			return nil, fail(t, "%q is not a value", t.text)
		}
		low, err := literal(t, left.class, left.field)
		if err != nil {
			return nil, err
		}
		s := span{low, low}
		if p.op("..") {
			if s.high, err = literal(p.next(), left.class, left.field); err != nil {
				return nil, err
			}
		}
		set = append(set, s)
		p.op(",")
	}
	if len(set) == 0 {
		return nil, fail(open, "the set is empty")
	}
	c := left.class
	member := func(a value) bool {
		for _, s := range set {
			if compare(c, a, s.low) == 0 || compare(c, a, s.low) >= 0 && compare(c, a, s.high) <= 0 {
				return true
			}
		}
		return false
	}
	return func(k *packet.Packet) bool {
		found, result := false, every
		left.each(k, func(a value) bool {
			found = true
			if member(a) != every {
				result = !every
				return false
			}
			return true
		})
		return found && result
	}, nil
}

func atoi(t token, s string) (int, *Error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < -1<<20 || n > 1<<20 {
		return 0, fail(t, "%q is not a place in the bytes", s)
	}
	return n, nil
}
