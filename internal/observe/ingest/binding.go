package ingest

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

// Binding says which item signals mean by a name or address.
type Binding struct {
	bun.BaseModel `bun:"ingest_bindings" json:"-"`

	ID        string    `bun:"id,pk" json:"id"`
	Hint      string    `bun:"hint" json:"hint" enum:"item,machine_id,host,service,address"`
	Value     string    `bun:"value" json:"value"`
	ItemID    string    `bun:"item_id" json:"item_id"`
	Item      string    `bun:"-" json:"item" doc:"Name of the item."`
	CreatedAt time.Time `bun:"created_at" json:"created_at"`
	CreatedBy string    `bun:"created_by" json:"created_by"`
}

const maxBindings = 20_000

func bindings(ctx context.Context, q bun.IDB) ([]Binding, error) {
	bs := []Binding{}
	err := q.NewSelect().Model(&bs).OrderExpr("hint, value").Limit(maxBindings).Scan(ctx)
	return bs, err
}

// bind makes or moves a binding.
func bind(ctx context.Context, tx *db.Tx, c clue, it estate.Item) (Binding, error) {
	b := Binding{ID: id.New(), Hint: c.hint, Value: c.value, ItemID: it.ID, Item: it.Name, CreatedAt: tx.Now(), CreatedBy: access.From(ctx).Actor()}
	if _, err := tx.NewInsert().Model(&b).On("CONFLICT (hint, value) DO UPDATE").Set("item_id = EXCLUDED.item_id").Set("created_at = EXCLUDED.created_at").Set("created_by = EXCLUDED.created_by").Exec(ctx); err != nil {
		return b, err
	}
	if err := tx.NewRaw("SELECT id FROM ingest_bindings WHERE hint = ? AND value = ?", c.hint, c.value).Scan(ctx, &b.ID); err != nil {
		return b, err
	}
	if _, err := tx.NewRaw("DELETE FROM ingest_unknown WHERE hint = ? AND value = ?", c.hint, c.value).Exec(ctx); err != nil {
		return b, err
	}
	return b, audit.Write(ctx, tx, audit.Change{Action: "ingest.bind", Ref: estate.Ref(it.ID), Name: it.Name, After: b})
}

// listBindings gives them with the names of the items.
func (s *Service) listBindings(ctx context.Context) ([]Binding, error) {
	q := s.d.DB.Reader()
	bs, err := bindings(ctx, q)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(bs))
	for i := range bs {
		ids[i] = bs[i].ItemID
	}
	its, err := s.items.ByIDs(ctx, q, ids)
	for i := range bs {
		bs[i].Item = its[bs[i].ItemID].Name
	}
	return bs, err
}

// Unbind takes a binding away.
func (s *Service) Unbind(ctx context.Context, bindingID string) error {
	err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		var b Binding
		if err := tx.NewSelect().Model(&b).Where("id = ?", bindingID).Scan(ctx); err != nil {
			return db.NotFound(err, "There is no such binding.")
		}
		if _, err := tx.NewRaw("DELETE FROM ingest_bindings WHERE id = ?", bindingID).Exec(ctx); err != nil {
			return err
		}
		return audit.Write(ctx, tx, audit.Change{Action: "ingest.unbind", Ref: estate.Ref(b.ItemID), Name: b.Value, Before: b})
	})
	if err != nil {
		return err
	}
	return s.match.loadBindings(ctx)
}

// itemGone ends the bindings of an item that was removed.
func (s *Service) itemGone(ctx context.Context, tx *db.Tx, itemID string) error {
	if _, err := tx.NewRaw("DELETE FROM ingest_bindings WHERE item_id = ?", itemID).Exec(ctx); err != nil {
		return err
	}
	s.reload(ctx, tx)
	return nil
}

// reload reads the bindings again once the transaction holds.
func (s *Service) reload(ctx context.Context, tx *db.Tx) {
	ctx = context.WithoutCancel(ctx)
	tx.AfterCommit(func() {
		if err := s.match.loadBindings(ctx); err != nil {
			s.d.Logger.Error("the bindings of sources could not be read", "error", errs.Message(err))
		}
	})
}
