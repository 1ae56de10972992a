package edgewire

import (
	"net"
	"net/netip"
	"slices"
	"strconv"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// The ports that an edge can open for senders of its site.
const (
	PortNetFlow = "netflow"
	PortIPFIX   = "ipfix"
	PortSFlow   = "sflow"
	PortTrap    = "trap"
)

// ReceivePorts are their names, in the order in which people see them.
var ReceivePorts = []string{PortNetFlow, PortIPFIX, PortSFlow, PortTrap}

// Receive says what an edge takes from senders of its site.
type Receive struct {
	// Listen has the address and port to open, by name; what is not in it is closed.
	Listen map[string]string `json:"listen,omitempty"`
	// Allowed are the networks that may send; the machine itself always may.
	Allowed []netip.Prefix `json:"allowed,omitempty"`
}

// maxAllowed bounds the networks that may send.
const maxAllowed = 200

// Check tells what is wrong with it.
func (r Receive) Check() error {
	var bad []errs.Field
	seen := map[string]bool{}
	for name, addr := range r.Listen {
		path := "listen." + name
		if !slices.Contains(ReceivePorts, name) {
			bad = append(bad, errs.Field{Path: path, Message: "is not a port of an edge; there are netflow, ipfix, sflow and trap"})
			continue
		}
		host, port, err := net.SplitHostPort(addr)
		n, perr := strconv.Atoi(port)
		if _, herr := netip.ParseAddr(host); err != nil || perr != nil || n < 1 || n > 65535 || host != "" && herr != nil {
			bad = append(bad, errs.Field{Path: path, Value: addr, Message: "must be an IP address and a port such as 0.0.0.0:2055"})
		} else if seen[port] {
			bad = append(bad, errs.Field{Path: path, Value: addr, Message: "has the port of another"})
		}
		seen[port] = true
	}
	if len(r.Allowed) > maxAllowed {
		bad = append(bad, errs.Field{Path: "allowed", Message: "must be at most 200 networks"})
	}
	for _, p := range r.Allowed {
		if !p.IsValid() || p.Masked() != p {
			bad = append(bad, errs.Field{Path: "allowed", Value: p.String(), Message: "must be a network such as 10.0.0.0/8"})
		}
	}
	return errs.Fields(bad...)
}

// Admits tells whether an address may send.
func (r Receive) Admits(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return a.IsLoopback() || slices.ContainsFunc(r.Allowed, func(p netip.Prefix) bool { return p.Contains(a) })
}

// PortState is how a port of an edge is.
type PortState struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	// Problem says why it is not open, for people; empty when it is.
	Problem string `json:"problem,omitempty"`
	// Datagrams since the edge started: taken, refused because their sender is not
	// allowed, and dropped because they came faster than they could be kept.
	Taken   int64 `json:"taken"`
	Refused int64 `json:"refused,omitempty"`
	Dropped int64 `json:"dropped,omitempty"`
}
