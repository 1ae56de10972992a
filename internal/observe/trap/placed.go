package trap

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	snmptrap "github.com/mainstay-ops/mainstay/internal/core/snmp/trap"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// maxAhead is how far the clock of an edge may be ahead; what is of a later time counts
// as of now.
const maxAhead = 5 * time.Minute

// delivery is what an edge brought, for the worker.
type delivery struct {
	edge     string
	number   observe.Delivery
	packets  []packet
	refusals []edgewire.TrapRefusal
	done     chan error
}

// senderKey names a sender: its address, and behind an @ the edge that it sends to. Two
// sites may use the same addresses.
func senderKey(addr, edge string) string {
	if edge == "" {
		return addr
	}
	return addr + "@" + edge
}

// splitSender takes a sender's key apart.
func splitSender(key string) (addr, edge string) {
	addr, edge, _ = strings.Cut(key, "@")
	return addr, edge
}

// TakeTraps implements observe.PlacedTraps.
func (s *Service) TakeTraps(ctx context.Context, edge string, n observe.Delivery, ts []edgewire.Trap, rs []edgewire.TrapRefusal) error {
	now := time.Now()
	d := &delivery{edge: edge, number: n, refusals: rs, done: make(chan error, 1)}
	for i := range ts {
		t := &ts[i]
		if t.At.Sub(now) > maxAhead {
			t.At = now
		}
		d.packets = append(d.packets, packet{
			edge: edge, sender: t.From.Unmap().WithZone("").String(), at: t.At,
			opened: &snmptrap.Message{Version: t.Version, Key: clip(t.Key, 200), Inform: t.Inform, OID: t.OID, Uptime: t.Uptime, Agent: clip(t.Agent, 100), Vars: t.Vars},
		})
	}
	select {
	case s.placed <- d:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.ended:
		return errs.New(errs.Unavailable, "The server stops.")
	}
	select {
	case err := <-d.done:
		return err
	case <-s.ended:
		return errs.New(errs.Unavailable, "The server stops.")
	}
}

// TrapKeys implements observe.PlacedTraps.
func (s *Service) TrapKeys(ctx context.Context) ([]edgewire.TrapKey, error) {
	keys, err := s.allKeys(ctx)
	out := make([]edgewire.TrapKey, 0, len(keys))
	for _, k := range keys {
		out = append(out, edgewire.TrapKey{Name: k.Name, Target: k.Target})
	}
	return out, err
}

// deliver takes a delivery unless it was taken before. The worker calls it.
func (s *Service) deliver(ctx context.Context, d *delivery) error {
	var last observe.Delivery
	err := s.d.DB.Reader().NewRaw("SELECT boot, seq FROM trap_places WHERE edge = ?", d.edge).Scan(ctx, &last.Boot, &last.Seq)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if d.number.Before(last) {
		return nil
	}
	for i := range d.refusals {
		r := &d.refusals[i]
		if time.Until(r.At) > maxAhead {
			r.At = time.Now()
		}
		x := s.sender(senderKey(r.From.Unmap().WithZone("").String(), d.edge), r.At)
		if x == nil {
			continue
		}
		x.LastAt, x.dirty, x.Why = r.At.UTC(), true, clip(r.Why, 500)
		x.Malformed += max(r.Malformed, 0)
		x.Refused += max(r.Refused, 0)
	}
	return s.batch(ctx, d.packets, d)
}

// note writes which delivery was taken last.
func (d *delivery) note(ctx context.Context, tx *db.Tx) error {
	_, err := tx.NewRaw("INSERT INTO trap_places (edge, boot, seq) VALUES (?, ?, ?) ON CONFLICT (edge) DO UPDATE SET boot = excluded.boot, seq = excluded.seq", d.edge, d.number.Boot, d.number.Seq).Exec(ctx)
	return err
}

// deviceAt is the device that an edge polls at an address; empty when there is none.
func (s *Service) deviceAt(addr, edge string) string {
	want, err := netip.ParseAddr(addr)
	if err != nil || s.devices == nil || edge == "" {
		return ""
	}
	for _, d := range s.devices.DevicesFor(edge) {
		host := d.Target.Address
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if a, err := netip.ParseAddr(host); err == nil && a.Unmap() == want {
			return d.ID
		}
	}
	return ""
}

// alone tells whether nobody at another site sent from the same address. Only then does
// the address alone say which item a sender behind an edge is.
func (s *Service) alone(key string) bool {
	addr, edge := splitSender(key)
	if edge == "" {
		return true
	}
	for k := range s.senders {
		if a, e := splitSender(k); a == addr && e != edge {
			return false
		}
	}
	return true
}
