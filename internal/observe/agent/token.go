package agent

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Bounds of tokens.
const (
	maxTokenUses     = 100_000
	minTokenLife     = time.Minute
	maxTokenLife     = 366 * 24 * time.Hour
	defaultTokenLife = 24 * time.Hour
	maxLabels        = 20
	tokenPrefix      = "mse_"
)

// Token lets hosts enroll. Its value is not kept.
type Token struct {
	ID        string            `json:"id"`
	Name      string            `json:"name"`
	State     string            `json:"state" enum:"usable,used_up,expired,revoked"`
	MaxUses   int64             `json:"max_uses"`
	Uses      int64             `json:"uses"`
	Kind      string            `json:"kind" doc:"Kind of the item that an enrolment makes."`
	Team      string            `json:"team,omitempty" doc:"Team that will own the item."`
	Labels    map[string]string `json:"labels"`
	CreatedAt time.Time         `json:"created_at"`
	CreatedBy string            `json:"created_by"`
	ExpiresAt time.Time         `json:"expires_at"`
	RevokedAt *time.Time        `json:"revoked_at,omitempty"`
}

// NewToken is the input of CreateToken.
type NewToken struct {
	Name    string            `json:"name,omitempty" maxLength:"100" doc:"What it is for."`
	MaxUses int64             `json:"max_uses,omitempty" doc:"How many hosts may enroll with it; 1 if not given."`
	Expires observe.Duration  `json:"expires,omitempty" doc:"How long it is good for; 24h if not given."`
	Kind    string            `json:"kind,omitempty" doc:"host or virtual_machine; host if not given. With edge it lets an edge enroll instead of an agent."`
	Team    string            `json:"team,omitempty" doc:"Name of the team that will own the item."`
	Labels  map[string]string `json:"labels,omitempty" doc:"Become the attribute labels of the item."`
}

type tokenRow struct {
	bun.BaseModel `bun:"agent_tokens"`

	ID        string     `bun:"id,pk"`
	Name      string     `bun:"name"`
	Hash      string     `bun:"hash"`
	MaxUses   int64      `bun:"max_uses"`
	Uses      int64      `bun:"uses"`
	Kind      string     `bun:"kind"`
	TeamID    string     `bun:"team_id"`
	Labels    string     `bun:"labels"`
	CreatedAt time.Time  `bun:"created_at"`
	CreatedBy string     `bun:"created_by"`
	ExpiresAt time.Time  `bun:"expires_at"`
	RevokedAt *time.Time `bun:"revoked_at"`
}

func (r tokenRow) view(now time.Time, teams map[string]string) Token {
	t := Token{ID: r.ID, Name: r.Name, MaxUses: r.MaxUses, Uses: r.Uses, Kind: r.Kind, Team: teams[r.TeamID], Labels: labels(r.Labels), CreatedAt: r.CreatedAt.UTC(), CreatedBy: r.CreatedBy, ExpiresAt: r.ExpiresAt.UTC(), RevokedAt: r.RevokedAt}
	switch {
	case r.RevokedAt != nil:
		t.State = "revoked"
	case r.Uses >= r.MaxUses:
		t.State = "used_up"
	case now.After(r.ExpiresAt):
		t.State = "expired"
	default:
		t.State = "usable"
	}
	return t
}

func labels(text string) map[string]string {
	m := map[string]string{}
	_ = json.Unmarshal([]byte(text), &m) // written by this package only
	if m == nil {
		return map[string]string{}
	}
	return m
}

var labelRE = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

func (n *NewToken) complete() error {
	var bad []errs.Field
	add := func(path, value, msg string) { bad = append(bad, errs.Field{Path: path, Value: value, Message: msg}) }
	n.Name = strings.TrimSpace(n.Name)
	if n.Name == "" {
		n.Name = "enrolment"
	}
	if len(n.Name) > 100 {
		add("name", "", "must have at most 100 characters")
	}
	if n.MaxUses == 0 {
		n.MaxUses = 1
	}
	if n.MaxUses < 1 || n.MaxUses > maxTokenUses {
		add("max_uses", fmt.Sprint(n.MaxUses), fmt.Sprintf("must be between 1 and %d", maxTokenUses))
	}
	if n.Expires == 0 {
		n.Expires = observe.Duration(defaultTokenLife)
	}
	if d := n.Expires.D(); d < minTokenLife || d > maxTokenLife {
		add("expires", n.Expires.String(), "must be between 1m and 8784h")
	}
	if n.Kind == "" {
		n.Kind = "host"
	}
	if n.Kind != "host" && n.Kind != "virtual_machine" && n.Kind != observe.TokenForEdges {
		add("kind", n.Kind, "must be host, virtual_machine or edge")
	}
	if len(n.Labels) > maxLabels {
		add("labels", "", fmt.Sprintf("has more than %d entries", maxLabels))
	}
	for k, v := range n.Labels {
		if !labelRE.MatchString(k) || len(v) > 200 {
			add("labels."+k, v, "must be a name of lower-case letters, digits and _ with a value of at most 200 characters")
		}
	}
	return errs.Fields(bad...)
}

