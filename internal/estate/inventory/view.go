package inventory

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

// View is an item as the API gives it.
type View struct {
	ID          string             `json:"id"`
	Name        string             `json:"name"`
	Title       string             `json:"title"`
	Kind        string             `json:"kind"`
	Owner       string             `json:"owner" doc:"Name of the owning team; empty for none."`
	Criticality estate.Criticality `json:"criticality" enum:"low,medium,high,critical"`
	Lifecycle   string             `json:"lifecycle" enum:"planned,in_use,retired"`
	Labels      map[string]string  `json:"labels"`
	Attributes  map[string]any     `json:"attributes"`
	Sources     map[string]string  `json:"attribute_sources" doc:"Where each attribute comes from: manual, or the name of a discovery."`
	Description string             `json:"description"`
	State       string             `json:"state" doc:"Worst state of its checks; empty when nothing watches it."`
	CreatedAt   time.Time          `json:"created_at"`
	UpdatedAt   time.Time          `json:"updated_at"`
	Version     int64              `json:"version"`
}

// Short is an item as a line in a list about another one.
type Short struct {
	Name        string             `json:"name"`
	Title       string             `json:"title"`
	Kind        string             `json:"kind"`
	Owner       string             `json:"owner"`
	Criticality estate.Criticality `json:"criticality" enum:"low,medium,high,critical"`
	Lifecycle   string             `json:"lifecycle" enum:"planned,in_use,retired"`
	State       string             `json:"state"`
}

// RelationView is one line of an item's relations.
type RelationView struct {
	Type      string    `json:"type" doc:"As seen from the item: depends_on, or used_by for the other side."`
	Owned     bool      `json:"owned" doc:"True when it is stored with this item; only then it can be removed here."`
	Item      Short     `json:"item"`
	CreatedAt time.Time `json:"created_at"`
}

// ReachedView is an item found by following relations.
type ReachedView struct {
	Short
	Distance int      `json:"distance" doc:"Relations followed."`
	Path     []string `json:"path" doc:"Names from the start to this item, both included; … for one that may not be seen."`
}

// Reach is the answer to an impact or dependency question.
type Reach struct {
	Items     []ReachedView `json:"items"`
	Truncated bool          `json:"truncated" doc:"There are more; raise limit."`
}

func (s *Service) views(ctx context.Context, q bun.IDB, is []Item) ([]View, error) {
	if len(is) == 0 {
		return nil, nil
	}
	teams, err := account.TeamNames(ctx, q)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(is))
	for n, i := range is {
		ids[n] = i.ID
	}
	states := s.stateOf(ids)
	out := make([]View, len(is))
	for n, i := range is {
		out[n] = View{
			ID: i.ID, Name: i.Name, Title: i.Title, Kind: i.Kind, Owner: teams[i.OwnerTeamID], Criticality: i.Criticality, Lifecycle: i.Lifecycle, Labels: i.Labels,
			Attributes: i.Attributes, Sources: i.Sources, Description: i.Description, State: states[i.ID], CreatedAt: i.CreatedAt.UTC(), UpdatedAt: i.UpdatedAt.UTC(), Version: i.Version,
		}
	}
	return out, nil
}

func (s *Service) view(ctx context.Context, q bun.IDB, i *Item) (View, error) {
	vs, err := s.views(ctx, q, []Item{*i})
	if err != nil {
		return View{}, err
	}
	return vs[0], nil
}

func brief(i estate.Item, teams, states map[string]string) Short {
	return Short{Name: i.Name, Title: i.Title, Kind: i.Kind, Owner: teams[i.OwnerTeamID], Criticality: i.Criticality, Lifecycle: i.Lifecycle, State: states[i.ID]}
}

// reached answers an impact or dependency question for whoever acts: items that
// may not be seen are left out, but what lies behind them is not.
func (s *Service) reached(ctx context.Context, name string, w walk) (Reach, error) {
	out := Reach{Items: []ReachedView{}}
	q := s.db.Reader()
	i, err := readable(ctx, q, name)
	if err != nil {
		return out, err
	}
	limit := w.limit
	w.limit = maxReached
	found, truncated, err := s.reach(ctx, q, []string{i.ID}, w)
	if err != nil {
		return out, err
	}
	out.Truncated = truncated
	teams, err := account.TeamNames(ctx, q)
	if err != nil {
		return out, err
	}
	names := map[string]string{i.ID: i.Name}
	var ids []string
	for _, r := range found {
		names[r.ID] = "…"
		if visible(ctx, r.OwnerTeamID) {
			names[r.ID] = r.Name
			ids = append(ids, r.ID)
		}
	}
	if len(ids) > limit {
		ids, out.Truncated = ids[:limit], true
	}
	states := s.stateOf(ids)
	for _, r := range found {
		if len(out.Items) == len(ids) {
			break
		}
		if names[r.ID] == "…" {
			continue
		}
		v := ReachedView{Short: brief(r.Item, teams, states), Distance: r.Distance, Path: make([]string, len(r.Path))}
		for n, p := range r.Path {
			v.Path[n] = names[p]
		}
		out.Items = append(out.Items, v)
	}
	return out, nil
}

// relationViews gives one page of an item's relations.
func (s *Service) relationViews(ctx context.Context, name, cursor string, limit int) ([]RelationView, string, error) {
	q := s.db.Reader()
	i, err := readable(ctx, q, name)
	if err != nil {
		return nil, "", err
	}
	var after *relationCursor
	if cursor != "" {
		after = &relationCursor{}
		if err := readCursor(cursor, after); err != nil {
			return nil, "", err
		}
	}
	rs, err := relations(ctx, q, i.ID, after, limit+1)
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(rs) > limit {
		rs = rs[:limit]
		next = writeCursor(rs[limit-1].cursor())
	}
	teams, err := account.TeamNames(ctx, q)
	if err != nil {
		return nil, "", err
	}
	ids := make([]string, len(rs))
	for n, r := range rs {
		ids[n] = r.Other.ID
	}
	states := s.stateOf(ids)
	out := make([]RelationView, len(rs))
	for n, r := range rs {
		out[n] = RelationView{Type: r.Type, Owned: r.Owned, Item: brief(r.Other.brief(), teams, states), CreatedAt: r.Since}
	}
	return out, next, nil
}

func writeCursor(v any) string {
	b, _ := json.Marshal(v) //nolint:errchkjson // text and numbers only
	return base64.RawURLEncoding.EncodeToString(b)
}

func readCursor(s string, into any) error {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		return errs.Fields(errs.Field{Path: "cursor", Value: short(s), Message: "must be the next of the page before"})
	}
	return nil
}
