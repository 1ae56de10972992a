package asset

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
)

// maxStock is the largest count and the largest booking.
const maxStock = 1_000_000_000

// StockFields is what a person says of a stock.
type StockFields struct {
	Name     string `bun:"name" json:"name" minLength:"1" maxLength:"200"`
	Category string `bun:"category" json:"category,omitempty" maxLength:"100"`
	Unit     string `bun:"unit" json:"unit,omitempty" maxLength:"40" doc:"What is counted: piece, box, meter."`
	Location string `bun:"location" json:"location,omitempty" maxLength:"200"`
	Minimum  int64  `bun:"minimum" json:"minimum,omitempty" minimum:"0" maximum:"1000000000" doc:"Below this it is to be ordered."`
	Notes    string `bun:"notes" json:"notes,omitempty" maxLength:"5000"`
}

// Stock is a sort of thing that is counted and not tagged.
type Stock struct {
	bun.BaseModel `bun:"asset_stock,alias:s" json:"-"`

	ID string `bun:"id,pk" json:"id"`
	StockFields
	Quantity  int64     `bun:"quantity" json:"quantity"`
	Short     bool      `bun:"-" json:"short" doc:"Below the minimum."`
	CreatedAt time.Time `bun:"created_at" json:"created_at"`
	UpdatedAt time.Time `bun:"updated_at" json:"updated_at"`
	Version   int64     `bun:"version" json:"-"`
}

// Booking is one change of a count.
type Booking struct {
	bun.BaseModel `bun:"asset_bookings,alias:b" json:"-"`

	ID       string    `bun:"id,pk" json:"id"`
	StockID  string    `bun:"stock_id" json:"-"`
	At       time.Time `bun:"at" json:"at"`
	Actor    string    `bun:"actor" json:"actor"`
	Change   int64     `bun:"change" json:"change" doc:"Positive for what came in."`
	Quantity int64     `bun:"quantity" json:"quantity" doc:"The count afterwards."`
	Reason   string    `bun:"reason" json:"reason,omitempty"`
}

func (f *StockFields) check() error {
	var p problems
	p.line("name", &f.Name, 200)
	if f.Name == "" {
		p.add("name", "", "must not be empty")
	}
	p.line("category", &f.Category, 100)
	p.line("unit", &f.Unit, 40)
	p.line("location", &f.Location, 200)
	p.text("notes", &f.Notes, 5000)
	if f.Minimum < 0 || f.Minimum > maxStock {
		p.add("minimum", fmt.Sprint(f.Minimum), "must be from 0 to 1,000,000,000")
	}
	return errs.Fields(p...)
}

func stockByID(ctx context.Context, q bun.IDB, stockID string) (*Stock, error) {
	var r Stock
	err := q.NewSelect().Model(&r).Where("id = ?", stockID).Scan(ctx)
	r.Short = r.Quantity < r.Minimum
	return &r, db.NotFound(err, "There is no such stock.")
}

func stockRef(stockID string) entity.Ref { return entity.Ref{Kind: stockKind, ID: stockID} }

func freeStockName(ctx context.Context, q bun.IDB, name, self string) error {
	n, err := q.NewSelect().Model((*Stock)(nil)).Where("name = ? AND id <> ?", name, self).Count(ctx)
	if err == nil && n > 0 {
		err = errs.New(errs.Conflict, "There is a stock named %s already.", name)
	}
	return err
}

func (s *Service) createStock(ctx context.Context, tx *db.Tx, f StockFields, quantity int64) (*Stock, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	if err := freeStockName(ctx, tx, f.Name, ""); err != nil {
		return nil, err
	}
	r := Stock{ID: id.New(), StockFields: f, CreatedAt: tx.Now(), UpdatedAt: tx.Now(), Version: 1}
	if _, err := tx.NewInsert().Model(&r).Exec(ctx); err != nil {
		return nil, err
	}
	if err := audit.Write(ctx, tx, audit.Change{Action: "stock.create", Ref: stockRef(r.ID), Name: r.Name, After: f}); err != nil {
		return nil, err
	}
	s.tell(tx, "created", r.ID)
	if quantity != 0 {
		if _, err := s.book(ctx, tx, r.ID, quantity, "First count"); err != nil {
			return nil, err
		}
	}
	return &r, nil
}

