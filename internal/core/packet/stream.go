package packet

import (
	"slices"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/packet/capture"
)

// inflow is what one direction of a TCP connection carries, in order.
type inflow struct {
	begun  bool
	next   uint32 // the next byte that is wanted
	wait   []byte // bytes that were wanted and not used yet: the begin of a message
	early  []early
	skip   uint64 // bytes of a long body that nobody reads
	lost   bool   // bytes are missing or were dropped; look for the begin of a message
	tries  int    // how often wait was read in vain
	need   int    // bytes of wait without which there is nothing to read; 0: not known
	frame  int    // that brought the last of wait
	heldBy int    // bytes taken from the budget
	closed bool
}

// early is a segment that came before the bytes before it.
type early struct {
	seq  uint32
	data []byte
}

func (s *inflow) forget(b *budget) {
	b.give(s.heldBy)
	*s = inflow{}
}

// follow puts the payload of a segment into its stream and lets the application
// protocol read what is now there in order.
func (x *dissection) follow(c *conversation, seg *Segment, v view, maybe bool) {
	s := &c.half[x.dir].stream
	seq := seg.Seq
	if seg.Flags&SYN != 0 {
		seq++
		if !s.begun {
			s.begun, s.next = true, seq
		}
	}
	if seg.Flags&RST != 0 || v.len() == 0 {
		if seg.Flags&FIN != 0 {
			x.finish(c)
		}
		return
	}
	if !maybe { // a keep-alive: its byte was there before
		return
	}
	if !s.begun {
		s.begun, s.next = true, seq
	}
	if d := int32(s.next - seq); d > 0 { // part of it was there before
		if int(d) >= v.len() {
			return
		}
		v = v.from(int(d))
		seq = s.next
	}
	if seq != s.next {
		x.keepEarly(c, s, seq, v)
		return
	}
	x.PayloadNew += v.len()
	s.next += uint32(v.len())
	x.deliver(c, s, v)
	x.drainEarly(c, s)
	if seg.Flags&FIN != 0 {
		x.finish(c)
	}
}

// keepEarly keeps a segment until those before it come. When too much waits, or
// the other side has acknowledged the gap, what is missing is given up.
func (x *dissection) keepEarly(c *conversation, s *inflow, seq uint32, v view) {
	peer := &c.half[1-x.dir]
	for i := 0; i < len(s.early) && v.len() > 0; i++ { // leave out what is there already
		e := s.early[i]
		from, to := int32(e.seq-seq), int32(e.seq-seq)+int32(len(e.data))
		switch {
		case to <= 0 || from >= int32(v.len()):
		case from <= 0:
			cut := min(int(to), v.len())
			v = v.from(cut)
			seq += uint32(cut)
		default:
			v = v.upTo(int(from))
		}
	}
	if v.len() == 0 {
		return
	}
	x.PayloadNew += v.len()
	given := peer.acked && !before(peer.ack, seq)
	if given || len(s.early) >= x.d.limits.Segments || !x.d.convs.held.take(v.len()) {
		x.jump(c, s, seq, v)
		return
	}
	s.heldBy += v.len()
	i, _ := slices.BinarySearchFunc(s.early, seq, func(e early, want uint32) int { return int(int32(e.seq - want)) })
	s.early = slices.Insert(s.early, i, early{seq, slices.Clone(v.b)})
}

// jump gives up the gap: reading goes on at seq, or at an earlier segment that waits.
func (x *dissection) jump(c *conversation, s *inflow, seq uint32, v view) {
	x.release(s, len(s.wait))
	s.wait, s.lost, s.skip = nil, true, 0
	if len(s.early) > 0 && before(s.early[0].seq, seq) {
		s.next = s.early[0].seq
		x.drainEarly(c, s)
		if d := int32(seq - s.next); d > 0 { // another gap
			s.lost = true
			for _, e := range s.early {
				x.release(s, len(e.data))
			}
			s.early = nil
		}
	}
	s.next = seq + uint32(v.len())
	x.deliver(c, s, v)
	x.drainEarly(c, s)
}

func (x *dissection) release(s *inflow, n int) {
	n = min(n, s.heldBy)
	s.heldBy -= n
	x.d.convs.held.give(n)
}

