package filter

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/packet"
)

// class groups kinds of fields that compare in the same way.
type class uint8

const (
	cNumber class = iota // unsigned
	cSigned
	cFraction
	cText
	cBytes
	cAddr
	cTime
	cNone
)

func classOf(k packet.Kind) class {
	switch k {
	case packet.Uint, packet.Bool:
		return cNumber
	case packet.Int:
		return cSigned
	case packet.Float, packet.Duration:
		return cFraction
	case packet.Text:
		return cText
	case packet.Bytes, packet.Ether, packet.Protocol:
		return cBytes
	case packet.IPv4, packet.IPv6:
		return cAddr
	case packet.Time:
		return cTime
	case packet.Label:
	}
	return cNone
}

// value is one value while a filter is computed.
type value struct {
	n    uint64 // numbers, signed numbers, times in nanoseconds
	f    float64
	b    []byte // texts and bytes
	addr netip.Addr
	net  netip.Prefix // of a literal with a mask
}

// compare orders two values of one class. A network equals what is in it.
func compare(c class, a, b value) int {
	switch c {
	case cNumber:
		return cmp.Compare(a.n, b.n)
	case cSigned, cTime:
		return cmp.Compare(int64(a.n), int64(b.n))
	case cFraction:
		return cmp.Compare(a.f, b.f)
	case cText, cBytes:
		return bytes.Compare(a.b, b.b)
	case cAddr:
		if b.net.IsValid() {
			if b.net.Contains(a.addr) {
				return 0
			}
			return a.addr.Compare(b.net.Masked().Addr())
		}
		if a.net.IsValid() {
			return -compare(c, b, a)
		}
		return a.addr.Compare(b.addr)
	case cNone:
	}
	return 1
}

// valueOf takes the value of a packet's field.
func valueOf(p *packet.Packet, f *packet.Field, c class) value {
	switch c {
	case cNumber, cSigned, cTime:
		return value{n: f.Uint()}
	case cFraction:
		return value{f: f.Float()}
	case cText:
		return value{b: bytes.TrimRight(f.Bytes(), "\x00")}
	case cAddr:
		return value{addr: f.Addr()}
	case cBytes:
		if f.Def.Kind == packet.Protocol { // with what it carries
			return value{b: p.Sources[f.Source].Data[f.Start:]}
		}
		return value{b: f.Bytes()}
	case cNone:
	}
	return value{}
}

// literal reads a word or a text as a value of a class. d may name numbers.
func literal(t token, c class, d *packet.Def) (value, *Error) {
	switch c {
	case cNumber:
		return literalNumber(t, d)
	case cSigned:
		if n, err := strconv.ParseInt(t.text, 0, 64); err == nil {
			return value{n: uint64(n)}, nil
		}
		return value{}, fail(t, "%q is not a whole number", t.text)
	case cFraction:
		if f, err := strconv.ParseFloat(t.text, 64); err == nil && !math.IsNaN(f) {
			return value{f: f}, nil
		}
		return value{}, fail(t, "%q is not a number", t.text)
	case cText:
		return value{b: []byte(t.text)}, nil
	case cBytes:
		return literalBytes(t)
	case cAddr:
		return literalAddr(t, d)
	case cTime:
		return literalTime(t)
	case cNone:
	}
	return value{}, fail(t, "there is nothing to compare with")
}

func literalNumber(t token, d *packet.Def) (value, *Error) {
	if t.kind == tString && len(t.text) == 1 {
		return value{n: uint64(t.text[0])}, nil
	}
	if n, err := strconv.ParseUint(t.text, 0, 64); err == nil {
		return value{n: n}, nil
	}
	switch strings.ToLower(t.text) {
	case "true":
		return value{n: 1}, nil
	case "false":
		return value{}, nil
	}
	if d != nil {
		for n, name := range d.Names {
			if strings.EqualFold(name, t.text) {
				return value{n: n}, nil
			}
		}
		return value{}, fail(t, "%q is not a number, and no name of one for %s", t.text, d.Name)
	}
	return value{}, fail(t, "%q is not a number", t.text)
}

// literalBytes reads hexadecimal digits with colons, dashes, dots or nothing
// between them; text in quotes is its bytes.
func literalBytes(t token) (value, *Error) {
	if t.kind == tString {
		return value{b: []byte(t.text)}, nil
	}
	s := strings.NewReplacer(":", "", "-", "", ".", "").Replace(strings.TrimPrefix(t.text, "0x"))
	if b, err := hex.DecodeString(s); err == nil && len(b) > 0 {
		return value{b: b}, nil
	}
	return value{}, fail(t, "%q is no row of bytes such as 00:1b:21, and no text in quotes", t.text)
}

func literalAddr(t token, d *packet.Def) (value, *Error) {
	what := "an address"
	if d != nil {
		what = "an " + d.Kind.String()
	}
	if strings.Contains(t.text, "/") {
		n, err := netip.ParsePrefix(t.text)
		if err != nil || d != nil && n.Addr().Is4() != (d.Kind == packet.IPv4) {
			return value{}, fail(t, "%q is not a network of %s", t.text, what)
		}
		return value{net: n.Masked(), addr: n.Addr()}, nil
	}
	a, err := netip.ParseAddr(t.text)
	if err != nil || d != nil && a.Is4() != (d.Kind == packet.IPv4) {
		return value{}, fail(t, "%q is not %s", t.text, what)
	}
	return value{addr: a}, nil
}

func literalTime(t token) (value, *Error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04", "2006-01-02", "Jan 2, 2006 15:04:05.999999999"} {
		if at, err := time.ParseInLocation(layout, t.text, time.UTC); err == nil {
			return value{n: uint64(at.UnixNano())}, nil
		}
	}
	return value{}, fail(t, "%q is not a time such as \"2026-03-01 12:00:00\" (UTC)", t.text)
}
