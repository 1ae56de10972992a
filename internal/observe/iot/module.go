package iot

import (
	"context"
	"embed"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

// Permissions on devices.
var (
	read    = access.Permission{Name: "iot.read", Title: "See devices and their figures", Least: access.Viewer}
	write   = access.Permission{Name: "iot.write", Title: "Change devices, mappings, floors and prices", Least: access.Operator}
	command = access.Permission{Name: "iot.command", Title: "Send commands to devices", Least: access.Operator}
	manage  = access.Permission{Name: "iot.client", Title: "Make and revoke credentials of devices", Least: access.Admin}
)

//go:embed migrations/*.sql
var migrations embed.FS

// Module declares observe.iot.
func Module() module.Module {
	return module.Module{
		ID: "observe.iot", Migrations: migrations, Permissions: []access.Permission{read, write, command, manage},
		New: func(d module.Deps) (module.Instance, error) { return newService(d), nil },
	}
}

// Subscribe implements module.HasEvents.
func (s *Service) Subscribe(r *event.Router) {
	event.On(r, func(ctx context.Context, tx *db.Tx, f estate.ItemChanged, _ event.Meta) error {
		if f.Removed {
			for _, q := range []string{"DELETE FROM iot_rooms WHERE item_id = ?", "UPDATE iot_devices SET room_id = '' WHERE room_id = ?", "UPDATE iot_devices SET item_id = '' WHERE item_id = ?"} {
				if _, err := tx.NewRaw(q, f.ItemID).Exec(ctx); err != nil {
					return err
				}
			}
			tx.AfterCommit(func() { go s.itemGone(f.ItemID) }) // what it locks may wait for a transaction
			return nil
		}
		its, err := s.items.ByIDs(ctx, tx, []string{f.ItemID})
		if err != nil {
			return err
		}
		if it, ok := its[f.ItemID]; ok {
			tx.AfterCommit(func() { go s.itemIs(f.ItemID, it) })
		}
		return nil
	})
	event.On(r, func(ctx context.Context, tx *db.Tx, f estate.ItemMerged, _ event.Meta) error {
		for _, q := range []string{"UPDATE iot_devices SET item_id = ? WHERE item_id = ?", "UPDATE iot_devices SET room_id = ? WHERE room_id = ?", "UPDATE iot_floors SET item_id = ? WHERE item_id = ?"} {
			if _, err := tx.NewRaw(q, f.ItemID, f.GoneID).Exec(ctx); err != nil {
				return err
			}
		}
		tx.AfterCommit(func() {
			go s.itemIs(f.GoneID, estate.Item{ID: f.ItemID, Name: f.Name})
		})
		return nil
	})
}

func (s *Service) itemGone(itemID string) {
	for _, d := range s.all() {
		d.mu.Lock()
		if d.ItemID == itemID {
			d.ItemID, d.item, d.dirty = "", "", true
			d.problem, d.retry = "Its item was removed. Bind it to another.", s.now().Add(1000*time.Hour)
		}
		if d.RoomID == itemID {
			d.RoomID, d.dirty = "", true
		}
		d.mu.Unlock()
	}
}

func (s *Service) itemIs(was string, it estate.Item) {
	for _, d := range s.all() {
		d.mu.Lock()
		if d.ItemID == was {
			d.bind(it)
		}
		if d.RoomID == was {
			d.RoomID = it.ID
		}
		d.mu.Unlock()
	}
}

type pruneArgs struct{}

// Kind implements job.Args.
func (pruneArgs) Kind() string { return "iot.prune" }

// keepCommands is how long commands are listed; the audit log keeps them on.
const keepCommands = 90 * 24 * time.Hour

// Jobs implements module.HasJobs.
func (s *Service) Jobs(r *job.Runner) {
	job.Handle(r, func(ctx context.Context, _ pruneArgs, _ job.Meta) error {
		return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.NewRaw("DELETE FROM iot_commands WHERE at < ?", tx.Now().Add(-keepCommands)).Exec(ctx)
			return err
		})
	})
	job.Every(r, 24*time.Hour, false, pruneArgs{})
}
