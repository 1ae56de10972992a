package netpath

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

// Sockets is a wire over the sockets of the kernel, one of each kind for all targets.
type Sockets struct {
	flow flow
	hear func(Answer)
	raw  bool

	send4 int // IPPROTO_RAW, with our own IPv4 header
	// send6 are raw sockets by protocol.
	send6 map[Proto]int
	conns []closer
	user  [2]*userSocket
	held  []int // bound so that nobody else uses our ports

	mu      sync.Mutex
	sources map[netip.Addr]source
	buf     []byte
	wg      sync.WaitGroup
}

type closer interface{ Close() error }

// source is the address that packets to a target come from.
type source struct {
	addr netip.Addr
	at   time.Time
}

// sourceFor is how long it is believed: routes of this machine may change.
const sourceFor = 30 * time.Second

// bufferSize holds the answers to some thousands of probes.
const bufferSize = 4 << 20

// Open opens the sockets. Without the right to open raw ones it falls back to UDP
// sockets that are told of ICMP errors by the kernel (IP_RECVERR), which need no right.
func Open(hear func(Answer)) (*Sockets, error) {
	s := &Sockets{hear: hear, send4: -1, send6: map[Proto]int{}, sources: map[netip.Addr]source{}, buf: make([]byte, 2048)}
	s.flow = flow{ident: uint16(rand.Uint32()) | 1, salt: uint16(rand.Uint32())} //nolint:gosec // any number is right
	err := s.openRaw()
	if err == nil {
		s.raw = true
		return s, nil
	}
	s.Close()
	if !errors.Is(err, os.ErrPermission) {
		return nil, err
	}
	if err := s.openUser(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Raw tells whether raw sockets are used; else only UDP can be sent.
func (s *Sockets) Raw() bool { return s.raw }

// Can implements Wire.
func (s *Sockets) Can(p Proto) error {
	if !s.raw && p != UDP {
		return NeedsRawError{p}
	}
	return nil
}

// Close ends the wire.
func (s *Sockets) Close() {
	for _, c := range s.conns {
		_ = c.Close()
	}
	s.wg.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	fds := s.held
	if s.send4 >= 0 {
		fds = append(fds, s.send4)
	}
	for _, fd := range s.send6 {
		fds = append(fds, fd)
	}
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
	s.conns, s.held, s.send4, s.send6 = nil, nil, -1, map[Proto]int{}
}

func (s *Sockets) openRaw() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_RAW)
	if err != nil {
		return fmt.Errorf("raw socket: %w", err)
	}
	s.send4 = fd
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, bufferSize)
	if s.flow.udp, err = s.hold(unix.SOCK_DGRAM); err != nil {
		return err
	}
	if s.flow.tcp, err = s.hold(unix.SOCK_STREAM); err != nil {
		return err
	}
	if err := s.listen("ip4:icmp", "0.0.0.0", s.filterICMP4(), func(b []byte, _ netip.Addr) (Answer, bool) { return s.flow.parse4(b) }); err != nil {
		return err
	}
	if err := s.listen("ip4:tcp", "0.0.0.0", s.filterTCP(true), func(b []byte, from netip.Addr) (Answer, bool) {
		_, _, _, rest, _, ok := ip4(b)
		if !ok {
			return Answer{}, false
		}
		return s.flow.parseTCP(rest, from)
	}); err != nil {
		return err
	}
	// A kernel without IPv6 still has IPv4.
	if err := s.openRaw6(); err != nil && !errors.Is(err, syscall.EAFNOSUPPORT) {
		return err
	}
	return nil
}

func (s *Sockets) openRaw6() error {
	for p, n := range map[Proto]int{ICMP: protoICMP6, UDP: protoUDP, TCP: protoTCP} {
		fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, n)
		if err != nil {
			return fmt.Errorf("raw IPv6 socket: %w", err)
		}
		s.send6[p] = fd
		// It only sends: everything that could come in is filtered out.
		_ = setFilter(fd, []bpf.Instruction{bpf.RetConstant{Val: 0}})
		at := map[Proto]int{UDP: 6, TCP: 16}[p]
		if at > 0 {
			if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_CHECKSUM, at); err != nil {
				return fmt.Errorf("checksum of IPv6: %w", err)
			}
		}
	}
	if err := s.listen("ip6:ipv6-icmp", "::", nil, s.flow.parse6); err != nil {
		return err
	}
	return s.listen("ip6:tcp", "::", s.filterTCP(false), s.flow.parseTCP)
}

