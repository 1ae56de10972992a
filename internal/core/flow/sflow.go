package flow

import (
	"fmt"
	"net/netip"
	"time"
)

// xdr reads the big-endian words of sFlow. After the first read past the end,
// every read gives zero and bad is set.
type xdr struct {
	b   []byte
	bad bool
}

func (x *xdr) bytes(n int) []byte {
	if n < 0 || n > len(x.b) {
		x.bad, x.b = true, nil
		return nil
	}
	out := x.b[:n:n]
	x.b = x.b[n:]
	return out
}

func (x *xdr) word() []byte { return x.bytes(4) }

func (x *xdr) uint() uint32 { return uint32(beUint(x.word())) }

// opaque reads a length and so many bytes, filled up to whole words.
func (x *xdr) opaque() []byte {
	n := int(x.uint())
	if n > len(x.b) {
		x.bad, x.b = true, nil
		return nil
	}
	out := x.bytes(n)
	x.bytes(min(-n&3, len(x.b)))
	return out
}

func (x *xdr) address() []byte {
	switch x.uint() {
	case 1:
		return x.bytes(4)
	case 2:
		return x.bytes(16)
	}
	return nil
}

// sflow reads a datagram of version 5 (sflow.org, version 5, July 2004). Its
// agent address, not the sender's, is the exporter.
func (r *run) sflow(b []byte) error {
	x := &xdr{b: b}
	x.word() // version
	agent, ok := netip.AddrFromSlice(x.address())
	sub, seq, uptime, samples := x.uint(), x.uint(), x.uint(), x.uint()
	if x.bad || !ok {
		return short("an sFlow header", len(b), 28)
	}
	if agent.IsUnspecified() {
		agent = r.exporter
	}
	src := r.cache.of(Source{agent.Unmap(), SFlow5, sub}, r.at)
	r.restarted(src, uptime, r.at)
	r.sequence(src, seq, 1)
	head := Record{Source: src.key, Exported: r.at, Uptime: time.Duration(uptime) * time.Millisecond}
	if !r.at.IsZero() {
		head.Boot = r.at.Add(-head.Uptime)
	}
	for range samples {
		if len(x.b) == 0 {
			return fmt.Errorf("flow: an sFlow datagram promises %d samples and ends before", samples)
		}
		format := x.uint()
		body := &xdr{b: x.opaque()}
		if x.bad {
			return short("an sFlow sample", len(b), len(b)+1)
		}
		r.record.Fields = r.record.Fields[:0]
		fields := r.record.Fields
		r.record = head
		r.record.Fields = fields
		known := r.sample(format, body)
		if body.bad {
			return fmt.Errorf("flow: an sFlow sample of format %d ends too early", format)
		}
		if known && !r.emit(&r.record) {
			return fmt.Errorf("flow: more than %d records in one datagram", r.cache.limits.RecordsPerData)
		}
	}
	return nil
}

// unnumbered appends a field that IPFIX has no number for.
func (r *Record) unnumbered(e *Element, b []byte) {
	r.Fields = append(r.Fields, Field{Element: e, Bytes: b})
}

func text(name string) *Element   { return &Element{Type: Text, Name: name} }
func number(name string) *Element { return &Element{Type: Unsigned, Name: name} }

// Elements of sFlow without a number in IPFIX. The names are those of the
// specification, of IF-MIB and of EtherLike-MIB.
var (
	sfSourceType  = number("sourceIdType")
	sfSourceIndex = number("sourceIdIndex")
	sfPool        = number("samplePool")
	sfDrops       = number("drops")
	sfReason      = number("dropReason")
	sfInFormat    = number("inputFormat")
	sfOutFormat   = number("outputFormat")
	sfProtocol    = number("headerProtocol")
	sfStripped    = number("headerStripped")
	sfSrcVLAN     = number("srcVlan")
	sfSrcPriority = number("srcPriority")
	sfDstVLAN     = number("dstVlan")
	sfDstPriority = number("dstPriority")
	sfSrcPeerAS   = number("srcPeerAs")
	sfSrcUser     = text("srcUser")
	sfDstUser     = text("dstUser")
	sfURL         = text("url")
	sfHost        = text("urlHost")
	sfQueue       = number("egressQueue")
	sfFunction    = text("functionSymbol")
)

// sample reads one sample; false when its format is not known.
func (r *run) sample(format uint32, x *xdr) bool {
	rec := &r.record
	rec.Sequence = x.uint()
	wide := format == 3 || format == 4 || format == 5
	word := func(e *Element) { rec.unnumbered(e, x.word()) }
	switch format {
	case 1, 3, 2, 4, 5: // flow, counters, expanded or not, and discarded packets
		if wide {
			word(sfSourceType)
			word(sfSourceIndex)
		} else {
			w := x.word()
			if len(w) == 4 {
				rec.unnumbered(sfSourceType, w[:1])
				rec.unnumbered(sfSourceIndex, w[1:])
			}
		}
	default:
		x.bytes(len(x.b))
		return false
	}
	switch format {
	case 1, 3:
		rec.Kind = Traffic
		rate := x.word()
		rec.Sampling = beUint(rate)
		rec.add(34, rate)
		word(sfPool)
		word(sfDrops)
		rec.interfaces(x, wide)
	case 5:
		rec.Kind = Drops
		word(sfDrops)
		rec.add(10, x.word())
		rec.add(14, x.word())
		word(sfReason)
	default:
		rec.Kind = Counters
	}
	records := x.uint()
	for range records {
		if x.bad || len(x.b) == 0 {
			break
		}
		kind := x.uint()
		data := x.opaque()
		if x.bad {
			break
		}
		body := &xdr{b: data}
		known := false
		if rec.Kind == Counters {
			known = rec.counters(kind, body)
		} else {
			known = rec.flowData(kind, body)
		}
		if !known || body.bad {
			rec.Fields = append(rec.Fields, Field{Enterprise: kind >> 12, ID: uint16(kind & 0xfff), Bytes: data})
		}
	}
	return true
}

