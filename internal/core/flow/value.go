package flow

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"net"
	"net/netip"
	"strings"
	"time"
)

// Field is one value of a record: the number and bytes that the exporter sent.
type Field struct {
	Element    *Element // nil: the number has no known meaning
	Enterprise uint32
	ID         uint16
	Scope      bool   // of options data: what the record is about
	Bytes      []byte // shared with the datagram
}

// Name is the element's name, or "enterprise.number".
func (f *Field) Name() string { return fieldName(f.Element, f.Enterprise, f.ID, f.Scope) }

// Uint reads an unsigned number of up to eight bytes; longer ones give their last eight.
func (f *Field) Uint() uint64 { return beUint(f.Bytes) }

func beUint(b []byte) uint64 {
	switch len(b) {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.BigEndian.Uint16(b))
	case 4:
		return uint64(binary.BigEndian.Uint32(b))
	case 8:
		return binary.BigEndian.Uint64(b)
	}
	var n uint64
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n
}

// Addr reads an address of 4 or 16 bytes; anything else gives the zero Addr.
func (f *Field) Addr() netip.Addr {
	a, _ := netip.AddrFromSlice(f.Bytes)
	return a
}

// Time reads a time by the element's type; false when it is not a time.
func (f *Field) Time() (time.Time, bool) {
	if f.Element == nil {
		return time.Time{}, false
	}
	switch f.Element.Type {
	case Seconds:
		return time.Unix(int64(uint32(f.Uint())), 0).UTC(), len(f.Bytes) <= 4
	case Millis:
		return time.UnixMilli(int64(f.Uint())).UTC(), len(f.Bytes) <= 8
	case Micros, Nanos:
		if len(f.Bytes) != 8 {
			return time.Time{}, false
		}
		return ntpTime(f.Uint()), true
	}
	return time.Time{}, false
}

// ntpTime reads an NTP timestamp (RFC 5905, 6): seconds since 1900 and a binary
// fraction, cut to whole nanoseconds.
func ntpTime(n uint64) time.Time {
	const from1900 = 2208988800
	return time.Unix(int64(n>>32)-from1900, int64((n&math.MaxUint32)*1e9>>32)).UTC()
}

// Value is the field as a value for JSON: a number, a text, a bool, or the
// bytes in hexadecimal when the type or the length is not known.
func (f *Field) Value() any {
	b := f.Bytes
	if f.Element == nil {
		return hex.EncodeToString(b)
	}
	switch t := f.Element.Type; t {
	case Unsigned:
		if len(b) <= 8 {
			return f.Uint()
		}
	case Signed:
		if n := len(b); n > 0 && n <= 8 {
			shift := 64 - 8*n
			return int64(f.Uint()<<shift) >> shift
		}
	case Float:
		if v, ok := floatOf(b); ok {
			return v
		}
	case Bool: // RFC 7011, 6.1.5: 1 is true, 2 is false
		if len(b) == 1 && (b[0] == 1 || b[0] == 2) {
			return b[0] == 1
		}
	case IPv4, IPv6:
		if a := f.Addr(); a.IsValid() {
			return a.String()
		}
	case MAC:
		if len(b) == 6 {
			return net.HardwareAddr(b).String()
		}
	case Text:
		return strings.ToValidUTF8(strings.TrimRight(string(b), "\x00"), "\uFFFD")
	case Seconds, Millis, Micros, Nanos:
		if v, ok := f.Time(); ok && v.Year() >= 0 && v.Year() <= 9999 {
			return timeText(v, t)
		}
	case Application:
		return applicationID(b)
	case Octets, List:
	}
	return hex.EncodeToString(b)
}

func floatOf(b []byte) (float64, bool) {
	var v float64
	switch len(b) {
	case 4:
		v = float64(math.Float32frombits(binary.BigEndian.Uint32(b)))
	case 8:
		v = math.Float64frombits(binary.BigEndian.Uint64(b))
	default:
		return 0, false
	}
	return v, !math.IsNaN(v) && !math.IsInf(v, 0)
}

func timeText(v time.Time, t Type) string {
	switch t {
	case Seconds:
		return v.Format("2006-01-02T15:04:05Z")
	case Millis:
		return v.Format("2006-01-02T15:04:05.000Z")
	}
	return v.Format("2006-01-02T15:04:05.000000000Z")
}

// applicationID writes engine and selector (RFC 6759, 4.1); engine 20 names a
// vendor between the two.
func applicationID(b []byte) string {
	if len(b) < 2 || len(b) > 9 {
		return hex.EncodeToString(b)
	}
	if b[0] == 20 && len(b) > 5 {
		return fmt.Sprintf("20..%d..%d", binary.BigEndian.Uint32(b[1:5]), beUint(b[5:]))
	}
	return fmt.Sprintf("%d..%d", b[0], beUint(b[1:]))
}
