package flow

import (
	"context"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/logdb"
)

const (
	// keepEvery is how often what was learned of exporters is written: a template that
	// came since is lost in a crash, and comes again.
	keepEvery  = 2 * time.Second
	lookEvery  = time.Minute
	pruneEvery = time.Hour
)

// keep writes what was learned, makes hours and days, and forgets what is old.
func (s *Service) keep(ctx context.Context) {
	t := time.NewTicker(keepEvery)
	defer t.Stop()
	var looked, pruned, judged time.Time
	evidence := s.now().Add(firstEvidence - evidenceEvery)
	done := context.WithoutCancel(ctx)
	for {
		select {
		case <-ctx.Done():
			s.warn(s.saveLearned(done), "write what exporters said")
			s.warn(s.saveJudge(done), "write what is usual")
			return
		case <-t.C:
		}
		now := s.now()
		s.warn(s.saveLearned(ctx), "write what exporters said")
		s.warn(s.climb(ctx), "make sums of hours and days")
		if now.Sub(looked) >= lookEvery {
			looked = now
			s.loadNetworks(ctx)
		}
		for _, x := range s.exporters.all() {
			if now.Sub(x.lastHeard()) < time.Hour {
				s.look(ctx, x, now)
			}
		}
		s.warn(s.tell(ctx, now), "tell what is unusual")
		if now.Sub(judged) >= judgeSaveEvery {
			judged = now
			s.important(ctx)
			s.warn(s.saveJudge(ctx), "write what is usual")
		}
		if now.Sub(evidence) >= evidenceEvery {
			evidence = now
			s.warn(s.reportConnections(ctx, now), "report connections to the map")
		}
		if now.Sub(pruned) >= pruneEvery {
			pruned = now
			s.warn(s.prune(ctx), "delete old sums")
		}
	}
}

func (s *Service) warn(err error, what string) {
	if err != nil {
		s.d.Logger.Error("a task of the flow store failed", "task", what, "error", errs.Message(err))
	}
}

// maxRecount is how far back minutes are counted again from the records.
const maxRecount = 6 * time.Hour

// recount counts the records of the minutes that were not written, after a crash or
// the end of the program within a minute.
func (s *Service) recount(ctx context.Context, st *logdb.Store) error {
	now := s.now()
	from := max(s.written[tierMinute].Load(), now.Add(-maxRecount).Unix()/60*60)
	s.recounted = from
	to := now.Add(time.Minute)
	if from >= to.Unix() {
		return nil
	}
	var minutes []int64
	_, err := st.Query(ctx, logdb.Query{LogsQL: "* | stats by (_time:1m) count() n", From: time.Unix(from, 0), To: to}, func(fs []logdb.Field) error {
		for _, f := range fs {
			if t, err := time.Parse(time.RFC3339Nano, f.Value); f.Name == logdb.Time && err == nil {
				minutes = append(minutes, t.Unix()/60*60)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, at := range minutes {
		m := newMinute(at)
		const by = "exporter, src, dst, src_net, dst_net, src_port, dst_port, service, app, in, out, src_as, dst_as, dscp, tcp_flags"
		_, err := st.Query(ctx, logdb.Query{
			LogsQL: "* | stats by (" + by + ") sum(bytes) bytes, sum(packets) packets, count() flows", From: time.Unix(at, 0), To: time.Unix(at+60, 0), Limit: maxRows,
		}, func(fs []logdb.Field) error {
			r, n := readRow(fs)
			m.add(&r, n)
			return nil
		})
		if err != nil {
			// The others are worth counting.
			s.d.Logger.Error("a minute of traffic cannot be counted again", "minute", time.Unix(at, 0).UTC(), "error", errs.Message(err))
		}
		s.minutes[at] = m
	}
	return nil
}

// readRow reads the fields of stored records, or of sums of them.
func readRow(fs []logdb.Field) (record, sums) {
	var r record
	n := sums{flows: 1}
	u := func(v string, bits int) uint64 { x, _ := strconv.ParseUint(v, 10, bits); return x }
	port := func(v string) uint32 {
		_, index, _ := splitPlace(v)
		return uint32(u(index, 32)) //nolint:gosec // parsed with 32 bits
	}
	for _, f := range fs {
		v := f.Value
		switch f.Name {
		case "exporter":
			r.exporter, _ = parseOrigin(v)
		case "src":
			r.Src, _ = netip.ParseAddr(v)
		case "dst":
			r.Dst, _ = netip.ParseAddr(v)
		case "src_net":
			r.srcNet, _ = netip.ParsePrefix(v)
		case "dst_net":
			r.dstNet, _ = netip.ParsePrefix(v)
		case "src_port":
			r.SrcPort = uint16(u(v, 16))
		case "dst_port":
			r.DstPort = uint16(u(v, 16))
		case "service":
			name, p, _ := strings.Cut(v, "/")
			r.Protocol = protocolNumber(name)
			r.service = service{r.Protocol, uint16(u(p, 16))}
		case "app":
			r.app = v
		case "in":
			r.In = port(v)
		case "out":
			r.Out = port(v)
		case "src_as":
			r.SrcAS = uint32(u(v, 32))
		case "dst_as":
			r.DstAS = uint32(u(v, 32))
		case "dscp":
			r.TOS = uint8(u(v, 6)) << 2
		case "tcp_flags":
			r.TCPFlags = uint16(u(v, 16))
		case "bytes":
			n.bytes = u(v, 64)
		case "packets":
			n.packets = u(v, 64)
		case "flows":
			n.flows = u(v, 64)
		}
	}
	r.Bytes, r.Packets = n.bytes, n.packets
	return r, n
}

func protocolNumber(name string) uint8 {
	for n, s := range protocols {
		if s == name {
			return n
		}
	}
	n, _ := strconv.ParseUint(name, 10, 8)
	return uint8(n)
}
