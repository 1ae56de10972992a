package dashboard

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
)

// maxShares bounds the links of one dashboard.
const maxShares = 100

// Share is a link that shows a dashboard to whoever has it.
type Share struct {
	ID         string     `json:"id"`
	Note       string     `json:"note,omitempty"`
	CreatedBy  string     `json:"created_by"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at,omitempty"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty"`
	// Token is there only once, when the link is made.
	Token string `json:"token,omitempty" doc:"The secret part of the link; given only when it is made."`
}

func (r *shareRow) share() Share {
	return Share{ID: r.ID, Note: r.Note, CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt, LastUsedAt: r.LastUsedAt}
}

func hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// Shares lists the links of a dashboard, the newest first.
func (s *Service) Shares(ctx context.Context, name string) ([]Share, error) {
	if _, err := load(ctx, s.d.DB.Reader(), name); err != nil {
		return nil, err
	}
	var rows []shareRow
	if err := s.d.DB.Reader().NewSelect().Model(&rows).Where("dashboard = ?", name).OrderExpr("created_at DESC, id").Scan(ctx); err != nil {
		return nil, err
	}
	out := make([]Share, len(rows))
	for i := range rows {
		out[i] = rows[i].share()
	}
	return out, nil
}

// Share makes a link.
func (s *Service) Share(ctx context.Context, name, note string, expires *time.Time) (Share, error) {
	var out Share
	b := make([]byte, 24)
	if _, err := rand.Read(b); err != nil {
		return out, err
	}
	token := base64.RawURLEncoding.EncodeToString(b)
	return out, s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		v, err := load(ctx, tx, name)
		if err != nil {
			return err
		}
		if expires != nil && !expires.After(tx.Now()) {
			return errs.Fields(errs.Field{Path: "expires_at", Value: expires.Format(time.RFC3339), Message: "must be in the future"})
		}
		n, err := tx.NewSelect().Model((*shareRow)(nil)).Where("dashboard = ?", name).Count(ctx)
		if err != nil {
			return err
		}
		if n >= maxShares {
			return errs.New(errs.Conflict, "This dashboard has %d links. Remove one first.", n)
		}
		r := shareRow{ID: id.New(), Dashboard: name, TokenHash: hash(token), Note: strings.TrimSpace(note), CreatedBy: access.From(ctx).Actor(), CreatedAt: tx.Now(), ExpiresAt: expires}
		if _, err := tx.NewInsert().Model(&r).Exec(ctx); err != nil {
			return err
		}
		out = r.share()
		if err := audit.Write(ctx, tx, audit.Change{Action: "dashboard.share", Ref: ref(name), Name: v.Title, After: out}); err != nil {
			return err
		}
		out.Token = token
		return nil
	})
}

// Unshare ends a link.
func (s *Service) Unshare(ctx context.Context, name, shareID string) error {
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		var r shareRow
		if err := tx.NewSelect().Model(&r).Where("dashboard = ? AND id = ?", name, shareID).Scan(ctx); err != nil {
			return db.NotFound(err, "There is no such link.")
		}
		if _, err := tx.NewRaw("DELETE FROM dashboard_shares WHERE id = ?", r.ID).Exec(ctx); err != nil {
			return err
		}
		return audit.Write(ctx, tx, audit.Change{Action: "dashboard.unshare", Ref: ref(name), Name: name, Before: r.share()})
	})
}

// shared gives the dashboard of a link.
func (s *Service) shared(ctx context.Context, token string) (*View, error) {
	const gone = "This link does not work, or no longer. Ask whoever gave it to you for a new one."
	var r shareRow
	if err := s.d.DB.Reader().NewSelect().Model(&r).Where("token_hash = ?", hash(token)).Scan(ctx); err != nil {
		if errs.Is(db.NotFound(err, gone), errs.NotFound) {
			err = errs.New(errs.Forbidden, gone)
		}
		return nil, err
	}
	now := s.d.DB.Clock().Now()
	if r.ExpiresAt != nil && !r.ExpiresAt.After(now) {
		return nil, errs.New(errs.Forbidden, gone)
	}
	v, err := load(ctx, s.d.DB.Reader(), r.Dashboard)
	if err != nil {
		return nil, err
	}
	// A minute is fine enough, and a wall asks all the time.
	if r.LastUsedAt == nil || now.Sub(*r.LastUsedAt) > time.Minute {
		err = s.d.DB.InTx(access.AsSystem(ctx), func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.NewRaw("UPDATE dashboard_shares SET last_used_at = ? WHERE id = ?", now, r.ID).Exec(ctx)
			return err
		})
	}
	return v, err
}

// choose goes through the variables in their order and keeps only values that each
// offers: whoever has a link must not ask free questions through them. It gives what is
// offered too.
func (s *Service) choose(ctx context.Context, vars []Variable, a Ask) (kept, offered map[string][]string, err error) {
	kept, offered = map[string][]string{}, map[string][]string{}
	step, err := a.check()
	if err != nil {
		return nil, nil, err
	}
	for i, v := range vars {
		w := wordsOf(vars, kept, step, a.To.Sub(a.From))
		if offered[v.Name], err = s.optionsOf(ctx, &vars[i], w, a.To); err != nil {
			return nil, nil, err
		}
		for _, x := range a.Values[v.Name] {
			if x == all && v.All || v.Kind != "text" && slices.Contains(offered[v.Name], x) {
				kept[v.Name] = append(kept[v.Name], x)
			}
			if !v.Multi && len(kept[v.Name]) > 0 {
				break
			}
		}
	}
	return kept, offered, nil
}

// AnswerShared answers a panel of a shared dashboard, as the dashboard stands.
func (s *Service) AnswerShared(ctx context.Context, token, panel string, a Ask) (*Data, error) {
	v, err := s.shared(ctx, token)
	if err != nil {
		return nil, err
	}
	ctx = access.AsSystem(ctx)
	for i := range v.Panels {
		if v.Panels[i].ID != panel {
			continue
		}
		if a.Values, _, err = s.choose(ctx, v.Variables, a); err != nil {
			return nil, err
		}
		return s.Answer(ctx, &v.Panels[i], v.Variables, a)
	}
	return nil, errs.New(errs.NotFound, "There is no such panel.")
}

// OptionsShared lists what can be chosen on a shared dashboard.
func (s *Service) OptionsShared(ctx context.Context, token string, a Ask) (map[string][]string, error) {
	v, err := s.shared(ctx, token)
	if err != nil {
		return nil, err
	}
	_, offered, err := s.choose(access.AsSystem(ctx), v.Variables, a)
	return offered, err
}
