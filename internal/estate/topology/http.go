package topology

import (
	"cmp"
	"context"
	"fmt"
	"net/http"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

func prefixed(a addressRow) string {
	if a.Prefix == 0 {
		return a.Address
	}
	return fmt.Sprintf("%s/%d", a.Address, a.Prefix)
}

type mapIn struct {
	Layer string `query:"layer" enum:"2,3,service" default:"2" doc:"2: links between ports. 3: items and the subnets they are in. service: relations."`
	Site  string `query:"site" maxLength:"200"`
	Root  string `query:"root" maxLength:"1000" doc:"Name of an item: only what is near it."`
	Depth int    `query:"depth" minimum:"1" maximum:"20" default:"2" doc:"How far from root."`
	Q     string `query:"q" maxLength:"200" doc:"Occurs in the name or the title; neighbors are shown too."`
	Group string `query:"group" enum:"site,subnet,role,kind" doc:"What to put into group of each node."`
}

// NameIn names an item in a path.
type NameIn struct {
	Name string `path:"name" maxLength:"1000" doc:"Name of the item; a slash is written %2F."`
}

type statesIn struct {
	Item []string `query:"item,explode" maxItems:"200" doc:"Names of items."`
}

type proposalsIn struct {
	Item string `query:"item" maxLength:"1000" doc:"Only those of this item."`
}

type idIn struct {
	ID string `path:"id" maxLength:"100"`
}

// State is the state of one item.
type State struct {
	Name  string `json:"name"`
	State string `json:"state" doc:"Empty when nothing watches it."`
}

type settingsIn struct{ Body Settings }

// Routes implements module.HasRoutes.
func (s *Service) Routes(api *httpapi.API) {
	const tag, base = "topology", "/api/v1/topology"
	q := s.d.DB.Reader()
	httpapi.Handle(api, httpapi.Op{ID: "get-topology", Method: "GET", Path: base, Need: estate.ReadItems, Tag: tag, Summary: "A map: nodes and the edges between them, at most 5,000 nodes"},
		func(ctx context.Context, in *mapIn) (*httpapi.Body[Map], error) {
			m, err := s.draw(ctx, q, Query{Layer: cmp.Or(in.Layer, "2"), Site: in.Site, Root: in.Root, Depth: in.Depth, Text: in.Q, Group: in.Group})
			return &httpapi.Body[Map]{Body: m}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-topology-states", Method: "GET", Path: base + "/states", Need: estate.ReadItems, Tag: tag, Summary: "The states of some items, to keep a map up to date"},
		func(ctx context.Context, in *statesIn) (*httpapi.Body[httpapi.List[State]], error) {
			m, err := s.statesOf(ctx, q, in.Item)
			out := []State{}
			for _, name := range in.Item {
				if st, ok := m[name]; ok {
					out = append(out, State{name, st})
				}
			}
			return httpapi.NewList(out, ""), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-item-interfaces", Method: "GET", Path: "/api/v1/items/{name}/interfaces", Need: estate.ReadItems, Tag: tag, Summary: "Interfaces of an item with their addresses"},
		func(ctx context.Context, in *NameIn) (*httpapi.Body[httpapi.List[Port]], error) {
			out, err := s.itemPorts(ctx, q, in.Name)
			return httpapi.NewList(out, ""), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-item-links", Method: "GET", Path: "/api/v1/items/{name}/links", Need: estate.ReadItems, Tag: tag, Summary: "Links of an item, with evidence and confidence"},
		func(ctx context.Context, in *NameIn) (*httpapi.Body[httpapi.List[ItemLink]], error) {
			out, err := s.itemLinks(ctx, q, in.Name)
			return httpapi.NewList(out, ""), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-topology-proposals", Method: "GET", Path: base + "/proposals", Need: estate.ReadItems, Tag: tag, Summary: "Dependencies that connections suggest; at most 500"},
		func(ctx context.Context, in *proposalsIn) (*httpapi.Body[httpapi.List[Proposal]], error) {
			itemID := ""
			if in.Item != "" {
				i, err := s.readable(ctx, q, in.Item)
				if err != nil {
					return nil, err
				}
				itemID = i.ID
			}
			out, err := s.listProposals(ctx, q, itemID)
			return httpapi.NewList(out, ""), err
		})
	for _, d := range []struct {
		word, summary string
		accept        bool
	}{{"accept", "Make the suggested dependency", true}, {"dismiss", "Do not suggest it again", false}} {
		httpapi.Handle(api, httpapi.Op{ID: d.word + "-topology-proposal", Method: "POST", Path: base + "/proposals/{id}/" + d.word, Need: estate.WriteItems, Tag: tag, Summary: d.summary, Status: http.StatusNoContent},
			func(ctx context.Context, in *idIn) (*struct{}, error) { return nil, s.decide(ctx, in.ID, d.accept) })
	}
	httpapi.Handle(api, httpapi.Op{ID: "get-topology-settings", Method: "GET", Path: base + "/settings", Need: estate.ReadItems, Tag: tag, Summary: "How links age"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[Settings], error) {
			out, err := settings(ctx, q)
			return &httpapi.Body[Settings]{Body: out}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "set-topology-settings", Method: "PUT", Path: base + "/settings", Need: estate.WriteItems, Tag: tag, Summary: "Change how links age"},
		func(ctx context.Context, in *settingsIn) (*httpapi.Body[Settings], error) {
			if err := access.Check(ctx, estate.WriteItems, ""); err != nil {
				return nil, err
			}
			out, err := s.set(ctx, in.Body)
			return &httpapi.Body[Settings]{Body: out}, err
		})
}
