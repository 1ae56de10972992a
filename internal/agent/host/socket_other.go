//go:build !linux

package host

import (
	"context"
	"net/netip"

	"github.com/shirou/gopsutil/v4/net"
	"github.com/shirou/gopsutil/v4/process"
)

// sockets asks the system for all sockets and their processes.
func sockets(ctx context.Context) ([]socket, error) {
	cs, err := net.ConnectionsMaxWithContext(ctx, "inet", maxSockets)
	if err != nil {
		return nil, err
	}
	var out []socket
	for _, c := range cs {
		s := socket{protocol: "tcp", local: addrPort(c.Laddr), remote: addrPort(c.Raddr), listens: c.Status == "LISTEN", pid: c.Pid}
		if c.Type != 1 {
			s.protocol = "udp"
		} else if !s.listens && c.Status != "ESTABLISHED" {
			continue
		}
		out = append(out, s)
	}
	return out, nil
}

func addrPort(a net.Addr) netip.AddrPort {
	ip, err := netip.ParseAddr(a.IP)
	if err != nil {
		ip = netip.IPv6Unspecified() // written as * or left out
	}
	return netip.AddrPortFrom(ip.Unmap(), uint16(a.Port))
}

// one describes a single process.
func (r *Reader) one(ctx context.Context, pid int32) proc {
	p := proc{pid: pid}
	if x, err := process.NewProcessWithContext(ctx, pid); err == nil {
		p.name, _ = x.NameWithContext(ctx)
	}
	r.describe(ctx, &p)
	return p
}
