package flow

import (
	"encoding/binary"
	"errors"

	"github.com/klauspost/compress/zstd"
)

// A bucket is kept as bytes: the sums of the rest, the number of entries, and each
// entry as length of the key, key and sums, all numbers as varints, packed with zstd.

var errBlob = errors.New("the bytes are no sums of traffic")

// maxBlob bounds what a damaged row can make of itself.
const maxBlob = 64 << 20

type packer struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

func newPacker() (*packer, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(maxBlob))
	return &packer{enc, dec}, err
}

func putSums(b []byte, s sums) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(binary.AppendUvarint(b, s.bytes), s.packets), s.flows)
}

func (p *packer) pack(in bucket) []byte {
	b := putSums(make([]byte, 0, 64+len(in.entries)*24), in.other)
	b = binary.AppendUvarint(b, uint64(len(in.entries)))
	for _, e := range in.entries {
		b = binary.AppendUvarint(b, uint64(len(e.key)))
		b = append(b, e.key...)
		b = putSums(b, e.sums)
	}
	return p.enc.EncodeAll(b, nil)
}

// unpack calls each with the entries and gives what they do not hold.
func (p *packer) unpack(packed []byte, each func(key []byte, s sums)) (other sums, err error) {
	b, err := p.dec.DecodeAll(packed, nil)
	if err != nil {
		return other, errBlob
	}
	ok := true
	num := func() uint64 {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			ok, b = false, nil
			return 0
		}
		b = b[size:]
		return n
	}
	three := func() sums { return sums{num(), num(), num()} }
	other = three()
	for n := num(); n > 0 && ok; n-- {
		size := num()
		if !ok || size > uint64(len(b)) {
			return other, errBlob
		}
		key := b[:size]
		b = b[size:]
		if s := three(); ok {
			each(key, s)
		}
	}
	if !ok {
		return other, errBlob
	}
	return other, nil
}
