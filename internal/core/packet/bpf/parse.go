package bpf

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/bpf"
)

// Error is a mistake in an expression. Pos and End count bytes of it.
type Error struct {
	Pos, End int
	Message  string
}

func (e *Error) Error() string { return e.Message }

const (
	mostText  = 4096
	mostDepth = 100
	// The kernel takes 4,096 instructions.
	mostInstructions = 4096
)

// Link says what frames begin with.
type Link int

// The links.
const (
	Ethernet Link = iota
	Raw           // an IPv4 or IPv6 header
)

// Compile makes the program of an expression; snap is how many bytes of a frame
// are kept. An empty expression takes every frame. A mistake is an *Error.
func Compile(src string, link Link, snap uint32) ([]bpf.RawInstruction, error) {
	ins, err := compile(src, link, snap)
	if err != nil {
		return nil, err
	}
	raw, err := bpf.Assemble(ins)
	if err != nil {
		return nil, fmt.Errorf("assemble the filter: %w", err)
	}
	return raw, nil
}

// Check tells whether an expression is right.
func Check(src string) error {
	_, err := compile(src, Ethernet, 1)
	return err
}

func compile(src string, link Link, snap uint32) ([]bpf.Instruction, error) {
	if len(src) > mostText {
		return nil, &Error{0, len(src), fmt.Sprintf("the filter is longer than %d bytes", mostText)}
	}
	words := lex(src)
	a := &assembly{link: link}
	if link == Ethernet {
		a.off = 14
	}
	if len(words) == 1 {
		return []bpf.Instruction{bpf.RetConstant{Val: snap}}, nil
	}
	p := &parser{words: words}
	g, err := p.or()
	if err != nil {
		return nil, err
	}
	if w := p.peek(); w.text != "" {
		return nil, fail(w, "%q is too much here; tests are joined with and, or", w.text)
	}
	yes, no := a.label(), a.label()
	g(a, yes, no)
	a.place(yes)
	a.emit(bpf.RetConstant{Val: snap})
	a.place(no)
	a.emit(bpf.RetConstant{Val: 0})
	if len(a.ins) > mostInstructions {
		return nil, &Error{0, len(src), fmt.Sprintf("the filter needs %d instructions; the kernel takes %d", len(a.ins), mostInstructions)}
	}
	a.resolve()
	return a.ins, nil
}

type word struct {
	text     string // "" at the end
	pos, end int
}

func fail(w word, format string, args ...any) error {
	return &Error{w.pos, max(w.end, w.pos+1), fmt.Sprintf(format, args...)}
}

func lex(src string) []word {
	var out []word
	for i := 0; i < len(src); {
		c := src[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c == '(' || c == ')':
			out = append(out, word{string(c), i, i + 1})
			i++
		case c == '!':
			out = append(out, word{"not", i, i + 1})
			i++
		case strings.HasPrefix(src[i:], "&&"):
			out = append(out, word{"and", i, i + 2})
			i += 2
		case strings.HasPrefix(src[i:], "||"):
			out = append(out, word{"or", i, i + 2})
			i += 2
		default:
			from := i
			for i < len(src) && !strings.ContainsRune(" \t\r\n()!&|", rune(src[i])) {
				i++
			}
			if i == from {
				i++
			}
			out = append(out, word{strings.ToLower(src[from:i]), from, i})
		}
	}
	return append(out, word{"", len(src), len(src)})
}

// test emits code that goes to yes or to no.
type test func(a *assembly, yes, no int)

type parser struct {
	words []word
	at    int
	depth int
}

func (p *parser) peek() word { return p.words[p.at] }

func (p *parser) next() word {
	w := p.words[p.at]
	if w.text != "" {
		p.at++
	}
	return w
}

func (p *parser) is(text string) bool {
	if p.peek().text == text {
		p.at++
		return true
	}
	return false
}

func (p *parser) or() (test, error) {
	left, err := p.and()
	for err == nil && p.is("or") {
		var right test
		l := left
		if right, err = p.and(); err == nil {
			left = either(l, right)
		}
	}
	return left, err
}

func (p *parser) and() (test, error) {
	left, err := p.not()
	for err == nil && p.is("and") {
		var right test
		l := left
		if right, err = p.not(); err == nil {
			left = both(l, right)
		}
	}
	return left, err
}

func either(l, r test) test {
	return func(a *assembly, yes, no int) {
		next := a.label()
		l(a, yes, next)
		a.place(next)
		r(a, yes, no)
	}
}

func both(l, r test) test {
	return func(a *assembly, yes, no int) {
		next := a.label()
		l(a, next, no)
		a.place(next)
		r(a, yes, no)
	}
}

