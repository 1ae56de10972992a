package netpath

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"time"
)

// Names knows the names of addresses by reverse DNS.
type Names struct{ known Lookups[netip.Addr] }

// NewNames asks a resolver, in the background.
func NewNames(r *net.Resolver) *Names {
	return &Names{Lookups[netip.Addr]{
		Ask: func(ctx context.Context, a netip.Addr) string {
			got, err := r.LookupAddr(ctx, a.WithZone("").String())
			if err != nil || len(got) == 0 {
				return ""
			}
			return clean(got[0])
		},
		Within: 3 * time.Second, For: 12 * time.Hour, NoneFor: time.Hour, Most: 50_000, AtOnce: 8,
	}}
}

// Of gives the name of an address; empty while there is none or it is not known yet.
func (n *Names) Of(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return n.known.Of(a)
}

// clean leaves what a host name may have: whoever runs the reverse zone of a hop
// writes its name, and it is shown on terminals.
func clean(s string) string {
	s = strings.TrimSuffix(s, ".")
	if len(s) > 253 {
		s = s[:253]
	}
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '.' || r == '_' || (r >= '0' && r <= '9') || (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z') {
			return r
		}
		return -1
	}, s)
}
