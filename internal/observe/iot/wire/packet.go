package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// The kinds of packets, the upper half of the first byte.
const (
	CONNECT     = 0x10
	CONNACK     = 0x20
	PUBLISH     = 0x30
	PUBACK      = 0x40
	PUBREC      = 0x50
	PUBREL      = 0x60
	PUBCOMP     = 0x70
	SUBSCRIBE   = 0x80
	SUBACK      = 0x90
	UNSUBSCRIBE = 0xa0
	UNSUBACK    = 0xb0
	PINGREQ     = 0xc0
	PINGRESP    = 0xd0
	DISCONNECT  = 0xe0
)

// The return codes of CONNACK.
const (
	Accepted        = 0
	BadVersion      = 1
	BadIdentifier   = 2
	Unavailable     = 3
	BadCredentials  = 4
	NotAuthorized   = 5
	maxTopicBytes   = 512
	maxFilters      = 64
	maxClientIDSize = 256
)

var (
	// ErrTooLarge is given for a packet above the limit.
	ErrTooLarge  = errors.New("the packet is larger than allowed")
	errMalformed = errors.New("the packet is malformed")
	// ErrVersion is given for a client of another version of MQTT.
	ErrVersion = errors.New("only MQTT 3.1.1 is spoken here")
)

// Packet is one packet. Body is valid until the next is read.
type Packet struct {
	Head byte
	Body []byte
}

// Kind is the kind of the packet.
func (p Packet) Kind() byte { return p.Head & 0xf0 }

// Reader reads packets of at most Max bytes.
type Reader struct {
	R   *bufio.Reader
	Max int
	buf []byte
}

// Next reads a packet. A large one is refused before it is read.
func (r *Reader) Next() (Packet, error) {
	head, err := r.R.ReadByte()
	if err != nil {
		return Packet{}, err
	}
	n := 0
	for shift := 0; ; shift += 7 {
		if shift > 21 {
			return Packet{}, errMalformed
		}
		b, err := r.R.ReadByte()
		if err != nil {
			return Packet{}, err
		}
		n |= int(b&0x7f) << shift
		if b < 0x80 {
			break
		}
	}
	if n > r.Max {
		return Packet{Head: head}, ErrTooLarge
	}
	if cap(r.buf) < n || cap(r.buf) > 16<<10 && n < 1<<10 {
		r.buf = make([]byte, n, max(n, 256))
	}
	r.buf = r.buf[:n]
	_, err = io.ReadFull(r.R, r.buf)
	return Packet{Head: head, Body: r.buf}, err
}

// Raw is the packet as it goes over the wire.
func (p Packet) Raw() []byte { return appendPacket(nil, p.Head, p.Body) }

func appendPacket(b []byte, head byte, body []byte) []byte {
	b = append(b, head)
	n := len(body)
	for {
		c := byte(n & 0x7f)
		n >>= 7
		if n > 0 {
			b = append(b, c|0x80)
			continue
		}
		b = append(b, c)
		break
	}
	return append(b, body...)
}

type body struct {
	b   []byte
	bad bool
}

func (b *body) take(n int) []byte {
	if n > len(b.b) {
		b.bad, b.b = true, nil
		return nil
	}
	out := b.b[:n]
	b.b = b.b[n:]
	return out
}

func (b *body) u8() byte {
	if x := b.take(1); x != nil {
		return x[0]
	}
	return 0
}

func (b *body) u16() uint16 {
	if x := b.take(2); x != nil {
		return binary.BigEndian.Uint16(x)
	}
	return 0
}

func (b *body) bytes() []byte { return b.take(int(b.u16())) }

func (b *body) text() string {
	s := string(b.bytes())
	if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
		b.bad = true
	}
	return s
}

func (b *body) err() error {
	if b.bad {
		return errMalformed
	}
	return nil
}

// Connect is what a client says first.
type Connect struct {
	Clean                    bool
	KeepAlive                uint16 // seconds; 0 is none
	ClientID, User, Password string
	Will                     *Publish
}

