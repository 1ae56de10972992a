package trap

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	snmptrap "github.com/mainstay-ops/mainstay/internal/core/snmp/trap"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

type eventRow struct {
	bun.BaseModel `bun:"table:trap_events"`

	ID         string    `bun:"id,pk"`
	At         time.Time `bun:"at"`
	LastAt     time.Time `bun:"last_at"`
	Kind       string    `bun:"kind"`
	Address    string    `bun:"address"`
	Via        string    `bun:"via"`
	Edge       string    `bun:"edge"`
	ItemID     string    `bun:"item_id"`
	TeamID     string    `bun:"team_id"`
	Version    string    `bun:"version"`
	Inform     bool      `bun:"inform"`
	Credential string    `bun:"credential"`
	OID        string    `bun:"oid"`
	Name       string    `bun:"name"`
	State      string    `bun:"state"`
	Means      string    `bun:"means"`
	Vars       string    `bun:"vars"`
	Words      string    `bun:"words"`
	Count      int64     `bun:"count"`
}

func (e eventRow) title() string {
	if e.Name != "" {
		return e.Name
	}
	return e.OID
}

// Event is a trap or inform, or several that were the same.
type Event struct {
	ID         string           `json:"id"`
	At         time.Time        `json:"at"`
	LastAt     time.Time        `json:"last_at" doc:"When the last of them came."`
	Kind       string           `json:"kind" enum:"trap,storm" doc:"storm stands for traps that were over the limit of their sender and are not listed."`
	Address    string           `json:"address" doc:"Of the device."`
	Via        string           `json:"via,omitempty" doc:"Address that sent it on for the device."`
	Edge       string           `json:"edge,omitempty" doc:"The edge that it was sent to; absent when it was sent to the server."`
	Item       string           `json:"item,omitempty"`
	Version    string           `json:"version,omitempty"`
	Inform     bool             `json:"inform"`
	Credential string           `json:"credential,omitempty" doc:"Name of what the sender was known by."`
	OID        string           `json:"oid,omitempty"`
	Name       string           `json:"name,omitempty" doc:"Absent when no profile names the OID."`
	State      string           `json:"state,omitempty" enum:"ok,warning,critical" doc:"As the profile that names it says; absent when the trap alone does not tell."`
	Means      string           `json:"means,omitempty"`
	Vars       []snmptrap.Value `json:"vars"`
	Count      int64            `json:"count"`
}

// Filter narrows the list of events.
type Filter struct {
	Item    string    `query:"item" maxLength:"1000" doc:"Name of the item."`
	Address string    `query:"address" maxLength:"100" doc:"Address of the device."`
	Trap    string    `query:"trap" maxLength:"700" doc:"Name or OID of the trap."`
	Edge    string    `query:"edge" maxLength:"200" doc:"Name of the edge that it was sent to; server for those sent to the server."`
	State   []string  `query:"state" maxItems:"4" enum:"ok,warning,critical,none" doc:"Only these; none is without a state."`
	Known   string    `query:"known" enum:"yes,no" doc:"Whether the sender is an item."`
	Text    string    `query:"q" maxLength:"200" doc:"Words in the name, the address and the values."`
	From    time.Time `query:"from" doc:"Not before."`
	To      time.Time `query:"to" doc:"Before."`
}

// like escapes what means something in a LIKE pattern.
var like = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")

// events lists the newest first.
func (s *Service) events(ctx context.Context, f Filter, cursor string, limit int) ([]Event, string, error) {
	q := s.d.DB.Reader()
	where, args := access.Where(ctx, readTraps, "team_id")
	add := func(cond string, vs ...any) { where, args = where+" AND "+cond, append(args, vs...) }
	if f.Item != "" {
		it, err := s.items.ByName(ctx, q, f.Item)
		if errs.Is(err, errs.NotFound) {
			return []Event{}, "", nil
		}
		if err != nil {
			return nil, "", err
		}
		add("item_id = ?", it.ID)
	}
	if f.Address != "" {
		add("address = ?", f.Address)
	}
	if f.Edge == observe.FromServer {
		add("edge = ''")
	} else if f.Edge != "" {
		add("edge = ?", f.Edge)
	}
	if f.Trap != "" {
		oid, ok := s.names.TrapOID(f.Trap)
		if !ok {
			return []Event{}, "", nil
		}
		add("oid = ?", string(oid))
	}
	if len(f.State) > 0 {
		var states []string
		for _, v := range f.State {
			if v == "none" {
				v = ""
			}
			states = append(states, v)
		}
		add("state IN (?)", bun.In(states))
	}
	switch f.Known {
	case "yes":
		add("item_id <> ''")
	case "no":
		add("item_id = ''")
	}
	for _, w := range strings.Fields(strings.ToLower(f.Text)) {
		add("words LIKE ? ESCAPE '!'", "%"+like.Replace(w)+"%")
	}
	if !f.From.IsZero() {
		add("last_at >= ?", f.From.UTC())
	}
	if !f.To.IsZero() {
		add("at < ?", f.To.UTC())
	}
	if cursor != "" {
		add("id < ?", cursor)
	}
	var rows []eventRow
	if err := q.NewRaw("SELECT * FROM trap_events WHERE "+where+" ORDER BY id DESC LIMIT ?", append(args, limit+1)...).Scan(ctx, &rows); err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > limit {
		rows = rows[:limit]
		next = rows[limit-1].ID
	}
	out, err := s.views(ctx, q, rows)
	return out, next, err
}

