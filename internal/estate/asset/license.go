package asset

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/search"
)

var licenseModels = []string{"user", "device", "core", "concurrent", "site", "subscription"}

// maxPurchases of one license.
const maxPurchases = 1000

// LicenseFields is what a person says of a license.
type LicenseFields struct {
	Product   string `bun:"product" json:"product" yaml:"product" minLength:"1" maxLength:"200"`
	Vendor    string `bun:"vendor" json:"vendor,omitempty" yaml:"vendor,omitempty" maxLength:"200"`
	Model     string `bun:"model" json:"model,omitempty" yaml:"model,omitempty" enum:"user,device,core,concurrent,site,subscription" doc:"What one license is for; user unless given."`
	RenewalOn string `bun:"renewal_on" json:"renewal_on,omitempty" yaml:"renewal_on,omitempty" maxLength:"10" doc:"The day it renews or ends."`
	NoticeOn  string `bun:"notice_on" json:"notice_on,omitempty" yaml:"notice_on,omitempty" maxLength:"10" doc:"The last day to give notice."`
	Attribute string `bun:"attribute" json:"attribute,omitempty" yaml:"attribute,omitempty" maxLength:"100" doc:"An item uses it when this attribute contains the text."`
	Contains  string `bun:"contains" json:"contains,omitempty" yaml:"contains,omitempty" maxLength:"200" doc:"The text, in any case."`
	Package   string `bun:"package" json:"package,omitempty" yaml:"package,omitempty" maxLength:"200" doc:"An item uses it when an agent finds this package there."`
	Notes     string `bun:"notes" json:"notes,omitempty" yaml:"notes,omitempty" maxLength:"5000"`
}

// Purchase is a number of licenses that were bought together.
type Purchase struct {
	Quantity    int64  `bun:"quantity" json:"quantity" yaml:"quantity" minimum:"1" maximum:"1000000000"`
	PurchasedOn string `bun:"purchased_on" json:"purchased_on,omitempty" yaml:"purchased_on,omitempty" maxLength:"10"`
	ValidUntil  string `bun:"valid_until" json:"valid_until,omitempty" yaml:"valid_until,omitempty" maxLength:"10" doc:"The last day; empty for ever. After it the purchase entitles to nothing."`
	Price       int64  `bun:"price" json:"price,omitempty" yaml:"price,omitempty" minimum:"0" maximum:"1000000000000000" doc:"Of all together, in the smallest unit of the currency."`
	Currency    string `bun:"currency" json:"currency,omitempty" yaml:"currency,omitempty" maxLength:"3"`
	OrderNumber string `bun:"order_number" json:"order_number,omitempty" yaml:"order_number,omitempty" maxLength:"100"`
}

type licenseRow struct {
	bun.BaseModel `bun:"asset_licenses,alias:l"`

	ID   string `bun:"id,pk"`
	Name string `bun:"name"`
	LicenseFields
	CreatedAt time.Time `bun:"created_at"`
	UpdatedAt time.Time `bun:"updated_at"`
	Version   int64     `bun:"version"`
}

type purchaseRow struct {
	bun.BaseModel `bun:"asset_purchases,alias:p"`

	ID        string `bun:"id,pk"`
	LicenseID string `bun:"license_id"`
	Purchase
}

// License is the right to use a product so many times.
type License struct {
	Name string `json:"name"`
	LicenseFields
	Entitled int64 `json:"entitled" doc:"Sum of the purchases that are valid today."`
	Assigned int64 `json:"assigned" doc:"Number of people and items that it is assigned to."`
	Used     int64 `json:"used" doc:"Number of items on which the rule finds it."`
	Free     int64 `json:"free" doc:"Entitled, less the greater of assigned and used. Negative when there are too few."`
	Lacking  bool  `json:"lacking" doc:"Free is negative."`
}

