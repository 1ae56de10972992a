package flow

import (
	"context"
	"net/netip"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	netflow "github.com/mainstay-ops/mainstay/internal/core/flow"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

// maxQueue is how many records wait for the writer; what comes then is dropped.
const maxQueue = 300_000

// maxAmount is the most bytes, and packets, that are believed of one record: a pebibyte.
const maxAmount = 1 << 50

// versions by the second byte of a datagram.
var versions = map[byte]netflow.Version{5: netflow.NetFlow5, 9: netflow.NetFlow9, 10: netflow.IPFIX}

// TakeFlowReport implements signal.FlowReports.
func (s *Service) TakeFlowReport(_ context.Context, from signal.Source, rep signal.FlowReport) (int, error) {
	if s.store.Load() == nil {
		return 0, errs.New(errs.Unavailable, "The flow store is not open.")
	}
	now := s.now()
	var x *exporter
	var batch []record
	var bytes uint64
	var version netflow.Version
	var longest time.Duration
	var sampling uint64
	skipped := 0
	err := s.decoder.Decode(from.Address, now, rep.Bytes, func(r *netflow.Record) {
		if x == nil {
			x, version = s.exporters.of(origin{addr: r.Exporter}, now), r.Version
		}
		switch r.Kind {
		case netflow.Options:
			x.learn(r)
			return
		case netflow.Traffic:
		default:
			return
		}
		f, ok := r.Flow()
		if !ok || max(f.Bytes, f.RevBytes, f.Packets, f.RevPackets) > maxAmount {
			skipped++
			return
		}
		f.Src, f.Dst = f.Src.Unmap(), f.Dst.Unmap()
		rec := record{Flow: f, at: now, exporter: origin{addr: r.Exporter}, version: r.Version}
		rec.service = service{f.Protocol, serverPort(f.Protocol, f.SrcPort, f.DstPort)}
		rec.app = x.app(f.Application, rec.service)
		if d := f.End.Sub(f.Start); !f.Start.IsZero() && d < 48*time.Hour {
			longest = max(longest, d)
		}
		sampling = f.Sampling
		bytes += f.Bytes + f.RevBytes
		batch = append(batch, rec)
		if f.RevBytes > 0 || f.RevPackets > 0 {
			batch[len(batch)-1].RevBytes, batch[len(batch)-1].RevPackets = 0, 0
			batch = append(batch, rec.back())
		}
	})
	if x == nil && err == nil && !netflow.IsSFlow(rep.Bytes) {
		// Templates, or records that wait for theirs: people must see that it sends.
		x, version = s.exporters.of(origin{addr: from.Address.Unmap()}, now), versions[rep.Bytes[1]]
	}
	if x != nil {
		x.heard(now, from, rep.Item, version, len(batch), skipped, bytes)
		if len(batch) > 0 {
			x.span(now, longest, sampling)
		}
	}
	if err != nil {
		err = errs.Wrap(errs.Invalid, err, "The datagram could not be read to its end: %s.", plain(err))
	}
	if len(batch) == 0 {
		return 0, err
	}
	s.queueMu.Lock()
	full := len(s.queue)+len(batch) > maxQueue
	if !full {
		s.queue = append(s.queue, batch...)
	}
	s.queueMu.Unlock()
	if full {
		s.dropped.Add(uint64(len(batch)))
		return 0, errs.New(errs.Unavailable, "Records of traffic come faster than they can be stored.")
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return len(batch), err
}

func plain(err error) string {
	const prefix = "flow: "
	if t := err.Error(); len(t) > len(prefix) && t[:len(prefix)] == prefix {
		return t[len(prefix):]
	}
	return err.Error()
}

// networks finds the network of an address: the narrowest that people keep in the
// address plan, else /24 of IPv4 and /64 of IPv6.
type networks struct {
	lengths map[bool][]int // by Is4, the longest first
	known   map[netip.Prefix]bool
}

func (n *networks) of(a netip.Addr) netip.Prefix {
	if n != nil {
		for _, l := range n.lengths[a.Is4()] {
			if p, err := a.Prefix(l); err == nil && n.known[p] {
				return p
			}
		}
	}
	l := 64
	if a.Is4() {
		l = 24
	}
	p, _ := a.Prefix(l)
	return p
}
