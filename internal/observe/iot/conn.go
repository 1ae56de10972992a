package iot

import (
	"bufio"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mainstay-ops/mainstay/internal/observe/iot/wire"
)

const (
	helloWithin = 10 * time.Second
	maxUnsent   = 1 << 20
	// noKeepAlive is how long a client may be quiet that asked for no keep-alive.
	noKeepAlive = 24 * time.Hour
)

// conn is one connection of a client.
type conn struct {
	g      *gate
	c      *client
	nc     net.Conn
	r      *wire.Reader
	host   string
	tls    bool
	since  time.Time
	heard  atomic.Int64 // unix nanoseconds
	will   *wire.Publish
	clean  bool
	held   map[uint16]bool // QoS 2 messages that were taken and not released
	budget bucket

	mu      sync.Mutex
	unsent  []byte
	writing bool
	closed  bool

	linkMu sync.Mutex
	link   net.Conn
	denied map[uint16][]bool // answers to SUBSCRIBE that wait: which were denied
}

// send writes without waiting for a slow client; one that does not read is dropped.
func (c *conn) send(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	if len(c.unsent)+len(b) > maxUnsent {
		c.closed = true
		_ = c.nc.Close()
		return
	}
	c.unsent = append(c.unsent, b...)
	if !c.writing {
		c.writing = true
		go c.flush()
	}
}

