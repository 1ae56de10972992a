//go:build linux

package netpath

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// lab is an Internet of which everything is known: it stands behind a TUN device in a
// network namespace of its own and answers every packet as its routers and targets
// would. It notes what it did, so that what was measured can be held against the truth.
type lab struct {
	t  *testing.T
	fd int

	mu    sync.Mutex
	ways  map[netip.Addr]*way
	rnd   *rand.Rand
	flows map[netip.Addr]map[uint64]bool // by target, what routers take for the flow
	truth map[labKey]*labTruth
	ended bool
	until time.Time // what comes later is not counted
}

type labKey struct {
	target netip.Addr
	ttl    int
}

// labTruth is what happened to the probes that a hop got.
type labTruth struct {
	got, lost int
	delays    time.Duration
	answers   int
}

// way is the path to a target.
type way struct {
	routers []router
	// delay and loss of the target itself, there and back.
	delay time.Duration
	loss  float64
	// dead targets answer nothing; refused ones are refused by the last router.
	dead, refused bool
}

// router is a hop. Packets to it and beyond are lost by its loss.
type router struct {
	addrs  []netip.Addr // several are equal-cost ways, chosen by the flow
	delay  time.Duration
	loss   float64
	silent bool
	// every is the share of probes that it answers, for one that limits its answers.
	limit float64
	// eight sends back eight bytes of the packet only (RFC 792).
	eight bool
}

func r1(addr string, delay time.Duration) router {
	return router{addrs: []netip.Addr{netip.MustParseAddr(addr)}, delay: delay}
}

// newLab moves the test into a namespace of its own. What opens sockets must be called
// by the goroutine of the test.
func newLab(t *testing.T) *lab {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("a network namespace needs root")
	}
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skip("a network namespace cannot be made here: " + err.Error())
	}
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skip("there is no TUN device here: " + err.Error())
	}
	var req [40]byte
	copy(req[:], "lab0")
	binary.NativeEndian.PutUint16(req[16:], unix.IFF_TUN|unix.IFF_NO_PI)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TUNSETIFF, uintptr(unsafe.Pointer(&req[0])))
	require.Zero(t, errno)
	for _, c := range []string{
		"link set lo up", "link set lab0 up", "addr add 198.18.0.1/32 dev lab0", "route add default dev lab0 src 198.18.0.1",
		"-6 addr add 2001:db8::1/128 dev lab0 nodad", "-6 route add default dev lab0",
	} {
		out, err := exec.Command("ip", strings.Fields(c)...).CombinedOutput()
		require.NoError(t, err, "ip %s: %s", c, out)
	}
	l := &lab{t: t, fd: fd, ways: map[netip.Addr]*way{}, rnd: rand.New(rand.NewPCG(1, 2)), flows: map[netip.Addr]map[uint64]bool{}, truth: map[labKey]*labTruth{}}
	go l.run()
	t.Cleanup(func() {
		l.mu.Lock()
		l.ended = true
		l.mu.Unlock()
		_ = unix.Close(fd)
	})
	return l
}

func (l *lab) set(target string, w *way) netip.Addr {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := netip.MustParseAddr(target)
	l.ways[a] = w
	return a
}

func (l *lab) run() {
	runtime.LockOSThread()
	b := make([]byte, 4096)
	for {
		n, err := unix.Read(l.fd, b)
		at := time.Now()
		l.mu.Lock()
		ended := l.ended
		l.mu.Unlock()
		if ended || (err != nil && err != unix.EINTR) {
			return
		}
		if n > 0 {
			l.packet(append([]byte(nil), b[:n]...), at)
		}
	}
}

// packet decides what becomes of a packet.
func (l *lab) packet(p []byte, at time.Time) {
	var dst netip.Addr
	var ttl int
	var head int
	var proto byte
	switch p[0] >> 4 {
	case 4:
		dst, ttl, proto, head = netip.AddrFrom4([4]byte(p[16:20])), int(p[8]), p[9], int(p[0]&15)*4
	case 6:
		dst, ttl, proto, head = netip.AddrFrom16([16]byte(p[24:40])), int(p[7]), p[6], 40
	default:
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.ways[dst]
	if w == nil {
		return
	}
	body := p[head:]
	if proto == protoTCP && body[13]&0x04 != 0 {
		return // the reset that the kernel sends for the answer to our SYN
	}
	if !l.until.IsZero() && at.After(l.until) {
		return
	}
	flow := flowOf(p, proto, body)
	if l.flows[dst] == nil {
		l.flows[dst] = map[uint64]bool{}
	}
	l.flows[dst][flow] = true
	delay := time.Duration(0)
	for i, r := range w.routers {
		delay += r.delay
		last := i == len(w.routers)-1
		tr := l.at(dst, i+1)
		if ttl == i+1 {
			tr.got++
		}
		if l.rnd.Float64() < r.loss {
			if ttl == i+1 {
				tr.lost++
			} else {
				l.lostOnWay(dst, w, ttl)
			}
			return
		}
		if ttl != i+1 && !(last && w.refused) {
			continue
		}
		if r.silent || (r.limit > 0 && l.rnd.Float64() >= r.limit) {
			tr.lost++
			return
		}
		from := r.addrs[flow%uint64(len(r.addrs))]
		quote := p
		if r.eight {
			quote = p[:head+8]
		}
		typ := byte(11)
		if ttl != i+1 {
			typ = 3
		}
		l.reply(icmpError(from, p, quote, typ), at, delay, tr)
		return
	}
	tr := l.at(dst, len(w.routers)+1)
	tr.got++
	if w.dead || l.rnd.Float64() < w.loss {
		tr.lost++
		return
	}
	delay += w.delay
	l.reply(answer(p, head, proto, dst), at, delay, tr)
}

// lostOnWay counts a probe that a router before its hop lost.
func (l *lab) lostOnWay(dst netip.Addr, w *way, ttl int) {
	tr := l.at(dst, min(ttl, len(w.routers)+1))
	tr.got++
	tr.lost++
}

func (l *lab) at(dst netip.Addr, ttl int) *labTruth {
	k := labKey{dst, ttl}
	if l.truth[k] == nil {
		l.truth[k] = &labTruth{}
	}
	return l.truth[k]
}

// reply writes an answer after its delay, and notes how long it really took.
func (l *lab) reply(b []byte, at time.Time, delay time.Duration, tr *labTruth) {
	time.AfterFunc(delay-time.Since(at), func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.ended {
			return
		}
		tr.answers++
		tr.delays += time.Since(at)
		_, _ = unix.Write(l.fd, b)
	})
}

