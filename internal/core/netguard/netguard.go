// Package netguard keeps connections that users configure (probes, webhooks) away
// from addresses that hand out credentials. The check runs on the address that is
// about to be connected, after name resolution, so that a name that resolves
// differently a second time gains nothing.
package netguard

import (
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// Guard says which addresses may be reached. The zero value refuses only the
// metadata services of clouds.
type Guard struct {
	// AllowMetadata permits the metadata addresses.
	AllowMetadata bool
	// DenyPrivate also refuses loopback, private, link-local, shared (100.64.0.0/10),
	// multicast and unspecified addresses.
	DenyPrivate bool
}

// RefusedError tells which address was refused and why.
type RefusedError struct {
	Addr   netip.Addr
	Reason string
}

// Error is a sentence for people.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("connections to %s are not allowed: %s", e.Addr, e.Reason)
}

// Check refuses addr with a *RefusedError, or returns nil.
func (g Guard) Check(addr netip.Addr) error {
	addr = addr.WithZone("").Unmap()
	for _, a := range [2]netip.Addr{addr, embedded4(addr)} {
		if !a.IsValid() {
			continue
		}
		if !g.AllowMetadata && isMetadata(a) {
			return &RefusedError{Addr: addr, Reason: "it is a cloud metadata service"}
		}
		if g.DenyPrivate && isPrivate(a) {
			return &RefusedError{Addr: addr, Reason: "it is not a public address"}
		}
	}
	return nil
}

// Control is for net.Dialer.Control: it refuses at the moment of connecting.
func (g Guard) Control(network, address string, _ syscall.RawConn) error {
	if network == "unix" {
		return nil
	}
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("the address %q could not be read", address)
	}
	return g.Check(ap.Addr())
}

// Dialer makes a dialer that asks the guard; timeout 0 leaves the limit to the context.
func (g Guard) Dialer(timeout time.Duration) *net.Dialer {
	return &net.Dialer{Timeout: timeout, Control: g.Control, KeepAlive: -1}
}

// isMetadata lists the metadata and credential endpoints of AWS, Azure, Google
// (169.254.169.254 and IPv6 forms), ECS tasks, EKS pods, Alibaba and Oracle.
func isMetadata(a netip.Addr) bool {
	if a.Is4() {
		switch a.As4() {
		case [4]byte{169, 254, 169, 254}, [4]byte{169, 254, 170, 2}, [4]byte{169, 254, 170, 23},
			[4]byte{100, 100, 100, 200}, [4]byte{192, 0, 0, 192}:
			return true
		}
		return false
	}
	switch a.As16() {
	case [16]byte{0: 0xfd, 2: 0x0e, 3: 0xc2, 14: 0x02, 15: 0x54},
		[16]byte{0: 0xfd, 2: 0x0e, 3: 0xc2, 15: 0x23},
		[16]byte{0: 0xfd, 1: 0x20, 3: 0xce, 14: 0x02, 15: 0x54}:
		return true
	}
	return false
}

func isPrivate(a netip.Addr) bool {
	if a.Is4() {
		b := a.As4()
		if b[0] == 100 && b[1]&0xc0 == 64 || b[0] == 0 || b[0] >= 240 {
			return true
		}
	}
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified()
}

// embedded4 gives the IPv4 address inside NAT64 (64:ff9b::/96, RFC 6052), 6to4
// (2002::/16, RFC 3056) and IPv4-compatible (::/96) addresses, which a gateway
// may turn into that address.
func embedded4(a netip.Addr) netip.Addr {
	if !a.Is6() {
		return netip.Addr{}
	}
	b := a.As16()
	switch {
	case [12]byte(b[:12]) == [12]byte{0, 0x64, 0xff, 0x9b}, [12]byte(b[:12]) == [12]byte{} && b[12] != 0:
		return netip.AddrFrom4([4]byte(b[12:16]))
	case b[0] == 0x20 && b[1] == 0x02:
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return netip.Addr{}
}
