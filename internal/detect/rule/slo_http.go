package rule

import (
	"context"
	"net/http"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/detect"
)

// ObjectiveView is an objective and how it is met.
type ObjectiveView struct {
	Objective
	Standing

	Firing int      `json:"firing" doc:"How many of its alerts fire."`
	Rules  []string `json:"rules" doc:"Names of its rules."`
}

type saveObjectiveIn struct {
	NameIn
	IfMatch string `header:"If-Match"`
	Body    Objective
}

func (s *Service) objectiveView(ctx context.Context, r objectiveRow) (ObjectiveView, error) {
	o, err := r.objective()
	if err != nil {
		return ObjectiveView{}, err
	}
	v := ObjectiveView{Objective: o, Rules: []string{}}
	for _, x := range o.rules() {
		v.Rules = append(v.Rules, x.Name)
	}
	n, err := counts(ctx, s.db.Reader(), v.Rules)
	if err != nil {
		return v, err
	}
	for _, c := range n {
		v.Firing += c["firing"]
	}
	v.Standing, err = s.standing(ctx, o, s.db.Clock().Now())
	return v, err
}

func (s *Service) objectiveRoutes(api *httpapi.API) {
	httpapi.Handle(api, httpapi.Op{ID: "list-slos", Method: "GET", Path: "/api/v1/slos", Need: detect.ReadRules, Tag: "slos", Summary: "Service level objectives and how they are met"},
		func(ctx context.Context, in *httpapi.Page) (*httpapi.Body[httpapi.List[ObjectiveView]], error) {
			cond, args := access.Where(ctx, detect.ReadRules, "team_id")
			var rows []objectiveRow
			if err := s.db.Reader().NewSelect().Model(&rows).Where(cond, args...).Where("name > ?", in.Cursor).OrderExpr("name").Limit(int64(in.Limit) + 1).Scan(ctx); err != nil {
				return nil, err
			}
			next := ""
			if len(rows) > in.Limit {
				rows = rows[:in.Limit]
				next = rows[in.Limit-1].Name
			}
			out := make([]ObjectiveView, len(rows))
			for i, r := range rows {
				var err error
				if out[i], err = s.objectiveView(ctx, r); err != nil {
					return nil, err
				}
			}
			return httpapi.NewList(out, next), nil
		})
	get := func(ctx context.Context, name string) (*httpapi.Body[ObjectiveView], error) {
		r, err := objectiveByName(ctx, s.db.Reader(), name)
		if err != nil {
			return nil, err
		}
		if err := access.Check(ctx, detect.ReadRules, r.TeamID); err != nil {
			return nil, err
		}
		v, err := s.objectiveView(ctx, r)
		return &httpapi.Body[ObjectiveView]{ETag: httpapi.ETag(r.Version), Body: v}, err
	}
	httpapi.Handle(api, httpapi.Op{ID: "get-slo", Method: "GET", Path: "/api/v1/slos/{name}", Need: detect.ReadRules, Tag: "slos", Summary: "One objective"},
		func(ctx context.Context, in *NameIn) (*httpapi.Body[ObjectiveView], error) { return get(ctx, in.Name) })
	httpapi.Handle(api, httpapi.Op{ID: "save-slo", Method: "PUT", Path: "/api/v1/slos/{name}", Need: detect.WriteRules, Tag: "slos", Summary: "Make or change an objective and its alerts"},
		func(ctx context.Context, in *saveObjectiveIn) (*httpapi.Body[ObjectiveView], error) {
			in.Body.Name = in.Name
			err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := s.saveObjective(ctx, tx, in.Body, func(v int64) error { return httpapi.CheckMatch(in.IfMatch, v) })
				return err
			})
			if err != nil {
				return nil, err
			}
			return get(ctx, in.Name)
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-slo", Method: "DELETE", Path: "/api/v1/slos/{name}", Need: detect.WriteRules, Tag: "slos", Summary: "Remove an objective and its alerts", Status: http.StatusNoContent},
		func(ctx context.Context, in *NameIn) (*struct{}, error) {
			return nil, s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return s.removeObjective(ctx, tx, in.Name) })
		})
}
