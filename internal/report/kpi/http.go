package kpi

import (
	"context"
	"net/http"

	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/report"
	"github.com/mainstay-ops/mainstay/internal/report/kpi/figures"
)

// Range is the period of every report.
type Range struct {
	From string `query:"from" maxLength:"60" doc:"RFC 3339; 30 days before to when absent."`
	To   string `query:"to" maxLength:"60" doc:"RFC 3339; now when absent or in the future."`
}

// ReportInput asks for a report of one item.
type ReportInput struct {
	Range
	Item string `query:"item" maxLength:"200" doc:"The name of the item."`
}

type trendInput struct {
	ReportInput
	Step string `query:"step" maxLength:"10" doc:"day, week or month; day when absent. Weeks begin on Monday."`
	TZ   string `query:"tz" maxLength:"60" doc:"The time zone in which a day begins; UTC when absent."`
}

type tableInput struct {
	httpapi.Page
	Range
	Kind  string `query:"kind" maxLength:"100" doc:"Only items of this kind."`
	Owner string `query:"owner" maxLength:"200" doc:"Only items of this team."`
}

// Trend is the availability of an item, step by step.
type Trend struct {
	Item         string  `json:"item"`
	RulesVersion string  `json:"rules_version"`
	Points       []Point `json:"points"`
}

// Definitions lists what the figures mean.
type Definitions struct {
	RulesVersion string               `json:"rules_version"`
	Items        []figures.Definition `json:"items"`
}

// Table is a page of items.
type Table struct {
	RulesVersion string `json:"rules_version"`
	Items        []Line `json:"items"`
	Next         string `json:"next,omitempty"`
}

type download struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

// Routes adds the operations.
func (s *Service) Routes(api *httpapi.API) {
	op := func(id, path, summary string) httpapi.Op {
		return httpapi.Op{ID: id, Method: http.MethodGet, Path: "/api/v1/reports/" + path, Need: report.Read, Tag: "reports", Summary: summary}
	}
	span := func(r Range) (figures.Span, error) { return period(r.From, r.To, s.db.Clock().Now()) }
	one := func(ctx context.Context, in *ReportInput) (Report, error) {
		p, err := span(in.Range)
		if err != nil {
			return Report{}, err
		}
		return s.Report(ctx, in.Item, p)
	}
	httpapi.Handle(api, op("report-availability", "availability", "Availability and response of an item"), func(ctx context.Context, in *ReportInput) (*httpapi.Body[Report], error) {
		r, err := one(ctx, in)
		return &httpapi.Body[Report]{Body: r}, err
	})
	httpapi.Handle(api, op("report-availability-csv", "availability.csv", "The same as CSV"), func(ctx context.Context, in *ReportInput) (*download, error) {
		r, err := one(ctx, in)
		if err != nil {
			return nil, err
		}
		b, err := writeCSV(r)
		return &download{ContentType: "text/csv; charset=utf-8", Disposition: `attachment; filename="` + fileName(r) + `"`, Body: b}, err
	})
	httpapi.Handle(api, op("report-items", "items", "Availability of many items"), func(ctx context.Context, in *tableInput) (*httpapi.Body[Table], error) {
		p, err := span(in.Range)
		if err != nil {
			return nil, err
		}
		f := estate.CatalogFilter{Kind: in.Kind, After: in.Cursor, Limit: in.Limit}
		if in.Owner != "" {
			t, err := account.TeamByName(ctx, s.db.Reader(), in.Owner)
			if err != nil {
				return nil, err
			}
			f.OwnerTeamID = t.ID
		}
		lines, next, err := s.Table(ctx, f, p)
		return &httpapi.Body[Table]{Body: Table{RulesVersion: figures.RulesVersion, Items: lines, Next: next}}, err
	})
	httpapi.Handle(api, op("report-trend", "trend", "Availability of an item by day, week or month"), func(ctx context.Context, in *trendInput) (*httpapi.Body[Trend], error) {
		p, err := span(in.Range)
		if err != nil {
			return nil, err
		}
		parts, err := steps(p, in.Step, in.TZ)
		if err != nil {
			return nil, err
		}
		points, err := s.Trend(ctx, in.Item, p, parts)
		return &httpapi.Body[Trend]{Body: Trend{Item: in.Item, RulesVersion: figures.RulesVersion, Points: points}}, err
	})
	httpapi.Handle(api, op("report-definitions", "definitions", "What the figures mean"), func(context.Context, *struct{}) (*httpapi.Body[Definitions], error) {
		return &httpapi.Body[Definitions]{Body: Definitions{RulesVersion: figures.RulesVersion, Items: figures.Definitions()}}, nil
	})
}
