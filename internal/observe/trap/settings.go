package trap

import (
	"context"
	"encoding/hex"
	"strconv"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// Settings are how traps are kept and limited.
type Settings struct {
	RetentionDays int   `json:"retention_days" minimum:"1" maximum:"3650" doc:"How long events are kept."`
	MaxEvents     int64 `json:"max_events" minimum:"1000" maximum:"100000000" doc:"How many events are kept; the oldest go first."`
	PerSecond     int   `json:"per_second" minimum:"1" maximum:"10000" doc:"How many events one sender may make in a second."`
	Burst         int   `json:"burst" minimum:"1" maximum:"100000" doc:"How many it may make at once."`
}

func readSettings(ctx context.Context, q bun.IDB) (set Settings, err error) {
	err = q.NewRaw("SELECT retention_days, max_events, per_second, burst FROM trap_settings WHERE id = 1").Scan(ctx, &set)
	return set, err
}

func (s *Service) saveSettings(ctx context.Context, set Settings) (Settings, error) {
	return set, s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		was, err := readSettings(ctx, tx)
		if err != nil {
			return err
		}
		if _, err := tx.NewRaw("UPDATE trap_settings SET retention_days = ?, max_events = ?, per_second = ?, burst = ? WHERE id = 1", set.RetentionDays, set.MaxEvents, set.PerSecond, set.Burst).Exec(ctx); err != nil {
			return err
		}
		tx.AfterCommit(func() { s.rekey.Store(true) })
		return audit.Write(ctx, tx, audit.Change{Action: "trap.settings", Ref: entity.Ref{Kind: "trap", ID: "settings"}, Name: "SNMP traps", Before: was, After: set})
	})
}

// Receiver is how receiving goes.
type Receiver struct {
	Listening string   `json:"listening,omitempty" doc:"Address and port; absent when receiving is off."`
	EngineID  string   `json:"engine_id" doc:"SNMP engine id of this server, in hexadecimal; senders of version 3 informs may be asked for it."`
	Taken     int64    `json:"taken" doc:"This and the other numbers are since the start of the program."`
	Repeated  int64    `json:"repeated" doc:"Same as the trap before of its sender, and counted there."`
	Limited   int64    `json:"limited" doc:"Over the limit of their sender and not listed."`
	Refused   int64    `json:"refused" doc:"From somebody who may not send."`
	Malformed int64    `json:"malformed" doc:"No SNMP notification."`
	Dropped   int64    `json:"dropped" doc:"Came faster than they could be worked on."`
	Waiting   int      `json:"waiting" doc:"Packets that wait to be worked on."`
	Settings  Settings `json:"settings"`
}

func (s *Service) status(ctx context.Context) (Receiver, error) {
	set, err := readSettings(ctx, s.d.DB.Reader())
	r := Receiver{
		EngineID: "0x" + hex.EncodeToString(s.engine), Taken: s.counts.taken.Load(), Repeated: s.counts.repeated.Load(), Limited: s.counts.limited.Load(),
		Refused: s.counts.refused.Load(), Malformed: s.counts.malformed.Load(), Dropped: s.counts.dropped.Load(), Waiting: len(s.queue), Settings: set,
	}
	if s.conn != nil {
		r.Listening = s.conn.LocalAddr().String()
	}
	return r, err
}

// source finds a sender for a change; errs.NotFound when there is none.
func (s *Service) source(ctx context.Context, tx *db.Tx, address string) (r sourceRow, err error) {
	err = tx.NewRaw("SELECT * FROM trap_sources WHERE address = ?", address).Scan(ctx, &r)
	return r, db.NotFound(err, "No trap came from the address %s.", strconv.Quote(address))
}

// pin says which item an address is; an empty name takes that back.
func (s *Service) pin(ctx context.Context, address, item string) error {
	err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := s.source(ctx, tx, address)
		if err != nil {
			return err
		}
		r.ItemID, r.Pinned = "", item != ""
		if item != "" {
			it, err := s.items.ByName(ctx, tx, item)
			if errs.Is(err, errs.NotFound) {
				return errs.Fields(errs.Field{Path: "item", Value: item, Message: "is not the name of an item"})
			}
			if err != nil {
				return err
			}
			if err := access.Check(ctx, writeTraps, it.OwnerTeamID); err != nil {
				return err
			}
			r.ItemID = it.ID
		}
		if _, err := tx.NewRaw("UPDATE trap_sources SET item_id = ?, pinned = ? WHERE address = ?", r.ItemID, r.Pinned, address).Exec(ctx); err != nil {
			return err
		}
		tx.AfterCommit(func() {
			s.stale.Store(true)
			s.later(func() {
				if x := s.senders[address]; x != nil {
					x.ItemID, x.Pinned = r.ItemID, r.Pinned
				}
			})
		})
		return audit.Write(ctx, tx, audit.Change{Action: "trap.sender", Ref: entity.Ref{Kind: "trap", ID: address}, Name: address, After: map[string]string{"item": item}})
	})
	return err
}

// forget removes a sender from the list.
func (s *Service) forget(ctx context.Context, address string) error {
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := s.source(ctx, tx, address); err != nil {
			return err
		}
		if _, err := tx.NewRaw("DELETE FROM trap_sources WHERE address = ?", address).Exec(ctx); err != nil {
			return err
		}
		tx.AfterCommit(func() { s.later(func() { delete(s.senders, address) }) })
		return audit.Write(ctx, tx, audit.Change{Action: "trap.forget", Ref: entity.Ref{Kind: "trap", ID: address}, Name: address})
	})
}
