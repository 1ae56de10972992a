package iot

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe/iot/payload"
)

// Device is a device as the API shows it.
type Device struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	Item       string            `json:"item,omitempty" doc:"Name of its item; absent while it has none."`
	Problem    string            `json:"problem,omitempty" doc:"Why it has no item, or what could not be told to it."`
	Client     string            `json:"client"`
	Format     string            `json:"format" doc:"How its messages are understood."`
	State      string            `json:"state" enum:"online,offline,silent"`
	Maker      string            `json:"maker,omitempty"`
	Model      string            `json:"model,omitempty"`
	Firmware   string            `json:"firmware,omitempty"`
	Serial     string            `json:"serial,omitempty"`
	Room       string            `json:"room,omitempty"`
	FirstSeen  time.Time         `json:"first_seen"`
	LastSeen   time.Time         `json:"last_seen"`
	Every      float64           `json:"every_seconds" doc:"How often it is expected to say something; 0 while that is not known."`
	EverySet   bool              `json:"every_set" doc:"A person set every_seconds; else it was learned."`
	BatteryLow int64             `json:"battery_low" doc:"Charge in percent below which an alarm is raised; 0 for none."`
	Battery    *float64          `json:"battery,omitempty" doc:"Percent."`
	Signal     *float64          `json:"signal,omitempty" doc:"Link quality from 0 to 255, signal in percent or, when negative, in dBm."`
	Messages   int64             `json:"messages" doc:"Messages with figures since it is known."`
	BadClock   int64             `json:"bad_clock" doc:"Messages whose time was of another age; the time of receipt was taken."`
	Figures    []Figure          `json:"figures"`
	Commands   []payload.Command `json:"commands"`
}

// view shows a device. d.mu is held.
func (s *Service) view(d *device, rooms map[string]string) Device {
	v := Device{
		ID: d.ID, Name: d.Name, Item: d.item, Problem: d.problem, Client: d.Client, Format: d.Format, State: d.state(s.now(), s.started), Maker: d.info.Maker, Model: d.info.Model, Firmware: d.info.Firmware, Serial: d.info.Serial,
		Room: rooms[d.RoomID], FirstSeen: d.FirstSeen.UTC(), LastSeen: d.LastSeen.UTC(), Every: d.every().Seconds(), EverySet: d.ExpectS > 0, BatteryLow: d.BatteryLow, Messages: d.Heard, BadClock: d.BadClock,
		Figures: []Figure{}, Commands: slices.Clone(d.commands),
	}
	if v.Commands == nil {
		v.Commands = []payload.Command{}
	}
	if n, ok := d.battery(); ok {
		v.Battery = &n
	}
	for _, f := range d.figures {
		v.Figures = append(v.Figures, *f)
	}
	slices.SortFunc(v.Figures, func(a, b Figure) int {
		return cmp.Or(cmp.Compare(rank(a.Metric), rank(b.Metric)), strings.Compare(a.Metric, b.Metric), strings.Compare(a.Sensor, b.Sensor))
	})
	for _, name := range []string{"iot_link_quality", "iot_signal_percent", "iot_rssi_dbm"} {
		for _, f := range v.Figures {
			if f.Metric == name && v.Signal == nil {
				n := f.Value
				v.Signal = &n
			}
		}
	}
	return v
}

// main are the figures that people look for first.
var main = []string{"iot_temperature_celsius", "iot_humidity_percent", "iot_co2_ppm", "iot_power_watts", "iot_energy_kilowatt_hours", "iot_switch", "iot_occupancy", "iot_motion", "iot_contact", "iot_illuminance_lux", "iot_pressure_hectopascals"}

func rank(metric string) int {
	if i := slices.Index(main, metric); i >= 0 {
		return i
	}
	switch metric {
	case "iot_battery_percent", "iot_link_quality", "iot_rssi_dbm", "iot_signal_percent":
		return 1000
	}
	return 100
}

func (s *Service) roomNames(ctx context.Context) (map[string]string, error) {
	var rows []struct{ ItemID, Name string }
	if err := s.d.DB.Reader().NewRaw("SELECT item_id, name FROM iot_rooms").Scan(ctx, &rows); err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, r := range rows {
		out[r.ItemID] = r.Name
	}
	return out, nil
}

