package sniff

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/mainstay-ops/mainstay/internal/core/packet/bpf"
	"github.com/mainstay-ops/mainstay/internal/core/packet/capture"
)

const (
	blockSize   = 1 << 20
	frameSize   = 1 << 11
	usualBuffer = 32 << 20
	mostBuffer  = 256 << 20
	usualSnap   = 262_144
	retireMS    = 50
)

// Permitted tells whether the program may capture.
func Permitted() error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return permission(err)
	}
	return unix.Close(fd)
}

func permission(err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return ErrPermission
	}
	return fmt.Errorf("open a packet socket: %w", err)
}

// ring is a capture on Linux.
type ring struct {
	fd      int
	index   int
	link    capture.LinkType
	snap    int
	mem     []byte
	blocks  int
	block   int // the one that is read
	left    uint32
	at      uint32
	inside  bool
	packet  capture.Packet
	buf     []byte
	number  int
	packets atomic.Int64
	dropped atomic.Int64
}

// Open begins a capture.
func Open(o Options) (Source, error) {
	if o.Snap <= 0 || o.Snap > usualSnap {
		o.Snap = usualSnap
	}
	if o.Buffer <= 0 {
		o.Buffer = usualBuffer
	}
	r := &ring{link: capture.Ethernet, snap: o.Snap, blocks: max(min(o.Buffer, mostBuffer)/blockSize, 2)}
	if o.Interface != "any" {
		ifc, err := net.InterfaceByName(o.Interface)
		if err != nil {
			return nil, fmt.Errorf("there is no interface %q on this machine", o.Interface)
		}
		r.index = ifc.Index
		if raw(o.Interface) {
			r.link = capture.Raw
		}
	}
	// A protocol of 0 receives nothing: the filter is there before the first frame.
	kind := unix.SOCK_RAW
	if o.Interface == "any" { // interfaces with and without Ethernet headers
		kind, r.link = unix.SOCK_DGRAM, capture.LinuxSLL
	}
	fd, err := unix.Socket(unix.AF_PACKET, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, permission(err)
	}
	r.fd = fd
	if err := r.open(o); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// raw tells whether frames of an interface begin with IP (ARPHRD_NONE, PPP, tunnels).
func raw(name string) bool {
	if strings.Contains(name, "/") {
		return false
	}
	b, err := os.ReadFile("/sys/class/net/" + name + "/type")
	if err != nil {
		return false
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return n != unix.ARPHRD_ETHER && n != unix.ARPHRD_LOOPBACK
}

func (r *ring) open(o Options) error {
	link := bpf.Ethernet
	if r.link != capture.Ethernet { // the kernel shows the filter the packet without a header
		link = bpf.Raw
	}
	prog, err := bpf.Compile(o.Filter, link, uint32(r.snap))
	if err != nil {
		return err
	}
	fs := make([]unix.SockFilter, len(prog))
	for i, p := range prog {
		fs[i] = unix.SockFilter{Code: p.Op, Jt: p.Jt, Jf: p.Jf, K: p.K}
	}
	if err := unix.SetsockoptSockFprog(r.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(fs)), Filter: &fs[0]}); err != nil {
		return fmt.Errorf("the kernel does not take the filter: %w", err)
	}
	if err := unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return fmt.Errorf("the kernel has no packet ring of version 3: %w", err)
	}
	req := unix.TpacketReq3{
		Block_size: blockSize, Block_nr: uint32(r.blocks), Frame_size: frameSize, Frame_nr: uint32(r.blocks * (blockSize / frameSize)), Retire_blk_tov: retireMS,
	}
	if err := unix.SetsockoptTpacketReq3(r.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &req); err != nil {
		return fmt.Errorf("the packet ring of %d MiB cannot be made: %w", r.blocks*blockSize>>20, err)
	}
	if r.mem, err = unix.Mmap(r.fd, 0, r.blocks*blockSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return fmt.Errorf("the packet ring cannot be mapped: %w", err)
	}
	all := binary.BigEndian.AppendUint16(nil, unix.ETH_P_ALL)
	addr := &unix.SockaddrLinklayer{Protocol: binary.NativeEndian.Uint16(all), Ifindex: r.index}
	if err := unix.Bind(r.fd, addr); err != nil {
		if errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENXIO) {
			return fmt.Errorf("there is no interface %q on this machine", o.Interface)
		}
		return fmt.Errorf("capture on %s: %w", o.Interface, err)
	}
	if o.Promiscuous && r.index != 0 {
		m := &unix.PacketMreq{Ifindex: int32(r.index), Type: unix.PACKET_MR_PROMISC}
		if err := unix.SetsockoptPacketMreq(r.fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, m); err != nil {
			return fmt.Errorf("the promiscuous mode of %s cannot be switched on: %w", o.Interface, err)
		}
	}
	return nil
}

// status is the word that says whose a block is. The kernel changes it at any time.
func (r *ring) status(block int) *uint32 {
	return (*uint32)(unsafe.Pointer(&r.mem[block*blockSize+8]))
}

