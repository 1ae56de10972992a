package discovery

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/snmp"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/device"
	"github.com/mainstay-ops/mainstay/internal/core/snmp/profile"
	"github.com/mainstay-ops/mainstay/internal/estate/discovery/sweep"
)

// reading is what SNMP gave of a host.
type reading struct {
	credential string
	address    string
	device     *device.Device
	// problems are sentences for the finding.
	problems []string
}

const (
	snmpTimeout = 1500 * time.Millisecond
	// readLimit is how long one device may take; what was read until then is kept.
	readLimit   = 2 * time.Minute
	oidDescr    = snmp.OID("1.3.6.1.2.1.1.1.0")
	oidObjectID = snmp.OID("1.3.6.1.2.1.1.2.0")
)

// visit tries the credentials of the job in order, the one that worked last time
// first, and reads the device with the first that works.
func (a *active) visit(ctx context.Context, h *sweep.Host, pace func(context.Context) error) bool {
	addr := h.Address.String()
	for _, c := range a.order(addr) {
		if pace(ctx) != nil {
			return false
		}
		t := c.target(addr)
		t.Timeout, t.Retries = snmpTimeout, 1
		rd, err := a.readWith(ctx, t, c.Name)
		if err == nil {
			rd.address = addr
			h.Extra = rd
			text := "The credential " + c.Name + " works."
			for _, p := range rd.problems {
				text += " " + p
			}
			a.note(addr, "snmp", len(rd.problems) == 0, text)
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		a.note(addr, "snmp", false, "Credential "+c.Name+": "+errs.Message(err))
	}
	return false
}

func (a *active) order(addr string) []Credential {
	last := a.worked[addr]
	out := make([]Credential, 0, len(a.creds))
	for _, c := range a.creds {
		if c.Name == last {
			out = append([]Credential{c}, out...)
		} else {
			out = append(out, c)
		}
	}
	return out
}

// readWith reads the device if the target's credential works for it. A device that
// falls silent half way gives what was read until then.
func (a *active) readWith(ctx context.Context, t snmp.Target, credential string) (*reading, error) {
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
	rd := &reading{credential: credential}
	d, err := profile.Read(ctx, s, profile.Options{Device: device.Options{Address: hostOf(t.Address), Time: readLimit}})
	if d == nil {
		d = &device.Device{Item: device.Item{SysDescr: vars[0].Text(), SysObjectID: vars[1].Text()}}
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		rd.problems = append(rd.problems, fmt.Sprintf("It answered SNMP at first and then stopped; what was read until then is kept. %s", errs.Message(err)))
	}
	rd.device = d
	rd.problems = append(rd.problems, d.Limits...)
	return rd, nil
}

// lastCredentials gives which credential worked for each address of a job.
func (s *Service) lastCredentials(ctx context.Context, jobID string) (map[string]string, error) {
	var rows []struct{ Address, Credential string }
	err := s.d.DB.Reader().NewRaw("SELECT address, credential FROM discovery_hosts WHERE job_id = ? AND credential <> ''", jobID).Scan(ctx, &rows)
	out := make(map[string]string, len(rows))
	for _, r := range rows {
		out[r.Address] = r.Credential
	}
	return out, err
}

// hostOf is an address without its port.
func hostOf(address string) string {
	if h, _, err := net.SplitHostPort(address); err == nil {
		return h
	}
	return address
}
