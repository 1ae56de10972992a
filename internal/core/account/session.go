package account

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
)

// touchEvery bounds how often the time of the last use is written.
const touchEvery = 5 * time.Minute

// Login checks a password and begins a session; the value goes into a cookie.
// Too many failures from one address or for one account are refused for a while.
func (s *Service) Login(ctx context.Context, email, password, address, userAgent string) (value string, a *Account, err error) {
	if wait := s.throttle.blocked(email, address); wait > 0 {
		return "", nil, errs.New(errs.TooMany, "Too many failed attempts. Try again in %s.", wait.Round(time.Second))
	}
	a, err = ByEmail(ctx, s.db.Reader(), email)
	if err != nil && !errs.Is(err, errs.NotFound) {
		return "", nil, err
	}
	hash := ""
	if err == nil && !a.Disabled {
		hash = a.PasswordHash
	}
	if len(password) > 1000 || !s.passwordOK(password, hash) {
		s.throttle.failed(email, address)
		return "", nil, errs.New(errs.Unauthorized, "The address or the password is wrong.")
	}
	s.throttle.succeeded(email)
	value, err = s.begin(ctx, a, address, userAgent)
	return value, a, err
}

func (s *Service) begin(ctx context.Context, a *Account, address, userAgent string) (string, error) {
	value := random()
	err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		if len(userAgent) > 300 {
			userAgent = userAgent[:300]
		}
		if _, err := tx.NewRaw("DELETE FROM sessions WHERE expires_at < ?", tx.Now()).Exec(ctx); err != nil {
			return err
		}
		_, err := tx.NewRaw("INSERT INTO sessions (id, account_id, token_hash, created_at, last_seen_at, expires_at, user_agent, address) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			id.New(), a.ID, hashToken(value), tx.Now(), tx.Now(), tx.Now().Add(s.lifetime), userAgent, address).Exec(ctx)
		if err != nil {
			return err
		}
		p := &access.Principal{Kind: access.Person, ID: a.ID, Name: a.Name, Email: a.Email, Role: a.Role}
		return audit.Write(access.With(ctx, p), tx, audit.Change{Action: "session.begin", Ref: entity.Ref{Kind: "account", ID: a.ID}, Name: a.Email, After: map[string]string{"address": address}})
	})
	return value, err
}

// Logout ends the session.
func (s *Service) Logout(ctx context.Context, sessionID string) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.NewRaw("DELETE FROM sessions WHERE id = ?", sessionID).Exec(ctx)
		return err
	})
}

type who struct {
	Account
	RowID      string     `bun:"row_id"`
	LastSeenAt *time.Time `bun:"last_seen_at"`
	ExpiresAt  *time.Time `bun:"expires_at"`
	TokenName  string     `bun:"token_name"`
	TokenRole  string     `bun:"token_role"`
	Scopes     string     `bun:"scopes"`
}

// BySession tells who a cookie belongs to.
func (s *Service) BySession(ctx context.Context, value string) (*access.Principal, error) {
	now := s.db.Clock().Now().UTC()
	var w who
	err := s.db.Reader().NewRaw("SELECT a.*, s.id AS row_id, s.last_seen_at, s.expires_at FROM sessions s JOIN accounts a ON a.id = s.account_id WHERE s.token_hash = ?", hashToken(value)).Scan(ctx, &w)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errs.New(errs.Unauthorized, "The session has ended. Sign in again.")
	}
	if err != nil {
		return nil, err
	}
	if w.Disabled || w.ExpiresAt == nil || now.After(*w.ExpiresAt) {
		return nil, errs.New(errs.Unauthorized, "The session has ended. Sign in again.")
	}
	p := &access.Principal{Kind: access.Person, ID: w.ID, Name: w.Name, Email: w.Email, Role: w.Role, SessionID: w.RowID}
	if w.LastSeenAt == nil || now.Sub(*w.LastSeenAt) > touchEvery {
		if err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.NewRaw("UPDATE sessions SET last_seen_at = ?, expires_at = ? WHERE id = ?", tx.Now(), tx.Now().Add(s.lifetime), w.RowID).Exec(ctx)
			return err
		}); err != nil {
			return nil, err
		}
	}
	return p, s.loadTeams(ctx, p)
}

func (s *Service) loadTeams(ctx context.Context, p *access.Principal) error {
	var rows []struct {
		TeamID string
		Role   access.Role
	}
	if err := s.db.Reader().NewRaw("SELECT team_id, role FROM team_members WHERE account_id = ?", p.ID).Scan(ctx, &rows); err != nil {
		return err
	}
	p.Teams = make(map[string]access.Role, len(rows))
	for _, r := range rows {
		p.Teams[r.TeamID] = r.Role
	}
	return nil
}