// flowOf is what a router takes for the flow: addresses, protocol and the first four
// bytes of the transport, and for ICMP the identifier too.
func flowOf(p []byte, proto byte, body []byte) uint64 {
	var h uint64 = 14695981039346656037
	add := func(bs []byte) {
		for _, b := range bs {
			h = (h ^ uint64(b)) * 1099511628211
		}
	}
	if p[0]>>4 == 4 {
		add(p[12:20])
	} else {
		add(p[1:4]) // the flow label
		add(p[8:40])
	}
	add([]byte{proto})
	add(body[:4])
	if proto == protoICMP || proto == protoICMP6 {
		add(body[4:6])
	}
	if proto == protoUDP {
		add(body[6:8]) // some take the checksum too
	}
	return h ^ h>>32
}

func icmpError(from netip.Addr, p, quote []byte, typ byte) []byte {
	if from.Is4() {
		b := make([]byte, 28+len(quote))
		copy(b[28:], quote)
		b[20] = typ
		if typ == 3 {
			b[21] = 13
		}
		binary.BigEndian.PutUint16(b[22:], checksum(b[20:], 0))
		head4(b, from, netip.AddrFrom4([4]byte(p[12:16])), protoICMP)
		return b
	}
	if len(quote) > 1200 {
		quote = quote[:1200]
	}
	b := make([]byte, 48+len(quote))
	copy(b[48:], quote)
	b[40], b[41] = 3, 0
	if typ == 3 {
		b[40], b[41] = 1, 1
	}
	head6(b, from, netip.AddrFrom16([16]byte(p[8:24])), protoICMP6)
	return b
}

// answer is what a target says.
func answer(p []byte, head int, proto byte, dst netip.Addr) []byte {
	if proto == protoUDP {
		e := icmpError(dst, p, p, 3)
		if dst.Is4() {
			e[21] = 3
			e[22], e[23] = 0, 0
			binary.BigEndian.PutUint16(e[22:], checksum(e[20:], 0))
		} else {
			e[41] = 4
			head6(e, dst, netip.AddrFrom16([16]byte(p[8:24])), protoICMP6)
		}
		return e
	}
	b := append([]byte(nil), p...)
	body := b[head:]
	src := netip.AddrFrom4([4]byte(p[12:16]))
	if dst.Is6() {
		src = netip.AddrFrom16([16]byte(p[8:24]))
	}
	switch proto {
	case protoICMP, protoICMP6:
		body[0] = map[byte]byte{8: 0, 128: 129}[body[0]]
		body[2], body[3] = 0, 0
		if dst.Is4() {
			binary.BigEndian.PutUint16(body[2:], checksum(body, 0))
		}
	case protoTCP:
		sp, dp := binary.BigEndian.Uint16(body), binary.BigEndian.Uint16(body[2:])
		seq := binary.BigEndian.Uint32(body[4:])
		binary.BigEndian.PutUint16(body, dp)
		binary.BigEndian.PutUint16(body[2:], sp)
		binary.BigEndian.PutUint32(body[4:], 77)
		binary.BigEndian.PutUint32(body[8:], seq+1)
		body[13] = 0x12
		body[16], body[17] = 0, 0
		if dst.Is4() {
			binary.BigEndian.PutUint16(body[16:], checksum(body, pseudo(dst, src, protoTCP, len(body))))
		}
	}
	if dst.Is4() {
		head4(b, dst, src, proto)
	} else {
		head6(b, dst, src, proto)
	}
	return b
}

func head4(b []byte, src, dst netip.Addr, proto byte) {
	clear(b[:20])
	b[0], b[8], b[9] = 0x45, 60, proto
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	s, d := src.As4(), dst.As4()
	copy(b[12:], s[:])
	copy(b[16:], d[:])
	binary.BigEndian.PutUint16(b[10:], checksum(b[:20], 0))
}

// head6 writes the header and the checksum of the payload, which IPv6 wants.
func head6(b []byte, src, dst netip.Addr, proto byte) {
	clear(b[:40])
	b[0], b[6], b[7] = 0x60, proto, 60
	binary.BigEndian.PutUint16(b[4:], uint16(len(b)-40))
	s, d := src.As16(), dst.As16()
	copy(b[8:], s[:])
	copy(b[24:], d[:])
	at := map[byte]int{protoICMP6: 42, protoTCP: 56}[proto]
	if at == 0 {
		return
	}
	b[at], b[at+1] = 0, 0
	sum := uint32(proto) + uint32(len(b)-40)
	for i := 8; i < 40; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	binary.BigEndian.PutUint16(b[at:], checksum(b[40:], sum))
}
