package host

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// The states of /proc/net/tcp, see include/net/tcp_states.h of Linux.
const (
	stateEstablished = "01"
	stateListen      = "0A"
)

// sockets reads /proc/net and finds the process of each by the links in /proc/PID/fd.
// Sockets of other network namespaces, such as those of containers, are not in it.
func sockets(ctx context.Context) ([]socket, error) {
	var out []socket
	var inodes []uint64
	var first error
	for _, protocol := range []string{"tcp", "tcp6", "udp", "udp6"} {
		f, err := os.Open("/proc/net/" + protocol)
		if err != nil {
			if first == nil && protocol == "tcp" {
				first = err
			}
			continue
		}
		sc := bufio.NewScanner(io.LimitReader(f, 64<<20))
		for sc.Scan() && len(out) < maxSockets {
			if s, inode, ok := parseSocket(sc.Text(), protocol[:3]); ok {
				out, inodes = append(out, s), append(inodes, inode)
			}
		}
		_ = f.Close()
	}
	if first != nil {
		return nil, first
	}
	wanted := make(map[uint64]int32, len(inodes))
	for _, i := range inodes {
		if i != 0 {
			wanted[i] = 0
		}
	}
	owners(ctx, wanted)
	for i := range out {
		out[i].pid = wanted[inodes[i]]
	}
	return out, nil
}

// parseSocket reads a line of /proc/net/tcp or udp; connections that end are left out.
func parseSocket(l, protocol string) (socket, uint64, bool) {
	f := strings.Fields(l)
	if len(f) < 10 {
		return socket{}, 0, false
	}
	s := socket{protocol: protocol, listens: protocol == "tcp" && f[3] == stateListen}
	if protocol == "tcp" && !s.listens && f[3] != stateEstablished {
		return socket{}, 0, false
	}
	var ok1, ok2 bool
	s.local, ok1 = parseAddr(f[1])
	s.remote, ok2 = parseAddr(f[2])
	inode, err := strconv.ParseUint(f[9], 10, 64)
	return s, inode, ok1 && ok2 && err == nil
}

// parseAddr reads "0100007F:1F90": 32-bit words in the byte order of the machine, then
// the port.
func parseAddr(s string) (netip.AddrPort, bool) {
	a, p, ok := strings.Cut(s, ":")
	b, err := hex.DecodeString(a)
	port, err2 := strconv.ParseUint(p, 16, 16)
	if !ok || err != nil || err2 != nil || len(b) != 4 && len(b) != 16 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(b); i += 4 {
		binary.NativeEndian.PutUint32(b[i:], binary.BigEndian.Uint32(b[i:]))
	}
	addr, _ := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(addr.Unmap(), uint16(port)), true
}

// maxFiles bounds the open files that are looked at in one process.
const maxFiles = 50_000

// owners fills in the smallest process id that has each socket open. Files of other
// users can be seen with CAP_SYS_PTRACE only.
func owners(ctx context.Context, wanted map[uint64]int32) {
	d, err := os.Open("/proc")
	if err != nil {
		return
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	for _, n := range names {
		pid, err := strconv.ParseInt(n, 10, 32)
		if err != nil || ctx.Err() != nil {
			continue
		}
		dir := "/proc/" + n + "/fd"
		fd, err := os.Open(dir)
		if err != nil {
			continue
		}
		files, _ := fd.Readdirnames(maxFiles)
		_ = fd.Close()
		for _, file := range files {
			t, err := os.Readlink(dir + "/" + file)
			num, ok := strings.CutPrefix(t, "socket:[")
			if err != nil || !ok {
				continue
			}
			inode, err := strconv.ParseUint(strings.TrimSuffix(num, "]"), 10, 64)
			if old, ask := wanted[inode]; err == nil && ask && (old == 0 || int32(pid) < old) {
				wanted[inode] = int32(pid)
			}
		}
	}
}

// one describes a single process.
func (r *Reader) one(ctx context.Context, pid int32) proc {
	p := proc{pid: pid}
	if b, err := readSmall("/proc/" + strconv.Itoa(int(pid)) + "/comm"); err == nil {
		p.name = clean(string(bytes.TrimSpace(b)), 60)
	}
	r.describe(ctx, &p)
	return p
}
