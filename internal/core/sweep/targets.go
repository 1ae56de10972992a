package sweep

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/netguard"
)

// Limits of a list of targets.
const (
	// DefaultLimit is how many addresses one list may have: a /16.
	DefaultLimit = 1 << 16
	maxEntries   = 1000
	maxNames     = 1000
)

// span is a range of addresses of one family, both ends included.
type span struct{ first, last netip.Addr }

// Targets is a list of addresses without doubles, in ascending order, and of
// names, which come last.
type Targets struct {
	spans []span
	names []string
	// starts[i] is the index of the first address of spans[i].
	starts []int
	count  int
}

var hostname = regexp.MustCompile(`^(?i)[a-z0-9_]([a-z0-9_-]{0,62}[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]{0,62}[a-z0-9])?)*\.?$`)

// Parse reads targets: addresses, ranges (10.0.0.1-10.0.0.9 or 10.0.0.1-9), CIDR
// networks and names. What exclude covers is left out. Of an IPv4 network of /30 or
// larger, the network and broadcast addresses are left out. All mistakes are
// reported at once, as fields targets[n] and exclude[n]. limit is how many
// addresses are allowed; 0 means DefaultLimit.
func Parse(targets, exclude []string, limit int) (*Targets, error) {
	if limit <= 0 {
		limit = DefaultLimit
	}
	var bad []errs.Field
	in, names := parseList("targets", targets, &bad)
	out, notNames := parseList("exclude", exclude, &bad)
	if len(bad) > 0 {
		return nil, errs.Fields(bad...)
	}
	t := &Targets{spans: subtract(merge(in), merge(out))}
	for _, n := range names {
		if !slices.Contains(notNames, n) && !slices.Contains(t.names, n) {
			t.names = append(t.names, n)
		}
	}
	total := uint64(len(t.names))
	for _, s := range t.spans {
		t.starts = append(t.starts, int(total)-len(t.names))
		n := size(s)
		if n > uint64(limit) || total+n > uint64(limit) {
			return nil, errs.Fields(errs.Field{Path: "targets", Message: fmt.Sprintf("has more than %d addresses, which is the limit of one job; use several jobs or smaller networks", limit)})
		}
		total += n
	}
	t.count = int(total)
	switch {
	case len(targets) == 0:
		return nil, errs.Fields(errs.Field{Path: "targets", Message: "is empty; give a network such as 10.0.0.0/24, a range, an address or a name"})
	case t.count == 0:
		return nil, errs.Fields(errs.Field{Path: "exclude", Message: "leaves nothing of the targets"})
	case len(t.names) > maxNames:
		return nil, errs.Fields(errs.Field{Path: "targets", Message: fmt.Sprintf("has %d names; at most %d fit", len(t.names), maxNames)})
	}
	return t, nil
}

// Split cuts text at commas, blanks and lines, as people paste lists. A # begins a
// comment.
func Split(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		out = append(out, strings.FieldsFunc(line, func(r rune) bool { return r == ',' || r == ';' || r == ' ' || r == '\t' || r == '\n' || r == '\r' })...)
	}
	return out
}

func parseList(path string, in []string, bad *[]errs.Field) (spans []span, names []string) {
	if len(in) > maxEntries {
		*bad = append(*bad, errs.Field{Path: path, Message: fmt.Sprintf("has %d entries; at most %d fit", len(in), maxEntries)})
		return nil, nil
	}
	for i, s := range in {
		sp, name, why := parseOne(strings.TrimSpace(s))
		switch {
		case why != "":
			*bad = append(*bad, errs.Field{Path: fmt.Sprintf("%s[%d]", path, i), Value: s[:min(len(s), 80)], Message: why})
		case name != "":
			names = append(names, name)
		default:
			spans = append(spans, sp)
		}
	}
	return spans, names
}

func parseOne(s string) (sp span, name, why string) {
	switch {
	case s == "":
		return sp, "", "is empty"
	case len(s) > 253:
		return sp, "", "is too long for an address or a name"
	case strings.Contains(s, "/"):
		return parseNetwork(s)
	}
	if a, err := netip.ParseAddr(s); err == nil {
		if a.Zone() != "" {
			return sp, "", "must be without a zone"
		}
		return span{a.Unmap(), a.Unmap()}, "", ""
	}
	if from, to, ok := strings.Cut(s, "-"); ok {
		if a, err := netip.ParseAddr(from); err == nil {
			return parseRange(a.Unmap(), to)
		}
	}
	if digits := strings.Trim(s, "0123456789.-"); digits == "" || !hostname.MatchString(s) {
		return sp, "", "is no address, range, network or name; examples: 10.0.0.7, 10.0.0.1-10.0.0.99, 10.0.0.0/24, switch1.example.org"
	}
	return sp, strings.ToLower(strings.TrimSuffix(s, ".")), ""
}

func parseNetwork(s string) (sp span, name, why string) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return sp, "", "is no network; a network is written like 10.0.0.0/24 or 2001:db8::/120"
	}
	if p.Addr().Is4In6() {
		return sp, "", "must be written as an IPv4 network"
	}
	first := p.Masked().Addr()
	if p.Masked().Addr() != p.Addr() {
		return sp, "", fmt.Sprintf("has bits beyond /%d; did you mean %s?", p.Bits(), p.Masked())
	}
	sp = span{first, lastOf(p)}
	if first.Is4() && p.Bits() <= 30 {
		sp = span{first.Next(), sp.last.Prev()}
	}
	return sp, "", ""
}

