package kpi

import (
	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/report"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

// Module registers the room.
func Module() module.Module {
	return module.Module{
		ID:          "report.kpi",
		Permissions: []access.Permission{report.Read},
		New: func(d module.Deps) (module.Instance, error) {
			s := &Service{db: d.DB}
			module.Need[estate.Items](d, &s.items)
			module.Need[observe.History](d, &s.history)
			module.Need[respond.Incidents](d, &s.incidents)
			module.Want[estate.Catalog](d, &s.catalog)
			return s, nil
		},
	}
}

var _ interface{ Routes(*httpapi.API) } = (*Service)(nil)
