package sniff

import (
	"errors"
	"net"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/packet/capture"
)

// Options of a capture.
type Options struct {
	// Interface is its name, or "any".
	Interface string
	// Filter in the language of package bpf; empty takes every frame.
	Filter string
	// Snap is how many bytes of a frame are kept; 0 is 262,144.
	Snap int
	// Promiscuous also takes frames that are for other machines.
	Promiscuous bool
	// Buffer is the size of the ring; 0 is 32 MiB.
	Buffer int
}

// Stats counts what the kernel saw for a capture.
type Stats struct {
	Packets int64 // that passed the filter
	Dropped int64 // of them lost because the program was too slow
}

// Errors of a capture.
var (
	// ErrGone says that the interface went away.
	ErrGone = errors.New("the interface is gone")
	// ErrPermission says that the program may not capture.
	ErrPermission = errors.New("capturing needs the capability CAP_NET_RAW. Give it with AmbientCapabilities=CAP_NET_RAW in the systemd unit of Mainstay, or with setcap cap_net_raw+ep on the program")
	// ErrUnsupported says that this system has no way to capture.
	ErrUnsupported = errors.New("capturing works on Linux only; capture with another program and upload the file")
)

// Interface is a network interface that can be captured.
type Interface struct {
	Name      string   `json:"name"`
	Up        bool     `json:"up"`
	Loopback  bool     `json:"loopback"`
	MAC       string   `json:"mac,omitempty"`
	MTU       int      `json:"mtu"`
	Addresses []string `json:"addresses"`
}

// Interfaces lists the interfaces of this machine.
func Interfaces() ([]Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	out := make([]Interface, 0, len(all))
	for _, i := range all {
		v := Interface{Name: i.Name, Up: i.Flags&net.FlagUp != 0, Loopback: i.Flags&net.FlagLoopback != 0, MAC: i.HardwareAddr.String(), MTU: i.MTU, Addresses: []string{}}
		if as, err := i.Addrs(); err == nil {
			for _, a := range as {
				v.Addresses = append(v.Addresses, a.String())
			}
		}
		out = append(out, v)
	}
	return out, nil
}

// Source gives frames.
type Source interface {
	// Next gives the next frame, valid until the next call; nil when none came for
	// a while (at most wait). The error is ErrGone when the interface went away.
	Next(wait time.Duration) (*capture.Packet, error)
	// Stats counts since the capture began.
	Stats() (Stats, error)
	Close() error
}
