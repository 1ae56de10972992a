package incident

import (
	"embed"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/job"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/core/record"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Permissions on policies.
var (
	ReadPolicies  = access.Permission{Name: "policy.read", Title: "See policies", Least: access.Viewer}
	WritePolicies = access.Permission{Name: "policy.write", Title: "Change policies", Least: access.Operator}
)

// Module declares the room.
func Module() module.Module {
	return module.Module{
		ID: "respond.incident", Migrations: migrations, Kinds: []record.Kind{Kind()},
		Permissions: []access.Permission{respond.ReadIncidents, respond.WriteIncidents, ReadPolicies, WritePolicies},
		New:         func(d module.Deps) (module.Instance, error) { return newService(d), nil },
	}
}

// Service is the use cases around incidents and policies.
type Service struct {
	d           module.Deps
	items       estate.Items
	escalations respond.Escalations
}

func newService(d module.Deps) *Service {
	s := &Service{d: d}
	module.Need(d, &s.items)
	module.Need(d, &s.escalations)
	module.Provide[respond.Incidents](d, s)
	return s
}

// Jobs implements module.HasJobs.
func (s *Service) Jobs(r *job.Runner) { job.Handle(r, s.runTimer) }
