package icmp

import (
	"net"
	"syscall"
)

// growBuffer goes beyond net.core.rmem_max where the program may (CAP_NET_ADMIN).
func growBuffer(c *net.IPConn) {
	_ = c.SetReadBuffer(bufferSize)
	rc, err := c.SyscallConn()
	if err != nil {
		return
	}
	_ = rc.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUFFORCE, bufferSize)
	})
}
