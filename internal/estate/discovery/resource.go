package discovery

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/db"
)

// Resources implements module.HasResources. Secrets are never exported; a file
// without them keeps those that are there.
func (s *Service) Resources() []apply.Resource {
	always := func(int64) error { return nil }
	return []apply.Resource{
		{
			Key: "credentials", Order: 15, Need: writeCredentials, New: func() any { return &Credential{} },
			Apply: func(ctx context.Context, tx *db.Tx, entry any) (apply.Change, error) {
				o, err := s.saveCredential(ctx, tx, *entry.(*Credential), always)
				return apply.Change{Outcome: o}, err
			},
			Export: func(ctx context.Context, q bun.IDB) ([]any, error) {
				vs, err := s.credentialViews(ctx, q, "", 5000)
				out := make([]any, len(vs))
				for i, v := range vs {
					out[i] = Credential{Name: v.Name, Version: v.Version, Port: v.Port, User: v.User, AuthProtocol: v.AuthProtocol, PrivProtocol: v.PrivProtocol, Context: v.Context}
				}
				return out, err
			},
		},
		{
			Key: "discovery_jobs", Order: 60, Need: writeDiscovery, New: func() any { return &JobSpec{} },
			Apply: func(ctx context.Context, tx *db.Tx, entry any) (apply.Change, error) {
				o, err := s.saveJob(ctx, tx, *entry.(*JobSpec), always)
				return apply.Change{Outcome: o}, err
			},
			Export: func(ctx context.Context, q bun.IDB) ([]any, error) {
				js, err := s.jobs(ctx, q, "", 5000)
				out := make([]any, len(js))
				for i, j := range js {
					out[i] = j.Spec
				}
				return out, err
			},
		},
	}
}