// interfaces reads where a packet came in and went out. The two upper bits of
// the short form say how the rest is meant: 0 is an interface.
func (r *Record) interfaces(x *xdr, wide bool) {
	for _, at := range []struct {
		id     uint16
		format *Element
	}{{10, sfInFormat}, {14, sfOutFormat}} {
		if wide {
			format := x.word()
			if beUint(format) != 0 {
				r.unnumbered(at.format, format)
			}
			r.add(at.id, x.word())
			continue
		}
		w := x.word()
		if len(w) == 4 && w[0]&0xc0 != 0 {
			r.unnumbered(at.format, []byte{w[0] >> 6})
			w = []byte{w[0] & 0x3f, w[1], w[2], w[3]}
		}
		r.add(at.id, w)
	}
}

// flowData reads one record of a flow sample or of discarded packets.
func (r *Record) flowData(kind uint32, x *xdr) bool {
	switch kind {
	case 1: // raw header
		protocol, length := x.word(), x.word()
		stripped := x.word()
		header := x.opaque()
		if x.bad {
			return false
		}
		r.unnumbered(sfProtocol, protocol)
		r.add(312, length)
		r.unnumbered(sfStripped, stripped)
		r.add(315, header)
		r.packetHeader(uint32(beUint(protocol)), header)
	case 2: // Ethernet
		length, from, to, kind := x.word(), x.bytes(8), x.bytes(8), x.word()
		if x.bad {
			return false
		}
		r.add(312, length)
		r.add(56, from[:6])
		r.add(80, to[:6])
		r.add(256, kind[2:])
	case 3, 4: // IPv4, IPv6
		n, src, dst := 4, uint16(8), uint16(12)
		if kind == 4 {
			n, src, dst = 16, 27, 28
		}
		b := x.bytes(8 + 2*n + 16)
		if x.bad {
			return false
		}
		r.add(224, b[0:4])
		r.add(4, b[7:8])
		r.add(src, b[8:8+n])
		r.add(dst, b[8+n:8+2*n])
		b = b[8+2*n:]
		r.add(7, b[2:4])
		r.add(11, b[6:8])
		r.add(6, b[11:12])
		r.add(5, b[15:16])
	case 1001: // switch
		b := x.bytes(16)
		if x.bad {
			return false
		}
		r.unnumbered(sfSrcVLAN, b[0:4])
		r.unnumbered(sfSrcPriority, b[4:8])
		r.unnumbered(sfDstVLAN, b[8:12])
		r.unnumbered(sfDstPriority, b[12:16])
	case 1002: // router
		hop, src, dst := x.address(), x.word(), x.word()
		if x.bad {
			return false
		}
		r.nextHop(hop, 15, 62)
		if len(hop) == 16 {
			r.add(29, src)
			r.add(30, dst)
		} else {
			r.add(9, src)
			r.add(13, dst)
		}
	case 1003: // gateway
		return r.gateway(x)
	case 1004: // user
		x.word()
		src := x.opaque()
		x.word()
		r.unnumbered(sfSrcUser, src)
		r.unnumbered(sfDstUser, x.opaque())
	case 1005: // URL
		x.word()
		r.unnumbered(sfURL, x.opaque())
		r.unnumbered(sfHost, x.opaque())
	case 1036:
		r.unnumbered(sfQueue, x.word())
	case 1038:
		r.unnumbered(sfFunction, x.opaque())
	default:
		return false
	}
	return !x.bad
}

func (r *Record) nextHop(b []byte, v4, v6 uint16) {
	switch len(b) {
	case 4:
		r.add(v4, b)
	case 16:
		r.add(v6, b)
	}
}

// gateway reads what BGP knows: next hop, origin and the path; the last of the
// path is where the packet goes.
func (r *Record) gateway(x *xdr) bool {
	hop := x.address()
	own, src, peer := x.word(), x.word(), x.word()
	var last []byte
	for range x.uint() {
		x.word() // set or sequence
		n := int(x.uint())
		if x.bad || n > len(x.b)/4 {
			return false
		}
		for range n {
			last = x.word()
		}
	}
	if x.bad {
		return false
	}
	r.nextHop(hop, 18, 63)
	if beUint(src) == 0 {
		src = own // from here
	}
	r.add(16, src)
	r.unnumbered(sfSrcPeerAS, peer)
	if last == nil {
		last = own // stays here
	}
	r.add(17, last)
	return true
}
