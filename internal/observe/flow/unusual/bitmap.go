package unusual

import (
	"hash/maphash"
	"math"
	"math/bits"
	"net/netip"
)

// bitmap counts different things without remembering them. With 1024 bits the error is
// about 3 % for up to 1,000 things and grows to about 10 % at 5,000; it ends there.
type bitmap [16]uint64

const bitmapBits = 16 * 64

func (b *bitmap) add(hash uint64) { b[hash>>6%16] |= 1 << (hash & 63) }

// count estimates how many different things were added: -m ln(zeros/m).
func (b *bitmap) count() float64 {
	zeros := 0
	for _, w := range b {
		zeros += 64 - bits.OnesCount64(w)
	}
	if zeros == 0 {
		zeros = 1
	}
	return -bitmapBits * math.Log(float64(zeros)/bitmapBits)
}

type hasher struct{ seed maphash.Seed }

func (h hasher) addr(a netip.Addr) uint64 { return maphash.Comparable(h.seed, a) }
func (h hasher) port(p uint16) uint64     { return maphash.Comparable(h.seed, p) }