// list gives devices by name.
func (s *Service) list(ctx context.Context, q, state, cursor string, limit int) ([]Device, string, error) {
	rooms, err := s.roomNames(ctx)
	if err != nil {
		return nil, "", err
	}
	p := access.From(ctx)
	q = strings.ToLower(q)
	type entry struct {
		sort string
		d    *device
	}
	var es []entry
	for _, d := range s.all() {
		d.mu.Lock()
		text := strings.ToLower(strings.Join([]string{d.Name, d.item, d.Client, d.info.Maker, d.info.Model, rooms[d.RoomID]}, "\n"))
		ok := p.CanFor(read, d.TeamID) && strings.Contains(text, q) && (state == "" || d.state(s.now(), s.started) == state)
		sort := strings.ToLower(d.Name) + "\x00" + d.ID
		d.mu.Unlock()
		if ok && sort > cursor {
			es = append(es, entry{sort, d})
		}
	}
	slices.SortFunc(es, func(a, b entry) int { return strings.Compare(a.sort, b.sort) })
	next := ""
	if len(es) > limit {
		es = es[:limit]
		next = es[limit-1].sort
	}
	out := make([]Device, len(es))
	for i, e := range es {
		e.d.mu.Lock()
		out[i] = s.view(e.d, rooms)
		e.d.mu.Unlock()
	}
	return out, next, nil
}

// readable finds a device that whoever acts in ctx may see, or change with another
// permission.
func (s *Service) reachable(ctx context.Context, deviceID string, perm access.Permission) (*device, error) {
	d := s.device(deviceID)
	if d == nil {
		return nil, notThere(deviceID)
	}
	d.mu.Lock()
	team := d.TeamID
	d.mu.Unlock()
	return d, access.Check(ctx, perm, team)
}

func (s *Service) get(ctx context.Context, deviceID string) (Device, error) {
	d, err := s.reachable(ctx, deviceID, read)
	if err != nil {
		return Device{}, err
	}
	rooms, err := s.roomNames(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	return s.view(d, rooms), err
}

// Change is what a person may change of a device; absent fields stay.
type Change struct {
	Item       *string `json:"item,omitempty" maxLength:"200" doc:"Name of the item that it is."`
	Room       *string `json:"room,omitempty" maxLength:"200" doc:"Id of the room; empty takes it out of its room."`
	Every      *int64  `json:"every_seconds,omitempty" minimum:"0" maximum:"31536000" doc:"How often it should say something; 0 learns it."`
	BatteryLow *int64  `json:"battery_low,omitempty" minimum:"0" maximum:"100" doc:"Percent; 0 for no alarm."`
}

func (s *Service) change(ctx context.Context, deviceID string, c Change) (Device, error) {
	d, err := s.reachable(ctx, deviceID, write)
	if err != nil {
		return Device{}, err
	}
	d.mu.Lock()
	row, itemNow := d.row(), d.item
	d.mu.Unlock()
	was := row
	var item estate.Item
	err = s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		if c.Item != nil {
			if item, err = s.items.ByName(ctx, tx, *c.Item); errs.Is(err, errs.NotFound) {
				return errs.Fields(errs.Field{Path: "item", Value: *c.Item, Message: "is not the name of an item"})
			} else if err != nil {
				return err
			}
			if err := access.Check(ctx, write, item.OwnerTeamID); err != nil {
				return err
			}
			row.ItemID, itemNow = item.ID, item.Name
		}
		if c.Room != nil {
			row.RoomID, row.RoomPinned = *c.Room, true
			if *c.Room != "" {
				its, err := s.items.ByIDs(ctx, tx, []string{*c.Room})
				if err != nil {
					return err
				}
				room, ok := its[*c.Room]
				var n int
				if err := tx.NewRaw("SELECT COUNT(*) FROM iot_rooms WHERE item_id = ?", *c.Room).Scan(ctx, &n); err != nil {
					return err
				}
				if !ok || n == 0 {
					return errs.Fields(errs.Field{Path: "room", Value: *c.Room, Message: "is not the id of a room"})
				}
				if itemNow != "" {
					if _, err := s.discoverer.Observed(access.AsSystem(ctx), tx, estate.NewItem{Name: itemNow, Source: sourceName, Relations: map[string][]string{locatedIn: {room.Name}}}); err != nil {
						return err
					}
				}
			}
		}
		if c.Every != nil {
			row.ExpectS = *c.Every
		}
		if c.BatteryLow != nil {
			row.BatteryLow = *c.BatteryLow
		}
		if _, err := tx.NewInsert().Model(&row).On("CONFLICT (id) DO UPDATE").Set("item_id = EXCLUDED.item_id").Set("room_id = EXCLUDED.room_id").Set("room_pinned = EXCLUDED.room_pinned").Set("expect_s = EXCLUDED.expect_s").Set("battery_low = EXCLUDED.battery_low").Exec(ctx); err != nil {
			return err
		}
		show := func(r deviceRow) map[string]any {
			return map[string]any{"item": r.ItemID, "room": r.RoomID, "every_seconds": r.ExpectS, "battery_low": r.BatteryLow}
		}
		return audit.Write(ctx, tx, audit.Change{Action: "iot_device.update", Ref: entity.Ref{Kind: "iot_device", ID: d.ID}, Name: row.Name, Before: show(was), After: show(row)})
	})
	if err != nil {
		return Device{}, err
	}
	d.mu.Lock()
	if item.ID != "" {
		d.bind(item)
		d.problem, d.retry = "", time.Time{}
	}
	d.RoomID, d.RoomPinned, d.ExpectS, d.BatteryLow = row.RoomID, row.RoomPinned, row.ExpectS, row.BatteryLow
	d.mu.Unlock()
	s.changed("device", d.ID)
	return s.get(ctx, deviceID)
}

