// Package visit reads the hosts of a sweep by SNMP: it tries credentials and reads a
// device in full with the first that works.
package visit

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/device"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/profile"
	"github.com/mainstay-ops/mainstay/internal/core/sweep"
)

// Reading is what SNMP gave of a host; it is the Extra of a sweep.Host.
type Reading struct {
	// Credential is the name of the one that worked, Address where it did.
	Credential string         `json:"credential"`
	Address    string         `json:"address"`
	Device     *device.Device `json:"device"`
	// Problems are sentences for people.
	Problems []string `json:"problems,omitempty"`
}

// Credential is one to try. The address of Target is the port with a colon before.
type Credential struct {
	Name   string      `json:"name"`
	Target snmp.Target `json:"target"`
}

// Visitor visits the hosts of one sweep.
type Visitor struct {
	// Credentials are tried in this order, after the one that worked last time for the
	// address, as Worked says.
	Credentials []Credential
	Worked      map[string]string
	// Note hears what was tried.
	Note func(address string, ok bool, text string)
}

const (
	timeout = 1500 * time.Millisecond
	// readLimit is how long one device may take; what was read until then is kept.
	readLimit   = 2 * time.Minute
	oidDescr    = snmp.OID("1.3.6.1.2.1.1.1.0")
	oidObjectID = snmp.OID("1.3.6.1.2.1.1.2.0")
)

// Visit is sweep.Plan.Visit.
func (v *Visitor) Visit(ctx context.Context, h *sweep.Host, pace func(context.Context) error) bool {
	addr := h.Address.String()
	for _, c := range v.order(addr) {
		if pace(ctx) != nil {
			return false
		}
		t := c.Target
		t.Address = net.JoinHostPort(addr, portOf(t.Address))
		t.Timeout, t.Retries = timeout, 1
		rd, err := Read(ctx, t)
		if err == nil {
			rd.Credential, rd.Address = c.Name, addr
			h.Extra = rd
			text := "The credential " + c.Name + " works."
			for _, p := range rd.Problems {
				text += " " + p
			}
			v.Note(addr, len(rd.Problems) == 0, text)
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		v.Note(addr, false, "Credential "+c.Name+": "+errs.Message(err))
	}
	return false
}

func portOf(address string) string {
	if _, p, err := net.SplitHostPort(address); err == nil && p != "" {
		return p
	}
	return "161"
}

func (v *Visitor) order(addr string) []Credential {
	last := v.Worked[addr]
	out := make([]Credential, 0, len(v.Credentials))
	for _, c := range v.Credentials {
		if c.Name == last {
			out = append([]Credential{c}, out...)
		} else {
			out = append(out, c)
		}
	}
	return out
}

// Read reads the device if the target's credential works for it. A device that falls
// silent half way gives what was read until then.
func Read(ctx context.Context, t snmp.Target) (*Reading, error) {
	s, err := snmp.Open(ctx, t)
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Close() }()
	vars, err := s.Get(ctx, oidDescr, oidObjectID)
	if err != nil {
		return nil, err
	}
	if vars[0].Kind == snmp.Missing && vars[1].Kind == snmp.Missing {
		return nil, errs.New(errs.Unavailable, "%s answers SNMP but shows nothing of the system group: the view of the community or user is too narrow.", t.Address)
	}
	rd := &Reading{}
	d, err := profile.Read(ctx, s, profile.Options{Device: device.Options{Address: hostOf(t.Address), Time: readLimit}})
	if d == nil {
		d = &device.Device{Item: device.Item{SysDescr: vars[0].Text(), SysObjectID: vars[1].Text()}}
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		rd.Problems = append(rd.Problems, fmt.Sprintf("It answered SNMP at first and then stopped; what was read until then is kept. %s", errs.Message(err)))
	}
	rd.Device = d
	rd.Problems = append(rd.Problems, d.Limits...)
	return rd, nil
}

// hostOf is an address without its port.
func hostOf(address string) string {
	if h, _, err := net.SplitHostPort(address); err == nil {
		return h
	}
	return address
}
