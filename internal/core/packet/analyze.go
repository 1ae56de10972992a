package packet

import (
	"fmt"
	"time"
)

// half is one direction of a TCP connection.
type half struct {
	known  bool // base is known
	base   uint32
	syn    bool
	scaled bool
	scale  int

	// What was sent.
	sent     bool
	next     uint32 // behind the highest byte
	nextTime int64  // nanoseconds since 1970, as all times here: no pointer in thousands of these
	unacked  []sentAt

	// What was acknowledged by this side, and its window.
	acked   bool
	ack     uint32
	ackTime int64
	window  uint64
	dups    int

	stream inflow
}

type sentAt struct {
	end uint32
	at  int64
	num int32
}

func (h *half) base0(seq uint32) {
	if !h.known {
		h.known, h.base = true, seq
	}
}

// relative counts a sequence number from the first one that was seen.
func (h *half) relative(seq uint32) uint32 {
	if !h.known {
		return seq
	}
	return seq - h.base
}

func (h *half) forget(b *budget) { h.stream.forget(b) }

// before tells whether sequence a comes before b (RFC 9293, 3.4).
func before(a, b uint32) bool { return int32(a-b) < 0 }

var (
	fAnRetrans  = def(Label, "tcp.analysis.retransmission", "Retransmission")
	fAnFast     = def(Label, "tcp.analysis.fast_retransmission", "Fast retransmission")
	fAnSpurious = def(Label, "tcp.analysis.spurious_retransmission", "Spurious retransmission")
	fAnOrder    = def(Label, "tcp.analysis.out_of_order", "Out of order")
	fAnLost     = def(Label, "tcp.analysis.lost_segment", "A segment before this one is missing")
	fAnAckLost  = def(Label, "tcp.analysis.ack_lost_segment", "Acknowledges a segment that was not captured")
	fAnDup      = def(Label, "tcp.analysis.duplicate_ack", "Duplicate acknowledgment")
	fAnDupNum   = def(Uint, "tcp.analysis.duplicate_ack_num", "How often it was repeated")
	fAnZero     = def(Label, "tcp.analysis.zero_window", "Zero window")
	fAnProbe    = def(Label, "tcp.analysis.zero_window_probe", "Probe of a zero window")
	fAnFull     = def(Label, "tcp.analysis.window_full", "The window of the other side is full")
	fAnUpdate   = def(Label, "tcp.analysis.window_update", "Window update")
	fAnKeep     = def(Label, "tcp.analysis.keep_alive", "Keep-alive")
	fAnAckRTT   = def(Duration, "tcp.analysis.ack_rtt", "Time until the acknowledgment")
	fAnAcks     = def(Uint, "tcp.analysis.acks_frame", "Acknowledges frame")
	fAnRTT      = def(Duration, "tcp.analysis.initial_rtt", "Round trip of the handshake")
	fAnFlags    = def(Label, "tcp.analysis.flags", "Something is noteworthy")
)

func (x *dissection) mark(d *Def, k FindingKind, detail string) {
	x.gen(d, 0)
	if k != "" {
		x.find(Finding{Kind: k, Detail: detail})
	}
}

// analyze compares a segment with those before it. It tells whether the payload
// may be new. The rules are those that Wireshark documents in its user's guide,
// "TCP Analysis".
func (x *dissection) analyze(c *conversation, s *Segment, n uint32, window uint64) (fresh bool) {
	me, peer := &c.half[x.dir], &c.half[1-x.dir]
	first := !me.sent
	if s.Flags&SYN != 0 {
		me.syn = true
		x.handshake(c, s)
	}
	ctl := s.Flags & (SYN | FIN | RST)
	end := s.Seq + n
	if ctl&(SYN|FIN) != 0 {
		end++
	}
	fresh = true
	notes := len(x.Fields)
	switch {
	case first || ctl&RST != 0:
	case n <= 1 && ctl == 0 && s.Seq == me.next-1 && s.Flags&ACK != 0 && me.sent:
		x.mark(fAnKeep, "", "")
		fresh = false
	case before(me.next, s.Seq):
		x.mark(fAnLost, FindLost, fmt.Sprintf("%d bytes before this segment are missing", s.Seq-me.next))
	case before(s.Seq, me.next) && (n > 0 || ctl != 0):
		fresh = x.again(c, s, n, end)
	}
	if window == 0 && ctl == 0 {
		x.mark(fAnZero, FindZeroWindow, "")
	}
	if n == 1 && me.sent && s.Seq == me.next && peer.acked && peer.window == 0 {
		x.mark(fAnProbe, "", "")
	}
	if n > 0 && peer.acked && ctl == 0 && peer.window > 0 && c.scale(1-x.dir) != -1 && end == peer.ack+uint32(peer.window) {
		x.mark(fAnFull, FindWindowFull, "")
	}
	if s.Flags&ACK != 0 {
		x.acknowledge(c, s, n, window)
	}
	if c.rtt > 0 && s.Flags&SYN == 0 {
		x.gen(fAnRTT, uint64(c.rtt))
	}
	for _, f := range x.Fields[notes:] {
		if f.Def.Kind == Label && f.Def != fAnFlags {
			x.gen(fAnFlags, 0)
			break
		}
	}
	if ctl&RST != 0 {
		x.resetNote(c, s)
	}
	if n > 0 || ctl&(SYN|FIN) != 0 {
		if !me.sent || before(me.next, end) {
			me.next, me.nextTime, me.sent = end, x.now, true
		}
		if len(me.unacked) < 256 {
			me.unacked = append(me.unacked, sentAt{end, x.now, int32(x.Number)})
		}
	} else if !me.sent || before(me.next, end) && ctl&RST == 0 {
		me.next, me.nextTime, me.sent = end, x.now, true
	}
	return fresh
}

