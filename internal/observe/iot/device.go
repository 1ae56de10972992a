package iot

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/observe/iot/payload"
	"github.com/mainstay-ops/mainstay/internal/observe/iot/wire"
)

const (
	maxDevices = 20_000
	maxFigures = 500 // of one device
	maxTail    = 50
	maxText    = 2000
	retryMake  = time.Minute
	online     = "online"
	offline    = "offline"
)

type deviceRow struct {
	bun.BaseModel `bun:"iot_devices"`

	ID         string    `bun:"id,pk"`
	Key        string    `bun:"device_key"`
	Name       string    `bun:"name"`
	Client     string    `bun:"client"`
	ItemID     string    `bun:"item_id"`
	TeamID     string    `bun:"team_id"`
	Format     string    `bun:"format"`
	Info       string    `bun:"info"`
	Commands   string    `bun:"commands"`
	Figures    string    `bun:"figures"`
	Online     string    `bun:"online"` // online, offline, or empty when it does not say
	FirstSeen  time.Time `bun:"first_seen"`
	LastSeen   time.Time `bun:"last_seen"`
	EveryMS    int64     `bun:"every_ms"` // learned
	Heard      int64     `bun:"heard"`
	BadClock   int64     `bun:"bad_clock"`
	ExpectS    int64     `bun:"expect_s"` // set by a person; 0 is learned
	BatteryLow int64     `bun:"battery_low"`
	RoomID     string    `bun:"room_id"`
	RoomPinned bool      `bun:"room_pinned"`
	Raised     string    `bun:"raised"`
}

// Figure is one value of a device as it is now.
type Figure struct {
	Metric string    `json:"metric" doc:"Name in the metric store."`
	Sensor string    `json:"sensor,omitempty"`
	Value  float64   `json:"value"`
	At     time.Time `json:"at"`

	series observe.SeriesID
	ready  bool
}

// Heard is a message as the live view shows it.
type Heard struct {
	At       time.Time `json:"at"`
	Topic    string    `json:"topic"`
	Payload  string    `json:"payload" doc:"Cut after 2,000 characters; bytes that are no text are written in hexadecimal."`
	Retained bool      `json:"retained"`
}

// device is a thing that messages speak about. Whoever holds mu may ask for the lock of
// the service, never the other way round.
type device struct {
	mu sync.Mutex
	deviceRow
	item     string // name
	figures  map[string]*Figure
	info     payload.Info
	commands []payload.Command
	tail     []Heard
	dirty    bool
	told     bool // it tells itself whether it is online
	problem  string
	retry    time.Time
	sent     []sentCommand
}

