package iot

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/observe/iot/payload"
)

const (
	maxPlan   = 4 << 20
	maxPixels = 30_000_000
	maxRooms  = 500
	// gridSize is the side of the plan in the units of x, y, w and h.
	gridSize = 1000
)

// Floor is a plan with rooms.
type Floor struct {
	ID        string    `json:"id"`
	Building  string    `json:"building"`
	Name      string    `json:"name" doc:"Empty for rooms of which the floor is not known."`
	Plan      string    `json:"plan,omitempty" doc:"Id of the plan's image; absent without one."`
	Rooms     int       `json:"rooms"`
	UpdatedAt time.Time `json:"updated_at"`

	itemID, planType string
}

// Place is where a room is on the plan, in thousandths of its width and height.
type Place struct {
	X int64 `json:"x" minimum:"0" maximum:"1000"`
	Y int64 `json:"y" minimum:"0" maximum:"1000"`
	W int64 `json:"w" minimum:"20" maximum:"1000"`
	H int64 `json:"h" minimum:"20" maximum:"1000"`
}

// Room is a room with what its devices tell.
type Room struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Item string `json:"item"`
	Place
	Temperature *float64 `json:"temperature,omitempty" doc:"Mean of its sensors that are heard, in degrees Celsius."`
	Humidity    *float64 `json:"humidity,omitempty" doc:"Percent."`
	CO2         *float64 `json:"co2,omitempty" doc:"Parts per million."`
	Occupied    *bool    `json:"occupied,omitempty" doc:"A sensor of presence or motion tells that somebody is there."`
	Power       *float64 `json:"power,omitempty" doc:"Watts of its meters together."`
	Energy      *float64 `json:"energy,omitempty" doc:"Kilowatt-hours in the period."`
	Cost        *float64 `json:"cost,omitempty" doc:"Of the energy, at the prices of the period."`
	Devices     []string `json:"devices" doc:"Ids."`
	Silent      int      `json:"silent" doc:"How many of its devices are not heard."`
}

