package iot

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/observe/iot/wire"
)

const (
	// MaxMessage is the largest message, in bytes: Zigbee2MQTT lists all its devices in
	// one.
	maxMessage = 1 << 20
	// maxConns bounds connections, maxStrangers those that have not said who they are.
	maxConns, maxStrangers = 20_000, 1000
	// aliveWithin is how lately a connection must have been heard to keep its name from
	// another address.
	aliveWithin = time.Minute
	// flaps in flapsIn are how often a name may move at one address: two devices with
	// one name behind one address throw each other out without end.
	flaps, flapsIn = 5, time.Minute
)

// gate takes connections of devices.
type gate struct {
	s      *Service
	broker *broker
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	ports     []*gatePort
	conns     atomic.Int64
	strangers atomic.Int64
	open      sync.Map // net.Conn: struct{}

	mu    sync.Mutex
	live  map[string]*conn // by name of the client
	moves map[string][]time.Time
}

type gatePort struct {
	Name    string `json:"name" doc:"Its name in the listen block of the configuration."`
	Address string `json:"address,omitempty" doc:"Where it listens; absent when it is off."`
	Problem string `json:"problem,omitempty" doc:"Why it is not open."`

	ln net.Listener
}

// start opens the broker and the ports that are configured.
func (g *gate) start(ctx context.Context) error {
	g.ctx, g.cancel = context.WithCancel(context.WithoutCancel(ctx))
	cfg := g.s.d.Config
	for _, name := range []string{"mqtt", "mqtts"} {
		p := &gatePort{Name: name}
		g.ports = append(g.ports, p)
		addr, chosen := cfg.Listen.Address(name)
		if addr == "" {
			continue
		}
		if err := g.listen(p, addr); err != nil {
			if chosen {
				return err
			}
			p.Problem = errs.Message(err)
			g.s.d.Logger.Warn("a port for devices cannot be opened", "port", name, "address", addr, "error", err)
		}
	}
	for _, p := range g.ports {
		if p.ln == nil {
			continue
		}
		if g.broker == nil {
			b, err := openBroker(g.ctx, g.s.dir("broker"), g.s.secret, maxMessage+1024, g.s.d.Logger)
			if err != nil {
				return errs.Wrap(errs.Unavailable, err, "The broker for devices cannot be started.")
			}
			g.broker = b
		}
		g.wg.Go(func() { g.accept(p) })
		g.s.d.Logger.Info("devices may connect", "port", p.Name, "address", p.Address)
	}
	return nil
}

func (g *gate) listen(p *gatePort, addr string) error {
	var conf *tls.Config
	if p.Name == "mqtts" {
		t := g.s.d.Config.TLS
		if t.Cert == "" {
			return errs.New(errs.Invalid, "MQTT over TLS (listen.mqtts) needs a certificate. Set tls.cert and tls.key.")
		}
		cert, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return errs.Wrap(errs.Invalid, err, "The certificate in %s cannot be read.", t.Cert)
		}
		conf = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return errs.Wrap(errs.Unavailable, err, "The port for devices %s (listen.%s) cannot be opened.", addr, p.Name)
	}
	p.Address = ln.Addr().String()
	if conf != nil {
		ln = tls.NewListener(ln, conf)
	}
	p.ln = ln
	return nil
}

func (g *gate) accept(p *gatePort) {
	for {
		nc, err := p.ln.Accept()
		if err != nil {
			if g.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			select {
			case <-g.ctx.Done():
				return
			case <-time.After(50 * time.Millisecond): // an error that lasts must not spin
			}
			continue
		}
		if g.conns.Load() >= maxConns || g.strangers.Load() >= maxStrangers {
			g.s.refused.Add(1)
			_ = nc.Close()
			continue
		}
		g.conns.Add(1)
		g.open.Store(nc, struct{}{})
		g.wg.Go(func() {
			defer func() { g.open.Delete(nc); g.conns.Add(-1); _ = nc.Close() }()
			g.serve(nc, p.Name == "mqtts")
		})
	}
}

func (g *gate) serve(nc net.Conn, secure bool) {
	c := newConn(g, nc, secure, maxMessage)
	g.strangers.Add(1)
	keep, ok := g.welcome(c)
	g.strangers.Add(-1)
	if !ok {
		return
	}
	err := c.run(keep)
	g.leave(c)
	c.end()
	g.s.gone(c.c)
	g.s.d.Logger.Debug("a device disconnected", "client", c.c.Name, "reason", err)
}

