package agent

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/search"
)

// EntityKind is the entity kind of agents.
const EntityKind = "agent"

// Permissions on agents.
var (
	ReadAgents  = access.Permission{Name: "agent.read", Title: "See agents and what they found", Least: access.Viewer}
	WriteAgents = access.Permission{Name: "agent.write", Title: "Add, revoke and delete agents", Least: access.Operator}
)

// When an agent that is silent changes its state.
const (
	lateAfter    = 90 * time.Second
	offlineAfter = 10 * time.Minute
	// skewWarns is the difference of clocks that the check warns of.
	skewWarns = 30 * time.Second
)

// The states of an agent.
const (
	StateWaiting = "waiting"
	StateUp      = "up"
	StateLate    = "late"
	StateOffline = "offline"
	StateRevoked = "revoked"
)

type agentRow struct {
	bun.BaseModel `bun:"agents"`

	ID     string `bun:"id,pk"`
	Name   string `bun:"name"`
	ItemID string `bun:"item_id"`
	// CheckName is the check of its silence; it keeps its name when the item gets
	// another.
	CheckName  string     `bun:"check_name"`
	TeamID     string     `bun:"team_id"`
	Kind       string     `bun:"kind"`
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
	SkewMS     int64      `bun:"skew_ms"`
	RevokedAt  *time.Time `bun:"revoked_at"`
	// Reported is agentwire.State as JSON; UpdateTry the last request to become
	// UpdateProgram, its SHA-256.
	Reported      string     `bun:"reported"`
	UpdateTry     string     `bun:"update_try"`
	UpdateProgram string     `bun:"update_program"`
	UpdateAt      *time.Time `bun:"update_at"`
}

func (r *agentRow) state(now time.Time) string {
	switch {
	case r.RevokedAt != nil:
		return StateRevoked
	case r.LastSeenAt == nil:
		return StateWaiting
	case now.Sub(*r.LastSeenAt) > offlineAfter:
		return StateOffline
	case now.Sub(*r.LastSeenAt) > lateAfter:
		return StateLate
	}
	return StateUp
}

// Agent is one agent as the API shows it.
type Agent struct {
	ID        string            `json:"id"`
	Name      string            `json:"name" doc:"Name of its item."`
	Kind      string            `json:"kind"`
	State     string            `json:"state" enum:"waiting,up,late,offline,revoked"`
	Hostname  string            `json:"hostname"`
	OS        string            `json:"os"`
	Arch      string            `json:"arch"`
	Version   string            `json:"version"`
	Address   string            `json:"address" doc:"Where it was heard of last."`
	MachineID string            `json:"machine_id"`
	Labels    map[string]string `json:"labels"`
	CreatedAt time.Time         `json:"created_at"`
	LastSeen  *time.Time        `json:"last_seen_at,omitempty"`
	// SkewMS is the clock of the host minus ours.
	SkewMS      int64        `json:"skew_ms" doc:"Its clock minus that of the server, in milliseconds."`
	CertExpires time.Time    `json:"certificate_not_after"`
	Program     ProgramState `json:"program"`
	// Problems are what the server asks and the host does not give.
	Problems []string `json:"problems" doc:"What the server asks and the host does not give, as sentences."`
	// Twins are agents with the same machine id.
	Twins []string `json:"twins" doc:"Other agents with the same machine id: mostly a clone."`
}

func (r *agentRow) view(now time.Time) Agent {
	a := Agent{
		Problems: append([]string{}, reported(r.Reported).Problems...),
		ID:       r.ID, Name: r.Name, Kind: r.Kind, State: r.state(now), Hostname: r.Hostname, OS: r.OS, Arch: r.Arch, Version: r.Version, Address: r.Address, MachineID: r.MachineID,
		Labels: labels(r.Labels), CreatedAt: r.CreatedAt.UTC(), SkewMS: r.SkewMS, CertExpires: r.NotAfter.UTC(), Twins: []string{},
	}
	if r.LastSeenAt != nil {
		t := r.LastSeenAt.UTC()
		a.LastSeen = &t
	}
	return a
}

