package path

import (
	"context"
	"encoding/hex"
	"net/netip"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/netpath"
)

// origins knows which AS announces an address, by the DNS zones of Team Cymru
// (origin.asn.cymru.com). It is asked only where the settings allow it.
type origins struct {
	look  func(ctx context.Context, name string) ([]string, error)
	known netpath.Lookups[netip.Prefix]
}

func newOrigins(look func(context.Context, string) ([]string, error)) *origins {
	o := &origins{look: look}
	o.known = netpath.Lookups[netip.Prefix]{
		Ask:    func(ctx context.Context, p netip.Prefix) string { return o.lookup(ctx, p.Addr()) },
		Within: 4 * time.Second, For: 24 * time.Hour, NoneFor: time.Hour, Most: 20_000, AtOnce: 4,
	}
	return o
}

// public tells whether an address is one of the Internet.
func public(a netip.Addr) bool {
	shared := netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, 0, 0}), 10)
	return a.IsGlobalUnicast() && !a.IsPrivate() && !shared.Contains(a)
}

// of gives the AS and its name; empty while it is not known.
func (o *origins) of(a netip.Addr) string {
	if !public(a) {
		return ""
	}
	bits := 24
	if a.Is6() {
		bits = 48
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return ""
	}
	return o.known.Of(p)
}

// lookup asks for the AS of the network, then for its name.
func (o *origins) lookup(ctx context.Context, a netip.Addr) string {
	got, err := o.look(ctx, originName(a))
	if err != nil || len(got) == 0 {
		return ""
	}
	as, _, _ := strings.Cut(got[0], "|")
	as, _, _ = strings.Cut(strings.TrimSpace(as), " ")
	if as == "" || strings.Trim(as, "0123456789") != "" || len(as) > 10 {
		return ""
	}
	text := "AS" + as
	if got, err = o.look(ctx, text+".asn.cymru.com"); err == nil && len(got) > 0 {
		parts := strings.Split(got[0], "|")
		if name := strings.TrimSpace(parts[len(parts)-1]); len(parts) >= 5 && name != "" {
			text += " " + clip(strings.Map(printable, name), 100)
		}
	}
	return text
}

func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return -1
	}
	return r
}

// originName is the name that is asked: the bytes of an IPv4 address or the nibbles of
// the network of an IPv6 address, backwards.
func originName(a netip.Addr) string {
	var parts []string
	zone := "origin.asn.cymru.com"
	if a.Is4() {
		b := a.As4()
		for i := 3; i >= 0; i-- {
			parts = append(parts, decimal(b[i]))
		}
	} else {
		zone = "origin6.asn.cymru.com"
		b := a.As16()
		h := hex.EncodeToString(b[:8])
		for i := len(h) - 1; i >= 0; i-- {
			parts = append(parts, h[i:i+1])
		}
	}
	return strings.Join(append(parts, zone), ".")
}

func decimal(b byte) string {
	s := netip.AddrFrom4([4]byte{0, 0, 0, b}).String()
	return s[strings.LastIndexByte(s, '.')+1:]
}
