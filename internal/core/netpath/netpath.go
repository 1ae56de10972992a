package netpath

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Proto is what the probes are.
type Proto string

// The protocols of probes.
const (
	ICMP Proto = "icmp"
	UDP  Proto = "udp"
	TCP  Proto = "tcp"
)

// Limits of a target.
const (
	MinEvery = 200 * time.Millisecond
	MaxEvery = time.Minute
	MaxTTL   = 64
	MinSize  = 0
	MaxSize  = 1400
	// DefaultTTL is the highest distance that is looked at.
	DefaultTTL = 30
	// DefaultUDPPort is the first port of traceroute, where nobody listens.
	DefaultUDPPort = 33434
	// DefaultTCPPort is that of HTTPS.
	DefaultTCPPort = 443
)

// Wait is how long the answer to a probe may take; what comes later is lost.
const Wait = 3 * time.Second

// Target is an address and how it is asked.
type Target struct {
	Addr  netip.Addr
	Proto Proto
	// Port of UDP and TCP.
	Port uint16
	// Every is from one round to the next.
	Every time.Duration
	// MaxTTL is the highest distance that is looked at; 0 is DefaultTTL.
	MaxTTL int
	// Size is how many bytes of payload an ICMP or UDP probe has besides its eight bytes
	// of identity.
	Size int
	// DSCP is the differentiated services code point, 0 to 63.
	DSCP int
}

func (t *Target) normal() {
	if t.Proto == "" {
		t.Proto = ICMP
	}
	if t.MaxTTL == 0 {
		t.MaxTTL = DefaultTTL
	}
	if t.Port == 0 && t.Proto == UDP {
		t.Port = DefaultUDPPort
	}
	if t.Port == 0 && t.Proto == TCP {
		t.Port = DefaultTCPPort
	}
	t.Every = min(max(t.Every, MinEvery), MaxEvery)
	t.MaxTTL = min(max(t.MaxTTL, 1), MaxTTL)
	t.Size = min(max(t.Size, MinSize), MaxSize)
	t.DSCP &= 63
	t.Addr = t.Addr.Unmap()
}

// Code is what an answer said.
type Code uint8

// What an answer says. The letters are those of traceroute.
const (
	Silent      Code = iota // no answer
	Exceeded                // the packet had used up its hops here: a router
	Reached                 // the target answered
	NoNet                   // !N
	NoHost                  // !H
	NoProtocol              // !P
	Prohibited              // !X
	TooBig                  // !F
	Unreachable             // any other reason
	NotSent                 // nothing was sent to this distance in the round
)

// String is the mark that traceroute prints; empty for normal answers.
func (c Code) String() string {
	switch c {
	case NoNet:
		return "!N"
	case NoHost:
		return "!H"
	case NoProtocol:
		return "!P"
	case Prohibited:
		return "!X"
	case TooBig:
		return "!F"
	case Unreachable:
		return "!U"
	}
	return ""
}

// Hop is the answer from one distance. Without an answer Addr is invalid and RTT 0.
type Hop struct {
	Addr netip.Addr
	RTT  time.Duration
	Code Code
}

// Answered tells whether somebody answered.
func (h Hop) Answered() bool { return h.Code != Silent && h.Code != NotSent }

// Round is one probe to each hop of a target.
type Round struct {
	At time.Time
	// Hops by distance from 1. The last is the target when Arrived; else it may be
	// missing or silent.
	Hops []Hop
	// End is the answer of the target itself, or of who refused to go on to it.
	End Hop
	// Arrived tells that the target answered.
	Arrived bool
}

// Distance is that of the target in this round; 0 when it did not answer.
func (r *Round) Distance() int {
	if !r.Arrived {
		return 0
	}
	return len(r.Hops)
}

// ErrNotPermitted tells that the program may not open raw sockets.
var ErrNotPermitted = errors.New("raw sockets are not permitted")

// PermissionHelp says which capability is missing and how to give it.
const PermissionHelp = "The program has no right to open raw sockets (CAP_NET_RAW). Give it: in the unit of systemd `AmbientCapabilities=CAP_NET_RAW`, in a container `--cap-add NET_RAW`, for one file `setcap cap_net_raw+ep /usr/local/bin/mainstay`. Without it only paths with `proto: udp` are measured."

// NeedsRawError is the answer for a target that cannot be asked without raw sockets.
type NeedsRawError struct{ Proto Proto }

// Error implements error.
func (e NeedsRawError) Error() string {
	return fmt.Sprintf("Probes by %s need raw sockets. %s", e.Proto, PermissionHelp)
}
