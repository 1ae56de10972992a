package ingest

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// receiveBuffer is asked for on udp sockets: a second of small datagrams at full
// speed. The system may give less.
const receiveBuffer = 64 << 20

// port is an open port of a protocol, or one that could not be opened.
type port struct {
	protocol string
	spec     signal.Listener
	address  string
	err      error

	conns  []net.PacketConn
	stream net.Listener
}

// Port is a port of a protocol.
type Port struct {
	Name    string `json:"name" doc:"Its name in the listen block of the configuration."`
	Network string `json:"network" enum:"udp,tcp,tls"`
	Usual   int    `json:"usual" doc:"The port number that senders expect."`
	Address string `json:"address,omitempty" doc:"Where it listens; empty when it is off."`
	Problem string `json:"problem,omitempty" doc:"Why it could not be opened."`
}

// listeners are the ports of all protocols.
type listeners struct {
	s      *Service
	ports  []*port
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// start opens what is configured. A port that a person chose and that cannot be
// opened is an error; one of --all-listeners is logged and shown.
func (l *listeners) start(ctx context.Context) error {
	ctx, l.cancel = context.WithCancel(access.AsSystem(context.WithoutCancel(ctx)))
	var tlsConfig *tls.Config
	if t := l.s.d.Config.TLS; t.Cert != "" {
		c, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return errs.Wrap(errs.Invalid, err, "The certificate in %s cannot be read.", t.Cert)
		}
		tlsConfig = &tls.Config{Certificates: []tls.Certificate{c}, MinVersion: tls.VersionTLS12}
	}
	for _, p := range signal.Protocols() {
		for _, spec := range p.Listeners {
			addr, chosen := l.s.d.Config.Listen.Address(spec.Port)
			if addr == "" {
				continue
			}
			o := &port{protocol: p.Name, spec: spec, address: addr}
			if o.err = o.open(ctx, tlsConfig); o.err != nil {
				if chosen {
					return errs.Wrap(errs.Unavailable, o.err, "Cannot listen for %s on %s (%s): %s. Choose another address with listen.%s.", p.Title, addr, spec.Network, reason(o.err), spec.Port)
				}
				l.s.d.Logger.Warn("a port could not be opened", "protocol", p.Name, "network", spec.Network, "address", addr, "error", o.err)
			}
			l.ports = append(l.ports, o)
		}
	}
	for _, o := range l.ports {
		if o.err == nil {
			l.wg.Add(1)
			go func() {
				defer l.wg.Done()
				l.serve(ctx, o)
			}()
		}
	}
	return nil
}

func (l *listeners) serve(ctx context.Context, o *port) {
	env := l.s.env(o.protocol)
	end := context.AfterFunc(ctx, o.close)
	defer end()
	var err error
	if o.stream != nil {
		err = o.spec.Stream(ctx, env, o.stream)
	} else {
		err = o.spec.Packets(ctx, env, o.conns)
	}
	if ctx.Err() == nil {
		l.s.d.Logger.Error("a port closed", "protocol", o.protocol, "address", o.address, "error", err)
	}
}

func (l *listeners) stop() {
	if l.cancel != nil {
		l.cancel()
	}
	for _, o := range l.ports {
		o.close()
	}
	l.wg.Wait()
}

func (o *port) close() {
	for _, c := range o.conns {
		_ = c.Close()
	}
	if o.stream != nil {
		_ = o.stream.Close()
	}
}

func (o *port) open(ctx context.Context, t *tls.Config) error {
	switch o.spec.Network {
	case "udp":
		return o.openPackets(ctx)
	case "tls":
		if t == nil {
			return errors.New("the server has no certificate; set tls.cert and tls.key")
		}
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", o.address)
	if err != nil {
		return err
	}
	o.address = ln.Addr().String()
	if o.spec.Network == "tls" {
		ln = tls.NewListener(ln, t)
	}
	o.stream = ln
	return nil
}

// openPackets opens several sockets on one address, so that several processors read.
// The first is opened alone: another program that shares the address would take a
// part of the datagrams without a word.
func (o *port) openPackets(ctx context.Context) error {
	var lc net.ListenConfig
	probe, err := lc.ListenPacket(ctx, "udp", o.address)
	if err != nil {
		return err
	}
	o.address = probe.LocalAddr().String()
	n := min(runtime.GOMAXPROCS(0), 8)
	if !canShare {
		growBuffer(probe, receiveBuffer)
		o.conns = []net.PacketConn{probe}
		return nil
	}
	_ = probe.Close()
	lc.Control = share
	for range n {
		c, err := lc.ListenPacket(ctx, "udp", o.address)
		if err != nil {
			o.close()
			o.conns = nil
			return err
		}
		growBuffer(c, receiveBuffer)
		o.conns = append(o.conns, c)
	}
	return nil
}

// problem is that of the ports together, for the health of the server.
func (l *listeners) view(p signal.Protocol, usual map[string]int) []Port {
	out := []Port{}
	for _, spec := range p.Listeners {
		v := Port{Name: spec.Port, Network: spec.Network, Usual: usual[spec.Port]}
		for _, o := range l.ports {
			if o.protocol == p.Name && o.spec.Port == spec.Port && o.spec.Network == spec.Network {
				if o.err != nil {
					v.Problem = fmt.Sprintf("Cannot listen on %s: %s.", o.address, reason(o.err))
				} else {
					v.Address = o.address
				}
			}
		}
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b Port) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Network, b.Network)) })
	return out
}

func reason(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		return op.Err.Error()
	}
	return err.Error()
}

// env is what a protocol is lent.
func (s *Service) env(protocol string) signal.Env {
	g := gate{s}
	return signal.Env{
		Sinks:  signal.Sinks{Lines: g, Samples: g, Spans: g, Flows: g, Alerts: g},
		Logger: s.d.Logger.With("protocol", protocol),
		Admit: func(protocol string, addr net.Addr) (signal.Source, bool) {
			from := signal.Source{Protocol: protocol, Address: addressOf(addr)}
			from.Sender = from.Address.String()
			return from, from.Address.IsValid() && s.settings().admits(protocol, from.Address)
		},
		Token: func(ctx context.Context, protocol, token string, addr net.Addr) (signal.Source, bool) {
			if token == "" {
				return signal.Source{}, false
			}
			p, err := s.d.Accounts.ByToken(ctx, token)
			if err != nil || !p.Can(observe.SendSignals) {
				return signal.Source{}, false
			}
			return signal.Source{Protocol: protocol, Sender: senderName(p), Address: addressOf(addr)}, true
		},
		Malformed: func(from signal.Source, why string) {
			sd := s.senders.of(from)
			s.senders.heard(sd, from, 0)
			s.senders.lost(sd, reasonMalformed, why, 1)
		},
		Dropped: func(from signal.Source, reason string, n int) {
			s.senders.lost(s.senders.of(from), reason, "", n)
		},
	}
}

func addressOf(a net.Addr) netip.Addr {
	switch a := a.(type) {
	case *net.UDPAddr:
		return a.AddrPort().Addr().Unmap().WithZone("")
	case *net.TCPAddr:
		return a.AddrPort().Addr().Unmap().WithZone("")
	case nil:
		return netip.Addr{}
	}
	p, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return p.Addr().Unmap().WithZone("")
}
