package asset

import (
	"context"
	"embed"
	"path/filepath"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/file"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	assetKind   = "asset"
	licenseKind = "license"
	stockKind   = "stock"
	topic       = "assets"
)

// Permissions on assets, stock, licenses and dates of releases.
var (
	ReadAssets  = access.Permission{Name: "asset.read", Title: "See assets, stock, licenses and end-of-life dates", Least: access.Viewer}
	WriteAssets = access.Permission{Name: "asset.write", Title: "Change assets, stock, licenses and end-of-life dates", Least: access.Operator}
)

// Module declares the room.
func Module() module.Module {
	return module.Module{
		ID: "estate.asset", Migrations: migrations,
		Permissions: []access.Permission{ReadAssets, WriteAssets},
		New: func(d module.Deps) (module.Instance, error) {
			shipped, err := readShipped(shippedReleases)
			if err != nil {
				return nil, err
			}
			s := &Service{d: d, shipped: shipped}
			module.Need(d, &s.items)
			module.Need(d, &s.catalog)
			module.Need(d, &s.graph)
			module.Want(d, &s.software)
			d.Live.Topic(topic, ReadAssets)
			d.Search.Kind(assetKind, ReadAssets)
			d.Search.Kind(licenseKind, ReadAssets)
			d.Entities.Register(assetKind, resolveAssets)
			d.Entities.RegisterFinder(assetKind, func(ctx context.Context, q bun.IDB, tag string) (string, error) {
				if err := access.Check(ctx, ReadAssets, ""); err != nil {
					return "", err
				}
				r, err := byTag(ctx, q, tag)
				if err != nil {
					return "", err
				}
				return r.ID, nil
			})
			d.Entities.Register(licenseKind, resolveLicenses)
			return s, nil
		},
	}
}

// Service has the use cases on assets.
type Service struct {
	d       module.Deps
	items   estate.Items
	catalog estate.Catalog
	graph   estate.Graph
	// software is nil when no agent tells what is installed.
	software observe.Software
	shipped  []release

	mu    sync.Mutex
	files *file.Store
}

// store opens the place of the signatures at its first use: a program that only
// writes the description of its API has no data directory.
func (s *Service) store() (*file.Store, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files == nil {
		f, err := file.Open(filepath.Join(s.d.Config.Data, "files"))
		if err != nil {
			return nil, err
		}
		s.files = f
	}
	return s.files, nil
}

// change is for those who may change assets everywhere: an asset is not owned by a
// team.
func (s *Service) change(ctx context.Context, fn func(context.Context, *db.Tx) error) error {
	if err := access.Check(ctx, WriteAssets, ""); err != nil {
		return err
	}
	return s.d.DB.InTx(ctx, fn)
}

func (s *Service) tell(tx *db.Tx, kind, what string) {
	tx.AfterCommit(func() { s.d.Live.Send(live.Note{Topic: topic, Kind: kind, ID: what}) })
}

// today is the day in UTC.
func (s *Service) today() string { return s.d.DB.Clock().Now().UTC().Format(time.DateOnly) }

func (s *Service) dayIn(days int) string {
	return s.d.DB.Clock().Now().UTC().AddDate(0, 0, days).Format(time.DateOnly)
}

func resolveAssets(ctx context.Context, q bun.IDB, ids []string) ([]entity.Summary, error) {
	var rows []assetRow
	if err := q.NewSelect().Model(&rows).Where("id IN (?)", bun.In(ids)).Scan(ctx); err != nil {
		return nil, err
	}
	out := make([]entity.Summary, len(rows))
	for i, r := range rows {
		out[i] = entity.Summary{Ref: assetRef(r.ID), Name: r.Tag, Title: r.Title, State: r.State, URL: assetURL(r.Tag)}
	}
	return out, nil
}

func resolveLicenses(ctx context.Context, q bun.IDB, ids []string) ([]entity.Summary, error) {
	var rows []licenseRow
	if err := q.NewSelect().Model(&rows).Where("id IN (?)", bun.In(ids)).Scan(ctx); err != nil {
		return nil, err
	}
	out := make([]entity.Summary, len(rows))
	for i, r := range rows {
		out[i] = entity.Summary{Ref: licenseRef(r.ID), Name: r.Name, Title: r.Product, URL: licenseURL(r.Name)}
	}
	return out, nil
}

func assetRef(assetID string) entity.Ref     { return entity.Ref{Kind: assetKind, ID: assetID} }
func licenseRef(licenseID string) entity.Ref { return entity.Ref{Kind: licenseKind, ID: licenseID} }
func assetURL(tag string) string             { return "/estate/assets/" + tag }

// itemID finds the item that a person names; "" gives "".
func (s *Service) itemID(ctx context.Context, q bun.IDB, path, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	it, err := s.items.ByName(ctx, q, name)
	if errs.Is(err, errs.NotFound) || err == nil && !access.From(ctx).CanFor(estate.ReadItems, it.OwnerTeamID) {
		return "", errs.Fields(errs.Field{Path: path, Value: cut(name), Message: "must be the name of an item that there is"})
	}
	return it.ID, err
}

// itemNames gives the names of those of the items that whoever acts may see.
func (s *Service) itemNames(ctx context.Context, q bun.IDB, ids []string) (map[string]string, error) {
	out := map[string]string{}
	if len(ids) == 0 {
		return out, nil
	}
	its, err := s.items.ByIDs(ctx, q, ids)
	for id, it := range its {
		if access.From(ctx).CanFor(estate.ReadItems, it.OwnerTeamID) {
			out[id] = it.Name
		}
	}
	return out, err
}
