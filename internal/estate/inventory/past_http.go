package inventory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

func sortRelations(rs []PastRelation) {
	slices.SortFunc(rs, func(a, b PastRelation) int { return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Item, b.Item)) })
}

// moment reads a time, or a date, which means the end of that day in UTC.
func moment(path, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t.AddDate(0, 0, 1).Add(-time.Microsecond), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, errs.Fields(errs.Field{Path: path, Value: short(s), Message: "must be a time such as 2026-05-31T18:00:00Z, or a date such as 2026-05-31 for the end of that day in UTC"})
	}
	return t, nil
}

type getIn struct {
	NameIn
	AsOf string `query:"as_of" maxLength:"40" doc:"A time, or a date for the end of that day in UTC: gives the item as it was then. Works for items that are gone, by the name of that time."`
}

func (s *Service) getItem(ctx context.Context, in *getIn) (*httpapi.Body[View], error) {
	at, err := moment("query.as_of", in.AsOf)
	if err != nil {
		return nil, err
	}
	if at.IsZero() {
		i, err := readable(ctx, s.db.Reader(), in.Name)
		return s.answer(ctx, i, err)
	}
	p, err := s.AsOf(ctx, s.db.Reader(), in.Name, at)
	if err != nil {
		return nil, err
	}
	v := plain(p.item)
	v.Owner, v.Redundancy, v.Relations, v.GoneAt = p.owner, p.groups, p.relations, p.gone
	at = at.UTC()
	v.AsOf = &at
	if v.Relations == nil {
		v.Relations = []PastRelation{}
	}
	return &httpapi.Body[View]{Body: v}, nil
}

type historyIn struct {
	NameIn
	httpapi.Page
	Since string `query:"since" maxLength:"40" doc:"Only changes from this time on."`
	Until string `query:"until" maxLength:"40" doc:"Only changes up to this time; a date means the end of that day."`
	Field string `query:"field" maxLength:"200" doc:"Only changes of this field, for example attributes.serial."`
}

// historyOf lists the changes of an item, also of one that is gone.
func (s *Service) historyOf(ctx context.Context, in *historyIn) (*httpapi.Body[httpapi.List[Entry]], error) {
	q := s.db.Reader()
	p := period{field: in.Field}
	var err error
	if len(in.Since) == len(time.DateOnly) {
		in.Since += "T00:00:00Z"
	}
	if p.since, err = moment("query.since", in.Since); err != nil {
		return nil, err
	}
	if p.until, err = moment("query.until", in.Until); err != nil {
		return nil, err
	}
	i, err := readable(ctx, q, in.Name)
	if errs.Is(err, errs.NotFound) {
		var g []grave
		if e := q.NewSelect().Model(&g).Where("name = ?", in.Name).OrderExpr("gone_at DESC").Limit(1).Scan(ctx); e != nil {
			return nil, e
		}
		if len(g) == 0 {
			return nil, err
		}
		i, err = g[0].raise(), access.Check(ctx, estate.ReadItems, g[0].OwnerTeamID)
	}
	if err != nil {
		return nil, err
	}
	es, next, err := history(ctx, q, i.ID, in.Cursor, in.Limit, p)
	return httpapi.NewList(es, next), err
}

// Gone is an item that was removed.
type Gone struct {
	Name      string    `json:"name"`
	Kind      string    `json:"kind"`
	CreatedAt time.Time `json:"created_at"`
	GoneAt    time.Time `json:"gone_at"`
	Actor     string    `json:"actor" doc:"Who removed it."`
}

type goneCursor struct {
	At time.Time
	ID string
}

func (s *Service) listGone(ctx context.Context, in *httpapi.Page) (*httpapi.Body[httpapi.List[Gone]], error) {
	cond, args := access.Where(ctx, estate.ReadItems, "owner_team_id")
	q := s.db.Reader().NewSelect().Model((*grave)(nil)).Where(cond, args...).OrderExpr("gone_at DESC, item_id DESC").Limit(int64(in.Limit) + 1)
	if in.Cursor != "" {
		var c goneCursor
		if err := readCursor(in.Cursor, &c); err != nil {
			return nil, err
		}
		q = q.Where("(gone_at, item_id) < (?, ?)", c.At.UTC(), c.ID)
	}
	var rows []grave
	if err := q.Scan(ctx, &rows); err != nil {
		return nil, err
	}
	next := ""
	if len(rows) > in.Limit {
		rows = rows[:in.Limit]
		last := rows[in.Limit-1]
		next = writeCursor(goneCursor{last.GoneAt, last.ItemID})
	}
	out := make([]Gone, len(rows))
	for n, g := range rows {
		out[n] = Gone{Name: g.Name, Kind: g.Kind, CreatedAt: g.CreatedAt.UTC(), GoneAt: g.GoneAt.UTC(), Actor: g.Actor}
	}
	return httpapi.NewList(out, next), nil
}
