package account

import (
	"context"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
)

// APIToken lets a program act with a role of its own.
type APIToken struct {
	bun.BaseModel `bun:"api_tokens" json:"-"`

	ID         string      `bun:"id,pk" json:"id"`
	Name       string      `bun:"name" json:"name"`
	AccountID  string      `bun:"account_id" json:"-"`
	Role       access.Role `bun:"role" json:"role"`
	Scopes     []string    `bun:"-" json:"scopes" doc:"Permissions it is limited to; empty means all of its role."`
	ScopeText  string      `bun:"scopes" json:"-"`
	TokenHash  string      `bun:"token_hash" json:"-"`
	CreatedAt  time.Time   `bun:"created_at" json:"created_at"`
	CreatedBy  string      `bun:"created_by" json:"created_by"`
	LastUsedAt *time.Time  `bun:"last_used_at" json:"last_used_at,omitempty"`
	ExpiresAt  *time.Time  `bun:"expires_at" json:"expires_at,omitempty"`
}

// NewToken is the input of CreateToken.
type NewToken struct {
	Name   string
	Role   access.Role
	Scopes []string
	// Expires is a duration from now; 0 means never.
	Expires time.Duration
	// Value is used instead of a random one, for unattended installs.
	Value string
}

// CreateToken makes a token. Its value is returned once and never again.
func (s *Service) CreateToken(ctx context.Context, tx *db.Tx, in NewToken) (*APIToken, string, error) {
	name := strings.TrimSpace(in.Name)
	if name == "" || len(name) > 100 {
		return nil, "", errs.Fields(errs.Field{Path: "name", Value: in.Name, Message: "must have 1 to 100 characters"})
	}
	if p := access.From(ctx); p != nil && !p.Role.Reaches(in.Role) {
		return nil, "", errs.New(errs.Forbidden, "A token cannot have a higher role than you have.")
	}
	if p := access.From(ctx); p != nil && !p.Covers(in.Scopes) {
		return nil, "", errs.New(errs.Forbidden, "A token cannot be allowed more than the token that makes it.")
	}
	if in.Expires < 0 {
		return nil, "", errs.Fields(errs.Field{Path: "expires", Message: "must lie in the future"})
	}
	value := in.Value
	if value == "" {
		value = "mst_" + random()
	} else if len(value) < 20 {
		return nil, "", errs.Fields(errs.Field{Path: "token", Message: "must have at least 20 characters"})
	}
	t := &APIToken{ID: id.New(), Name: name, Role: in.Role, Scopes: in.Scopes, ScopeText: strings.Join(in.Scopes, " "), TokenHash: hashToken(value), CreatedAt: tx.Now(), CreatedBy: access.From(ctx).Actor()}
	if in.Expires > 0 {
		e := tx.Now().Add(in.Expires)
		t.ExpiresAt = &e
	}
	if _, err := tx.NewInsert().Model(t).Exec(ctx); err != nil {
		if db.IsUnique(err) {
			return nil, "", errs.New(errs.Conflict, "There is a token named %q already. Revoke it first or choose another name.", name)
		}
		return nil, "", err
	}
	return t, value, audit.Write(ctx, tx, audit.Change{Action: "token.create", Ref: entity.Ref{Kind: "token", ID: t.ID}, Name: t.Name, After: t})
}

// RevokeToken deletes a token by id.
func (s *Service) RevokeToken(ctx context.Context, tx *db.Tx, tokenID string) error {
	var t APIToken
	if err := tx.NewSelect().Model(&t).Where("id = ?", tokenID).Scan(ctx); err != nil {
		return db.NotFound(err, "There is no such token.")
	}
	if _, err := tx.NewRaw("DELETE FROM api_tokens WHERE id = ?", tokenID).Exec(ctx); err != nil {
		return err
	}
	return audit.Write(ctx, tx, audit.Change{Action: "token.revoke", Ref: entity.Ref{Kind: "token", ID: t.ID}, Name: t.Name, Before: t})
}

// ListTokens lists them by name, without their values.
func ListTokens(ctx context.Context, q bun.IDB) ([]APIToken, error) {
	ts := []APIToken{}
	if err := q.NewSelect().Model(&ts).OrderExpr("name").Limit(1000).Scan(ctx); err != nil {
		return nil, err
	}
	for i := range ts {
		ts[i].Scopes = strings.Fields(ts[i].ScopeText)
	}
	return ts, nil
}

// ByToken tells who a bearer token stands for.
func (s *Service) ByToken(ctx context.Context, value string) (*access.Principal, error) {
	var t APIToken
	err := s.db.Reader().NewSelect().Model(&t).Where("token_hash = ?", hashToken(value)).Scan(ctx)
	if err != nil {
		if errs.Is(db.NotFound(err, ""), errs.NotFound) {
			return nil, errs.New(errs.Unauthorized, "The token is not valid.")
		}
		return nil, err
	}
	now := s.db.Clock().Now().UTC()
	if t.ExpiresAt != nil && now.After(*t.ExpiresAt) {
		return nil, errs.New(errs.Unauthorized, "The token has expired.")
	}
	if t.LastUsedAt == nil || now.Sub(*t.LastUsedAt) > touchEvery {
		if err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.NewRaw("UPDATE api_tokens SET last_used_at = ? WHERE id = ?", tx.Now(), t.ID).Exec(ctx)
			return err
		}); err != nil {
			return nil, err
		}
	}
	return &access.Principal{Kind: access.Token, ID: t.ID, Name: "token " + t.Name, Role: t.Role, Scopes: strings.Fields(t.ScopeText), TokenID: t.ID}, nil
}
