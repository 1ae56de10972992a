package netpath

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// userSocket is a UDP socket which the kernel tells of ICMP errors. It needs no right.
// Routers that send back only eight bytes of a packet (RFC 792) are not recognized by
// it, since the kernel keeps those for itself.
type userSocket struct {
	fd   int
	conn *net.UDPConn
}

func (s *Sockets) openUser() error {
	var why error
	for i, family := range []string{"udp4", "udp6"} {
		c, err := net.ListenUDP(family, nil)
		if err != nil {
			why = err
			continue
		}
		rc, err := c.SyscallConn()
		if err != nil {
			_ = c.Close()
			return err
		}
		u := &userSocket{conn: c}
		ctlErr := rc.Control(func(fd uintptr) {
			u.fd = int(fd)
			level, opt := unix.IPPROTO_IP, unix.IP_RECVERR
			if family == "udp6" {
				level, opt = unix.IPPROTO_IPV6, unix.IPV6_RECVERR
			}
			err = errors.Join(unix.SetsockoptInt(u.fd, level, opt, 1), unix.SetsockoptInt(u.fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1))
			_ = unix.SetsockoptInt(u.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, bufferSize)
		})
		if err = errors.Join(ctlErr, err); err != nil {
			_ = c.Close()
			return err
		}
		s.user[i] = u
		s.conns = append(s.conns, c)
		s.wg.Go(func() { s.receiveUser(rc) })
	}
	if s.user[0] == nil && s.user[1] == nil {
		return why
	}
	return nil
}

func (s *Sockets) sendUser(p *Probe) (time.Time, error) {
	b := make([]byte, identity+p.Size)
	payload(b, p.Token)
	u, oob := s.user[0], append(intOption(unix.IPPROTO_IP, unix.IP_TTL, p.TTL), intOption(unix.IPPROTO_IP, unix.IP_TOS, p.DSCP<<2)...)
	var to unix.Sockaddr
	if p.Addr.Is6() {
		u, oob = s.user[1], options6(p)
		to = &unix.SockaddrInet6{Addr: p.Addr.As16(), Port: int(p.Port), ZoneId: zone(p.Addr)}
	} else {
		to = &unix.SockaddrInet4{Addr: p.Addr.As4(), Port: int(p.Port)}
	}
	if u == nil {
		return time.Time{}, errors.New("this machine does not have this version of IP")
	}
	rc, err := u.conn.SyscallConn()
	if err != nil {
		return time.Time{}, err
	}
	var at time.Time
	ctlErr := rc.Control(func(fd uintptr) {
		// The kernel reports an earlier ICMP error at the next call; it is not about this
		// packet.
		for range 3 {
			at = time.Now()
			if _, err = unix.SendmsgN(int(fd), b, oob, to, unix.MSG_DONTWAIT); err == nil || errors.Is(err, unix.EAGAIN) {
				return
			}
		}
	})
	return at, errors.Join(ctlErr, err)
}

// receiveUser reads the queue of errors.
func (s *Sockets) receiveUser(rc syscall.RawConn) {
	b, oob := make([]byte, 2048), make([]byte, 512)
	for {
		err := rc.Read(func(fd uintptr) bool {
			for {
				n, m, _, to, err := unix.Recvmsg(int(fd), b, oob, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
				if err != nil {
					break
				}
				if a, ok := userAnswer(b[:n], oob[:m], to); ok {
					a.At = stamp(oob[:m])
					s.hear(a)
				}
			}
			// What targets send to us is thrown away.
			for {
				if _, _, err := unix.Recvfrom(int(fd), b, unix.MSG_DONTWAIT); errors.Is(err, unix.EAGAIN) {
					break
				}
			}
			return false
		})
		if err != nil {
			return
		}
	}
}

// userAnswer reads an error as the kernel gives it: our payload, who complains, and
// where the packet was to go.
func userAnswer(b, oob []byte, to unix.Sockaddr) (a Answer, ok bool) {
	if a.Token, ok = tokenOf(b); !ok {
		return a, false
	}
	switch t := to.(type) {
	case *unix.SockaddrInet4:
		a.To = netip.AddrFrom4(t.Addr)
	case *unix.SockaddrInet6:
		a.To = netip.AddrFrom16(t.Addr).Unmap()
	default:
		return a, false
	}
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return a, false
	}
	const head = int(unsafe.Sizeof(unix.SockExtendedErr{}))
	for _, m := range msgs {
		v4 := m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_RECVERR
		v6 := m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_RECVERR
		if (!v4 && !v6) || len(m.Data) < head+8 {
			continue
		}
		e := *(*unix.SockExtendedErr)(unsafe.Pointer(&m.Data[0])) //nolint:gosec // its size was checked
		who := m.Data[head:]
		switch {
		case e.Origin == unix.SO_EE_ORIGIN_ICMP && v4:
			a.From = netip.AddrFrom4([4]byte(who[4:8]))
			a.Code = unreachable4(e.Code)
			if e.Type == 11 {
				a.Code = Exceeded
			}
		case e.Origin == unix.SO_EE_ORIGIN_ICMP6 && v6 && len(who) >= 24:
			a.From = netip.AddrFrom16([16]byte(who[8:24]))
			switch e.Type {
			case 3:
				a.Code = Exceeded
			case 2:
				a.Code = TooBig
			default:
				a.Code = unreachable6(e.Code)
			}
		default:
			continue
		}
		(&flow{}).arrived(&a, protoUDP)
		return a, true
	}
	return a, false
}
