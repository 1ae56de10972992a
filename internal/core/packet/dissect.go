package packet

import (
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/packet/capture"
)

// Limits bound what a Dissector keeps between packets and does in one. Zero
// values mean the defaults.
type Limits struct {
	Conversations int           // 200,000; the one silent longest leaves first
	StreamBytes   int           // of one direction that wait for the rest of a message; 1 MiB
	AllBytes      int           // of all directions and fragments; 64 MiB
	Segments      int           // of one direction that came out of order; 256
	Fragments     int           // datagrams in fragments; 1,000
	FragmentTime  time.Duration // how long fragments wait for each other; 60 s
	Fields        int           // of one packet; 20,000
	Depth         int           // layers in layers; 32
}

func (l Limits) withDefaults() Limits {
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&l.Conversations, 200_000)
	def(&l.StreamBytes, 1<<20)
	def(&l.AllBytes, 64<<20)
	def(&l.Segments, 256)
	def(&l.Fragments, 1_000)
	def(&l.Fields, 20_000)
	def(&l.Depth, 32)
	if l.FragmentTime <= 0 {
		l.FragmentTime = time.Minute
	}
	return l
}

// Dissector takes packets apart, one after the other. It belongs to one goroutine.
type Dissector struct {
	limits      Limits
	first, last time.Time
	convs       *conversations
	frags       *fragments
	x           dissection
}

// NewDissector makes a Dissector.
func NewDissector(l Limits) *Dissector {
	l = l.withDefaults()
	held := &budget{max: l.AllBytes}
	d := &Dissector{limits: l, frags: newFragments(l, held)}
	d.convs = newConversations(l, held)
	return d
}

// budget is memory that all streams and fragments share.
type budget struct{ used, max int }

// take reserves n bytes, or tells that there is no room.
func (b *budget) take(n int) bool {
	if b.used+n > b.max {
		return false
	}
	b.used += n
	return true
}

func (b *budget) give(n int) { b.used -= n }

// Dissect takes one packet apart into p. It never fails: what cannot be read is
// marked in p and stays as bytes.
func (d *Dissector) Dissect(c *capture.Packet, p *Packet) {
	p.reset(c)
	x := &d.x
	*x = dissection{Packet: p, d: d, link: c.Link, now: c.Time.UnixNano()}
	if d.first.IsZero() {
		d.first, d.last = c.Time, c.Time
	}
	v := view{b: c.Data}
	i := x.open(fFrame, v)
	x.gen(fFrameNumber, uint64(c.Number))
	x.gen(fFrameTime, uint64(c.Time.UnixNano()))
	x.gen(fFrameEpoch, uint64(c.Time.UnixNano()))
	x.gen(fFrameDelta, uint64(c.Time.Sub(d.last)))
	x.gen(fFrameRelative, uint64(c.Time.Sub(d.first)))
	x.gen(fFrameLen, uint64(c.Length))
	x.gen(fFrameCapLen, uint64(len(c.Data)))
	x.gen(fFrameIface, uint64(c.Interface))
	if c.Comment != "" {
		x.genText(fFrameComment, c.Comment)
	}
	x.close(i)
	d.last = c.Time
	x.layer(linkDecoder(c.Link), v)
	if p.Protocol == "" {
		p.Protocol = "data"
	}
}

// dissection is the work on one packet.
type dissection struct {
	*Packet
	d     *Dissector
	link  capture.LinkType
	now   int64 // nanoseconds since 1970
	depth uint8 // of fields
	nest  int   // of layers
	conv  *conversation
	dir   int // of the packet in conv: 0 as the one who began it
	need  int // bytes that the message now read has, when it is not whole
	inErr int // headers quoted in ICMP errors: no state is touched
}

// decoder reads one layer.
type decoder func(x *dissection, v view)

