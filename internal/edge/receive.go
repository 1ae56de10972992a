package edge

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
)

// ports are the listening ports of the edge, as the server says.
type ports struct {
	e  *edge
	wg sync.WaitGroup

	mu   sync.Mutex
	want edgewire.Receive
	open map[string]*port
	// retry is when those that could not be opened are tried again.
	retry time.Time
}

// portAgain is how long after a failure a port is tried again.
const portAgain = 30 * time.Second

// port is one of them.
type port struct {
	name, addr              string
	problem                 string
	conn                    net.PacketConn
	taken, refused, dropped atomic.Int64
}

func newPorts(e *edge) *ports { return &ports{e: e, open: map[string]*port{}} }

// set makes want what is received. A port that stays as it is, is not closed.
func (p *ports) set(want edgewire.Receive) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.want = want
	for name, x := range p.open {
		if want.Listen[name] != x.addr {
			x.close()
			delete(p.open, name)
		}
	}
	p.begin()
}

// begin opens what is not open. p.mu is held.
func (p *ports) begin() {
	if p.e.ctx.Err() != nil {
		return
	}
	p.retry = time.Now().Add(portAgain)
	for _, name := range edgewire.ReceivePorts {
		addr := p.want.Listen[name]
		if addr == "" || p.open[name] != nil && p.open[name].conn != nil {
			continue
		}
		x := p.open[name]
		if x == nil {
			x = &port{name: name, addr: addr}
			p.open[name] = x
		}
		conn, err := net.ListenPacket("udp", addr)
		if err != nil {
			why := openProblem(err)
			if why != x.problem {
				p.e.o.Logger.Warn("a port cannot be opened; it is tried again", "port", name, "address", addr, "reason", why, "error", err)
			}
			x.problem = why
			continue
		}
		x.conn, x.problem = conn, ""
		if u, ok := conn.(*net.UDPConn); ok {
			_ = u.SetReadBuffer(4 << 20) // what the system does not give is no error
		}
		p.e.o.Logger.Info("a port is open", "port", name, "address", conn.LocalAddr().String())
		p.wg.Go(func() { p.listen(x, conn) })
	}
}

// openProblem says why a port is not open, and what to do.
func openProblem(err error) string {
	switch {
	case errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.EPERM):
		return "The edge may not open a port below 1024: it needs the capability CAP_NET_BIND_SERVICE."
	case errors.Is(err, syscall.EADDRINUSE):
		return "Another program uses the port."
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "The machine does not have this address."
	}
	return "The port cannot be opened: " + err.Error()
}

// keep tries again what could not be opened, until ctx ends; then all is closed.
func (p *ports) keep(ctx context.Context) {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case now := <-t.C:
			p.mu.Lock()
			if now.After(p.retry) {
				p.begin()
			}
			p.mu.Unlock()
		}
	}
	p.mu.Lock()
	for _, x := range p.open {
		x.close()
	}
	p.mu.Unlock()
	p.wg.Wait()
}

func (x *port) close() {
	if x.conn != nil {
		_ = x.conn.Close()
	}
}

func (p *ports) admits(a netip.Addr) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.want.Admits(a)
}

// states tell how the ports are, by name.
func (p *ports) states() []edgewire.PortState {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []edgewire.PortState
	for _, name := range edgewire.ReceivePorts {
		if x := p.open[name]; x != nil {
			out = append(out, edgewire.PortState{Name: name, Address: x.addr, Problem: x.problem, Taken: x.taken.Load(), Refused: x.refused.Load(), Dropped: x.dropped.Load()})
		}
	}
	return out
}

// listen reads datagrams until the port is closed.
func (p *ports) listen(x *port, conn net.PacketConn) {
	buf := make([]byte, 65535)
	for {
		n, from, err := conn.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			select {
			case <-p.e.ctx.Done():
				return
			case <-time.After(100 * time.Millisecond): // an error that lasts must not spin
			}
			continue
		}
		ap, err := netip.ParseAddrPort(from.String())
		if err != nil || !p.admits(ap.Addr()) {
			x.refused.Add(1)
			continue
		}
		sender := ap.Addr().Unmap().WithZone("")
		kept := false
		if x.name == edgewire.PortTrap {
			kept = p.e.traps.take(datagram{append([]byte(nil), buf[:n]...), from, sender, time.Now(), conn})
		} else {
			kept = p.e.flows.take(x.name, sender, buf[:n], time.Now())
		}
		if kept {
			x.taken.Add(1)
		} else {
			x.dropped.Add(1)
		}
	}
}