// ParseConnect reads the body of CONNECT. The error is ErrVersion for other versions.
func ParseConnect(p []byte) (c Connect, err error) {
	b := body{b: p}
	name, level := b.text(), b.u8()
	if b.bad {
		return c, errMalformed
	}
	if name != "MQTT" || level != 4 {
		return c, ErrVersion
	}
	flags := b.u8()
	c.Clean, c.KeepAlive = flags&2 != 0, b.u16()
	c.ClientID = b.text()
	if flags&1 != 0 || len(c.ClientID) > maxClientIDSize {
		return c, errMalformed
	}
	if flags&4 != 0 {
		w := &Publish{QoS: flags >> 3 & 3, Retain: flags&0x20 != 0}
		w.Topic = b.text()
		w.Payload = append([]byte(nil), b.bytes()...)
		if w.QoS > 2 || !GoodTopic(w.Topic) {
			return c, errMalformed
		}
		c.Will = w
	}
	if flags&0x80 != 0 {
		c.User = b.text()
	}
	if flags&0x40 != 0 {
		c.Password = string(b.bytes())
	}
	return c, b.err()
}

// AppendConnect writes a CONNECT without a will.
func AppendConnect(out []byte, c Connect) []byte {
	flags := byte(0xc0)
	if c.Clean {
		flags |= 2
	}
	b := append([]byte{0, 4}, "MQTT"...)
	b = append(b, 4, flags)
	b = binary.BigEndian.AppendUint16(b, c.KeepAlive)
	for _, s := range []string{c.ClientID, c.User, c.Password} {
		b = appendText(b, s)
	}
	return appendPacket(out, CONNECT, b)
}

func appendText(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(s))) //nolint:gosec // bounded by who calls
	return append(b, s...)
}

// Publish is a message. ID is 0 with QoS 0.
type Publish struct {
	Topic       string
	Payload     []byte
	QoS         byte
	Retain, Dup bool
	ID          uint16
}

// ParsePublish reads PUBLISH. Payload is part of body.
func ParsePublish(head byte, p []byte) (m Publish, err error) {
	b := body{b: p}
	m.QoS, m.Retain, m.Dup = head>>1&3, head&1 != 0, head&8 != 0
	m.Topic = b.text()
	if m.QoS > 0 {
		if m.ID = b.u16(); m.ID == 0 {
			return m, errMalformed
		}
	}
	if m.QoS > 2 || !GoodTopic(m.Topic) {
		return m, errMalformed
	}
	m.Payload = b.b
	return m, b.err()
}

// AppendPublish writes PUBLISH.
func AppendPublish(out []byte, m Publish) []byte {
	head := byte(PUBLISH) | m.QoS<<1
	if m.Retain {
		head |= 1
	}
	if m.Dup {
		head |= 8
	}
	b := appendText(make([]byte, 0, len(m.Topic)+len(m.Payload)+4), m.Topic)
	if m.QoS > 0 {
		b = binary.BigEndian.AppendUint16(b, m.ID)
	}
	return appendPacket(out, head, append(b, m.Payload...))
}

// Filter is a topic filter with the QoS that was asked for.
type Filter struct {
	Name string
	QoS  byte
}

// ParseFilters reads SUBSCRIBE, or UNSUBSCRIBE when qos is false.
func ParseFilters(p []byte, qos bool) (id uint16, fs []Filter, err error) {
	b := body{b: p}
	id = b.u16()
	for len(b.b) > 0 && len(fs) < maxFilters {
		f := Filter{Name: b.text()}
		if qos {
			f.QoS = b.u8()
		}
		if !GoodFilter(f.Name) || f.QoS > 2 {
			return id, nil, errMalformed
		}
		fs = append(fs, f)
	}
	if id == 0 || len(fs) == 0 || len(b.b) > 0 {
		return id, nil, fmt.Errorf("%w: it must have 1 to %d filters", errMalformed, maxFilters)
	}
	return id, fs, b.err()
}

// AppendFilters writes SUBSCRIBE, or UNSUBSCRIBE when qos is false.
func AppendFilters(out []byte, id uint16, fs []Filter, qos bool) []byte {
	b := binary.BigEndian.AppendUint16(nil, id)
	for _, f := range fs {
		b = appendText(b, f.Name)
		if qos {
			b = append(b, f.QoS)
		}
	}
	head := byte(UNSUBSCRIBE | 2)
	if qos {
		head = SUBSCRIBE | 2
	}
	return appendPacket(out, head, b)
}

// Connack answers CONNECT.
func Connack(present bool, code byte) []byte {
	b := []byte{CONNACK, 2, 0, code}
	if present {
		b[2] = 1
	}
	return b
}

// Ack is one of the packets that hold an id only.
func Ack(kind byte, id uint16) []byte {
	if kind == PUBREL {
		kind |= 2
	}
	return []byte{kind, 2, byte(id >> 8), byte(id)}
}

// ID reads the id of such a packet.
func ID(p []byte) (uint16, error) {
	b := body{b: p}
	id := b.u16()
	return id, b.err()
}
