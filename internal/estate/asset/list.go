package asset

import (
	"context"
	"strings"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
)

// Filter narrows a list of assets; empty fields do not.
type Filter struct {
	Q        string   `query:"q" maxLength:"100" doc:"Part of tag, title, serial, manufacturer, model, location or order number."`
	State    []string `query:"state" maxItems:"6" doc:"One or more states."`
	Category string   `query:"category" maxLength:"100"`
	Holder   string   `query:"holder" maxLength:"320" doc:"Email address of who has it; me stands for who asks."`
	Item     string   `query:"item" maxLength:"200" doc:"Name of the item that it is."`
	Location string   `query:"location" maxLength:"200"`
	Overdue  bool     `query:"overdue" doc:"Only what was to be back before today."`
	Within   int      `query:"expires_within" minimum:"0" maximum:"3650" doc:"Only assets in use or in stock whose warranty, support or life ends within so many days from today."`
}

type assetsIn struct {
	httpapi.Page
	Filter
}

func badCursor(c string) error {
	return errs.Fields(errs.Field{Path: "cursor", Value: cut(c), Message: "must be the next of the page before"})
}

// narrow adds the filter to a statement; ok is false when nothing can fit.
func (s *Service) narrow(ctx context.Context, q bun.IDB, sel *bun.SelectQuery, f Filter) (_ *bun.SelectQuery, ok bool, err error) {
	if len(f.State) > 0 {
		for _, v := range f.State {
			if err := checkState(v); err != nil {
				return nil, false, err
			}
		}
		sel = sel.Where("state IN (?)", bun.In(f.State))
	}
	if f.Category != "" {
		sel = sel.Where("category = ?", f.Category)
	}
	if f.Location != "" {
		sel = sel.Where("location = ?", f.Location)
	}
	if f.Holder == "me" {
		me := access.From(ctx)
		if me == nil || me.ID == "" {
			return sel, false, nil
		}
		sel = sel.Where("holder_id = ?", me.ID)
	} else if f.Holder != "" {
		a, err := account.ByEmail(ctx, q, f.Holder)
		if errs.Is(err, errs.NotFound) {
			return sel, false, nil
		}
		if err != nil {
			return nil, false, err
		}
		sel = sel.Where("holder_id = ?", a.ID)
	}
	if f.Item != "" {
		it, err := s.items.ByName(ctx, q, f.Item)
		if errs.Is(err, errs.NotFound) {
			return sel, false, nil
		}
		if err != nil {
			return nil, false, err
		}
		sel = sel.Where("item_id = ?", it.ID)
	}
	today := s.today()
	if f.Overdue {
		sel = sel.Where("due_on > '' AND due_on < ?", today)
	}
	if f.Within > 0 {
		until := s.dayIn(f.Within)
		sel = sel.Where("state IN ('in_stock', 'in_use', 'repair') AND (warranty_until BETWEEN ? AND ? OR support_until BETWEEN ? AND ? OR end_of_life BETWEEN ? AND ?)", today, until, today, until, today, until)
	}
	if f.Q != "" {
		sel = sel.Where(`folded LIKE ? ESCAPE '\'`, like(strings.TrimSpace(f.Q)))
	}
	return sel, true, nil
}

// list gives a page of assets by tag.
func (s *Service) list(ctx context.Context, q bun.IDB, f Filter, after string, limit int) ([]assetRow, string, error) {
	var rows []assetRow
	sel, ok, err := s.narrow(ctx, q, q.NewSelect().Model(&rows).OrderExpr("tag").Limit(int64(limit)+1), f)
	if err != nil || !ok {
		return nil, "", err
	}
	if after != "" {
		sel = sel.Where("tag > ?", after)
	}
	if err := sel.Scan(ctx); err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > limit {
		rows = rows[:limit]
		next = rows[limit-1].Tag
	}
	return rows, next, nil
}

// views adds names of items and people.
func (s *Service) views(ctx context.Context, q bun.IDB, rows []assetRow) ([]Asset, error) {
	var itemIDs, personIDs []string
	for _, r := range rows {
		if r.ItemID != "" {
			itemIDs = append(itemIDs, r.ItemID)
		}
		if r.HolderID != "" {
			personIDs = append(personIDs, r.HolderID)
		}
	}
	names, err := s.itemNames(ctx, q, itemIDs)
	if err != nil {
		return nil, err
	}
	who, err := people(ctx, q, personIDs)
	today := s.today()
	out := make([]Asset, len(rows))
	for i, r := range rows {
		out[i] = Asset{
			Tag: r.Tag, State: r.State, Next: next(r.State), Details: r.Details, Item: names[r.ItemID], Holder: who[r.HolderID], HeldSince: r.HeldSince,
			DueOn: r.DueOn, Overdue: r.DueOn != "" && r.DueOn < today, SeenAt: r.SeenAt, SeenPlace: r.SeenPlace, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
		}
	}
	return out, err
}

// proposed names the item that has the same serial number, if there is exactly one
// that whoever acts may see.
func (s *Service) proposed(ctx context.Context, q bun.IDB, r *assetRow) (string, error) {
	if r.ItemID != "" || r.SerialKey == "" {
		return "", nil
	}
	var ids []string
	if err := q.NewRaw("SELECT item_id FROM asset_items WHERE serial_key = ? ORDER BY item_id LIMIT 2", r.SerialKey).Scan(ctx, &ids); err != nil || len(ids) != 1 {
		return "", err
	}
	names, err := s.itemNames(ctx, q, ids)
	return names[ids[0]], err
}

