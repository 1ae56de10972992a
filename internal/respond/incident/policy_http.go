package incident

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
)

type policyIn struct{ Body Policy }

type policyNameIn struct {
	Name string `path:"name" maxLength:"200"`
}

type policyPutIn struct {
	Name string `path:"name" maxLength:"200"`
	Body Policy
}

func (s *Service) policyRoutes(api *httpapi.API) {
	httpapi.Handle(api, httpapi.Op{ID: "list-policies", Method: "GET", Path: "/api/v1/policies", Need: ReadPolicies, Tag: "policies", Summary: "Policies, in the order in which they are asked"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[httpapi.List[Policy]], error) {
			ps, err := policies(ctx, s.d.DB.Reader())
			return httpapi.NewList(ps, ""), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-policy", Method: "GET", Path: "/api/v1/policies/{name}", Need: ReadPolicies, Tag: "policies", Summary: "One policy"},
		func(ctx context.Context, in *policyNameIn) (*httpapi.Body[Policy], error) {
			return s.policy(ctx, in.Name)
		})
	httpapi.Handle(api, httpapi.Op{ID: "create-policy", Method: http.MethodPost, Path: "/api/v1/policies", Need: WritePolicies, Tag: "policies", Summary: "Add a policy", Status: http.StatusCreated},
		func(ctx context.Context, in *policyIn) (*httpapi.Body[Policy], error) {
			err := s.changePolicy(ctx, func(ctx context.Context, tx *db.Tx) error {
				n, err := tx.NewSelect().Model((*policyRow)(nil)).Where("name = ?", in.Body.Name).Count(ctx)
				if err == nil && n > 0 {
					err = errs.New(errs.Conflict, "There is a policy named %q already.", in.Body.Name)
				}
				if err != nil {
					return err
				}
				_, _, err = s.savePolicy(ctx, tx, in.Body)
				return err
			})
			if err != nil {
				return nil, err
			}
			return s.policy(ctx, in.Body.Name)
		})
	httpapi.Handle(api, httpapi.Op{ID: "put-policy", Method: http.MethodPut, Path: "/api/v1/policies/{name}", Need: WritePolicies, Tag: "policies", Summary: "Change a policy; what is left out gets its default"},
		func(ctx context.Context, in *policyPutIn) (*httpapi.Body[Policy], error) {
			if in.Body.Name != in.Name {
				return nil, errs.Fields(errs.Field{Path: "name", Value: in.Body.Name, Message: "must be the name in the address, " + in.Name})
			}
			err := s.changePolicy(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, _, err := s.savePolicy(ctx, tx, in.Body)
				return err
			})
			if err != nil {
				return nil, err
			}
			return s.policy(ctx, in.Name)
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-policy", Method: http.MethodDelete, Path: "/api/v1/policies/{name}", Need: WritePolicies, Tag: "policies", Summary: "Remove a policy; open incidents keep what it said", Status: http.StatusNoContent},
		func(ctx context.Context, in *policyNameIn) (*struct{}, error) {
			return nil, s.changePolicy(ctx, func(ctx context.Context, tx *db.Tx) error { return s.deletePolicy(ctx, tx, in.Name) })
		})
}

// changePolicy is for those who may change policies everywhere: a policy is not
// owned by a team.
func (s *Service) changePolicy(ctx context.Context, fn func(context.Context, *db.Tx) error) error {
	if err := access.Check(ctx, WritePolicies, ""); err != nil {
		return err
	}
	return s.d.DB.InTx(ctx, fn)
}

func (s *Service) policy(ctx context.Context, name string) (*httpapi.Body[Policy], error) {
	var r policyRow
	if err := s.d.DB.Reader().NewSelect().Model(&r).Where("name = ?", name).Scan(ctx); err != nil {
		return nil, db.NotFound(err, "There is no policy named %q.", name)
	}
	p, err := r.policy()
	return &httpapi.Body[Policy]{ETag: httpapi.ETag(r.Version), Body: p}, err
}

// Resources implements module.HasResources.
func (s *Service) Resources() []apply.Resource {
	return []apply.Resource{{
		// After the escalations that policies name.
		Key: "policies", Order: 90, Need: WritePolicies,
		New: func() any { return &Policy{} },
		Apply: func(ctx context.Context, tx *db.Tx, entry any) (apply.Change, error) {
			if err := access.Check(ctx, WritePolicies, ""); err != nil {
				return apply.Change{}, err
			}
			outcome, fields, err := s.savePolicy(ctx, tx, *entry.(*Policy))
			return apply.Change{Outcome: apply.Outcome(outcome), Fields: fields}, err
		},
		Export: func(ctx context.Context, q bun.IDB) ([]any, error) {
			ps, err := policies(ctx, q)
			if err != nil {
				return nil, err
			}
			slices.SortFunc(ps, func(a, b Policy) int { return strings.Compare(a.Name, b.Name) })
			out := make([]any, len(ps))
			for i, p := range ps {
				out[i] = p
			}
			return out, nil
		},
	}}
}
