package edge

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/search"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// EntityKind is the entity kind of edges.
const EntityKind = "edge"

// Permissions on edges.
var (
	ReadEdges  = access.Permission{Name: "edge.read", Title: "See edges", Least: access.Viewer}
	WriteEdges = access.Permission{Name: "edge.write", Title: "Revoke and delete edges", Least: access.Operator}
)

// When an edge that is silent changes its state, and when one that delivers is behind.
const (
	lateAfter    = 90 * time.Second
	offlineAfter = 10 * time.Minute
	behindAfter  = 30 * time.Second
	// skewWarns is the difference of clocks that the check warns of.
	skewWarns = 30 * time.Second
)

// The states of an edge.
const (
	StateWaiting  = "waiting"
	StateUp       = "up"
	StateCatching = "catching_up"
	StateLate     = "late"
	StateOffline  = "offline"
	StateRevoked  = "revoked"
)

type edgeRow struct {
	bun.BaseModel `bun:"edges"`

	ID         string     `bun:"id,pk"`
	Name       string     `bun:"name"`
	ItemID     string     `bun:"item_id"`
	CheckName  string     `bun:"check_name"`
	TeamID     string     `bun:"team_id"`
	Labels     string     `bun:"labels"`
	MachineID  string     `bun:"machine_id"`
	Hostname   string     `bun:"hostname"`
	OS         string     `bun:"os"`
	Arch       string     `bun:"arch"`
	Version    string     `bun:"version"`
	Address    string     `bun:"address"`
	TokenID    string     `bun:"token_id"`
	Serial     string     `bun:"serial"`
	NotAfter   time.Time  `bun:"not_after"`
	CreatedAt  time.Time  `bun:"created_at"`
	UpdatedAt  time.Time  `bun:"updated_at"`
	LastSeenAt *time.Time `bun:"last_seen_at"`
	// Present is what checks were told last; after a restart it holds until the edge
	// had time to say hello.
	Present   bool       `bun:"present"`
	SkewMS    int64      `bun:"skew_ms"`
	RevokedAt *time.Time `bun:"revoked_at"`
	// Receive is an edgewire.Receive.
	Receive string `bun:"receive"`
}

func (r *edgeRow) state(now time.Time, behind bool) string {
	switch {
	case r.RevokedAt != nil:
		return StateRevoked
	case r.LastSeenAt == nil:
		return StateWaiting
	case now.Sub(*r.LastSeenAt) > offlineAfter:
		return StateOffline
	case now.Sub(*r.LastSeenAt) > lateAfter:
		return StateLate
	case behind:
		return StateCatching
	}
	return StateUp
}

// Edge is one edge as the API shows it.
type Edge struct {
	ID        string            `json:"id"`
	Name      string            `json:"name" doc:"What checks say in from."`
	Item      string            `json:"item" doc:"Name of the item of its host."`
	State     string            `json:"state" enum:"waiting,up,catching_up,late,offline,revoked"`
	Hostname  string            `json:"hostname"`
	OS        string            `json:"os"`
	Arch      string            `json:"arch"`
	Version   string            `json:"version"`
	Address   string            `json:"address" doc:"Where it connects from."`
	Labels    map[string]string `json:"labels"`
	CreatedAt time.Time         `json:"created_at"`
	LastSeen  *time.Time        `json:"last_seen_at,omitempty"`
	SkewMS    int64             `json:"skew_ms" doc:"Its clock minus that of the server, in milliseconds."`
	Expires   time.Time         `json:"certificate_not_after"`
	Check     string            `json:"check" doc:"Name of the check of its silence."`
	// Checks to Oldest are as the edge said at its last hello, and zero until then.
	Checks       int        `json:"checks" doc:"How many checks it runs."`
	Devices      int        `json:"devices" doc:"How many devices it polls by SNMP."`
	Waiting      int64      `json:"waiting" doc:"Batches of results on its disk."`
	WaitingBytes int64      `json:"waiting_bytes"`
	Oldest       *time.Time `json:"oldest_waiting_at,omitempty"`
	Dropped      int64      `json:"dropped" doc:"Batches that were lost since the edge started, because its disk was full."`
	Receive      Receive    `json:"receive" doc:"What it takes from senders of its site."`
	Missing      []string   `json:"missing" doc:"Capabilities that its process lacks, with what it cannot do then."`
	Ports        []PortView `json:"ports" doc:"How its ports are, as it said at its last hello."`
}

