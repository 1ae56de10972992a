package inventory

import (
	"context"
	"net/http"

	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

// BaselineIn names a baseline in a path.
type BaselineIn struct {
	Baseline string `path:"baseline" maxLength:"1000" doc:"Name of the baseline; a slash is written %2F."`
}

type newBaselineIn struct {
	Body struct {
		Name        string         `json:"name" maxLength:"1000"`
		Description string         `json:"description,omitempty" maxLength:"300"`
		Filter      BaselineFilter `json:"filter,omitempty"`
	}
}

type compareIn struct {
	BaselineIn
	httpapi.Page
}

func (s *Service) baselineRoutes(api *httpapi.API) {
	const base = "/api/v1/item-baselines"
	httpapi.Handle(api, httpapi.Op{ID: "list-item-baselines", Method: "GET", Path: base, Need: estate.ReadItems, Tag: "items", Summary: "Baselines, the newest first"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[httpapi.List[Baseline]], error) {
			var bs []Baseline
			err := s.db.Reader().NewSelect().Model(&bs).OrderExpr("at DESC, name").Scan(ctx)
			for n := range bs {
				bs[n].At = bs[n].At.UTC()
			}
			return httpapi.NewList(bs, ""), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "create-item-baseline", Method: "POST", Path: base, Need: estate.WriteItems, Tag: "items", Summary: "Keep how a set of items is now", Status: http.StatusCreated},
		func(ctx context.Context, in *newBaselineIn) (*httpapi.Body[Baseline], error) {
			b, err := s.SaveBaseline(ctx, in.Body.Name, in.Body.Description, in.Body.Filter)
			if err != nil {
				return nil, err
			}
			return &httpapi.Body[Baseline]{Body: *b}, nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "compare-item-baseline", Method: "GET", Path: base + "/{baseline}/differences", Need: estate.ReadItems, Tag: "items", Summary: "What differs now from a baseline, by item"},
		func(ctx context.Context, in *compareIn) (*httpapi.Body[httpapi.List[Difference]], error) {
			after := ""
			if in.Cursor != "" {
				if err := readCursor(in.Cursor, &after); err != nil {
					return nil, err
				}
			}
			ds, next, err := s.Compare(ctx, in.Baseline, after, in.Limit)
			return httpapi.NewList(ds, next), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-item-baseline", Method: "DELETE", Path: base + "/{baseline}", Need: estate.WriteItems, Tag: "items", Summary: "Forget a baseline", Status: http.StatusNoContent},
		func(ctx context.Context, in *BaselineIn) (*struct{}, error) {
			return nil, s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				b, err := baselineNamed(ctx, tx, in.Baseline)
				if err != nil {
					return err
				}
				if _, err := tx.NewRaw("DELETE FROM item_baselines WHERE name = ?", b.Name).Exec(ctx); err != nil {
					return err
				}
				return audit.Write(ctx, tx, audit.Change{Action: "item_baseline.delete", Ref: entity.Ref{Kind: "item_baseline", ID: b.Name}, Name: b.Name, Before: b})
			})
		})
}
