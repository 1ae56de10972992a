package inventory

import (
	"context"
	"net/http"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/estate/inventory/kind"
)

// KindView is a kind as the API gives it.
type KindView struct {
	Kind
	Inherited []kind.Defined `json:"inherited" doc:"Attributes of the kinds that it extends."`
	Items     int            `json:"items" doc:"How many items have exactly this kind."`
}

// KindBody is what a kind is made of.
type KindBody struct {
	Title       string           `json:"title,omitempty" maxLength:"100"`
	Icon        string           `json:"icon,omitempty" maxLength:"50" doc:"Name in the Tabler icon set."`
	Description string           `json:"description,omitempty" maxLength:"1000"`
	Parent      string           `json:"parent,omitempty" maxLength:"50" doc:"The kind that it extends. A built-in kind extends none."`
	Attributes  []kind.Attribute `json:"attributes,omitempty" maxItems:"200"`
	Precedence  []string         `json:"precedence,omitempty" maxItems:"50" doc:"Sources in the order in which they win; empty for the order of the parent."`
}

func (b KindBody) kind(name string) Kind {
	return Kind{Name: name, Title: b.Title, Icon: b.Icon, Description: b.Description, Parent: b.Parent, Attributes: b.Attributes, Precedence: b.Precedence}
}

// KindIn names a kind in a path.
type KindIn struct {
	Kind string `path:"kind" maxLength:"50" doc:"Name of the kind."`
}

type newKindIn struct {
	Body struct {
		KindBody
		Name string `json:"name" maxLength:"50" doc:"Small letters, digits and _."`
	}
}

type putKindIn struct {
	KindIn
	Body KindBody
}

// RelationTypeBody is what a relation type is made of.
type RelationTypeBody struct {
	Inverse      string `json:"inverse" maxLength:"50" doc:"Name as seen from the other side."`
	Title        string `json:"title,omitempty" maxLength:"100" doc:"How a sentence says it: backs up."`
	InverseTitle string `json:"inverse_title,omitempty" maxLength:"100" doc:"How a sentence says it from the other side: is backed up by."`
	Carries      string `json:"carries" enum:"none,to_source,to_target" doc:"Which way a failure travels: to_source when the left one is affected if the right one stops."`
	Description  string `json:"description,omitempty" maxLength:"1000"`
}

type putRelationTypeIn struct {
	Type string `path:"type" maxLength:"50" doc:"Name of the relation type."`
	Body RelationTypeBody
}

type relationTypeIn struct {
	Type string `path:"type" maxLength:"50" doc:"Name of the relation type."`
}

// Settings are the rules for all items.
type Settings struct {
	Precedence []string  `json:"precedence" maxItems:"50" doc:"Sources of values in the order in which they win; manual comes first unless it is listed, those not listed come after."`
	Approval   *Approval `json:"approval,omitempty" doc:"Which items change only when a second person agrees; left as it is when absent."`
}

type settingsIn struct{ Body Settings }

func (s *Service) kindRoutes(api *httpapi.API) {
	const kinds, types = "/api/v1/item-kinds", "/api/v1/relation-types"
	httpapi.Handle(api, httpapi.Op{ID: "list-item-kinds", Method: "GET", Path: kinds, Need: estate.ReadItems, Tag: "items", Summary: "The kinds of items"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[httpapi.List[KindView]], error) {
			vs, err := s.kindViews(ctx, s.db.Reader())
			return httpapi.NewList(vs, ""), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-item-kind", Method: "GET", Path: kinds + "/{kind}", Need: estate.ReadItems, Tag: "items", Summary: "One kind"},
		func(ctx context.Context, in *KindIn) (*httpapi.Body[KindView], error) {
			return s.kindView(ctx, in.Kind)
		})
	httpapi.Handle(api, httpapi.Op{ID: "create-item-kind", Method: "POST", Path: kinds, Need: estate.ModelItems, Tag: "items", Summary: "Add a kind", Status: http.StatusCreated},
		func(ctx context.Context, in *newKindIn) (*httpapi.Body[KindView], error) {
			err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				was, err := s.saveKind(ctx, tx, in.Body.kind(in.Body.Name))
				if err == nil && was != nil {
					err = errs.New(errs.Conflict, "There is a kind named %q already.", in.Body.Name)
				}
				return err
			})
			if err != nil {
				return nil, err
			}
			return s.kindView(ctx, in.Body.Name)
		})
	httpapi.Handle(api, httpapi.Op{
		ID: "put-item-kind", Method: "PUT", Path: kinds + "/{kind}", Need: estate.ModelItems, Tag: "items", Summary: "Make or replace a kind",
		Description: "Of a built-in kind only attributes and precedence change. Refused when values that items have would not fit.",
	},
		func(ctx context.Context, in *putKindIn) (*httpapi.Body[KindView], error) {
			err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := s.saveKind(ctx, tx, in.Body.kind(in.Kind))
				return err
			})
			if err != nil {
				return nil, err
			}
			return s.kindView(ctx, in.Kind)
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-item-kind", Method: "DELETE", Path: kinds + "/{kind}", Need: estate.ModelItems, Tag: "items", Summary: "Remove a kind, or what was added to a built-in one", Status: http.StatusNoContent},
		func(ctx context.Context, in *KindIn) (*struct{}, error) {
			return nil, s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return s.removeKind(ctx, tx, in.Kind) })
		})
	httpapi.Handle(api, httpapi.Op{ID: "list-relation-types", Method: "GET", Path: types, Need: estate.ReadItems, Tag: "items", Summary: "The types of relations"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[httpapi.List[RelationType]], error) {
			m, err := s.model(ctx, s.db.Reader())
			if err != nil {
				return nil, err
			}
			return httpapi.NewList(m.Relations(), ""), nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "put-relation-type", Method: "PUT", Path: types + "/{type}", Need: estate.ModelItems, Tag: "items", Summary: "Make or replace a relation type"},
		func(ctx context.Context, in *putRelationTypeIn) (*httpapi.Body[RelationType], error) {
			b := in.Body
			t := RelationType{Name: in.Type, Inverse: b.Inverse, Title: b.Title, InverseTitle: b.InverseTitle, Carries: b.Carries, Description: b.Description}
			if err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, _, err := s.saveRelationType(ctx, tx, t)
				return err
			}); err != nil {
				return nil, err
			}
			m, err := s.model(ctx, s.db.Reader())
			if err != nil {
				return nil, err
			}
			t, err = m.Relation("type", in.Type)
			return &httpapi.Body[RelationType]{Body: t}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-relation-type", Method: "DELETE", Path: types + "/{type}", Need: estate.ModelItems, Tag: "items", Summary: "Remove a relation type that nothing uses", Status: http.StatusNoContent},
		func(ctx context.Context, in *relationTypeIn) (*struct{}, error) {
			return nil, s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error { return s.removeRelationType(ctx, tx, in.Type) })
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-item-settings", Method: "GET", Path: "/api/v1/item-settings", Need: estate.ReadItems, Tag: "items", Summary: "The rules for all items"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[Settings], error) {
			v, err := settings(ctx, s.db.Reader())
			return &httpapi.Body[Settings]{Body: v}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "put-item-settings", Method: "PUT", Path: "/api/v1/item-settings", Need: estate.ModelItems, Tag: "items", Summary: "Set the rules for all items"},
		func(ctx context.Context, in *settingsIn) (*httpapi.Body[Settings], error) {
			err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := s.saveSettings(ctx, tx, in.Body)
				return err
			})
			if err != nil {
				return nil, err
			}
			v, err := settings(ctx, s.db.Reader())
			return &httpapi.Body[Settings]{Body: v}, err
		})
}

