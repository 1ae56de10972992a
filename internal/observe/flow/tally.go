package flow

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// sums are what is counted of traffic.
type sums struct{ bytes, packets, flows uint64 }

func (s *sums) add(o sums) {
	s.bytes += o.bytes
	s.packets += o.packets
	s.flows += o.flows
}

// tally counts by key. It holds at most twice the limit of keys: then the smaller
// half goes to other, so that many keys that come once do not eat memory.
type tally[K comparable] struct {
	m     map[K]*sums
	limit int
	other sums
	slab  []sums
}

func newTally[K comparable](limit int) *tally[K] { return &tally[K]{m: map[K]*sums{}, limit: limit} }

func (t *tally[K]) add(k K, s sums) {
	v := t.m[k]
	if v == nil {
		if len(t.m) >= 2*t.limit {
			t.prune()
		}
		if len(t.slab) == 0 {
			t.slab = make([]sums, 256)
		}
		v, t.slab = &t.slab[0], t.slab[1:]
		t.m[k] = v
	}
	v.add(s)
}

func (t *tally[K]) prune() {
	weights := make([]uint64, 0, len(t.m))
	for _, v := range t.m {
		weights = append(weights, v.bytes)
	}
	slices.Sort(weights)
	cut := weights[len(weights)/2]
	drop := len(t.m) - t.limit
	for k, v := range t.m {
		if drop > 0 && v.bytes <= cut {
			t.other.add(*v)
			delete(t.m, k)
			drop--
		}
	}
}

// entry is the traffic of one key, written out.
type entry struct {
	key string
	sums
}

// bucket is what is kept of one dimension for one span of time.
type bucket struct {
	entries []entry
	// other is what the entries do not hold.
	other sums
}

// bucket gives the keys with the most bytes, packets or flows.
func (t *tally[K]) bucket(most int, write func(K) string) bucket {
	type pair struct {
		k K
		v *sums
	}
	all := make([]pair, 0, len(t.m))
	for k, v := range t.m {
		all = append(all, pair{k, v})
	}
	out := bucket{other: t.other}
	if len(all) > most {
		half := max(most/2, 1)
		slices.SortFunc(all, func(a, b pair) int { return cmp.Compare(b.v.bytes, a.v.bytes) })
		rest := all[half:]
		slices.SortFunc(rest, func(a, b pair) int { return cmp.Compare(b.v.packets, a.v.packets) })
		rest = rest[min(half/2, len(rest)):]
		slices.SortFunc(rest, func(a, b pair) int { return cmp.Compare(b.v.flows, a.v.flows) })
		left := all[most:]
		for _, p := range left {
			out.other.add(*p.v)
		}
		all = all[:most]
	}
	out.entries = make([]entry, len(all))
	for i, p := range all {
		out.entries[i] = entry{write(p.k), *p.v}
	}
	return out
}

type pairKey struct{ src, dst netip.Addr }

type conversation struct {
	src, dst       netip.Addr
	exporter       origin
	in, out        uint32
	srcNet, dstNet netip.Prefix
	service        service
	app            string
	toServer       bool
}

// How many keys are counted exactly, and how many are kept of a minute.
const (
	manyKeys  = 30_000
	fewKeys   = 5_000
	keepMany  = 300
	keepFew   = 150
	keepConvs = 1000
)

// minute counts the traffic of one minute by all dimensions.
type minute struct {
	at               int64 // seconds since 1970, of its start
	total            sums
	src, dst, addr   *tally[netip.Addr]
	exporter         *tally[origin]
	edge             *tally[string]
	srcNet, dstNet   *tally[netip.Prefix]
	srcPort, dstPort *tally[uint16]
	service          *tally[service]
	app              *tally[string]
	protocol, dscp   *tally[uint8]
	srcAS, dstAS     *tally[uint32]
	in, out, iface   *tally[place]
	flags            *tally[uint16]
	pair             *tally[pairKey]
	conv             *tally[conversation]
}

func newMinute(at int64) *minute {
	return &minute{
		at: at, src: newTally[netip.Addr](manyKeys), dst: newTally[netip.Addr](manyKeys), addr: newTally[netip.Addr](manyKeys), exporter: newTally[origin](fewKeys), edge: newTally[string](fewKeys),
		srcNet: newTally[netip.Prefix](fewKeys), dstNet: newTally[netip.Prefix](fewKeys), srcPort: newTally[uint16](fewKeys), dstPort: newTally[uint16](fewKeys),
		service: newTally[service](fewKeys), app: newTally[string](fewKeys), protocol: newTally[uint8](fewKeys), dscp: newTally[uint8](fewKeys),
		srcAS: newTally[uint32](fewKeys), dstAS: newTally[uint32](fewKeys), in: newTally[place](fewKeys), out: newTally[place](fewKeys), iface: newTally[place](fewKeys),
		flags: newTally[uint16](fewKeys), pair: newTally[pairKey](manyKeys), conv: newTally[conversation](manyKeys),
	}
}

