// Package icmp sends echo requests ("ping") over one socket for each address
// family, which all who ask share. It tells who answered and after how long; what
// that means is for its callers.
package icmp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// Socket is one socket of one address family that all who ask share. Requests carry
// a random token; the answer with that token, from the address asked, is theirs.
type Socket struct {
	v6      bool
	conn    net.PacketConn
	raw     bool
	id      uint16
	salt    uint64
	mu      sync.Mutex
	next    uint64
	waiting map[uint64]waiter
}

type waiter struct {
	addr netip.Addr
	sent time.Time
	seq  int
	out  chan<- Reply
}

// Reply is one answer: which packet of the run, and after how long.
type Reply struct {
	// Seq is the number that was given with the request.
	Seq int
	RTT time.Duration
}

// Echo messages have an 8 byte header and 56 bytes of data, as usual.
const packetSize = 64

// Sockets are the two shared sockets, opened at first use. The zero value is ready.
type Sockets struct {
	mu  sync.Mutex
	set [2]*Socket
}

// Of gives the socket of the family of addr. A socket that could not be opened is
// tried again at the next call.
func (e *Sockets) Of(addr netip.Addr) (*Socket, error) {
	i := 0
	if addr.Is6() {
		i = 1
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.set[i] == nil {
		n, err := open(addr.Is6())
		if err != nil {
			return nil, err
		}
		e.set[i] = n
		go n.receive()
	}
	return e.set[i], nil
}

// open prefers the unprivileged socket of the kernel, where the group of the
// process is in net.ipv4.ping_group_range, and falls back to a raw one.
func open(v6 bool) (*Socket, error) {
	names := [2][2]string{{"udp4", "0.0.0.0"}, {"ip4:icmp", "0.0.0.0"}}
	if v6 {
		names = [2][2]string{{"udp6", "::"}, {"ip6:ipv6-icmp", "::"}}
	}
	e := &Socket{v6: v6, id: uint16(os.Getpid()) ^ uint16(rand.Uint32()), salt: rand.Uint64(), waiting: map[uint64]waiter{}}
	c, err := icmp.ListenPacket(names[0][0], names[0][1])
	if err == nil {
		e.conn = c
		return e, nil
	}
	rc, err := net.ListenPacket(names[1][0], names[1][1])
	if err != nil {
		return nil, fmt.Errorf("ICMP is not permitted: allow the group of Mainstay in net.ipv4.ping_group_range, or give the program CAP_NET_RAW (%w)", errors.Unwrap(err))
	}
	e.raw, e.conn = true, rc
	if ip, ok := rc.(*net.IPConn); ok {
		growBuffer(ip)
	}
	e.filter(rc)
	return e, nil
}

// bufferSize holds the answers to some thousands of requests, as many probes may
// ask at the same moment.
const bufferSize = 4 << 20

// filter keeps the kernel from waking us for ICMP that is not an answer to us: a
// raw socket sees all of it. Without the filter everything works, at more cost.
func (e *Socket) filter(c net.PacketConn) {
	if e.v6 {
		var f ipv6.ICMPFilter
		f.SetAll(true)
		f.Accept(ipv6.ICMPTypeEchoReply)
		_ = ipv6.NewPacketConn(c).SetICMPFilter(&f)
		return
	}
	prog, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadMemShift{Off: 0}, // X = length of the IP header
		bpf.LoadIndirect{Off: 0, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(ipv4.ICMPTypeEchoReply), SkipTrue: 3},
		bpf.LoadIndirect{Off: 4, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(e.id), SkipTrue: 1},
		bpf.RetConstant{Val: 2048},
		bpf.RetConstant{Val: 0},
	})
	if err == nil {
		_ = ipv4.NewPacketConn(c).SetBPF(prog)
	}
}

// Send asks addr once; the answer goes to out, which must have room: an answer for
// which there is none is dropped. The token is for Forget.
func (e *Socket) Send(addr netip.Addr, seq int, out chan<- Reply) (uint64, error) {
	var b [packetSize]byte
	b[0] = byte(ipv4.ICMPTypeEcho)
	if e.v6 {
		b[0] = 128 // ipv6.ICMPTypeEchoRequest
	}
	e.mu.Lock()
	e.next++
	token := e.next ^ e.salt
	e.waiting[token] = waiter{addr: addr.WithZone(""), sent: time.Now(), seq: seq, out: out}
	e.mu.Unlock()
	binary.BigEndian.PutUint16(b[4:], e.id)
	binary.BigEndian.PutUint16(b[6:], uint16(seq))
	binary.BigEndian.PutUint64(b[8:], token)
	if !e.v6 { // the kernel fills in the checksum of ICMPv6
		binary.BigEndian.PutUint16(b[2:], checksum(b[:]))
	}
	_, err := e.conn.WriteTo(b[:], e.address(addr))
	if err != nil {
		e.Forget(token)
	}
	return token, err
}

func (e *Socket) address(a netip.Addr) net.Addr {
	if e.raw {
		return &net.IPAddr{IP: a.AsSlice(), Zone: a.Zone()}
	}
	return &net.UDPAddr{IP: a.AsSlice(), Zone: a.Zone()}
}

// Forget ends the wait for an answer.
func (e *Socket) Forget(token uint64) {
	e.mu.Lock()
	delete(e.waiting, token)
	e.mu.Unlock()
}

// receive hands out answers until the socket is closed, which happens with the process.
func (e *Socket) receive() {
	b := make([]byte, 1500)
	want := byte(ipv4.ICMPTypeEchoReply)
	if e.v6 {
		want = 129
	}
	for {
		n, from, err := e.conn.ReadFrom(b)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || n < 16 || b[0] != want {
			continue
		}
		now := time.Now()
		token := binary.BigEndian.Uint64(b[8:])
		e.mu.Lock()
		w, ok := e.waiting[token]
		if ok && w.addr == addrOf(from) {
			delete(e.waiting, token)
		} else {
			ok = false
		}
		e.mu.Unlock()
		if ok {
			select {
			case w.out <- Reply{Seq: w.seq, RTT: now.Sub(w.sent)}:
			default: // the run has all it asked for
			}
		}
	}
}

func addrOf(a net.Addr) netip.Addr {
	var ip net.IP
	switch t := a.(type) {
	case *net.UDPAddr:
		ip = t.IP
	case *net.IPAddr:
		ip = t.IP
	}
	addr, _ := netip.AddrFromSlice(ip)
	return addr.Unmap()
}

// Waiting tells how many answers are waited for.
func (e *Socket) Waiting() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.waiting)
}

// checksum is the Internet checksum of RFC 1071 over b, whose checksum field is zero.
func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
