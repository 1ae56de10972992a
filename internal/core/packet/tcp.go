package packet

import (
	"fmt"
	"strings"
)

// Flags of TCP.
const (
	FIN = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
	ECE
	CWR
)

var (
	fTCP       = def(Protocol, "tcp", "Transmission control protocol")
	fTCPSrc    = def(Uint, "tcp.srcport", "Source port")
	fTCPDst    = def(Uint, "tcp.dstport", "Destination port")
	_          = aliasDef("tcp.port", "Source or destination port", fTCPSrc, fTCPDst)
	fTCPStream = def(Uint, "tcp.stream", "Stream")
	fTCPLen    = def(Uint, "tcp.len", "Payload length")
	fTCPSeq    = def(Uint, "tcp.seq", "Sequence, from 0")
	fTCPSeqRaw = def(Uint, "tcp.seq_raw", "Sequence")
	fTCPNext   = def(Uint, "tcp.nxtseq", "Next sequence")
	fTCPAck    = def(Uint, "tcp.ack", "Acknowledgment, from 0")
	fTCPAckRaw = def(Uint, "tcp.ack_raw", "Acknowledgment")
	fTCPHdrLen = def(Uint, "tcp.hdr_len", "Header length")
	fTCPFlags  = hexDef(4, "tcp.flags", "Flags")
	fTCPFlag   = [...]*Def{
		def(Bool, "tcp.flags.fin", "Fin"), def(Bool, "tcp.flags.syn", "Syn"), def(Bool, "tcp.flags.reset", "Reset"),
		def(Bool, "tcp.flags.push", "Push"), def(Bool, "tcp.flags.ack", "Acknowledgment"), def(Bool, "tcp.flags.urg", "Urgent"),
		def(Bool, "tcp.flags.ece", "ECN echo"), def(Bool, "tcp.flags.cwr", "Congestion window reduced"),
	}
	fTCPWindowRaw = def(Uint, "tcp.window_size_value", "Window as sent")
	fTCPWindow    = def(Uint, "tcp.window_size", "Window")
	fTCPScaleUsed = def(Int, "tcp.window_size_scalefactor", "Factor of the window; -1 not known, -2 none")
	fTCPSum       = hexDef(4, "tcp.checksum", "Checksum")
	fTCPUrgent    = def(Uint, "tcp.urgent_pointer", "Urgent pointer")
	fTCPOptions   = def(Bytes, "tcp.options", "Options")
	fTCPMSS       = def(Uint, "tcp.options.mss_val", "Largest segment")
	fTCPScale     = def(Uint, "tcp.options.wscale.shift", "Shift of the window")
	fTCPScaleMul  = def(Uint, "tcp.options.wscale.multiplier", "Factor of the window")
	fTCPSACKPerm  = def(Label, "tcp.options.sack_perm", "Selective acknowledgment permitted")
	fTCPSACKLeft  = def(Uint, "tcp.options.sack_le", "Left edge of what arrived")
	fTCPSACKRight = def(Uint, "tcp.options.sack_re", "Right edge of what arrived")
	fTCPTSVal     = def(Uint, "tcp.options.timestamp.tsval", "Time stamp")
	fTCPTSEcr     = def(Uint, "tcp.options.timestamp.tsecr", "Time stamp, echoed")
	fTCPPayload   = def(Bytes, "tcp.payload", "Payload")
)

var flagNames = [...]string{"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"}

func flagText(flags uint16) string {
	var out []string
	for i, n := range flagNames {
		if flags>>i&1 != 0 {
			out = append(out, n)
		}
	}
	return strings.Join(out, ", ")
}

