package log

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// View is a query with a name. Everybody sees those that are shared; the others only
// who made them.
type View struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Query     string    `json:"query"`
	Since     string    `json:"since" doc:"Range of time that it opens with, as an age: 15m, 1h, 7d."`
	Fields    []string  `json:"fields" doc:"Fields that are shown beside each line."`
	Shared    bool      `json:"shared"`
	Owner     string    `json:"owner"`
	Mine      bool      `json:"mine" doc:"Whether whoever asks made it."`
	Version   int64     `json:"version"`
	UpdatedAt time.Time `json:"updated_at"`
}

// ViewSpec is what a person chooses of a view.
type ViewSpec struct {
	Name   string   `json:"name" minLength:"1" maxLength:"100"`
	Query  string   `json:"query" maxLength:"20000"`
	Since  string   `json:"since,omitempty" maxLength:"20"`
	Fields []string `json:"fields,omitempty" maxItems:"20"`
	Shared bool     `json:"shared,omitempty"`
}

type viewRow struct {
	bun.BaseModel `bun:"log_views"`

	ID        string    `bun:"id,pk"`
	Name      string    `bun:"name"`
	Query     string    `bun:"query"`
	Since     string    `bun:"since"`
	Fields    string    `bun:"fields"`
	Shared    bool      `bun:"shared"`
	OwnerID   string    `bun:"owner_id"`
	Owner     string    `bun:"owner"`
	Version   int64     `bun:"version"`
	CreatedAt time.Time `bun:"created_at"`
	UpdatedAt time.Time `bun:"updated_at"`
}

// maxViews bounds how many views one person may keep.
const maxViews = 500

func (r *viewRow) view(me string) (View, error) {
	v := View{ID: r.ID, Name: r.Name, Query: r.Query, Since: r.Since, Fields: []string{}, Shared: r.Shared, Owner: r.Owner, Mine: r.OwnerID == me, Version: r.Version, UpdatedAt: r.UpdatedAt}
	return v, json.Unmarshal([]byte(r.Fields), &v.Fields)
}

func (s *Service) validate(in *ViewSpec) error {
	var bad []errs.Field
	if in.Name = strings.TrimSpace(in.Name); in.Name == "" {
		bad = append(bad, errs.Field{Path: "name", Message: "must not be empty"})
	}
	if in.Since == "" {
		in.Since = "1h"
	}
	if d, err := duration(in.Since); err != nil || d <= 0 {
		bad = append(bad, errs.Field{Path: "since", Value: in.Since, Message: "must be an age such as 15m, 1h or 7d"})
	}
	if err := s.CheckLogs(in.Query); errs.Is(err, errs.Invalid) {
		bad = append(bad, errs.FieldsOf(err)...)
	} else if err != nil {
		return err
	}
	return errs.Fields(bad...)
}

func (s *Service) views(ctx context.Context) ([]View, error) {
	me := access.From(ctx).ID
	var rows []viewRow
	if err := s.d.DB.Reader().NewSelect().Model(&rows).Where("shared OR owner_id = ?", me).OrderExpr("name, id").Limit(2 * maxViews).Scan(ctx); err != nil {
		return nil, err
	}
	out := make([]View, 0, len(rows))
	for i := range rows {
		v, err := rows[i].view(me)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (s *Service) addView(ctx context.Context, in ViewSpec) (View, error) {
	if err := s.validate(&in); err != nil {
		return View{}, err
	}
	p := access.From(ctx)
	var out View
	err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		n, err := tx.NewSelect().Model((*viewRow)(nil)).Where("owner_id = ?", p.ID).Count(ctx)
		if err != nil {
			return err
		}
		if n >= maxViews {
			return errs.New(errs.Conflict, "You have %d saved views. Remove one first.", n)
		}
		r := viewRow{ID: id.New(), OwnerID: p.ID, Owner: p.Actor(), CreatedAt: tx.Now()}
		if out, err = put(ctx, tx, &r, in); err != nil {
			return err
		}
		if _, err := tx.NewInsert().Model(&r).Exec(ctx); err != nil {
			return err
		}
		return audit.Write(ctx, tx, audit.Change{Action: "log.view.create", Ref: entity.Ref{Kind: "log_view", ID: r.ID}, Name: r.Name})
	})
	return out, err
}

