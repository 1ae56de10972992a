package account

import (
	"context"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

const setupLifetime = 24 * time.Hour

// Bootstrap prepares a first start. With a token value it makes an admin token
// of that value once and returns nothing; else, while nobody can sign in as an
// administrator, it returns a new one-time value for the setup link.
func (s *Service) Bootstrap(ctx context.Context, token string) (setup string, err error) {
	ctx = access.AsSystem(ctx)
	err = s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		if token != "" {
			var n int
			if err := tx.NewRaw("SELECT COUNT(*) FROM api_tokens WHERE name = 'bootstrap' OR token_hash = ?", hashToken(token)).Scan(ctx, &n); err != nil || n > 0 {
				return err
			}
			_, _, err := s.CreateToken(ctx, tx, NewToken{Name: "bootstrap", Role: access.Admin, Value: token})
			return err
		}
		done, err := s.setUp(ctx, tx)
		if err != nil || done {
			return err
		}
		setup = random()
		if _, err := tx.NewRaw("DELETE FROM setup_links").Exec(ctx); err != nil {
			return err
		}
		_, err = tx.NewRaw("INSERT INTO setup_links (token_hash, created_at, expires_at) VALUES (?, ?, ?)", hashToken(setup), tx.Now(), tx.Now().Add(setupLifetime)).Exec(ctx)
		return err
	})
	return setup, err
}

func (s *Service) setUp(ctx context.Context, tx *db.Tx) (bool, error) {
	var n int
	err := tx.NewRaw("SELECT (SELECT COUNT(*) FROM accounts WHERE role = 'admin' AND password_hash <> '') + (SELECT COUNT(*) FROM api_tokens WHERE role = 'admin')").Scan(ctx, &n)
	return n > 0, err
}

// Setup makes the first administrator with the value of the one-time link and
// signs in.
func (s *Service) Setup(ctx context.Context, value string, in NewAccount, address, userAgent string) (session string, a *Account, err error) {
	if wait := s.throttle.blocked("setup", address); wait > 0 {
		return "", nil, errs.New(errs.TooMany, "Too many failed attempts. Try again in %s.", wait.Round(time.Second))
	}
	in.Role = access.Admin
	if in.Password == "" {
		return "", nil, errs.Fields(errs.Field{Path: "password", Message: "must have 10 to 200 characters"})
	}
	err = s.db.InTx(access.AsSystem(ctx), func(ctx context.Context, tx *db.Tx) error {
		res, err := tx.NewRaw("DELETE FROM setup_links WHERE token_hash = ? AND expires_at > ?", hashToken(value), tx.Now()).Exec(ctx)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			s.throttle.failed("setup", address)
			return errs.New(errs.Forbidden, "This setup link was used already or is too old. Restart Mainstay to get a new one.")
		}
		a, err = s.Create(ctx, tx, in)
		return err
	})
	if err != nil {
		return "", nil, err
	}
	session, err = s.begin(ctx, a, address, userAgent)
	return session, a, err
}
