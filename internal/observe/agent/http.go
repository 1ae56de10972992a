package agent

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
)

// NameIn names an agent by its item.
type NameIn struct {
	Name string `path:"name" maxLength:"200"`
}

type listIn struct {
	httpapi.Page
	Q     string `query:"q" maxLength:"200" doc:"Part of the name, the host name or the address."`
	State string `query:"state" enum:"waiting,up,late,offline,revoked" doc:"Only these."`
}

type tokenIn struct{ Body NewToken }

type tokenIDIn struct {
	ID string `path:"id" maxLength:"64"`
}

type tokenOut struct {
	Token
	Value string `json:"token" doc:"The value; it is shown only now."`
	Line  string `json:"line" doc:"The line to run on the host."`
}

type factsIn struct {
	httpapi.Page
	Kind  string `query:"kind" required:"true" enum:"package,service,user,container,disk,database,port"`
	Agent string `query:"agent" maxLength:"200" doc:"Only of this agent."`
	Name  string `query:"name" maxLength:"200" doc:"Exactly this name."`
	Q     string `query:"q" maxLength:"200" doc:"Part of the name."`
	Below string `query:"below" maxLength:"100" doc:"Only versions older than this; needs name."`
}

type changesIn struct {
	httpapi.Page
	Agent string `query:"agent" maxLength:"200" doc:"Only of this agent."`
	Kind  string `query:"kind" enum:"package,service,user,container,disk,database,port" doc:"Only of this kind."`
}

// EnrollIn is a request to enroll.
type EnrollIn struct {
	// address is where the request comes from.
	address string
	Body    agentwire.EnrollRequest
}

// Resolve implements huma.Resolver.
func (in *EnrollIn) Resolve(ctx huma.Context) []error {
	in.address = hostOf(ctx.RemoteAddr())
	return nil
}

// EndpointInfo tells how hosts reach this server.
type EndpointInfo struct {
	URL      string         `json:"url" doc:"The address in the line for a host."`
	AgentURL string         `json:"agent_url" doc:"Where agents deliver; empty when the port is off."`
	Problem  string         `json:"problem,omitempty"`
	Platform string         `json:"platform" doc:"Platform of the server's own program."`
	Programs []Download     `json:"programs" doc:"Programs that can be downloaded and that agents can become."`
	Folders  []string       `json:"folders" doc:"Where programs for other platforms are put."`
	Counts   map[string]int `json:"counts" doc:"Agents by state."`
}

