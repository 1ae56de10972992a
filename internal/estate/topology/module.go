package topology

import (
	"embed"

	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Service keeps network views and links.
type Service struct {
	d     module.Deps
	items estate.Items
	graph estate.Graph
	// states is nil when nothing watches items.
	states observe.ItemStates
}

// Module declares estate.topology.
func Module() module.Module {
	return module.Module{
		ID: "estate.topology", Migrations: migrations,
		New: func(d module.Deps) (module.Instance, error) {
			s := &Service{d: d}
			module.Need(d, &s.items)
			module.Need(d, &s.graph)
			module.Want(d, &s.states)
			module.Provide[estate.Network](d, s)
			module.Provide[estate.AddressOwners](d, s)
			d.Live.Topic("topology", estate.ReadItems)
			return s, nil
		},
	}
}

var (
	_ module.HasEvents = (*Service)(nil)
	_ module.HasJobs   = (*Service)(nil)
	_ module.HasRoutes = (*Service)(nil)
	_ estate.Network   = (*Service)(nil)
)
