package asset

import (
	"context"
	"net/http"

	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
)

// IDIn names a thing by its id in the path.
type IDIn struct {
	ID string `path:"id" maxLength:"64"`
}

type stockListIn struct {
	httpapi.Page
	Q     string `query:"q" maxLength:"100" doc:"Part of name, category or location."`
	Short bool   `query:"short" doc:"Only what is below its minimum."`
}

type stockNewIn struct {
	Body struct {
		StockFields
		Quantity int64 `json:"quantity,omitempty" minimum:"0" maximum:"1000000000" doc:"The first count."`
	}
}

type stockPutIn struct {
	IDIn
	Body StockFields
}

type bookIn struct {
	IDIn
	Body struct {
		Change int64  `json:"change" minimum:"-1000000000" maximum:"1000000000" doc:"Positive for what comes in."`
		Reason string `json:"reason,omitempty" maxLength:"500" doc:"Why, and for whom."`
	}
}

type bookingsIn struct {
	IDIn
	httpapi.Page
}

func (s *Service) stockRoutes(api *httpapi.API) {
	httpapi.Handle(api, read("list-stock", "stock", "Stock, by name"), func(ctx context.Context, in *stockListIn) (*httpapi.Body[httpapi.List[Stock]], error) {
		rows, next, err := listStock(ctx, s.d.DB.Reader(), in.Q, in.Short, in.Cursor, in.Limit)
		return httpapi.NewList(rows, next), err
	})
	httpapi.Handle(api, read("get-stock", "stock/{id}", "One stock"), func(ctx context.Context, in *IDIn) (*httpapi.Body[Stock], error) {
		r, err := stockByID(ctx, s.d.DB.Reader(), in.ID)
		return &httpapi.Body[Stock]{Body: *r}, err
	})
	httpapi.Handle(api, write("create-stock", http.MethodPost, "stock", "Add a stock", http.StatusCreated), func(ctx context.Context, in *stockNewIn) (*httpapi.Body[Stock], error) {
		var made *Stock
		err := s.change(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			made, err = s.createStock(ctx, tx, in.Body.StockFields, in.Body.Quantity)
			return err
		})
		if err != nil {
			return nil, err
		}
		r, err := stockByID(ctx, s.d.DB.Reader(), made.ID)
		return &httpapi.Body[Stock]{Body: *r}, err
	})
	httpapi.Handle(api, write("put-stock", http.MethodPut, "stock/{id}", "Change a stock; its count stays", 0), func(ctx context.Context, in *stockPutIn) (*httpapi.Body[Stock], error) {
		if err := s.change(ctx, func(ctx context.Context, tx *db.Tx) error { return s.updateStock(ctx, tx, in.ID, in.Body) }); err != nil {
			return nil, err
		}
		r, err := stockByID(ctx, s.d.DB.Reader(), in.ID)
		return &httpapi.Body[Stock]{Body: *r}, err
	})
	httpapi.Handle(api, write("delete-stock", http.MethodDelete, "stock/{id}", "Remove a stock and its bookings", http.StatusNoContent), func(ctx context.Context, in *IDIn) (*struct{}, error) {
		return nil, s.change(ctx, func(ctx context.Context, tx *db.Tx) error { return s.deleteStock(ctx, tx, in.ID) })
	})
	httpapi.Handle(api, write("book-stock", http.MethodPost, "stock/{id}/bookings", "Book something in or out", http.StatusCreated), func(ctx context.Context, in *bookIn) (*httpapi.Body[Booking], error) {
		var b *Booking
		err := s.change(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			b, err = s.book(ctx, tx, in.ID, in.Body.Change, in.Body.Reason)
			return err
		})
		if err != nil {
			return nil, err
		}
		return &httpapi.Body[Booking]{Body: *b}, nil
	})
	httpapi.Handle(api, read("list-stock-bookings", "stock/{id}/bookings", "Bookings of a stock, the latest first"), func(ctx context.Context, in *bookingsIn) (*httpapi.Body[httpapi.List[Booking]], error) {
		rows, next, err := bookings(ctx, s.d.DB.Reader(), in.ID, in.Cursor, in.Limit)
		return httpapi.NewList(rows, next), err
	})
}

type matchesIn struct {
	httpapi.Page
	MatchFilter
}

type releasesIn struct {
	httpapi.Page
	Q string `query:"q" maxLength:"100" doc:"Part of the product or release."`
}

// ReleaseIn names a release in the path.
type ReleaseIn struct {
	Product string `path:"product" maxLength:"60"`
	Release string `path:"release" maxLength:"60"`
}

type releasePutIn struct {
	ReleaseIn
	Body ReleaseFields
}

