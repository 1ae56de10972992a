package flow

import (
	"net/netip"
	"strconv"
	"time"

	netflow "github.com/mainstay-ops/mainstay/internal/core/flow"
	"github.com/mainstay-ops/mainstay/internal/core/logdb"
)

// service is the port of the server, with its protocol; port 0 for protocols without.
type service struct {
	protocol uint8
	port     uint16
}

func (s service) String() string {
	if s.port == 0 {
		return protocolName(s.protocol)
	}
	return protocolName(s.protocol) + "/" + strconv.Itoa(int(s.port))
}

// place is an interface of an exporter.
type place struct {
	exporter origin
	index    uint32
}

func (p place) String() string {
	return p.exporter.String() + "/" + strconv.FormatUint(uint64(p.index), 10)
}

// record is one report of traffic in one direction.
type record struct {
	netflow.Flow
	at             time.Time // when it came; no two records have the same
	exporter       origin
	version        netflow.Version
	service        service
	app            string
	srcNet, dstNet netip.Prefix
}

// serverPort guesses which of the two ports is that of the server: the one with a
// well-known name, else the lower one.
func serverPort(protocol uint8, src, dst uint16) uint16 {
	switch protocol {
	case 6, 17, 132, 33: // tcp, udp, sctp, dccp
	default:
		return 0
	}
	if src == 0 || dst == 0 {
		return max(src, dst)
	}
	_, a := portName(protocol, src)
	_, b := portName(protocol, dst)
	switch {
	case a && !b:
		return src
	case b && !a:
		return dst
	}
	return min(src, dst)
}

// toServer tells whether a record goes from the client to the server.
func (r *record) toServer() bool { return r.service.port != 0 && r.DstPort == r.service.port }

// back is the way back of a record that reports both ways (RFC 5103, firewalls).
func (r *record) back() record {
	b := *r
	b.Src, b.Dst, b.SrcPort, b.DstPort = r.Dst, r.Src, r.DstPort, r.SrcPort
	b.srcNet, b.dstNet, b.SrcMask, b.DstMask = r.dstNet, r.srcNet, r.DstMask, r.SrcMask
	b.SrcAS, b.DstAS, b.SrcMAC, b.DstMAC = r.DstAS, r.SrcAS, r.DstMAC, r.SrcMAC
	b.In, b.Out = r.Out, r.In
	b.Bytes, b.Packets, b.RevBytes, b.RevPackets = r.RevBytes, r.RevPackets, 0, 0
	b.NATSrc, b.NATDst, b.NATSrcPort, b.NATDstPort = r.NATDst, r.NATSrc, r.NATDstPort, r.NATSrcPort
	b.TCPFlags = 0
	return b
}

// texts are the written forms of addresses and the like, which repeat all the time.
// One goroutine uses it.
type texts struct {
	addrs   map[netip.Addr]string
	nets    map[netip.Prefix]string
	places  map[place]string
	svcs    map[service]string
	origins map[origin]string
}

const maxTexts = 200_000

func newTexts() *texts {
	return &texts{map[netip.Addr]string{}, map[netip.Prefix]string{}, map[place]string{}, map[service]string{}, map[origin]string{}}
}

func textOf[K comparable](m map[K]string, k K, write func(K) string) string {
	s, ok := m[k]
	if !ok {
		if len(m) >= maxTexts {
			clear(m)
		}
		s = write(k)
		m[k] = s
	}
	return s
}

func (t *texts) addr(a netip.Addr) string          { return textOf(t.addrs, a, netip.Addr.String) }
func (t *texts) origin(o origin) string            { return textOf(t.origins, o, origin.String) }
func (t *texts) net(p netip.Prefix) string         { return textOf(t.nets, p, netip.Prefix.String) }
func (t *texts) place(p place) string              { return textOf(t.places, p, place.String) }
func (t *texts) service(s service) string          { return textOf(t.svcs, s, service.String) }
func number[T uint8 | uint16 | uint32](n T) string { return strconv.FormatUint(uint64(n), 10) }

// The fields of a stored record. Those of dimensions have the names of these.
const (
	fExporter = "exporter"
	fEdge     = "edge"
	fBytes    = "bytes"
	fPackets  = "packets"
)

// row writes a record for the log engine, into fields.
func (t *texts) row(r *record, fields []logdb.Field) logdb.Row {
	add := func(name, value string) {
		if value != "" {
			fields = append(fields, logdb.Field{Name: name, Value: value})
		}
	}
	num := func(name string, n uint64) {
		if n != 0 {
			add(name, strconv.FormatUint(n, 10))
		}
	}
	add("src", t.addr(r.Src))
	add("dst", t.addr(r.Dst))
	if r.srcNet.IsValid() {
		add("src_net", t.net(r.srcNet))
	}
	if r.dstNet.IsValid() {
		add("dst_net", t.net(r.dstNet))
	}
	add(fEdge, r.exporter.site())
	num("src_port", uint64(r.SrcPort))
	num("dst_port", uint64(r.DstPort))
	add("protocol", protocolName(r.Protocol))
	add("service", t.service(r.service))
	add("app", r.app)
	if r.In != 0 {
		add("in", t.place(place{r.exporter, r.In}))
	}
	if r.Out != 0 {
		add("out", t.place(place{r.exporter, r.Out}))
	}
	num("src_as", uint64(r.SrcAS))
	num("dst_as", uint64(r.DstAS))
	add("dscp", number(r.TOS>>2))
	num("tcp_flags", uint64(r.TCPFlags))
	add(fBytes, strconv.FormatUint(r.Bytes, 10))
	add(fPackets, strconv.FormatUint(r.Packets, 10))
	num("sampling", r.Sampling)
	num("icmp", uint64(r.ICMP))
	num("vlan", uint64(r.VLAN))
	num("firewall_event", uint64(r.FirewallEvent))
	if !r.Start.IsZero() {
		num("start", uint64(max(r.Start.UnixMilli(), 0)))
	}
	if !r.End.IsZero() {
		num("end", uint64(max(r.End.UnixMilli(), 0)))
	}
	if r.NextHop.IsValid() && !r.NextHop.IsUnspecified() {
		add("next_hop", t.addr(r.NextHop))
	}
	if r.NATSrc.IsValid() && !r.NATSrc.IsUnspecified() {
		add("nat_src", t.addr(r.NATSrc))
		num("nat_src_port", uint64(r.NATSrcPort))
	}
	if r.NATDst.IsValid() && !r.NATDst.IsUnspecified() {
		add("nat_dst", t.addr(r.NATDst))
		num("nat_dst_port", uint64(r.NATDstPort))
	}
	return logdb.Row{At: r.at, Stream: []logdb.Field{{Name: fExporter, Value: t.origin(r.exporter)}, {Name: "version", Value: string(r.version)}}, Fields: fields}
}
