package index

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/klauspost/compress/s2"

	"github.com/mainstay-ops/mainstay/internal/core/packet"
	"github.com/mainstay-ops/mainstay/internal/core/packet/capture"
	"github.com/mainstay-ops/mainstay/internal/core/packet/session"
	"github.com/mainstay-ops/mainstay/internal/core/packet/stats"
)

const mostObjects = 10_000

// Builder makes an index. Add and Seal belong to one goroutine.
type Builder struct {
	index *Index
	d     *packet.Dissector
	p     packet.Packet
	fixed map[string]*column
	cols  []*column // by Def.Index
	used  []*packet.Def
	first int
	count int
	at    int64
	names map[string]int64
	list  []string
	foot  []footBlock

	mu       sync.Mutex
	t        Totals
	findings *stats.Findings
	layers   stats.Hierarchy
	table    *session.Table
	links    map[capture.LinkType]bool
	order    map[[2]uint64]int
	// asked are requests of each conversation that wait for their answer, in order.
	asked map[uint64][]request
}

// NewBuilder writes an index to f, for a capture that can be read at any place.
func NewBuilder(f *os.File, from io.ReaderAt) *Builder {
	b := &Builder{
		d: packet.NewDissector(packet.Limits{}), fixed: map[string]*column{}, cols: make([]*column, len(packet.Defs())), names: map[string]int64{},
		findings: stats.NewFindings(100), table: session.NewTable(mostSessions), links: map[capture.LinkType]bool{}, order: map[[2]uint64]int{}, asked: map[uint64][]request{},
	}
	for name := range special {
		b.fixed[name] = &column{}
	}
	b.index = &Index{file: f, capture: from, build: b}
	return b
}

// Index gives the index that grows.
func (b *Builder) Index() *Index { return b.index }

// Add takes a packet apart and keeps what is found.
func (b *Builder) Add(c *capture.Packet) error {
	p := &b.p
	b.d.Dissect(c, p)
	i := b.count
	talk, server, _ := p.Conversation()
	flags := uint64(0)
	if server {
		flags |= flagServer
	}
	if p.Fragment() {
		flags |= flagFragment
	}
	if p.Malformed {
		flags |= flagMalformed
	}
	b.num(colPlace, i, uint64(c.At))
	b.num(colTime, i, uint64(c.Time.UnixNano()))
	b.num(colLength, i, uint64(c.Length))
	b.num(colCaptured, i, uint64(len(c.Data)))
	b.num(colTalk, i, talk.ID)
	b.num(colLink, i, uint64(c.Link)|uint64(c.Interface)<<32)
	b.num(colFlags, i, flags)
	src, dst := p.Ends()
	b.text(colSrc, i, src)
	b.text(colDst, i, dst)
	b.text(colProtocol, i, p.Protocol)
	b.text(colInfo, i, clip(p.Info, 300))
	for k := range p.Findings {
		b.text(colFinding, i, string(p.Findings[k].Kind))
		b.text(colDetail, i, clip(p.Findings[k].Detail, 300))
	}
	for k := range p.Fields {
		f := &p.Fields[k]
		n := f.Def.Index()
		col := b.cols[n]
		if col == nil {
			col = &column{}
			b.cols[n] = col
		}
		if !col.begun {
			b.used = append(b.used, f.Def)
		}
		col.add(i, f.Def.Kind, f)
	}
	b.total(c, talk.ID, server)
	if b.count++; b.count >= blockPackets {
		return b.Seal()
	}
	return nil
}

func clip(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "") + "…"
	}
	return s
}

func (b *Builder) num(name string, i int, n uint64) {
	c := b.fixed[name]
	c.mark(i)
	c.number(n)
}

func (b *Builder) text(name string, i int, s string) {
	c := b.fixed[name]
	c.mark(i)
	c.vals = appendText(c.vals, s)
}