// again judges a segment that begins before the highest byte that was sent.
func (x *dissection) again(c *conversation, s *Segment, n, end uint32) (fresh bool) {
	me, peer := &c.half[x.dir], &c.half[1-x.dir]
	acked := peer.acked && !before(peer.ack, end)
	switch {
	case n > 0 && acked:
		x.mark(fAnSpurious, FindSpurious, "")
		x.gen(fAnRetrans, 0)
	case peer.dups >= 2 && peer.ack == s.Seq && x.since(peer.ackTime) < 20*time.Millisecond:
		x.mark(fAnFast, FindFastRetransmission, "")
		x.gen(fAnRetrans, 0)
	case (n > 0 || s.Flags&SYN != 0) && me.next != end && x.since(me.nextTime) < c.orderLimit():
		x.mark(fAnOrder, FindOutOfOrder, "")
	default:
		x.mark(fAnRetrans, FindRetransmission, "")
	}
	return true
}

// orderLimit is how late a segment may come and still count as reordered: the
// round trip of the handshake, or 3 ms where it is not known.
func (c *conversation) orderLimit() time.Duration {
	if c.rtt > 0 {
		return c.rtt
	}
	return 3 * time.Millisecond
}

func (x *dissection) handshake(c *conversation, s *Segment) {
	if s.Flags&ACK == 0 {
		if c.synTime == 0 {
			c.synTime, c.synDir = x.now, x.dir
		}
	} else if c.synAckTime == 0 {
		c.synAckTime = x.now
	}
}

// acknowledge reads the ACK of a segment.
func (x *dissection) acknowledge(c *conversation, s *Segment, n uint32, window uint64) {
	me, peer := &c.half[x.dir], &c.half[1-x.dir]
	ctl := s.Flags & (SYN | FIN | RST)
	if peer.sent && before(peer.next, s.Ack) && ctl&RST == 0 {
		x.mark(fAnAckLost, FindAckLost, "")
		peer.next, peer.nextTime = s.Ack, x.now
	}
	if n == 0 && ctl == 0 && me.acked && me.sent && s.Seq == me.next && s.Ack == me.ack {
		switch {
		case window != me.window:
			if window > 0 {
				x.mark(fAnUpdate, "", "")
			}
		default:
			me.dups++
			x.gen(fAnDupNum, uint64(me.dups))
			x.mark(fAnDup, FindDuplicateAck, fmt.Sprintf("number %d", me.dups))
		}
	} else if !me.acked || s.Ack != me.ack {
		me.dups = 0
	}
	if c.synAckTime != 0 && c.synTime != 0 && c.rtt == 0 && x.dir == c.synDir && s.Flags&SYN == 0 {
		c.rtt = x.since(c.synTime)
	}
	x.ackTimes(peer, s.Ack)
	if !me.acked || before(me.ack, s.Ack) {
		me.ack = s.Ack
	}
	me.acked, me.window, me.ackTime = true, window, x.now
}

// ackTimes finds which segment an acknowledgment is for.
func (x *dissection) ackTimes(peer *half, ack uint32) {
	keep, found := peer.unacked[:0], false
	for _, u := range peer.unacked {
		if u.end == ack && !found {
			found = true
			x.gen(fAnAcks, uint64(u.num))
			x.gen(fAnAckRTT, uint64(x.since(u.at)))
		}
		if before(ack, u.end) {
			keep = append(keep, u)
		}
	}
	peer.unacked = keep
	if len(keep) == 0 && cap(keep) > 4 {
		peer.unacked = nil
	}
}

// since is how long ago a time was.
func (x *dissection) since(at int64) time.Duration { return time.Duration(x.now - at) }

func (x *dissection) resetNote(c *conversation, s *Segment) {
	if c.reset {
		return
	}
	c.reset = true
	peer := &c.half[1-x.dir]
	detail := "after the connection was established"
	if peer.syn && s.Flags&ACK != 0 && c.half[x.dir].next == 0 && !c.half[x.dir].sent {
		detail = "in answer to the attempt to connect: nothing listens there, or a firewall refuses"
	}
	x.find(Finding{Kind: FindReset, Detail: detail})
}
