package packet

import (
	"context"
	"net/http"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/packet/filter"
	"github.com/mainstay-ops/mainstay/internal/core/packet/sniff"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

// View is a capture.
type View struct {
	ID          string          `json:"id"`
	Name        string          `json:"name"`
	State       string          `json:"state" enum:"running,reading,ready,failed" doc:"running: packets come in; reading: the index is made."`
	Source      string          `json:"source" enum:"server,upload,edge"`
	Edge        string          `json:"edge,omitempty" doc:"The edge that took it."`
	Interface   string          `json:"interface,omitempty"`
	Filter      string          `json:"filter,omitempty" doc:"What was captured, in the language of pcap-filter."`
	HeadersOnly bool            `json:"headers_only"`
	Note        string          `json:"note,omitempty" doc:"Why it ended, or what is wrong."`
	CreatedBy   string          `json:"created_by"`
	CreatedAt   time.Time       `json:"created_at"`
	EndedAt     *time.Time      `json:"ended_at,omitempty"`
	ExpiresAt   time.Time       `json:"expires_at"`
	Packets     int64           `json:"packets"`
	Dropped     int64           `json:"dropped" doc:"Lost because the machine was too slow."`
	Size        int64           `json:"size" doc:"Bytes on disk, with the index."`
	Policy      string          `json:"policy,omitempty" doc:"Name of the policy that began it."`
	Item        *entity.Summary `json:"item,omitempty"`
	Incident    *entity.Summary `json:"incident,omitempty"`
}

// view shows rows, those that run with their present numbers.
func (s *Service) view(ctx context.Context, rows []row) []View {
	var refs []entity.Ref
	for _, r := range rows {
		if r.ItemID != "" {
			refs = append(refs, entity.Ref{Kind: "item", ID: r.ItemID})
		}
		if r.IncidentID != "" {
			refs = append(refs, entity.Ref{Kind: respond.IncidentKind, ID: r.IncidentID})
		}
	}
	sums, err := s.entities.Resolve(ctx, s.db.Reader(), refs)
	if err != nil {
		s.logger.Warn("what captures belong to cannot be read", "error", err)
	}
	out := make([]View, len(rows))
	for i, r := range rows {
		v := View{
			ID: r.ID, Name: r.Name, State: r.State, Source: r.Source, Interface: r.Interface, Filter: r.Filter, HeadersOnly: r.HeadersOnly, Note: r.Note,
			CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(), Packets: r.Packets, Dropped: r.Dropped, Size: r.Size, Policy: r.Policy,
		}
		v.Source, v.Edge = r.origin()
		if r.EndedAt != nil {
			t := r.EndedAt.UTC()
			v.EndedAt = &t
		}
		if sum, ok := sums[entity.Ref{Kind: "item", ID: r.ItemID}]; ok {
			v.Item = &sum
		}
		if sum, ok := sums[entity.Ref{Kind: respond.IncidentKind, ID: r.IncidentID}]; ok {
			v.Incident = &sum
		}
		s.mu.Lock()
		if u := s.runs[r.ID]; u != nil {
			v.Packets, v.Size, v.Dropped = u.packets.Load(), u.size.Load(), u.dropped.Load()
		} else if o := s.open[r.ID]; o != nil && r.State == stateReading {
			v.Packets = int64(o.index.Len())
		}
		s.mu.Unlock()
		out[i] = v
	}
	return out
}

// IDIn is a capture in the path.
type IDIn struct {
	ID string `path:"id" maxLength:"100"`
}

type listIn struct {
	httpapi.Page
	Incident string `query:"incident" maxLength:"100" doc:"Id of an incident."`
	Item     string `query:"item" maxLength:"100" doc:"Id of an item."`
}

type startIn struct{ Body NewCapture }

type changeIn struct {
	IDIn
	Body struct {
		Name      *string    `json:"name,omitempty" maxLength:"200"`
		ExpiresAt *time.Time `json:"expires_at,omitempty"`
	}
}

// Place is where captures can be taken.
type Place struct {
	Interfaces []sniff.Interface `json:"interfaces"`
	Problem    string            `json:"problem,omitempty" doc:"Why nothing can be captured here, and what helps."`
	Used       int64             `json:"used" doc:"Bytes that captures take."`
	Quota      int64             `json:"quota" doc:"Bytes that they may take (captures.max_bytes)."`
	KeepFor    observe.Duration  `json:"keep_for" doc:"How long a capture is kept (captures.retention)."`
}

type fromIn struct {
	From string `query:"from" maxLength:"200" doc:"Name of an edge; empty is the server."`
}

func (s *Service) place(ctx context.Context, from string) (Place, error) {
	out := Place{Interfaces: []sniff.Interface{}, Quota: s.quota, KeepFor: observe.Duration(s.retention)}
	if err := access.Check(ctx, observe.ReadCaptures, ""); err != nil {
		return out, err
	}
	if sourceOf(from) != fromServer {
		if err := s.placeAt(from, &out); err != nil {
			return out, err
		}
		return out, s.used(ctx, &out)
	}
	if err := sniff.Permitted(); err != nil {
		out.Problem = sentence(err) + "."
	}
	var err error
	if out.Interfaces, err = sniff.Interfaces(); err != nil {
		return out, err
	}
	return out, s.used(ctx, &out)
}

func (s *Service) used(ctx context.Context, out *Place) error {
	return s.db.Reader().NewRaw("SELECT COALESCE(SUM(size), 0) FROM captures").Scan(ctx, &out.Used)
}

const tag = "captures"

type completeIn struct {
	Q  string `query:"q" maxLength:"4096" doc:"The filter as it is written so far."`
	At int    `query:"at" minimum:"0" maximum:"4096" doc:"Place of the cursor, in bytes."`
}

// Completion is what could stand at a place of a filter.
type Completion struct {
	Items   []filter.Suggestion `json:"items"`
	Message string              `json:"message,omitempty" doc:"What is wrong with the filter."`
	From    int                 `json:"from,omitempty" doc:"First character that is wrong."`
	To      int                 `json:"to,omitempty" doc:"Behind the last one."`
}

// Routes implements module.HasRoutes.
func (s *Service) Routes(api *httpapi.API) {
	const base = "/api/v1/captures"
	read, write := observe.ReadCaptures, observe.WriteCaptures
	httpapi.Handle(api, httpapi.Op{ID: "list-captures", Method: "GET", Path: base, Need: read, Tag: tag, Summary: "Packet captures, the newest first"},
		func(ctx context.Context, in *listIn) (*httpapi.Body[httpapi.List[View]], error) {
			rows, next, err := s.list(ctx, in.Incident, in.Item, in.Cursor, in.Limit)
			return httpapi.NewList(s.view(ctx, rows), next), err
		})
	one := func(ctx context.Context, r *row) *httpapi.Body[View] {
		return &httpapi.Body[View]{Body: s.view(ctx, []row{*r})[0]}
	}
	start := httpapi.Op{ID: "start-capture", Method: http.MethodPost, Path: base, Need: write, Tag: tag, Summary: "Capture on an interface of the server or of an edge", Status: http.StatusCreated}
	start.Description = "A file is taken in with POST /api/v1/capture-uploads?name=FILE, the file being the body."
	httpapi.Handle(api, start,
		func(ctx context.Context, in *startIn) (*httpapi.Body[View], error) {
			r, err := s.start(ctx, in.Body)
			if err != nil {
				return nil, err
			}
			return one(ctx, r), nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-capture", Method: "GET", Path: base + "/{id}", Need: read, Tag: tag, Summary: "One packet capture"},
		func(ctx context.Context, in *IDIn) (*httpapi.Body[View], error) {
			r, err := s.get(ctx, in.ID)
			if err != nil {
				return nil, err
			}
			return one(ctx, r), nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "change-capture", Method: http.MethodPatch, Path: base + "/{id}", Need: write, Tag: tag, Summary: "Rename a capture, or say how long it is kept", Status: http.StatusNoContent},
		func(ctx context.Context, in *changeIn) (*struct{}, error) {
			return nil, s.change(ctx, in.ID, in.Body.Name, in.Body.ExpiresAt)
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-capture", Method: http.MethodDelete, Path: base + "/{id}", Need: write, Tag: tag, Summary: "Remove a capture with its packets", Status: http.StatusNoContent},
		func(ctx context.Context, in *IDIn) (*struct{}, error) { return nil, s.remove(ctx, in.ID) })
	httpapi.Handle(api, httpapi.Op{ID: "stop-capture", Method: http.MethodPost, Path: base + "/{id}/stop", Need: write, Tag: tag, Summary: "End a running capture and keep its packets", Status: http.StatusNoContent},
		func(ctx context.Context, in *IDIn) (*struct{}, error) { return nil, s.end(ctx, in.ID) })
	httpapi.Handle(api, httpapi.Op{ID: "list-capture-interfaces", Method: "GET", Path: "/api/v1/capture-interfaces", Need: read, Tag: tag, Summary: "Interfaces of the server or of an edge, and whether it may capture"},
		func(ctx context.Context, in *fromIn) (*httpapi.Body[Place], error) {
			p, err := s.place(ctx, in.From)
			return &httpapi.Body[Place]{Body: p}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "complete-capture-filter", Method: "GET", Path: "/api/v1/capture-filter", Need: read, Tag: tag, Summary: "What could stand in a display filter, and what is wrong with it"},
		func(_ context.Context, in *completeIn) (*httpapi.Body[Completion], error) {
			return &httpapi.Body[Completion]{Body: complete(in.Q, in.At)}, nil
		})
	api.Mux().Handle("POST /api/v1/capture-uploads", api.Guard(write, http.HandlerFunc(s.serveUpload)))
	s.packetRoutes(api)
	s.statisticRoutes(api)
	s.policyRoutes(api)
	api.Mux().Handle("GET "+base+"/{id}/file", api.Guard(read, http.HandlerFunc(s.serveFile)))
	api.Mux().Handle("GET "+base+"/{id}/objects/{n}", api.Guard(read, http.HandlerFunc(s.serveObject)))
}
