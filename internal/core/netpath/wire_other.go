//go:build !linux

package netpath

import (
	"errors"
	"time"
)

// Sockets is a wire over the sockets of the system; it exists on Linux only.
type Sockets struct{}

// Open says that paths are measured on Linux only.
func Open(func(Answer)) (*Sockets, error) {
	return nil, errors.New("paths are measured on Linux only")
}

// Send implements Wire.
func (*Sockets) Send(*Probe) (time.Time, error) { return time.Time{}, errors.ErrUnsupported }

// Can implements Wire.
func (*Sockets) Can(Proto) error { return errors.ErrUnsupported }

// Raw tells whether raw sockets are used.
func (*Sockets) Raw() bool { return false }

// Close ends the wire.
func (*Sockets) Close() {}
