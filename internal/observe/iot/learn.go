package iot

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe/iot/payload"
)

const sourceName = "mqtt"

// Kinds and relations of items that the module makes.
const (
	kindDevice   = "iot_device"
	kindBuilding = "building"
	kindFloor    = "floor"
	kindRoom     = "room"
	partOf       = "part_of"
	locatedIn    = "located_in"
)

// itemName makes a name that items may have.
func itemName(s string) string {
	var b strings.Builder
	for _, r := range payload.Clip(s, 150) {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case strings.ContainsRune(" ._:@/+-", r) && b.Len() > 0:
			b.WriteRune(r)
		case b.Len() > 0:
			b.WriteByte('-')
		}
	}
	return strings.TrimRight(b.String(), " ._:@/+-")
}

// adopt gives a device its item, or tells the item what is new. d.mu is held. What it
// cannot do is kept as a sentence and tried again later.
func (s *Service) adopt(d *device, name string) {
	var it estate.Item
	roomID := d.RoomID
	err := s.d.DB.InTx(s.ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if d.ItemID != "" {
			its, err := s.items.ByIDs(ctx, tx, []string{d.ItemID})
			if err != nil {
				return err
			}
			if it = its[d.ItemID]; it.ID == "" {
				return errs.New(errs.NotFound, "Its item was removed. Bind it to another.")
			}
			name = it.Name
		} else {
			if name = itemName(name); name == "" {
				name = "device-" + d.ID[len(d.ID)-8:]
			}
			if err := s.free(ctx, tx, name); err != nil {
				return err
			}
		}
		in := estate.NewItem{Name: name, Title: d.info.Title, Kind: kindDevice, Source: sourceName, OwnerTeamID: d.TeamID, Attributes: map[string]any{"mqtt_client": d.Client}}
		for k, v := range map[string]string{"vendor": d.info.Maker, "model": d.info.Model, "firmware": d.info.Firmware, "serial": d.info.Serial} {
			if v != "" {
				in.Attributes[k] = v
			}
		}
		if !d.RoomPinned && d.info.Room != "" {
			room, err := s.ensureRoom(ctx, tx, d.info.Building, d.info.Floor, d.info.Room, d.TeamID)
			if err != nil {
				return err
			}
			roomID, in.Relations = room.ID, map[string][]string{locatedIn: {room.Name}}
		}
		if d.ItemID != "" {
			in.Kind = it.Kind
		}
		it, err = s.discoverer.Observed(ctx, tx, in)
		return err
	})
	if err != nil {
		d.problem, d.retry = errs.Message(err), s.now().Add(retryMake)
		if errs.CodeOf(err) == errs.Internal && !errors.Is(err, context.Canceled) {
			s.d.Logger.Error("a device got no item", "device", d.Key, "error", err)
		}
		return
	}
	d.problem, d.dirty = "", true
	d.bind(it)
	d.RoomID = roomID
}

// bind makes it the item of the device. d.mu is held.
func (d *device) bind(it estate.Item) {
	if d.item != it.Name {
		for _, f := range d.figures {
			f.ready = false
		}
	}
	d.ItemID, d.item, d.dirty = it.ID, it.Name, true
	if it.OwnerTeamID != "" {
		d.TeamID = it.OwnerTeamID
	}
}

