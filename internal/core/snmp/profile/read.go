package profile

import (
	"context"

	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/device"
)

// Options of a reading.
type Options struct {
	// Device is how the standard tables are read.
	Device device.Options
	// Set holds the profiles; the shipped ones when nil.
	Set *Set
}

// Read reads the standard tables of a device, finds its profile and adds what that
// knows. What a device does not answer is told in Limits; an error means that
// nothing can be said of it.
func Read(ctx context.Context, s snmp.Session, opt Options) (*device.Device, error) {
	r, err := read(ctx, s, opt, false)
	if err != nil {
		return nil, err
	}
	return r.Device, nil
}

// Survey is Read, and notes the values that a poller reads again and again.
func Survey(ctx context.Context, s snmp.Session, opt Options) (*Reading, error) {
	return read(ctx, s, opt, true)
}

func read(ctx context.Context, s snmp.Session, opt Options, points bool) (*Reading, error) {
	set := opt.Set
	if set == nil {
		var err error
		if set, err = Shipped(); err != nil {
			return nil, err
		}
	}
	m := newMemo(s)
	dev, err := device.Read(ctx, m, opt.Device)
	if err != nil {
		return nil, err
	}
	return set.enrich(ctx, m, dev, points)
}
