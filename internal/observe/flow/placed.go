package flow

import (
	"context"
	"maps"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	netflow "github.com/mainstay-ops/mainstay/internal/core/flow"
	"github.com/mainstay-ops/mainstay/internal/core/logdb"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// maxAhead is how far the clock of an edge may be ahead; what is of a later time counts
// as of now.
const maxAhead = 5 * time.Minute

// delivery is what an edge brought, for the writer.
type delivery struct {
	edge    string
	number  observe.Delivery
	records []record
	// late tells that sums changed that were written before.
	late bool
	done chan error
}

// TakeFlows implements observe.PlacedFlows. Records keep the time at which they came to
// the edge, so that what it kept while it was cut off is counted where it belongs.
func (s *Service) TakeFlows(ctx context.Context, edge string, n observe.Delivery, bs []edgewire.FlowBlock) error {
	if s.store.Load() == nil {
		return errs.New(errs.Unavailable, "The flow store is not open.")
	}
	d := &delivery{edge: edge, number: n, done: make(chan error, 1)}
	now := s.now()
	var notes []func()
	for i := range bs {
		b := &bs[i]
		o := origin{edge, b.Exporter.Unmap().WithZone("")}
		x := s.exporters.of(o, now)
		for _, opt := range b.Options {
			r := netflow.Record{Source: netflow.Source{Exporter: o.addr, Version: b.Version}, Kind: netflow.Options}
			for _, f := range opt {
				r.Fields = append(r.Fields, netflow.Field{Element: netflow.LookupElement(f.Enterprise, f.ID), Enterprise: f.Enterprise, ID: f.ID, Scope: f.Scope, Bytes: f.Bytes})
			}
			x.learn(&r)
		}
		var bytes, sampling uint64
		var longest time.Duration
		var heard time.Time
		first, skipped := len(d.records), b.Skipped
		for j := range b.Records {
			f := b.Records[j].Flow()
			if max(f.Bytes, f.RevBytes, f.Packets, f.RevPackets) > maxAmount {
				skipped++
				continue
			}
			at := time.Unix(0, b.Records[j].At)
			if at.Sub(now) > maxAhead {
				at = now.Add(time.Duration(len(d.records)))
			}
			heard = at
			rec := record{Flow: f, at: at, exporter: o, version: b.Version}
			rec.service = service{f.Protocol, serverPort(f.Protocol, f.SrcPort, f.DstPort)}
			rec.app = x.app(f.Application, rec.service)
			if span := f.End.Sub(f.Start); !f.Start.IsZero() && span < 48*time.Hour {
				longest = max(longest, span)
			}
			sampling = f.Sampling
			bytes += f.Bytes + f.RevBytes
			both := f.RevBytes > 0 || f.RevPackets > 0
			back := rec
			rec.RevBytes, rec.RevPackets = 0, 0
			if d.records = append(d.records, rec); both {
				back = back.back()
				back.at = at.Add(1)
				d.records = append(d.records, back)
			}
		}
		count := len(d.records) - first
		if heard.IsZero() {
			heard = now
		}
		notes = append(notes, func() {
			x.heard(heard, signal.Source{Address: b.Sender.Unmap().WithZone("")}, "", b.Version, count, skipped, bytes)
			if count > 0 {
				x.span(heard, longest, sampling)
			}
			x.mu.Lock()
			x.sources = b.Sources
			x.mu.Unlock()
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
		if err != nil {
			return err
		}
	case <-s.ended:
		return errs.New(errs.Unavailable, "The server stops.")
	}
	for _, note := range notes {
		note()
	}
	return nil
}

// placedState is how far the deliveries of an edge are counted.
func placedState(edge string) string { return "edge:" + edge }

// takePlaced stores and counts a delivery; the writer calls it. The records go to the
// log engine first. In one transaction follow the sums of minutes that are written
// already and the number of the delivery; minutes that are not written yet are counted
// in memory, and after a crash again from the records. A delivery that broke off is sent
// again: then the records that are stored already are left out.
func (s *Service) takePlaced(ctx context.Context, st *logdb.Store, w *writer, d *delivery) error {
	var last observe.Delivery
	if _, err := readState(ctx, s.d.DB.Reader(), placedState(d.edge), &last); err != nil {
		return err
	}
	if d.number.Before(last) {
		return nil
	}
	e := w.edges[d.edge]
	fresh := d.records
	if e == nil || !e.clean {
		there, err := s.alreadyStored(ctx, st, d)
		if err != nil {
			return err
		}
		if e == nil {
			e = &taken{recounted: map[int64]bool{}}
			for at := range there {
				e.recounted[at] = at/int64(time.Second) >= s.recounted
			}
			w.edges[d.edge] = e
		}
		fresh = slices.DeleteFunc(slices.Clone(d.records), func(r record) bool { return there[r.at.UnixNano()] })
	}
	e.clean = false
	nets := s.nets.Load()
	for i := range d.records {
		d.records[i].srcNet, d.records[i].dstNet = nets.of(d.records[i].Src), nets.of(d.records[i].Dst)
	}
	for i := range fresh {
		fresh[i].srcNet, fresh[i].dstNet = nets.of(fresh[i].Src), nets.of(fresh[i].Dst)
	}
	for part := range slices.Chunk(fresh, writeSize) {
		w.rows = w.rows[:0]
		for i := range part {
			w.rows = append(w.rows, w.texts.row(&part[i], nil))
		}
		rec, err := st.Write(w.rows)
		if err != nil {
			return err
		}
		s.stored.Add(uint64(rec.Taken))
		s.dropped.Add(uint64(rec.Dropped))
	}
	s.tiers.Lock()
	defer s.tiers.Unlock()
	written := s.written[tierMinute].Load()
	late := map[int64]*minute{}
	for i := range d.records {
		r := &d.records[i]
		if at := r.at.Unix() / 60 * 60; at < written && !e.recounted[r.at.UnixNano()] {
			if late[at] == nil {
				late[at] = newMinute(at)
			}
			late[at].count(r)
		}
	}
	err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, at := range slices.Sorted(maps.Keys(late)) {
			if err := s.addLate(ctx, tx, late[at]); err != nil {
				return err
			}
		}
		return writeState(ctx, tx, placedState(d.edge), d.number)
	})
	if err != nil {
		return err
	}
	e.clean = true
	s.mu.Lock()
	var m *minute
	for i := range d.records {
		at := d.records[i].at.Unix() / 60 * 60
		if at < written || e.recounted[d.records[i].at.UnixNano()] {
			continue
		}
		if m == nil || m.at != at {
			m = s.minuteOf(at)
		}
		m.count(&d.records[i])
	}
	s.mu.Unlock()
	d.late = len(late) > 0
	return nil
}

// addLate adds a minute to sums that are written. Nothing else writes them meanwhile.
func (s *Service) addLate(ctx context.Context, tx *db.Tx, m *minute) error {
	for tier := range s.written {
		if m.at >= s.written[tier].Load() {
			break // made of the tier below, later
		}
		at := m.at / span[tier] * span[tier]
		for _, dim := range keptDims() {
			sum := newGather()
			var old []rollupRow
			if err := tx.NewRaw("SELECT at, body FROM flow_rollups WHERE tier = ? AND dimension = ? AND at = ?", tier, dim, at).Scan(ctx, &old); err != nil {
				return err
			}
			for _, r := range old {
				rest, err := s.packer.unpack(r.Body, sum.add)
				if err != nil {
					return err
				}
				sum.other.add(rest)
			}
			b := m.bucket(dim)
			for _, e := range b.entries {
				sum.add([]byte(e.key), e.sums)
			}
			sum.other.add(b.other)
			most := keepLong
			if dim == conversations {
				most = keepLongConvs
			}
			if err := putBucket(ctx, tx, tier, dim, at, s.packer.pack(sum.bucket(most))); err != nil {
				return err
			}
		}
	}
	return nil
}

// taken is what the writer knows of the deliveries of an edge.
type taken struct {
	// clean tells that the last one was taken to its end.
	clean bool
	// recounted are the times of records that were stored before the start of the
	// program, and counted again then: the delivery that brought them broke off.
	recounted map[int64]bool
}

// alreadyStored gives the times of the records of a delivery that the log engine has already.
// Times tell the records of an edge apart.
func (s *Service) alreadyStored(ctx context.Context, st *logdb.Store, d *delivery) (map[int64]bool, error) {
	if len(d.records) == 0 {
		return nil, nil
	}
	from, to := d.records[0].at, d.records[0].at
	for i := range d.records {
		if at := d.records[i].at; at.Before(from) {
			from = at
		} else if at.After(to) {
			to = at
		}
	}
	// A question about the past does not see what was written a moment ago.
	if err := st.Flush(); err != nil {
		return nil, err
	}
	there := map[int64]bool{}
	where, err := logsQL([]filter{{dim: dimensionOf(fEdge), values: []string{d.edge}}})
	if err != nil {
		return nil, err
	}
	_, err = st.Query(ctx, logdb.Query{LogsQL: where + " | fields _time", From: from, To: to.Add(1), Limit: maxRows}, func(fs []logdb.Field) error {
		for _, f := range fs {
			if t, err := time.Parse(time.RFC3339Nano, f.Value); f.Name == logdb.Time && err == nil {
				there[t.UnixNano()] = true
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return there, nil
}

// deviceAt finds the item of an exporter behind an edge: a device that this edge polls
// at that address, else nobody knows it by the address alone.
func (s *Service) deviceAt(o origin) string {
	if s.devices == nil {
		return ""
	}
	for _, d := range s.devices.DevicesFor(o.edge) {
		host := d.Target.Address
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if a, err := netip.ParseAddr(host); err == nil && a.Unmap() == o.addr {
			return d.ID
		}
	}
	return ""
}

// alone tells whether no exporter of another site has the address.
func (e *exporters) alone(o origin) bool {
	e.mu.RLock()
	defer e.mu.RUnlock()
	for k := range e.m {
		if k.addr == o.addr && k.edge != o.edge {
			return false
		}
	}
	return true
}
