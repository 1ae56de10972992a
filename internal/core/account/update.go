package account

import (
	"context"
	"strconv"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
)

// Patch holds what to change about a person; nil leaves it.
type Patch struct {
	Name, Password, TimeZone *string
	Role                     *access.Role
	Disabled                 *bool
}

// Update changes a person. A new password, a new role or disabling ends all
// sessions of that person. The last administrator cannot be taken away.
func (s *Service) Update(ctx context.Context, accountID, ifMatch string, p Patch) (*Account, error) {
	var hash string
	if p.Password != nil {
		var err error
		if hash, err = s.HashPassword(*p.Password); err != nil {
			return nil, err
		}
	}
	var a *Account
	err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if tx.Kind() == db.Postgres {
			// Two administrators who take each other's role must not both succeed.
			if _, err := tx.ExecContext(ctx, "SELECT id FROM accounts WHERE role = 'admin' OR id = ? ORDER BY id FOR UPDATE", accountID); err != nil {
				return err
			}
		}
		if a, err = ByID(ctx, tx, accountID); err != nil {
			return err
		}
		if err := httpapi.CheckMatch(ifMatch, a.Version); err != nil {
			return err
		}
		before := *a
		if err := a.describe(p.Name, p.TimeZone); err != nil {
			return err
		}
		if p.Role != nil {
			a.Role = *p.Role
		}
		if p.Disabled != nil {
			a.Disabled = *p.Disabled
		}
		if hash != "" {
			a.PasswordHash = hash
		}
		a.UpdatedAt, a.Version = tx.Now(), a.Version+1
		if _, err := tx.NewUpdate().Model(a).WherePK().Exec(ctx); err != nil {
			return err
		}
		if before.Role == access.Admin && before.PasswordHash != "" && (a.Role != access.Admin || a.Disabled) {
			var n int
			if err := tx.NewRaw("SELECT COUNT(*) FROM accounts WHERE role = 'admin' AND password_hash <> '' AND disabled = ?", false).Scan(ctx, &n); err != nil {
				return err
			}
			if n == 0 {
				return errs.New(errs.Conflict, "This is the last administrator. Make another one first.")
			}
		}
		if hash != "" || a.Disabled || before.Role != a.Role {
			if _, err := tx.NewRaw("DELETE FROM sessions WHERE account_id = ?", a.ID).Exec(ctx); err != nil {
				return err
			}
		}
		return audit.Write(ctx, tx, audit.Change{Action: "account.update", Ref: entity.Ref{Kind: "account", ID: a.ID}, Name: a.Email, Before: before, After: a})
	})
	return a, err
}

func formatSeq(n int64) string { return strconv.FormatInt(n, 10) }
