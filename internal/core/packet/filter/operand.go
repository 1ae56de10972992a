package filter

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/packet"
)

// operand is one side of a comparison.
type operand struct {
	name   string
	class  class
	field  *packet.Def // nil: a literal
	plain  bool        // a field as it is
	masked bool        // of &: true by itself when not zero
	exists test
	each   func(p *packet.Packet, f func(value) bool) // calls f until it is false
	word   token                                      // of a literal
}

// operand reads a field, with a slice or a mask, a function, or a literal. other
// is the left side when this is the right one: it says how a literal is read.
func (p *parser) operand(other *operand) (operand, *Error) {
	t := p.next()
	switch {
	case t.kind == tEnd:
		return operand{}, fail(t, "the filter ends where a field or a value should be")
	case t.kind == tOp:
		return operand{}, fail(t, "%q stands where a field or a value should be", t.text)
	case t.kind == tWord && p.peek().text == "(" && p.peek().kind == tOp:
		return p.function(t)
	}
	d := packet.Lookup(t.text)
	if t.kind == tString || d == nil || other != nil && other.field != nil && isName(other.field, t.text) {
		return p.literalOperand(t, other)
	}
	p.use(d)
	o := fieldOperand(d)
	var err *Error
	if p.op("[") {
		if o, err = p.slice(o); err != nil {
			return o, err
		}
	}
	if p.op("&") {
		return p.mask(o)
	}
	return o, nil
}

// isName tells whether a word is a name of one of the numbers of a field, such
// as the DNS type A.
func isName(d *packet.Def, word string) bool {
	for _, n := range d.Names {
		if strings.EqualFold(n, word) {
			return true
		}
	}
	return false
}

func (p *parser) literalOperand(t token, other *operand) (operand, *Error) {
	o := operand{name: t.text, class: cNone, word: t}
	if other == nil {
		if t.kind == tWord && looksLikeField(t.text) {
			return o, fail(t, "there is no field %q%s", t.text, nearest(t.text))
		}
		return o, nil
	}
	if other.class == cNone {
		return o, nil
	}
	return o.as(*other)
}

// as reads a literal in the way of the other side.
func (o operand) as(other operand) (operand, *Error) {
	v, err := literal(o.word, other.class, other.field)
	if err != nil {
		if o.word.kind == tWord && strings.Contains(o.word.text, ".") && looksLikeField(o.word.text) {
			return o, fail(o.word, "there is no field %q%s", o.word.text, nearest(o.word.text))
		}
		return o, err
	}
	o.class = other.class
	o.each = func(_ *packet.Packet, f func(value) bool) { f(v) }
	return o, nil
}

// looksLikeField tells names with dots and letters from numbers and addresses.
func looksLikeField(s string) bool {
	return s != "" && (s[0] >= 'a' && s[0] <= 'z' || s[0] == '_') && !strings.Contains(s, ":") && !strings.Contains(s, "/") && !isHexWord(s)
}

func isHexWord(s string) bool {
	for i := range len(s) {
		if hexDigit(s[i]) < 0 {
			return false
		}
	}
	return len(s)%2 == 0
}

func fieldOperand(d *packet.Def) operand {
	c := classOf(d.Kind)
	return operand{
		name: d.Name, class: c, field: d, plain: true,
		exists: func(p *packet.Packet) bool {
			for i := range p.Fields {
				if d.Is(p.Fields[i].Def) {
					return true
				}
			}
			return false
		},
		each: func(p *packet.Packet, f func(value) bool) {
			for i := range p.Fields {
				if x := &p.Fields[i]; d.Is(x.Def) && !f(valueOf(p, x, c)) {
					return
				}
			}
		},
	}
}

// part is one piece of a slice; negative places count from the end.
type part struct {
	from, to int
	length   bool // to is a length
	toEnd    bool
}

func (s part) of(b []byte) ([]byte, bool) {
	from, to := s.from, s.to
	if from < 0 {
		from += len(b)
	}
	switch {
	case s.toEnd:
		to = len(b)
	case s.length:
		to += from
	default:
		if to < 0 {
			to += len(b)
		}
		to++
	}
	if from < 0 || from > len(b) || to < from || to > len(b) {
		return nil, false
	}
	return b[from:to], true
}

// slice reads what stands in brackets: [i], [i:n], [i-j], [:n], [i:] and
// several of them with commas.
func (p *parser) slice(o operand) (operand, *Error) {
	open := p.tokens[p.at-1]
	if o.class != cBytes && o.class != cText {
		return o, fail(open, "%s has no bytes to take a part of", o.name)
	}
	var parts []part
	for !p.op("]") {
		t := p.next()
		if t.kind != tWord {
			return o, fail(open, "a part of bytes is written [start:length] or [first-last]")
		}
		s, err := slicePart(t)
		if err != nil {
			return o, err
		}
		parts = append(parts, s)
		p.op(",")
	}
	if len(parts) == 0 {
		return o, fail(open, "a part of bytes is written [start:length] or [first-last]")
	}
	whole := o.each
	o.plain = false
	o.name += "[…]"
	o.each = func(k *packet.Packet, f func(value) bool) {
		whole(k, func(v value) bool {
			var b []byte
			for _, s := range parts {
				piece, ok := s.of(v.b)
				if !ok {
					return true
				}
				if len(parts) == 1 {
					b = piece
				} else {
					b = append(b, piece...)
				}
			}
			return f(value{b: b})
		})
	}
	each := o.each
	o.class = cBytes
	o.field = packet.Lookup("data.data") // bytes, without names of its own
	o.exists = func(k *packet.Packet) bool {
		found := false
		each(k, func(value) bool {
			found = true
			return false
		})
		return found
	}
	return o, nil
}