// hold takes a port of all addresses, so that nobody else sends from it. Nothing ever
// listens on it: the kernel refuses what a target opens, as it should.
func (s *Sockets) hold(kind int) (uint16, error) {
	for _, family := range []int{unix.AF_INET6, unix.AF_INET} {
		fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			continue
		}
		var any unix.Sockaddr = &unix.SockaddrInet4{}
		if family == unix.AF_INET6 {
			_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0)
			any = &unix.SockaddrInet6{}
		}
		if kind == unix.SOCK_DGRAM {
			_ = setFilter(fd, []bpf.Instruction{bpf.RetConstant{Val: 0}})
		}
		if err := unix.Bind(fd, any); err != nil {
			_ = unix.Close(fd)
			continue
		}
		s.held = append(s.held, fd)
		name, err := unix.Getsockname(fd)
		if err != nil {
			return 0, err
		}
		switch a := name.(type) {
		case *unix.SockaddrInet4:
			return uint16(a.Port), nil //nolint:gosec // a port
		case *unix.SockaddrInet6:
			return uint16(a.Port), nil //nolint:gosec // a port
		}
	}
	return 0, errors.New("no port can be opened")
}

// listen hears the answers of one kind.
func (s *Sockets) listen(network, addr string, filter []bpf.Instruction, parse func([]byte, netip.Addr) (Answer, bool)) error {
	pc, err := net.ListenPacket(network, addr)
	if err != nil {
		if network[2] == '6' && errors.Is(err, syscall.EADDRNOTAVAIL) {
			return syscall.EAFNOSUPPORT // IPv6 is switched off
		}
		return err
	}
	c := pc.(*net.IPConn)
	if err := prepare(c); err != nil {
		_ = c.Close()
		return err
	}
	if filter != nil {
		raw, err := bpf.Assemble(filter)
		if err == nil {
			err = ipv4.NewPacketConn(c).SetBPF(raw)
		}
		if err != nil {
			_ = c.Close()
			return fmt.Errorf("filter: %w", err)
		}
	} else {
		var f ipv6.ICMPFilter
		f.SetAll(true)
		for _, t := range []ipv6.ICMPType{ipv6.ICMPTypeEchoReply, ipv6.ICMPTypeDestinationUnreachable, ipv6.ICMPTypePacketTooBig, ipv6.ICMPTypeTimeExceeded} {
			f.Accept(t)
		}
		if err := ipv6.NewPacketConn(c).SetICMPFilter(&f); err != nil {
			_ = c.Close()
			return fmt.Errorf("filter: %w", err)
		}
	}
	s.conns = append(s.conns, c)
	s.wg.Go(func() { s.receive(c, parse) })
	return nil
}

func (s *Sockets) receive(c *net.IPConn, parse func([]byte, netip.Addr) (Answer, bool)) {
	b, oob := make([]byte, 2048), make([]byte, 256)
	for {
		n, m, _, from, err := c.ReadMsgIP(b, oob)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || from == nil {
			continue
		}
		addr, _ := netip.AddrFromSlice(from.IP)
		a, ok := parse(b[:n], addr.Unmap())
		if !ok {
			continue
		}
		a.At = stamp(oob[:m])
		s.hear(a)
	}
}

// stamp is when the kernel took a packet, as long as that is believable: the clock may
// have been set meanwhile.
func stamp(oob []byte) time.Time {
	now := time.Now()
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return now
	}
	for _, m := range msgs {
		if m.Header.Level != unix.SOL_SOCKET || m.Header.Type != unix.SCM_TIMESTAMPNS || len(m.Data) < int(unsafe.Sizeof(unix.Timespec{})) {
			continue
		}
		ts := *(*unix.Timespec)(unsafe.Pointer(&m.Data[0])) //nolint:gosec // its size was checked
		late := now.Sub(time.Unix(ts.Unix()))
		if late > 0 && late < time.Second {
			return now.Add(-late) // keeps the monotonic reading
		}
	}
	return now
}

func prepare(c syscall.Conn) error {
	rc, err := c.SyscallConn()
	if err != nil {
		return err
	}
	return errors.Join(rc.Control(func(fd uintptr) {
		if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, bufferSize) != nil {
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, bufferSize)
		}
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	}), err)
}