// report applies what a message says about a device, and gives the figures to store.
func (s *Service) report(c *client, r *payload.Report, m wire.Publish, now time.Time) []observe.Sample {
	s.mu.RLock()
	d := s.devices[r.Device]
	s.mu.RUnlock()
	if d == nil {
		// A will, or garbage that was retained, makes no device.
		if len(r.Values) == 0 && len(r.Commands) == 0 && r.Info == (payload.Info{}) && r.Available == nil {
			return nil
		}
		if d = s.newDevice(c, r, now); d == nil {
			s.lost(c, lostBusy, 1)
			return nil
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.Client != c.Name {
		if s.gate.connected(d.Client) != nil || s.knows(d.Client) {
			s.lost(c, lostOwner, 1)
			s.note(c.Name, "It speaks for "+d.Name+", which belongs to the client "+d.Client+". Two clients cannot report one device.")
			return nil
		}
		d.Client = c.Name // its client is gone
	}
	at, wrong := when(r.At, now)
	if wrong {
		d.BadClock++
		s.badClock.Add(1)
	}
	learned := d.learn(r)
	if r.Available != nil {
		d.told = true
		was := d.Online
		if d.Online = offline; *r.Available {
			d.Online = online
		}
		if was != d.Online {
			s.changed("device", d.ID)
		}
	}
	d.hear(m, now, r.Available != nil && !*r.Available, len(r.Values) > 0)
	if (d.ItemID == "" || learned) && now.After(d.retry) {
		s.adopt(d, r.Name)
	}
	if d.ItemID == "" {
		return nil
	}
	var out []observe.Sample
	for _, v := range r.Values {
		if f := s.figure(d, v); f != nil {
			f.Value, f.At = v.Number, at
			out = append(out, observe.Sample{Series: f.series, At: at, Value: v.Number})
		}
	}
	if len(d.sent) > 0 {
		s.echo(d, now)
	}
	return out
}

// learn merges what the device says of itself; it tells whether anything is new.
func (d *device) learn(r *payload.Report) bool {
	changed := false
	set := func(dst *string, v string) {
		if v != "" && *dst != v {
			*dst, changed = v, true
		}
	}
	set(&d.info.Title, r.Info.Title)
	set(&d.info.Maker, r.Info.Maker)
	set(&d.info.Model, r.Info.Model)
	set(&d.info.Firmware, r.Info.Firmware)
	set(&d.info.Serial, r.Info.Serial)
	set(&d.info.Building, r.Info.Building)
	set(&d.info.Floor, r.Info.Floor)
	set(&d.info.Room, r.Info.Room)
	set(&d.info.Via, r.Info.Via)
	d.Format = r.Format
	for _, c := range r.Commands {
		i := slices.IndexFunc(d.commands, func(o payload.Command) bool { return o.Name == c.Name })
		switch {
		case i >= 0:
			d.commands[i] = c
		case len(d.commands) < 100:
			d.commands = append(d.commands, c)
		}
	}
	d.dirty = d.dirty || changed
	return changed
}

// hear notes that a message came, and learns how often they do. A will is no sign of
// life.
func (d *device) hear(m wire.Publish, now time.Time, death, figures bool) {
	d.dirty = true
	d.tail = append(d.tail, Heard{At: now.UTC(), Topic: m.Topic, Payload: textOf(m.Payload), Retained: m.Retain})
	if len(d.tail) > maxTail {
		d.tail = slices.Clone(d.tail[len(d.tail)-maxTail:])
	}
	if death {
		return
	}
	if figures {
		if gap := now.Sub(d.LastSeen); d.Heard > 0 && gap > time.Second {
			ms := gap.Milliseconds()
			if d.EveryMS == 0 {
				d.EveryMS = ms
			} else if ms < 20*d.EveryMS { // an outage teaches nothing
				d.EveryMS += (ms - d.EveryMS) / 8
			}
		}
		d.Heard++
	}
	d.LastSeen = now.UTC()
	if d.Online == offline && !d.told {
		d.Online = ""
	}
}

func textOf(b []byte) string {
	if len(b) > maxText {
		b = b[:maxText]
	}
	s := string(b)
	if clean := payload.Clip(s, maxText); len(clean) >= len(strings.TrimSpace(s))-16 {
		return clean
	}
	const hexes = "0123456789abcdef"
	out := make([]byte, 0, 3*len(b))
	for i, c := range b[:min(len(b), maxText/3)] {
		if i > 0 {
			out = append(out, ' ')
		}
		out = append(out, hexes[c>>4], hexes[c&15])
	}
	return string(out)
}

// figure finds or makes a figure of a device. d.mu is held.
func (s *Service) figure(d *device, v payload.Value) *Figure {
	key := payload.EchoOf(v)
	f := d.figures[key]
	if f == nil {
		if len(d.figures) >= maxFigures {
			return nil
		}
		f = &Figure{Metric: "iot_" + v.Name, Sensor: v.Sensor}
		d.figures[key] = f
	}
	if !f.ready {
		labels := map[string]string{"__name__": f.Metric, "item": d.item}
		if f.Sensor != "" {
			labels["sensor"] = f.Sensor
		}
		sid, err := s.store.Series("iot/"+d.ID, labels)
		if err != nil {
			return nil
		}
		f.series, f.ready = sid, true
	}
	return f
}

func (s *Service) newDevice(c *client, r *payload.Report, now time.Time) *device {
	s.making.Lock()
	defer s.making.Unlock()
	s.mu.RLock()
	d, n := s.devices[r.Device], len(s.devices)
	s.mu.RUnlock()
	if d != nil || n >= maxDevices {
		return d
	}
	d = &device{deviceRow: deviceRow{ID: id.New(), Key: r.Device, Name: payload.Clip(r.Name, 200), Client: c.Name, TeamID: c.TeamID, Format: r.Format, FirstSeen: now.UTC(), LastSeen: now.UTC(), BatteryLow: defaultBattery}, figures: map[string]*Figure{}, dirty: true}
	if d.Name == "" {
		d.Name = r.Device
	}
	s.mu.Lock()
	s.devices[r.Device], s.byID[d.ID] = d, d
	delete(s.unknown, r.Device)
	s.mu.Unlock()
	s.changed("created", d.ID)
	return d
}

func (s *Service) knows(client string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.clients[client] != nil
}

// note keeps a sentence about a client for people, as refuse does.
func (s *Service) note(client, why string) {
	host := ""
	if c := s.gate.connected(client); c != nil {
		host = c.host
	}
	s.refuse(client, host, why)
}

// row is what is stored of a device. d.mu is held.
func (d *device) row() deviceRow {
	r := d.deviceRow
	fs := make([]Figure, 0, len(d.figures))
	for _, f := range d.figures {
		fs = append(fs, *f)
	}
	slices.SortFunc(fs, func(a, b Figure) int {
		return cmp.Or(strings.Compare(a.Metric, b.Metric), strings.Compare(a.Sensor, b.Sensor))
	})
	r.Figures, r.Info, r.Commands = jsonText(fs), jsonText(d.info), jsonText(d.commands)
	return r
}

func jsonText(v any) string {
	b, _ := json.Marshal(v) // plain values
	return string(b)
}

// flush stores what has changed.
func (s *Service) flush(ctx context.Context) error {
	var rows []deviceRow
	for _, d := range s.all() {
		d.mu.Lock()
		if d.dirty {
			d.dirty = false
			rows = append(rows, d.row())
		}
		d.mu.Unlock()
	}
	seen := s.gate.heard()
	err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		for part := range slices.Chunk(rows, 100) {
			q := tx.NewInsert().Model(&part).On("CONFLICT (id) DO UPDATE")
			for _, col := range []string{"name", "client", "format", "info", "commands", "figures", "online", "last_seen", "every_ms", "heard", "bad_clock", "item_id", "team_id", "room_id", "expect_s", "battery_low", "room_pinned", "raised"} {
				q = q.Set(col + " = EXCLUDED." + col)
			}
			if _, err := q.Exec(ctx); err != nil {
				return err
			}
		}
		for name, at := range seen {
			if _, err := tx.NewRaw("UPDATE iot_clients SET last_seen = ? WHERE name = ?", at, name).Exec(ctx); err != nil {
				return err
			}
		}
		return s.flushUnknown(ctx, tx)
	})
	if err != nil {
		for _, r := range rows {
			if d := s.device(r.ID); d != nil {
				d.mu.Lock()
				d.dirty = true
				d.mu.Unlock()
			}
		}
	}
	return err
}

// all lists the devices.
func (s *Service) all() []*device {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]*device, 0, len(s.devices))
	for _, d := range s.devices {
		out = append(out, d)
	}
	return out
}

func (s *Service) device(deviceID string) *device {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byID[deviceID]
}