func lastOf(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

func parseRange(from netip.Addr, to string) (sp span, name, why string) {
	last, err := netip.ParseAddr(to)
	if err != nil && from.Is4() {
		// 10.0.0.1-99: only the last number changes.
		last, err = netip.ParseAddr(from.String()[:strings.LastIndexByte(from.String(), '.')+1] + to)
	}
	switch {
	case err != nil:
		return sp, "", "is no range; a range is written like 10.0.0.1-10.0.0.99 or 10.0.0.1-99"
	case last.Unmap().Is4() != from.Is4():
		return sp, "", "mixes IPv4 and IPv6"
	case last.Unmap().Less(from):
		return sp, "", "ends before it begins"
	}
	return span{from, last.Unmap()}, "", ""
}

func number(a netip.Addr) (hi, lo uint64) {
	b := a.As16()
	return binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
}

// size is how many addresses the span has; huge ones are as large as can be.
func size(s span) uint64 {
	h1, l1 := number(s.first)
	h2, l2 := number(s.last)
	lo, borrow := bits.Sub64(l2, l1, 0)
	hi, _ := bits.Sub64(h2, h1, borrow)
	if hi > 0 || lo >= 1<<62 {
		return 1 << 62
	}
	return lo + 1
}

// merge sorts spans and joins those that touch.
func merge(in []span) []span {
	slices.SortFunc(in, func(a, b span) int { return a.first.Compare(b.first) })
	var out []span
	for _, s := range in {
		if n := len(out); n > 0 && out[n-1].first.Is4() == s.first.Is4() {
			end := out[n-1].last
			if s.first.Compare(end) <= 0 || end.Next() == s.first {
				if end.Less(s.last) {
					out[n-1].last = s.last
				}
				continue
			}
		}
		out = append(out, s)
	}
	return out
}

// subtract takes b from a; both are merged.
func subtract(a, b []span) []span {
	var out []span
	for _, s := range a {
		parts := []span{s}
		for _, x := range b {
			if x.first.Is4() != s.first.Is4() {
				continue
			}
			var rest []span
			for _, p := range parts {
				if x.last.Less(p.first) || p.last.Less(x.first) {
					rest = append(rest, p)
					continue
				}
				if p.first.Less(x.first) {
					rest = append(rest, span{p.first, x.first.Prev()})
				}
				if x.last.Less(p.last) {
					rest = append(rest, span{x.last.Next(), p.last})
				}
			}
			parts = rest
		}
		out = append(out, parts...)
	}
	return out
}

// Count is how many addresses and names there are.
func (t *Targets) Count() int { return t.count }

// Names lists the targets that are names.
func (t *Targets) Names() []string { return t.names }

// Contains tells whether the address is among the targets; names are not looked up.
func (t *Targets) Contains(a netip.Addr) bool {
	for _, s := range t.spans {
		if s.first.Is4() == a.Is4() && s.first.Compare(a) <= 0 && a.Compare(s.last) <= 0 {
			return true
		}
	}
	return false
}

// each gives the targets from an index on, an address or a name.
func (t *Targets) each(from int, yield func(i int, a netip.Addr, name string) bool) {
	for n, s := range t.spans {
		i := t.starts[n]
		end := i + int(size(s))
		if from >= end {
			continue
		}
		for a := skip(s.first, max(0, from-i)); i+max(0, from-i) < end; a = a.Next() {
			at := i + max(0, from-i)
			if !yield(at, a, "") {
				return
			}
			from = at + 1
		}
	}
	base := t.count - len(t.names)
	for n := max(0, from-base); n < len(t.names); n++ {
		if !yield(base+n, netip.Addr{}, t.names[n]) {
			return
		}
	}
}

// skip gives the address n after a.
func skip(a netip.Addr, n int) netip.Addr {
	if a.Is4() {
		b := a.As4()
		binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])+uint32(n))
		return netip.AddrFrom4(b)
	}
	b := a.As16()
	lo, carry := bits.Add64(binary.BigEndian.Uint64(b[8:]), uint64(n), 0)
	binary.BigEndian.PutUint64(b[8:], lo)
	binary.BigEndian.PutUint64(b[:8], binary.BigEndian.Uint64(b[:8])+carry)
	return netip.AddrFrom16(b)
}

// allowed keeps a sweep away from the metadata services of clouds, which hand out
// credentials, and from addresses that are no host's.
func allowed(a netip.Addr) bool {
	return netguard.Guard{}.Check(a) == nil && !a.IsMulticast() && !a.IsUnspecified() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// First gives the first n targets as text.
func (t *Targets) First(n int) []string {
	out := []string{}
	t.each(0, func(_ int, a netip.Addr, name string) bool {
		if name == "" {
			name = a.String()
		}
		if len(out) < n {
			out = append(out, name)
		}
		return len(out) < n
	})
	return out
}