// Assignment gives a license to a person or item.
type Assignment struct {
	Kind  string    `json:"kind" enum:"person,item"`
	Name  string    `json:"name" doc:"Email address of the person or name of the item."`
	Title string    `json:"title,omitempty" doc:"Name of the person."`
	At    time.Time `json:"at"`
	Actor string    `json:"actor"`
}

// Use is an item on which the rule of a license finds it.
type Use struct {
	Item  string `json:"item"`
	Found string `json:"found"`
}

func (f *LicenseFields) check(name string) error {
	var p problems
	if err := account.CheckName("name", name); err != nil {
		p = append(p, errs.FieldsOf(err)...)
	}
	p.line("product", &f.Product, 200)
	if f.Product == "" {
		p.add("product", "", "must not be empty")
	}
	p.line("vendor", &f.Vendor, 200)
	p.text("notes", &f.Notes, 5000)
	p.day("renewal_on", f.RenewalOn)
	p.day("notice_on", f.NoticeOn)
	p.line("attribute", &f.Attribute, 100)
	p.line("contains", &f.Contains, 200)
	p.line("package", &f.Package, 200)
	if f.Model == "" {
		f.Model = licenseModels[0]
	} else if !slices.Contains(licenseModels, f.Model) {
		p.add("model", f.Model, "must be one of user, device, core, concurrent, site, subscription")
	}
	if (f.Attribute == "") != (f.Contains == "") {
		p.add("contains", f.Contains, "must be given together with the attribute")
	}
	if f.Attribute != "" && f.Package != "" {
		p.add("package", f.Package, "must not be given together with an attribute; a license has one rule")
	}
	return errs.Fields(p...)
}

func checkPurchases(ps []Purchase) error {
	var p problems
	if len(ps) > maxPurchases {
		p.add("purchases", fmt.Sprint(len(ps)), "must be at most 1,000")
	}
	for i := range ps {
		var q problems
		x := &ps[i]
		if x.Quantity < 1 || x.Quantity > maxStock {
			q.add("quantity", fmt.Sprint(x.Quantity), "must be from 1 to 1,000,000,000")
		}
		q.day("purchased_on", x.PurchasedOn)
		q.day("valid_until", x.ValidUntil)
		q.price(x.Price, x.Currency)
		q.line("order_number", &x.OrderNumber, 100)
		for _, f := range q {
			f.Path = fmt.Sprintf("purchases[%d].%s", i, f.Path)
			p = append(p, f)
		}
	}
	return errs.Fields(p...)
}

func licenseURL(name string) string { return "/estate/licenses/" + name }

func licenseByName(ctx context.Context, q bun.IDB, name string) (*licenseRow, error) {
	var r licenseRow
	err := q.NewSelect().Model(&r).Where("name = ?", name).Scan(ctx)
	return &r, db.NotFound(err, "There is no license named %s.", cut(name))
}

func purchases(ctx context.Context, q bun.IDB, licenseID string) ([]Purchase, error) {
	var rows []purchaseRow
	err := q.NewSelect().Model(&rows).Where("license_id = ?", licenseID).OrderExpr("id").Scan(ctx)
	out := make([]Purchase, len(rows))
	for i, r := range rows {
		out[i] = r.Purchase
	}
	return out, err
}

type licenseRecord struct {
	LicenseFields
	Purchases []Purchase `json:"purchases"`
}