func (p *parser) not() (test, error) {
	if p.depth++; p.depth > mostDepth {
		return nil, fail(p.peek(), "the filter is nested more than %d deep", mostDepth)
	}
	defer func() { p.depth-- }()
	w := p.peek()
	switch {
	case p.is("not"):
		t, err := p.not()
		if err != nil {
			return nil, err
		}
		return func(a *assembly, yes, no int) { t(a, no, yes) }, nil
	case p.is("("):
		t, err := p.or()
		if err != nil {
			return nil, err
		}
		if !p.is(")") {
			return nil, fail(w, "this parenthesis is not closed")
		}
		return t, nil
	}
	return p.primitive()
}

var protocols = map[string]uint32{"tcp": 6, "udp": 17, "sctp": 132, "icmp": 1, "icmp6": 58}

// primitive reads one test, such as "tcp dst port 443".
func (p *parser) primitive() (test, error) {
	w := p.next()
	switch w.text {
	case "":
		return nil, fail(w, "the filter ends where a test should be, such as host 192.0.2.1 or tcp port 443")
	case "ip":
		return isIP4, nil
	case "ip6":
		return isIP6, nil
	case "arp":
		return isEther(0x0806), nil
	case "icmp":
		return both(isIP4, proto4(1)), nil
	case "icmp6":
		return both(isIP6, proto6(58)), nil
	case "ether":
		return p.ether()
	case "tcp", "udp", "sctp":
		n := protocols[w.text]
		switch p.peek().text {
		case "port", "portrange", "src", "dst":
			return p.directed([]uint32{n})
		}
		return isProto(n), nil
	case "src", "dst", "host", "net", "port", "portrange":
		p.at--
		return p.directed(nil)
	}
	return nil, fail(w, "%q is not understood; tests are host, net, port, portrange with src or dst before them, ether host, ip, ip6, arp, tcp, udp, sctp, icmp and icmp6", w.text)
}

func (p *parser) ether() (test, error) {
	src, dst := p.direction()
	w := p.next()
	if w.text != "host" {
		return nil, fail(w, "ether is followed by host and a hardware address")
	}
	v := p.next()
	mac, err := net.ParseMAC(v.text)
	if err != nil || len(mac) != 6 {
		return nil, fail(v, "%q is not a hardware address such as 00:00:5e:00:53:01", v.text)
	}
	return anySide(src, dst, func(at uint32) test { return isMAC(mac, at) }, 6, 0), nil
}

// direction reads src or dst; both are true when neither stands there.
func (p *parser) direction() (src, dst bool) {
	switch {
	case p.is("src"):
		return true, false
	case p.is("dst"):
		return false, true
	}
	return true, true
}

// anySide joins the tests of the source and of the destination.
func anySide(src, dst bool, at func(uint32) test, srcAt, dstAt uint32) test {
	switch {
	case src && dst:
		return either(at(srcAt), at(dstAt))
	case src:
		return at(srcAt)
	}
	return at(dstAt)
}

// directed reads what may have src or dst before it.
func (p *parser) directed(protos []uint32) (test, error) {
	src, dst := p.direction()
	w := p.next()
	v := p.peek()
	if protos != nil && w.text != "port" && w.text != "portrange" {
		return nil, fail(w, "tcp, udp and sctp are followed by port or portrange, or stand alone")
	}
	switch w.text {
	case "host":
		p.next()
		addr, err := netip.ParseAddr(v.text)
		if err != nil || addr.Zone() != "" {
			return nil, fail(v, "%q is not an IP address", v.text)
		}
		return isNet(netip.PrefixFrom(addr, addr.BitLen()), src, dst), nil
	case "net":
		p.next()
		n, err := netip.ParsePrefix(v.text)
		if err != nil {
			return nil, fail(v, "%q is not a network such as 192.0.2.0/24", v.text)
		}
		return isNet(n.Masked(), src, dst), nil
	case "port", "portrange":
		p.next()
		low, high, err := ports(v, w.text == "portrange")
		if err != nil {
			return nil, err
		}
		if protos == nil {
			protos = []uint32{6, 17, 132}
		}
		return isPort(protos, low, high, src, dst), nil
	}
	return nil, fail(w, "src and dst are followed by host, net, port or portrange")
}

func ports(w word, span bool) (low, high uint32, err error) {
	a, b, two := strings.Cut(w.text, "-")
	if two != span {
		if span {
			return 0, 0, fail(w, "%q is not a range of ports such as 8000-8080", w.text)
		}
		return 0, 0, fail(w, "%q is not a port; a range is written portrange 8000-8080", w.text)
	}
	if !two {
		b = a
	}
	l, err1 := strconv.ParseUint(a, 10, 16)
	h, err2 := strconv.ParseUint(b, 10, 16)
	if err1 != nil || err2 != nil || l > h {
		return 0, 0, fail(w, "%q is not a port from 0 to 65535", w.text)
	}
	return uint32(l), uint32(h), nil
}