// put takes over what was chosen.
func put(ctx context.Context, tx *db.Tx, r *viewRow, in ViewSpec) (View, error) {
	if in.Fields == nil {
		in.Fields = []string{}
	}
	fields, err := json.Marshal(in.Fields)
	if err != nil {
		return View{}, err
	}
	r.Name, r.Query, r.Since, r.Fields, r.Shared = in.Name, in.Query, in.Since, string(fields), in.Shared
	r.Version++
	r.UpdatedAt = tx.Now()
	return r.view(access.From(ctx).ID)
}

// viewFor reads a view that whoever acts may change: its own, or a shared one.
func (s *Service) viewFor(ctx context.Context, tx *db.Tx, viewID string) (*viewRow, error) {
	var r viewRow
	err := tx.NewSelect().Model(&r).Where("id = ?", viewID).Where("shared OR owner_id = ?", access.From(ctx).ID).Scan(ctx)
	return &r, db.NotFound(err, "There is no such saved view.")
}

func (s *Service) setView(ctx context.Context, viewID string, ifMatch string, in ViewSpec) (View, error) {
	if err := s.validate(&in); err != nil {
		return View{}, err
	}
	var out View
	err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := s.viewFor(ctx, tx, viewID)
		if err != nil {
			return err
		}
		if err := httpapi.CheckMatch(ifMatch, r.Version); err != nil {
			return err
		}
		if out, err = put(ctx, tx, r, in); err != nil {
			return err
		}
		if _, err := tx.NewUpdate().Model(r).WherePK().Exec(ctx); err != nil {
			return err
		}
		return audit.Write(ctx, tx, audit.Change{Action: "log.view.update", Ref: entity.Ref{Kind: "log_view", ID: r.ID}, Name: r.Name})
	})
	return out, err
}

func (s *Service) removeView(ctx context.Context, viewID string) error {
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := s.viewFor(ctx, tx, viewID)
		if err != nil {
			return err
		}
		if _, err := tx.NewDelete().Model(r).WherePK().Exec(ctx); err != nil {
			return err
		}
		return audit.Write(ctx, tx, audit.Change{Action: "log.view.delete", Ref: entity.Ref{Kind: "log_view", ID: r.ID}, Name: r.Name})
	})
}

type viewIn struct {
	ID      string `path:"id"`
	IfMatch string `header:"If-Match"`
	Body    ViewSpec
}

func (s *Service) viewRoutes(api *httpapi.API) {
	const tag, base = "logs", "/api/v1/logs/views"
	httpapi.Handle(api, httpapi.Op{ID: "list-log-views", Method: "GET", Path: base, Need: observe.ReadLogs, Tag: tag, Summary: "Saved views of logs: your own and those that are shared"},
		func(ctx context.Context, _ *struct{}) (*httpapi.Body[httpapi.List[View]], error) {
			out, err := s.views(ctx)
			return httpapi.NewList(out, ""), err
		})
	httpapi.Handle(api, httpapi.Op{ID: "create-log-view", Method: "POST", Path: base, Need: observe.SaveViews, Tag: tag, Summary: "Save a view of logs", Status: http.StatusCreated},
		func(ctx context.Context, in *struct{ Body ViewSpec }) (*httpapi.Body[View], error) {
			v, err := s.addView(ctx, in.Body)
			return &httpapi.Body[View]{Body: v}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "update-log-view", Method: "PUT", Path: base + "/{id}", Need: observe.SaveViews, Tag: tag, Summary: "Change a saved view of logs"},
		func(ctx context.Context, in *viewIn) (*httpapi.Body[View], error) {
			v, err := s.setView(ctx, in.ID, in.IfMatch, in.Body)
			return &httpapi.Body[View]{Body: v}, err
		})
	httpapi.Handle(api, httpapi.Op{ID: "delete-log-view", Method: "DELETE", Path: base + "/{id}", Need: observe.SaveViews, Tag: tag, Summary: "Remove a saved view of logs", Status: http.StatusNoContent},
		func(ctx context.Context, in *struct {
			ID string `path:"id"`
		},
		) (*struct{}, error) {
			return nil, s.removeView(ctx, in.ID)
		})
}