// twins gives the names of other agents with the machine ids of rows, by id.
func twins(ctx context.Context, q bun.IDB, rows []agentRow) (map[string][]string, error) {
	var ids []string
	for _, r := range rows {
		if r.MachineID != "" && r.RevokedAt == nil {
			ids = append(ids, r.MachineID)
		}
	}
	out := map[string][]string{}
	if len(ids) == 0 {
		return out, nil
	}
	var all []agentRow
	if err := q.NewSelect().Model(&all).Where("machine_id IN (?) AND revoked_at IS NULL", bun.In(ids)).OrderExpr("name").Scan(ctx); err != nil {
		return nil, err
	}
	for _, r := range rows {
		for _, o := range all {
			if o.ID != r.ID && o.MachineID == r.MachineID && r.RevokedAt == nil && r.MachineID != "" {
				out[r.ID] = append(out[r.ID], o.Name)
			}
		}
	}
	return out, nil
}

// Filter narrows a list of agents.
type Filter struct {
	Q, State, Cursor string
	Limit            int
}

// list gives agents by name.
func (s *Service) list(ctx context.Context, f Filter) ([]Agent, string, error) {
	where, args := access.Where(ctx, ReadAgents, "team_id")
	add := func(cond string, vs ...any) { where, args = where+" AND "+cond, append(args, vs...) }
	if f.Q != "" {
		like := "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(strings.ToLower(f.Q)) + "%"
		add("(LOWER(name) LIKE ? ESCAPE '!' OR LOWER(hostname) LIKE ? ESCAPE '!' OR address LIKE ? ESCAPE '!')", like, like, like)
	}
	now := s.now()
	late, off := now.Add(-lateAfter), now.Add(-offlineAfter)
	switch f.State {
	case StateRevoked:
		add("revoked_at IS NOT NULL")
	case StateWaiting:
		add("revoked_at IS NULL AND last_seen_at IS NULL")
	case StateUp:
		add("revoked_at IS NULL AND last_seen_at >= ?", late)
	case StateLate:
		add("revoked_at IS NULL AND last_seen_at < ? AND last_seen_at >= ?", late, off)
	case StateOffline:
		add("revoked_at IS NULL AND last_seen_at < ?", off)
	}
	if f.Cursor != "" {
		add("name > ?", f.Cursor)
	}
	q := s.d.DB.Reader()
	var rows []agentRow
	if err := q.NewSelect().Model(&rows).Where(where, args...).OrderExpr("name").Limit(int64(f.Limit) + 1).Scan(ctx); err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > f.Limit {
		rows = rows[:f.Limit]
		next = rows[f.Limit-1].Name
	}
	tw, err := twins(ctx, q, rows)
	if err != nil {
		return nil, "", err
	}
	out := make([]Agent, len(rows))
	have := s.programMap()
	for i := range rows {
		out[i] = rows[i].view(now)
		out[i].Program = s.programOf(&rows[i], have)
		out[i].Twins = append(out[i].Twins, tw[rows[i].ID]...)
	}
	return out, next, nil
}

// counts tells how many agents there are in each state.
func (s *Service) counts(ctx context.Context) (map[string]int, error) {
	where, args := access.Where(ctx, ReadAgents, "team_id")
	var rows []agentRow
	if err := s.d.DB.Reader().NewSelect().Model(&rows).Column("id", "last_seen_at", "revoked_at").Where(where, args...).Scan(ctx); err != nil {
		return nil, err
	}
	out := map[string]int{}
	now := s.now()
	for i := range rows {
		out[rows[i].state(now)]++
	}
	return out, nil
}

