package device

import (
	"context"
	"slices"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	core "github.com/mainstay-ops/mainstay/internal/core/snmp/device"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// portCheck names the check of an interface.
func portCheck(item, port string) string { return item + " " + port }

// setWatch takes the interfaces to watch into account from the commit on.
func (s *Service) setWatch(id string, ports []string, tx *db.Tx) {
	tx.AfterCommit(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(ports) == 0 {
			delete(s.watched, id)
			return
		}
		s.watched[id] = ports
	})
}

// watchOf gives the interfaces to watch of a device.
func (s *Service) watchOf(id string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.watched[id])
}

// judge says what the state of an interface means. An interface that was switched off
// by its configuration is no fault.
func judge(ports []core.InterfaceView, name string) (observe.Status, string) {
	for i := range ports {
		p := &ports[i]
		if p.Name != name {
			continue
		}
		alias := ""
		if p.Alias != "" {
			alias = " (" + p.Alias + ")"
		}
		switch {
		case p.OperUp:
			return observe.OK, name + alias + " is up."
		case !p.AdminUp:
			return observe.OK, name + alias + " is switched off by its configuration."
		default:
			return observe.Critical, name + alias + " is down."
		}
	}
	return observe.Unknown, "The device has no interface " + name + " at present."
}

// tellPorts sends the state of watched interfaces to their checks, which are made when
// they are missing. A poll that failed says nothing of interfaces: the check of the
// device tells that.
func (s *Service) tellPorts(ctx context.Context, id string, t told, v *core.View) {
	ctx = access.AsSystem(ctx)
	for _, port := range s.watchOf(id) {
		status, says := judge(v.Interfaces, port)
		name := portCheck(t.item, port)
		res := observe.Result{Status: status, Start: t.start, Duration: t.took, Output: says}
		err := s.results.SendResult(ctx, name, res)
		if errs.Is(err, errs.NotFound) {
			err = s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				return s.makes.EnsureCheck(ctx, tx, observe.CheckSpec{
					Name: name, Item: t.item, Type: "passive", Probe: map[string]any{},
					Every: observe.Duration(max(t.every, time.Second)), Attempts: 1, From: t.from,
				})
			})
			if err == nil {
				err = s.results.SendResult(ctx, name, res)
			}
		}
		if err != nil && !errs.Is(err, errs.NotFound) && ctx.Err() == nil {
			s.d.Logger.Warn("the state of an interface could not be told", "item", t.item, "interface", port, "error", err)
		}
	}
}

// dropChecks removes the checks of a device that is polled no more.
func (s *Service) dropChecks(ctx context.Context, item string, ports []string) error {
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, p := range ports {
			if err := s.makes.DropCheck(ctx, tx, portCheck(item, p)); err != nil {
				return err
			}
		}
		return s.makes.DropCheck(ctx, tx, checkName(item))
	})
}
