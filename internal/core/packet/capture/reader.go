package capture

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"
)

// LinkType says what a packet begins with: numbers of the LINKTYPE_ registry of tcpdump.org.
type LinkType uint32

// Link types that the decoder knows.
const (
	Null      LinkType = 0 // BSD loopback: address family in the byte order of the machine
	Ethernet  LinkType = 1
	PPP       LinkType = 9
	Raw       LinkType = 101 // IPv4 or IPv6 by the first four bits
	Loop      LinkType = 108 // as Null, in network order
	LinuxSLL  LinkType = 113
	IPv4      LinkType = 228
	IPv6      LinkType = 229
	LinuxSLL2 LinkType = 276
)

// Packet is one record of a file.
type Packet struct {
	Number    int // from 1
	Time      time.Time
	Data      []byte // as captured; valid until the next call of Next
	Length    int    // on the wire; more than len(Data) when the packet was cut
	Link      LinkType
	Interface int   // of pcapng; 0 else
	Offset    int64 // of the record in the file, after decompression
	At        int64 // of Data in the file, after decompression
	Comment   string
}

// Limits of what a file may say about itself.
const (
	maxPacket     = 1 << 20
	maxBlock      = 16 << 20
	maxInterfaces = 10_000
)

// ErrFormat says that a file is no capture.
var ErrFormat = errors.New("the file is neither pcap nor pcapng, nor one of them compressed with gzip or zstd")

// ErrCut says that a file ends inside a record, as one does that is still written.
var ErrCut = errors.New("the file ends inside a record")

// Reader reads packets one after the other.
type Reader struct {
	in     *bufio.Reader
	order  binary.ByteOrder
	offset int64
	number int
	buf    []byte
	next   func() (*Packet, error)
	packet Packet
	closer func()

	link       LinkType // of pcap
	nanosecond bool
	extra      int // bytes behind the header of a record that some programs add
	interfaces []iface
}

// Is tells whether the first bytes of a file look like a capture or a compressed file.
func Is(head []byte) bool {
	if len(head) < 4 {
		return false
	}
	_, _, _, ok := magic(head)
	return ok || bytes.HasPrefix(head, blockMagic) || bytes.HasPrefix(head, gzipMagic) || bytes.HasPrefix(head, zstdMagic)
}

var (
	gzipMagic  = []byte{0x1f, 0x8b}
	zstdMagic  = []byte{0x28, 0xb5, 0x2f, 0xfd}
	blockMagic = []byte{0x0a, 0x0d, 0x0d, 0x0a}
)

// magic reads the first word of a pcap file.
func magic(b []byte) (order binary.ByteOrder, nano, patched, ok bool) {
	for _, o := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		switch o.Uint32(b) {
		case 0xa1b2c3d4:
			return o, false, false, true
		case 0xa1b23c4d:
			return o, true, false, true
		case 0xa1b2cd34:
			return o, false, true, true
		}
	}
	return nil, false, false, false
}

// NewReader looks at the first bytes and reads what they say. Close it when done.
func NewReader(r io.Reader) (*Reader, error) {
	in := bufio.NewReaderSize(r, 256<<10)
	out := &Reader{in: in, closer: func() {}}
	head, err := in.Peek(4)
	if err != nil {
		return nil, ErrFormat
	}
	switch {
	case bytes.HasPrefix(head, gzipMagic):
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("the file is not readable as gzip: %w", err)
		}
		out.in = bufio.NewReaderSize(z, 256<<10)
	case bytes.HasPrefix(head, zstdMagic):
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(64<<20))
		if err != nil {
			return nil, fmt.Errorf("the file is not readable as zstd: %w", err)
		}
		out.in, out.closer = bufio.NewReaderSize(z, 256<<10), z.Close
	}
	if head, err = out.in.Peek(4); err != nil {
		out.closer()
		return nil, ErrFormat
	}
	if bytes.HasPrefix(head, blockMagic) {
		out.next = out.nextBlock
		return out, nil
	}
	if err := out.pcapHeader(head); err != nil {
		out.closer()
		return nil, err
	}
	out.next = out.nextRecord
	return out, nil
}

// Close frees what decompression holds. It does not close the reader below.
func (r *Reader) Close() { r.closer() }

// Next gives the next packet; io.EOF after the last, ErrCut when the file ends
// inside one. The packet is valid until the next call.
func (r *Reader) Next() (*Packet, error) { return r.next() }

func (r *Reader) pcapHeader(head []byte) error {
	order, nano, patched, ok := magic(head)
	if !ok {
		return ErrFormat
	}
	b, err := r.read(24)
	if err != nil {
		return ErrCut
	}
	r.order, r.nanosecond = order, nano
	r.link = LinkType(order.Uint32(b[20:]) & 0x03ffffff) // the rest tells of check sums of frames
	if patched {
		r.extra = 8
	}
	return nil
}

// read gives the next n bytes; they are valid until the next call.
func (r *Reader) read(n int) ([]byte, error) {
	if cap(r.buf) < n {
		r.buf = make([]byte, max(n, 4096))
	}
	b := r.buf[:n]
	got, err := io.ReadFull(r.in, b)
	r.offset += int64(got)
	if err != nil {
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, ErrCut
		}
		return nil, fmt.Errorf("read the capture: %w", err)
	}
	return b, nil
}

func (r *Reader) nextRecord() (*Packet, error) {
	p := &r.packet
	*p = Packet{Offset: r.offset, Link: r.link}
	b, err := r.read(16 + r.extra)
	if err != nil {
		return nil, err
	}
	sec, frac, n, wire := r.order.Uint32(b), r.order.Uint32(b[4:]), r.order.Uint32(b[8:]), r.order.Uint32(b[12:])
	if n > maxPacket {
		return nil, fmt.Errorf("packet %d says that it has %d bytes, more than %d; the file is damaged", r.number+1, n, maxPacket)
	}
	if !r.nanosecond {
		frac *= 1000
	}
	p.Time = time.Unix(int64(sec), int64(frac)).UTC()
	p.At = r.offset
	if p.Data, err = r.read(int(n)); err != nil {
		return nil, ErrCut
	}
	r.number++
	p.Number, p.Length = r.number, int(wire)
	if p.Length < len(p.Data) {
		p.Length = len(p.Data)
	}
	return p, nil
}
