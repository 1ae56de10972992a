package edgewire

import (
	"net/netip"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/flow"
)

// Limits of what a batch says of traffic.
const (
	MaxFlows       = 20_000
	MaxFlowBlocks  = 2_000
	MaxFlowOptions = 5_000
	MaxFlowSources = 100
)

// FlowBlock is what one exporter reported since the last batch, decoded by the edge.
type FlowBlock struct {
	Exporter netip.Addr `json:"x"`
	// Sender is where its datagrams came from.
	Sender  netip.Addr   `json:"f"`
	Version flow.Version `json:"v"`
	// Skipped records had no addresses.
	Skipped int                `json:"k,omitempty"`
	Records []FlowRecord       `json:"r,omitempty"`
	Options []FlowOption       `json:"o,omitempty"`
	Sources []flow.SourceStats `json:"s,omitempty"`
}

// FlowOption is what an exporter says of itself in one record of options data.
type FlowOption []FlowField

// FlowField is a field of it, see flow.Field.
type FlowField struct {
	Enterprise uint32 `json:"e,omitempty"`
	ID         uint16 `json:"i"`
	Scope      bool   `json:"s,omitempty"`
	Bytes      []byte `json:"b"`
}

// FlowRecord is a flow.Flow and when it came, in nanoseconds since 1970: no two records
// of an edge have the same, nor the one after it.
type FlowRecord struct {
	At       int64      `json:"t"`
	Src      netip.Addr `json:"a"`
	Dst      netip.Addr `json:"b"`
	SrcPort  uint16     `json:"c,omitempty"`
	DstPort  uint16     `json:"d,omitempty"`
	Protocol uint8      `json:"p,omitempty"`
	TOS      uint8      `json:"q,omitempty"`
	Flags    uint16     `json:"g,omitempty"`
	ICMP     uint16     `json:"i,omitempty"`
	Bytes    uint64     `json:"n,omitempty"`
	Packets  uint64     `json:"m,omitempty"`
	RevBytes uint64     `json:"nb,omitempty"`
	RevPacks uint64     `json:"mb,omitempty"`
	In       uint32     `json:"in,omitempty"`
	Out      uint32     `json:"out,omitempty"`
	SrcAS    uint32     `json:"as,omitempty"`
	DstAS    uint32     `json:"ad,omitempty"`
	SrcMask  uint8      `json:"ms,omitempty"`
	DstMask  uint8      `json:"md,omitempty"`
	VLAN     uint16     `json:"l,omitempty"`
	Sampling uint64     `json:"sm,omitempty"`
	NextHop  netip.Addr `json:"nh,omitzero"`
	NATSrc   netip.Addr `json:"ns,omitzero"`
	NATDst   netip.Addr `json:"nd,omitzero"`
	NATSPort uint16     `json:"np,omitempty"`
	NATDPort uint16     `json:"nq,omitempty"`
	App      string     `json:"x,omitempty"`
	Firewall uint8      `json:"fw,omitempty"`
	StartMS  int64      `json:"s,omitempty"` // since 1970
	EndMS    int64      `json:"e,omitempty"`
}

// NewFlowRecord takes what is kept of a flow.
func NewFlowRecord(f *flow.Flow, at int64) FlowRecord {
	r := FlowRecord{
		At: at, Src: f.Src.Unmap(), Dst: f.Dst.Unmap(), SrcPort: f.SrcPort, DstPort: f.DstPort, Protocol: f.Protocol, TOS: f.TOS, Flags: f.TCPFlags, ICMP: f.ICMP, Bytes: f.Bytes,
		Packets: f.Packets, RevBytes: f.RevBytes, RevPacks: f.RevPackets, In: f.In, Out: f.Out, SrcAS: f.SrcAS, DstAS: f.DstAS, SrcMask: f.SrcMask, DstMask: f.DstMask, VLAN: f.VLAN,
		Sampling: f.Sampling, NextHop: f.NextHop, NATSrc: f.NATSrc, NATDst: f.NATDst, NATSPort: f.NATSrcPort, NATDPort: f.NATDstPort, App: f.Application, Firewall: f.FirewallEvent,
	}
	if !f.Start.IsZero() {
		r.StartMS = f.Start.UnixMilli()
	}
	if !f.End.IsZero() {
		r.EndMS = f.End.UnixMilli()
	}
	return r
}

// Flow gives it back.
func (r *FlowRecord) Flow() flow.Flow {
	f := flow.Flow{
		Src: r.Src.Unmap(), Dst: r.Dst.Unmap(), SrcPort: r.SrcPort, DstPort: r.DstPort, Protocol: r.Protocol, TOS: r.TOS, TCPFlags: r.Flags, ICMP: r.ICMP, Bytes: r.Bytes,
		Packets: r.Packets, RevBytes: r.RevBytes, RevPackets: r.RevPacks, In: r.In, Out: r.Out, SrcAS: r.SrcAS, DstAS: r.DstAS, SrcMask: r.SrcMask, DstMask: r.DstMask, VLAN: r.VLAN,
		Sampling: r.Sampling, NextHop: r.NextHop, NATSrc: r.NATSrc, NATDst: r.NATDst, NATSrcPort: r.NATSPort, NATDstPort: r.NATDPort, Application: r.App, FirewallEvent: r.Firewall,
	}
	if r.StartMS > 0 {
		f.Start = time.UnixMilli(r.StartMS).UTC()
	}
	if r.EndMS > 0 {
		f.End = time.UnixMilli(r.EndMS).UTC()
	}
	return f
}
