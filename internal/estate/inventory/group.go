package inventory

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/estate/inventory/kind"
)

// What becomes of an item that has fewer members of a group than it needs.
const (
	belowStops    = "stops"
	belowDegraded = "degraded"
)

const (
	maxGroups  = 50
	maxMembers = 500
)

// Group is a set of items of which an item needs only some.
type Group struct {
	Name string `json:"name"`
	// Need is how many must work.
	Need int `json:"need"`
	// Of are the ids of the members.
	Of []string `json:"of"`
	// Below says what becomes of the item when fewer work: stops or degraded. With
	// none left it stops.
	Below string `json:"below"`
}

// GroupBody is a group as people write it.
type GroupBody struct {
	Name  string   `json:"name" yaml:"name" required:"true" maxLength:"200" doc:"What people call the group."`
	Need  int      `json:"need,omitempty" yaml:"need,omitempty" minimum:"0" doc:"How many of them must work; 1, which means any, if not given."`
	Of    []string `json:"of" yaml:"of,flow" required:"true" maxItems:"500" doc:"Names of items that it depends on, runs on or contains."`
	Below string   `json:"below,omitempty" yaml:"below,omitempty" enum:"stops,degraded" doc:"What becomes of it when fewer work; stops if not given. With none left it always stops."`
}

// regroup sets what an item needs only some of.
func (s *Service) regroup(ctx context.Context, tx *db.Tx, m *kind.Model, i *Item, in []GroupBody) ([]errs.Field, error) {
	var bad []errs.Field
	add := func(path, value, format string, args ...any) {
		bad = append(bad, errs.Field{Path: path, Value: short(value), Message: fmt.Sprintf(format, args...)})
	}
	if len(in) > maxGroups {
		add("redundancy", "", "has %d groups; at most %d fit", len(in), maxGroups)
		return bad, nil
	}
	needs, err := needsOf(ctx, tx, i.ID, carriersOf(m.Relations()))
	if err != nil {
		return nil, err
	}
	groups := []Group{}
	for n, g := range in {
		at := fmt.Sprintf("redundancy[%d].", n)
		out := Group{Name: g.Name, Need: max(g.Need, 1), Of: []string{}, Below: g.Below}
		if out.Below == "" {
			out.Below = belowStops
		}
		if err := account.CheckName(at+"name", g.Name); err != nil {
			bad = append(bad, errs.FieldsOf(err)...)
		}
		if slices.ContainsFunc(groups, func(o Group) bool { return o.Name == g.Name }) {
			add(at+"name", g.Name, "is used by another group of this item; names must differ")
		}
		if err := oneOf(at+"below", out.Below, belowStops, belowDegraded); err != nil {
			bad = append(bad, errs.FieldsOf(err)...)
		}
		if len(g.Of) < 2 || len(g.Of) > maxMembers {
			add(at+"of", "", "must name 2 to %d items", maxMembers)
		}
		if g.Need < 0 || g.Need > len(g.Of) {
			add(at+"need", fmt.Sprint(g.Need), "must be 1 to %d, the number of items in the group", len(g.Of))
		}
		for k, name := range g.Of {
			path := fmt.Sprintf("%sof[%d]", at, k)
			o, err := named(ctx, tx, path, name)
			if err != nil {
				if fs := errs.FieldsOf(err); len(fs) > 0 {
					bad = append(bad, fs...)
					continue
				}
				return nil, err
			}
			switch {
			case slices.Contains(out.Of, o.ID):
				add(path, name, "is named twice")
			case !needs[o.ID]:
				add(path, name, "is nothing that %s needs; add the relation first, for example %s depends_on %s", i.Name, i.Name, name)
			}
			out.Of = append(out.Of, o.ID)
		}
		groups = append(groups, out)
	}
	if len(bad) == 0 {
		i.Redundancy = groups
	}
	return bad, nil
}

// needsOf gives the ids of the items that an item needs, one step away.
func needsOf(ctx context.Context, q bun.IDB, itemID string, types carriers) (map[string]bool, error) {
	rows, err := carrying(ctx, q, []string{itemID}, true, types)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, r := range rows {
		if src, _ := r.flow(types); src != itemID {
			out[src] = true
		}
	}
	return out, nil
}

// bodies writes groups as people do; a member that is gone is left out.
func bodies(ctx context.Context, q bun.IDB, groups []Group) ([]GroupBody, error) {
	if len(groups) == 0 {
		return nil, nil
	}
	var ids []string
	for _, g := range groups {
		ids = append(ids, g.Of...)
	}
	is, err := byIDs(ctx, q, ids)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, i := range is {
		names[i.ID] = i.Name
		if !visible(ctx, i.OwnerTeamID) {
			names[i.ID] = "…"
		}
	}
	out := make([]GroupBody, len(groups))
	for n, g := range groups {
		out[n] = GroupBody{Name: g.Name, Need: g.Need, Below: g.Below, Of: []string{}}
		for _, id := range g.Of {
			if name := names[id]; name != "" {
				out[n].Of = append(out[n].Of, name)
			}
		}
	}
	return out, nil
}

// pastGroup is a group as history keeps it: with ids, and the names of that time.
type pastGroup struct {
	GroupBody
	IDs []string `json:"ids"`
}

func groupsForHistory(ctx context.Context, q bun.IDB, a, b []Group) (was, is any, err error) {
	if slices.EqualFunc(a, b, func(x, y Group) bool {
		return x.Name == y.Name && x.Need == y.Need && x.Below == y.Below && slices.Equal(x.Of, y.Of)
	}) {
		return nil, nil, nil
	}
	list := func(gs []Group) (any, error) {
		if len(gs) == 0 {
			return nil, nil
		}
		out := make([]pastGroup, len(gs))
		bs, err := bodies(ctx, q, gs)
		for n := range gs {
			out[n] = pastGroup{GroupBody: bs[n], IDs: gs[n].Of}
		}
		return out, err
	}
	if was, err = list(a); err != nil {
		return nil, nil, err
	}
	is, err = list(b)
	return was, is, err
}
