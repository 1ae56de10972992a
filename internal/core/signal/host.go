package signal

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// HostOf takes the host out of what programs call one: a name, an address, host:port or
// a web address. One of the two is empty.
func HostOf(s string) (host, address string) {
	s = strings.TrimSpace(s)
	if strings.Contains(s, "://") {
		if u, err := url.Parse(s); err == nil {
			s = u.Hostname()
		}
	}
	if h, _, err := net.SplitHostPort(s); err == nil {
		s = h
	}
	s = strings.Trim(s, "[]")
	if a, err := netip.ParseAddr(s); err == nil {
		return "", a.String()
	}
	if strings.ContainsAny(s, "/ ") {
		return "", ""
	}
	return s, ""
}
