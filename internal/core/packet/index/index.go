package index

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/klauspost/compress/s2"

	"github.com/mainstay-ops/mainstay/internal/core/packet"
	"github.com/mainstay-ops/mainstay/internal/core/packet/session"
	"github.com/mainstay-ops/mainstay/internal/core/packet/stats"
)

const (
	blockPackets = 8192
	magic        = "MSPKIDX1"
	mostColumn   = 1 << 30
	mostFooter   = 1 << 30
	mostSessions = 200_000
)

// Columns that are no fields of the dissector.
const (
	colPlace    = "@place"
	colTime     = "@time"
	colLength   = "@length"
	colCaptured = "@captured"
	colTalk     = "@conversation"
	colLink     = "@link"
	colFlags    = "@flags"
	colSrc      = "@src"
	colDst      = "@dst"
	colProtocol = "@protocol"
	colInfo     = "@info"
	colFinding  = "@finding"
	colDetail   = "@detail"
)

// Flags of a packet.
const (
	flagServer = 1 << iota // sent by the server of its conversation
	flagFragment
	flagMalformed
)

var special = map[string]packet.Kind{
	colPlace: packet.Uint, colTime: packet.Uint, colLength: packet.Uint, colCaptured: packet.Uint, colTalk: packet.Uint, colLink: packet.Uint,
	colFlags: packet.Uint, colSrc: packet.Text, colDst: packet.Text, colProtocol: packet.Text, colInfo: packet.Text, colFinding: packet.Text,
	colDetail: packet.Text,
}

// part is a column of a block in the file.
type part struct {
	At   int64 `json:"a"`
	Size int64 `json:"s"`
}

// block is up to blockPackets packets.
type block struct {
	First int // number of the first packet less one
	Count int
	Parts map[string]part
}

// Totals are what is known of the whole capture.
type Totals struct {
	Packets   int              `json:"packets"`
	Bytes     int64            `json:"bytes"` // on the wire
	First     time.Time        `json:"first"`
	Last      time.Time        `json:"last"`
	Link      uint32           `json:"link"`  // of the first packet
	Links     int              `json:"links"` // different link types
	Note      string           `json:"note"`  // why reading ended early; empty when it did not
	Findings  []*stats.Finding `json:"findings"`
	Layers    []*stats.Layer   `json:"layers"`
	Objects   []Object         `json:"objects"`
	Uncounted uint64           `json:"uncounted"` // packets of sessions beyond the limit
}

// Object is something that was transferred and can be taken out.
type Object struct {
	Number       int    `json:"number"` // packet in which it became whole, or its head was read
	Conversation uint64 `json:"conversation"`
	Kind         string `json:"kind"`
	Name         string `json:"name"`
	Host         string `json:"host,omitempty"`
	MediaType    string `json:"media_type,omitempty"`
	Size         int64  `json:"size"`  // as transferred; -1 when it is not known
	Order        int    `json:"order"` // among the messages of its direction
	FromServer   bool   `json:"from_server"`
}

// Index answers questions about a capture. It may be used by several
// goroutines, also while a Builder adds to it.
type Index struct {
	file    *os.File
	capture io.ReaderAt

	mu       sync.RWMutex
	blocks   []block
	totals   Totals
	sessions []*session.Session
	build    *Builder // nil when it is complete
}

// footer is what stands at the end of an index file.
type footer struct {
	Blocks   []footBlock        `json:"blocks"`
	Names    []string           `json:"names"`
	Totals   Totals             `json:"totals"`
	Sessions []*session.Session `json:"sessions"`
}

type footBlock struct {
	First int     `json:"f"`
	Count int     `json:"c"`
	Parts []int64 `json:"p"` // triples: name, place, size
}

// Open reads an index that is complete. capture is the file it belongs to. The
// Index owns f from now on.
func Open(f *os.File, capture io.ReaderAt) (*Index, error) {
	x := &Index{file: f, capture: capture}
	if err := x.load(); err != nil {
		return nil, err
	}
	return x, nil
}

