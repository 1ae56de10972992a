package address

import (
	"encoding/hex"
	"math"
	"math/big"
	"net/netip"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// key writes an address so that texts sort as addresses do, all of IPv4 before
// IPv6: "4" or "6" and the bytes in hexadecimal.
func key(a netip.Addr) string {
	a = a.Unmap()
	b := a.AsSlice()
	if a.Is4() {
		return "4" + hex.EncodeToString(b)
	}
	return "6" + hex.EncodeToString(b)
}

// fromKey reads what key wrote.
func fromKey(k string) netip.Addr {
	if k == "" {
		return netip.Addr{}
	}
	b, err := hex.DecodeString(k[1:])
	if err != nil {
		return netip.Addr{}
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// bounds gives the first and the last address of a prefix.
func bounds(p netip.Prefix) (first, last netip.Addr) {
	p = p.Masked()
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	last, _ = netip.AddrFromSlice(b)
	return p.Addr(), last
}

// hosts gives the first and the last address that a host can have: in IPv4 not
// the network and the broadcast address, except in /31 (RFC 3021) and /32; in IPv6
// not the Subnet-Router anycast address (RFC 4291 2.6.1), except in /127 (RFC 6164)
// and /128.
func hosts(p netip.Prefix) (first, last netip.Addr) {
	first, last = bounds(p)
	if p.Bits() >= p.Addr().BitLen()-1 {
		return first, last
	}
	first = first.Next()
	if p.Addr().Is4() {
		last = last.Prev()
	}
	return first, last
}

// capacity is how many hosts fit.
func capacity(p netip.Prefix) float64 {
	free := p.Addr().BitLen() - p.Bits()
	switch {
	case free <= 1:
		return float64(int(1) << free)
	case p.Addr().Is4():
		return math.Exp2(float64(free)) - 2
	}
	return math.Exp2(float64(free)) - 1
}

func parsePrefix(path, s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(strings.TrimSpace(s))
	if err != nil {
		return p, errs.Fields(errs.Field{Path: path, Value: cut(s), Message: "must be a network such as 10.1.2.0/24 or 2001:db8::/64"})
	}
	if p.Addr().Is4In6() {
		return p, errs.Fields(errs.Field{Path: path, Value: cut(s), Message: "must be written as IPv4, such as 10.1.2.0/24"})
	}
	if p.Masked() != p {
		return p, errs.Fields(errs.Field{Path: path, Value: cut(s), Message: "has host bits; the network is " + p.Masked().String()})
	}
	return p, nil
}

func parseAddr(path, s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(strings.TrimSpace(s))
	if err != nil || a.Zone() != "" {
		return a, errs.Fields(errs.Field{Path: path, Value: cut(s), Message: "must be an address such as 10.1.2.3 or 2001:db8::1"})
	}
	return a.Unmap(), nil
}

func cut(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

// ordinary tells whether an address is one to keep: not loopback, link-local,
// multicast or unspecified, which every host has.
func ordinary(a netip.Addr) bool {
	return a.IsValid() && !a.IsLoopback() && !a.IsLinkLocalUnicast() && !a.IsMulticast() && !a.IsUnspecified()
}

// span is a stretch of addresses, both ends included.
type span struct{ first, last netip.Addr }

// free gives the stretches of p that hosts can have and that none of the taken
// covers. taken must be as merge leaves it: sorted, without overlaps.
func free(p netip.Prefix, taken []span) []span {
	at, last := hosts(p)
	var out []span
	for _, t := range taken {
		if t.last.Less(at) {
			continue
		}
		if last.Less(t.first) {
			break
		}
		if at.Less(t.first) {
			out = append(out, span{at, t.first.Prev()})
		}
		if !t.last.Less(last) {
			return out
		}
		at = t.last.Next()
	}
	return append(out, span{at, last})
}

// size is the number of addresses in s.
func (s span) size() *big.Int {
	a, b := new(big.Int).SetBytes(s.first.AsSlice()), new(big.Int).SetBytes(s.last.AsSlice())
	return b.Sub(b, a).Add(b, big.NewInt(1))
}

// nextPrefixes gives the first n networks of the length inside p that overlap none
// of the taken.
func nextPrefixes(p netip.Prefix, taken []netip.Prefix, length, n int) []netip.Prefix {
	var out []netip.Prefix
	if length < p.Bits() || length > p.Addr().BitLen() {
		return nil
	}
	var walk func(netip.Prefix)
	walk = func(c netip.Prefix) {
		if len(out) >= n {
			return
		}
		inside := false
		for _, t := range taken {
			if t.Bits() <= c.Bits() && t.Contains(c.Addr()) {
				return
			}
			inside = inside || c.Overlaps(t)
		}
		if c.Bits() == length {
			if !inside {
				out = append(out, c)
			}
			return
		}
		low := netip.PrefixFrom(c.Addr(), c.Bits()+1)
		_, end := bounds(low)
		walk(low)
		walk(netip.PrefixFrom(end.Next(), c.Bits()+1))
	}
	walk(p)
	return out
}
