package device

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// maxWatch is how many interfaces of a device may have a check of their own.
const maxWatch = 500

// Polling is how a device is polled.
type Polling struct {
	// EverySeconds is from 10 to 86400; 0 switches polling off.
	EverySeconds int64 `json:"every_seconds" minimum:"0" maximum:"86400" doc:"10 to 86400; 0 switches polling off."`
	// Watch names interfaces (ifName) that get a check of their own. Left out, they
	// stay as they are.
	Watch *[]string `json:"watch,omitempty" maxItems:"500" doc:"Names of interfaces that get a check of their own; left out, they stay as they are."`
}

// setting is what is stored for a device. Every below zero is off, 0 the default.
type setting struct {
	every time.Duration
	watch []string
}

// settings gives what differs from the default, by item.
func (s *Service) settings(ctx context.Context, q bun.IDB) (map[string]setting, error) {
	var rows []struct {
		ItemID       string
		EverySeconds int64
		Watch        string
	}
	if err := q.NewRaw("SELECT item_id, every_seconds, watch FROM device_settings").Scan(ctx, &rows); err != nil {
		return nil, err
	}
	out := make(map[string]setting, len(rows))
	for _, r := range rows {
		v := setting{every: time.Duration(r.EverySeconds) * time.Second}
		if r.EverySeconds == 0 {
			v.every = -1
		}
		if err := json.Unmarshal([]byte(r.Watch), &v.watch); err != nil {
			return nil, err
		}
		out[r.ItemID] = v
	}
	return out, nil
}

// check tells what is wrong with a setting, and puts the names in order.
func (p *Polling) check() error {
	if p.EverySeconds != 0 && p.EverySeconds < 10 {
		return errs.Fields(errs.Field{Path: "every_seconds", Value: strconv.FormatInt(p.EverySeconds, 10), Message: "must be 0, or from 10 to 86400"})
	}
	if p.Watch == nil {
		return nil
	}
	names := slices.Clone(*p.Watch)
	for i, n := range names {
		if n == "" || len(n) > 255 {
			return errs.Fields(errs.Field{Path: "watch." + strconv.Itoa(i), Value: n, Message: "must be the name of an interface, at most 255 bytes"})
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) > maxWatch {
		return errs.Fields(errs.Field{Path: "watch", Value: strconv.Itoa(len(names)), Message: "must name at most 500 interfaces"})
	}
	p.Watch = &names
	return nil
}

// SetPolling changes how a device is polled, and which of its interfaces have a check.
func (s *Service) SetPolling(ctx context.Context, name string, p Polling) (Polling, error) {
	if err := p.check(); err != nil {
		return p, err
	}
	err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		it, err := s.items.ByName(ctx, tx, name)
		if err != nil {
			return err
		}
		if err := access.Check(ctx, observe.WriteChecks, it.OwnerTeamID); err != nil {
			return err
		}
		all, err := s.settings(ctx, tx)
		if err != nil {
			return err
		}
		old := all[it.ID].watch
		if p.Watch == nil {
			p.Watch = &old
		}
		if *p.Watch == nil {
			p.Watch = &[]string{}
		}
		for _, port := range old {
			if !slices.Contains(*p.Watch, port) {
				if err := s.makes.DropCheck(ctx, tx, portCheck(it.Name, port)); err != nil {
					return err
				}
			}
		}
		list, err := json.Marshal(*p.Watch)
		if err != nil {
			return err
		}
		if _, err := tx.NewRaw("INSERT INTO device_settings (item_id, every_seconds, watch, updated_at) VALUES (?, ?, ?, ?) ON CONFLICT (item_id) DO UPDATE SET every_seconds = excluded.every_seconds, watch = excluded.watch, updated_at = excluded.updated_at",
			it.ID, p.EverySeconds, string(list), tx.Now()).Exec(ctx); err != nil {
			return err
		}
		s.setWatch(it.ID, *p.Watch, tx)
		tx.AfterCommit(func() { nudge(s.look) })
		return audit.Write(ctx, tx, audit.Change{Action: "device.polling", Ref: estate.Ref(it.ID), Name: it.Name, After: p})
	})
	return p, err
}
