//go:build !linux

package ingest

import (
	"net"
	"syscall"
)

// canShare tells that several sockets may have one address.
const canShare = false

func share(_, _ string, _ syscall.RawConn) error { return nil }

func growBuffer(c net.PacketConn, size int) {
	if u, ok := c.(*net.UDPConn); ok {
		_ = u.SetReadBuffer(size)
	}
}
