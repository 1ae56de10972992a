package packet

import (
	"container/list"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/packet/capture"
)

var (
	fReassembled    = def(Bool, "ip.reassembled", "Put together from fragments")
	fReassembledLen = def(Uint, "ip.reassembled.length", "Length of the whole")
)

// fragKey names a datagram that comes in fragments.
type fragKey struct {
	src, dst netip.Addr
	id       uint32
	proto    uint8
}

type fragPart struct {
	at   int
	data []byte
}

type fragGroup struct {
	key   fragKey
	parts []fragPart
	total int // -1 until the last fragment came
	held  int
	began time.Time
	order *list.Element
}

// fragments collects the parts of datagrams. The oldest leaves first.
type fragments struct {
	limits Limits
	held   *budget
	groups map[fragKey]*fragGroup
	order  *list.List
}

func newFragments(l Limits, held *budget) *fragments {
	return &fragments{limits: l, held: held, groups: map[fragKey]*fragGroup{}, order: list.New()}
}

func (f *fragments) drop(g *fragGroup) {
	f.held.give(g.held)
	f.order.Remove(g.order)
	delete(f.groups, g.key)
}

// add takes one fragment and gives the whole datagram when it was the last one
// missing. Parts that overlap with others are not taken: they are an attack or
// a mistake (RFC 5722), the first one counts.
func (f *fragments) add(k fragKey, data []byte, at int, more bool, now time.Time) []byte {
	for e := f.order.Front(); e != nil; e = f.order.Front() {
		g := e.Value.(*fragGroup)
		if now.Sub(g.began) <= f.limits.FragmentTime && f.order.Len() < f.limits.Fragments {
			break
		}
		f.drop(g)
	}
	g := f.groups[k]
	if g == nil {
		g = &fragGroup{key: k, total: -1, began: now}
		g.order = f.order.PushBack(g)
		f.groups[k] = g
	}
	end := at + len(data)
	if end > 65_535 || len(g.parts) > 8192 || len(data) == 0 && more || g.total >= 0 && end > g.total {
		return nil
	}
	for _, p := range g.parts {
		if at < p.at+len(p.data) && p.at < end {
			return nil
		}
	}
	if !f.held.take(len(data)) {
		f.drop(g)
		return nil
	}
	g.held += len(data)
	g.parts = append(g.parts, fragPart{at, slices.Clone(data)})
	if !more {
		g.total = end
	}
	if g.total < 0 || g.held < g.total {
		return nil
	}
	out := make([]byte, g.total)
	for _, p := range g.parts {
		if p.at+len(p.data) > g.total {
			f.drop(g)
			return nil
		}
		copy(out[p.at:], p.data)
	}
	f.drop(g)
	return out
}

// fragmented takes a fragment, and goes on when the datagram is whole.
func (x *dissection) fragmented(k fragKey, v view, at int, more bool, proto uint8) {
	x.fragment = true
	whole := x.d.frags.add(k, v.b, at, more, x.Time)
	if whole == nil {
		x.Payload = v.len()
		x.PayloadNew = v.len()
		x.Info = fmt.Sprintf("Fragment of %s, offset %d", ipProtocols[uint64(proto)], at)
		x.raw(v)
		return
	}
	w := x.source("fragments put together", whole)
	x.gen(fReassembled, 1)
	x.gen(fReassembledLen, uint64(len(whole)))
	x.fragment, x.whole = false, true
	x.ipPayload(proto, w, false)
}

// Defragmenter finds the payloads of UDP in packets, also of those in fragments.
type Defragmenter struct {
	d *Dissector
	p Packet
}

// NewDefragmenter makes a Defragmenter with the default limits.
func NewDefragmenter() *Defragmenter { return &Defragmenter{d: NewDissector(Limits{})} }

// UDP gives the sender and the payload of a datagram that a packet completes.
// The payload is valid until the next call.
func (u *Defragmenter) UDP(c *capture.Packet) (src netip.Addr, payload []byte, ok bool) {
	u.d.Dissect(c, &u.p)
	for i := len(u.p.Fields) - 1; i >= 0; i-- {
		f := &u.p.Fields[i]
		if f.Def == fUDP && len(f.data) >= 8 {
			b := u.p.Sources[f.Source].Data[f.Start:]
			n := min(int(b[4])<<8|int(b[5]), len(b))
			if n < 8 {
				return src, nil, false
			}
			return u.p.Src, b[8:n], true
		}
	}
	return src, nil, false
}