func tcp(x *dissection, v view, cut bool) {
	i := x.head(fTCP, v, "tcp")
	x.SrcPort, x.DstPort = uint16(x.num(fTCPSrc, v, 0, 2)), uint16(x.num(fTCPDst, v, 2, 2))
	x.HasPorts = true
	if x.inErr > 0 { // only the ports are sure to be there
		x.num(fTCPSeqRaw, v, 4, 4)
		x.close(i)
		return
	}
	seq, ack := v.u32(4), v.u32(8)
	head := int(v.u8(12)>>4) * 4
	flags := v.u16(12) & 0x1ff
	if head < 20 {
		panic(errShort)
	}
	v.need(0, head)
	data := v.from(head)
	s := &x.tcp
	*s = Segment{Seq: seq, Ack: ack, Flags: flags, Window: v.u16(14), Data: data.b, Start: data.at}
	x.TCP = s
	c := x.joinTCP(s)
	s.Stream = c.stream
	x.gen(fTCPStream, uint64(c.stream))
	me, peer := &c.half[x.dir], &c.half[1-x.dir]
	if flags&SYN != 0 {
		me.base0(seq)
	} else {
		me.base0(seq - 1)
	}
	n := uint32(len(data.b))
	if cut && x.fullLength(v) > 0 {
		n = uint32(x.fullLength(v) - head)
	}
	x.gen(fTCPLen, uint64(n))
	x.val(fTCPSeq, v, 4, 4, uint64(me.relative(seq)))
	x.val(fTCPSeqRaw, v, 4, 4, uint64(seq))
	next := seq + n
	if flags&(SYN|FIN) != 0 {
		next++
	}
	x.gen(fTCPNext, uint64(me.relative(next)))
	relAck := uint32(0)
	if flags&ACK != 0 {
		peer.base0(ack - 1)
		relAck = peer.relative(ack)
	}
	x.val(fTCPAck, v, 8, 4, uint64(relAck))
	x.val(fTCPAckRaw, v, 8, 4, uint64(ack))
	x.val(fTCPHdrLen, v, 12, 1, uint64(head))
	x.val(fTCPFlags, v, 12, 2, uint64(flags))
	for b, d := range fTCPFlag {
		x.flag(d, v, 13, 1, flags>>b&1 != 0)
	}
	x.num(fTCPWindowRaw, v, 14, 2)
	scale := -1
	if flags&SYN == 0 {
		scale = c.scale(x.dir)
	}
	window := uint64(s.Window)
	if scale >= 0 {
		window <<= scale
	}
	x.val(fTCPWindow, v, 14, 2, window)
	if flags&SYN == 0 {
		factor := int64(scale)
		if scale >= 0 {
			factor = 1 << scale
		} else if scale == scaleNone {
			factor = -2
		}
		x.gen(fTCPScaleUsed, uint64(factor))
	}
	x.num(fTCPSum, v, 16, 2)
	x.num(fTCPUrgent, v, 18, 2)
	if head > 20 {
		x.tcpOptions(v.sub(20, head), me, flags)
	}
	x.Info = fmt.Sprintf("%d → %d [%s] Seq=%d Ack=%d Win=%d Len=%d", x.SrcPort, x.DstPort, flagText(flags), me.relative(seq), relAck, window, n)
	x.Payload = len(data.b)
	fresh := x.analyze(c, s, n, window)
	if n > 0 && len(data.b) > 0 {
		x.part(fTCPPayload, data, 0, len(data.b))
	}
	x.end(i, v, head)
	x.follow(c, s, data, fresh)
}

// fullLength is the length of the segment on the wire by the IP header; 0 when unknown.
func (x *dissection) fullLength(v view) int {
	for i := len(x.Fields) - 1; i >= 0; i-- {
		switch f := &x.Fields[i]; f.Def {
		case fIPLen:
			for j := i; j >= 0; j-- {
				if x.Fields[j].Def == fIPHdrLen {
					return int(f.num) - int(x.Fields[j].num)
				}
			}
		case fIP6Len:
			return int(f.num)
		}
	}
	return 0
}

// joinTCP finds the connection. A SYN with another number begins a new one.
func (x *dissection) joinTCP(s *Segment) *conversation {
	src, dst := x.ends()
	old := x.d.convs.byKey[keyOf(src, dst, x.IPProtocol)]
	fresh := false
	if old != nil && s.Flags&(SYN|ACK|RST) == SYN {
		dir := 0
		if src != old.Client {
			dir = 1
		}
		me := &old.half[dir]
		fresh = me.known && me.base != s.Seq
	}
	return x.join(fresh, s.Flags&(SYN|ACK) == SYN|ACK)
}

func (x *dissection) tcpOptions(v view, me *half, flags uint16) {
	x.part(fTCPOptions, v, 0, v.len())
	for at := 0; at < v.len(); {
		kind := v.u8(at)
		if kind == 0 {
			return
		}
		if kind == 1 {
			at++
			continue
		}
		n := int(v.u8(at + 1))
		if n < 2 || at+n > v.len() {
			return
		}
		o := v.sub(at, at+n)
		switch {
		case kind == 2 && n == 4:
			x.num(fTCPMSS, o, 2, 2)
		case kind == 3 && n == 3:
			shift := x.num(fTCPScale, o, 2, 1)
			x.val(fTCPScaleMul, o, 2, 1, 1<<min(shift, 14))
			if flags&SYN != 0 {
				me.scale, me.scaled = int(min(shift, 14)), true
			}
		case kind == 4:
			x.close(x.open(fTCPSACKPerm, o))
		case kind == 5:
			for k := 2; k+8 <= n; k += 8 {
				l, r := o.u32(k), o.u32(k+4)
				peer := &x.conv.half[1-x.dir]
				x.val(fTCPSACKLeft, o, k, 4, uint64(peer.relative(l)))
				x.val(fTCPSACKRight, o, k+4, 4, uint64(peer.relative(r)))
			}
		case kind == 8 && n == 10:
			x.num(fTCPTSVal, o, 2, 4)
			x.num(fTCPTSEcr, o, 6, 4)
		}
		at += n
	}
}

const scaleNone = -2

// scale is the shift of the windows of one side; -1 when the handshake was not
// seen, -2 when one side does not use it.
func (c *conversation) scale(dir int) int {
	a, b := &c.half[dir], &c.half[1-dir]
	switch {
	case a.scaled && (b.scaled || !b.syn):
		return a.scale
	case a.syn && !a.scaled, a.syn && b.syn:
		return scaleNone
	}
	return -1
}
