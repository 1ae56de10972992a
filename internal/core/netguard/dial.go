package netguard

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// DialTimed resolves host and connects to one of its addresses in turn, and tells
// how long the resolution took. It tries at most four addresses; the dialer's
// Control is asked for each. network is tcp, tcp4 or tcp6.
func DialTimed(ctx context.Context, d *net.Dialer, network, host, port string) (net.Conn, time.Duration, error) {
	if _, err := netip.ParseAddr(host); err == nil {
		c, err := d.DialContext(ctx, network, net.JoinHostPort(host, port))
		return c, 0, err
	}
	r := d.Resolver
	if r == nil {
		r = net.DefaultResolver
	}
	family := map[string]string{"tcp4": "ip4", "tcp6": "ip6"}[network]
	if family == "" {
		family = "ip"
	}
	start := time.Now()
	addrs, err := r.LookupNetIP(ctx, family, host)
	took := time.Since(start)
	if err != nil {
		return nil, took, err
	}
	for i, a := range addrs[:min(len(addrs), 4)] {
		left := min(len(addrs), 4) - i
		c, derr := dialShare(ctx, d, network, net.JoinHostPort(a.Unmap().String(), port), left)
		if derr == nil {
			return c, took, nil
		}
		if err == nil {
			err = derr
		}
	}
	return nil, took, err
}

// dialShare gives an attempt its share of the time that is left, so that one silent
// address does not use up the time of the others.
func dialShare(ctx context.Context, d *net.Dialer, network, address string, left int) (net.Conn, error) {
	if end, ok := ctx.Deadline(); ok && left > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(end)/time.Duration(left))
		defer cancel()
	}
	return d.DialContext(ctx, network, address)
}