func byName(ctx context.Context, q bun.IDB, name string) (*agentRow, error) {
	var r agentRow
	err := q.NewSelect().Model(&r).Where("name = ?", name).Scan(ctx)
	return &r, db.NotFound(err, "There is no agent on %q.", name)
}

// get gives one agent by the name of its item.
func (s *Service) get(ctx context.Context, name string) (Agent, error) {
	q := s.d.DB.Reader()
	r, err := s.readable(ctx, q, name)
	if err != nil {
		return Agent{}, err
	}
	tw, err := twins(ctx, q, []agentRow{*r})
	if err != nil {
		return Agent{}, err
	}
	a := r.view(s.now())
	a.Program = s.programOf(r, s.programMap())
	a.Twins = append(a.Twins, tw[r.ID]...)
	return a, nil
}

func (s *Service) readable(ctx context.Context, q bun.IDB, name string) (*agentRow, error) {
	r, err := byName(ctx, q, name)
	if err != nil {
		return nil, err
	}
	return r, access.Check(ctx, ReadAgents, r.TeamID)
}

// Revoke refuses the agent from now on.
func (s *Service) Revoke(ctx context.Context, name string) error {
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := byName(ctx, tx, name)
		if err != nil {
			return err
		}
		if err := access.Check(ctx, WriteAgents, r.TeamID); err != nil {
			return err
		}
		if r.RevokedAt != nil {
			return nil
		}
		return s.revoke(ctx, tx, r)
	})
}

func (s *Service) revoke(ctx context.Context, tx *db.Tx, r *agentRow) error {
	if _, err := tx.NewRaw("UPDATE agents SET revoked_at = ?, updated_at = ? WHERE id = ?", tx.Now(), tx.Now(), r.ID).Exec(ctx); err != nil {
		return err
	}
	// Its silence is meant from now on.
	if err := s.makes.DropCheck(ctx, tx, r.CheckName); err != nil {
		return err
	}
	tx.AfterCommit(func() { s.changed(r.Name) })
	return audit.Write(ctx, tx, audit.Change{Action: "agent.revoke", Ref: ref(r.ID), Name: r.Name, Before: map[string]bool{"revoked": false}, After: map[string]bool{"revoked": true}})
}

// Delete forgets the agent and what it found. Its item and its series stay.
func (s *Service) Delete(ctx context.Context, name string) error {
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := byName(ctx, tx, name)
		if err != nil {
			return err
		}
		if err := access.Check(ctx, WriteAgents, r.TeamID); err != nil {
			return err
		}
		if err := s.remove(ctx, tx, r); err != nil {
			return err
		}
		return audit.Write(ctx, tx, audit.Change{Action: "agent.delete", Ref: ref(r.ID), Name: r.Name, Before: r.view(tx.Now())})
	})
}

func (s *Service) remove(ctx context.Context, tx *db.Tx, r *agentRow) error {
	for _, t := range []string{"agent_facts", "agent_changes", "agent_snapshots", "agent_streams"} {
		if _, err := tx.NewRaw(fmt.Sprintf("DELETE FROM %s WHERE agent_id = ?", t), r.ID).Exec(ctx); err != nil {
			return err
		}
	}
	if _, err := tx.NewRaw("DELETE FROM agents WHERE id = ?", r.ID).Exec(ctx); err != nil {
		return err
	}
	if err := s.makes.DropCheck(ctx, tx, r.CheckName); err != nil {
		return err
	}
	if err := search.Remove(ctx, tx, EntityKind, r.ID); err != nil {
		return err
	}
	tx.AfterCommit(func() { s.forget(r.ID); s.changed(r.Name) })
	return nil
}

func ref(agentID string) entity.Ref { return entity.Ref{Kind: EntityKind, ID: agentID} }

func agentURL(name string) string { return "/estate/agents/" + url.PathEscape(name) }

// changed tells browsers.
func (s *Service) changed(name string) {
	s.d.Live.Send(live.Note{Topic: "agents", Kind: "changed", ID: name})
}