// drainEarly delivers segments that waited and are next now.
func (x *dissection) drainEarly(c *conversation, s *inflow) {
	for len(s.early) > 0 {
		e := s.early[0]
		d := int32(s.next - e.seq)
		if d < 0 {
			return
		}
		s.early = slices.Delete(s.early, 0, 1)
		x.release(s, len(e.data))
		x.PayloadNew -= min(int(d), len(e.data)) // it was counted when it came
		if int(d) >= len(e.data) {
			continue
		}
		data := e.data[d:]
		s.next += uint32(len(data))
		x.deliver(c, s, x.source("segments that came early", data))
	}
}

// deliver hands bytes in order to the application protocol.
func (x *dissection) deliver(c *conversation, s *inflow, v view) {
	if s.skip > 0 {
		n := int(min(s.skip, uint64(v.len())))
		s.skip -= uint64(n)
		x.app(c.appName())
		if v = v.from(n); v.len() == 0 {
			return
		}
	}
	if len(s.wait) > 0 {
		if len(s.wait)+v.len() > x.d.limits.StreamBytes || !x.d.convs.held.take(v.len()) {
			x.release(s, len(s.wait))
			s.wait, s.lost = nil, true
		} else {
			s.heldBy += v.len()
			s.wait, s.frame = append(s.wait, v.b...), x.Number
			if len(s.wait) < s.need {
				x.app(c.appName())
				return
			}
			v = x.source("segments put together", s.wait)
		}
	}
	waited := len(s.wait)
	x.need = 0
	used := x.application(c, s, v)
	if used == 0 && waited > 0 && s.skip == 0 { // still not whole
		x.Sources = x.Sources[:len(x.Sources)-1]
		s.expect(x.need, x.d.limits.StreamBytes)
		s.patience(c)
		return
	}
	rest := v.from(used)
	if s.skip > 0 {
		n := int(min(s.skip, uint64(rest.len())))
		s.skip -= uint64(n)
		rest = rest.from(n)
	}
	if waited > 0 {
		x.release(s, waited)
		s.wait = nil
	}
	if rest.len() == 0 {
		return
	}
	if rest.len() > x.d.limits.StreamBytes || !x.d.convs.held.take(rest.len()) {
		s.lost = true
		return
	}
	s.heldBy += rest.len()
	s.wait, s.frame, s.tries = slices.Clone(rest.b), x.Number, 0
	s.expect(x.need-used, x.d.limits.StreamBytes)
}

// expect makes room for a message of which the length is known.
func (s *inflow) expect(need, most int) {
	if s.need = need; need > len(s.wait) && need <= most {
		s.wait = slices.Grow(s.wait, need-len(s.wait))
		return
	}
	s.need = 0
}

// patience makes reading wait for more bytes when it was in vain many times:
// thousands of tiny segments must not be read from the begin each time.
func (s *inflow) patience(c *conversation) {
	const often = 64
	if s.tries++; s.need == 0 && s.tries > often && c.app != httpApp { // which goes on where it was
		s.need = len(s.wait) + len(s.wait)/8
	}
}

// finish tells the application protocol that a direction has ended: a message
// that reaches to the end of the connection is whole now.
func (x *dissection) finish(c *conversation) {
	s := &c.half[x.dir].stream
	if s.closed || len(s.wait) == 0 || c.app == nil || c.app.last == nil {
		s.closed = true
		return
	}
	s.closed = true
	v := x.source("segments put together", s.wait)
	x.release(s, len(s.wait))
	s.wait = nil
	x.layer(func(x *dissection, v view) { c.app.last(x, v) }, v)
}

func (c *conversation) appName() string {
	if c.app == nil {
		return ""
	}
	return c.app.name
}

// Rest reads what is left of messages that never became whole, after the last
// packet: a capture often ends in the middle of an answer. It calls each with a
// packet that has only these fields and the number of the frame that brought
// the last of them. Sources point into bytes that were put together.
func (d *Dissector) Rest(p *Packet, each func(*Packet)) {
	for e := d.convs.recent.Back(); e != nil; e = e.Prev() {
		c := e.Value.(*conversation)
		for dir := range c.half {
			s := &c.half[dir].stream
			if len(s.wait) == 0 || c.app == nil || c.app.last == nil {
				continue
			}
			p.reset(&capture.Packet{Number: s.frame, Time: time.Unix(0, c.last).UTC()})
			d.x = dissection{Packet: p, d: d, conv: c, dir: dir, now: c.last}
			p.talk, p.fromServer, p.stream = c.Conversation, dir == 1, c.stream
			d.x.Cut = true // it is no mistake that it ends early
			d.x.finish(c)
			each(p)
		}
	}
}
