package asset

import (
	"context"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

type releaseRow struct {
	bun.BaseModel `bun:"asset_releases,alias:r"`

	Product   string    `bun:"product,pk"`
	Release   string    `bun:"release,pk"`
	Title     string    `bun:"title"`
	EndsOn    string    `bun:"ends_on"`
	Source    string    `bun:"source"`
	UpdatedAt time.Time `bun:"updated_at"`
}

// Release is a version of a product with the day its support ends.
type Release struct {
	Product string `json:"product"`
	Release string `json:"release"`
	Title   string `json:"title"`
	EndsOn  string `json:"ends_on,omitempty"`
	Source  string `json:"source,omitempty"`
	Own     bool   `json:"own" doc:"A person said so; it goes before what Mainstay brings."`
}

// Match is a release found on an item.
type Match struct {
	Item    string `json:"item" doc:"Name of the item."`
	Product string `json:"product"`
	Release string `json:"release"`
	Title   string `json:"title"`
	EndsOn  string `json:"ends_on,omitempty"`
	Past    bool   `json:"past"`
	Found   string `json:"found" doc:"The text on the item that says so."`
}

func ownReleases(ctx context.Context, q bun.IDB) ([]release, error) {
	var rows []releaseRow
	if err := q.NewSelect().Model(&rows).OrderExpr("product, release").Limit(10_000).Scan(ctx); err != nil {
		return nil, err
	}
	out := make([]release, len(rows))
	for i, r := range rows {
		out[i] = release{product: r.Product, name: r.Release, title: r.Title, endsOn: r.EndsOn, source: r.Source, own: true}
	}
	return out, nil
}

// ruleSet gives the rules as they are now.
func (s *Service) ruleSet(ctx context.Context, q bun.IDB) (*ruleSet, error) {
	own, err := ownReleases(ctx, q)
	if err != nil {
		return nil, err
	}
	return newRules(s.shipped, own), nil
}

// putRelease sets the day of a release.
func (s *Service) putRelease(ctx context.Context, tx *db.Tx, product, name string, f ReleaseFields) (made, changed bool, err error) {
	if err := f.check(product, name); err != nil {
		return false, false, err
	}
	if f.Title == "" {
		f.Title = s.releaseTitle(product, name)
	}
	var was releaseRow
	err = tx.NewSelect().Model(&was).Where("product = ? AND release = ?", product, name).Scan(ctx)
	err = db.NotFound(err, "There is none.")
	made = errs.Is(err, errs.NotFound)
	if err != nil && !made {
		return false, false, err
	}
	now := releaseRow{Product: product, Release: name, Title: f.Title, EndsOn: f.EndsOn, Source: f.Source, UpdatedAt: tx.Now()}
	if !made && was.Title == now.Title && was.EndsOn == now.EndsOn && was.Source == now.Source {
		return false, false, nil
	}
	if _, err := tx.NewInsert().Model(&now).On("CONFLICT (product, release) DO UPDATE").Set("title = EXCLUDED.title, ends_on = EXCLUDED.ends_on, source = EXCLUDED.source, updated_at = EXCLUDED.updated_at").Exec(ctx); err != nil {
		return false, false, err
	}
	c := audit.Change{Action: "end_of_life.save", Ref: entity.Ref{Kind: "release", ID: product + "/" + name}, Name: product + " " + name, After: f}
	if !made {
		c.Before = ReleaseFields{Title: was.Title, EndsOn: was.EndsOn, Source: was.Source}
	}
	return made, true, s.releasesChanged(ctx, tx, c)
}

// releaseTitle is how a release is called when nobody says.
func (s *Service) releaseTitle(product, name string) string {
	for _, r := range s.shipped {
		if r.product != product {
			continue
		}
		if r.name == name {
			return r.title
		}
		if name != anyRelease {
			return strings.TrimSuffix(r.title, r.name) + name
		}
	}
	title := strings.ReplaceAll(product, "-", " ")
	if name != anyRelease {
		title += " " + name
	}
	return strings.ToUpper(title[:1]) + title[1:]
}

// dropRelease takes back what a person said of a release.
func (s *Service) dropRelease(ctx context.Context, tx *db.Tx, product, name string) error {
	res, err := tx.NewRaw("DELETE FROM asset_releases WHERE product = ? AND release = ?", product, name).Exec(ctx)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil {
		return err
	} else if n == 0 {
		return errs.New(errs.NotFound, "Nobody has set %s %s. What Mainstay brings can be set anew, not removed.", cut(product), cut(name))
	}
	return s.releasesChanged(ctx, tx, audit.Change{Action: "end_of_life.delete", Ref: entity.Ref{Kind: "release", ID: product + "/" + name}, Name: product + " " + name})
}

func (s *Service) releasesChanged(ctx context.Context, tx *db.Tx, c audit.Change) error {
	if err := s.rescan(ctx, tx); err != nil {
		return err
	}
	s.tell(tx, "changed", "releases")
	return audit.Write(ctx, tx, c)
}

// releases lists what is known, shipped and said, in which the text occurs.
func (s *Service) releases(ctx context.Context, q bun.IDB, text, cursor string, limit int) ([]Release, string, error) {
	own, err := ownReleases(ctx, q)
	if err != nil {
		return nil, "", err
	}
	text = strings.ToLower(strings.TrimSpace(text))
	out := []Release{}
	for _, r := range merge(s.shipped, own) {
		at := r.product + "/" + r.name
		if product, name, ok := strings.Cut(cursor, "/"); ok && (r.product < product || r.product == product && r.name <= name) {
			continue
		}
		if text != "" && !strings.Contains(strings.ToLower(r.title+" "+at), text) {
			continue
		}
		if len(out) == limit {
			l := out[limit-1]
			return out, l.Product + "/" + l.Release, nil
		}
		out = append(out, Release{Product: r.product, Release: r.name, Title: r.title, EndsOn: r.endsOn, Source: r.source, Own: r.own})
	}
	return out, "", nil
}

// MatchFilter narrows a list of matches; empty fields do not.
type MatchFilter struct {
	State   string `query:"state" enum:"past,soon,later,ending" doc:"past has ended, soon ends within the months, later after that, ending is past and soon."`
	Months  int    `query:"months" minimum:"1" maximum:"120" default:"6" doc:"What soon means."`
	Product string `query:"product" maxLength:"60"`
	Item    string `query:"item" maxLength:"200" doc:"Name of an item."`
}

// matches gives a page, the earliest end first. Items that whoever acts may not see
// are left out, so a page can have fewer rows than asked for.
func (s *Service) matches(ctx context.Context, q bun.IDB, f MatchFilter, cursor string, limit int) ([]Match, string, error) {
	var rows []matchRow
	sel := q.NewSelect().Model(&rows).OrderExpr("ends_on, item_id, product").Limit(int64(limit) + 1)
	today := s.today()
	soon := s.d.DB.Clock().Now().UTC().AddDate(0, max(f.Months, 1), 0).Format(time.DateOnly)
	switch f.State {
	case "past":
		sel = sel.Where("ends_on > '' AND ends_on < ?", today)
	case "soon":
		sel = sel.Where("ends_on >= ? AND ends_on <= ?", today, soon)
	case "later":
		sel = sel.Where("(ends_on > ? OR ends_on = '')", soon)
	case "ending":
		sel = sel.Where("ends_on > '' AND ends_on <= ?", soon)
	}
	if f.Product != "" {
		sel = sel.Where("product = ?", f.Product)
	}
	if f.Item != "" {
		it, err := s.items.ByName(ctx, q, f.Item)
		if errs.Is(err, errs.NotFound) {
			return nil, "", nil
		}
		if err != nil {
			return nil, "", err
		}
		sel = sel.Where("item_id = ?", it.ID)
	}
	if cursor != "" {
		c := strings.SplitN(cursor, "/", 3)
		if len(c) != 3 {
			return nil, "", badCursor(cursor)
		}
		sel = sel.Where("(ends_on > ? OR ends_on = ? AND (item_id > ? OR item_id = ? AND product > ?))", c[0], c[0], c[1], c[1], c[2])
	}
	if err := sel.Scan(ctx); err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > limit {
		rows = rows[:limit]
		l := rows[limit-1]
		next = l.EndsOn + "/" + l.ItemID + "/" + l.Product
	}
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.ItemID
	}
	names, err := s.itemNames(ctx, q, ids)
	out := []Match{}
	for _, r := range rows {
		if name, ok := names[r.ItemID]; ok {
			out = append(out, Match{Item: name, Product: r.Product, Release: r.Release, Title: r.Title, EndsOn: r.EndsOn, Past: r.EndsOn != "" && r.EndsOn < today, Found: r.Found})
		}
	}
	return out, next, err
}
