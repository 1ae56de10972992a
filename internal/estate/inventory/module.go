package inventory

import (
	"embed"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Module declares the room.
func Module() module.Module {
	return module.Module{
		ID:          "estate.inventory",
		Migrations:  migrations,
		Permissions: []access.Permission{estate.ReadItems, estate.WriteItems, estate.ModelItems},
		New: func(d module.Deps) (module.Instance, error) {
			s := newService(d.DB, d.Events, d.Live)
			module.Want(d, &s.states)
			module.Want(d, &s.checks)
			module.Provide[estate.Items](d, s)
			module.Provide[estate.Discoverer](d, s)
			module.Provide[estate.Catalog](d, s)
			module.Provide[estate.Recognizer](d, s)
			module.Provide[estate.Graph](d, mapGraph{s})
			d.Entities.Register(estate.ItemKind, s.resolve)
			d.Entities.RegisterFinder(estate.ItemKind, s.find)
			d.Search.Kind(estate.ItemKind, estate.ReadItems)
			d.Live.Topic("items", estate.ReadItems)
			return s, nil
		},
	}
}