func (s *Service) kindViews(ctx context.Context, q bun.IDB) ([]KindView, error) {
	m, err := s.model(ctx, q)
	if err != nil {
		return nil, err
	}
	var counts []struct {
		Kind string
		N    int
	}
	if err := q.NewRaw("SELECT kind, COUNT(*) AS n FROM items GROUP BY kind").Scan(ctx, &counts); err != nil {
		return nil, err
	}
	n := map[string]int{}
	for _, c := range counts {
		n[c.Kind] = c.N
	}
	var out []KindView
	for _, k := range m.Kinds() {
		v := KindView{Kind: k, Items: n[k.Name], Inherited: []kind.Defined{}}
		if v.Attributes == nil {
			v.Attributes = []kind.Attribute{}
		}
		if v.Precedence == nil {
			v.Precedence = []string{}
		}
		for _, d := range m.Attributes(k.Name) {
			if d.By != k.Name {
				v.Inherited = append(v.Inherited, d)
			}
		}
		out = append(out, v)
	}
	return out, nil
}

func (s *Service) kindView(ctx context.Context, name string) (*httpapi.Body[KindView], error) {
	vs, err := s.kindViews(ctx, s.db.Reader())
	if err != nil {
		return nil, err
	}
	for _, v := range vs {
		if v.Name == name {
			return &httpapi.Body[KindView]{Body: v}, nil
		}
	}
	return nil, errs.New(errs.NotFound, "There is no kind named %q.", short(name))
}

func settings(ctx context.Context, q bun.IDB) (Settings, error) {
	v := Settings{Precedence: []string{}, Approval: &Approval{}}
	if err := kind.Setting(ctx, q, "approval", v.Approval); err != nil {
		return v, err
	}
	return v, kind.Setting(ctx, q, "precedence", &v.Precedence)
}

// saveSettings tells what the settings were.
func (s *Service) saveSettings(ctx context.Context, tx *db.Tx, v Settings) (Settings, error) {
	was, err := settings(ctx, tx)
	if err != nil {
		return was, err
	}
	if err := kind.CheckPrecedence("precedence", v.Precedence); err != nil {
		return was, err
	}
	if v.Approval == nil {
		v.Approval = was.Approval
	}
	if err := v.Approval.check(); err != nil {
		return was, err
	}
	if err := kind.SaveSetting(ctx, tx, "approval", v.Approval); err != nil {
		return was, err
	}
	if v.Precedence == nil {
		v.Precedence = []string{}
	}
	if err := kind.SaveSetting(ctx, tx, "precedence", v.Precedence); err != nil {
		return was, err
	}
	if err := audit.Write(ctx, tx, audit.Change{Action: "item_settings.update", Ref: entity.Ref{Kind: "item_settings", ID: "items"}, Name: "items", Before: was, After: v}); err != nil {
		return was, err
	}
	m, err := s.model(ctx, tx)
	if err != nil {
		return was, err
	}
	return was, s.reorder(ctx, tx, m, nil)
}