func slicePart(t token) (part, *Error) {
	s := t.text
	if a, b, ok := strings.Cut(s, ":"); ok {
		var out part
		var err *Error
		if a != "" {
			if out.from, err = atoi(t, a); err != nil {
				return out, err
			}
		}
		if b == "" {
			out.toEnd = true
			return out, nil
		}
		out.length = true
		if out.to, err = atoi(t, b); err == nil && out.to < 0 {
			err = fail(t, "%q is not a length", b)
		}
		return out, err
	}
	if i := strings.LastIndexByte(s, '-'); i > 0 && s[i-1] != '-' {
		from, err := atoi(t, s[:i])
		if err != nil {
			return part{}, err
		}
		to, err := atoi(t, s[i+1:])
		return part{from: from, to: to}, err
	}
	n, err := atoi(t, s)
	return part{from: n, to: 1, length: true}, err
}

// mask reads the right side of &: bits that are looked at.
func (p *parser) mask(o operand) (operand, *Error) {
	t := p.next()
	if o.class == cBytes { // of one slice: up to eight bytes as a number
		whole := o.each
		o.class, o.field = cNumber, packet.Lookup("frame.len")
		o.each = func(k *packet.Packet, f func(value) bool) {
			whole(k, func(v value) bool {
				var n uint64
				for _, c := range v.b[:min(len(v.b), 8)] {
					n = n<<8 | uint64(c)
				}
				return f(value{n: n})
			})
		}
	}
	if o.class != cNumber {
		return o, fail(t, "& is for numbers; %s is none", o.name)
	}
	m, err := literal(t, cNumber, nil)
	if err != nil {
		return o, err
	}
	whole := o.each
	o.masked, o.plain = true, false
	o.each = func(k *packet.Packet, f func(value) bool) {
		whole(k, func(v value) bool { return f(value{n: v.n & m.n}) })
	}
	each := o.each
	o.exists = func(k *packet.Packet) bool {
		set := false
		each(k, func(v value) bool {
			set = v.n != 0
			return !set
		})
		return set
	}
	return o, nil
}

// function reads len(), count(), lower() or upper() of a field.
func (p *parser) function(name token) (operand, *Error) {
	open := p.next()
	arg, err := p.operand(nil)
	if err != nil {
		return arg, err
	}
	if !p.op(")") {
		return arg, fail(open, "this parenthesis is not closed")
	}
	if arg.field == nil {
		return arg, fail(name, "%s() is for a field", name.text)
	}
	in := arg.each
	out := operand{name: name.text + "(" + arg.name + ")", field: packet.Lookup("frame.len"), class: cNumber, exists: arg.exists}
	switch strings.ToLower(name.text) {
	case "len":
		if arg.class != cText && arg.class != cBytes {
			return arg, fail(name, "len() is for texts and bytes; %s is neither", arg.name)
		}
		out.each = func(k *packet.Packet, f func(value) bool) {
			in(k, func(v value) bool { return f(value{n: uint64(len(v.b))}) })
		}
	case "count":
		out.each = func(k *packet.Packet, f func(value) bool) {
			n := uint64(0)
			in(k, func(value) bool { n++; return true })
			if n > 0 {
				f(value{n: n})
			}
		}
	case "lower", "upper":
		if arg.class != cText {
			return arg, fail(name, "%s() is for texts; %s is none", name.text, arg.name)
		}
		change := bytes.ToLower
		if strings.EqualFold(name.text, "upper") {
			change = bytes.ToUpper
		}
		out.class, out.field = cText, arg.field
		out.each = func(k *packet.Packet, f func(value) bool) {
			in(k, func(v value) bool { return f(value{b: change(v.b)}) })
		}
	default:
		return arg, fail(name, "there is no function %s(); there are len, count, lower and upper", name.text)
	}
	return out, nil
}

// matches reads a regular expression. Letters match in either case, as in Wireshark.
func (p *parser) matches(left operand, op token, every bool) (test, *Error) {
	if left.class != cText && left.class != cBytes {
		return nil, fail(op, "matches is for texts and bytes; %s is neither", left.name)
	}
	t := p.next()
	if t.kind != tString && t.kind != tWord {
		return nil, fail(t, "matches is followed by a regular expression in quotes")
	}
	re, err := regexp.Compile("(?is)" + t.text)
	if err != nil {
		return nil, fail(t, "the regular expression is not right: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	none := operand{each: func(_ *packet.Packet, f func(value) bool) { f(value{}) }}
	return pairs(left, none, func(a, _ value) bool { return re.Match(a.b) }, every), nil
}