func labels(text string) map[string]string {
	m := map[string]string{}
	_ = json.Unmarshal([]byte(text), &m) // written by this package only
	return m
}

func (s *Service) view(r *edgeRow, items map[string]string) Edge {
	h, behind := s.session(r.ID).said()
	e := Edge{
		ID: r.ID, Name: r.Name, Item: items[r.ItemID], State: r.state(s.now(), behind), Hostname: r.Hostname, OS: r.OS, Arch: r.Arch, Version: r.Version, Address: r.Address, Labels: labels(r.Labels),
		CreatedAt: r.CreatedAt.UTC(), SkewMS: r.SkewMS, Expires: r.NotAfter.UTC(), Check: r.CheckName, Checks: h.Checks, Devices: h.Devices, Waiting: h.Waiting, WaitingBytes: h.WaitingBytes, Dropped: h.Dropped,
	}
	e.Missing = []string{}
	for _, m := range h.Missing[:min(len(h.Missing), maxPorts)] {
		e.Missing = append(e.Missing, clip(m, 300))
	}
	e.Receive, e.Ports = receiveView(r.receive()), portViews(h.Ports)
	if r.LastSeenAt != nil {
		t := r.LastSeenAt.UTC()
		e.LastSeen = &t
	}
	if !h.Oldest.IsZero() {
		t := h.Oldest.UTC()
		e.Oldest = &t
	}
	return e
}

func (s *Service) itemNames(ctx context.Context, rows []edgeRow) (map[string]string, error) {
	ids := make([]string, 0, len(rows))
	for i := range rows {
		ids = append(ids, rows[i].ItemID)
	}
	out := map[string]string{}
	if len(ids) == 0 {
		return out, nil
	}
	its, err := s.items.ByIDs(ctx, s.d.DB.Reader(), ids)
	for id, it := range its {
		out[id] = it.Name
	}
	return out, err
}

// list gives edges by name.
func (s *Service) list(ctx context.Context, q, cursor string, limit int) ([]Edge, string, error) {
	where, args := access.Where(ctx, ReadEdges, "team_id")
	add := func(cond string, vs ...any) { where, args = where+" AND "+cond, append(args, vs...) }
	if q != "" {
		like := "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(strings.ToLower(q)) + "%"
		add("(LOWER(name) LIKE ? ESCAPE '!' OR LOWER(hostname) LIKE ? ESCAPE '!' OR address LIKE ? ESCAPE '!')", like, like, like)
	}
	if cursor != "" {
		add("name > ?", cursor)
	}
	var rows []edgeRow
	if err := s.d.DB.Reader().NewSelect().Model(&rows).Where(where, args...).OrderExpr("name").Limit(int64(limit) + 1).Scan(ctx); err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > limit {
		rows = rows[:limit]
		next = rows[limit-1].Name
	}
	items, err := s.itemNames(ctx, rows)
	if err != nil {
		return nil, "", err
	}
	out := make([]Edge, len(rows))
	for i := range rows {
		out[i] = s.view(&rows[i], items)
	}
	return out, next, nil
}

func byName(ctx context.Context, q bun.IDB, name string) (*edgeRow, error) {
	var r edgeRow
	err := q.NewSelect().Model(&r).Where("name = ?", name).Scan(ctx)
	return &r, db.NotFound(err, "There is no edge named %q.", name)
}

func (s *Service) readable(ctx context.Context, q bun.IDB, name string) (*edgeRow, error) {
	r, err := byName(ctx, q, name)
	if err != nil {
		return nil, err
	}
	return r, access.Check(ctx, ReadEdges, r.TeamID)
}

