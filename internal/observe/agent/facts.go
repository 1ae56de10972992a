package agent

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
)

// The kinds of facts.
const (
	kindPackage   = "package"
	kindService   = "service"
	kindUser      = "user"
	kindContainer = "container"
	kindDisk      = "disk"
	kindDatabase  = "database"
	kindPort      = "port"
)

// fact is one thing that a host has.
type fact struct {
	// Key is unique in the agent and kind.
	Key, Name, Version string
	Detail             any
}

type factRow struct {
	bun.BaseModel `bun:"agent_facts"`

	AgentID   string    `bun:"agent_id,pk"`
	Kind      string    `bun:"kind,pk"`
	FactKey   string    `bun:"fact_key,pk"`
	Name      string    `bun:"name"`
	Version   string    `bun:"version"`
	Detail    string    `bun:"detail"`
	FirstSeen time.Time `bun:"first_seen"`
}

type changeRow struct {
	bun.BaseModel `bun:"agent_changes"`

	ID          string    `bun:"id,pk"`
	AgentID     string    `bun:"agent_id"`
	Kind        string    `bun:"kind"`
	Name        string    `bun:"name"`
	What        string    `bun:"what"`
	FromVersion string    `bun:"from_version"`
	ToVersion   string    `bun:"to_version"`
	At          time.Time `bun:"at"`
}

// setFacts makes what the agent has of a kind equal to fs, as seen at, and writes
// what changed. The first time nothing is a change. It gives what went.
func setFacts(ctx context.Context, tx *db.Tx, agentID, kind string, fs []fact, at time.Time) (gone []factRow, err error) {
	var seen int
	if err := tx.NewRaw("SELECT COUNT(*) FROM agent_snapshots WHERE agent_id = ? AND kind = ?", agentID, kind).Scan(ctx, &seen); err != nil {
		return nil, err
	}
	var rows []factRow
	if err := tx.NewSelect().Model(&rows).Where("agent_id = ? AND kind = ?", agentID, kind).Scan(ctx); err != nil {
		return nil, err
	}
	old := make(map[string]factRow, len(rows))
	for _, r := range rows {
		old[r.FactKey] = r
	}
	var fresh []factRow
	var changes []changeRow
	change := func(name, what, from, to string) {
		if seen > 0 {
			changes = append(changes, changeRow{ID: id.New(), AgentID: agentID, Kind: kind, Name: name, What: what, FromVersion: from, ToVersion: to, At: at})
		}
	}
	present := make(map[string]bool, len(fs))
	for _, f := range fs {
		if present[f.Key] || f.Key == "" {
			continue
		}
		present[f.Key] = true
		detail, err := json.Marshal(f.Detail)
		if err != nil {
			return nil, err
		}
		o, known := old[f.Key]
		switch {
		case !known:
			fresh = append(fresh, factRow{AgentID: agentID, Kind: kind, FactKey: f.Key, Name: f.Name, Version: f.Version, Detail: string(detail), FirstSeen: at})
			change(f.Name, "installed", "", f.Version)
		case o.Version != f.Version || o.Detail != string(detail) || o.Name != f.Name:
			if _, err := tx.NewRaw("UPDATE agent_facts SET name = ?, version = ?, detail = ? WHERE agent_id = ? AND kind = ? AND fact_key = ?", f.Name, f.Version, string(detail), agentID, kind, f.Key).Exec(ctx); err != nil {
				return nil, err
			}
			if o.Version != f.Version {
				change(f.Name, direction(kind, o.Version, f.Version), o.Version, f.Version)
			}
		}
	}
	for _, r := range rows {
		if present[r.FactKey] {
			continue
		}
		gone = append(gone, r)
		change(r.Name, "removed", r.Version, "")
	}
	return gone, writeFacts(ctx, tx, agentID, kind, fresh, gone, changes, at)
}

func direction(kind, from, to string) string {
	if kind != kindPackage {
		return "changed"
	}
	if compareVersions(from, to) <= 0 {
		return "upgraded"
	}
	return "downgraded"
}

const perStatement = 400

func writeFacts(ctx context.Context, tx *db.Tx, agentID, kind string, fresh, gone []factRow, changes []changeRow, at time.Time) error {
	for n := 0; n < len(fresh); n += perStatement {
		part := fresh[n:min(n+perStatement, len(fresh))]
		if _, err := tx.NewInsert().Model(&part).Exec(ctx); err != nil {
			return err
		}
	}
	for n := 0; n < len(gone); n += perStatement {
		var part []string
		for _, r := range gone[n:min(n+perStatement, len(gone))] {
			part = append(part, r.FactKey)
		}
		if _, err := tx.NewRaw("DELETE FROM agent_facts WHERE agent_id = ? AND kind = ? AND fact_key IN (?)", agentID, kind, bun.In(part)).Exec(ctx); err != nil {
			return err
		}
	}
	for n := 0; n < len(changes); n += perStatement {
		part := changes[n:min(n+perStatement, len(changes))]
		if _, err := tx.NewInsert().Model(&part).Exec(ctx); err != nil {
			return err
		}
	}
	return setSnapshot(ctx, tx, agentID, kind, "", at)
}

// setSnapshot keeps the newest of a kind whole.
func setSnapshot(ctx context.Context, tx *db.Tx, agentID, kind, body string, at time.Time) error {
	_, err := tx.NewRaw("INSERT INTO agent_snapshots (agent_id, kind, body, at) VALUES (?, ?, ?, ?) ON CONFLICT (agent_id, kind) DO UPDATE SET body = excluded.body, at = excluded.at", agentID, kind, body, at).Exec(ctx)
	return err
}