func (m *minute) count(r *record) {
	s := sums{r.Bytes, r.Packets, 1}
	m.add(r, s)
}

// add counts a record, or several that are alike, with their sums.
func (m *minute) add(r *record, s sums) {
	m.total.add(s)
	m.src.add(r.Src, s)
	m.dst.add(r.Dst, s)
	m.addr.add(r.Src, s)
	if r.Dst != r.Src {
		m.addr.add(r.Dst, s)
	}
	m.exporter.add(r.exporter, s)
	m.edge.add(r.exporter.site(), s)
	m.srcNet.add(r.srcNet, s)
	m.dstNet.add(r.dstNet, s)
	m.srcPort.add(r.SrcPort, s)
	m.dstPort.add(r.DstPort, s)
	m.service.add(r.service, s)
	m.app.add(r.app, s)
	m.protocol.add(r.Protocol, s)
	m.dscp.add(r.TOS>>2, s)
	m.srcAS.add(r.SrcAS, s)
	m.dstAS.add(r.DstAS, s)
	in, out := place{r.exporter, r.In}, place{r.exporter, r.Out}
	m.in.add(in, s)
	m.out.add(out, s)
	m.iface.add(in, s)
	if in != out {
		m.iface.add(out, s)
	}
	m.flags.add(r.TCPFlags, s)
	m.pair.add(pairKey{r.Src, r.Dst}, s)
	m.conv.add(conversation{r.Src, r.Dst, r.exporter, r.In, r.Out, r.srcNet, r.dstNet, r.service, r.app, r.toServer()}, s)
}

// conversations is the name under which conversations are kept beside the dimensions.
const conversations = "conversation"

func placeText(p place) string {
	if p.index == 0 {
		return ""
	}
	return p.String()
}

func netText(p netip.Prefix) string {
	if !p.IsValid() {
		return ""
	}
	return p.String()
}

func zeroEmpty[T uint16 | uint32](n T) string {
	if n == 0 {
		return ""
	}
	return number(n)
}

// toServer marks conversations from a client to a server.
const toServer = "c"

func (c conversation) String() string {
	cols := [columns]string{
		colSrc: c.src.String(), colDst: c.dst.String(), colIn: placeText(place{c.exporter, c.in}), colOut: placeText(place{c.exporter, c.out}),
		colSrcNet: netText(c.srcNet), colDstNet: netText(c.dstNet), colExporter: c.exporter.String(), colService: c.service.String(), colApp: c.app,
	}
	if c.toServer {
		cols[colSide] = toServer
	}
	return strings.Join(cols[:], "\t")
}

// bucket writes what was counted of one dimension.
func (m *minute) bucket(dim string) bucket {
	switch dim {
	case "src":
		return m.src.bucket(keepMany, netip.Addr.String)
	case "dst":
		return m.dst.bucket(keepMany, netip.Addr.String)
	case "address":
		return m.addr.bucket(keepMany, netip.Addr.String)
	case "pair":
		return m.pair.bucket(keepMany, func(p pairKey) string { return p.src.String() + ">" + p.dst.String() })
	case "src_net":
		return m.srcNet.bucket(keepFew, netText)
	case "dst_net":
		return m.dstNet.bucket(keepFew, netText)
	case "app":
		return m.app.bucket(keepFew, func(s string) string { return s })
	case "service":
		return m.service.bucket(keepFew, service.String)
	case "src_port":
		return m.srcPort.bucket(keepFew, zeroEmpty)
	case "dst_port":
		return m.dstPort.bucket(keepFew, zeroEmpty)
	case "protocol":
		return m.protocol.bucket(keepFew, protocolName)
	case "exporter":
		return m.exporter.bucket(keepFew, origin.String)
	case fEdge:
		return m.edge.bucket(keepFew, func(s string) string { return s })
	case "in":
		return m.in.bucket(keepFew, placeText)
	case "out":
		return m.out.bucket(keepFew, placeText)
	case "interface":
		return m.iface.bucket(keepFew, placeText)
	case "src_as":
		return m.srcAS.bucket(keepFew, zeroEmpty)
	case "dst_as":
		return m.dstAS.bucket(keepFew, zeroEmpty)
	case "dscp":
		return m.dscp.bucket(keepFew, number)
	case "tcp_flags":
		return m.flags.bucket(keepFew, zeroEmpty)
	case conversations:
		return m.conv.bucket(keepConvs, conversation.String)
	}
	return bucket{other: m.total}
}