func (x *Index) load() error {
	st, err := x.file.Stat()
	if err != nil {
		return err
	}
	var tail [16]byte
	if st.Size() < int64(len(tail)) {
		return errDamaged
	}
	if _, err := x.file.ReadAt(tail[:], st.Size()-16); err != nil {
		return err
	}
	var n int64
	for _, c := range tail[:8] {
		n = n<<8 | int64(c)
	}
	if string(tail[8:]) != magic || n <= 0 || n > st.Size()-16 || n > mostFooter {
		return errDamaged
	}
	b := make([]byte, n)
	if _, err := x.file.ReadAt(b, st.Size()-16-n); err != nil {
		return err
	}
	if b, err = unpack(b); err != nil {
		return err
	}
	var ft footer
	if err := json.Unmarshal(b, &ft); err != nil {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	next := 0
	for _, fb := range ft.Blocks {
		bl := block{First: fb.First, Count: fb.Count, Parts: map[string]part{}}
		if bl.First != next || bl.Count <= 0 || bl.Count > blockPackets || len(fb.Parts)%3 != 0 {
			return errDamaged
		}
		next += bl.Count
		for i := 0; i < len(fb.Parts); i += 3 {
			name, p := fb.Parts[i], part{fb.Parts[i+1], fb.Parts[i+2]}
			if name < 0 || name >= int64(len(ft.Names)) || p.At < 0 || p.Size < 0 || p.At > st.Size()-p.Size {
				return errDamaged
			}
			bl.Parts[ft.Names[name]] = p
		}
		x.blocks = append(x.blocks, bl)
	}
	if next != ft.Totals.Packets {
		return errDamaged
	}
	x.totals, x.sessions = ft.Totals, ft.Sessions
	return nil
}

// unpack decompresses with a limit.
func unpack(b []byte) ([]byte, error) {
	n, err := s2.DecodedLen(b)
	// A few bytes may promise very many: no column of ours shrinks so much.
	if err != nil || n > mostColumn || n > 64<<10+4096*len(b) {
		return nil, errDamaged
	}
	out, err := s2.Decode(nil, b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return out, nil
}

// Close closes the index file. The capture stays open.
func (x *Index) Close() error { return x.file.Close() }

// Totals gives what is known so far.
func (x *Index) Totals() Totals {
	x.mu.RLock()
	b := x.build
	t := x.totals
	x.mu.RUnlock()
	if b != nil {
		return b.totals()
	}
	return t
}

// Sessions gives the sessions so far, in the order in which they began.
func (x *Index) Sessions() []*session.Session {
	x.mu.RLock()
	b, s := x.build, x.sessions
	x.mu.RUnlock()
	if b != nil {
		return b.sessionRows()
	}
	return s
}

// Len is how many packets can be asked for.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if len(x.blocks) == 0 {
		return 0
	}
	l := x.blocks[len(x.blocks)-1]
	return l.First + l.Count
}

func (x *Index) view() []block {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.blocks
}

// column opens a column of a block; one that is not there is empty.
func (x *Index) column(b block, name string) (*reader, error) {
	kind, ok := special[name]
	if !ok {
		d := packet.Lookup(name)
		if d == nil {
			return nil, errors.New("there is no field " + name)
		}
		kind = d.Kind
	}
	p, ok := b.Parts[name]
	if !ok {
		return newReader(nil, kind)
	}
	raw := make([]byte, p.Size)
	if _, err := x.file.ReadAt(raw, p.At); err != nil {
		return nil, fmt.Errorf("read the index: %w", err)
	}
	raw, err := unpack(raw)
	if err != nil {
		return nil, err
	}
	return newReader(raw, kind)
}

// numbers reads a column that every packet of a block has once.
func (x *Index) numbers(b block, name string) ([]uint64, error) {
	r, err := x.column(b, name)
	if err != nil {
		return nil, err
	}
	out := make([]uint64, b.Count)
	for i := range out {
		if !r.nextPacket(b.Count) || r.at != i {
			return nil, errDamaged
		}
		out[i] = r.next().num
	}
	if r.bad {
		return nil, errDamaged
	}
	return out, nil
}

// texts reads a column of text that every packet of a block has once.
func (x *Index) texts(b block, name string) ([]string, error) {
	r, err := x.column(b, name)
	if err != nil {
		return nil, err
	}
	out := make([]string, b.Count)
	for i := range out {
		if !r.nextPacket(b.Count) || r.at != i {
			return nil, errDamaged
		}
		out[i] = string(r.next().data)
	}
	if r.bad {
		return nil, errDamaged
	}
	return out, nil
}
