package edge

import (
	"context"
	"net"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
)

// NameIn names an edge.
type NameIn struct {
	Name string `path:"name" maxLength:"200"`
}

type listIn struct {
	httpapi.Page
	Q string `query:"q" maxLength:"200" doc:"Part of the name, the host name or the address."`
}

type receiveIn struct {
	NameIn
	Body Receive
}

// EnrollIn is a request to enroll.
type EnrollIn struct {
	// address is where the request comes from.
	address string
	Body    agentwire.EnrollRequest
}

// Resolve implements huma.Resolver.
func (in *EnrollIn) Resolve(ctx huma.Context) []error {
	in.address = ctx.RemoteAddr()
	if h, _, err := net.SplitHostPort(in.address); err == nil {
		in.address = h
	}
	return nil
}

// EndpointInfo tells how edges reach this server.
type EndpointInfo struct {
	URL     string `json:"url" doc:"The address to enroll at."`
	EdgeURL string `json:"edge_url" doc:"Where edges deliver; empty while the port is closed, because no edge enrolled yet or edges.listen is off."`
	Off     bool   `json:"off" doc:"edges.listen is off."`
	Problem string `json:"problem,omitempty"`
}

// Routes implements module.HasRoutes.
func (s *Service) Routes(api *httpapi.API) {
	const tag, base = "edges", "/api/v1/edges"
	httpapi.Handle(api, httpapi.Op{ID: "list-edges", Method: "GET", Path: base, Need: ReadEdges, Tag: tag, Summary: "Edges by name, with their state"},
		func(ctx context.Context, in *listIn) (*httpapi.Body[httpapi.List[Edge]], error) {
			out, next, err := s.list(ctx, in.Q, in.Cursor, in.Limit)
			return httpapi.NewList(out, next), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-edge", Method: "GET", Path: base + "/{name}", Need: ReadEdges, Tag: tag, Summary: "One edge"},
		func(ctx context.Context, in *NameIn) (*httpapi.Body[Edge], error) {
			e, err := s.get(ctx, in.Name)
			return &httpapi.Body[Edge]{Body: e}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "revoke-edge", Method: http.MethodPost, Path: base + "/{name}/revoke", Need: WriteEdges, Tag: tag, Summary: "Refuse an edge from now on", Status: http.StatusNoContent},
		func(ctx context.Context, in *NameIn) (*struct{}, error) { return nil, s.Revoke(ctx, in.Name) })
	httpapi.Handle(api, httpapi.Op{ID: "delete-edge", Method: http.MethodDelete, Path: base + "/{name}", Need: WriteEdges, Tag: tag, Summary: "Forget an edge that no check names; its item stays", Status: http.StatusNoContent},
		func(ctx context.Context, in *NameIn) (*struct{}, error) { return nil, s.Delete(ctx, in.Name) })
	httpapi.Handle(api, httpapi.Op{ID: "set-edge-receive", Method: http.MethodPut, Path: base + "/{name}/receive", Need: WriteEdges, Tag: tag, Summary: "Say what an edge takes from senders of its site"},
		func(ctx context.Context, in *receiveIn) (*httpapi.Body[Edge], error) {
			if err := s.setReceive(ctx, in.Name, in.Body); err != nil {
				return nil, err
			}
			e, err := s.get(ctx, in.Name)
			return &httpapi.Body[Edge]{Body: e}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "enroll-edge", Method: http.MethodPost, Path: edgewire.EnrollPath, Public: true, Tag: tag, Summary: "Enroll an edge with an enrolment token of the kind edge", MaxBody: 64 << 10},
		func(ctx context.Context, in *EnrollIn) (*httpapi.Body[agentwire.EnrollResponse], error) {
			out, err := s.Enroll(ctx, in.Body, in.address)
			return &httpapi.Body[agentwire.EnrollResponse]{Body: out}, err
		})
	api.Mux().HandleFunc("GET /edge/install.sh", s.installHandler)
	httpapi.Handle(api, httpapi.Op{ID: "get-edge-endpoint", Method: "GET", Path: "/api/v1/edge-endpoint", Need: ReadEdges, Tag: tag, Summary: "How edges reach this server"},
		func(context.Context, *struct{}) (*httpapi.Body[EndpointInfo], error) {
			e := EndpointInfo{URL: s.d.Config.PublicURL, EdgeURL: s.hub.url(), Off: s.hub.addr == ""}
			if p := s.hub.problem(); p != nil {
				e.Problem = errs.Message(p)
			}
			return &httpapi.Body[EndpointInfo]{Body: e}, nil
		})
}
