package flow

// layout is the order of the numbers in a block of counters: the name and the
// bytes of each.
type layout []struct {
	element *Element
	size    int
}

func counters(size int, names ...string) layout {
	var l layout
	for _, n := range names {
		l = append(l, struct {
			element *Element
			size    int
		}{number(n), size})
	}
	return l
}

func join(parts ...layout) layout {
	var l layout
	for _, p := range parts {
		l = append(l, p...)
	}
	return l
}

// layouts of the standard blocks by their number (sFlow version 5, and the
// additions for processors, hosts and optics).
var layouts = map[uint32]layout{
	1: join(counters(4, "ifIndex", "ifType"), counters(8, "ifSpeed"), counters(4, "ifDirection", "ifStatus"), counters(8, "ifInOctets"),
		counters(4, "ifInUcastPkts", "ifInMulticastPkts", "ifInBroadcastPkts", "ifInDiscards", "ifInErrors", "ifInUnknownProtos"),
		counters(8, "ifOutOctets"),
		counters(4, "ifOutUcastPkts", "ifOutMulticastPkts", "ifOutBroadcastPkts", "ifOutDiscards", "ifOutErrors", "ifPromiscuousMode")),
	2: counters(4, "dot3StatsAlignmentErrors", "dot3StatsFCSErrors", "dot3StatsSingleCollisionFrames", "dot3StatsMultipleCollisionFrames",
		"dot3StatsSQETestErrors", "dot3StatsDeferredTransmissions", "dot3StatsLateCollisions", "dot3StatsExcessiveCollisions",
		"dot3StatsInternalMacTransmitErrors", "dot3StatsCarrierSenseErrors", "dot3StatsFrameTooLongs", "dot3StatsInternalMacReceiveErrors",
		"dot3StatsSymbolErrors"),
	5: join(counters(4, "vlanId"), counters(8, "vlanOctets"),
		counters(4, "vlanUcastPkts", "vlanMulticastPkts", "vlanBroadcastPkts", "vlanDiscards")),
	1001: join(counters(4, "cpu5s", "cpu1m", "cpu5m"), counters(8, "totalMemory", "freeMemory")),
}

var portName = text("portName")

// counters reads one block of a counter sample.
func (r *Record) counters(kind uint32, x *xdr) bool {
	if kind == 1005 {
		r.unnumbered(portName, x.opaque())
		return !x.bad
	}
	l := layouts[kind]
	if l == nil {
		return false
	}
	from := len(r.Fields)
	for _, f := range l {
		r.unnumbered(f.element, x.bytes(f.size))
	}
	if x.bad {
		r.Fields = r.Fields[:from] // kept as bytes instead
		return false
	}
	return true
}
