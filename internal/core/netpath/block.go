package netpath

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"
)

// A block holds the rounds of a short time, packed: the version, a table of addresses,
// then the rounds. All numbers are unsigned varints (encoding/binary).
//
//	block   = version, n, n * address, n, n * round
//	address = length (4 or 16), bytes
//	round   = ms since the start of the block, 1 when the target answered, end, n, n * hop
//	hop     = address in the table (0 is none) * 16 + code, and µs when it answered

const (
	blockVersion = 1
	// MaxRounds is how many rounds a block may have: those of a minute at MinEvery, and
	// some more.
	MaxRounds = 1000
	// maxSpan is how far a round may be from the start of its block.
	maxSpan = 24 * time.Hour
)

var errBlock = errors.New("a block of rounds is damaged")

// Pack packs rounds, in order; start is not after the first of them.
func Pack(start time.Time, rs []*Round) []byte {
	table := map[netip.Addr]uint64{}
	var addrs []netip.Addr
	index := func(h Hop) uint64 {
		if !h.Addr.IsValid() {
			return 0
		}
		i, ok := table[h.Addr]
		if !ok {
			addrs = append(addrs, h.Addr)
			i = uint64(len(addrs))
			table[h.Addr] = i
		}
		return i
	}
	var body []byte
	hop := func(h Hop) {
		body = binary.AppendUvarint(body, index(h)<<4|uint64(h.Code&15))
		if h.Answered() {
			body = binary.AppendUvarint(body, uint64(max(0, h.RTT.Round(time.Microsecond).Microseconds()))) //nolint:gosec // not negative
		}
	}
	for _, r := range rs {
		body = binary.AppendUvarint(body, uint64(max(0, r.At.Sub(start).Milliseconds()))) //nolint:gosec // not negative
		arrived := uint64(0)
		if r.Arrived {
			arrived = 1
		}
		body = binary.AppendUvarint(body, arrived)
		hop(r.End)
		body = binary.AppendUvarint(body, uint64(len(r.Hops)))
		for _, h := range r.Hops {
			hop(h)
		}
	}
	out := []byte{blockVersion}
	out = binary.AppendUvarint(out, uint64(len(addrs)))
	for _, a := range addrs {
		b := a.WithZone("").AsSlice()
		out = append(binary.AppendUvarint(out, uint64(len(b))), b...)
	}
	out = binary.AppendUvarint(out, uint64(len(rs)))
	return append(out, body...)
}

// reader takes a block apart; after a mistake everything is 0.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) num(limit uint64) uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > limit {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

// Unpack reads what Pack wrote. Blocks come from edges too, so nothing in them is
// believed.
func Unpack(start time.Time, b []byte) ([]*Round, error) {
	if len(b) == 0 || b[0] != blockVersion {
		return nil, errBlock
	}
	r := &reader{b: b[1:]}
	addrs := make([]netip.Addr, 1, 16)
	for range r.num(MaxRounds * MaxTTL) {
		n := int(r.num(16)) //nolint:gosec // at most 16
		if (n != 4 && n != 16) || len(r.b) < n {
			return nil, errBlock
		}
		a, _ := netip.AddrFromSlice(r.b[:n])
		addrs, r.b = append(addrs, a), r.b[n:]
	}
	n := r.num(MaxRounds)
	out := make([]*Round, 0, min(int(n), len(r.b))) //nolint:gosec // at most MaxRounds
	for range n {
		x := &Round{At: start.Add(time.Duration(r.num(uint64(maxSpan.Milliseconds()))) * time.Millisecond)} //nolint:gosec // bounded
		x.Arrived = r.num(1) == 1
		x.End = r.hop(addrs)
		hops := r.num(MaxTTL + 1)
		x.Hops = make([]Hop, 0, hops)
		for range hops {
			x.Hops = append(x.Hops, r.hop(addrs))
		}
		if r.bad {
			return nil, errBlock
		}
		out = append(out, x)
	}
	if r.bad || len(r.b) > 0 {
		return nil, errBlock
	}
	return out, nil
}

func (r *reader) hop(addrs []netip.Addr) (h Hop) {
	v := r.num(uint64(len(addrs))<<4 - 1)
	h.Addr, h.Code = addrs[v>>4], Code(v&15)
	if h.Code > NotSent {
		r.bad = true
	}
	if h.Answered() {
		h.RTT = time.Duration(r.num(uint64(time.Minute.Microseconds()))) * time.Microsecond //nolint:gosec // bounded
	}
	return h
}