func (c *conn) flush() {
	for {
		c.mu.Lock()
		b := c.unsent
		c.unsent = nil
		if len(b) == 0 {
			c.writing = false
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		_ = c.nc.SetWriteDeadline(time.Now().Add(30 * time.Second))
		if _, err := c.nc.Write(b); err != nil {
			_ = c.nc.Close()
			return
		}
	}
}

// errBye ends a connection that said goodbye.
var errBye = errors.New("disconnected")

// run reads packets until the connection ends.
func (c *conn) run(keep time.Duration) error {
	for {
		_ = c.nc.SetReadDeadline(time.Now().Add(keep))
		p, err := c.r.Next()
		if err != nil {
			if errors.Is(err, wire.ErrTooLarge) {
				c.g.s.lost(c.c, lostSize, 1)
			}
			return err
		}
		c.heard.Store(time.Now().UnixNano())
		if err := c.packet(p); err != nil {
			return err
		}
	}
}

func (c *conn) packet(p wire.Packet) error {
	switch p.Kind() {
	case wire.PUBLISH:
		m, err := wire.ParsePublish(p.Head, p.Body)
		if err != nil {
			c.g.s.lost(c.c, lostMalformed, 1)
			return err
		}
		c.publish(m)
	case wire.PUBREL:
		id, err := wire.ID(p.Body)
		if err != nil {
			return err
		}
		delete(c.held, id)
		c.send(wire.Ack(wire.PUBCOMP, id))
	case wire.PUBACK, wire.PUBREC, wire.PUBCOMP:
		return c.relay(p.Raw())
	case wire.SUBSCRIBE:
		return c.subscribe(p.Body)
	case wire.UNSUBSCRIBE:
		id, fs, err := wire.ParseFilters(p.Body, false)
		if err != nil {
			return err
		}
		for i := range fs {
			fs[i].Name = wire.Inside(fs[i].Name)
		}
		return c.relay(wire.AppendFilters(nil, id, fs, false))
	case wire.PINGREQ:
		c.send([]byte{wire.PINGRESP, 0})
	case wire.DISCONNECT:
		c.will = nil
		return errBye
	default:
		return errors.New("a packet that a client must not send")
	}
	return nil
}

// publish takes a message. It is acknowledged when its figures are stored; what the
// client may not say is acknowledged and dropped, as MQTT 3.1.1 has no other way.
func (c *conn) publish(m wire.Publish) {
	ack := func() {}
	switch m.QoS {
	case 1:
		ack = func() { c.send(wire.Ack(wire.PUBACK, m.ID)) }
	case 2:
		ack = func() { c.send(wire.Ack(wire.PUBREC, m.ID)) }
		if c.held[m.ID] {
			ack()
			return
		}
		if len(c.held) < 1000 {
			c.held[m.ID] = true
		}
	}
	if !c.budget.take(time.Now(), c.c.PerSecond, c.c.Burst) {
		c.g.s.lost(c.c, lostFlood, 1)
		ack()
		return
	}
	c.g.s.take(c.c, m, ack)
}

// subscribe passes on the filters that the client may have.
func (c *conn) subscribe(body []byte) error {
	id, fs, err := wire.ParseFilters(body, true)
	if err != nil {
		return err
	}
	denied, ok := make([]bool, len(fs)), []wire.Filter{}
	for i, f := range fs {
		if c.c.maySubscribe(f.Name) {
			f.Name = wire.Inside(f.Name)
			ok = append(ok, f)
		} else {
			denied[i] = true
			c.g.s.lost(c.c, lostDenied, 1)
		}
	}
	c.linkMu.Lock()
	c.denied[id] = denied
	c.linkMu.Unlock()
	if len(ok) == 0 {
		c.suback(id, nil)
		return nil
	}
	return c.relay(wire.AppendFilters(nil, id, ok, true))
}

func (c *conn) suback(id uint16, codes []byte) {
	c.linkMu.Lock()
	denied := c.denied[id]
	delete(c.denied, id)
	c.linkMu.Unlock()
	b := []byte{wire.SUBACK, byte(2 + max(len(denied), len(codes))), byte(id >> 8), byte(id)}
	for _, d := range denied {
		switch {
		case d:
			b = append(b, 0x80)
		case len(codes) > 0:
			b, codes = append(b, codes[0]), codes[1:]
		default:
			b = append(b, 0x80)
		}
	}
	c.send(b)
}

// relay gives a packet to the broker, over a connection that is made when it is first
// needed: a client that only publishes needs none.
func (c *conn) relay(b []byte) error {
	if _, err := c.open(); err != nil {
		return err
	}
	_ = c.link.SetWriteDeadline(time.Now().Add(30 * time.Second))
	_, err := c.link.Write(b)
	return err
}

func (c *conn) open() (present bool, err error) {
	c.linkMu.Lock()
	defer c.linkMu.Unlock()
	if c.link != nil {
		return false, nil
	}
	link, r, present, err := c.g.broker.dial(c.g.ctx, c.c.Name, c.clean)
	if err != nil {
		return false, err
	}
	c.link = link
	c.g.wg.Go(func() { c.down(link, r) })
	return present, nil
}

// down carries what the broker says to the client.
func (c *conn) down(link net.Conn, r *wire.Reader) {
	defer func() { _ = c.nc.Close(); _ = link.Close() }()
	for {
		p, err := r.Next()
		if err != nil {
			return
		}
		switch p.Kind() {
		case wire.PUBLISH:
			m, err := wire.ParsePublish(p.Head, outsideBody(p.Body))
			if err != nil {
				return
			}
			c.send(wire.AppendPublish(nil, m))
		case wire.SUBACK:
			if id, err := wire.ID(p.Body); err == nil {
				c.suback(id, append([]byte(nil), p.Body[2:]...))
			}
		case wire.UNSUBACK, wire.PUBREL, wire.PUBACK, wire.PUBREC, wire.PUBCOMP:
			c.send(append([]byte(nil), p.Raw()...))
		}
	}
}

// outsideBody gives the body of PUBLISH with the topic as clients know it.
func outsideBody(b []byte) []byte {
	if len(b) < 2 {
		return b
	}
	n := int(b[0])<<8 | int(b[1])
	if n+2 > len(b) {
		return b
	}
	topic := wire.Outside(string(b[2 : 2+n]))
	out := append([]byte{byte(len(topic) >> 8), byte(len(topic))}, topic...)
	return append(out, b[2+n:]...)
}

// end closes everything and gives the will of a client that did not say goodbye.
func (c *conn) end() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	_ = c.nc.Close()
	c.linkMu.Lock()
	link := c.link
	c.linkMu.Unlock()
	if link != nil {
		_ = link.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = link.Write([]byte{wire.DISCONNECT, 0})
		_ = link.Close()
	}
	if c.will != nil && c.g.ctx.Err() == nil { // the end of this program is not that of the device
		c.g.s.take(c.c, *c.will, func() {})
	}
}

// bucket is a token bucket, used by one goroutine.
type bucket struct {
	tokens float64
	at     time.Time
}

func (b *bucket) take(now time.Time, perSecond, burst int64) bool {
	if b.at.IsZero() {
		b.tokens = float64(burst)
	} else {
		b.tokens = min(float64(burst), b.tokens+now.Sub(b.at).Seconds()*float64(perSecond))
	}
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

func newConn(g *gate, nc net.Conn, secure bool, maxMessage int) *conn {
	host, _, _ := net.SplitHostPort(nc.RemoteAddr().String())
	return &conn{g: g, nc: nc, host: host, tls: secure, since: time.Now(), held: map[uint16]bool{}, denied: map[uint16][]bool{}, r: &wire.Reader{R: bufio.NewReaderSize(nc, 1024), Max: maxMessage + 1024}}
}
