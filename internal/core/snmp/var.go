package snmp

import (
	"encoding/hex"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind is the type of a value.
type Kind uint8

// The kinds. Missing stands for noSuchObject, noSuchInstance, endOfMibView and Null.
const (
	Missing Kind = iota
	Integer
	OctetString
	ObjectID
	IPAddress
	Counter32
	Gauge32
	TimeTicks
	Counter64
	Opaque
)

// Var is one value that an agent gave.
type Var struct {
	OID  OID
	Kind Kind
	// Num holds the number of Integer; Unum that of the unsigned kinds, TimeTicks
	// in hundredths of a second.
	Num  int64
	Unum uint64
	// Float holds the number in an Opaque float or double.
	Float float64
	// Raw holds the bytes of OctetString, the text of ObjectID (dotted) and of
	// IPAddress.
	Raw []byte
}

// Int gives the value as a signed number; text that is a number counts.
func (v Var) Int() (int64, bool) {
	switch v.Kind {
	case Integer:
		return v.Num, true
	case Counter32, Gauge32, TimeTicks, Counter64:
		return int64(min(v.Unum, math.MaxInt64)), true
	case Opaque:
		return int64(v.Float), true
	case OctetString:
		n, err := strconv.ParseInt(strings.TrimSpace(string(v.Raw)), 10, 64)
		return n, err == nil
	}
	return 0, false
}

// Number gives the value as a float; text that is a number counts.
func (v Var) Number() (float64, bool) {
	switch v.Kind {
	case Integer:
		return float64(v.Num), true
	case Counter32, Gauge32, TimeTicks, Counter64:
		return float64(v.Unum), true
	case Opaque:
		return v.Float, !math.IsNaN(v.Float) && !math.IsInf(v.Float, 0)
	case OctetString:
		f, err := strconv.ParseFloat(strings.TrimSpace(string(v.Raw)), 64)
		return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
	}
	return 0, false
}

// Text gives the value for people: valid UTF-8 in one line without control
// characters, at most 4 KiB. Bytes that are no text are written in hexadecimal.
func (v Var) Text() string {
	switch v.Kind {
	case Missing:
		return ""
	case Integer:
		return strconv.FormatInt(v.Num, 10)
	case ObjectID, IPAddress:
		return string(v.Raw)
	case OctetString:
		return clean(v.Raw)
	case Opaque:
		return strconv.FormatFloat(v.Float, 'g', -1, 64)
	}
	return strconv.FormatUint(v.Unum, 10)
}

const maxText = 4 << 10

func clean(b []byte) string {
	if len(b) > maxText {
		b = b[:maxText]
	}
	b = []byte(strings.TrimRight(string(b), "\x00"))
	s := string(b)
	if !utf8.ValidString(s) {
		// Old agents write Latin-1; what has control characters too is binary.
		for _, c := range b {
			if c < 0x20 && c != '\t' && c != '\n' && c != '\r' || c >= 0x7f && c < 0xa0 {
				return hex.EncodeToString(b)
			}
		}
		r := make([]rune, len(b))
		for i, c := range b {
			r[i] = rune(c)
		}
		s = string(r)
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\r' || r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// MAC gives a hardware address as "00:11:22:aa:bb:cc", or "" when there is none.
// Some agents write it as text; that is read too.
func (v Var) MAC() string {
	if v.Kind != OctetString {
		return ""
	}
	b := v.Raw
	if len(b) != 6 {
		b = macText(string(b))
	}
	if len(b) != 6 {
		return ""
	}
	var sb strings.Builder
	zero := true
	for i, c := range b {
		if i > 0 {
			sb.WriteByte(':')
		}
		zero = zero && c == 0
		sb.WriteString(hex.EncodeToString([]byte{c}))
	}
	if zero {
		return ""
	}
	return sb.String()
}

func macText(s string) []byte {
	s = strings.TrimRight(strings.TrimSpace(s), "\x00")
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == ':' || r == '-' || r == ' ' })
	if len(parts) == 6 {
		out := make([]byte, 0, 6)
		for _, p := range parts {
			n, err := strconv.ParseUint(p, 16, 8)
			if err != nil {
				return nil
			}
			out = append(out, byte(n))
		}
		return out
	}
	b, err := hex.DecodeString(strings.ReplaceAll(s, ".", ""))
	if err != nil || len(b) != 6 {
		return nil
	}
	return b
}

// Addr gives an IP address of 4 or 16 bytes, or of the type IpAddress.
func (v Var) Addr() (netip.Addr, bool) {
	if v.Kind == IPAddress {
		a, err := netip.ParseAddr(string(v.Raw))
		return a, err == nil
	}
	if v.Kind == OctetString {
		a, ok := netip.AddrFromSlice(v.Raw)
		return a, ok
	}
	return netip.Addr{}, false
}