func (s *Service) endOfLifeRoutes(api *httpapi.API) {
	httpapi.Handle(api, read("list-end-of-life", "end-of-life", "Products found on items with the day their support ends, the earliest first"), func(ctx context.Context, in *matchesIn) (*httpapi.Body[httpapi.List[Match]], error) {
		rows, next, err := s.matches(ctx, s.d.DB.Reader(), in.MatchFilter, in.Cursor, in.Limit)
		return httpapi.NewList(rows, next), err
	})
	httpapi.Handle(api, read("list-releases", "end-of-life/releases", "Releases of products that are known, with the day their support ends"), func(ctx context.Context, in *releasesIn) (*httpapi.Body[httpapi.List[Release]], error) {
		rows, next, err := s.releases(ctx, s.d.DB.Reader(), in.Q, in.Cursor, in.Limit)
		return httpapi.NewList(rows, next), err
	})
	httpapi.Handle(api, write("put-release", http.MethodPut, "end-of-life/releases/{product}/{release}", "Say when support of a release ends; this goes before what Mainstay brings", http.StatusNoContent), func(ctx context.Context, in *releasePutIn) (*struct{}, error) {
		return nil, s.change(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, _, err := s.putRelease(ctx, tx, in.Product, in.Release, in.Body)
			return err
		})
	})
	httpapi.Handle(api, write("delete-release", http.MethodDelete, "end-of-life/releases/{product}/{release}", "Take back what somebody said of a release", http.StatusNoContent), func(ctx context.Context, in *ReleaseIn) (*struct{}, error) {
		return nil, s.change(ctx, func(ctx context.Context, tx *db.Tx) error { return s.dropRelease(ctx, tx, in.Product, in.Release) })
	})
}

type licensesIn struct {
	httpapi.Page
	Q string `query:"q" maxLength:"100" doc:"Part of name, product or vendor."`
}

// LicenseIn names a license in the path.
type LicenseIn struct {
	Name string `path:"name" maxLength:"200"`
}

type licenseNewIn struct {
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"200"`
		LicenseFields
		Purchases []Purchase `json:"purchases,omitempty" maxItems:"1000"`
	}
}

type licensePutIn struct {
	LicenseIn
	Body struct {
		LicenseFields
		Purchases []Purchase `json:"purchases,omitempty" maxItems:"1000"`
	}
}

type assignIn struct {
	LicenseIn
	Body struct {
		Kind string `json:"kind" enum:"person,item"`
		To   string `json:"name" minLength:"1" maxLength:"320" doc:"Email address of the person or name of the item."`
	}
}

type unassignIn struct {
	LicenseIn
	Kind string `path:"kind" enum:"person,item"`
	To   string `path:"to" maxLength:"320"`
}

type pageOfLicenseIn struct {
	LicenseIn
	httpapi.Page
}

// LicenseDetail is a license with its purchases.
type LicenseDetail struct {
	License
	Purchases []Purchase `json:"purchases"`
}

func (s *Service) licenseRoutes(api *httpapi.API) {
	httpapi.Handle(api, read("list-licenses", "licenses", "Licenses, by name"), func(ctx context.Context, in *licensesIn) (*httpapi.Body[httpapi.List[License]], error) {
		q := s.d.DB.Reader()
		var rows []licenseRow
		sel := q.NewSelect().Model(&rows).OrderExpr("name").Limit(int64(in.Limit) + 1)
		if in.Q != "" {
			t := like(in.Q)
			sel = sel.Where(`(lower(name) LIKE ? ESCAPE '\' OR lower(product) LIKE ? ESCAPE '\' OR lower(vendor) LIKE ? ESCAPE '\')`, t, t, t)
		}
		if in.Cursor != "" {
			sel = sel.Where("name > ?", in.Cursor)
		}
		if err := sel.Scan(ctx); err != nil {
			return nil, err
		}
		next := ""
		if len(rows) > in.Limit {
			rows = rows[:in.Limit]
			next = rows[in.Limit-1].Name
		}
		out, err := s.licenseViews(ctx, q, rows)
		return httpapi.NewList(out, next), err
	})
	httpapi.Handle(api, read("get-license", "licenses/{name}", "One license"), func(ctx context.Context, in *LicenseIn) (*httpapi.Body[LicenseDetail], error) {
		return s.license(ctx, in.Name)
	})
	httpapi.Handle(api, write("create-license", http.MethodPost, "licenses", "Add a license", http.StatusCreated), func(ctx context.Context, in *licenseNewIn) (*httpapi.Body[LicenseDetail], error) {
		return s.keepLicense(ctx, in.Body.Name, in.Body.LicenseFields, in.Body.Purchases, true)
	})
	httpapi.Handle(api, write("put-license", http.MethodPut, "licenses/{name}", "Change a license; what is left out becomes empty", 0), func(ctx context.Context, in *licensePutIn) (*httpapi.Body[LicenseDetail], error) {
		return s.keepLicense(ctx, in.Name, in.Body.LicenseFields, in.Body.Purchases, false)
	})
	httpapi.Handle(api, write("delete-license", http.MethodDelete, "licenses/{name}", "Remove a license", http.StatusNoContent), func(ctx context.Context, in *LicenseIn) (*struct{}, error) {
		return nil, s.change(ctx, func(ctx context.Context, tx *db.Tx) error { return s.deleteLicense(ctx, tx, in.Name) })
	})
	httpapi.Handle(api, write("assign-license", http.MethodPost, "licenses/{name}/assignments", "Give a license to a person or item", http.StatusNoContent), func(ctx context.Context, in *assignIn) (*struct{}, error) {
		return nil, s.change(ctx, func(ctx context.Context, tx *db.Tx) error {
			return s.assign(ctx, tx, in.Name, in.Body.Kind, in.Body.To, true)
		})
	})
	httpapi.Handle(api, write("unassign-license", http.MethodDelete, "licenses/{name}/assignments/{kind}/{to}", "Take a license from a person or item", http.StatusNoContent), func(ctx context.Context, in *unassignIn) (*struct{}, error) {
		return nil, s.change(ctx, func(ctx context.Context, tx *db.Tx) error { return s.assign(ctx, tx, in.Name, in.Kind, in.To, false) })
	})
	httpapi.Handle(api, read("list-license-assignments", "licenses/{name}/assignments", "To whom a license is assigned"), s.assignmentsHTTP)
	httpapi.Handle(api, read("list-license-uses", "licenses/{name}/uses", "The items on which the rule of a license finds it"), s.usesHTTP)
}