func (b *Builder) total(c *capture.Packet, talk uint64, server bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := &b.t
	if t.Packets == 0 {
		t.First, t.Link = c.Time, uint32(c.Link)
	}
	if !b.links[c.Link] {
		b.links[c.Link] = true
	}
	t.Packets++
	t.Bytes += int64(c.Length)
	t.Last = c.Time
	if len(b.p.Findings) > 0 {
		b.findings.Add(&b.p)
	}
	b.layers.Add(&b.p)
	b.table.Add(&b.p)
	if b.p.Protocol == "http" && talk != 0 {
		b.objects(talk, server)
	}
}

// request is what an answer is named by.
type request struct{ name, host string }

// mostAsked bounds the conversations and the requests of one that are remembered.
const mostAsked = 10_000

// pair remembers what a request asked for, or names an answer by its request.
func (b *Builder) pair(o *Object, answer, interim bool) {
	waiting := b.asked[o.Conversation]
	switch {
	case !answer:
		if len(waiting) < mostAsked && (waiting != nil || len(b.asked) < mostAsked) {
			b.asked[o.Conversation] = append(waiting, request{o.Name, o.Host})
		}
	case len(waiting) > 0 && !interim:
		o.Name, o.Host = waiting[0].name, waiting[0].host
		b.asked[o.Conversation] = waiting[1:]
		if len(waiting) == 1 {
			delete(b.asked, o.Conversation)
		}
	}
}

// objects notes the messages of HTTP that carry something.
func (b *Builder) objects(talk uint64, server bool) {
	side := uint64(0)
	if server {
		side = 1
	}
	var o *Object
	var isAnswer, interim bool
	flush := func() {
		if o != nil {
			b.pair(o, isAnswer, interim)
		}
		if o != nil && o.Size != 0 && len(b.t.Objects) < mostObjects {
			b.t.Objects = append(b.t.Objects, *o)
		}
		o = nil
	}
	for i := range b.p.Fields {
		f := &b.p.Fields[i]
		switch f.Def.Name {
		case "http.request", "http.response":
			flush()
			isAnswer, interim = f.Def.Name == "http.response", false
			key := [2]uint64{talk, side}
			o = &Object{Number: b.p.Number, Conversation: talk, Kind: "http", Order: b.order[key], FromServer: server}
			if len(b.order) < 1_000_000 {
				b.order[key]++
			}
		case "http.request.uri":
			if o != nil {
				o.Name = clip(f.Value(), 500)
			}
		case "http.response.code":
			interim = strings.HasPrefix(f.Value(), "1")
		case "http.host":
			if o != nil {
				o.Host = clip(f.Value(), 253)
			}
		case "http.content_type":
			if o != nil {
				o.MediaType = clip(f.Value(), 200)
			}
		case "http.content_length_header":
			if o != nil {
				o.Size = decimal(f.Value())
			}
		case "http.transfer_encoding":
			if o != nil && strings.Contains(strings.ToLower(f.Value()), "chunked") {
				o.Size = -1
			}
		case "http.file_data":
			if o != nil && o.Size <= 0 {
				o.Size = int64(len(f.Bytes()))
			}
		}
	}
	flush()
}

