package sweep

import (
	"bufio"
	"context"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"
)

const (
	maxHostNames = 8
	arpFresh     = 500 * time.Millisecond
	maxARP       = 4 << 20
)

// lookup is the address of a name, once done is closed.
type lookup struct {
	done chan struct{}
	addr netip.Addr
}

type lookups map[string]*lookup

// namesAtOnce is how many names are looked up at the same time.
const namesAtOnce = 32

// resolve begins to look up all targets that are names.
func (s *Sweep) resolve(ctx context.Context) lookups {
	out := lookups{}
	all := s.plan.Targets.Names()
	for _, n := range all {
		out[n] = &lookup{done: make(chan struct{})}
	}
	next := make(chan string, len(all))
	for _, n := range all {
		next <- n
	}
	close(next)
	for range min(namesAtOnce, len(all)) {
		go func() {
			for n := range next {
				s.lookUp(ctx, n, out[n])
			}
		}()
	}
	return out
}

func (s *Sweep) lookUp(ctx context.Context, name string, l *lookup) {
	defer close(l.done)
	ctx, cancel := context.WithTimeout(ctx, nameLimit)
	defer cancel()
	if s.paced(ctx) != nil {
		return
	}
	if as, err := s.net.Resolver.LookupNetIP(ctx, "ip", name); err == nil && len(as) > 0 {
		l.addr = as[0].Unmap()
	}
}

// address waits for the address of a name; it is not valid when there is none.
func (l lookups) address(ctx context.Context, name string) netip.Addr {
	select {
	case <-l[name].done:
		return l[name].addr
	case <-ctx.Done():
		return netip.Addr{}
	}
}

// names asks the DNS for the names of the address, and each name for its address:
// only a name that leads back is believed.
func (s *Sweep) names(ctx context.Context, h *Host) {
	ctx, cancel := context.WithTimeout(ctx, nameLimit)
	defer cancel()
	if s.paced(ctx) != nil {
		return
	}
	found, err := s.net.Resolver.LookupAddr(ctx, h.Address.String())
	if err != nil {
		return
	}
	slices.Sort(found)
	for _, n := range found[:min(len(found), maxHostNames)] {
		n = strings.ToLower(strings.TrimSuffix(n, "."))
		if !hostname.MatchString(n) || len(n) > 253 || slices.Contains(h.Names, n) {
			continue
		}
		h.Names = append(h.Names, n)
		if h.Name != "" {
			continue
		}
		if s.paced(ctx) != nil {
			return
		}
		as, err := s.net.Resolver.LookupNetIP(ctx, "ip", n)
		if err == nil && slices.ContainsFunc(as, func(a netip.Addr) bool { return a.Unmap() == h.Address }) {
			h.Name = n
		}
	}
}

// mac gives the hardware address that the local segment knows for an address.
func (s *Sweep) mac(a netip.Addr) string {
	if ms := s.MACs(a); len(ms) > 0 {
		return ms[0]
	}
	return ""
}

// MACs gives all hardware addresses that claim the address on local segments.
func (s *Sweep) MACs(a netip.Addr) []string {
	if s.net.ARP == nil {
		return nil
	}
	s.arpMu.Lock()
	defer s.arpMu.Unlock()
	if now := time.Now(); s.arp == nil || now.Sub(s.arpAt) > arpFresh {
		s.arp, s.arpAt = s.net.ARP(), now
	}
	return s.arp[a]
}

// ReadARP reads the kernel's table of the local segments; it is empty where there is
// no such table.
func ReadARP() map[netip.Addr][]string {
	f, err := os.Open("/proc/net/arp")
	if err != nil {
		return map[netip.Addr][]string{}
	}
	defer f.Close()
	return parseARP(f)
}

// parseARP reads the form of /proc/net/arp: address, type, flags, hardware address,
// mask, device. Flag 2 marks a complete entry.
func parseARP(r io.Reader) map[netip.Addr][]string {
	out := map[netip.Addr][]string{}
	sc := bufio.NewScanner(io.LimitReader(r, maxARP))
	for sc.Scan() {
		f := strings.Fields(sc.Text())
		if len(f) < 6 || !strings.HasPrefix(f[2], "0x") || strings.Trim(f[3], "0:") == "" || len(f[3]) != 17 {
			continue
		}
		a, err := netip.ParseAddr(f[0])
		if err != nil || strings.IndexByte("2367abef", f[2][len(f[2])-1]) < 0 {
			continue
		}
		if m := strings.ToLower(f[3]); !slices.Contains(out[a], m) {
			out[a] = append(out[a], m)
		}
	}
	return out
}
