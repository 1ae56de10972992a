package inventory

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/estate/inventory/kind"
)

// ReachedView is an item found by following relations.
type ReachedView struct {
	Short
	Distance int      `json:"distance" doc:"Relations followed."`
	Path     []string `json:"path" doc:"Names from the start to this item, both included; … for one that may not be seen."`
	Outcome  string   `json:"outcome" doc:"Of an impact: stops, degraded or still_works. Of dependencies: what becomes of the item if this one alone stops; empty when that is not known."`
	Why      string   `json:"why" doc:"The path in words: shop depends on shop-web, which runs on web-1."`
	// Redundancy is the group that decides.
	Redundancy string `json:"redundancy,omitempty" doc:"What is left of a group of which only some are needed: database: 1 of 2 left."`
}

// Reach is the answer to an impact or dependency question.
type Reach struct {
	Items     []ReachedView `json:"items"`
	Truncated bool          `json:"truncated" doc:"There are more; raise limit."`
}

type reachIn struct {
	NameIn
	Depth int `query:"depth" minimum:"0" maximum:"100" default:"0" doc:"Largest distance; 0 for any."`
	Limit int `query:"limit" minimum:"1" maximum:"10000" default:"1000" doc:"How many at the most; the nearest first."`
}

type simulateIn struct {
	Item  []string `query:"item,explode" minItems:"1" maxItems:"100" doc:"Names of the items that stop, once each."`
	Depth int      `query:"depth" minimum:"0" maximum:"100" default:"0" doc:"Largest distance; 0 for any."`
	Limit int      `query:"limit" minimum:"1" maximum:"10000" default:"1000" doc:"How many at the most; the nearest first."`
}

func (s *Service) reachRoutes(api *httpapi.API) {
	const base = "/api/v1/items/{name}"
	httpapi.Handle(api, httpapi.Op{
		ID: "get-item-impact", Method: "GET", Path: base + "/impact", Need: estate.ReadItems, Tag: "items", Summary: "What stops if this item stops",
		Description: "If B stops, everything that depends on B or runs on B, and everything that B is part of, is affected, and so on from there, unless enough of a group is left. The nearest come first.",
	},
		func(ctx context.Context, in *reachIn) (*httpapi.Body[Reach], error) {
			r, err := s.reached(ctx, []string{in.Name}, walk{depth: in.Depth, limit: in.Limit})
			return &httpapi.Body[Reach]{Body: r}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-item-dependencies", Method: "GET", Path: base + "/dependencies", Need: estate.ReadItems, Tag: "items", Summary: "What this item needs", Description: "The other direction of impact."},
		func(ctx context.Context, in *reachIn) (*httpapi.Body[Reach], error) {
			r, err := s.reached(ctx, []string{in.Name}, walk{up: true, depth: in.Depth, limit: in.Limit})
			return &httpapi.Body[Reach]{Body: r}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "simulate-impact", Method: "GET", Path: "/api/v1/impact", Need: estate.ReadItems, Tag: "items", Summary: "What stops if several items stop at once", Description: "Changes nothing. Give item once for each: ?item=db-1&item=db-2."},
		func(ctx context.Context, in *simulateIn) (*httpapi.Body[Reach], error) {
			r, err := s.reached(ctx, in.Item, walk{depth: in.Depth, limit: in.Limit})
			return &httpapi.Body[Reach]{Body: r}, err
		})
}

// reached answers an impact or dependency question for whoever acts: items that
// may not be seen are left out, but what lies behind them is not.
func (s *Service) reached(ctx context.Context, starts []string, w walk) (Reach, error) {
	out := Reach{Items: []ReachedView{}}
	q := s.db.Reader()
	var ids []string
	for n, name := range starts {
		i, err := readable(ctx, q, name)
		if err != nil {
			if len(starts) > 1 && errs.Is(err, errs.NotFound) {
				err = errs.Fields(errs.Field{Path: fmt.Sprintf("query.item[%d]", n), Value: short(name), Message: "is not the name of an item"})
			}
			return out, err
		}
		ids = append(ids, i.ID)
	}
	m, err := s.model(ctx, q)
	if err != nil {
		return out, err
	}
	w.visible = func(team string) bool { return visible(ctx, team) }
	found, truncated := s.graph.outcomes(ids, w)
	out.Truncated = truncated
	teams, err := account.TeamNames(ctx, q)
	if err != nil {
		return out, err
	}
	reachedIDs := make([]string, len(found))
	for n, r := range found {
		reachedIDs[n] = r.ID
	}
	states := s.stateOf(reachedIDs)
	out.Items = make([]ReachedView, len(found))
	for n := range found {
		r := &found[n]
		v := ReachedView{Short: brief(r.Item, teams, states), Distance: r.Distance, Path: make([]string, len(r.way)), Outcome: r.outcome.String()}
		for k, it := range r.way {
			v.Path[k] = it.Name
			if !w.visible(it.OwnerTeamID) {
				v.Path[k] = "…"
			}
		}
		if r.of > 0 {
			v.Redundancy = r.group + ": " + r.remaining()
		}
		v.Why = why(m, v.Path, r.steps, w.up)
		out.Items[n] = v
	}
	return out, nil
}

// why says a path as one sentence, from what is affected to what stops.
func why(m *kind.Model, path []string, steps []step, up bool) string {
	if len(steps) == 0 {
		return ""
	}
	names, ways := slices.Clone(path), slices.Clone(steps)
	if !up {
		slices.Reverse(names)
		slices.Reverse(ways)
	}
	var b strings.Builder
	b.WriteString(names[0])
	for n, st := range ways {
		if n > 0 {
			b.WriteString(", which")
		}
		says := "needs"
		if t, err := m.Relation("type", st.typ); err == nil {
			if says = t.Title; st.forward {
				says = t.InverseTitle
			}
			if says == "" {
				says = strings.ReplaceAll(t.Name, "_", " ")
			}
		}
		b.WriteString(" " + says + " " + names[n+1])
	}
	return b.String()
}
