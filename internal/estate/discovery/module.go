package discovery

import (
	"context"
	"embed"
	"net/http"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Permissions of discovery beyond those on items.
var (
	writeDiscovery   = access.Permission{Name: "discovery.write", Title: "Run discovery and change its jobs", Least: access.Operator}
	readCredentials  = access.Permission{Name: "credential.read", Title: "See which credentials there are", Least: access.Operator}
	writeCredentials = access.Permission{Name: "credential.write", Title: "Change credentials of devices", Least: access.Admin}
)

//go:embed migrations/*.sql
var migrations embed.FS

// Module declares estate.discovery.
func Module() module.Module {
	return module.Module{
		ID: "estate.discovery", Migrations: migrations,
		Permissions: []access.Permission{writeDiscovery, readCredentials, writeCredentials},
		New: func(d module.Deps) (module.Instance, error) {
			s := &Service{d: d, series: map[string]observe.SeriesID{}, known: map[string]string{}, gone: map[string]time.Time{}, secure: map[string]time.Time{}}
			module.Need(d, &s.items)
			module.Need(d, &s.makes)
			module.Need(d, &s.metrics)
			module.Need(d, &s.catalog)
			module.Want(d, &s.network)
			module.Want(d, &s.sites)
			s.runs = newRunner(s)
			module.Provide[estate.Proposals](d, s)
			module.Provide[estate.Credentials](d, s)
			d.Live.Topic("host", estate.ReadItems)
			d.Live.Topic("discovery", estate.ReadItems)
			return s, nil
		},
	}
}

// Start begins to run jobs, and to look at the machine unless the configuration
// says no.
func (s *Service) Start(ctx context.Context) error {
	ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.wg.Add(1)
	go func() { defer s.wg.Done(); s.runs.loop(ctx) }()
	if !s.d.Config.Discovery.Host {
		return nil
	}
	s.metrics.Describe(described...)
	s.wg.Add(1)
	go func() { defer s.wg.Done(); s.run(ctx) }()
	return nil
}

// Stop ends it.
func (s *Service) Stop(context.Context) {
	if s.cancel != nil {
		s.cancel()
	}
	s.wg.Wait()
}

type listIn struct {
	httpapi.Page
	State string `query:"state" enum:"open,accepted,dismissed" doc:"Only these."`
	Item  string `query:"item" doc:"Name of the item."`
}

type pageIn struct{ httpapi.Page }

type idIn struct {
	ID string `path:"id"`
}

type manyIn struct {
	Body struct {
		IDs []string `json:"ids" minItems:"1" maxItems:"500"`
	}
}

// Routes implements module.HasRoutes.
func (s *Service) Routes(api *httpapi.API) {
	const tag, base = "discovery", "/api/v1/discovery"
	httpapi.Handle(api, httpapi.Op{ID: "get-host", Method: "GET", Path: base + "/host", Need: estate.ReadItems, Tag: tag, Summary: "The machine that the server runs on, as it is now"},
		func(context.Context, *struct{}) (*httpapi.Body[Host], error) {
			h, err := s.Host()
			return &httpapi.Body[Host]{Body: h}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-suggestions", Method: "GET", Path: base + "/suggestions", Need: estate.ReadItems, Tag: tag, Summary: "Checks that make sense and that nobody has made yet"},
		func(ctx context.Context, in *listIn) (*httpapi.Body[httpapi.List[Suggestion]], error) {
			out, next, err := s.list(ctx, s.d.DB.Reader(), in.State, in.Item, in.Cursor, in.Limit)
			return httpapi.NewList(out, next), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-certificates", Method: "GET", Path: base + "/certificates", Need: estate.ReadItems, Tag: tag, Summary: "Certificates on this machine's ports, the next to expire first"},
		func(ctx context.Context, in *pageIn) (*httpapi.Body[httpapi.List[Certificate]], error) {
			out, next, err := s.certificates(ctx, in.Cursor, in.Limit)
			return httpapi.NewList(out, next), err
		})
	decide := func(opID, path, summary string, accept bool) {
		httpapi.Handle(api, httpapi.Op{ID: opID, Method: http.MethodPost, Path: base + "/suggestions/{id}/" + path, Need: observe.WriteChecks, Tag: tag, Summary: summary},
			func(ctx context.Context, in *idIn) (*httpapi.Body[Suggestion], error) {
				out, err := s.Decide(ctx, []string{in.ID}, accept)
				if err != nil {
					return nil, err
				}
				return &httpapi.Body[Suggestion]{Body: out[0]}, nil
			})
	}
	decide("accept-suggestion", "accept", "Make the suggested check", true)
	decide("dismiss-suggestion", "dismiss", "Do not suggest it again", false)
	httpapi.Handle(api, httpapi.Op{ID: "accept-suggestions", Method: http.MethodPost, Path: base + "/accept", Need: observe.WriteChecks, Tag: tag, Summary: "Make several suggested checks: all or none"},
		func(ctx context.Context, in *manyIn) (*httpapi.Body[httpapi.List[Suggestion]], error) {
			out, err := s.Decide(ctx, in.Body.IDs, true)
			return httpapi.NewList(out, ""), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "dismiss-suggestions", Method: http.MethodPost, Path: base + "/dismiss", Need: observe.WriteChecks, Tag: tag, Summary: "Do not suggest several checks again: all or none"},
		func(ctx context.Context, in *manyIn) (*httpapi.Body[httpapi.List[Suggestion]], error) {
			out, err := s.Decide(ctx, in.Body.IDs, false)
			return httpapi.NewList(out, ""), err
		})
	s.jobRoutes(api)
	s.runRoutes(api)
	s.credentialRoutes(api)
}
