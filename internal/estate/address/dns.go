package address

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
)

// The states of a comparison with the DNS.
const (
	unchecked = "unchecked"
	dnsOK     = "ok"
	dnsNone   = "none"
	noReverse = "no_reverse"
	noForward = "no_forward"
	mismatch  = "mismatch"
	dnsFailed = "failed"
)

const (
	// dnsEvery is how often one address is compared, dnsTick how often some are,
	// and dnsBatch how many then: 10 a second, so that nobody's resolver notices.
	dnsEvery   = 24 * time.Hour
	dnsTick    = 10 * time.Second
	dnsBatch   = 100
	dnsTimeout = 5 * time.Second
)

// resolver asks the DNS. *net.Resolver is one.
type resolver interface {
	LookupAddr(ctx context.Context, addr string) ([]string, error)
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// newResolver uses the server at address, or the one of the system when it is empty.
func newResolver(address string) resolver {
	if address == "" {
		return net.DefaultResolver
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		address = net.JoinHostPort(strings.Trim(address, "[]"), "53")
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, address)
	}}
}

// compare asks the DNS for the name of the address and for the addresses of that
// name, and of the wanted one if there is one.
func compare(ctx context.Context, rs resolver, addr netip.Addr, want string) DNSCheck {
	ctx, cancel := context.WithTimeout(ctx, dnsTimeout)
	defer cancel()
	names, err := rs.LookupAddr(ctx, addr.String())
	if err != nil && !notFound(err) {
		return DNSCheck{State: dnsFailed}
	}
	for i, n := range names {
		names[i] = strings.TrimSuffix(strings.ToLower(n), ".")
	}
	slices.Sort(names)
	c := DNSCheck{Found: cut(strings.Join(names, ", "))}
	leads := func(name string) (bool, bool) {
		got, err := rs.LookupNetIP(ctx, "ip", name)
		if err != nil && !notFound(err) {
			return false, false
		}
		texts := make([]string, 0, len(got))
		here := false
		for _, g := range got {
			here = here || g.Unmap() == addr
			texts = append(texts, g.Unmap().String())
		}
		slices.Sort(texts)
		c.Forward = strings.Join(texts[:min(len(texts), 10)], ", ")
		return here, true
	}
	name := want
	if want != "" && len(names) > 0 && !slices.Contains(names, want) {
		c.State = mismatch
		_, _ = leads(names[0])
		return c
	}
	if name == "" {
		if len(names) == 0 {
			c.State = dnsNone
			return c
		}
		name = names[0]
	}
	here, answered := leads(name)
	switch {
	case !answered:
		c.State = dnsFailed
	case len(names) == 0 && here:
		c.State = noReverse
	case len(names) == 0:
		c.State = dnsNone
	case !here:
		c.State = noForward
	default:
		c.State = dnsOK
	}
	return c
}

func notFound(err error) bool {
	var d *net.DNSError
	return errors.As(err, &d) && d.IsNotFound
}

// checkDNS compares one address now and keeps the result.
func (s *Service) checkDNS(ctx context.Context, r *addrRow) error {
	c := compare(ctx, s.dns, fromKey(r.Key), r.DNSName)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		changed := c.State != r.DNSState || c.Found != r.DNSFound
		if _, err := tx.NewRaw("UPDATE addresses SET dns_state = ?, dns_found = ?, dns_forward = ?, dns_checked_at = ? WHERE id = ? AND dns_name = ?", c.State, c.Found, c.Forward, tx.Now(), r.ID, r.DNSName).Exec(ctx); err != nil {
			return err
		}
		if changed {
			s.tell(tx, "address", r.ID)
		}
		return nil
	})
}

// watchDNS compares those that were not for a day, a few at a time.
func (s *Service) watchDNS(ctx context.Context) {
	ctx = access.AsSystem(ctx)
	tick := time.NewTicker(dnsTick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		due, err := dueForDNS(ctx, s.d.DB.Reader(), s.d.DB.Clock().Now().Add(-dnsEvery), dnsBatch)
		if err != nil {
			if ctx.Err() == nil {
				s.d.Logger.Warn("addresses to compare with the DNS cannot be read", "error", err)
			}
			continue
		}
		for i := range due {
			if err := s.checkDNS(ctx, &due[i]); err != nil && ctx.Err() == nil {
				s.d.Logger.Warn("an address was not compared with the DNS", "address", due[i].Address, "error", err)
				break
			}
		}
	}
}

func dueForDNS(ctx context.Context, q bun.IDB, before time.Time, limit int) ([]addrRow, error) {
	var rows []addrRow
	if err := q.NewSelect().Model(&rows).Where("dns_checked_at IS NULL").Limit(int64(limit)).Scan(ctx); err != nil || len(rows) == limit {
		return rows, err
	}
	var old []addrRow
	err := q.NewSelect().Model(&old).Where("dns_checked_at < ?", before.UTC()).OrderExpr("dns_checked_at").Limit(int64(limit - len(rows))).Scan(ctx)
	return append(rows, old...), err
}