// CreateToken makes a token. Its value is returned once and never again.
func (s *Service) CreateToken(ctx context.Context, in NewToken) (Token, string, error) {
	if err := in.complete(); err != nil {
		return Token{}, "", err
	}
	b := make([]byte, 20)
	_, _ = rand.Read(b)
	value := tokenPrefix + hex.EncodeToString(b)
	var out Token
	err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		teamID := ""
		if in.Team != "" {
			t, err := account.TeamByName(ctx, tx, in.Team)
			if errs.Is(err, errs.NotFound) {
				return errs.Fields(errs.Field{Path: "team", Value: in.Team, Message: "is not the name of a team"})
			}
			if err != nil {
				return err
			}
			teamID = t.ID
		}
		if err := access.Check(ctx, WriteAgents, teamID); err != nil {
			return err
		}
		ls, err := json.Marshal(in.Labels)
		if err != nil {
			return err
		}
		r := tokenRow{ID: id.New(), Name: in.Name, Hash: hashToken(value), MaxUses: in.MaxUses, Kind: in.Kind, TeamID: teamID, Labels: string(ls), CreatedAt: tx.Now(), CreatedBy: access.From(ctx).Actor(), ExpiresAt: tx.Now().Add(in.Expires.D())}
		if _, err := tx.NewInsert().Model(&r).Exec(ctx); err != nil {
			return err
		}
		out = r.view(tx.Now(), map[string]string{teamID: in.Team})
		tx.AfterCommit(func() { s.d.Live.Send(live.Note{Topic: "agents", Kind: "token", ID: r.ID}) })
		return audit.Write(ctx, tx, audit.Change{Action: "agent_token.create", Ref: entity.Ref{Kind: "agent_token", ID: r.ID}, Name: r.Name, After: out})
	})
	return out, value, err
}

// RevokeToken makes a token worthless. Hosts that enrolled with it stay.
func (s *Service) RevokeToken(ctx context.Context, tokenID string) error {
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		var r tokenRow
		if err := tx.NewSelect().Model(&r).Where("id = ?", tokenID).Scan(ctx); err != nil {
			return db.NotFound(err, "There is no such token.")
		}
		if err := access.Check(ctx, WriteAgents, r.TeamID); err != nil {
			return err
		}
		if r.RevokedAt != nil {
			return nil
		}
		if _, err := tx.NewRaw("UPDATE agent_tokens SET revoked_at = ? WHERE id = ?", tx.Now(), r.ID).Exec(ctx); err != nil {
			return err
		}
		tx.AfterCommit(func() { s.d.Live.Send(live.Note{Topic: "agents", Kind: "token", ID: r.ID}) })
		return audit.Write(ctx, tx, audit.Change{Action: "agent_token.revoke", Ref: entity.Ref{Kind: "agent_token", ID: r.ID}, Name: r.Name, Before: map[string]bool{"revoked": false}, After: map[string]bool{"revoked": true}})
	})
}

// tokens lists them, the newest first.
func (s *Service) tokens(ctx context.Context, cursor string, limit int) ([]Token, string, error) {
	q := s.d.DB.Reader()
	where, args := access.Where(ctx, ReadAgents, "team_id")
	if cursor != "" {
		where, args = where+" AND id < ?", append(args, cursor)
	}
	var rows []tokenRow
	if err := q.NewSelect().Model(&rows).Where(where, args...).OrderExpr("id DESC").Limit(int64(limit) + 1).Scan(ctx); err != nil {
		return nil, "", err
	}
	teams, err := account.TeamNames(ctx, q)
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > limit {
		rows = rows[:limit]
		next = rows[limit-1].ID
	}
	out := make([]Token, len(rows))
	for i, r := range rows {
		out[i] = r.view(s.now(), teams)
	}
	return out, next, nil
}

// spend takes one use of the token, as part of the transaction of the enrolment.
func spend(ctx context.Context, tx *db.Tx, value string) (tokenRow, error) {
	var r tokenRow
	if value == "" {
		return r, errs.New(errs.Forbidden, "Enrolling needs an enrolment token. Make one under Agents or Edges.")
	}
	lock := ""
	if tx.Kind() == db.Postgres {
		lock = " FOR UPDATE"
	}
	if err := tx.NewRaw("SELECT * FROM agent_tokens WHERE hash = ?"+lock, hashToken(value)).Scan(ctx, &r); err != nil {
		if errs.Is(db.NotFound(err, ""), errs.NotFound) {
			return r, errs.New(errs.Unauthorized, "This enrolment token is not known here. Copy it again, or make a new one under Agents.")
		}
		return r, err
	}
	switch r.view(tx.Now(), nil).State {
	case "revoked":
		return r, errs.New(errs.Unauthorized, "This enrolment token was revoked. Make a new one under Agents.")
	case "used_up":
		times := "once, as often as it may be"
		if r.MaxUses > 1 {
			times = fmt.Sprintf("%d times, as often as it may be", r.MaxUses)
		}
		return r, errs.New(errs.Unauthorized, "This enrolment token was used %s. Make a new one under Agents.", times)
	case "expired":
		return r, errs.New(errs.Unauthorized, "This enrolment token expired on %s. Make a new one under Agents.", r.ExpiresAt.UTC().Format("2006-01-02 at 15:04 UTC"))
	}
	_, err := tx.NewRaw("UPDATE agent_tokens SET uses = uses + 1 WHERE id = ?", r.ID).Exec(ctx)
	return r, err
}

func hashToken(value string) string {
	h := sha256.Sum256([]byte(value))
	return hex.EncodeToString(h[:])
}
