package path

import (
	"context"
	"encoding/hex"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// origins knows which AS announces an address, by the DNS zones of Team Cymru
// (origin.asn.cymru.com). It is asked only where the settings allow it.
type origins struct {
	look func(ctx context.Context, name string) ([]string, error)

	mu    sync.Mutex
	known map[netip.Prefix]origin
	slots chan struct{}
}

type origin struct {
	text  string
	until time.Time
	busy  bool
}

const (
	maxOrigins   = 20_000
	originFor    = 24 * time.Hour
	noOriginFor  = time.Hour
	originWithin = 4 * time.Second
)

func newOrigins(look func(context.Context, string) ([]string, error)) *origins {
	return &origins{look: look, known: map[netip.Prefix]origin{}, slots: make(chan struct{}, 4)}
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
	now := time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	x := o.known[p]
	if x.busy || now.Before(x.until) {
		return x.text
	}
	select {
	case o.slots <- struct{}{}:
	default:
		return x.text
	}
	if len(o.known) >= maxOrigins {
		clear(o.known)
	}
	x.busy = true
	o.known[p] = x
	go o.ask(p)
	return x.text
}

func (o *origins) ask(p netip.Prefix) {
	ctx, cancel := context.WithTimeout(context.Background(), originWithin)
	defer cancel()
	text := o.lookup(ctx, p.Addr())
	<-o.slots
	x := origin{text: text, until: time.Now().Add(originFor)}
	if text == "" {
		x.until = time.Now().Add(noOriginFor)
	}
	o.mu.Lock()
	o.known[p] = x
	o.mu.Unlock()
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
