package inventory

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

// ListFilter is what narrows a list of items. It is exported because huma does not
// look into embedded structs that are not.
type ListFilter struct {
	Q           string   `query:"q" maxLength:"200" doc:"Occurs in the name or the title, in any case."`
	Kind        string   `query:"kind" maxLength:"50" doc:"A kind; those that extend it count."`
	Owner       string   `query:"owner" maxLength:"200" doc:"Name of the owning team."`
	Criticality string   `query:"criticality" enum:"low,medium,high,critical"`
	Lifecycle   string   `query:"lifecycle" enum:"planned,in_use,retired"`
	State       string   `query:"state" maxLength:"30" doc:"State of its checks, for example critical; none for items that nothing watches."`
	Attribute   []string `query:"attribute,explode" maxItems:"10" doc:"key=value; may be given several times, and all must fit."`
	Label       string   `query:"label" maxLength:"310" doc:"A label's key, or key=value."`
}

type listIn struct {
	httpapi.Page
	ListFilter
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
	Attributes  map[string]any     `json:"attributes,omitempty" doc:"Merged with what is there; null takes back what a person said, and the value that was discovered shows again."`
	Redundancy  *[]GroupBody       `json:"redundancy,omitempty" maxItems:"50" doc:"What it needs only some of; replaces what is there."`
	Discovered  []string           `json:"discovered,omitempty" enum:"title,kind,criticality" maxItems:"3" doc:"Fields that a discovery may fill again."`
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
		Type string `json:"type" maxLength:"50" doc:"One of the relation types, for example depends_on."`
		Item string `json:"item" maxLength:"1000" doc:"Name of the other item."`
	}
}

type unrelateIn struct {
	NameIn
	Type  string `path:"type" maxLength:"50"`
	Other string `path:"other" maxLength:"1000" doc:"Name of the other item."`
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
	httpapi.Handle(api, httpapi.Op{ID: "get-item", Method: "GET", Path: "/api/v1/items/{name}", Need: estate.ReadItems, Tag: "items", Summary: "One item"}, s.getItem)
	httpapi.Handle(api, httpapi.Op{ID: "update-item", Method: "PATCH", Path: "/api/v1/items/{name}", Need: estate.WriteItems, Tag: "items", Summary: "Change an item"},
		func(ctx context.Context, in *patchIn) (*UpdateOut, error) {
			f, err := s.fields(ctx, in.Body.ItemBody)
			if err != nil {
				return nil, err
			}
			f.Name, f.Kind = in.Body.Name, in.Body.Kind
			ctx, h := holding(ctx)
			i, err := s.Update(ctx, in.Name, in.IfMatch, f)
			return s.updated(ctx, i, h, err)
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-item", Method: "DELETE", Path: "/api/v1/items/{name}", Need: estate.WriteItems, Tag: "items", Summary: "Remove an item with its relations", Status: http.StatusNoContent},
		func(ctx context.Context, in *deleteIn) (*Waits, error) {
			ctx, h := holding(ctx)
			err := s.Delete(ctx, in.Name, in.IfMatch)
			return waits(ctx, http.StatusNoContent, h, err)
		})
	s.kindRoutes(api)
	s.reachRoutes(api)
	s.attributeRoutes(api)
	s.baselineRoutes(api)
	s.proposalRoutes(api)
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
		func(ctx context.Context, in *relateIn) (*Waits, error) {
			ctx, h := holding(ctx)
			_, err := s.Relate(ctx, in.Name, in.Body.Type, in.Body.Item)
			return waits(ctx, http.StatusCreated, h, err)
		})
	httpapi.Handle(api, httpapi.Op{ID: "remove-item-relation", Method: "DELETE", Path: base + "/relations/{type}/{other}", Need: estate.WriteItems, Tag: "items", Summary: "Remove a relation that the item owns", Status: http.StatusNoContent},
		func(ctx context.Context, in *unrelateIn) (*Waits, error) {
			ctx, h := holding(ctx)
			err := s.Unrelate(ctx, in.Name, in.Type, in.Other)
			return waits(ctx, http.StatusNoContent, h, err)
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-item-history", Method: "GET", Path: base + "/history", Need: estate.ReadItems, Tag: "items", Summary: "Every change of one item, newest first", Description: "Works for items that are gone too."}, s.historyOf)
	httpapi.Handle(api, httpapi.Op{ID: "list-deleted-items", Method: "GET", Path: "/api/v1/deleted-items", Need: estate.ReadItems, Tag: "items", Summary: "Items that were removed, the last first"}, s.listGone)
}

// narrow reads what narrows a list.
func (s *Service) narrow(ctx context.Context, q bun.IDB, in ListFilter) (Filter, error) {
	f := Filter{Text: strings.TrimSpace(in.Q), Criticality: in.Criticality, Lifecycle: in.Lifecycle, State: in.State}
	if err := f.label("label", in.Label); err != nil {
		return f, err
	}
	if in.Kind != "" {
		m, err := s.model(ctx, q)
		if err != nil {
			return f, err
		}
		if err := m.CheckKind("kind", in.Kind); err != nil {
			return f, err
		}
		f.Kinds = m.Within(in.Kind)
	}
	for n, a := range in.Attribute {
		key, value, has := strings.Cut(a, "=")
		if !has || key == "" || value == "" {
			return f, errs.Fields(errs.Field{Path: fmt.Sprintf("query.attribute[%d]", n), Value: short(a), Message: "must be key=value"})
		}
		if f.Attributes == nil {
			f.Attributes = map[string]string{}
		}
		f.Attributes[key] = value
	}
	var err error
	f.OwnerTeamID, err = teamID(ctx, q, in.Owner)
	return f, err
}

func (s *Service) listItems(ctx context.Context, in *listIn) (*httpapi.Body[httpapi.List[View]], error) {
	q := s.db.Reader()
	f, err := s.narrow(ctx, q, in.ListFilter)
	if err != nil {
		return nil, err
	}
	f.Limit = in.Limit + 1
	if in.Cursor != "" {
		if err := readCursor(in.Cursor, &f.After); err != nil {
			return nil, err
		}
	}
	is, err := s.listed(ctx, q, f)
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
	f := Fields{Title: b.Title, Criticality: b.Criticality, Lifecycle: b.Lifecycle, Description: b.Description, Labels: b.Labels, Attributes: b.Attributes, Redundancy: b.Redundancy, Discovered: b.Discovered}
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
