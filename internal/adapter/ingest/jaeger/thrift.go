package jaeger

import (
	"encoding/binary"
	"errors"
	"math"
)

// The types of Thrift's binary protocol
// (thrift/doc/specs/thrift-binary-protocol.md).
const (
	typeStop   = 0
	typeBool   = 2
	typeByte   = 3
	typeDouble = 4
	typeI16    = 6
	typeI32    = 8
	typeI64    = 10
	typeString = 11
	typeStruct = 12
	typeMap    = 13
	typeSet    = 14
	typeList   = 15
)

var (
	errShort = errors.New("the message breaks off")
	errType  = errors.New("the message has a type that Thrift does not know")
	errDeep  = errors.New("values are nested too deeply in each other")
	errMany  = errors.New("the message has too many values")
)

const (
	maxDepth = 32
	// maxValues bounds what one message may hold, in all its lists.
	maxValues = 5_000_000
)

// reader reads a message. The first error sticks.
type reader struct {
	b     []byte
	err   error
	count int
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.b = nil
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.fail(errShort)
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) i16() int16 {
	if b := r.take(2); b != nil {
		return int16(binary.BigEndian.Uint16(b)) //nolint:gosec // the bits are meant
	}
	return 0
}

func (r *reader) i32() int32 {
	if b := r.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b)) //nolint:gosec // the bits are meant
	}
	return 0
}

func (r *reader) i64() int64 {
	if b := r.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b)) //nolint:gosec // the bits are meant
	}
	return 0
}

func (r *reader) double() float64 { return math.Float64frombits(uint64(r.i64())) }

func (r *reader) bytes() []byte { return r.take(int(r.i32())) }

func (r *reader) string() string { return string(r.bytes()) }

// fields reads a struct: each is called with the id and type of a field and reads
// it, or skips it.
func (r *reader) fields(each func(id int16, kind byte)) {
	for r.err == nil {
		kind := r.byte()
		if kind == typeStop || r.err != nil {
			return
		}
		each(r.i16(), kind)
	}
}

// list reads a list: each reads one element.
func (r *reader) list(want byte, each func()) {
	kind, n := r.byte(), int(r.i32())
	if r.err != nil {
		return
	}
	if r.count += max(n, 0); n < 0 || r.count > maxValues {
		r.fail(errMany)
		return
	}
	for range n {
		if r.err != nil {
			return
		}
		if kind == want {
			each()
		} else {
			r.skip(kind, 0)
		}
	}
}

// skip reads a value that nobody wants.
func (r *reader) skip(kind byte, depth int) {
	if depth > maxDepth {
		r.fail(errDeep)
	}
	if r.err != nil {
		return
	}
	switch kind {
	case typeBool, typeByte:
		r.take(1)
	case typeI16:
		r.take(2)
	case typeI32:
		r.take(4)
	case typeI64, typeDouble:
		r.take(8)
	case typeString:
		r.bytes()
	case typeStruct:
		r.fields(func(_ int16, k byte) { r.skip(k, depth+1) })
	case typeList, typeSet:
		k, n := r.byte(), int(r.i32())
		r.skipMany(n, depth, k)
	case typeMap:
		k, v, n := r.byte(), r.byte(), int(r.i32())
		r.skipMany(n, depth, k, v)
	default:
		r.fail(errType)
	}
}

func (r *reader) skipMany(n, depth int, kinds ...byte) {
	if r.count += max(n, 0); n < 0 || r.count > maxValues {
		r.fail(errMany)
	}
	for range n {
		for _, k := range kinds {
			r.skip(k, depth+1)
		}
		if r.err != nil {
			return
		}
	}
}