// Routes implements module.HasRoutes.
func (s *Service) Routes(api *httpapi.API) {
	const tag, base = "agents", "/api/v1/agents"
	httpapi.Handle(api, httpapi.Op{ID: "list-agents", Method: "GET", Path: base, Need: ReadAgents, Tag: tag, Summary: "Agents by name, with their state"},
		func(ctx context.Context, in *listIn) (*httpapi.Body[httpapi.List[Agent]], error) {
			out, next, err := s.list(ctx, Filter{Q: in.Q, State: in.State, Cursor: in.Cursor, Limit: in.Limit})
			return httpapi.NewList(out, next), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-agent", Method: "GET", Path: base + "/{name}", Need: ReadAgents, Tag: tag, Summary: "The agent of an item"},
		func(ctx context.Context, in *NameIn) (*httpapi.Body[Agent], error) {
			a, err := s.get(ctx, in.Name)
			return &httpapi.Body[Agent]{Body: a}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-agent-processes", Method: "GET", Path: base + "/{name}/processes", Need: ReadAgents, Tag: tag, Summary: "The processes of a host as they were seen last"},
		func(ctx context.Context, in *NameIn) (*httpapi.Body[Processes], error) {
			p, err := s.processes(ctx, in.Name)
			return &httpapi.Body[Processes]{Body: p}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "revoke-agent", Method: http.MethodPost, Path: base + "/{name}/revoke", Need: WriteAgents, Tag: tag, Summary: "Refuse an agent from now on", Status: http.StatusNoContent},
		func(ctx context.Context, in *NameIn) (*struct{}, error) { return nil, s.Revoke(ctx, in.Name) })
	httpapi.Handle(api, httpapi.Op{ID: "delete-agent", Method: http.MethodDelete, Path: base + "/{name}", Need: WriteAgents, Tag: tag, Summary: "Forget an agent and what it found; its item stays", Status: http.StatusNoContent},
		func(ctx context.Context, in *NameIn) (*struct{}, error) { return nil, s.Delete(ctx, in.Name) })
	httpapi.Handle(api, httpapi.Op{ID: "enroll-agent", Method: http.MethodPost, Path: base + "/enroll", Public: true, Tag: tag, Summary: "Enroll a host with an enrolment token", MaxBody: 64 << 10},
		func(ctx context.Context, in *EnrollIn) (*httpapi.Body[agentwire.EnrollResponse], error) {
			out, err := s.Enroll(ctx, in.Body, in.address)
			return &httpapi.Body[agentwire.EnrollResponse]{Body: out}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-agent-endpoint", Method: "GET", Path: "/api/v1/agent-endpoint", Need: ReadAgents, Tag: tag, Summary: "How hosts reach this server"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[EndpointInfo], error) {
			c, err := s.counts(ctx)
			e := EndpointInfo{URL: s.d.Config.PublicURL, AgentURL: s.end.url(), Platform: ownPlatform, Programs: s.programs.list(), Folders: s.programs.dirs, Counts: c}
			if p := s.end.problem(); p != nil {
				e.Problem = errs.Message(p)
			}
			return &httpapi.Body[EndpointInfo]{Body: e}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-agent-facts", Method: "GET", Path: "/api/v1/agent-facts", Need: ReadAgents, Tag: tag, Summary: "What hosts have: packages, services, users and more, by name"},
		func(ctx context.Context, in *factsIn) (*httpapi.Body[httpapi.List[Fact]], error) {
			out, next, err := s.facts(ctx, FactFilter{Kind: in.Kind, Agent: in.Agent, Name: in.Name, Q: in.Q, Below: in.Below, Cursor: in.Cursor, Limit: in.Limit})
			return httpapi.NewList(out, next), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-agent-changes", Method: "GET", Path: "/api/v1/agent-changes", Need: ReadAgents, Tag: tag, Summary: "What was installed, changed or removed, the newest first"},
		func(ctx context.Context, in *changesIn) (*httpapi.Body[httpapi.List[FactChange]], error) {
			out, next, err := s.changes(ctx, in.Agent, in.Kind, in.Cursor, in.Limit)
			return httpapi.NewList(out, next), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-agent-tokens", Method: "GET", Path: "/api/v1/agent-tokens", Need: ReadAgents, Tag: tag, Summary: "Enrolment tokens, the newest first"},
		func(ctx context.Context, in *httpapi.Page) (*httpapi.Body[httpapi.List[Token]], error) {
			out, next, err := s.tokens(ctx, in.Cursor, in.Limit)
			return httpapi.NewList(out, next), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "create-agent-token", Method: http.MethodPost, Path: "/api/v1/agent-tokens", Need: WriteAgents, Tag: tag, Summary: "Make an enrolment token; its value is shown once", Status: http.StatusCreated},
		func(ctx context.Context, in *tokenIn) (*httpapi.Body[tokenOut], error) {
			t, value, err := s.CreateToken(ctx, in.Body)
			return &httpapi.Body[tokenOut]{Body: tokenOut{Token: t, Value: value, Line: s.line(in.Body.Kind, value)}}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "revoke-agent-token", Method: http.MethodDelete, Path: "/api/v1/agent-tokens/{id}", Need: WriteAgents, Tag: tag, Summary: "Make an enrolment token worthless", Status: http.StatusNoContent},
		func(ctx context.Context, in *tokenIDIn) (*struct{}, error) { return nil, s.RevokeToken(ctx, in.ID) })
	s.orderRoutes(api)
	api.Mux().HandleFunc("GET /agent/install.sh", s.installHandler)
	api.Mux().HandleFunc("GET /agent/download/{platform}", s.downloadHandler)
}