// Next implements Source.
func (r *ring) Next(wait time.Duration) (*capture.Packet, error) {
	for {
		if r.inside && r.left > 0 {
			if p, err := r.frame(); p != nil || err != nil {
				return p, err
			}
			continue
		}
		if r.inside {
			atomic.StoreUint32(r.status(r.block), unix.TP_STATUS_KERNEL)
			r.block = (r.block + 1) % r.blocks
			r.inside = false
		}
		if atomic.LoadUint32(r.status(r.block))&unix.TP_STATUS_USER != 0 {
			h := r.mem[r.block*blockSize+8:]
			r.left, r.at = binary.NativeEndian.Uint32(h[4:]), binary.NativeEndian.Uint32(h[8:])
			r.inside = true
			continue
		}
		p := []unix.PollFd{{Fd: int32(r.fd), Events: unix.POLLIN | unix.POLLERR}}
		n, err := unix.Poll(p, int(wait.Milliseconds()))
		switch {
		case errors.Is(err, unix.EINTR):
			return nil, nil
		case err != nil:
			return nil, fmt.Errorf("wait for frames: %w", err)
		case n == 0:
			return nil, r.gone()
		}
		if p[0].Revents&unix.POLLERR != 0 {
			soft, err := unix.GetsockoptInt(r.fd, unix.SOL_SOCKET, unix.SO_ERROR)
			if err == nil && soft == 0 {
				continue
			}
			if gone := r.gone(); gone != nil {
				return nil, gone
			}
			if e := unix.Errno(soft); e == unix.ENETDOWN { // it may come up again
				return nil, nil
			}
			return nil, fmt.Errorf("capture: %w", unix.Errno(soft))
		}
	}
}

// gone tells whether the interface went away.
func (r *ring) gone() error {
	if r.index == 0 {
		return nil
	}
	if _, err := net.InterfaceByIndex(r.index); err != nil {
		return ErrGone
	}
	return nil
}

var errRing = errors.New("the packet ring contradicts itself")

// frame reads the next frame of the present block (struct tpacket3_hdr); nil for
// one that is left out: the loopback interface shows each frame twice.
func (r *ring) frame() (*capture.Packet, error) {
	b := r.mem[r.block*blockSize : (r.block+1)*blockSize]
	if r.at > blockSize-48 {
		return nil, errRing
	}
	h := b[r.at:]
	u32 := binary.NativeEndian.Uint32
	next, sec, nsec, snap, length, status := u32(h), u32(h[4:]), u32(h[8:]), u32(h[12:]), u32(h[16:]), u32(h[20:])
	mac, network := uint32(binary.NativeEndian.Uint16(h[24:])), uint32(binary.NativeEndian.Uint16(h[26:]))
	if len(h) > headerSize+20 {
		a := h[headerSize:]
		if a[10] == unix.PACKET_OUTGOING && binary.NativeEndian.Uint16(a[8:]) == unix.ARPHRD_LOOPBACK {
			r.left--
			r.at += next
			return nil, nil //nolint:nilnil // both are the answer
		}
	}
	begin := mac
	if r.index == 0 {
		begin = network
	}
	if uint64(begin)+uint64(snap) > uint64(len(h)) {
		return nil, errRing
	}
	data := h[begin : begin+snap]
	r.buf = r.buf[:0]
	if status&unix.TP_STATUS_VLAN_VALID != 0 && r.link == capture.Ethernet && len(data) >= 12 {
		// The card took the tag out; it is put back where it was.
		tpid := uint16(unix.ETH_P_8021Q)
		if status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
			tpid = binary.NativeEndian.Uint16(h[36:])
		}
		r.buf = append(r.buf, data[:12]...)
		r.buf = binary.BigEndian.AppendUint16(r.buf, tpid)
		r.buf = binary.BigEndian.AppendUint16(r.buf, uint16(u32(h[32:])))
		r.buf = append(r.buf, data[12:]...)
		length += 4
	} else {
		if r.link == capture.LinuxSLL && len(h) >= headerSize+20 {
			r.buf = cooked(r.buf, h[headerSize:])
			length += uint32(len(r.buf))
		}
		r.buf = append(r.buf, data...)
	}
	r.left--
	r.at += next
	r.number++
	r.packet = capture.Packet{Number: r.number, Time: time.Unix(int64(sec), int64(nsec)).UTC(), Data: r.buf, Length: int(length), Link: r.link}
	return &r.packet, nil
}

// headerSize is that of struct tpacket3_hdr; the address of the sender follows.
const headerSize = 48

// cooked makes the header of LINKTYPE_LINUX_SLL out of a struct sockaddr_ll.
func cooked(out, a []byte) []byte {
	out = binary.BigEndian.AppendUint16(out, uint16(a[10]))
	out = binary.BigEndian.AppendUint16(out, binary.NativeEndian.Uint16(a[8:]))
	out = binary.BigEndian.AppendUint16(out, uint16(a[11]))
	out = append(out, a[12:20]...)
	return append(out, a[2:4]...)
}

// Stats implements Source.
func (r *ring) Stats() (Stats, error) {
	s, err := unix.GetsockoptTpacketStatsV3(r.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return Stats{}, fmt.Errorf("statistics of the capture: %w", err)
	}
	// The kernel begins at 0 again with every question; dropped are among packets.
	return Stats{Packets: r.packets.Add(int64(s.Packets)), Dropped: r.dropped.Add(int64(s.Drops))}, nil
}

// Close implements Source.
func (r *ring) Close() error {
	var err error
	if r.mem != nil {
		err = unix.Munmap(r.mem)
		r.mem = nil
	}
	return errors.Join(err, unix.Close(r.fd))
}
