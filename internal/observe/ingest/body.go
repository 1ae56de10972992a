package ingest

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/golang/snappy"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

const (
	// maxPacked is the largest body as it comes over the wire.
	maxPacked = 32 << 20
	// maxHeld is how much of bodies is in memory at once, for all senders.
	maxHeld = 512 << 20
	// keepBuffer is the largest buffer that is used again.
	keepBuffer = 8 << 20
)

var (
	errPacked = errs.New(errs.TooLarge, "The body is larger than %d MiB. Send smaller batches.", maxPacked>>20)
	errPlain  = errs.New(errs.TooLarge, "The body is larger than %d MiB when it is decompressed. Send smaller batches.", signal.MaxBody>>20)
	errHeld   = errs.New(errs.TooMany, "Too much is being received at this moment. Try again in a few seconds.")
)

// intake reads bodies and knows how much of them is held.
type intake struct {
	held    atomic.Int64
	buffers sync.Pool
	zstds   sync.Pool
}

// body is a decompressed body in memory.
type body struct {
	*bytes.Reader
	buf *bytes.Buffer
	in  *intake
	// packed is its size as it came.
	packed  int
	charged int64
}

// Plain gives the bytes, for signal.Body.
func (b *body) Plain() []byte { return b.buf.Bytes() }

// Close implements io.Closer; the bytes are given back by release.
func (b *body) Close() error { return nil }

func (b *body) release() {
	b.in.held.Add(-b.charged)
	if b.buf.Cap() <= keepBuffer {
		b.in.buffers.Put(b.buf)
	}
}

// charge lets n more bytes be held.
func (b *body) charge(n int64) error {
	if b.in.held.Add(n) > maxHeld {
		b.in.held.Add(-n)
		return errHeld
	}
	b.charged += n
	return nil
}

// counted counts what is read and refuses more than maxPacked.
type counted struct {
	r io.Reader
	n int
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if c.n += n; c.n > maxPacked {
		return 0, errPacked
	}
	return n, err
}

// read reads and decompresses the body of a request. The caller releases it. The
// errors are errs.TooLarge, errs.TooMany and errs.Invalid.
func (in *intake) read(r *http.Request) (*body, error) {
	buf, _ := in.buffers.Get().(*bytes.Buffer)
	if buf == nil {
		buf = &bytes.Buffer{}
	}
	buf.Reset()
	b := &body{buf: buf, in: in}
	if err := b.fill(r); err != nil {
		b.release()
		return nil, err
	}
	b.Reader = bytes.NewReader(buf.Bytes())
	return b, nil
}

func (b *body) fill(r *http.Request) error {
	if r.ContentLength > maxPacked {
		return errPacked
	}
	wire := &counted{r: r.Body}
	encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding")))
	err := b.decode(encoding, wire)
	b.packed = wire.n
	var known *errs.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	if encoding == "" || encoding == "identity" {
		return errs.Wrap(errs.Invalid, err, "The body of the request broke off.")
	}
	return errs.Wrap(errs.Invalid, err, "The body is not valid %s.", encoding)
}

func (b *body) decode(encoding string, wire io.Reader) error {
	switch encoding {
	case "", "identity":
		return b.copy(wire)
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(wire)
		if err != nil {
			return err
		}
		return b.copy(z)
	case "deflate":
		return b.deflate(wire)
	case "zstd":
		z, _ := b.in.zstds.Get().(*zstd.Decoder)
		var err error
		if z == nil {
			// One goroutine: batches are small, and there are many of them.
			z, err = zstd.NewReader(wire, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(signal.MaxBody), zstd.WithDecoderLowmem(true))
		} else {
			err = z.Reset(wire)
		}
		if err != nil {
			return err
		}
		err = b.copy(z)
		if z.Reset(nil) == nil {
			b.in.zstds.Put(z)
		}
		return err
	case "snappy", "x-snappy-framed":
		return b.snappy(wire)
	}
	return errs.New(errs.Invalid, "The content encoding %q is not known. Use gzip, zstd, snappy or deflate.", cut(encoding, 50))
}

// deflate reads zlib, which the standard means, and the bare stream, which some send.
func (b *body) deflate(wire io.Reader) error {
	head := make([]byte, 2)
	n, err := io.ReadFull(wire, head)
	if err != nil && n == 0 {
		return err
	}
	rest := io.MultiReader(bytes.NewReader(head[:n]), wire)
	if n == 2 && head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
		z, err := zlib.NewReader(rest)
		if err != nil {
			return err
		}
		return b.copy(z)
	}
	return b.copy(flate.NewReader(rest))
}

// framed is how the stream format of snappy begins; without it, it is one block.
var framed = []byte("\xff\x06\x00\x00sNaPpY")

func (b *body) snappy(wire io.Reader) error {
	packed, _ := b.in.buffers.Get().(*bytes.Buffer)
	if packed == nil {
		packed = &bytes.Buffer{}
	}
	packed.Reset()
	defer func() {
		if packed.Cap() <= keepBuffer {
			b.in.buffers.Put(packed)
		}
	}()
	if _, err := packed.ReadFrom(wire); err != nil {
		return err
	}
	if bytes.HasPrefix(packed.Bytes(), framed) {
		return b.copy(snappy.NewReader(packed))
	}
	n, err := snappy.DecodedLen(packed.Bytes())
	if err != nil {
		return err
	}
	if n > signal.MaxBody {
		return errPlain
	}
	if err := b.charge(int64(n)); err != nil {
		return err
	}
	b.buf.Grow(n)
	out, err := snappy.Decode(b.buf.AvailableBuffer()[:n], packed.Bytes())
	if err != nil {
		return err
	}
	_, err = b.buf.Write(out)
	return err
}

// copy fills the buffer from a stream, up to the limits.
func (b *body) copy(r io.Reader) error {
	const step = 64 << 10
	for {
		b.buf.Grow(step)
		free := b.buf.AvailableBuffer()
		n, err := r.Read(free[:cap(free)])
		if n > 0 {
			if b.buf.Len()+n > signal.MaxBody {
				return errPlain
			}
			if err := b.charge(int64(n)); err != nil {
				return err
			}
			b.buf.Write(free[:n])
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