// saveLicense makes a license or replaces it, with its purchases. With fresh it must
// be new.
func (s *Service) saveLicense(ctx context.Context, tx *db.Tx, name string, f LicenseFields, bought []Purchase, fresh bool) (made, changed bool, err error) {
	if err := f.check(name); err != nil {
		return false, false, err
	}
	if err := checkPurchases(bought); err != nil {
		return false, false, err
	}
	r, err := licenseByName(ctx, tx, name)
	made = errs.Is(err, errs.NotFound)
	if err != nil && !made {
		return false, false, err
	}
	c := audit.Change{Action: "license.update", Name: name, After: licenseRecord{f, bought}}
	ruleChanged := made
	if made {
		c.Action = "license.create"
		*r = licenseRow{ID: id.New(), Name: name, LicenseFields: f, CreatedAt: tx.Now(), UpdatedAt: tx.Now(), Version: 1}
		if _, err := tx.NewInsert().Model(r).Exec(ctx); err != nil {
			return false, false, err
		}
	} else {
		if fresh {
			return false, false, errs.New(errs.Conflict, "There is a license named %s already.", name)
		}
		had, err := purchases(ctx, tx, r.ID)
		if err != nil {
			return false, false, err
		}
		if r.LicenseFields == f && slices.Equal(had, bought) {
			return false, false, nil
		}
		c.Before = licenseRecord{r.LicenseFields, had}
		ruleChanged = r.Attribute != f.Attribute || r.Contains != f.Contains || r.Package != f.Package
		r.LicenseFields, r.UpdatedAt, r.Version = f, tx.Now(), r.Version+1
		if _, err := tx.NewUpdate().Model(r).WherePK().Exec(ctx); err != nil {
			return false, false, err
		}
		if _, err := tx.NewRaw("DELETE FROM asset_purchases WHERE license_id = ?", r.ID).Exec(ctx); err != nil {
			return false, false, err
		}
	}
	for _, b := range bought {
		if _, err := tx.NewInsert().Model(&purchaseRow{ID: id.New(), LicenseID: r.ID, Purchase: b}).Exec(ctx); err != nil {
			return false, false, err
		}
	}
	if ruleChanged {
		if _, err := tx.NewRaw("DELETE FROM asset_uses WHERE license_id = ?", r.ID).Exec(ctx); err != nil {
			return false, false, err
		}
		if f.Attribute != "" || f.Package != "" {
			if err := s.rescan(ctx, tx); err != nil {
				return false, false, err
			}
		}
	}
	if err := search.Put(ctx, tx, search.Doc{Kind: licenseKind, RefID: r.ID, Name: name, Title: f.Product, Body: f.Vendor + "\n" + f.Notes, URL: licenseURL(name)}); err != nil {
		return false, false, err
	}
	c.Ref = licenseRef(r.ID)
	s.tell(tx, "changed", name)
	return made, true, audit.Write(ctx, tx, c)
}

func (s *Service) deleteLicense(ctx context.Context, tx *db.Tx, name string) error {
	r, err := licenseByName(ctx, tx, name)
	if err != nil {
		return err
	}
	if _, err := tx.NewDelete().Model(r).WherePK().Exec(ctx); err != nil {
		return err
	}
	if err := search.Remove(ctx, tx, licenseKind, r.ID); err != nil {
		return err
	}
	s.tell(tx, "removed", name)
	return audit.Write(ctx, tx, audit.Change{Action: "license.delete", Ref: licenseRef(r.ID), Name: name, Before: r.LicenseFields})
}

// holder finds who a person names: kind and id.
func (s *Service) assignee(ctx context.Context, q bun.IDB, kind, name string) (string, error) {
	if kind == "item" {
		return s.itemID(ctx, q, "name", name)
	}
	a, err := account.ByEmail(ctx, q, name)
	if errs.Is(err, errs.NotFound) || errors.Is(err, sql.ErrNoRows) {
		return "", errs.Fields(errs.Field{Path: "name", Value: cut(name), Message: "must be the email address of a person here"})
	}
	if err != nil {
		return "", err
	}
	return a.ID, nil
}

