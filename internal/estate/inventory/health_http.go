package inventory

import (
	"context"
	"net/http"
	"sort"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

// HealthList is one list with its number.
type HealthList struct {
	Name        string `json:"name"`
	Title       string `json:"title"`
	Description string `json:"description"`
	Count       int    `json:"count"`
	URL         string `json:"url"`
}

// HealthKind is how good what is known of a kind is.
type HealthKind struct {
	Kind         string  `json:"kind"`
	Items        int     `json:"items"`
	Correctness  float64 `json:"correctness" doc:"Share of the items that are neither stale nor duplicates, 0 to 1."`
	Completeness float64 `json:"completeness" doc:"Mean over the items of the share of these that they have: an owner, a relation and, where the kind is watched, a check; 0 to 1."`
}

// HealthView is the state of the inventory itself.
type HealthView struct {
	ComputedAt time.Time    `json:"computed_at" doc:"The lists are made again when they are a minute old."`
	StaleDays  int          `json:"stale_days"`
	Items      int          `json:"items" doc:"Items that are not retired."`
	Lists      []HealthList `json:"lists"`
	Kinds      []HealthKind `json:"kinds"`
	Doubtful   int          `json:"doubtful" doc:"Open pairs of items that may be one thing."`
}

// HealthEntry is one item of a list.
type HealthEntry struct {
	Short
	Reason string     `json:"reason"`
	SeenAt *time.Time `json:"seen_at,omitempty" doc:"When a source has last seen it."`
}

type healthIn struct {
	StaleDays int `query:"stale_days" minimum:"1" maximum:"3650" default:"60" doc:"An item is stale when no source has seen it for so many days."`
}

// ListNameIn names a list in a path.
type ListNameIn struct {
	List string `path:"list" enum:"orphans,stale,duplicates,no-owner,unmonitored,no-backup"`
}

type healthListIn struct {
	ListNameIn
	httpapi.Page
	StaleDays int `query:"stale_days" minimum:"1" maximum:"3650" default:"60"`
}

type dismissIn struct {
	ListNameIn
	Body struct {
		Items  []string  `json:"items" minItems:"1" maxItems:"500" doc:"Names."`
		Reason string    `json:"reason" minLength:"1" maxLength:"300"`
		Until  time.Time `json:"until" doc:"From then on they are in the list again."`
	}
}

type restoreIn struct {
	ListNameIn
	Body struct {
		Items []string `json:"items" minItems:"1" maxItems:"500" doc:"Names."`
	}
}

type bulkIn struct {
	Body struct {
		Items     []string `json:"items" minItems:"1" maxItems:"500" doc:"Names."`
		Owner     *string  `json:"owner,omitempty" maxLength:"200" doc:"Name of the owning team; empty for none."`
		Lifecycle *string  `json:"lifecycle,omitempty" enum:"planned,in_use,retired"`
	}
}

type bulkOut struct {
	Changed int `json:"changed"`
	Waiting int `json:"waiting" doc:"Items whose change waits for approval."`
}

func (s *Service) healthRoutes(api *httpapi.API) {
	const base = "/api/v1/inventory/health"
	httpapi.Handle(api, httpapi.Op{ID: "get-inventory-health", Method: "GET", Path: base, Need: estate.ReadItems, Tag: "inventory", Summary: "How good the inventory is"}, s.healthView)
	httpapi.Handle(api, httpapi.Op{ID: "list-inventory-health", Method: "GET", Path: base + "/{list}", Need: estate.ReadItems, Tag: "inventory", Summary: "Items with one kind of gap, by name"}, s.healthList)
	httpapi.Handle(api, httpapi.Op{ID: "dismiss-inventory-health", Method: "POST", Path: base + "/{list}/dismiss", Need: estate.WriteItems, Tag: "inventory", Summary: "Take items out of a list until a day", Status: http.StatusNoContent}, s.dismiss)
	httpapi.Handle(api, httpapi.Op{ID: "restore-inventory-health", Method: "POST", Path: base + "/{list}/restore", Need: estate.WriteItems, Tag: "inventory", Summary: "Put dismissed items back", Status: http.StatusNoContent},
		func(ctx context.Context, in *restoreIn) (*struct{}, error) {
			return nil, s.eachNamed(ctx, in.Body.Items, func(ctx context.Context, tx *db.Tx, i *Item) error {
				if _, err := tx.NewRaw("DELETE FROM item_dismissals WHERE item_id = ? AND list = ?", i.ID, in.List).Exec(ctx); err != nil {
					return err
				}
				return audit.Write(ctx, tx, audit.Change{Action: "item.health_restore", Ref: estate.Ref(i.ID), Name: i.Name, Before: map[string]any{"list": in.List}})
			})
		})
	httpapi.Handle(api, httpapi.Op{ID: "change-items", Method: "POST", Path: "/api/v1/inventory/change", Need: estate.WriteItems, Tag: "inventory", Summary: "Set the owner or lifecycle of many items: all of them or none"}, s.bulk)
}

// eachNamed does f for items in one transaction.
func (s *Service) eachNamed(ctx context.Context, names []string, f func(context.Context, *db.Tx, *Item) error) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		tx.AfterCommit(s.stir)
		for _, n := range names {
			i, err := writable(ctx, tx, n)
			if err != nil {
				return err
			}
			if err := f(ctx, tx, i); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Service) dismiss(ctx context.Context, in *dismissIn) (*struct{}, error) {
	if !in.Body.Until.After(s.db.Clock().Now()) {
		return nil, errs.Fields(errs.Field{Path: "until", Value: in.Body.Until.Format(time.RFC3339), Message: "must be in the future"})
	}
	return nil, s.eachNamed(ctx, in.Body.Items, func(ctx context.Context, tx *db.Tx, i *Item) error {
		if _, err := tx.NewRaw("INSERT INTO item_dismissals (item_id, list, reason, actor, at, until) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (item_id, list) DO UPDATE SET reason = excluded.reason, actor = excluded.actor, at = excluded.at, until = excluded.until",
			i.ID, in.List, in.Body.Reason, access.From(ctx).Actor(), tx.Now(), in.Body.Until.UTC()).Exec(ctx); err != nil {
			return err
		}
		return audit.Write(ctx, tx, audit.Change{Action: "item.health_dismiss", Ref: estate.Ref(i.ID), Name: i.Name, After: map[string]any{"list": in.List, "reason": in.Body.Reason, "until": in.Body.Until.UTC()}})
	})
}

func (s *Service) bulk(ctx context.Context, in *bulkIn) (*httpapi.Body[bulkOut], error) {
	f := Fields{Lifecycle: in.Body.Lifecycle}
	if in.Body.Owner != nil {
		t, err := teamID(ctx, s.db.Reader(), *in.Body.Owner)
		if err != nil {
			return nil, err
		}
		f.OwnerTeamID = &t
	}
	var out bulkOut
	err := s.eachNamed(ctx, in.Body.Items, func(ctx context.Context, tx *db.Tx, i *Item) error {
		ctx, h := holding(ctx)
		cs, err := s.change(ctx, tx, i, f)
		switch {
		case h.last != nil:
			out.Waiting++
		case len(cs) > 0:
			out.Changed++
		}
		return err
	})
	return &httpapi.Body[bulkOut]{Body: out}, err
}

// healthLists names the lists with what they mean.
func healthLists() []HealthList {
	return []HealthList{
		{Name: listOrphans, Title: "No relation", Description: "Nothing depends on them and they depend on nothing, so no impact can be told."},
		{Name: listStale, Title: "Not seen", Description: "A source has reported them once, and none has for the days given."},
		{Name: listDuplicates, Title: "Duplicates", Description: "They share a serial, MAC or FQDN, or a name but for case or domain."},
		{Name: listNoOwner, Title: "No owner", Description: "No team owns them."},
		{Name: listUnmonitored, Title: "Not monitored", Description: "No check watches them. Interfaces, processes, licenses and locations are left out."},
		{Name: listNoBackup, Title: "No backup", Description: "Databases, storage, hosts and virtual machines without an attribute backup or backed_up_by. Shown once any item has one."},
	}
}

// dismissed gives the items that are out of each list for now.
func (s *Service) dismissed(ctx context.Context) (map[string]map[string]bool, error) {
	var rows []struct{ List, ItemID string }
	if err := s.db.Reader().NewRaw("SELECT list, item_id FROM item_dismissals WHERE until > ?", s.db.Clock().Now().UTC()).Scan(ctx, &rows); err != nil {
		return nil, err
	}
	out := map[string]map[string]bool{}
	for _, r := range rows {
		if out[r.List] == nil {
			out[r.List] = map[string]bool{}
		}
		out[r.List][r.ItemID] = true
	}
	return out, nil
}

func (s *Service) healthView(ctx context.Context, in *healthIn) (*httpapi.Body[HealthView], error) {
	sn, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	out, err := s.dismissed(ctx)
	if err != nil {
		return nil, err
	}
	now := s.db.Clock().Now()
	v := HealthView{ComputedAt: sn.at, StaleDays: in.StaleDays, Lists: []HealthList{}, Kinds: []HealthKind{}}
	counts, kinds := map[string]int{}, map[string]*HealthKind{}
	lists, member := healthLists(), map[string]bool{}
	for _, i := range sn.items {
		if !visible(ctx, i.OwnerTeamID) {
			continue
		}
		v.Items++
		// Each list is asked once: a hundred thousand items have many.
		clear(member)
		for _, l := range lists {
			if i.why(l.Name, now, in.StaleDays) != "" && !out[l.Name][i.ID] {
				counts[l.Name]++
				member[l.Name] = true
			}
		}
		k := kinds[i.Kind]
		if k == nil {
			k = &HealthKind{Kind: i.Kind}
			kinds[i.Kind] = k
		}
		k.add(member, sn.checks && i.watched)
	}
	for _, l := range lists {
		if l.Name == listNoBackup && !sn.backup || l.Name == listUnmonitored && !sn.checks {
			continue
		}
		l.Count, l.URL = counts[l.Name], "/estate/health?list="+l.Name
		v.Lists = append(v.Lists, l)
	}
	for _, k := range kinds {
		k.Correctness /= float64(k.Items)
		k.Completeness /= float64(k.Items)
		v.Kinds = append(v.Kinds, *k)
	}
	sort.Slice(v.Kinds, func(a, b int) bool { return v.Kinds[a].Kind < v.Kinds[b].Kind })
	v.Doubtful, err = s.doubtCount(ctx)
	return &httpapi.Body[HealthView]{Body: v}, err
}

// add counts one item that is in these lists; the means are made at the end.
func (k *HealthKind) add(in map[string]bool, watched bool) {
	k.Items++
	if !in[listStale] && !in[listDuplicates] {
		k.Correctness++
	}
	wanted, has := 2, 0
	if !in[listNoOwner] {
		has++
	}
	if !in[listOrphans] {
		has++
	}
	if watched {
		wanted++
		if !in[listUnmonitored] {
			has++
		}
	}
	k.Completeness += float64(has) / float64(wanted)
}

func (s *Service) doubtCount(ctx context.Context) (int, error) {
	a, aArgs := access.Where(ctx, estate.ReadItems, "a.owner_team_id")
	b, bArgs := access.Where(ctx, estate.ReadItems, "b.owner_team_id")
	n, err := s.db.Reader().NewSelect().Model((*matchRow)(nil)).Join("JOIN items a ON a.id = m.item_id").Join("JOIN items b ON b.id = m.other_id").
		Where("m.state = 'open'").Where(a, aArgs...).Where(b, bArgs...).Count(ctx)
	return int(n), err
}

func (s *Service) healthList(ctx context.Context, in *healthListIn) (*httpapi.Body[httpapi.List[HealthEntry]], error) {
	sn, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	dismissed, err := s.dismissed(ctx)
	if err != nil {
		return nil, err
	}
	after := ""
	if in.Cursor != "" {
		if err := readCursor(in.Cursor, &after); err != nil {
			return nil, err
		}
	}
	now := s.db.Clock().Now()
	var page []*healthItem
	why := map[string]string{}
	from := sort.Search(len(sn.items), func(n int) bool { return after == "" || sn.items[n].Name > after })
	next := ""
	for _, i := range sn.items[from:] {
		w := i.why(in.List, now, in.StaleDays)
		if w == "" || dismissed[in.List][i.ID] || !visible(ctx, i.OwnerTeamID) {
			continue
		}
		if len(page) == in.Limit {
			next = writeCursor(page[len(page)-1].Name)
			break
		}
		page = append(page, i)
		why[i.ID] = w
	}
	es, err := s.healthEntries(ctx, in.List, page, why)
	return httpapi.NewList(es, next), err
}

// healthEntries reads the items of a page again: what was mended or removed since
// the lists were made is left out.
func (s *Service) healthEntries(ctx context.Context, list string, page []*healthItem, why map[string]string) ([]HealthEntry, error) {
	q := s.db.Reader()
	ids := make([]string, len(page))
	for n, i := range page {
		ids[n] = i.ID
	}
	is, err := byIDs(ctx, q, ids)
	if err != nil {
		return nil, err
	}
	now := make(map[string]*Item, len(is))
	for n := range is {
		now[is[n].ID] = &is[n]
	}
	teams, err := account.TeamNames(ctx, q)
	if err != nil {
		return nil, err
	}
	states := s.stateOf(ids)
	out := []HealthEntry{}
	for _, p := range page {
		i := now[p.ID]
		if i == nil || i.Lifecycle == retired || list == listNoOwner && i.OwnerTeamID != "" || !visible(ctx, i.OwnerTeamID) {
			continue
		}
		e := HealthEntry{Short: brief(i.brief(), teams, states), Reason: why[p.ID]}
		if !p.seen.IsZero() {
			e.SeenAt = &p.seen
		}
		out = append(out, e)
	}
	return out, nil
}