func decimal(s string) int64 {
	n := int64(0)
	for _, c := range strings.TrimSpace(s) {
		if c < '0' || c > '9' || n > 1<<50 {
			return -1
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

func (b *Builder) totals() Totals {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.t
	t.Links = len(b.links)
	t.Findings = nil
	for _, f := range b.findings.List() {
		c := *f
		c.Examples = slices.Clone(f.Examples)
		t.Findings = append(t.Findings, &c)
	}
	t.Layers = cloneLayers(b.layers.Layers())
	t.Objects = slices.Clone(t.Objects)
	t.Uncounted = b.table.Dropped()
	return t
}

func cloneLayers(in []*stats.Layer) []*stats.Layer {
	out := make([]*stats.Layer, len(in))
	for i, l := range in {
		c := *l
		c.Above = cloneLayers(l.Above)
		out[i] = &c
	}
	return out
}

func (b *Builder) sessionRows() []*session.Session {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]*session.Session, 0, b.table.Len())
	for s := range b.table.All() {
		c := *s
		c.Protocols, c.SrcMACs, c.DstMACs, c.VLANs = slices.Clone(s.Protocols), slices.Clone(s.SrcMACs), slices.Clone(s.DstMACs), slices.Clone(s.VLANs)
		out = append(out, &c)
	}
	return out
}

// Seal writes the block that is open and makes it visible. Without packets it
// does nothing.
func (b *Builder) Seal() error {
	if b.count == 0 {
		return nil
	}
	bl := block{First: b.first, Count: b.count, Parts: map[string]part{}}
	fb := footBlock{First: b.first, Count: b.count}
	var buf []byte
	put := func(name string, c *column) {
		z := s2.Encode(nil, c.seal())
		p := part{b.at + int64(len(buf)), int64(len(z))}
		buf = append(buf, z...)
		bl.Parts[name] = p
		n, ok := b.names[name]
		if !ok {
			n = int64(len(b.list))
			b.names[name], b.list = n, append(b.list, name)
		}
		fb.Parts = append(fb.Parts, n, p.At, p.Size)
		c.reset()
	}
	for name, c := range b.fixed {
		if c.begun {
			put(name, c)
		}
	}
	for _, d := range b.used {
		put(d.Name, b.cols[d.Index()])
	}
	b.used = b.used[:0]
	if _, err := b.index.file.WriteAt(buf, b.at); err != nil {
		return err
	}
	b.at += int64(len(buf))
	b.foot = append(b.foot, fb)
	b.first += b.count
	b.count = 0
	b.index.mu.Lock()
	b.index.blocks = append(b.index.blocks, bl)
	b.index.mu.Unlock()
	return nil
}

// Finish seals and writes what belongs to the whole. note says why reading
// ended early; empty when it did not.
func (b *Builder) Finish(note string) error {
	if err := b.Seal(); err != nil {
		return err
	}
	b.mu.Lock()
	b.t.Note = note
	b.table.Flush()
	b.mu.Unlock()
	t, rows := b.totals(), b.sessionRows()
	text, err := json.Marshal(footer{Blocks: b.foot, Names: b.list, Totals: t, Sessions: rows})
	if err != nil {
		return err
	}
	z := s2.Encode(nil, text)
	n := len(z)
	for s := 56; s >= 0; s -= 8 {
		z = append(z, byte(n>>s))
	}
	z = append(z, magic...)
	if _, err := b.index.file.WriteAt(z, b.at); err != nil {
		return err
	}
	if err := b.index.file.Sync(); err != nil {
		return err
	}
	b.index.mu.Lock()
	b.index.totals, b.index.sessions, b.index.build = t, rows, nil
	b.index.mu.Unlock()
	return nil
}

// Build reads a whole capture. The note of the index says when the capture ends
// early; stop may end it, too, with an error.
func Build(f *os.File, from io.ReaderAt, size int64, stop func() error) (*Index, error) {
	b := NewBuilder(f, from)
	note, err := b.Fill(io.NewSectionReader(from, 0, size), stop, nil)
	if err != nil {
		return nil, err
	}
	return b.index, b.Finish(note)
}

// Fill adds the packets of a capture that is read from its begin. It gives a
// note when the capture ends early. stop is asked every 1,000 packets, idle
// before every packet for which the reader may have to wait; both may be nil.
func (b *Builder) Fill(r io.Reader, stop func() error, idle func() error) (note string, err error) {
	in, err := capture.NewReader(r)
	if err != nil {
		return err.Error(), nil
	}
	defer in.Close()
	for n := 0; ; n++ {
		if n%1000 == 0 && stop != nil {
			if err := stop(); err != nil {
				return "", err
			}
		}
		if idle != nil {
			if err := idle(); err != nil {
				return "", err
			}
		}
		c, err := in.Next()
		switch {
		case errors.Is(err, io.EOF):
			return "", nil
		case err != nil:
			return err.Error(), nil
		}
		if err := b.Add(c); err != nil {
			return "", err
		}
	}
}
