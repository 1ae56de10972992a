package inventory

import (
	"context"
	"net/http"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

// AttributeView is one attribute of an item with where its value comes from.
type AttributeView struct {
	Key   string `json:"key"`
	Title string `json:"title" doc:"As its kind says; empty for one that is not declared."`
	Type  string `json:"type" doc:"As its kind says; empty for one that is not declared."`
	Unit  string `json:"unit,omitempty"`
	// Description is that of the kind.
	Description string `json:"description,omitempty"`
	Kind        string `json:"kind" doc:"The kind that declares it; empty for one that is not declared."`
	Required    bool   `json:"required,omitempty"`
	Missing     bool   `json:"missing,omitempty" doc:"The kind wants a value, required or recommended, and there is none."`
	Value       any    `json:"value" doc:"The value that counts; null when there is none."`
	Source      string `json:"source" doc:"Who said the value that counts: manual, default, or the name of a discovery."`
	// ChangedAt and SeenAt are those of the value that counts.
	ChangedAt *time.Time `json:"changed_at,omitempty" doc:"When the source began to say so."`
	SeenAt    *time.Time `json:"seen_at,omitempty" doc:"When the source said so last, to five minutes."`
	Others    []SaidView `json:"others" doc:"What other sources say."`
}

// SaidView is what a source says that does not count.
type SaidView struct {
	Source    string    `json:"source"`
	Value     any       `json:"value"`
	Problem   string    `json:"problem,omitempty" doc:"Why the value cannot count, for example because it must be a whole number."`
	ChangedAt time.Time `json:"changed_at"`
	SeenAt    time.Time `json:"seen_at"`
}

func (s *Service) attributeRoutes(api *httpapi.API) {
	httpapi.Handle(api, httpapi.Op{ID: "list-item-attributes", Method: "GET", Path: "/api/v1/items/{name}/attributes", Need: estate.ReadItems, Tag: "items", Summary: "Attributes of one item with where each value comes from", Description: "Those that its kind declares come first, in the order of the kind, then the others by name.", Status: http.StatusOK},
		func(ctx context.Context, in *NameIn) (*httpapi.Body[httpapi.List[AttributeView]], error) {
			vs, err := s.attributes(ctx, in.Name)
			return httpapi.NewList(vs, ""), err
		})
}

func (s *Service) attributes(ctx context.Context, name string) ([]AttributeView, error) {
	q := s.db.Reader()
	i, err := readable(ctx, q, name)
	if err != nil {
		return nil, err
	}
	m, err := s.model(ctx, q)
	if err != nil {
		return nil, err
	}
	said, err := claimsOf(ctx, q, i, nil)
	if err != nil {
		return nil, err
	}
	var out []AttributeView
	done := map[string]bool{}
	for _, d := range m.Attributes(i.Kind) {
		done[d.Name] = true
		v := i.attribute(d.Name, said[d.Name])
		v.Title, v.Type, v.Unit, v.Description, v.Kind, v.Required = d.Title, string(d.Type), d.Unit, d.Description, d.By, d.Required
		v.Missing = v.Value == nil && (d.Required || d.Recommended)
		out = append(out, v)
	}
	for _, k := range sortedKeys(said) {
		if !done[k] {
			out = append(out, i.attribute(k, said[k]))
		}
	}
	return out, nil
}

func (i *Item) attribute(key string, said []claim) AttributeView {
	v := AttributeView{Key: key, Value: i.Attributes[key], Source: i.Sources[key], Others: []SaidView{}}
	for _, c := range said {
		changed, seen := c.ChangedAt.UTC(), c.SeenAt.UTC()
		if v.Value != nil && c.Source == v.Source {
			v.ChangedAt, v.SeenAt = &changed, &seen
			continue
		}
		v.Others = append(v.Others, SaidView{Source: c.Source, Value: c.value(), Problem: c.Problem, ChangedAt: changed, SeenAt: seen})
	}
	return v
}
