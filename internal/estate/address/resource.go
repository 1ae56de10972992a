package address

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// prefixEntry is a prefix in ops.yaml; its name is the network, with "@" and the
// VRF if it is not in the global table.
type prefixEntry struct {
	Name         string `yaml:"name"`
	PrefixFields `yaml:",inline"`
}

// Resources implements module.HasResources.
func (s *Service) Resources() []apply.Resource {
	return []apply.Resource{{
		Key: "vrfs", Order: 30, Need: WriteAddresses,
		New: func() any { return &vrfEntry{} },
		Apply: func(ctx context.Context, tx *db.Tx, entry any) (apply.Change, error) {
			if err := access.Check(ctx, WriteAddresses, ""); err != nil {
				return apply.Change{}, err
			}
			e := entry.(*vrfEntry)
			if s.checkVRF(ctx, tx, e.Name) != nil {
				return apply.Change{Outcome: apply.Created}, s.createVRF(ctx, tx, VRF{Name: e.Name, RD: e.RD, Description: e.Description})
			}
			res, err := tx.NewRaw("UPDATE address_vrfs SET rd = ?, description = ? WHERE name = ? AND (rd <> ? OR description <> ?)", e.RD, e.Description, e.Name, e.RD, e.Description).Exec(ctx)
			if err != nil {
				return apply.Change{}, err
			}
			if n, err := res.RowsAffected(); err != nil || n == 0 {
				return apply.Change{Outcome: apply.Unchanged}, err
			}
			return apply.Change{Outcome: apply.Updated}, s.auditVRF(ctx, tx, e)
		},
		Export: func(ctx context.Context, q bun.IDB) ([]any, error) {
			var rows []VRF
			if err := q.NewSelect().Model(&rows).OrderExpr("name").Scan(ctx); err != nil {
				return nil, err
			}
			out := make([]any, len(rows))
			for i, r := range rows {
				out[i] = &vrfEntry{Name: r.Name, RD: r.RD, Description: r.Description}
			}
			return out, nil
		},
	}, {
		Key: "prefixes", Order: 31, Need: WriteAddresses,
		New: func() any { return &prefixEntry{} },
		Apply: func(ctx context.Context, tx *db.Tx, entry any) (apply.Change, error) {
			if err := access.Check(ctx, WriteAddresses, ""); err != nil {
				return apply.Change{}, err
			}
			e := entry.(*prefixEntry)
			text, vrf := splitName(e.Name)
			if _, err := parsePrefix("name", text); err != nil {
				return apply.Change{}, err
			}
			if err := s.checkVRF(ctx, tx, vrf); err != nil {
				return apply.Change{}, errs.Fields(errs.Field{Path: "name", Value: cut(e.Name), Message: "names the VRF " + vrf + ", which is not known; list it under vrfs"})
			}
			_, made, changed, err := s.savePrefix(ctx, tx, vrf, text, manual, e.PrefixFields, false)
			c := apply.Change{Outcome: apply.Unchanged}
			switch {
			case made:
				c.Outcome = apply.Created
			case changed:
				c.Outcome = apply.Updated
			}
			return c, err
		},
		Export: func(ctx context.Context, q bun.IDB) ([]any, error) {
			var rows []prefixRow
			if err := q.NewSelect().Model(&rows).Where("source = ?", manual).OrderExpr("vrf, first, length").Scan(ctx); err != nil {
				return nil, err
			}
			out := make([]any, len(rows))
			for i := range rows {
				e := &prefixEntry{Name: nameOf(rows[i].VRF, rows[i].Prefix), PrefixFields: rows[i].fields()}
				if e.Status == active {
					e.Status = ""
				}
				if e.WarnAt == defaultWarnAt {
					e.WarnAt = 0
				}
				out[i] = e
			}
			return out, nil
		},
	}}
}

type vrfEntry struct {
	Name        string `yaml:"name"`
	RD          string `yaml:"rd,omitempty"`
	Description string `yaml:"description,omitempty"`
}