func (s *Service) updateStock(ctx context.Context, tx *db.Tx, stockID string, f StockFields) error {
	if err := f.check(); err != nil {
		return err
	}
	r, err := stockByID(ctx, tx, stockID)
	if err != nil {
		return err
	}
	if err := freeStockName(ctx, tx, f.Name, r.ID); err != nil {
		return err
	}
	before := r.StockFields
	// The count is left alone: a booking may happen at the same time.
	if _, err := tx.NewRaw("UPDATE asset_stock SET name = ?, category = ?, unit = ?, location = ?, minimum = ?, notes = ?, updated_at = ?, version = version + 1 WHERE id = ?", f.Name, f.Category, f.Unit, f.Location, f.Minimum, f.Notes, tx.Now(), r.ID).Exec(ctx); err != nil {
		return err
	}
	s.tell(tx, "changed", r.ID)
	return audit.Write(ctx, tx, audit.Change{Action: "stock.update", Ref: stockRef(r.ID), Name: f.Name, Before: before, After: f})
}

func (s *Service) deleteStock(ctx context.Context, tx *db.Tx, stockID string) error {
	r, err := stockByID(ctx, tx, stockID)
	if err != nil {
		return err
	}
	if _, err := tx.NewRaw("DELETE FROM asset_stock WHERE id = ?", r.ID).Exec(ctx); err != nil {
		return err
	}
	s.tell(tx, "removed", r.ID)
	return audit.Write(ctx, tx, audit.Change{Action: "stock.delete", Ref: stockRef(r.ID), Name: r.Name, Before: r.StockFields})
}

// book changes a count. It is never negative: the condition is part of the
// statement, so bookings at the same time cannot pass each other.
func (s *Service) book(ctx context.Context, tx *db.Tx, stockID string, change int64, reason string) (*Booking, error) {
	var p problems
	p.line("reason", &reason, 500)
	if change == 0 || change < -maxStock || change > maxStock {
		p.add("change", fmt.Sprint(change), "must be from -1,000,000,000 to 1,000,000,000 and not 0")
	}
	if err := errs.Fields(p...); err != nil {
		return nil, err
	}
	var after []int64
	if err := tx.NewRaw("UPDATE asset_stock SET quantity = quantity + ?, updated_at = ?, version = version + 1 WHERE id = ? AND quantity + ? BETWEEN 0 AND ? RETURNING quantity", change, tx.Now(), stockID, change, int64(maxStock)).Scan(ctx, &after); err != nil {
		return nil, err
	}
	r, err := stockByID(ctx, tx, stockID)
	if err != nil {
		return nil, err
	}
	if len(after) == 0 {
		if change > 0 {
			return nil, errs.New(errs.Conflict, "There would be more than 1,000,000,000 of %s.", r.Name)
		}
		return nil, errs.New(errs.Conflict, "There are only %d of %s.", r.Quantity, r.Name)
	}
	b := Booking{ID: id.New(), StockID: stockID, At: tx.Now(), Actor: access.From(ctx).Actor(), Change: change, Quantity: after[0], Reason: reason}
	if _, err := tx.NewInsert().Model(&b).Exec(ctx); err != nil {
		return nil, err
	}
	s.tell(tx, "changed", stockID)
	return &b, audit.Write(ctx, tx, audit.Change{Action: "stock.book", Ref: stockRef(stockID), Name: r.Name, After: b})
}

// listStock gives a page by name.
func listStock(ctx context.Context, q bun.IDB, text string, short bool, after string, limit int) ([]Stock, string, error) {
	var rows []Stock
	sel := q.NewSelect().Model(&rows).OrderExpr("name").Limit(int64(limit) + 1)
	if text != "" {
		t := like(text)
		sel = sel.Where(`(lower(name) LIKE ? ESCAPE '\' OR lower(location) LIKE ? ESCAPE '\' OR lower(category) LIKE ? ESCAPE '\')`, t, t, t)
	}
	if short {
		sel = sel.Where("quantity < minimum")
	}
	if after != "" {
		sel = sel.Where("name > ?", after)
	}
	if err := sel.Scan(ctx); err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > limit {
		rows = rows[:limit]
		next = rows[limit-1].Name
	}
	for i := range rows {
		rows[i].Short = rows[i].Quantity < rows[i].Minimum
	}
	return rows, next, nil
}

func bookings(ctx context.Context, q bun.IDB, stockID, cursor string, limit int) ([]Booking, string, error) {
	var rows []Booking
	sel := q.NewSelect().Model(&rows).Where("stock_id = ?", stockID).OrderExpr("id DESC").Limit(int64(limit) + 1)
	if cursor != "" {
		sel = sel.Where("id < ?", cursor)
	}
	if err := sel.Scan(ctx); err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > limit {
		rows = rows[:limit]
		next = rows[limit-1].ID
	}
	return rows, next, nil
}