// Summary counts assets.
type Summary struct {
	States   map[string]int `json:"states" doc:"Number of assets by state."`
	Overdue  int            `json:"overdue" doc:"Not back on the day that was agreed."`
	Expiring int            `json:"expiring" doc:"Dates of assets and licenses within the next 90 days."`
	Short    int            `json:"short" doc:"Stock below its minimum."`
	PastEnd  int            `json:"past_end" doc:"Products on items whose support has ended."`
	EndsSoon int            `json:"ends_soon" doc:"Products on items whose support ends within 180 days."`
}

func (s *Service) summary(ctx context.Context, q bun.IDB) (Summary, error) {
	out := Summary{States: map[string]int{}}
	for _, st := range states {
		out.States[st] = 0
	}
	var rows []struct {
		State string
		N     int
	}
	if err := q.NewRaw("SELECT state, COUNT(*) AS n FROM assets GROUP BY state").Scan(ctx, &rows); err != nil {
		return out, err
	}
	for _, r := range rows {
		out.States[r.State] = r.N
	}
	today := s.today()
	ex, args := expiring(today, s.dayIn(90))
	for _, c := range []struct {
		n    *int
		sql  string
		args []any
	}{
		{&out.Overdue, "SELECT COUNT(*) FROM assets WHERE due_on > '' AND due_on < ?", []any{today}},
		{&out.Expiring, "SELECT COUNT(*) FROM (" + ex + ") e", args},
		{&out.Short, "SELECT COUNT(*) FROM asset_stock WHERE quantity < minimum", nil},
		{&out.PastEnd, "SELECT COUNT(*) FROM asset_matches WHERE ends_on > '' AND ends_on < ?", []any{today}},
		{&out.EndsSoon, "SELECT COUNT(*) FROM asset_matches WHERE ends_on >= ? AND ends_on <= ?", []any{today, s.dayIn(180)}},
	} {
		if err := q.NewRaw(c.sql, c.args...).Scan(ctx, c.n); err != nil {
			return out, err
		}
	}
	return out, nil
}

// Expiry is a day on which something of an asset or license ends.
type Expiry struct {
	On   string `json:"on"`
	What string `json:"what" enum:"warranty,support,end_of_life,renewal,notice,purchase"`
	Kind string `json:"kind" enum:"asset,license"`
	Name string `json:"name" doc:"Tag of the asset or name of the license."`
	// Title of the asset or product of the license.
	Title string `json:"title"`
	Ref   string `json:"-"`
}

// expiring is the statement for all days from one to another.
func expiring(from, to string) (string, []any) {
	var parts []string
	var args []any
	for _, c := range []struct{ what, column string }{{"warranty", "warranty_until"}, {"support", "support_until"}, {"end_of_life", "end_of_life"}} {
		parts = append(parts, "SELECT "+c.column+" AS day, '"+c.what+"' AS what, 'asset' AS kind, tag AS name, title, id AS ref FROM assets WHERE "+c.column+" >= ? AND "+c.column+" <= ? AND state IN ('ordered', 'in_stock', 'in_use', 'repair')")
		args = append(args, from, to)
	}
	for _, c := range []struct{ what, column string }{{"renewal", "renewal_on"}, {"notice", "notice_on"}} {
		parts = append(parts, "SELECT "+c.column+" AS day, '"+c.what+"' AS what, 'license' AS kind, name, product AS title, id AS ref FROM asset_licenses WHERE "+c.column+" >= ? AND "+c.column+" <= ?")
		args = append(args, from, to)
	}
	parts = append(parts, "SELECT p.valid_until AS day, 'purchase' AS what, 'license' AS kind, l.name, l.product AS title, p.id AS ref FROM asset_purchases p JOIN asset_licenses l ON l.id = p.license_id WHERE p.valid_until >= ? AND p.valid_until <= ?")
	return strings.Join(parts, " UNION ALL "), append(args, from, to)
}

// expiries gives a page of what ends from today on, the nearest first.
func (s *Service) expiries(ctx context.Context, q bun.IDB, days int, cursor string, limit int) ([]Expiry, string, error) {
	ex, args := expiring(s.today(), s.dayIn(days))
	sql := "SELECT day AS \"on\", what, kind, name, title, ref FROM (" + ex + ") e"
	if cursor != "" {
		c := strings.SplitN(cursor, ".", 3)
		if len(c) != 3 {
			return nil, "", badCursor(cursor)
		}
		sql += " WHERE (day > ? OR day = ? AND (what > ? OR what = ? AND ref > ?))"
		args = append(args, c[0], c[0], c[1], c[1], c[2])
	}
	var rows []Expiry
	if err := q.NewRaw(sql+" ORDER BY day, what, ref LIMIT ?", append(args, limit+1)...).Scan(ctx, &rows); err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > limit {
		rows = rows[:limit]
		l := rows[limit-1]
		next = l.On + "." + l.What + "." + l.Ref
	}
	return rows, next, nil
}