func (s *Service) keepLicense(ctx context.Context, name string, f LicenseFields, bought []Purchase, fresh bool) (*httpapi.Body[LicenseDetail], error) {
	err := s.change(ctx, func(ctx context.Context, tx *db.Tx) error {
		if !fresh {
			if _, err := licenseByName(ctx, tx, name); err != nil {
				return err
			}
		}
		_, _, err := s.saveLicense(ctx, tx, name, f, bought, fresh)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.license(ctx, name)
}

func (s *Service) license(ctx context.Context, name string) (*httpapi.Body[LicenseDetail], error) {
	q := s.d.DB.Reader()
	r, err := licenseByName(ctx, q, name)
	if err != nil {
		return nil, err
	}
	vs, err := s.licenseViews(ctx, q, []licenseRow{*r})
	if err != nil {
		return nil, err
	}
	ps, err := purchases(ctx, q, r.ID)
	return &httpapi.Body[LicenseDetail]{ETag: httpapi.ETag(r.Version), Body: LicenseDetail{vs[0], ps}}, err
}

func (s *Service) assignmentsHTTP(ctx context.Context, in *pageOfLicenseIn) (*httpapi.Body[httpapi.List[Assignment]], error) {
	q := s.d.DB.Reader()
	r, err := licenseByName(ctx, q, in.Name)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		Assignment
		RefID string
	}
	if err := q.NewRaw("SELECT kind, ref_id, at, actor FROM asset_assignments WHERE license_id = ? AND ref_id > ? ORDER BY ref_id, kind LIMIT ?", r.ID, in.Cursor, in.Limit+1).Scan(ctx, &rows); err != nil {
		return nil, err
	}
	next := ""
	if len(rows) > in.Limit {
		rows = rows[:in.Limit]
		next = rows[in.Limit-1].RefID
	}
	var itemIDs, personIDs []string
	for _, a := range rows {
		if a.Kind == "item" {
			itemIDs = append(itemIDs, a.RefID)
		} else {
			personIDs = append(personIDs, a.RefID)
		}
	}
	names, err := s.itemNames(ctx, q, itemIDs)
	if err != nil {
		return nil, err
	}
	as, err := account.ByIDs(ctx, q, personIDs)
	if err != nil {
		return nil, err
	}
	out := []Assignment{}
	for _, a := range rows {
		if a.Kind == "item" {
			a.Name = names[a.RefID]
		} else {
			a.Name, a.Title = as[a.RefID].Email, as[a.RefID].Name
		}
		if a.Name != "" {
			out = append(out, a.Assignment)
		}
	}
	return httpapi.NewList(out, next), nil
}

func (s *Service) usesHTTP(ctx context.Context, in *pageOfLicenseIn) (*httpapi.Body[httpapi.List[Use]], error) {
	q := s.d.DB.Reader()
	r, err := licenseByName(ctx, q, in.Name)
	if err != nil {
		return nil, err
	}
	var rows []struct{ ItemID, Found string }
	if err := q.NewRaw("SELECT item_id, found FROM asset_uses WHERE license_id = ? AND item_id > ? ORDER BY item_id LIMIT ?", r.ID, in.Cursor, in.Limit+1).Scan(ctx, &rows); err != nil {
		return nil, err
	}
	next := ""
	if len(rows) > in.Limit {
		rows = rows[:in.Limit]
		next = rows[in.Limit-1].ItemID
	}
	ids := make([]string, len(rows))
	for i, u := range rows {
		ids[i] = u.ItemID
	}
	names, err := s.itemNames(ctx, q, ids)
	out := []Use{}
	for _, u := range rows {
		if names[u.ItemID] != "" {
			out = append(out, Use{Item: names[u.ItemID], Found: u.Found})
		}
	}
	return httpapi.NewList(out, next), err
}