// forget removes a device. One that goes on to speak comes back; its item and its
// figures stay.
func (s *Service) forget(ctx context.Context, deviceID string) error {
	d, err := s.reachable(ctx, deviceID, write)
	if err != nil {
		return err
	}
	err = s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, q := range []string{"DELETE FROM iot_commands WHERE device_id = ?", "DELETE FROM iot_devices WHERE id = ?"} {
			if _, err := tx.NewRaw(q, deviceID).Exec(ctx); err != nil {
				return err
			}
		}
		return audit.Write(ctx, tx, audit.Change{Action: "iot_device.delete", Ref: entity.Ref{Kind: "iot_device", ID: d.ID}, Name: d.Name})
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	delete(s.devices, d.Key)
	delete(s.byID, d.ID)
	s.mu.Unlock()
	s.store.Forget("iot/" + d.ID)
	s.changed("removed", d.ID)
	return nil
}

// clientViews lists clients by name.
func (s *Service) clientViews(ctx context.Context, cursor string, limit int) ([]ClientView, string, error) {
	teams, err := account.TeamNames(ctx, s.d.DB.Reader())
	if err != nil {
		return nil, "", err
	}
	devices := map[string]int{}
	for _, d := range s.all() {
		d.mu.Lock()
		devices[d.Client]++
		d.mu.Unlock()
	}
	p := access.From(ctx)
	s.mu.RLock()
	var cs []*client
	for _, c := range s.clients {
		if c.Name > cursor && p.CanFor(read, c.TeamID) {
			cs = append(cs, c)
		}
	}
	s.mu.RUnlock()
	slices.SortFunc(cs, func(a, b *client) int { return strings.Compare(a.Name, b.Name) })
	next := ""
	if len(cs) > limit {
		cs = cs[:limit]
		next = cs[limit-1].Name
	}
	out := make([]ClientView, len(cs))
	for i, c := range cs {
		v := ClientView{Client: s.public(&c.clientRow, teams[c.TeamID]), State: "away", LastSeen: c.LastSeen, RotatedAt: c.RotatedAt.UTC(), Messages: c.messages.Load(), Lost: map[string]int64{}, Devices: devices[c.Name]}
		for k := range c.lost {
			if n := c.lost[k].Load(); n > 0 {
				v.Lost[lostNames[k]] = n
			}
		}
		if x := s.gate.connected(c.Name); x != nil {
			since, seen := x.since.UTC(), time.Unix(0, x.heard.Load()).UTC()
			v.State, v.Address, v.TLS, v.Since, v.LastSeen = "connected", x.host, x.tls, &since, &seen
		}
		if c.RevokedAt != nil {
			v.State = "revoked"
		}
		out[i] = v
	}
	return out, next, nil
}
