package trace

import (
	"context"
	"net/http"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
)

// Period is the input of what is about a time.
type Period struct {
	Start time.Time `query:"start" doc:"Begin; one hour before the end when it is not given."`
	End   time.Time `query:"end" doc:"End; now when it is not given."`
}

func (p Period) resolve(now time.Time) (from, to time.Time) {
	to = p.End
	if to.IsZero() {
		to = now
	}
	from = p.Start
	if from.IsZero() {
		from = to.Add(-time.Hour)
	}
	return from.UTC(), to.UTC()
}

type searchIn struct {
	Period
	Limit     int     `query:"limit" minimum:"1" maximum:"500" default:"50"`
	Service   string  `query:"service" maxLength:"200"`
	Operation string  `query:"operation" maxLength:"500"`
	Item      string  `query:"item" maxLength:"200"`
	Query     string  `query:"query" maxLength:"4000" doc:"LogsQL on the spans, without pipes: http.route:=\"/cart\" duration:>100ms."`
	MinMS     float64 `query:"min_ms" minimum:"0" doc:"Spans that took at least as many milliseconds."`
	MaxMS     float64 `query:"max_ms" minimum:"0"`
	Failed    bool    `query:"failed" doc:"Only traces with a span that failed and fits."`
	Sort      string  `query:"sort" enum:"newest,slowest" default:"newest"`
}

