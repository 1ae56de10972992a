package inventory

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/estate/inventory/kind"
)

// kindEntry is a kind in ops.yaml. It replaces what is there.
type kindEntry struct {
	Name        string           `yaml:"name" required:"true"`
	Title       string           `yaml:"title,omitempty"`
	Icon        string           `yaml:"icon,omitempty"`
	Description string           `yaml:"description,omitempty"`
	Parent      string           `yaml:"parent,omitempty"`
	Precedence  []string         `yaml:"precedence,omitempty,flow"`
	Attributes  []kind.Attribute `yaml:"attributes,omitempty"`
}

type relationTypeEntry struct {
	Name         string `yaml:"name" required:"true"`
	Inverse      string `yaml:"inverse" required:"true"`
	Title        string `yaml:"title,omitempty"`
	InverseTitle string `yaml:"inverse_title,omitempty"`
	Carries      string `yaml:"carries" required:"true" enum:"none,to_source,to_target"`
	Description  string `yaml:"description,omitempty"`
}

type settingsEntry struct {
	Precedence []string  `yaml:"precedence,flow,omitempty"`
	Approval   *Approval `yaml:"approval,omitempty"`
}

func (s *Service) kindResources() []apply.Resource {
	return []apply.Resource{
		{
			Key: "kinds", Order: 15, Need: estate.ModelItems,
			New: func() any { return &kindEntry{} },
			Apply: func(ctx context.Context, tx *db.Tx, e any) (apply.Change, error) {
				return s.applyKind(ctx, tx, e.(*kindEntry))
			},
			Connect: func(ctx context.Context, tx *db.Tx, e any) (apply.Change, error) {
				return s.connectKind(ctx, tx, e.(*kindEntry))
			},
			Export: exportKinds,
		},
		{
			Key: "relation_types", Order: 16, Need: estate.ModelItems,
			New: func() any { return &relationTypeEntry{} },
			Apply: func(ctx context.Context, tx *db.Tx, v any) (apply.Change, error) {
				e := v.(*relationTypeEntry)
				was, changed, err := s.saveRelationType(ctx, tx, RelationType{Name: e.Name, Inverse: e.Inverse, Title: e.Title, InverseTitle: e.InverseTitle, Carries: e.Carries, Description: e.Description})
				switch {
				case err != nil || !changed:
					return apply.Change{Outcome: apply.Unchanged}, err
				case was == nil:
					return apply.Change{Outcome: apply.Created}, nil
				}
				return apply.Change{Outcome: apply.Updated}, nil
			},
			Export: func(ctx context.Context, q bun.IDB) ([]any, error) {
				_, rs, _, err := kind.Rows(ctx, q)
				var out []any
				for _, r := range rs {
					out = append(out, &relationTypeEntry{Name: r.Name, Inverse: r.Inverse, Title: r.Title, InverseTitle: r.InverseTitle, Carries: r.Carries, Description: r.Description})
				}
				return out, err
			},
		},
		{
			Key: "item_settings", Order: 17, Single: true, Need: estate.ModelItems,
			New: func() any { return &settingsEntry{} },
			Apply: func(ctx context.Context, tx *db.Tx, v any) (apply.Change, error) {
				e := v.(*settingsEntry)
				if e.Precedence == nil {
					now, err := settings(ctx, tx)
					if err != nil {
						return apply.Change{}, err
					}
					e.Precedence = now.Precedence
				}
				was, err := s.saveSettings(ctx, tx, Settings{Precedence: e.Precedence, Approval: e.Approval})
				c := apply.Change{Outcome: apply.Unchanged}
				if err != nil {
					return c, err
				}
				if fmt.Sprint(was.Precedence) != fmt.Sprint(e.Precedence) {
					c.Outcome, c.Fields = apply.Updated, append(c.Fields, fmt.Sprintf("precedence: %v → %v", was.Precedence, e.Precedence))
				}
				if e.Approval != nil && *was.Approval != *e.Approval {
					c.Outcome, c.Fields = apply.Updated, append(c.Fields, "approval: "+was.Approval.String()+" → "+e.Approval.String())
				}
				return c, nil
			},
			Export: func(ctx context.Context, q bun.IDB) ([]any, error) {
				v, err := settings(ctx, q)
				if *v.Approval == (Approval{}) {
					v.Approval = nil
				}
				if err != nil || len(v.Precedence) == 0 && v.Approval == nil {
					return nil, err
				}
				return []any{&settingsEntry{v.Precedence, v.Approval}}, nil
			},
		},
	}
}

// applyKind makes a kind without its parent, which may stand later in the file.
func (s *Service) applyKind(ctx context.Context, tx *db.Tx, e *kindEntry) (apply.Change, error) {
	m, err := s.model(ctx, tx)
	if err != nil {
		return apply.Change{}, err
	}
	if _, ok := m.Kind(e.Name); ok {
		return apply.Change{Outcome: apply.Unchanged}, nil
	}
	_, err = s.saveKind(ctx, tx, Kind{Name: e.Name, Title: e.Title})
	return apply.Change{Outcome: apply.Created}, err
}

func (s *Service) connectKind(ctx context.Context, tx *db.Tx, e *kindEntry) (apply.Change, error) {
	k := Kind{Name: e.Name, Title: e.Title, Icon: e.Icon, Description: e.Description, Parent: e.Parent, Attributes: e.Attributes, Precedence: e.Precedence}
	was, err := s.saveKind(ctx, tx, k)
	if err != nil {
		return apply.Change{Outcome: apply.Unchanged}, err
	}
	m, err := s.model(ctx, tx)
	if err != nil {
		return apply.Change{}, err
	}
	is, _ := m.Kind(e.Name)
	c := apply.Change{Outcome: apply.Unchanged}
	if was == nil || sameKind(*was, is) {
		return c, nil
	}
	c.Outcome = apply.Updated
	if was.Title != is.Title {
		c.Fields = append(c.Fields, "title: "+say(was.Title)+" → "+say(is.Title))
	}
	if was.Parent != is.Parent {
		c.Fields = append(c.Fields, "parent: "+say(was.Parent)+" → "+say(is.Parent))
	}
	if len(was.Attributes) != len(is.Attributes) {
		c.Fields = append(c.Fields, fmt.Sprintf("attributes: %d → %d", len(was.Attributes), len(is.Attributes)))
	}
	return c, nil
}

func exportKinds(ctx context.Context, q bun.IDB) ([]any, error) {
	own, _, _, err := kind.Rows(ctx, q)
	var out []any
	for _, k := range own {
		e := &kindEntry{Name: k.Name, Title: k.Title, Icon: k.Icon, Description: k.Description, Parent: k.Parent, Precedence: k.Precedence, Attributes: k.Attributes}
		for _, b := range kind.Builtin() {
			if b.Name == k.Name {
				e.Title, e.Icon, e.Description = "", "", ""
			}
		}
		out = append(out, e)
	}
	return out, err
}
