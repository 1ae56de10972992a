package ingest

import (
	"context"
	"net/http"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Protocol is a way in.
type Protocol struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Path  string `json:"path,omitempty" doc:"Where it is below the address of the server; empty when it has only ports."`
	Ports []Port `json:"ports"`
}

// Overview is what the gate can take now.
type Overview struct {
	URL       string     `json:"url" doc:"Address of this server for senders."`
	Protocols []Protocol `json:"protocols"`
	// Stores says what is kept.
	Metrics bool `json:"metrics"`
	Logs    bool `json:"logs"`
	Traces  bool `json:"traces"`
	Flows   bool `json:"flows"`
}

// IDIn names a thing by its id in the path.
type IDIn struct {
	ID string `path:"id" maxLength:"64"`
}

type acceptIn struct {
	IDIn
	Body struct {
		Item string `json:"item" minLength:"1" maxLength:"200" doc:"Name of the item that it is."`
		Kind string `json:"kind,omitempty" maxLength:"64" doc:"With it, the item is made with this kind if there is none of that name."`
	}
}

type ignoreIn struct {
	IDIn
	Body struct {
		Ignored bool `json:"ignored"`
	}
}

type unknownIn struct {
	Ignored bool `query:"ignored" doc:"Those that are ignored, instead of those that wait."`
	Limit   int  `query:"limit" minimum:"1" maximum:"2000" default:"200"`
}

type settingsIn struct{ Body Settings }

func (s *Service) overview() Overview {
	usual := map[string]int{}
	for _, p := range config.Ports() {
		usual[p.Name] = p.Usual
	}
	o := Overview{URL: s.d.Config.PublicURL, Protocols: []Protocol{}, Metrics: s.samples != nil, Logs: s.lines != nil, Traces: s.spans != nil, Flows: s.flows != nil}
	for _, p := range signal.Protocols() {
		v := Protocol{Name: p.Name, Title: p.Title, Ports: s.ports.view(p, usual)}
		if p.HTTP != nil {
			v.Path = Prefix + p.Name
		}
		o.Protocols = append(o.Protocols, v)
	}
	return o
}

// Routes mounts the protocols and adds the operations about senders.
func (s *Service) Routes(api *httpapi.API) {
	for _, p := range signal.Protocols() {
		if p.HTTP != nil {
			s.http[p.Name] = p.HTTP(s.env(p.Name))
		}
	}
	api.Mux().Handle(Prefix, s)
	const tag, base = "sources", "/api/v1/ingest"
	httpapi.Handle(api, httpapi.Op{ID: "get-ingest", Method: "GET", Path: base, Need: observe.ReadSources, Tag: tag, Summary: "The ways in, with their paths and ports"},
		func(context.Context, *struct{}) (*httpapi.Body[Overview], error) {
			return &httpapi.Body[Overview]{Body: s.overview()}, nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-sources", Method: "GET", Path: base + "/sources", Need: observe.ReadSources, Tag: tag, Summary: "Who has sent what since the server started"},
		func(context.Context, *struct{}) (*httpapi.Body[httpapi.List[Source]], error) {
			out := s.senders.list()
			for i := range out {
				if s.budget != nil {
					out[i].Series = int64(s.budget.ActiveSeries(out[i].Protocol, out[i].Sender))
				}
			}
			return httpapi.NewList(out, ""), nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-unknown-sources", Method: "GET", Path: base + "/unknown", Need: observe.ReadSources, Tag: tag, Summary: "What signals speak about and what is no item yet, with suggestions"},
		func(ctx context.Context, in *unknownIn) (*httpapi.Body[httpapi.List[Unknown]], error) {
			out, err := s.unknowns(ctx, in.Ignored, in.Limit)
			return httpapi.NewList(out, ""), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "accept-unknown-source", Method: "POST", Path: base + "/unknown/{id}/accept", Need: observe.WriteSources, Tag: tag, Summary: "Bind an unknown source to an item", Status: http.StatusCreated},
		func(ctx context.Context, in *acceptIn) (*httpapi.Body[Binding], error) {
			b, err := s.Accept(ctx, in.ID, in.Body.Item, in.Body.Kind)
			return &httpapi.Body[Binding]{Body: b}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "ignore-unknown-source", Method: "PUT", Path: base + "/unknown/{id}", Need: observe.WriteSources, Tag: tag, Summary: "Ignore an unknown source, or list it again", Status: http.StatusNoContent},
		func(ctx context.Context, in *ignoreIn) (*struct{}, error) {
			return nil, s.Ignore(ctx, in.ID, in.Body.Ignored)
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-source-bindings", Method: "GET", Path: base + "/bindings", Need: observe.ReadSources, Tag: tag, Summary: "Which names and addresses in signals mean which item, as people have said"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[httpapi.List[Binding]], error) {
			out, err := s.listBindings(ctx)
			return httpapi.NewList(out, ""), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-source-binding", Method: "DELETE", Path: base + "/bindings/{id}", Need: observe.WriteSources, Tag: tag, Summary: "Take a binding away", Status: http.StatusNoContent},
		func(ctx context.Context, in *IDIn) (*struct{}, error) { return nil, s.Unbind(ctx, in.ID) })
	httpapi.Handle(api, httpapi.Op{ID: "get-ingest-settings", Method: "GET", Path: base + "/settings", Need: observe.ReadSources, Tag: tag, Summary: "Limits of senders, and addresses that may send without a token"},
		func(context.Context, *struct{}) (*httpapi.Body[Settings], error) {
			return &httpapi.Body[Settings]{Body: s.settings().Settings}, nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "set-ingest-settings", Method: "PUT", Path: base + "/settings", Need: observe.WriteSources, Tag: tag, Summary: "Change limits and allowed addresses"},
		func(ctx context.Context, in *settingsIn) (*httpapi.Body[Settings], error) {
			err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := s.setSettings(ctx, tx, in.Body)
				return err
			})
			return &httpapi.Body[Settings]{Body: s.settings().Settings}, err
		})
}

// Resources implements module.HasResources.
func (s *Service) Resources() []apply.Resource {
	return []apply.Resource{{
		Key: "ingest", Order: 60, Single: true, Need: observe.WriteSources,
		New: func() any {
			v := defaults()
			return &v
		},
		Apply: func(ctx context.Context, tx *db.Tx, entry any) (apply.Change, error) {
			c := apply.Change{Outcome: apply.Unchanged}
			changed, err := s.setSettings(ctx, tx, *entry.(*Settings))
			if changed {
				c.Outcome = apply.Updated
			}
			return c, err
		},
		Export: func(context.Context, bun.IDB) ([]any, error) {
			v := s.settings().Settings
			if d := defaults(); v.Limits == d.Limits && len(v.Allowed) == 0 {
				return nil, nil
			}
			return []any{&v}, nil
		},
	}}
}
