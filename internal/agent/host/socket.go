package host

import (
	"cmp"
	"context"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
)

// socket is one socket of this host.
type socket struct {
	protocol      string // tcp or udp
	local, remote netip.AddrPort
	listens       bool
	pid           int32
}

const (
	maxSockets     = 100_000
	maxPorts       = 2000
	maxConnections = 2000
)

// udpPorts mean a service; other UDP sockets are mostly clients that wait for an answer.
var udpPorts = []uint16{53, 67, 123, 137, 161, 162, 500, 514, 1194, 1812, 1813, 4500, 51820}

// Sockets lists the ports on which processes wait and the connections to other hosts.
func (r *Reader) Sockets(ctx context.Context) (ports []agentwire.Port, conns []agentwire.Connection) {
	all, err := sockets(ctx)
	if err != nil {
		return nil, nil
	}
	type key struct {
		protocol string
		port     uint16
	}
	found := map[key]*agentwire.Port{}
	for _, s := range all {
		if !s.listens && (s.protocol != "udp" || !slices.Contains(udpPorts, s.local.Port()) || s.remote.Port() != 0) {
			continue
		}
		k := key{s.protocol, s.local.Port()}
		p := found[k]
		if p == nil {
			if len(found) >= maxPorts {
				continue
			}
			p = &agentwire.Port{Protocol: s.protocol, Port: int(s.local.Port()), PID: s.pid}
			found[k] = p
		}
		// Workers that inherited a socket are the same service as their parent.
		if s.pid != 0 && (p.PID == 0 || s.pid < p.PID) {
			p.PID = s.pid
		}
		if a := s.local.Addr().String(); !slices.Contains(p.Addresses, a) {
			p.Addresses = append(p.Addresses, a)
		}
	}
	ports = make([]agentwire.Port, 0, len(found))
	for _, p := range found {
		slices.Sort(p.Addresses)
		if p.PID != 0 {
			x := r.one(ctx, p.PID)
			p.Process, p.User, p.Command = x.name, x.user, x.command
		}
		ports = append(ports, *p)
	}
	slices.SortFunc(ports, func(a, b agentwire.Port) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), strings.Compare(a.Protocol, b.Protocol))
	})
	return ports, r.outgoing(ctx, all, func(protocol string, port uint16) bool { return found[key{protocol, port}] != nil })
}

// outgoing are the connections that this host made: those whose local port waits for
// nobody. The agent's own, to the server, is not one of them: it would make every host
// depend on the server. Connections of one process to one port of one host count once.
func (r *Reader) outgoing(ctx context.Context, all []socket, waits func(string, uint16) bool) []agentwire.Connection {
	out := []agentwire.Connection{}
	seen := map[agentwire.Connection]bool{}
	names := map[int32]string{}
	own := int32(os.Getpid())
	for _, s := range all {
		if s.pid == own || s.listens || s.protocol != "tcp" || s.remote.Port() == 0 || s.remote.Addr().IsLoopback() || s.remote.Addr() == s.local.Addr() || waits(s.protocol, s.local.Port()) {
			continue
		}
		name, ok := names[s.pid]
		if !ok && s.pid != 0 {
			name = r.one(ctx, s.pid).name
			names[s.pid] = name
		}
		c := agentwire.Connection{RemoteAddress: s.remote.Addr().WithZone("").String(), RemotePort: int(s.remote.Port()), Process: name}
		if !seen[c] && len(out) < maxConnections {
			seen[c] = true
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b agentwire.Connection) int {
		return cmp.Or(strings.Compare(a.RemoteAddress, b.RemoteAddress), cmp.Compare(a.RemotePort, b.RemotePort), strings.Compare(a.Process, b.Process))
	})
	return out
}
