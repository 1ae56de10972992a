//go:build !linux

package icmp

import "net"

func growBuffer(c *net.IPConn) { _ = c.SetReadBuffer(bufferSize) }
