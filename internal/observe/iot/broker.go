package iot

import (
	"bufio"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/mainstay-ops/mainstay/internal/core/natslog"
	"github.com/mainstay-ops/mainstay/internal/observe/iot/wire"
)

const (
	brokerReady = 15 * time.Second
	// maxStore bounds retained messages and sessions on disk.
	maxStore = 256 << 20
	// maxPending bounds what waits for a client that does not read.
	maxPending = 4 << 20
)

// broker is the NATS server for devices. Its MQTT port is on loopback, and only the
// gate knows the password.
type broker struct {
	ns     *server.Server
	addr   string
	secret string

	mu   sync.Mutex
	out  net.Conn // for messages that the gate passes on
	id   uint16
	wait []byte
	wake chan struct{}
	wg   sync.WaitGroup
}

func openBroker(ctx context.Context, dir, secret string, maxMessage int, log *slog.Logger) (*broker, error) {
	b := &broker{secret: secret, wake: make(chan struct{}, 1)}
	o := &server.Options{
		ServerName: "mainstay-iot", DontListen: true, NoSigs: true, MaxPayload: int32(maxMessage), MaxPending: maxPending, MaxConn: 50_000, MaxSubs: 0, //nolint:gosec // the setting is bounded
		CustomClientAuthentication: b, MaxClosedClients: 100, JetStream: true, StoreDir: dir, JetStreamMaxStore: maxStore, JetStreamMaxMemory: 64 << 20,
		MQTT: server.MQTTOpts{Host: "127.0.0.1", Port: -1, AuthTimeout: 10, ConsumerInactiveThreshold: 7 * 24 * time.Hour},
	}
	ns, err := server.NewServer(o)
	if err != nil {
		return nil, err
	}
	ns.SetLoggerV2(natslog.Logger{To: log.With("server", "broker for devices")}, false, false, false)
	ns.Start()
	if !ns.ReadyForConnections(brokerReady) {
		ns.Shutdown()
		return nil, errors.New("the broker did not become ready")
	}
	b.ns, b.addr = ns, net.JoinHostPort("127.0.0.1", strconv.Itoa(o.MQTT.Port))
	conn, _, _, err := b.dial(ctx, "mainstay", true)
	if err != nil {
		ns.Shutdown()
		return nil, err
	}
	b.out = conn
	b.wg.Go(func() { b.drain(conn) })
	b.wg.Go(func() { b.write(conn) })
	return b, nil
}

// Check implements server.Authentication.
func (b *broker) Check(c server.ClientAuthentication) bool {
	o := c.GetOpts()
	if subtle.ConstantTimeCompare([]byte(o.Password), []byte(b.secret)) != 1 {
		return false
	}
	c.RegisterUser(&server.User{Username: o.Username})
	return true
}

// dial connects as a client; present tells whether there was a session.
func (b *broker) dial(ctx context.Context, name string, clean bool) (c net.Conn, r *wire.Reader, present bool, err error) {
	d := net.Dialer{Timeout: brokerReady}
	if c, err = d.DialContext(ctx, "tcp", b.addr); err != nil {
		return nil, nil, false, err
	}
	fail := func(err error) (net.Conn, *wire.Reader, bool, error) {
		_ = c.Close()
		return nil, nil, false, err
	}
	_ = c.SetDeadline(time.Now().Add(brokerReady))
	if _, err := c.Write(wire.AppendConnect(nil, wire.Connect{Clean: clean, ClientID: name, User: name, Password: b.secret})); err != nil {
		return fail(err)
	}
	r = &wire.Reader{R: bufio.NewReaderSize(c, 2048), Max: 8 << 20}
	p, err := r.Next()
	if err != nil {
		return fail(err)
	}
	if p.Kind() != wire.CONNACK || len(p.Body) != 2 || p.Body[1] != wire.Accepted {
		return fail(fmt.Errorf("the broker answered %x", p.Body))
	}
	_ = c.SetDeadline(time.Time{})
	return c, r, p.Body[0]&1 != 0, nil
}

// subjectOf spells a topic as NATS does.
var subjectOf = strings.NewReplacer("/", ".", ".", "//")

// wanted tells whether a client that is connected has subscribed to the topic.
func (b *broker) wanted(topic string) bool {
	t := wire.Inside(topic)
	if strings.Contains(t, "//") || t[0] == '/' || t[len(t)-1] == '/' {
		return true // the broker spells these in a way of its own
	}
	return b.ns.GlobalAccount().SubscriptionInterest(subjectOf.Replace(t))
}

// pass hands a message to whoever subscribed, and keeps a retained one.
func (b *broker) pass(m wire.Publish) error {
	m.Topic, m.Dup, m.QoS = wire.Inside(m.Topic), false, min(m.QoS, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.wait) > maxPending || b.out == nil {
		return errors.New("the broker is too busy")
	}
	if m.QoS > 0 {
		if b.id++; b.id == 0 {
			b.id = 1
		}
		m.ID = b.id
	}
	b.wait = wire.AppendPublish(b.wait, m)
	select {
	case b.wake <- struct{}{}:
	default:
	}
	return nil
}

func (b *broker) write(c net.Conn) {
	var buf []byte
	for range b.wake {
		b.mu.Lock()
		buf, b.wait = b.wait, buf[:0]
		b.mu.Unlock()
		if _, err := c.Write(buf); err != nil {
			return
		}
	}
}

// drain reads acknowledgements, which nobody waits for.
func (b *broker) drain(c net.Conn) {
	buf := make([]byte, 4096)
	for {
		if _, err := c.Read(buf); err != nil {
			return
		}
	}
}

func (b *broker) close() {
	b.mu.Lock()
	out := b.out
	b.out = nil
	b.mu.Unlock()
	close(b.wake)
	b.wg.Go(func() { // the writer first
		_ = out.SetDeadline(time.Now().Add(time.Second))
		_, _ = out.Write([]byte{wire.DISCONNECT, 0})
		_ = out.Close()
	})
	b.wg.Wait()
	b.ns.Shutdown()
	b.ns.WaitForShutdown()
}