// assign gives the license; one that is there stays as it is. That there are too few
// is shown, not refused: the record follows the world.
func (s *Service) assign(ctx context.Context, tx *db.Tx, license, kind, name string, on bool) error {
	r, err := licenseByName(ctx, tx, license)
	if err != nil {
		return err
	}
	ref, err := s.assignee(ctx, tx, kind, name)
	if err != nil {
		return err
	}
	if ref == "" {
		return errs.Fields(errs.Field{Path: "name", Message: "must not be empty"})
	}
	action, res := "license.assign", sql.Result(nil)
	if on {
		res, err = tx.NewRaw("INSERT INTO asset_assignments (license_id, kind, ref_id, at, actor) VALUES (?, ?, ?, ?, ?) ON CONFLICT (license_id, kind, ref_id) DO NOTHING", r.ID, kind, ref, tx.Now(), access.From(ctx).Actor()).Exec(ctx)
	} else {
		action = "license.unassign"
		res, err = tx.NewRaw("DELETE FROM asset_assignments WHERE license_id = ? AND kind = ? AND ref_id = ?", r.ID, kind, ref).Exec(ctx)
	}
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err
	}
	s.tell(tx, "changed", license)
	return audit.Write(ctx, tx, audit.Change{Action: action, Ref: licenseRef(r.ID), Name: license, After: map[string]string{"kind": kind, "name": name}})
}

// countPackages finds the items that have the packages that licenses name.
func (s *Service) countPackages(ctx context.Context) error {
	if s.software == nil {
		return nil
	}
	var rows []licenseRow
	if err := s.d.DB.Reader().NewSelect().Model(&rows).Where("package <> ''").Scan(ctx); err != nil {
		return err
	}
	for _, l := range rows {
		if err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			on, err := s.software.WithPackage(ctx, tx, l.Package, 100_000)
			if err != nil {
				return err
			}
			had := map[string]string{}
			var uses []struct{ ItemID, Found string }
			if err := tx.NewRaw("SELECT item_id, found FROM asset_uses WHERE license_id = ?", l.ID).Scan(ctx, &uses); err != nil {
				return err
			}
			for _, u := range uses {
				had[u.ItemID] = u.Found
			}
			for _, o := range on {
				text := cut(l.Package + " " + o.Version)
				if was, ok := had[o.ItemID]; !ok || was != text {
					if _, err := tx.NewRaw("INSERT INTO asset_uses (license_id, item_id, found) VALUES (?, ?, ?) ON CONFLICT (license_id, item_id) DO UPDATE SET found = excluded.found", l.ID, o.ItemID, text).Exec(ctx); err != nil {
						return err
					}
				}
				delete(had, o.ItemID)
			}
			for item := range had {
				if _, err := tx.NewRaw("DELETE FROM asset_uses WHERE license_id = ? AND item_id = ?", l.ID, item).Exec(ctx); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// licenseViews adds the figures.
func (s *Service) licenseViews(ctx context.Context, q bun.IDB, rows []licenseRow) ([]License, error) {
	out := make([]License, len(rows))
	ids, at := make([]string, len(rows)), map[string]*License{}
	for i, r := range rows {
		out[i] = License{Name: r.Name, LicenseFields: r.LicenseFields}
		ids[i], at[r.ID] = r.ID, &out[i]
	}
	if len(rows) == 0 {
		return out, nil
	}
	for _, c := range []struct {
		sql  string
		args []any
		set  func(*License) *int64
	}{
		{"SELECT license_id, SUM(quantity) AS n FROM asset_purchases WHERE license_id IN (?) AND (valid_until = '' OR valid_until >= ?) GROUP BY license_id", []any{bun.In(ids), s.today()}, func(l *License) *int64 { return &l.Entitled }},
		{"SELECT license_id, COUNT(*) AS n FROM asset_assignments WHERE license_id IN (?) GROUP BY license_id", []any{bun.In(ids)}, func(l *License) *int64 { return &l.Assigned }},
		{"SELECT license_id, COUNT(*) AS n FROM asset_uses WHERE license_id IN (?) GROUP BY license_id", []any{bun.In(ids)}, func(l *License) *int64 { return &l.Used }},
	} {
		var ns []struct {
			LicenseID string
			N         int64
		}
		if err := q.NewRaw(c.sql, c.args...).Scan(ctx, &ns); err != nil {
			return nil, err
		}
		for _, n := range ns {
			*c.set(at[n.LicenseID]) = n.N
		}
	}
	for i := range out {
		l := &out[i]
		l.Free = l.Entitled - max(l.Assigned, l.Used)
		l.Lacking = l.Free < 0
	}
	return out, nil
}