// FloorView is a floor with its rooms.
type FloorView struct {
	Floor
	Rooms    []Room    `json:"room_list"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Currency string    `json:"currency,omitempty"`
	Formula  string    `json:"formula" doc:"How the cost was found, in words."`
}

func (s *Service) floors(ctx context.Context) ([]Floor, error) {
	var rows []struct {
		ID, ItemID, Building, Name, Plan, PlanType string
		UpdatedAt                                  time.Time
		Rooms                                      int
	}
	err := s.d.DB.Reader().NewRaw("SELECT f.*, (SELECT COUNT(*) FROM iot_rooms r WHERE r.floor_id = f.id) AS rooms FROM iot_floors f ORDER BY building, name LIMIT 500").Scan(ctx, &rows)
	out := make([]Floor, len(rows))
	for i, r := range rows {
		out[i] = Floor{ID: r.ID, Building: r.Building, Name: r.Name, Plan: r.Plan, Rooms: r.Rooms, UpdatedAt: r.UpdatedAt.UTC(), itemID: r.ItemID, planType: r.PlanType}
	}
	return out, err
}

func (s *Service) floor(ctx context.Context, floorID string) (Floor, error) {
	if err := access.Check(ctx, read, ""); err != nil {
		return Floor{}, err
	}
	fs, err := s.floors(ctx)
	if i := slices.IndexFunc(fs, func(f Floor) bool { return f.ID == floorID }); i >= 0 {
		return fs[i], err
	}
	if err != nil {
		return Floor{}, err
	}
	return Floor{}, errs.New(errs.NotFound, "There is no floor with the id %q.", floorID)
}

// addRoom makes a room with its floor and building.
func (s *Service) addRoom(ctx context.Context, building, floor, room string) (floorID string, err error) {
	var bad []errs.Field
	for path, v := range map[string]string{"building": building, "room": room} {
		if itemName(v) == "" {
			bad = append(bad, errs.Field{Path: path, Value: v, Message: "must be a name"})
		}
	}
	if err := errs.Fields(bad...); err != nil {
		return "", err
	}
	err = s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := access.Check(ctx, write, ""); err != nil {
			return err
		}
		var n int
		if err := tx.NewRaw("SELECT COUNT(*) FROM iot_rooms").Scan(ctx, &n); err != nil {
			return err
		}
		if n >= maxRooms*10 {
			return errs.New(errs.TooMany, "There are %d rooms already.", n)
		}
		it, err := s.ensureRoom(access.AsSystem(ctx), tx, building, floor, room, "")
		if err != nil {
			return err
		}
		if err := tx.NewRaw("SELECT floor_id FROM iot_rooms WHERE item_id = ?", it.ID).Scan(ctx, &floorID); err != nil {
			return err
		}
		return audit.Write(ctx, tx, audit.Change{Action: "iot_room.create", Ref: entity.Ref{Kind: "item", ID: it.ID}, Name: it.Name})
	})
	if err == nil {
		s.changed("floors", floorID)
	}
	return floorID, err
}

// place moves rooms of a floor.
func (s *Service) place(ctx context.Context, floorID string, places map[string]Place) error {
	if _, err := s.floor(ctx, floorID); err != nil {
		return err
	}
	err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := access.Check(ctx, write, ""); err != nil {
			return err
		}
		for roomID, p := range places {
			if p.X+p.W > gridSize || p.Y+p.H > gridSize || p.X < 0 || p.Y < 0 || p.W < 20 || p.H < 20 {
				return errs.Fields(errs.Field{Path: "places", Value: roomID, Message: "must lie within the plan, which is 1000 wide and 1000 high"})
			}
			if _, err := tx.NewRaw("UPDATE iot_rooms SET x = ?, y = ?, w = ?, h = ? WHERE item_id = ? AND floor_id = ?", p.X, p.Y, p.W, p.H, roomID, floorID).Exec(ctx); err != nil {
				return err
			}
		}
		return audit.Write(ctx, tx, audit.Change{Action: "iot_floor.place", Ref: entity.Ref{Kind: "iot_floor", ID: floorID}, Name: floorID, After: places})
	})
	if err == nil {
		s.changed("floors", floorID)
	}
	return err
}

// setPlan keeps the image of a floor; an empty one takes it away.
func (s *Service) setPlan(ctx context.Context, floorID string, data []byte) error {
	f, err := s.floor(ctx, floorID)
	if err != nil {
		return err
	}
	if err := access.Check(ctx, write, ""); err != nil {
		return err
	}
	kind, planID := "", ""
	if len(data) > 0 {
		if kind, err = planKind(data); err != nil {
			return err
		}
		planID = id.New()
		if _, _, err := s.files.Put(planID, bytes.NewReader(data), maxPlan); err != nil {
			return err
		}
	}
	err = s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.NewRaw("UPDATE iot_floors SET plan = ?, plan_type = ?, updated_at = ? WHERE id = ?", planID, kind, tx.Now(), floorID).Exec(ctx); err != nil {
			return err
		}
		return audit.Write(ctx, tx, audit.Change{Action: "iot_floor.plan", Ref: entity.Ref{Kind: "iot_floor", ID: floorID}, Name: f.Building + " " + f.Name, After: map[string]any{"bytes": len(data), "type": kind}})
	})
	drop := f.Plan
	if err != nil {
		drop = planID
	}
	if drop != "" {
		_ = s.files.Remove(drop) // one that stays is never shown
	}
	s.changed("floors", floorID)
	return err
}

// planKind tells what an image is and refuses what could do more than show a picture.
func planKind(data []byte) (string, error) {
	bad := func(m string) (string, error) {
		return "", errs.Fields(errs.Field{Path: "body", Message: m})
	}
	if len(data) > maxPlan {
		return bad("must not be larger than 4 MiB")
	}
	if bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")) {
		c, err := png.DecodeConfig(bytes.NewReader(data))
		if err != nil || c.Width*c.Height > maxPixels || c.Width*c.Height == 0 {
			return bad("is no PNG that can be read, or has more than 30 million pixels")
		}
		return "image/png", nil
	}
	if why := badSVG(data); why != "" {
		return bad(why)
	}
	return "image/svg+xml", nil
}

// badSVG tells why a text is no SVG that only draws. It is shown as an image, in which
// browsers run nothing; this keeps it harmless also for who opens it alone.
func badSVG(data []byte) string {
	d := xml.NewDecoder(bytes.NewReader(data))
	d.Strict = true
	first := true
	for n := 0; ; n++ {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			if first {
				return "must be a PNG or SVG image"
			}
			return ""
		}
		if err != nil || n > 200_000 {
			return "is neither a PNG nor an SVG that can be read"
		}
		switch t := t.(type) {
		case xml.Directive:
			return "must not have a DOCTYPE or entities"
		case xml.ProcInst:
			if t.Target != "xml" {
				return "must not have processing instructions"
			}
		case xml.StartElement:
			name := strings.ToLower(t.Name.Local)
			if first && name != "svg" {
				return "must be a PNG or SVG image"
			}
			first = false
			switch name {
			case "script", "foreignobject", "iframe", "object", "embed", "audio", "video", "set", "animate", "animatemotion", "animatetransform", "a", "handler", "listener", "use", "image", "feimage":
				return "must not have the element <" + payload.Clip(name, 40) + ">"
			}
			for _, a := range t.Attr {
				k, v := strings.ToLower(a.Name.Local), strings.ToLower(a.Value)
				if strings.HasPrefix(k, "on") {
					return "must not have the attribute " + payload.Clip(k, 40)
				}
				if k == "href" && !strings.HasPrefix(v, "#") || strings.Contains(v, "javascript:") || strings.Contains(v, "@import") || strings.Contains(strings.ReplaceAll(v, "url(#", ""), "url(") {
					return "must not refer to anything outside of it"
				}
			}
		case xml.CharData:
			if v := strings.ToLower(string(t)); strings.Contains(v, "@import") || strings.Contains(strings.ReplaceAll(v, "url(#", ""), "url(") {
				return "must not refer to anything outside of it"
			}
		}
	}
}

// floorView shows a floor with what its rooms tell, and the energy of a period.
func (s *Service) floorView(ctx context.Context, floorID string, from, to time.Time) (FloorView, error) {
	f, err := s.floor(ctx, floorID)
	if err != nil {
		return FloorView{}, err
	}
	v := FloorView{Floor: f, Rooms: []Room{}, From: from.UTC(), To: to.UTC()}
	var rows []struct {
		ItemID, Name string
		X, Y, W, H   int64
	}
	q := s.d.DB.Reader()
	if err := q.NewRaw("SELECT item_id, name, x, y, w, h FROM iot_rooms WHERE floor_id = ? ORDER BY name, item_id LIMIT ?", floorID, maxRooms).Scan(ctx, &rows); err != nil {
		return v, err
	}
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.ItemID
	}
	its, err := s.items.ByIDs(ctx, q, ids)
	if err != nil {
		return v, err
	}
	byRoom := map[string][]*device{}
	for _, d := range s.all() {
		d.mu.Lock()
		if d.RoomID != "" && access.From(ctx).CanFor(read, d.TeamID) {
			byRoom[d.RoomID] = append(byRoom[d.RoomID], d)
		}
		d.mu.Unlock()
	}
	meters := map[string]int{} // item to index of the room
	for i, r := range rows {
		room := Room{ID: r.ItemID, Name: r.Name, Item: its[r.ItemID].Name, Place: Place{r.X, r.Y, r.W, r.H}, Devices: []string{}}
		for _, item := range s.sumUp(&room, byRoom[r.ItemID]) {
			meters[item] = i
		}
		v.Rooms = append(v.Rooms, room)
	}
	return v, s.bill(ctx, &v, meters)
}

// sumUp fills a room from its devices and gives the items that count energy. What a
// device that is not heard said last is left out.
func (s *Service) sumUp(room *Room, ds []*device) (meters []string) {
	mean := map[string][2]float64{}
	for _, d := range ds {
		d.mu.Lock()
		room.Devices = append(room.Devices, d.ID)
		heard := d.state(s.now(), s.started) == online
		if !heard {
			room.Silent++
		}
		counts := false
		for _, f := range d.figures {
			counts = counts || f.Metric == "iot_energy_kilowatt_hours"
			if !heard {
				continue
			}
			switch f.Metric {
			case "iot_temperature_celsius", "iot_humidity_percent", "iot_co2_ppm", "iot_power_watts":
				m := mean[f.Metric]
				mean[f.Metric] = [2]float64{m[0] + f.Value, m[1] + 1}
			case "iot_occupancy", "iot_motion":
				was := room.Occupied != nil && *room.Occupied
				now := was || f.Value > 0
				room.Occupied = &now
			}
		}
		if counts {
			meters = append(meters, d.item)
		}
		d.mu.Unlock()
	}
	slices.Sort(room.Devices)
	for metric, dst := range map[string]**float64{"iot_temperature_celsius": &room.Temperature, "iot_humidity_percent": &room.Humidity, "iot_co2_ppm": &room.CO2, "iot_power_watts": &room.Power} {
		if m, ok := mean[metric]; ok {
			n := m[0]
			if metric != "iot_power_watts" {
				n /= m[1]
			}
			*dst = &n
		}
	}
	return meters
}