// layer runs a decoder. When the bytes end too early, what was read stays and
// the packet is marked.
func (x *dissection) layer(f decoder, v view) {
	if f == nil || x.nest >= x.d.limits.Depth {
		x.raw(v)
		return
	}
	depth := x.depth
	x.nest++
	defer func() {
		x.nest--
		if e := recover(); e != nil {
			if _, ok := e.(shortRead); !ok {
				panic(e)
			}
			x.depth = depth
			what := fMalformed
			if x.Cut {
				what = fShort
			} else {
				x.Malformed = true
				x.find(Finding{Kind: FindMalformed})
			}
			x.close(x.open(what, view{at: v.at + len(v.b), src: v.src}))
		}
	}()
	f(x, v)
}

// raw adds bytes that no decoder reads.
func (x *dissection) raw(v view) {
	if v.len() == 0 {
		return
	}
	i := x.open(fData, v)
	x.add(Field{Def: fDataData, Start: int32(v.at), End: int32(v.at + v.len()), Source: v.src, data: v.b})
	x.gen(fDataLen, uint64(v.len()))
	x.close(i)
}

func (x *dissection) add(f Field) {
	if len(x.Fields) >= x.d.limits.Fields {
		panic(errShort)
	}
	f.Depth = x.depth
	x.Fields = append(x.Fields, f)
}

// open adds a layer or a heading over v; fields until close belong to it.
func (x *dissection) open(d *Def, v view) int {
	x.add(Field{Def: d, Start: int32(v.at), End: int32(v.at + len(v.b)), Source: v.src, data: v.b})
	x.depth++
	return len(x.Fields) - 1
}

func (x *dissection) close(i int) { x.depth = x.Fields[i].Depth }

// end closes a layer that ends at n bytes of v.
func (x *dissection) end(i int, v view, n int) {
	x.Fields[i].End = int32(v.at + min(max(n, 0), v.len()))
	x.Fields[i].data = v.upTo(n).b
	x.close(i)
}

// head opens a layer that belongs to the packet and names it.
func (x *dissection) head(d *Def, v view, name string) int {
	x.Protocol = name
	return x.open(d, v)
}

// gen adds a number that was computed.
func (x *dissection) gen(d *Def, n uint64) { x.add(Field{Def: d, Generated: true, num: n}) }

func (x *dissection) genText(d *Def, s string) {
	x.add(Field{Def: d, Generated: true, data: []byte(s)})
}

// num adds a big-endian number of n bytes at i, and gives it back.
func (x *dissection) num(d *Def, v view, i, n int) uint64 {
	k := v.num(i, n)
	x.val(d, v, i, n, k)
	return k
}

// le adds a little-endian number.
func (x *dissection) le(d *Def, v view, i, n int) uint64 {
	k := v.le(i, n)
	x.val(d, v, i, n, k)
	return k
}

// val adds a number that n bytes at i mean.
func (x *dissection) val(d *Def, v view, i, n int, k uint64) {
	v.need(i, n)
	x.add(Field{Def: d, Start: int32(v.at + i), End: int32(v.at + i + n), Source: v.src, num: k})
}

// flag adds one bit of a number.
func (x *dissection) flag(d *Def, v view, i, n int, set bool) {
	k := uint64(0)
	if set {
		k = 1
	}
	x.val(d, v, i, n, k)
}

// part adds n bytes at i: an address, a text or bytes.
func (x *dissection) part(d *Def, v view, i, n int) []byte {
	b := v.bytes(i, n)
	x.add(Field{Def: d, Start: int32(v.at + i), End: int32(v.at + i + n), Source: v.src, data: b})
	return b
}

// text adds a text that n bytes at i mean.
func (x *dissection) text(d *Def, v view, i, n int, s string) {
	v.need(i, n)
	x.add(Field{Def: d, Start: int32(v.at + i), End: int32(v.at + i + n), Source: v.src, data: []byte(s)})
}

// app notes an application protocol.
func (x *dissection) app(name string) {
	for _, a := range x.App {
		if a == name {
			return
		}
	}
	x.App = append(x.App, name)
}

// source adds bytes that are not in the frame, and gives a view of them.
func (x *dissection) source(name string, b []byte) view {
	if len(x.Sources) >= 200 {
		panic(errShort)
	}
	x.Sources = append(x.Sources, Source{name, b})
	return view{b: b, src: uint8(len(x.Sources) - 1)}
}
