package packet

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind is the type of a field's values.
type Kind uint8

// The kinds.
const (
	Protocol Kind = iota // a layer; its value is its bytes
	Label                // a heading without a value
	Uint
	Int
	Bool
	Float
	Text
	Bytes
	IPv4
	IPv6
	Ether    // a MAC address
	Time     // nanoseconds since 1970
	Duration // nanoseconds
)

var kindNames = [...]string{
	"protocol", "label", "unsigned number", "signed number", "boolean", "fraction", "text", "bytes",
	"IPv4 address", "IPv6 address", "Ethernet address", "time", "duration",
}

// String is the kind in words.
func (k Kind) String() string { return kindNames[k] }

// Def is what is known about a field before any packet.
type Def struct {
	Name  string // as in filters
	Kind  Kind
	Label string // for people
	Hex   int    // digits when the number is shown in hexadecimal; 0: decimal
	Names map[uint64]string
	Of    []*Def // not empty: a name for any of these, which are what packets have
	index int
}

// Index is the place of the definition among all of this program, from 0. It is
// another one when fields are added to the program.
func (d *Def) Index() int { return d.index }

// named gives numbers their meaning in words.
func (d *Def) named(m map[uint64]string) *Def {
	d.Names = m
	return d
}

// defs is the registry of all fields. It is filled while the package starts and
// only read after.
var defs = map[string]*Def{}

func def(k Kind, name, label string) *Def {
	d := &Def{Name: name, Kind: k, Label: label, index: len(defs)}
	if defs[name] != nil {
		panic("packet: field " + name + " is defined twice")
	}
	defs[name] = d
	return d
}

func hexDef(digits int, name, label string) *Def {
	d := def(Uint, name, label)
	d.Hex = digits
	return d
}

// aliasDef makes a name for any of several fields of one kind.
func aliasDef(name, label string, of ...*Def) *Def {
	d := def(of[0].Kind, name, label)
	d.Of = of
	return d
}

// Is tells whether a packet's field d answers to this name.
func (d *Def) Is(field *Def) bool { return d == field || len(d.Of) > 0 && slices.Contains(d.Of, field) }

// Lookup finds a field by its name, or nil.
func Lookup(name string) *Def { return defs[name] }

// Defs lists all fields by name.
func Defs() []*Def {
	return slices.SortedFunc(maps.Values(defs), func(a, b *Def) int { return cmp.Compare(a.Name, b.Name) })
}

// Field is one field of one packet. Fields stand in a list in the order of the
// packet; a field of greater Depth belongs to the last one before it of a lower.
type Field struct {
	Def        *Def
	Depth      uint8
	Source     uint8 // index of Packet.Sources that Start and End count in
	Generated  bool  // computed, not in the packet
	Start, End int32
	num        uint64
	data       []byte
}

// Make makes a field with a value that was kept: num of numbers and times, data
// of the rest. Start and Source say where a layer begins in the sources.
func (d *Def) Make(num uint64, data []byte) Field { return Field{Def: d, num: num, data: data} }

// SetUint gives a computed number another value: what was known of the whole
// capture when only a part of it is taken apart again.
func (f *Field) SetUint(n uint64) { f.num = n }

// Uint is the number of an Uint or Bool field, and nanoseconds of times.
func (f *Field) Uint() uint64 { return f.num }

// Float is the value of a Float field, and seconds of a Duration.
func (f *Field) Float() float64 {
	if f.Def.Kind == Duration {
		return float64(int64(f.num)) / 1e9
	}
	return math.Float64frombits(f.num)
}

// Bytes is the value of a Bytes, Text, address or Protocol field.
func (f *Field) Bytes() []byte { return f.data }

// Addr is the value of an address field.
func (f *Field) Addr() netip.Addr {
	a, _ := netip.AddrFromSlice(f.data)
	return a
}

// Time is the value of a Time field.
func (f *Field) Time() time.Time { return time.Unix(0, int64(f.num)).UTC() }

// Value is the value as text, in the notation that filters take.
func (f *Field) Value() string {
	switch f.Def.Kind {
	case Uint:
		if f.Def.Hex > 0 {
			return fmt.Sprintf("0x%0*x", f.Def.Hex, f.num)
		}
		return strconv.FormatUint(f.num, 10)
	case Int:
		return strconv.FormatInt(int64(f.num), 10)
	case Bool:
		if f.num != 0 {
			return "1"
		}
		return "0"
	case Float:
		return strconv.FormatFloat(f.Float(), 'g', -1, 64)
	case Text:
		return strings.ToValidUTF8(strings.TrimRight(string(f.data), "\x00"), "\uFFFD")
	case Bytes:
		return hex.EncodeToString(f.data)
	case IPv4, IPv6:
		return f.Addr().String()
	case Ether:
		return macText(f.data)
	case Time:
		return f.Time().Format("2006-01-02T15:04:05.000000000Z")
	case Duration:
		return strconv.FormatFloat(f.Float(), 'f', 9, 64)
	case Protocol, Label:
	}
	return ""
}

// Meaning is the number in words, where it has any.
func (f *Field) Meaning() string { return f.Def.Names[f.num] }

func macText(b []byte) string {
	out := make([]byte, 0, 18)
	for i, c := range b {
		if i > 0 {
			out = append(out, ':')
		}
		out = hex.AppendEncode(out, []byte{c})
	}
	return string(out)
}
