package asset

import (
	"context"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// assetEntry is an asset in ops.yaml; its name is the tag. The state is that of a new
// asset: later it follows what people do.
type assetEntry struct {
	Name    string `yaml:"name"`
	State   string `yaml:"state,omitempty"`
	Item    string `yaml:"item,omitempty"`
	Details `yaml:",inline"`
}

type licenseEntry struct {
	Name          string `yaml:"name"`
	LicenseFields `yaml:",inline"`
	Purchases     []Purchase `yaml:"purchases,omitempty"`
}

// releaseEntry is the day of a release; its name is product, space, release.
type releaseEntry struct {
	Name          string `yaml:"name"`
	ReleaseFields `yaml:",inline"`
}

// outcome names what happened.
func outcome(made, changed bool) apply.Change {
	switch {
	case made:
		return apply.Change{Outcome: apply.Created}
	case changed:
		return apply.Change{Outcome: apply.Updated}
	}
	return apply.Change{Outcome: apply.Unchanged}
}

// Resources implements module.HasResources.
func (s *Service) Resources() []apply.Resource {
	return []apply.Resource{{
		Key: "end_of_life", Order: 60, Need: WriteAssets, New: func() any { return &releaseEntry{} },
		Apply: func(ctx context.Context, tx *db.Tx, entry any) (apply.Change, error) {
			e := entry.(*releaseEntry)
			if err := access.Check(ctx, WriteAssets, ""); err != nil {
				return apply.Change{}, err
			}
			product, name, ok := strings.Cut(e.Name, " ")
			if !ok {
				return apply.Change{}, errs.Fields(errs.Field{Path: "name", Value: cut(e.Name), Message: "must be a product, a space and a release, such as postgresql 16"})
			}
			made, changed, err := s.putRelease(ctx, tx, product, name, e.ReleaseFields)
			return outcome(made, changed), err
		},
		Export: func(ctx context.Context, q bun.IDB) ([]any, error) {
			own, err := ownReleases(ctx, q)
			out := make([]any, len(own))
			for i, r := range own {
				out[i] = &releaseEntry{r.product + " " + r.name, ReleaseFields{Title: r.title, EndsOn: r.endsOn, Source: r.source}}
			}
			return out, err
		},
	}, {
		Key: "assets", Order: 61, Need: WriteAssets, New: func() any { return &assetEntry{} },
		Apply: s.applyAsset,
		Export: func(ctx context.Context, q bun.IDB) ([]any, error) {
			var rows []assetRow
			if err := q.NewSelect().Model(&rows).OrderExpr("tag").Scan(ctx); err != nil {
				return nil, err
			}
			var out []any
			for page := range slices.Chunk(rows, 500) {
				vs, err := s.views(ctx, q, page)
				if err != nil {
					return nil, err
				}
				for _, v := range vs {
					e := &assetEntry{Name: v.Tag, State: v.State, Item: v.Item, Details: v.Details}
					if e.State == inStock {
						e.State = ""
					}
					out = append(out, e)
				}
			}
			return out, nil
		},
	}, {
		Key: "licenses", Order: 62, Need: WriteAssets, New: func() any { return &licenseEntry{} },
		Apply: func(ctx context.Context, tx *db.Tx, entry any) (apply.Change, error) {
			e := entry.(*licenseEntry)
			if err := access.Check(ctx, WriteAssets, ""); err != nil {
				return apply.Change{}, err
			}
			made, changed, err := s.saveLicense(ctx, tx, e.Name, e.LicenseFields, e.Purchases, false)
			return outcome(made, changed), err
		},
		Export: func(ctx context.Context, q bun.IDB) ([]any, error) {
			var rows []licenseRow
			if err := q.NewSelect().Model(&rows).OrderExpr("name").Scan(ctx); err != nil {
				return nil, err
			}
			out := make([]any, len(rows))
			for i, r := range rows {
				ps, err := purchases(ctx, q, r.ID)
				if err != nil {
					return nil, err
				}
				if r.Model == licenseModels[0] {
					r.Model = ""
				}
				out[i] = &licenseEntry{r.Name, r.LicenseFields, ps}
			}
			return out, nil
		},
	}}
}

func (s *Service) applyAsset(ctx context.Context, tx *db.Tx, entry any) (apply.Change, error) {
	if err := access.Check(ctx, WriteAssets, ""); err != nil {
		return apply.Change{}, err
	}
	e := entry.(*assetEntry)
	if err := checkTag(e.Name); err != nil {
		fs := errs.FieldsOf(err)
		fs[0].Path = "name"
		return apply.Change{}, errs.Fields(fs...)
	}
	if e.State != "" {
		if err := checkState(e.State); err != nil {
			return apply.Change{}, err
		}
	}
	r, err := locked(ctx, tx, e.Name)
	if errs.Is(err, errs.NotFound) {
		_, err := s.create(ctx, tx, e.Name, e.State, e.Item, e.Details)
		return outcome(true, true), err
	}
	if err != nil {
		return apply.Change{}, err
	}
	changed, err := s.save(ctx, tx, r, e.Item, e.Details)
	return outcome(false, changed), err
}
