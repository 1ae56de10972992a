package logdb

import (
	"encoding/binary"
	"hash/maphash"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// Row is what is stored.
type Row struct {
	// At is its moment, to the nanosecond.
	At time.Time
	// Stream tells which stream it belongs to. There are few different streams and
	// many rows in each; what changes from row to row (an address of a caller, an id)
	// belongs into Fields. Queries find these as fields too.
	Stream []Field
	// Fields are everything else. The text of the row is the field Message. Fields
	// without a value are not stored.
	Fields []Field
}

// The limits of one row.
const (
	// MaxFields is the number of fields of a row besides those of its stream. Fields
	// above it are kept in the field More.
	MaxFields = 300
	// MaxNames is the number of different field names that one stream may have within
	// some minutes. Fields with further names are kept in the field More.
	MaxNames = 800
	// MaxName is the length of the name of a field in bytes. Fields with a longer name
	// are kept in the field More.
	MaxName = 128
	// MaxStream is the number of fields that make a stream; further ones are fields.
	MaxStream = 32
	// MaxRow is the length of all names and values of a row in bytes; a larger row is
	// dropped.
	MaxRow = 1 << 20
)

// check tells why a row cannot be stored; empty when it can.
func (r *Row) check(oldest, newest time.Time) string {
	switch {
	case r.At.Before(oldest):
		return "It is older than the retention."
	case r.At.After(newest):
		return "Its time is too far in the future."
	}
	size := 0
	for _, fs := range [2][]Field{r.Stream, r.Fields} {
		for i := range fs {
			size += len(fs[i].Name) + len(fs[i].Value)
		}
	}
	if size > MaxRow {
		return "It is larger than 1 MiB."
	}
	return ""
}

// hasher computes a number for a row that does not depend on the order of fields.
type hasher struct{ seed maphash.Seed }

func newHasher() hasher { return hasher{maphash.MakeSeed()} }

func (h hasher) row(r *Row) uint64 {
	sum := uint64(r.At.UnixNano()) * 0x9e3779b97f4a7c15
	for _, fs := range [2][]Field{r.Stream, r.Fields} {
		for i := range fs {
			sum += h.field(fs[i].Name, fs[i].Value)
		}
	}
	return sum
}

// found is the number for a row as a query gives it.
func (h hasher) found(at time.Time, fields []Field) uint64 {
	sum := uint64(at.UnixNano()) * 0x9e3779b97f4a7c15
	for i := range fields {
		switch fields[i].Name {
		case Time, Stream, StreamID:
		default:
			sum += h.field(fields[i].Name, fields[i].Value)
		}
	}
	return sum
}

func (h hasher) field(name, value string) uint64 {
	if value == "" {
		return 0
	}
	if name == "" {
		name = Message
	}
	return maphash.String(h.seed, name)*31 + maphash.String(h.seed, value)
}

// appendRow writes a row for the journal.
func appendRow(b []byte, r *Row) []byte {
	b = binary.AppendVarint(b, r.At.UnixNano())
	for _, fs := range [2][]Field{r.Stream, r.Fields} {
		b = binary.AppendUvarint(b, uint64(len(fs)))
		for i := range fs {
			b = appendText(appendText(b, fs[i].Name), fs[i].Value)
		}
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

var errJournal = errs.New(errs.Internal, "A part of the journal is damaged.")

// readRow reads what appendRow wrote.
func readRow(b string) (r Row, rest string, err error) {
	at, n := binary.Varint([]byte(b[:min(len(b), binary.MaxVarintLen64)]))
	if n <= 0 {
		return r, "", errJournal
	}
	b = b[n:]
	r.At = time.Unix(0, at).UTC()
	for _, into := range []*[]Field{&r.Stream, &r.Fields} {
		var count uint64
		if count, b, err = readCount(b); err != nil || count > 2*MaxFields {
			return r, "", errJournal
		}
		fs := make([]Field, count)
		for i := range fs {
			if fs[i].Name, b, err = readText(b); err != nil {
				return r, "", err
			}
			if fs[i].Value, b, err = readText(b); err != nil {
				return r, "", err
			}
		}
		*into = fs
	}
	return r, b, nil
}

func readCount(b string) (uint64, string, error) {
	v, n := binary.Uvarint([]byte(b[:min(len(b), binary.MaxVarintLen64)]))
	if n <= 0 {
		return 0, "", errJournal
	}
	return v, b[n:], nil
}

func readText(b string) (string, string, error) {
	n, b, err := readCount(b)
	if err != nil || n > uint64(len(b)) {
		return "", "", errJournal
	}
	return b[:n], b[n:], nil
}

// streamKey is the same for rows of one stream.
func streamKey(fs []Field) string {
	var b strings.Builder
	for i := range fs {
		b.WriteString(fs[i].Name)
		b.WriteByte(0)
		b.WriteString(fs[i].Value)
		b.WriteByte(0)
	}
	return b.String()
}
