package alert

import (
	"context"
	"net/http"
	"strings"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

type listIn struct {
	httpapi.Page
	Status   string `query:"status" enum:"firing,resolved"`
	Severity string `query:"severity" enum:"critical,warning,unknown"`
	Item     string `query:"item" maxLength:"200" doc:"Name of the item."`
	Check    string `query:"check" maxLength:"200" doc:"Name of the check."`
	Q        string `query:"q" maxLength:"200" doc:"Text in the title or the output."`
}

type idIn struct {
	ID string `path:"id" maxLength:"100"`
}

type externalIn struct{ Body External }

type silenceIn struct{ Body NewSilence }

type silencesIn struct {
	httpapi.Page
	Expired bool `query:"expired" doc:"Also those that are over."`
}

// Routes implements module.HasRoutes.
func (s *Service) Routes(api *httpapi.API) {
	httpapi.Handle(api, httpapi.Op{ID: "list-alerts", Method: "GET", Path: "/api/v1/alerts", Need: respond.ReadAlerts, Tag: "alerts", Summary: "Alerts, the newest first"},
		func(ctx context.Context, in *listIn) (*httpapi.Body[httpapi.List[View]], error) {
			rows, next, err := list(ctx, s.d.DB.Reader(), filter{Status: in.Status, Severity: in.Severity, Item: in.Item, Check: in.Check, Text: in.Q, Cursor: in.Cursor, Limit: in.Limit})
			if err != nil {
				return nil, err
			}
			out := make([]View, len(rows))
			for i := range rows {
				out[i] = rows[i].view()
			}
			return httpapi.NewList(out, next), nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "get-alert", Method: "GET", Path: "/api/v1/alerts/{id}", Need: respond.ReadAlerts, Tag: "alerts", Summary: "One alert"},
		func(ctx context.Context, in *idIn) (*httpapi.Body[View], error) {
			a, err := byID(ctx, s.d.DB.Reader(), in.ID)
			if err != nil {
				return nil, err
			}
			return &httpapi.Body[View]{Body: a.view()}, nil
		})
	httpapi.Handle(api, httpapi.Op{
		ID: "send-alert", Method: "POST", Path: "/api/v1/alerts", Need: respond.WriteAlerts, Tag: "alerts", Summary: "Send an alert of another program, or its end",
		Description: "While an alert with the fingerprint fires, a second one updates it. To resolve what does not fire does nothing and answers 200 with status resolved.",
	}, s.send)
	s.silenceRoutes(api)
}

func (s *Service) send(ctx context.Context, in *externalIn) (*httpapi.Body[View], error) {
	b := in.Body
	if b.Status == "" {
		b.Status = Firing
	}
	if b.Severity == "" {
		b.Severity = respond.SeverityCritical
	}
	if b.Status == Firing && strings.TrimSpace(b.Title) == "" {
		return nil, errs.Fields(errs.Field{Path: "title", Message: "must not be empty"})
	}
	if len(b.Labels) > 50 {
		return nil, errs.Fields(errs.Field{Path: "labels", Message: "has more than 50 entries"})
	}
	for k, v := range b.Labels {
		if k == "" || len(k) > 200 || len(v) > 200 {
			return nil, errs.Fields(errs.Field{Path: "labels." + cut(k, 40), Message: "name and value must have at most 200 characters, the name at least 1"})
		}
	}
	out := View{Fingerprint: "api:" + b.Fingerprint, Status: Resolved, Severity: b.Severity, Title: b.Title, Suppressed: []string{}}
	err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		var item estate.Item
		if b.Item != "" {
			var err error
			if item, err = s.items.ByName(ctx, tx, b.Item); err != nil {
				if errs.Is(err, errs.NotFound) {
					return errs.Fields(errs.Field{Path: "item", Value: b.Item, Message: "is not the name of an item"})
				}
				return err
			}
		}
		if a, err := firing(ctx, tx, "api:"+b.Fingerprint); err != nil {
			return err
		} else if a != nil {
			item.OwnerTeamID = a.TeamID
		}
		if err := access.Check(ctx, respond.WriteAlerts, item.OwnerTeamID); err != nil {
			return err
		}
		a, err := s.receive(ctx, tx, b, item)
		if err != nil || a == nil {
			return err
		}
		out = a.view()
		return audit.Write(ctx, tx, audit.Change{Action: "alert.send", Ref: entity.Ref{Kind: respond.AlertKind, ID: a.ID}, Name: a.Title, After: map[string]any{"status": a.Status, "severity": a.Severity}})
	})
	if err != nil {
		return nil, err
	}
	return &httpapi.Body[View]{Body: out}, nil
}

func (s *Service) silenceRoutes(api *httpapi.API) {
	httpapi.Handle(api, httpapi.Op{ID: "list-silences", Method: "GET", Path: "/api/v1/silences", Need: respond.ReadAlerts, Tag: "silences", Summary: "Silences, the newest first"},
		func(ctx context.Context, in *silencesIn) (*httpapi.Body[httpapi.List[Silence]], error) {
			now := s.d.DB.Clock().Now().UTC()
			var rows []silenceRow
			sel := s.d.DB.Reader().NewSelect().Model(&rows).OrderExpr("id DESC").Limit(int64(in.Limit) + 1)
			if !in.Expired {
				sel = sel.Where("ends_at > ?", now)
			}
			if in.Cursor != "" {
				sel = sel.Where("id < ?", in.Cursor)
			}
			if err := sel.Scan(ctx); err != nil {
				return nil, err
			}
			next := ""
			if len(rows) > in.Limit {
				rows = rows[:in.Limit]
				next = rows[in.Limit-1].ID
			}
			out := make([]Silence, len(rows))
			for i, r := range rows {
				var err error
				if out[i], err = r.view(now); err != nil {
					return nil, err
				}
			}
			return httpapi.NewList(out, next), nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "create-silence", Method: "POST", Path: "/api/v1/silences", Need: respond.WriteAlerts, Tag: "silences", Summary: "Keep matching alerts from being told for a while", Status: http.StatusCreated},
		func(ctx context.Context, in *silenceIn) (*httpapi.Body[Silence], error) {
			var out Silence
			err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
				if err := access.Check(ctx, respond.WriteAlerts, ""); err != nil {
					return err
				}
				out, err = s.createSilence(ctx, tx, in.Body)
				return err
			})
			if err != nil {
				return nil, err
			}
			return &httpapi.Body[Silence]{Body: out}, nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "expire-silence", Method: "POST", Path: "/api/v1/silences/{id}/expire", Need: respond.WriteAlerts, Tag: "silences", Summary: "End a silence now", Status: http.StatusNoContent},
		func(ctx context.Context, in *idIn) (*struct{}, error) {
			return nil, s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				if err := access.Check(ctx, respond.WriteAlerts, ""); err != nil {
					return err
				}
				return s.expireSilence(ctx, tx, in.ID)
			})
		})
}
