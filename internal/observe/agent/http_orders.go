package agent

import (
	"context"
	"net/http"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
)

// RuleNameIn names a rule for logs.
type RuleNameIn struct {
	Name string `path:"name" maxLength:"64"`
}

type putRuleIn struct {
	RuleNameIn
	Body LogRule
}

// orderRoutes are those about what agents do and become.
func (s *Service) orderRoutes(api *httpapi.API) {
	const tag, base = "agents", "/api/v1/agent-logs"
	httpapi.Handle(api, httpapi.Op{ID: "update-agents", Method: http.MethodPost, Path: "/api/v1/agent-updates", Need: WriteAgents, Tag: tag, Summary: "Let agents become the program that the server has: one, many, or a share"},
		func(ctx context.Context, in *struct{ Body UpdateRequest }) (*httpapi.Body[UpdateAnswer], error) {
			out, err := s.Update(ctx, in.Body)
			return &httpapi.Body[UpdateAnswer]{Body: out}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-agent-logs", Method: "GET", Path: base, Need: ReadAgents, Tag: tag, Summary: "Rules for the logs that agents read"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[httpapi.List[LogRule]], error) {
			ls, err := logRules(ctx, s.d.DB.Reader())
			return httpapi.NewList(ls, ""), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "put-agent-logs", Method: "PUT", Path: base + "/{name}", Need: WriteAgents, Tag: tag, Summary: "Make or change a rule; agents hear it with their next delivery"},
		func(ctx context.Context, in *putRuleIn) (*httpapi.Body[LogRule], error) {
			in.Body.Name = in.Name
			err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := s.putLogRule(ctx, tx, in.Body)
				return err
			})
			return &httpapi.Body[LogRule]{Body: in.Body}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-agent-logs", Method: http.MethodDelete, Path: base + "/{name}", Need: WriteAgents, Tag: tag, Summary: "Remove a rule", Status: http.StatusNoContent},
		func(ctx context.Context, in *RuleNameIn) (*struct{}, error) {
			return nil, s.removeLogRule(ctx, in.Name)
		})
}
