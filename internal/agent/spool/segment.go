package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// A segment begins with the magic and the boot. Then come records: length of the
// payload (4 bytes), checksum (4), sequence number (8), all big endian, and the payload.
// The checksum is CRC-32C over number and payload.
const (
	magic      = "MSAGENT1"
	bootLen    = 36
	headerSize = len(magic) + bootLen
	frameSize  = 16
	// MaxRecord bounds one payload.
	MaxRecord = 8 << 20
)

var (
	errDamaged = errors.New("the record is damaged")
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

func segmentHeader(boot string) []byte { return []byte(magic + boot) }

// parseHeader reads the boot of a segment.
func parseHeader(b []byte) (string, error) {
	if len(b) < headerSize || !bytes.HasPrefix(b, []byte(magic)) {
		return "", fmt.Errorf("not a segment: %w", errDamaged)
	}
	return string(b[len(magic):headerSize]), nil
}

func frame(seq int64, payload []byte) []byte {
	out := make([]byte, frameSize, frameSize+len(payload))
	binary.BigEndian.PutUint32(out, uint32(len(payload)))
	binary.BigEndian.PutUint64(out[8:], uint64(seq))
	out = append(out, payload...)
	binary.BigEndian.PutUint32(out[4:], crc32.Checksum(out[8:], castagnoli))
	return out
}

// readRecord reads the record at off and tells where the next begins. io.EOF is the
// regular end of the segment; errDamaged says that nothing after off can be trusted.
func readRecord(r io.ReaderAt, off int64) (seq int64, payload []byte, next int64, err error) {
	var head [frameSize]byte
	n, err := r.ReadAt(head[:], off)
	if n == 0 && errors.Is(err, io.EOF) {
		return 0, nil, off, io.EOF
	}
	if n < frameSize {
		if err == nil || errors.Is(err, io.EOF) {
			err = errDamaged
		}
		return 0, nil, off, err
	}
	size := binary.BigEndian.Uint32(head[:])
	seq = int64(binary.BigEndian.Uint64(head[8:]))
	if size > MaxRecord || seq < 1 {
		return 0, nil, off, errDamaged
	}
	// A damaged length must not cost memory for what is not in the file.
	var buf bytes.Buffer
	if _, err := io.Copy(&buf, io.NewSectionReader(r, off+frameSize, int64(size))); err != nil {
		return 0, nil, off, err
	}
	payload = buf.Bytes()
	sum := crc32.Update(crc32.Checksum(head[8:], castagnoli), castagnoli, payload)
	if len(payload) != int(size) || sum != binary.BigEndian.Uint32(head[4:]) {
		return 0, nil, off, errDamaged
	}
	return seq, payload, off + frameSize + int64(size), nil
}