// refuse answers, and keeps the sentence for people.
func (g *gate) refuse(c *conn, name string, code byte, why string) {
	g.s.refuse(name, c.host, why)
	_ = c.nc.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = c.nc.Write(wire.Connack(false, code))
}

// welcome reads CONNECT and answers it.
func (g *gate) welcome(c *conn) (keep time.Duration, ok bool) {
	_ = c.nc.SetDeadline(time.Now().Add(helloWithin))
	p, err := c.r.Next()
	if err != nil || p.Kind() != wire.CONNECT {
		g.s.refused.Add(1)
		return 0, false
	}
	hello, err := wire.ParseConnect(p.Body)
	if errors.Is(err, wire.ErrVersion) {
		g.refuse(c, "", wire.BadVersion, "It speaks another version of MQTT. Set the device to MQTT 3.1.1.")
		return 0, false
	}
	if err != nil {
		g.s.refused.Add(1)
		return 0, false
	}
	cl, code, why := g.s.login(hello)
	if why == "" && hello.Will != nil && !cl.mayPublish(hello.Will.Topic) {
		code, why = wire.NotAuthorized, fmt.Sprintf("Its will is for the topic %s, which it may not publish to.", hello.Will.Topic)
	}
	if why != "" {
		g.refuse(c, hello.User, code, why)
		return 0, false
	}
	c.c, c.will, c.clean = cl, hello.Will, hello.Clean
	c.heard.Store(time.Now().UnixNano())
	if why := g.enter(c); why != "" {
		g.refuse(c, cl.Name, wire.BadIdentifier, why)
		return 0, false
	}
	present := false
	if !hello.Clean || cl.Session {
		if present, err = c.open(); err != nil {
			g.leave(c)
			g.refuse(c, cl.Name, wire.Unavailable, "The broker did not answer.")
			return 0, false
		}
		g.s.keepSession(cl, !hello.Clean)
	}
	_ = c.nc.SetDeadline(time.Time{})
	c.send(wire.Connack(present, wire.Accepted))
	g.s.came(c)
	if hello.KeepAlive == 0 {
		return noKeepAlive, true
	}
	return time.Duration(hello.KeepAlive) * time.Second * 3 / 2, true
}

// enter makes c the connection of its client. A device that comes back from the same
// address takes over; one at another address does not, while the first is alive.
func (g *gate) enter(c *conn) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	old := g.live[c.c.Name]
	if old != nil {
		now := time.Now()
		alive := now.Sub(time.Unix(0, old.heard.Load())) < aliveWithin
		if old.host != c.host && alive {
			return fmt.Sprintf("Another device is connected under the name %s, from %s. Give each device credentials of its own.", c.c.Name, old.host)
		}
		var lately []time.Time
		for _, t := range g.moves[c.c.Name] {
			if now.Sub(t) < flapsIn {
				lately = append(lately, t)
			}
		}
		if len(lately) >= flaps && alive {
			g.moves[c.c.Name] = lately
			return fmt.Sprintf("Two devices at %s use the name %s and throw each other out. Give each device credentials of its own.", c.host, c.c.Name)
		}
		g.moves[c.c.Name] = append(lately, now)
		_ = old.nc.Close()
	}
	g.live[c.c.Name] = c
	return ""
}

func (g *gate) leave(c *conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.live[c.c.Name] == c {
		delete(g.live, c.c.Name)
	}
}

// connected gives the connection of a client; nil when it is away.
func (g *gate) connected(name string) *conn {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.live[name]
}

// kick ends the connection of a client.
func (g *gate) kick(name string) {
	if c := g.connected(name); c != nil {
		_ = c.nc.Close()
	}
}

func (g *gate) stop() {
	if g.cancel == nil {
		return
	}
	g.cancel()
	for _, p := range g.ports {
		if p.ln != nil {
			_ = p.ln.Close()
		}
	}
	g.open.Range(func(k, _ any) bool {
		_ = k.(net.Conn).Close()
		return true
	})
	g.wg.Wait()
	if g.broker != nil {
		g.broker.close()
	}
}

// heard tells when each connected client was heard last.
func (g *gate) heard() map[string]time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := make(map[string]time.Time, len(g.live))
	for name, c := range g.live {
		out[name] = time.Unix(0, c.heard.Load()).UTC()
	}
	return out
}