// filterICMP4 lets errors through, and answers to our own echo requests.
func (s *Sockets) filterICMP4() []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadMemShift{Off: 0},
		bpf.LoadIndirect{Off: 0, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 3, SkipTrue: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 11, SkipTrue: 3},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 3},
		bpf.LoadIndirect{Off: 4, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(s.flow.ident), SkipTrue: 1},
		bpf.RetConstant{Val: 2048},
		bpf.RetConstant{Val: 0},
	}
}

// filterTCP lets through what is sent to our port.
func (s *Sockets) filterTCP(header bool) []bpf.Instruction {
	load := []bpf.Instruction{bpf.LoadAbsolute{Off: 2, Size: 2}}
	if header {
		load = []bpf.Instruction{bpf.LoadMemShift{Off: 0}, bpf.LoadIndirect{Off: 2, Size: 2}}
	}
	return append(load,
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(s.flow.tcp), SkipTrue: 1},
		bpf.RetConstant{Val: 2048},
		bpf.RetConstant{Val: 0},
	)
}

func setFilter(fd int, prog []bpf.Instruction) error {
	raw, err := bpf.Assemble(prog)
	if err != nil {
		return err
	}
	fs := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		fs[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(fs)), Filter: &fs[0]}) //nolint:gosec // five instructions
}

// Send implements Wire.
func (s *Sockets) Send(p *Probe) (time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.Can(p.Proto); err != nil {
		return time.Time{}, err
	}
	if !s.raw {
		return s.sendUser(p)
	}
	if p.Addr.Is6() {
		return s.sendRaw6(p)
	}
	if s.send4 < 0 {
		return time.Time{}, net.ErrClosed
	}
	src, err := s.source(p.Addr)
	if err != nil {
		return time.Time{}, err
	}
	n := s.flow.packet4(s.buf, p, src)
	at := time.Now()
	return at, unix.Sendto(s.send4, s.buf[:n], unix.MSG_DONTWAIT, &unix.SockaddrInet4{Addr: p.Addr.As4()})
}

func (s *Sockets) sendRaw6(p *Probe) (time.Time, error) {
	fd, ok := s.send6[p.Proto]
	if !ok {
		return time.Time{}, errors.New("this machine has no IPv6")
	}
	n := s.flow.transport(s.buf, p, netip.Addr{})
	to := &unix.SockaddrInet6{Addr: p.Addr.As16(), ZoneId: zone(p.Addr)}
	at := time.Now()
	_, err := unix.SendmsgN(fd, s.buf[:n], options6(p), to, unix.MSG_DONTWAIT)
	return at, err
}

// options6 are the hop limit and the traffic class of one packet.
func options6(p *Probe) []byte {
	return append(intOption(unix.IPPROTO_IPV6, unix.IPV6_HOPLIMIT, p.TTL), intOption(unix.IPPROTO_IPV6, unix.IPV6_TCLASS, p.DSCP<<2)...)
}

func intOption(level, typ int32, v int) []byte {
	b := make([]byte, unix.CmsgSpace(4))
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0])) //nolint:gosec // as cmsg(3) says
	h.Level, h.Type = level, typ
	h.SetLen(unix.CmsgLen(4))
	*(*int32)(unsafe.Pointer(&b[unix.CmsgLen(0)])) = int32(v) //nolint:gosec // a small number
	return b
}

func zone(a netip.Addr) uint32 {
	if a.Zone() == "" {
		return 0
	}
	i, err := net.InterfaceByName(a.Zone())
	if err != nil {
		return 0
	}
	return uint32(i.Index) //nolint:gosec // of the kernel
}

// source asks the kernel which address it sends from: the checksums of UDP and TCP
// have it in them.
func (s *Sockets) source(to netip.Addr) (netip.Addr, error) {
	now := time.Now()
	if c, ok := s.sources[to]; ok && now.Sub(c.at) < sourceFor {
		return c.addr, nil
	}
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, DefaultUDPPort)))
	if err != nil {
		return netip.Addr{}, err
	}
	defer c.Close()
	ap, err := netip.ParseAddrPort(c.LocalAddr().String())
	if err != nil {
		return netip.Addr{}, err
	}
	if len(s.sources) > 10_000 {
		clear(s.sources)
	}
	s.sources[to] = source{ap.Addr().Unmap(), now}
	return ap.Addr().Unmap(), nil
}
