package ingest

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// canShare tells that several sockets may have one address.
const canShare = true

func share(_, _ string, c syscall.RawConn) error {
	var failed error
	if err := c.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}); err != nil {
		return err
	}
	return failed
}

// growBuffer goes beyond net.core.rmem_max where the program may (CAP_NET_ADMIN).
func growBuffer(c net.PacketConn, size int) {
	u, ok := c.(*net.UDPConn)
	if !ok {
		return
	}
	_ = u.SetReadBuffer(size)
	rc, err := u.SyscallConn()
	if err != nil {
		return
	}
	_ = rc.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, size)
	})
}
