package account

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
)

// Own is what people may change about themselves; nil leaves it.
type Own struct {
	Name, TimeZone *string
	// Password needs Current, the one of before.
	Password *string
	Current  string
}

// UpdateOwn changes the person who is signed in. A new password ends all other
// sessions of that person.
func (s *Service) UpdateOwn(ctx context.Context, in Own) (*Account, error) {
	p := access.From(ctx)
	if p == nil || p.Kind != access.Person || p.SessionID == "" {
		return nil, errs.New(errs.Forbidden, "Only a person who is signed in has an account to change.")
	}
	var hash string
	if in.Password != nil {
		if wait := s.throttle.blocked(p.Email, ""); wait > 0 {
			return nil, errs.New(errs.TooMany, "Too many failed attempts. Try again in %s.", wait.Round(time.Second))
		}
		a, err := ByID(ctx, s.db.Reader(), p.ID)
		if err != nil {
			return nil, err
		}
		if len(in.Current) > 1000 || !s.passwordOK(in.Current, a.PasswordHash) {
			s.throttle.failed(p.Email, "")
			return nil, errs.Fields(errs.Field{Path: "current", Message: "is not your password"})
		}
		s.throttle.succeeded(p.Email)
		if hash, err = s.HashPassword(*in.Password); err != nil {
			return nil, err
		}
	}
	var a *Account
	err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if a, err = ByID(ctx, tx, p.ID); err != nil {
			return err
		}
		before := *a
		if err := a.describe(in.Name, in.TimeZone); err != nil {
			return err
		}
		what := "account.update"
		if hash != "" {
			a.PasswordHash, what = hash, "account.password"
			if _, err := tx.NewRaw("DELETE FROM sessions WHERE account_id = ? AND id <> ?", a.ID, p.SessionID).Exec(ctx); err != nil {
				return err
			}
		}
		a.UpdatedAt, a.Version = tx.Now(), a.Version+1
		if _, err := tx.NewUpdate().Model(a).WherePK().Exec(ctx); err != nil {
			return err
		}
		return audit.Write(ctx, tx, audit.Change{Action: what, Ref: entity.Ref{Kind: "account", ID: a.ID}, Name: a.Email, Before: before, After: a})
	})
	return a, err
}

// describe sets name and zone, if given.
func (a *Account) describe(name, zone *string) error {
	if name != nil {
		if a.Name = strings.TrimSpace(*name); a.Name == "" || utf8.RuneCountInString(a.Name) > 100 {
			return errs.Fields(errs.Field{Path: "name", Message: "must have 1 to 100 characters"})
		}
	}
	if zone != nil {
		if _, err := time.LoadLocation(*zone); err != nil {
			return errs.Fields(errs.Field{Path: "time_zone", Value: *zone, Message: "must be an IANA zone such as Europe/Berlin"})
		}
		a.TimeZone = *zone
	}
	return nil
}

type ownIn struct {
	Body struct {
		Name     *string `json:"name,omitempty" maxLength:"100"`
		TimeZone *string `json:"time_zone,omitempty" maxLength:"64"`
		Password *string `json:"password,omitempty" maxLength:"200" doc:"The new password; needs current."`
		Current  string  `json:"current,omitempty" maxLength:"1000" doc:"The password of before."`
	}
}

func (h *HTTP) own(api *httpapi.API) {
	httpapi.Handle(api, httpapi.Op{ID: "update-own-account", Method: "PATCH", Path: "/api/v1/session", Need: Read, Tag: "session", Summary: "Change your own name, zone or password", Description: "A new password ends your other sessions."},
		func(ctx context.Context, in *ownIn) (*httpapi.Body[sessionBody], error) {
			if _, err := h.Service.UpdateOwn(ctx, Own{Name: in.Body.Name, TimeZone: in.Body.TimeZone, Password: in.Body.Password, Current: in.Body.Current}); err != nil {
				return nil, err
			}
			b, err := h.body(ctx, access.From(ctx))
			return &httpapi.Body[sessionBody]{Body: b}, err
		})
}
