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
	Redundancy  []GroupBody        `json:"redundancy" doc:"What it needs only some of."`
	// AsOf and what follows are given when the item is read as it was.
	AsOf      *time.Time     `json:"as_of,omitempty"`
	GoneAt    *time.Time     `json:"gone_at,omitempty" doc:"When it was removed; absent when it is still there."`
	Relations []PastRelation `json:"relations,omitempty" doc:"Its relations, when it is read as of a moment."`
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
	Says      string    `json:"says" doc:"The type in words: depends on."`
	Impact    string    `json:"impact" enum:"none,stops_it,is_stopped_by_it" doc:"What a failure does: stops_it when the item is affected if the other one stops, is_stopped_by_it the other way round."`
	Owned     bool      `json:"owned" doc:"True when it is stored with this item; only then it can be removed here."`
	Item      Short     `json:"item"`
	CreatedAt time.Time `json:"created_at"`
}

// plain writes what the item itself holds.
func plain(i *Item) View {
	return View{
		ID: i.ID, Name: i.Name, Title: i.Title, Kind: i.Kind, Criticality: i.Criticality, Lifecycle: i.Lifecycle, Labels: i.Labels,
		Attributes: i.Attributes, Sources: i.Sources, Description: i.Description, CreatedAt: i.CreatedAt.UTC(), UpdatedAt: i.UpdatedAt.UTC(), Version: i.Version, Redundancy: []GroupBody{},
	}
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
		v := plain(&is[n])
		v.Owner, v.State = teams[i.OwnerTeamID], states[i.ID]
		if len(i.Redundancy) > 0 {
			if v.Redundancy, err = bodies(ctx, q, i.Redundancy); err != nil {
				return nil, err
			}
		}
		out[n] = v
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
	m, err := s.model(ctx, q)
	if err != nil {
		return nil, "", err
	}
	rs, err := relations(ctx, q, m, i.ID, after, limit+1)
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
		out[n] = RelationView{Type: r.Type, Says: r.Says, Impact: r.Impact, Owned: r.Owned, Item: brief(r.Other.brief(), teams, states), CreatedAt: r.Since}
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