func millis(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

type traceIDIn struct {
	ID string `path:"id" minLength:"1" maxLength:"64"`
}

// ServiceIn names a service.
type ServiceIn struct {
	Name string `path:"name" maxLength:"200"`
}

type serviceIn struct {
	ServiceIn
	Period
}

type apdexIn struct {
	ServiceIn
	Body struct {
		ApdexMS int64 `json:"apdex_ms" doc:"Milliseconds within which an answer satisfies."`
	}
}

type statementsIn struct {
	Period
	Service string `query:"service" maxLength:"200"`
}

type errorsIn struct {
	httpapi.Page
	State   string `query:"state" enum:"open,resolved,ignored"`
	Service string `query:"service" maxLength:"200"`
	Q       string `query:"q" maxLength:"200" doc:"Text in the type or the message."`
}

type errorIn struct {
	ID string `path:"id" maxLength:"100"`
}

type changeIn struct {
	ID   string `path:"id" maxLength:"100"`
	Body ErrorChange
}

// ServiceDetail is a service with its operations.
type ServiceDetail struct {
	ServiceView
	Operations  []OperationView `json:"operations"`
	Statements  []StatementView `json:"statements"`
	Deployments []Deployment    `json:"deployments"`
}

// ErrorView is an error of an application: all that are alike.
type ErrorView struct {
	ID           string     `json:"id"`
	Service      string     `json:"service"`
	Type         string     `json:"type"`
	Message      string     `json:"message"`
	Place        string     `json:"place,omitempty" doc:"Where in the code."`
	Stack        string     `json:"stack,omitempty" doc:"The stack of the last one; only when one is read alone."`
	Operation    string     `json:"operation"`
	State        string     `json:"state" enum:"open,resolved,ignored"`
	Assignee     string     `json:"assignee,omitempty" doc:"Name of the person."`
	FirstSeen    time.Time  `json:"first_seen"`
	LastSeen     time.Time  `json:"last_seen"`
	CameBackAt   *time.Time `json:"came_back_at,omitempty" doc:"When it was seen again after it had been resolved."`
	Count        int64      `json:"count"`
	FirstVersion string     `json:"first_version,omitempty"`
	LastVersion  string     `json:"last_version,omitempty"`
	TraceID      string     `json:"trace_id" doc:"Trace of the last one."`
}

func (g group) view(people map[string]account.Account) ErrorView {
	v := ErrorView{
		ID: g.ID, Service: g.Service, Type: g.Type, Message: g.Message, Place: g.Place, Operation: g.Operation, State: g.State, FirstSeen: g.FirstSeen.UTC(),
		LastSeen: g.LastSeen.UTC(), Count: g.Count, FirstVersion: g.FirstVersion, LastVersion: g.LastVersion, TraceID: g.TraceID, Assignee: people[g.AssigneeID].Name,
	}
	if g.CameBackAt != nil {
		t := g.CameBackAt.UTC()
		v.CameBackAt = &t
	}
	return v
}

// Routes implements module.HasRoutes.
func (s *Service) Routes(api *httpapi.API) {
	now := func() time.Time { return s.db.Clock().Now() }
	httpapi.Handle(api, httpapi.Op{ID: "search-traces", Method: "GET", Path: "/api/v1/traces", Need: read, Tag: "traces", Summary: "Traces with a span that fits"},
		func(ctx context.Context, in *searchIn) (*httpapi.Body[httpapi.List[Summary]], error) {
			from, to := in.resolve(now())
			if err := checkPeriod(from, to); err != nil {
				return nil, err
			}
			ts, err := s.search(ctx, Search{
				Service: in.Service, Operation: in.Operation, Item: in.Item, Query: in.Query, Min: millis(in.MinMS), Max: millis(in.MaxMS), Failed: in.Failed,
				From: from, To: to, Limit: in.Limit, Slowest: in.Sort == "slowest",
			})
			return httpapi.NewList(ts, ""), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-trace", Method: "GET", Path: "/api/v1/traces/{id}", Need: read, Tag: "traces", Summary: "All spans of one trace"},
		func(ctx context.Context, in *traceIDIn) (*httpapi.Body[Trace], error) {
			t, err := s.trace(ctx, in.ID)
			if err != nil {
				return nil, err
			}
			return &httpapi.Body[Trace]{Body: t}, nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-service-map", Method: "GET", Path: "/api/v1/service-map", Need: read, Tag: "traces", Summary: "Services, what they call, and how it goes"},
		func(ctx context.Context, in *Period) (*httpapi.Body[Map], error) {
			from, to := in.resolve(now())
			m, err := s.serviceMap(ctx, from, to)
			return &httpapi.Body[Map]{Body: m}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-traced-services", Method: "GET", Path: "/api/v1/traced-services", Need: read, Tag: "traces", Summary: "Services with requests in a period, the busiest first"},
		func(ctx context.Context, in *Period) (*httpapi.Body[httpapi.List[ServiceView]], error) {
			from, to := in.resolve(now())
			vs, err := s.services(ctx, "", from, to)
			return httpapi.NewList(vs, ""), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-traced-service", Method: "GET", Path: "/api/v1/traced-services/{name}", Need: read, Tag: "traces", Summary: "One service: its operations, statements and deployments"}, s.detail)
	httpapi.Handle(api, httpapi.Op{ID: "set-apdex", Method: "PUT", Path: "/api/v1/traced-services/{name}/apdex", Need: write, Tag: "traces", Summary: "Say how quick an answer must be to satisfy", Status: http.StatusNoContent},
		func(ctx context.Context, in *apdexIn) (*struct{}, error) {
			return nil, s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return s.setApdex(ctx, tx, in.Name, in.Body.ApdexMS) })
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-statements", Method: "GET", Path: "/api/v1/statements", Need: read, Tag: "traces", Summary: "Statements of databases by the time spent in them"},
		func(ctx context.Context, in *statementsIn) (*httpapi.Body[httpapi.List[StatementView]], error) {
			from, to := in.resolve(now())
			vs, err := s.statements(ctx, in.Service, from, to)
			return httpapi.NewList(vs, ""), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-deployments", Method: "GET", Path: "/api/v1/deployments", Need: read, Tag: "traces", Summary: "Versions of services that were first seen in a period"},
		func(ctx context.Context, in *statementsIn) (*httpapi.Body[httpapi.List[Deployment]], error) {
			from, to := in.resolve(now())
			vs, err := s.deployments(ctx, in.Service, from, to, 500)
			return httpapi.NewList(vs, ""), err
		})
	s.errorRoutes(api)
}

func (s *Service) detail(ctx context.Context, in *serviceIn) (*httpapi.Body[ServiceDetail], error) {
	from, to := in.resolve(s.db.Clock().Now())
	vs, err := s.services(ctx, in.Name, from, to)
	if err != nil {
		return nil, err
	}
	out := ServiceDetail{ServiceView: ServiceView{Name: in.Name, ApdexMS: s.apdexOf(in.Name).Milliseconds(), Versions: []string{}}, Operations: []OperationView{}, Statements: []StatementView{}, Deployments: []Deployment{}}
	if len(vs) > 0 {
		out.ServiceView = vs[0]
	}
	if out.Operations, err = s.operations(ctx, in.Name, from, to); err != nil {
		return nil, err
	}
	if out.Statements, err = s.statements(ctx, in.Name, from, to); err != nil {
		return nil, err
	}
	ds, err := s.deployments(ctx, in.Name, from, to, 100)
	if ds != nil {
		out.Deployments = ds
	}
	return &httpapi.Body[ServiceDetail]{Body: out}, err
}

func (s *Service) errorRoutes(api *httpapi.API) {
	httpapi.Handle(api, httpapi.Op{ID: "list-errors", Method: "GET", Path: "/api/v1/errors", Need: read, Tag: "errors", Summary: "Errors of applications, those seen last first"},
		func(ctx context.Context, in *errorsIn) (*httpapi.Body[httpapi.List[ErrorView]], error) {
			rows, next, err := s.errorsList(ctx, errorFilter{State: in.State, Service: in.Service, Text: in.Q, Cursor: in.Cursor, Limit: in.Limit})
			if err != nil {
				return nil, err
			}
			people, err := s.people(ctx, rows)
			if err != nil {
				return nil, err
			}
			out := make([]ErrorView, len(rows))
			for i, g := range rows {
				out[i] = g.view(people)
			}
			return httpapi.NewList(out, next), nil
		})
	get := func(ctx context.Context, id string) (*httpapi.Body[ErrorView], error) {
		g, err := errorByID(ctx, s.db.Reader(), id)
		if err != nil {
			return nil, err
		}
		people, err := s.people(ctx, []group{g})
		if err != nil {
			return nil, err
		}
		v := g.view(people)
		v.Stack = g.Stack
		return &httpapi.Body[ErrorView]{Body: v}, nil
	}
	httpapi.Handle(api, httpapi.Op{ID: "get-error", Method: "GET", Path: "/api/v1/errors/{id}", Need: read, Tag: "errors", Summary: "One error of an application"},
		func(ctx context.Context, in *errorIn) (*httpapi.Body[ErrorView], error) { return get(ctx, in.ID) })
	httpapi.Handle(api, httpapi.Op{ID: "change-error", Method: "PATCH", Path: "/api/v1/errors/{id}", Need: write, Tag: "errors", Summary: "Resolve, ignore, open again or assign an error"},
		func(ctx context.Context, in *changeIn) (*httpapi.Body[ErrorView], error) {
			if in.Body.State == nil && in.Body.Assignee == nil {
				return nil, errs.New(errs.Invalid, "Give a state or an assignee to change.")
			}
			if err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return s.changeError(ctx, tx, in.ID, in.Body) }); err != nil {
				return nil, err
			}
			return get(ctx, in.ID)
		})
}

func (s *Service) people(ctx context.Context, rows []group) (map[string]account.Account, error) {
	var ids []string
	for _, g := range rows {
		if g.AssigneeID != "" {
			ids = append(ids, g.AssigneeID)
		}
	}
	return account.ByIDs(ctx, s.db.Reader(), ids)
}