func (s *Service) views(ctx context.Context, q bun.IDB, rows []eventRow) ([]Event, error) {
	var ids []string
	for _, r := range rows {
		if r.ItemID != "" {
			ids = append(ids, r.ItemID)
		}
	}
	its, err := s.items.ByIDs(ctx, q, ids)
	if err != nil {
		return nil, err
	}
	out := make([]Event, len(rows))
	for i, r := range rows {
		out[i] = Event{
			ID: r.ID, At: r.At.UTC(), LastAt: r.LastAt.UTC(), Kind: r.Kind, Address: r.Address, Via: r.Via, Edge: r.Edge, Item: its[r.ItemID].Name, Version: r.Version, Inform: r.Inform,
			Credential: r.Credential, OID: r.OID, Name: r.Name, State: r.State, Means: r.Means, Vars: []snmptrap.Value{}, Count: r.Count,
		}
		if err := json.Unmarshal([]byte(r.Vars), &out[i].Vars); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *Service) event(ctx context.Context, eventID string) (Event, error) {
	var r eventRow
	q := s.d.DB.Reader()
	if err := q.NewSelect().Model(&r).Where("id = ?", eventID).Scan(ctx); err != nil {
		return Event{}, db.NotFound(err, "There is no such trap. It may be older than what is kept.")
	}
	if err := access.Check(ctx, readTraps, r.TeamID); err != nil {
		return Event{}, err
	}
	vs, err := s.views(ctx, q, []eventRow{r})
	if err != nil {
		return Event{}, err
	}
	return vs[0], nil
}

// prune removes events that are too old or too many.
func (s *Service) prune(ctx context.Context) error {
	set, err := readSettings(ctx, s.d.DB.Reader())
	if err != nil {
		return err
	}
	// In pieces, so that nobody waits long for the one connection that writes.
	const piece = 5000
	for {
		var n int64
		err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			res, err := tx.NewRaw("DELETE FROM trap_events WHERE id IN (SELECT id FROM trap_events WHERE last_at < ? ORDER BY last_at LIMIT ?)", tx.Now().AddDate(0, 0, -set.RetentionDays), piece).Exec(ctx)
			if err != nil {
				return err
			}
			if n, err = res.RowsAffected(); err != nil || n > 0 {
				return err
			}
			var have int64
			if err := tx.NewRaw("SELECT COUNT(*) FROM trap_events").Scan(ctx, &have); err != nil || have <= set.MaxEvents {
				return err
			}
			res, err = tx.NewRaw("DELETE FROM trap_events WHERE id IN (SELECT id FROM trap_events ORDER BY id LIMIT ?)", min(piece, have-set.MaxEvents)).Exec(ctx)
			if err != nil {
				return err
			}
			n, err = res.RowsAffected()
			return err
		})
		if err != nil || n == 0 {
			return err
		}
	}
}

func saveSource(ctx context.Context, tx *db.Tx, r sourceRow) error {
	_, err := tx.NewRaw(`INSERT INTO trap_sources (address, item_id, pinned, taken, limited, refused, malformed, last_trap, why, first_at, last_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (address) DO UPDATE SET item_id = excluded.item_id, pinned = excluded.pinned, taken = excluded.taken, limited = excluded.limited, refused = excluded.refused, malformed = excluded.malformed, last_trap = excluded.last_trap, why = excluded.why, last_at = excluded.last_at`,
		clip(r.Address, 320), r.ItemID, r.Pinned, r.Taken, r.Limited, r.Refused, r.Malformed, r.LastTrap, clip(r.Why, 500), r.FirstAt, r.LastAt).Exec(ctx)
	return err
}
