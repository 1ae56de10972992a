package check

import (
	"context"
	"net/http"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

type downtimesIn struct {
	Past  bool `query:"past" doc:"Also those that are over."`
	Limit int  `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

type planIn struct {
	Body struct {
		Title      string           `json:"title" minLength:"1" maxLength:"200"`
		StartsAt   time.Time        `json:"starts_at,omitzero"`
		EndsAt     time.Time        `json:"ends_at"`
		Items      []string         `json:"items,omitempty" maxItems:"500"`
		Checks     []string         `json:"checks,omitempty" maxItems:"500"`
		Dependents bool             `json:"dependents,omitempty"`
		Flexible   observe.Duration `json:"flexible,omitempty" doc:"If set, the first failure between the two times begins a maintenance of this length."`
	}
}

type idIn struct {
	ID string `path:"id"`
}

// PlanNameIn names a plan in the path.
type PlanNameIn struct {
	Name string `path:"name" maxLength:"200"`
}

type planBody struct {
	Items      []string         `json:"items,omitempty" maxItems:"500"`
	Checks     []string         `json:"checks,omitempty" maxItems:"500"`
	Dependents bool             `json:"dependents,omitempty"`
	Starts     string           `json:"starts" maxLength:"30" doc:"Local time of the first window, such as 2026-11-02T22:00:00."`
	TimeZone   string           `json:"time_zone,omitempty" maxLength:"64" doc:"IANA zone of that time; empty means UTC."`
	Repeat     string           `json:"repeat,omitempty" maxLength:"300" doc:"Rule as in RFC 5545, such as FREQ=WEEKLY;BYDAY=SU; empty is once."`
	Lasts      observe.Duration `json:"lasts"`
	Flexible   observe.Duration `json:"flexible,omitempty" doc:"If set, the first failure inside a window begins a maintenance of this length."`
}

type savePlanIn struct {
	PlanNameIn
	IfMatch string `header:"If-Match"`
	Body    planBody
}

type deletePlanIn struct {
	PlanNameIn
	IfMatch string `header:"If-Match"`
}

func (s *Service) downtimeRoutes(api *httpapi.API) {
	const tag, base = "downtimes", "/api/v1/downtimes"
	httpapi.Handle(api, httpapi.Op{ID: "list-downtimes", Method: "GET", Path: base, Need: observe.ReadChecks, Tag: tag, Summary: "Maintenance windows"},
		func(ctx context.Context, in *downtimesIn) (*httpapi.Body[httpapi.List[Downtime]], error) {
			ds, err := s.Downtimes(ctx, in.Past, in.Limit)
			return httpapi.NewList(ds, ""), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "plan-downtime", Method: "POST", Path: base, Need: observe.WriteChecks, Tag: tag, Summary: "Plan a maintenance window: checks go on, nobody is told", Status: http.StatusCreated},
		func(ctx context.Context, in *planIn) (*httpapi.Body[*Downtime], error) {
			d, err := s.Plan(ctx, Downtime{Title: in.Body.Title, StartsAt: in.Body.StartsAt, EndsAt: in.Body.EndsAt, Items: in.Body.Items, Checks: in.Body.Checks, Dependents: in.Body.Dependents, Flexible: in.Body.Flexible})
			return &httpapi.Body[*Downtime]{Body: d}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "cancel-downtime", Method: "DELETE", Path: base + "/{id}", Need: observe.WriteChecks, Tag: tag, Summary: "End a maintenance window", Status: http.StatusNoContent},
		func(ctx context.Context, in *idIn) (*struct{}, error) { return nil, s.Cancel(ctx, in.ID) })
	s.planRoutes(api)
}

func (s *Service) planRoutes(api *httpapi.API) {
	const tag, base = "downtimes", "/api/v1/maintenance-plans"
	one := func(ctx context.Context, name string) (*httpapi.Body[Plan], error) {
		r, err := planByName(ctx, s.d.DB.Reader(), name)
		if err != nil {
			return nil, err
		}
		p, err := s.planView(ctx, s.d.DB.Reader(), r)
		return &httpapi.Body[Plan]{ETag: httpapi.ETag(p.Version), Body: p}, err
	}
	httpapi.Handle(api, httpapi.Op{ID: "list-maintenance-plans", Method: "GET", Path: base, Need: observe.ReadChecks, Tag: tag, Summary: "Maintenance agreed ahead, once or again and again"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[httpapi.List[Plan]], error) {
			ps, err := s.Plans(ctx, s.d.DB.Reader())
			return httpapi.NewList(ps, ""), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-maintenance-plan", Method: "GET", Path: base + "/{name}", Need: observe.ReadChecks, Tag: tag, Summary: "One plan"},
		func(ctx context.Context, in *PlanNameIn) (*httpapi.Body[Plan], error) { return one(ctx, in.Name) })
	httpapi.Handle(api, httpapi.Op{ID: "save-maintenance-plan", Method: "PUT", Path: base + "/{name}", Need: observe.WriteChecks, Tag: tag, Summary: "Make a plan or change it", Description: "A window of it that runs is ended and begun anew as the plan says now."},
		func(ctx context.Context, in *savePlanIn) (*httpapi.Body[Plan], error) {
			b := in.Body
			p := Plan{Name: in.Name, Items: b.Items, Checks: b.Checks, Dependents: b.Dependents, Starts: b.Starts, TimeZone: b.TimeZone, Repeat: b.Repeat, Lasts: b.Lasts, Flexible: b.Flexible}
			if err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := s.SavePlan(ctx, tx, p, in.IfMatch)
				return err
			}); err != nil {
				return nil, err
			}
			return one(ctx, in.Name)
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-maintenance-plan", Method: "DELETE", Path: base + "/{name}", Need: observe.WriteChecks, Tag: tag, Summary: "Remove a plan and end its window", Status: http.StatusNoContent},
		func(ctx context.Context, in *deletePlanIn) (*struct{}, error) {
			return nil, s.DeletePlan(ctx, in.Name, in.IfMatch)
		})
}