func (s *Service) get(ctx context.Context, name string) (Edge, error) {
	r, err := s.readable(ctx, s.d.DB.Reader(), name)
	if err != nil {
		return Edge{}, err
	}
	items, err := s.itemNames(ctx, []edgeRow{*r})
	return s.view(r, items), err
}

func (s *Service) writable(ctx context.Context, tx *db.Tx, name string) (*edgeRow, error) {
	r, err := byName(ctx, tx, name)
	if err != nil {
		return nil, err
	}
	return r, access.Check(ctx, WriteEdges, r.TeamID)
}

// Revoke refuses the edge from now on. Its check stays as long as others name the edge:
// they are blind then, and somebody has to hear of it.
func (s *Service) Revoke(ctx context.Context, name string) error {
	var r *edgeRow
	blind := s.checks.ChecksFrom(name)
	err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if r, err = s.writable(ctx, tx, name); err != nil || r.RevokedAt != nil {
			return err
		}
		if _, err := tx.NewRaw("UPDATE edges SET revoked_at = ?, updated_at = ?, present = ? WHERE id = ?", tx.Now(), tx.Now(), false, r.ID).Exec(ctx); err != nil {
			return err
		}
		if len(blind) == 0 {
			if err := s.makes.DropCheck(ctx, tx, r.CheckName); err != nil {
				return err
			}
		}
		return audit.Write(ctx, tx, audit.Change{Action: "edge.revoke", Ref: ref(r.ID), Name: r.Name, Before: map[string]bool{"revoked": false}, After: map[string]bool{"revoked": true}})
	})
	if err != nil || r.RevokedAt != nil {
		return err
	}
	s.hub.drop(r.ID)
	if err := s.refreshPlaces(ctx); err != nil {
		return err
	}
	s.changed(r.Name)
	if len(blind) > 0 {
		s.tell(ctx, r, observe.Critical, fmt.Sprintf("The edge was revoked, and %s run from it. Give them another edge.", checks(len(blind))))
	}
	return nil
}

// Delete forgets the edge. It is refused while checks name it. Its item stays.
func (s *Service) Delete(ctx context.Context, name string) error {
	used := s.checks.ChecksFrom(name)
	if n := len(used); n > 0 {
		return errs.New(errs.Conflict, "There are %s that run from this edge, such as %q. Give them another from first.", checks(n), used[0])
	}
	var r *edgeRow
	err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if r, err = s.writable(ctx, tx, name); err != nil {
			return err
		}
		if err := s.remove(ctx, tx, r); err != nil {
			return err
		}
		if err := s.makes.DropCheck(ctx, tx, r.CheckName); err != nil {
			return err
		}
		return audit.Write(ctx, tx, audit.Change{Action: "edge.delete", Ref: ref(r.ID), Name: r.Name, Before: map[string]string{"hostname": r.Hostname, "address": r.Address}})
	})
	if err != nil {
		return err
	}
	s.hub.drop(r.ID)
	s.forget(r.ID)
	s.changed(r.Name)
	return s.refreshPlaces(ctx)
}

func (s *Service) remove(ctx context.Context, tx *db.Tx, r *edgeRow) error {
	if _, err := tx.NewRaw("DELETE FROM edge_streams WHERE edge_id = ?", r.ID).Exec(ctx); err != nil {
		return err
	}
	if _, err := tx.NewRaw("DELETE FROM edges WHERE id = ?", r.ID).Exec(ctx); err != nil {
		return err
	}
	return search.Remove(ctx, tx, EntityKind, r.ID)
}

func checks(n int) string {
	if n == 1 {
		return "1 check"
	}
	return fmt.Sprintf("%d checks", n)
}

func ref(edgeID string) entity.Ref { return entity.Ref{Kind: EntityKind, ID: edgeID} }

func edgeURL(name string) string { return "/observe/edges/" + url.PathEscape(name) }

// changed tells browsers.
func (s *Service) changed(name string) {
	s.d.Live.Send(live.Note{Topic: "edges", Kind: "changed", ID: name})
}
