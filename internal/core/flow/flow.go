package flow

import (
	"math"
	"math/bits"
	"net/netip"
	"time"
)

// Flow is what most readers want of a traffic record: who talked to whom, how
// much, when. Bytes and Packets are already multiplied by the sampling rate.
type Flow struct {
	Start, End       time.Time // zero where the record does not say
	Src, Dst         netip.Addr
	SrcPort, DstPort uint16
	Protocol         uint8
	TOS              uint8 // DSCP is its upper six bits
	TCPFlags         uint16
	ICMP             uint16 // type * 256 + code
	Bytes, Packets   uint64
	RevBytes         uint64 // the way back, of exporters that report both in one record
	RevPackets       uint64
	In, Out          uint32 // interface indexes of the exporter
	SrcAS, DstAS     uint32
	SrcMask, DstMask uint8 // prefix lengths
	NextHop          netip.Addr
	SrcMAC, DstMAC   [6]byte
	VLAN             uint16
	Direction        uint8 // 0 ingress, 1 egress, as the exporter says
	Sampling         uint64
	NATSrc, NATDst   netip.Addr
	NATSrcPort       uint16
	NATDstPort       uint16
	Application      string // "engine..selector", see RFC 6759
	ForwardingStatus uint8
	FirewallEvent    uint8
	Seconds          bool // Start and End are known to the second only
	hasOctets        bool
}

// Flow gives the figures of a traffic record; false for other kinds and for
// records without an address.
func (r *Record) Flow() (Flow, bool) {
	if r.Kind != Traffic {
		return Flow{}, false
	}
	f := Flow{Sampling: r.Sampling}
	for i := range r.Fields {
		x := &r.Fields[i]
		switch x.Enterprise {
		case 0:
			if x.ID != 0 {
				f.take(r, x)
			}
		case enterpriseReverse:
			f.takeReverse(x)
		}
	}
	if r.Version == SFlow5 { // one packet stands for as many as the rate says
		f.Packets = 1
		if n := r.Field(312); n != nil {
			f.Bytes = n.Uint()
		} else if n := r.Field(224); n != nil {
			f.Bytes = n.Uint()
		}
		f.Start, f.End = r.Exported, r.Exported
	}
	if f.Sampling > 1 {
		for _, n := range []*uint64{&f.Bytes, &f.Packets, &f.RevBytes, &f.RevPackets} {
			*n = times(*n, f.Sampling)
		}
	}
	return f, f.Src.IsValid() && f.Dst.IsValid()
}

// times multiplies, and stays at the largest number where exporters lie.
func times(a, b uint64) uint64 {
	if high, low := bits.Mul64(a, b); high == 0 {
		return low
	}
	return math.MaxUint64
}

// take reads one field of the public registry.
func (f *Flow) take(r *Record, x *Field) {
	if len(x.Bytes) > 16 {
		return
	}
	switch x.ID {
	case 1:
		f.Bytes, f.hasOctets = x.Uint(), true
	case 85, 352: // totals and layer 2, where there is no delta
		if !f.hasOctets && f.Bytes == 0 {
			f.Bytes = x.Uint()
		}
	case 2, 86:
		if f.Packets == 0 {
			f.Packets = x.Uint()
		}
	case 23: // of what went out, where nothing is said of what came in
		if !f.hasOctets && f.Bytes == 0 {
			f.Bytes = x.Uint()
		}
	case 24:
		if f.Packets == 0 {
			f.Packets = x.Uint()
		}
	case 231: // initiator and responder of firewalls
		if !f.hasOctets && f.Bytes == 0 {
			f.Bytes = x.Uint()
		}
	case 232:
		f.RevBytes = x.Uint()
	case 298:
		if f.Packets == 0 {
			f.Packets = x.Uint()
		}
	case 299:
		f.RevPackets = x.Uint()
	case 4:
		f.Protocol = uint8(x.Uint())
	case 5:
		f.TOS = uint8(x.Uint())
	case 6:
		f.TCPFlags = uint16(x.Uint())
	case 7, 180, 182:
		f.SrcPort = uint16(x.Uint())
	case 11, 181, 183:
		f.DstPort = uint16(x.Uint())
	case 8, 27:
		f.Src = betterAddr(f.Src, x.Addr())
	case 12, 28:
		f.Dst = betterAddr(f.Dst, x.Addr())
	case 9, 29:
		f.SrcMask = uint8(x.Uint())
	case 13, 30:
		f.DstMask = uint8(x.Uint())
	case 10:
		f.In = uint32(x.Uint())
	case 14:
		f.Out = uint32(x.Uint())
	case 15, 62:
		f.NextHop = betterAddr(f.NextHop, x.Addr())
	case 16:
		f.SrcAS = uint32(x.Uint())
	case 17:
		f.DstAS = uint32(x.Uint())
	case 32, 139:
		f.ICMP = uint16(x.Uint())
	case 56:
		copy(f.SrcMAC[:], x.Bytes)
	case 80:
		copy(f.DstMAC[:], x.Bytes)
	case 58, 243:
		f.VLAN = uint16(x.Uint())
	case 61:
		f.Direction = uint8(x.Uint())
	case 89:
		f.ForwardingStatus = uint8(x.Uint())
	case 95:
		f.Application = applicationID(x.Bytes)
	case 225, 281:
		f.NATSrc = betterAddr(f.NATSrc, x.Addr())
	case 226, 282:
		f.NATDst = betterAddr(f.NATDst, x.Addr())
	case 227:
		f.NATSrcPort = uint16(x.Uint())
	case 228:
		f.NATDstPort = uint16(x.Uint())
	case 233:
		f.FirewallEvent = uint8(x.Uint())
	default:
		f.takeTime(r, x)
	}
}

// betterAddr prefers an address that says something: exporters fill the fields
// of the other family with zeros.
func betterAddr(old, a netip.Addr) netip.Addr {
	if old.IsValid() && !old.IsUnspecified() && (!a.IsValid() || a.IsUnspecified()) {
		return old
	}
	return a
}

func (f *Flow) takeTime(r *Record, x *Field) {
	switch x.ID {
	case 22:
		if t, ok := r.bootTime(x); ok && f.Start.IsZero() {
			f.Start = t
		}
	case 21:
		if t, ok := r.bootTime(x); ok && f.End.IsZero() {
			f.End = t
		}
	case 150, 152, 154, 156:
		if t, ok := x.Time(); ok && (f.Start.IsZero() || f.Seconds || x.ID > 150) {
			f.Start, f.Seconds = t, x.ID == 150
		}
	case 151, 153, 155, 157:
		if t, ok := x.Time(); ok && (f.End.IsZero() || f.Seconds || x.ID > 151) {
			f.End = t
		}
	case 158: // microseconds before the message was sent
		f.Start = r.Exported.Add(-time.Duration(uint32(x.Uint())) * time.Microsecond)
	case 159:
		f.End = r.Exported.Add(-time.Duration(uint32(x.Uint())) * time.Microsecond)
	case 161:
		if f.End.IsZero() && !f.Start.IsZero() {
			f.End = f.Start.Add(time.Duration(uint32(x.Uint())) * time.Millisecond)
		}
	}
}

// takeReverse reads a field of the way back (RFC 5103).
func (f *Flow) takeReverse(x *Field) {
	switch x.ID {
	case 1, 85:
		f.RevBytes = x.Uint()
	case 2, 86:
		f.RevPackets = x.Uint()
	}
}
