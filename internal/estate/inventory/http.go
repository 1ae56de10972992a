package inventory

import (
	"context"
	"net/http"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

type listIn struct {
	httpapi.Page
	Q           string `query:"q" maxLength:"200" doc:"Occurs in the name or the title, in any case."`
	Kind        string `query:"kind" maxLength:"50"`
	Owner       string `query:"owner" maxLength:"200" doc:"Name of the owning team."`
	Criticality string `query:"criticality" enum:"low,medium,high,critical"`
	Lifecycle   string `query:"lifecycle" enum:"planned,in_use,retired"`
	Label       string `query:"label" maxLength:"310" doc:"A label's key, or key=value."`
}

// NameIn names an item in a path. It is exported because huma does not look into
// embedded structs that are not.
type NameIn struct {
	Name string `path:"name" maxLength:"1000" doc:"Name of the item; a slash is written %2F."`
}

// ItemBody is what create and update share.
type ItemBody struct {
	Title       *string            `json:"title,omitempty" maxLength:"300"`
	Owner       *string            `json:"owner,omitempty" maxLength:"200" doc:"Name of the owning team; empty for none."`
	Criticality *string            `json:"criticality,omitempty" enum:"low,medium,high,critical" doc:"How much the organization needs it; medium if not given."`
	Lifecycle   *string            `json:"lifecycle,omitempty" enum:"planned,in_use,retired" doc:"in_use if not given."`
	Description *string            `json:"description,omitempty" doc:"Markdown."`
	Labels      map[string]*string `json:"labels,omitempty" doc:"Merged with what is there; null takes a label out."`
	Attributes  map[string]any     `json:"attributes,omitempty" doc:"Merged with what is there; null takes an attribute out."`
}

type createIn struct {
	Body struct {
		ItemBody
		Name string `json:"name" maxLength:"1000"`
		Kind string `json:"kind" maxLength:"100" doc:"One of the item kinds."`
	}
}

type patchIn struct {
	NameIn
	IfMatch string `header:"If-Match" doc:"The ETag that the change is based on."`
	Body    struct {
		ItemBody
		Name *string `json:"name,omitempty" maxLength:"1000" doc:"A new name."`
		Kind *string `json:"kind,omitempty" maxLength:"100" doc:"One of the item kinds."`
	}
}

type deleteIn struct {
	NameIn
	IfMatch string `header:"If-Match"`
}

type pageIn struct {
	NameIn
	httpapi.Page
}

type relateIn struct {
	NameIn
	Body struct {
		Type string `json:"type" maxLength:"50" doc:"depends_on, runs_on, part_of, connects_to or member_of."`
		Item string `json:"item" maxLength:"1000" doc:"Name of the other item."`
	}
}

type unrelateIn struct {
	NameIn
	Type  string `path:"type" maxLength:"50"`
	Other string `path:"other" maxLength:"1000" doc:"Name of the other item."`
}

type reachIn struct {
	NameIn
	Depth int `query:"depth" minimum:"0" maximum:"100" default:"0" doc:"Largest distance; 0 for any."`
	Limit int `query:"limit" minimum:"1" maximum:"10000" default:"1000" doc:"How many at the most; the nearest first."`
}

// Routes implements module.HasRoutes.
func (s *Service) Routes(api *httpapi.API) {
	httpapi.Handle(api, httpapi.Op{ID: "list-items", Method: "GET", Path: "/api/v1/items", Need: estate.ReadItems, Tag: "items", Summary: "Items by name"}, s.listItems)
	httpapi.Handle(api, httpapi.Op{ID: "create-item", Method: "POST", Path: "/api/v1/items", Need: estate.WriteItems, Tag: "items", Summary: "Add an item", Status: http.StatusCreated},
		func(ctx context.Context, in *createIn) (*httpapi.Body[View], error) {
			f, err := s.fields(ctx, in.Body.ItemBody)
			if err != nil {
				return nil, err
			}
			f.Name, f.Kind = &in.Body.Name, &in.Body.Kind
			i, err := s.Create(ctx, f)
			return s.answer(ctx, i, err)
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-item", Method: "GET", Path: "/api/v1/items/{name}", Need: estate.ReadItems, Tag: "items", Summary: "One item"},
		func(ctx context.Context, in *NameIn) (*httpapi.Body[View], error) {
			i, err := readable(ctx, s.db.Reader(), in.Name)
			return s.answer(ctx, i, err)
		})
	httpapi.Handle(api, httpapi.Op{ID: "update-item", Method: "PATCH", Path: "/api/v1/items/{name}", Need: estate.WriteItems, Tag: "items", Summary: "Change an item"},
		func(ctx context.Context, in *patchIn) (*httpapi.Body[View], error) {
			f, err := s.fields(ctx, in.Body.ItemBody)
			if err != nil {
				return nil, err
			}
			f.Name, f.Kind = in.Body.Name, in.Body.Kind
			i, err := s.Update(ctx, in.Name, in.IfMatch, f)
			return s.answer(ctx, i, err)
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-item", Method: "DELETE", Path: "/api/v1/items/{name}", Need: estate.WriteItems, Tag: "items", Summary: "Remove an item with its relations", Status: http.StatusNoContent},
		func(ctx context.Context, in *deleteIn) (*struct{}, error) {
			return nil, s.Delete(ctx, in.Name, in.IfMatch)
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-item-kinds", Method: "GET", Path: "/api/v1/item-kinds", Need: estate.ReadItems, Tag: "items", Summary: "The kinds of items"},
		func(context.Context, *struct{}) (*httpapi.Body[httpapi.List[Kind]], error) {
			return httpapi.NewList(Kinds(), ""), nil
		})
	s.relationRoutes(api)
	s.importRoutes(api)
	s.reconcileRoutes(api)
	s.healthRoutes(api)
}

func (s *Service) relationRoutes(api *httpapi.API) {
	const base = "/api/v1/items/{name}"
	httpapi.Handle(api, httpapi.Op{ID: "list-item-relations", Method: "GET", Path: base + "/relations", Need: estate.ReadItems, Tag: "items", Summary: "Relations of one item, its own first"},
		func(ctx context.Context, in *pageIn) (*httpapi.Body[httpapi.List[RelationView]], error) {
			rs, next, err := s.relationViews(ctx, in.Name, in.Cursor, in.Limit)
			return httpapi.NewList(rs, next), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "add-item-relation", Method: "POST", Path: base + "/relations", Need: estate.WriteItems, Tag: "items", Summary: "Relate an item to another one; what is there already stays", Status: http.StatusCreated},
		func(ctx context.Context, in *relateIn) (*struct{}, error) {
			_, err := s.Relate(ctx, in.Name, in.Body.Type, in.Body.Item)
			return nil, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "remove-item-relation", Method: "DELETE", Path: base + "/relations/{type}/{other}", Need: estate.WriteItems, Tag: "items", Summary: "Remove a relation that the item owns", Status: http.StatusNoContent},
		func(ctx context.Context, in *unrelateIn) (*struct{}, error) {
			return nil, s.Unrelate(ctx, in.Name, in.Type, in.Other)
		})
	httpapi.Handle(api, httpapi.Op{
		ID: "get-item-impact", Method: "GET", Path: base + "/impact", Need: estate.ReadItems, Tag: "items", Summary: "What stops if this item stops",
		Description: "If B stops, everything that depends on B or runs on B, and everything that B is part of, is affected, and so on from there. The nearest come first.",
	},
		func(ctx context.Context, in *reachIn) (*httpapi.Body[Reach], error) {
			r, err := s.reached(ctx, in.Name, walk{depth: in.Depth, limit: in.Limit})
			return &httpapi.Body[Reach]{Body: r}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-item-dependencies", Method: "GET", Path: base + "/dependencies", Need: estate.ReadItems, Tag: "items", Summary: "What this item needs", Description: "The other direction of impact."},
		func(ctx context.Context, in *reachIn) (*httpapi.Body[Reach], error) {
			r, err := s.reached(ctx, in.Name, walk{up: true, depth: in.Depth, limit: in.Limit})
			return &httpapi.Body[Reach]{Body: r}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-item-history", Method: "GET", Path: base + "/history", Need: estate.ReadItems, Tag: "items", Summary: "Every change of one item, newest first"},
		func(ctx context.Context, in *pageIn) (*httpapi.Body[httpapi.List[Entry]], error) {
			i, err := readable(ctx, s.db.Reader(), in.Name)
			if err != nil {
				return nil, err
			}
			es, next, err := history(ctx, s.db.Reader(), i.ID, in.Cursor, in.Limit)
			return httpapi.NewList(es, next), err
		})
}

func (s *Service) listItems(ctx context.Context, in *listIn) (*httpapi.Body[httpapi.List[View]], error) {
	q := s.db.Reader()
	f := Filter{Text: strings.TrimSpace(in.Q), Kind: in.Kind, Criticality: in.Criticality, Lifecycle: in.Lifecycle, Limit: in.Limit + 1}
	if key, value, has := strings.Cut(in.Label, "="); key != "" {
		f.LabelKey = key
		if has {
			f.LabelValue = &value
		}
	} else if has {
		return nil, errs.Fields(errs.Field{Path: "label", Value: in.Label, Message: "must be a key, or key=value"})
	}
	if in.Kind != "" {
		if err := checkKind("kind", in.Kind); err != nil {
			return nil, err
		}
	}
	var err error
	if f.OwnerTeamID, err = teamID(ctx, q, in.Owner); err != nil {
		return nil, err
	}
	if in.Cursor != "" {
		if err := readCursor(in.Cursor, &f.After); err != nil {
			return nil, err
		}
	}
	is, err := list(ctx, q, f)
	if err != nil {
		return nil, err
	}
	next := ""
	if len(is) > in.Limit {
		is = is[:in.Limit]
		next = writeCursor(is[in.Limit-1].Name)
	}
	vs, err := s.views(ctx, q, is)
	return httpapi.NewList(vs, next), err
}

// fields reads what create and update share.
func (s *Service) fields(ctx context.Context, b ItemBody) (Fields, error) {
	f := Fields{Title: b.Title, Criticality: b.Criticality, Lifecycle: b.Lifecycle, Description: b.Description, Labels: b.Labels, Attributes: b.Attributes}
	if b.Owner != nil {
		t, err := teamID(ctx, s.db.Reader(), *b.Owner)
		if err != nil {
			return f, err
		}
		f.OwnerTeamID = &t
	}
	return f, nil
}

func (s *Service) answer(ctx context.Context, i *Item, err error) (*httpapi.Body[View], error) {
	if err != nil {
		return nil, err
	}
	v, err := s.view(ctx, s.db.Reader(), i)
	return &httpapi.Body[View]{ETag: httpapi.ETag(v.Version), Body: v}, err
}