// free refuses a name that another thing has: a device must not become an item that it
// only shares a name with.
func (s *Service) free(ctx context.Context, tx *db.Tx, name string) error {
	it, err := s.items.ByName(ctx, tx, name)
	if errs.Is(err, errs.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	var n int
	if err := tx.NewRaw("SELECT COUNT(*) FROM iot_devices WHERE item_id = ?", it.ID).Scan(ctx, &n); err != nil {
		return err
	}
	if n > 0 {
		return errs.New(errs.Conflict, "Another device has the name %s already. Bind this one to an item of its own.", name)
	}
	return errs.New(errs.Conflict, "An item named %s exists already. Bind the device to it if it is that, or to another.", name)
}

// ensureRoom makes a room with its floor and building, unless they are there.
func (s *Service) ensureRoom(ctx context.Context, tx *db.Tx, building, floor, room, team string) (it estate.Item, err error) {
	var names []string
	make1 := func(kind, name, title string) error {
		names = append(names, itemName(name))
		full := strings.Join(names, " / ")
		have, err := s.items.ByName(ctx, tx, full)
		if err == nil && have.Kind != kind && have.Kind != "location" {
			return errs.New(errs.Conflict, "The %s %s cannot be made: there is an item of that name that is something else.", kind, full)
		}
		if err != nil && !errs.Is(err, errs.NotFound) {
			return err
		}
		in := estate.NewItem{Name: full, Title: title, Kind: kind, Source: sourceName, OwnerTeamID: team}
		if have.ID != "" {
			in.Kind = have.Kind
		}
		if it.ID != "" {
			in.Relations = map[string][]string{partOf: {it.Name}}
		}
		it, err = s.discoverer.Observed(ctx, tx, in)
		return err
	}
	holder := ""
	if building != "" {
		if err := make1(kindBuilding, building, payload.Clip(building, 200)); err != nil {
			return it, err
		}
		holder = it.ID
	}
	if floor != "" {
		if err := make1(kindFloor, floor, payload.Clip(floor, 200)); err != nil {
			return it, err
		}
		holder = it.ID
	}
	if err := make1(kindRoom, room, payload.Clip(room, 200)); err != nil {
		return it, err
	}
	return it, s.placeRoom(ctx, tx, holder, payload.Clip(building, 200), payload.Clip(floor, 200), it, payload.Clip(room, 200))
}

// placeRoom puts a room on its floor, at the first free place of the grid.
func (s *Service) placeRoom(ctx context.Context, tx *db.Tx, holder, building, floor string, room estate.Item, title string) error {
	var n int
	if err := tx.NewRaw("SELECT COUNT(*) FROM iot_rooms WHERE item_id = ?", room.ID).Scan(ctx, &n); err != nil || n > 0 {
		return err
	}
	var floorID string
	err := tx.NewRaw("SELECT id FROM iot_floors WHERE building = ? AND name = ?", building, floor).Scan(ctx, &floorID)
	if err != nil {
		if !errs.Is(db.NotFound(err, "-"), errs.NotFound) {
			return err
		}
		floorID = id.New()
		if _, err := tx.NewRaw("INSERT INTO iot_floors (id, item_id, building, name, plan, plan_type, updated_at) VALUES (?, ?, ?, ?, '', '', ?)", floorID, holder, building, floor, tx.Now()).Exec(ctx); err != nil {
			return err
		}
	}
	if err := tx.NewRaw("SELECT COUNT(*) FROM iot_rooms WHERE floor_id = ?", floorID).Scan(ctx, &n); err != nil {
		return err
	}
	_, err = tx.NewRaw("INSERT INTO iot_rooms (item_id, floor_id, name, x, y, w, h) VALUES (?, ?, ?, ?, ?, ?, ?)", room.ID, floorID, title, int64(n%4)*250, int64(n/4%4)*250, 230, 230).Exec(ctx)
	return err
}

// load reads what is known at the start.
func (s *Service) load(ctx context.Context) error {
	q := s.d.DB.Reader()
	var clients []clientRow
	if err := q.NewSelect().Model(&clients).Scan(ctx); err != nil {
		return err
	}
	for _, r := range clients {
		s.clients[r.Name] = &client{clientRow: r, publish: filters(r.Publish, r.Name), subscribe: filters(r.Subscribe, r.Name)}
		if r.Session {
			s.sessions.Add(1)
		}
	}
	var rows []deviceRow
	if err := q.NewSelect().Model(&rows).Scan(ctx); err != nil {
		return err
	}
	var ids []string
	for i := range rows {
		if rows[i].ItemID != "" {
			ids = append(ids, rows[i].ItemID)
		}
	}
	its, err := s.items.ByIDs(ctx, q, ids)
	if err != nil {
		return err
	}
	for _, r := range rows {
		d := &device{deviceRow: r, figures: map[string]*Figure{}, item: its[r.ItemID].Name, told: r.Online != ""}
		var fs []Figure
		for _, into := range []struct {
			text string
			v    any
		}{{r.Figures, &fs}, {r.Info, &d.info}, {r.Commands, &d.commands}} {
			if err := json.Unmarshal([]byte(into.text), into.v); err != nil {
				s.d.Logger.Warn("what was stored of a device cannot be read", "device", r.Key, "error", err)
			}
		}
		for i := range fs {
			f := fs[i]
			d.figures[payload.EchoOf(payload.Value{Name: strings.TrimPrefix(f.Metric, "iot_"), Sensor: f.Sensor})] = &f
		}
		s.devices[r.Key], s.byID[r.ID] = d, d
	}
	if err := s.loadMappings(ctx); err != nil {
		return err
	}
	if err := s.loadUnknown(ctx); err != nil {
		return err
	}
	var memory []struct{ Topic, Payload string }
	if err := q.NewRaw("SELECT topic, payload FROM iot_memory ORDER BY at LIMIT 50000").Scan(ctx, &memory); err != nil {
		return err
	}
	for _, m := range memory {
		if b, err := base64.StdEncoding.DecodeString(m.Payload); err == nil {
			s.decoder.Decode(payload.Message{Topic: m.Topic, Data: b, At: time.Time{}})
		}
	}
	return nil
}
