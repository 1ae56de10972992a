package scrape

import (
	"context"
	"encoding/json"
	"reflect"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/secret"
)

// row is a job in the database. Secrets are sealed apart from the rest.
type row struct {
	bun.BaseModel `bun:"scrape_jobs"`

	ID        string    `bun:"id,pk"`
	Name      string    `bun:"name"`
	Spec      string    `bun:"spec"`
	Secrets   string    `bun:"secrets"`
	Version   int64     `bun:"version"`
	CreatedAt time.Time `bun:"created_at"`
	UpdatedAt time.Time `bun:"updated_at"`
}

// secrets are what is never shown.
type secrets struct {
	Password string `json:"password,omitempty"`
	Bearer   string `json:"bearer,omitempty"`
	Key      string `json:"key,omitempty"`
}

// split takes the secrets out of a spec.
func split(s Spec) (Spec, secrets) {
	var out secrets
	if s.Basic != nil {
		b := *s.Basic
		out.Password, b.Password = b.Password, ""
		s.Basic = &b
	}
	if s.Bearer != nil {
		out.Bearer = s.Bearer.Secret
		s.Bearer = &Bearer{}
	}
	if s.TLS != nil {
		t := *s.TLS
		out.Key, t.Key = t.Key, ""
		s.TLS = &t
	}
	return s, out
}

// join puts secrets back; those that a spec has itself win.
func (x secrets) join(s Spec) Spec {
	if s.Basic != nil && s.Basic.Password == "" {
		b := *s.Basic
		b.Password = x.Password
		s.Basic = &b
	}
	if s.Bearer != nil && s.Bearer.Secret == "" {
		s.Bearer = &Bearer{Secret: x.Bearer}
	}
	if s.TLS != nil && s.TLS.Key == "" {
		t := *s.TLS
		t.Key = x.Key
		s.TLS = &t
	}
	return s
}

func (r *row) shown() (Spec, error) {
	var s Spec
	err := json.Unmarshal([]byte(r.Spec), &s)
	return s, err
}

// open gives the spec with its secrets.
func (r *row) open(box *secret.Box) (Spec, error) {
	s, err := r.shown()
	if err != nil {
		return s, err
	}
	x, err := r.sealed(box)
	return x.join(s), err
}

func (r *row) sealed(box *secret.Box) (x secrets, err error) {
	plain, err := box.Open(r.Secrets)
	if err != nil || plain == "" {
		return x, err
	}
	return x, json.Unmarshal([]byte(plain), &x)
}

const maxJobs = 1000

func (s *Service) all(ctx context.Context, q bun.IDB) ([]row, error) {
	var rows []row
	err := q.NewSelect().Model(&rows).OrderExpr("name").Limit(maxJobs).Scan(ctx)
	return rows, err
}

func byName(ctx context.Context, q bun.IDB, name string) (*row, error) {
	var r row
	if err := q.NewSelect().Model(&r).Where("name = ?", name).Scan(ctx); err != nil {
		return nil, db.NotFound(err, "There is no scrape job named %q.", name)
	}
	return &r, nil
}

// Save makes or changes a job inside tx. A secret that is left out stays.
func (s *Service) Save(ctx context.Context, tx *db.Tx, in Spec) (apply.Outcome, error) {
	in.normal()
	old, err := byName(ctx, tx, in.Name)
	if err != nil && !errs.Is(err, errs.NotFound) {
		return "", err
	}
	var had secrets
	var before Spec
	if old != nil {
		if had, err = old.sealed(s.d.Secrets); err != nil {
			return "", err
		}
		if before, err = old.shown(); err != nil {
			return "", err
		}
	}
	full := had.join(in)
	if err := full.validate(); err != nil {
		return "", err
	}
	if len(full.Files) > 0 && (old == nil || !reflect.DeepEqual(before.Files, full.Files)) {
		// Files of the server are read with its rights.
		if p := access.From(ctx); p == nil || !p.Role.Reaches(access.Admin) {
			return "", errs.New(errs.Forbidden, "Only an administrator may name files that the server reads.")
		}
	}
	plain, now := split(full)
	body, err := json.Marshal(plain)
	if err != nil {
		return "", err
	}
	if old != nil && old.Spec == string(body) && had == now {
		return apply.Unchanged, nil
	}
	kept, err := json.Marshal(now)
	if err != nil {
		return "", err
	}
	r := row{ID: id.New(), Name: in.Name, Spec: string(body), Version: 1, CreatedAt: tx.Now(), UpdatedAt: tx.Now()}
	if now != (secrets{}) {
		if r.Secrets, err = s.d.Secrets.Seal(string(kept)); err != nil {
			return "", err
		}
	}
	out, c := apply.Created, audit.Change{Action: "scrape_job.create", Name: in.Name, After: plain}
	if old == nil {
		_, err = tx.NewInsert().Model(&r).Exec(ctx)
	} else {
		out, c.Action, c.Before = apply.Updated, "scrape_job.update", before
		r.ID = old.ID
		_, err = tx.NewRaw("UPDATE scrape_jobs SET spec = ?, secrets = ?, version = version + 1, updated_at = ? WHERE id = ?", r.Spec, r.Secrets, tx.Now(), old.ID).Exec(ctx)
	}
	if err != nil {
		return "", err
	}
	c.Ref = entity.Ref{Kind: "scrape_job", ID: r.ID}
	s.changed(tx)
	return out, audit.Write(ctx, tx, c)
}

// Delete ends a job.
func (s *Service) Delete(ctx context.Context, tx *db.Tx, name string) error {
	r, err := byName(ctx, tx, name)
	if err != nil {
		return err
	}
	before, err := r.shown()
	if err != nil {
		return err
	}
	if _, err := tx.NewRaw("DELETE FROM scrape_jobs WHERE id = ?", r.ID).Exec(ctx); err != nil {
		return err
	}
	s.changed(tx)
	return audit.Write(ctx, tx, audit.Change{Action: "scrape_job.delete", Ref: entity.Ref{Kind: "scrape_job", ID: r.ID}, Name: name, Before: before})
}

// changed runs the jobs anew once the transaction holds.
func (s *Service) changed(tx *db.Tx) {
	tx.AfterCommit(func() {
		select {
		case s.kick <- struct{}{}:
		default:
		}
	})
}