// Fact is one thing that a host has, as the API shows it.
type Fact struct {
	Agent     string          `json:"agent"`
	Kind      string          `json:"kind"`
	Key       string          `json:"key" doc:"Unique in the agent and kind."`
	Name      string          `json:"name"`
	Version   string          `json:"version,omitempty"`
	Detail    json.RawMessage `json:"detail,omitempty"`
	FirstSeen time.Time       `json:"first_seen"`
	LastSeen  time.Time       `json:"last_seen"`
}

// FactFilter narrows a list of facts; Kind is needed.
type FactFilter struct {
	Kind, Agent, Name, Q, Below string
	Cursor                      string
	Limit                       int
}

type factView struct {
	factRow
	Agent    string
	LastSeen time.Time
}

type factCursor struct{ Name, AgentID, Key string }

// maxExamined bounds how many rows one request compares by version.
const maxExamined = 20_000

// facts lists them by name, then host. Below keeps those with an older version.
func (s *Service) facts(ctx context.Context, f FactFilter) ([]Fact, string, error) {
	if f.Below != "" && f.Name == "" {
		return nil, "", errs.Fields(errs.Field{Path: "below", Value: f.Below, Message: "needs the name of the package, for example name=openssl"})
	}
	var at factCursor
	if f.Cursor != "" {
		b, err := base64.RawURLEncoding.DecodeString(f.Cursor)
		if err != nil || json.Unmarshal(b, &at) != nil {
			return nil, "", errs.Fields(errs.Field{Path: "cursor", Value: f.Cursor, Message: "is not a cursor of this list"})
		}
	}
	allowed, args := access.Where(ctx, ReadAgents, "a.team_id")
	where := "f.kind = ? AND " + allowed
	args = append([]any{f.Kind}, args...)
	add := func(cond string, vs ...any) { where, args = where+" AND "+cond, append(args, vs...) }
	if f.Agent != "" {
		add("a.name = ?", f.Agent)
	}
	if f.Name != "" {
		add("f.name = ?", f.Name)
	}
	if f.Q != "" {
		add("LOWER(f.name) LIKE ? ESCAPE '!'", "%"+strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(strings.ToLower(f.Q))+"%")
	}
	out, examined := []Fact{}, 0
	for {
		var rows []factView
		cond, vs := where, args
		if at != (factCursor{}) {
			cond += " AND (f.name, f.agent_id, f.fact_key) > (?, ?, ?)"
			vs = append(append([]any{}, args...), at.Name, at.AgentID, at.Key)
		}
		if err := s.d.DB.Reader().NewRaw("SELECT f.*, a.name AS agent, n.at AS last_seen FROM agent_facts f JOIN agents a ON a.id = f.agent_id JOIN agent_snapshots n ON n.agent_id = f.agent_id AND n.kind = f.kind WHERE "+cond+" ORDER BY f.name, f.agent_id, f.fact_key LIMIT ?", append(append([]any{}, vs...), f.Limit+1)...).Scan(ctx, &rows); err != nil {
			return nil, "", err
		}
		for i, r := range rows {
			if i == f.Limit || len(out) == f.Limit {
				break
			}
			at = factCursor{r.Name, r.AgentID, r.FactKey}
			examined++
			if f.Below == "" || compareVersions(r.Version, f.Below) < 0 {
				out = append(out, r.view())
			}
		}
		switch {
		case len(rows) <= f.Limit && (len(rows) == 0 || at == factCursor{rows[len(rows)-1].Name, rows[len(rows)-1].AgentID, rows[len(rows)-1].FactKey}):
			return out, "", nil
		case len(out) >= f.Limit || examined >= maxExamined:
			b, err := json.Marshal(at)
			return out, base64.RawURLEncoding.EncodeToString(b), err
		}
	}
}

func (r factView) view() Fact {
	f := Fact{Agent: r.Agent, Kind: r.Kind, Key: r.FactKey, Name: r.Name, Version: r.Version, FirstSeen: r.FirstSeen.UTC(), LastSeen: r.LastSeen.UTC()}
	if r.Detail != "" && r.Detail != "null" {
		f.Detail = json.RawMessage(r.Detail)
	}
	return f
}

// FactChange is something that was installed, changed or removed on a host.
type FactChange struct {
	ID    string    `json:"id"`
	Agent string    `json:"agent"`
	Kind  string    `json:"kind"`
	Name  string    `json:"name"`
	What  string    `json:"what" enum:"installed,upgraded,downgraded,changed,removed"`
	From  string    `json:"from,omitempty"`
	To    string    `json:"to,omitempty"`
	At    time.Time `json:"at"`
}

// changes lists them, the newest first; kind and agent may be empty.
func (s *Service) changes(ctx context.Context, agentName, kind, cursor string, limit int) ([]FactChange, string, error) {
	where, args := access.Where(ctx, ReadAgents, "a.team_id")
	if agentName != "" {
		where, args = where+" AND a.name = ?", append(args, agentName)
	}
	if kind != "" {
		where, args = where+" AND c.kind = ?", append(args, kind)
	}
	if cursor != "" {
		where, args = where+" AND c.id < ?", append(args, cursor)
	}
	var rows []struct {
		changeRow
		Agent string
	}
	if err := s.d.DB.Reader().NewRaw("SELECT c.*, a.name AS agent FROM agent_changes c JOIN agents a ON a.id = c.agent_id WHERE "+where+" ORDER BY c.id DESC LIMIT ?", append(args, limit+1)...).Scan(ctx, &rows); err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > limit {
		rows = rows[:limit]
		next = rows[limit-1].ID
	}
	out := make([]FactChange, len(rows))
	for i, r := range rows {
		out[i] = FactChange{ID: r.ID, Agent: r.Agent, Kind: r.Kind, Name: r.Name, What: r.What, From: r.FromVersion, To: r.ToVersion, At: r.At.UTC()}
	}
	return out, next, nil
}
