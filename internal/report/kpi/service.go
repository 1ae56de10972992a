package kpi

import (
	"cmp"
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/report/kpi/figures"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

// Service makes reports.
type Service struct {
	db        *db.DB
	items     estate.Items
	history   observe.History
	incidents respond.Incidents
	catalog   estate.Catalog
}

// set lists the item and what it needs: their trouble is its trouble.
func (s *Service) set(ctx context.Context, itemID string) ([]string, error) {
	reached, err := s.items.Needs(ctx, s.db.Reader(), []string{itemID})
	if err != nil {
		return nil, err
	}
	ids := []string{itemID}
	for _, r := range reached {
		ids = append(ids, r.ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

func (s *Service) watch(ctx context.Context, ids []string, p figures.Span) (figures.Watch, error) {
	seen, err := s.history.Watched(ctx, s.db.Reader(), ids, p.From, p.To)
	if err != nil {
		return figures.Watch{}, err
	}
	w := figures.Watch{First: seen.First, Planned: spans(seen.Planned), NoData: spans(seen.NoData), Unreachable: spans(seen.Unreachable)}
	for _, o := range seen.Outages {
		w.Outages = append(w.Outages, figures.Outage{Check: o.Check, ItemID: o.ItemID, Start: o.Start, End: o.End, Worst: o.Worst})
	}
	slices.SortStableFunc(w.Outages, func(a, b figures.Outage) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Check, b.Check))
	})
	return w, nil
}

func spans(in []observe.Span) []figures.Span {
	out := make([]figures.Span, len(in))
	for i, s := range in {
		out[i] = figures.Span{From: s.From, To: s.To}
	}
	return out
}

// Report makes the report of one item.
func (s *Service) Report(ctx context.Context, item string, p figures.Span) (Report, error) {
	it, err := s.find(ctx, item)
	if err != nil {
		return Report{}, err
	}
	ids, err := s.set(ctx, it.ID)
	if err != nil {
		return Report{}, err
	}
	w, err := s.watch(ctx, ids, p)
	if err != nil {
		return Report{}, err
	}
	is, err := s.incidents.Between(ctx, s.db.Reader(), ids, p.From, p.To)
	if err != nil {
		return Report{}, err
	}
	names, err := s.items.ByIDs(ctx, s.db.Reader(), ids)
	if err != nil {
		return Report{}, err
	}
	r := newReport(it.Name, p, figures.Measure(p, w), figures.Respond(stamps(is)))
	r.Incidents = len(is)
	r.Outages = outages(p, w, names)
	r.OutagesTotal = len(r.Outages)
	r.Outages = r.Outages[max(0, len(r.Outages)-maxOutages):]
	r.IncidentList = []IncidentLine{}
	for _, i := range is {
		if access.From(ctx).CanFor(respond.ReadIncidents, i.TeamID) {
			r.IncidentList = append(r.IncidentList, incidentLine(i))
		}
	}
	slices.SortStableFunc(r.IncidentList, func(a, b IncidentLine) int { return a.ImpactStartedAt.Compare(b.ImpactStartedAt) })
	return r, nil
}

func (s *Service) find(ctx context.Context, name string) (estate.Item, error) {
	if name == "" {
		return estate.Item{}, errs.Fields(errs.Field{Path: "query.item", Message: "must be the name of an item"})
	}
	return s.items.ByName(ctx, s.db.Reader(), name)
}

func stamps(is []respond.Incident) []figures.Incident {
	at := func(t *time.Time) time.Time {
		if t == nil {
			return time.Time{}
		}
		return *t
	}
	out := make([]figures.Incident, len(is))
	for n, i := range is {
		out[n] = figures.Incident{
			ImpactStarted: i.ImpactStartedAt, Detected: i.DetectedAt, Acknowledged: at(i.AcknowledgedAt),
			WorkStarted: at(i.WorkStartedAt), Restored: at(i.RestoredAt), Resolved: at(i.ResolvedAt),
		}
	}
	return out
}

// Trend gives the availability of an item for each step of the period.
func (s *Service) Trend(ctx context.Context, item string, p figures.Span, parts []figures.Span) ([]Point, error) {
	it, err := s.find(ctx, item)
	if err != nil {
		return nil, err
	}
	ids, err := s.set(ctx, it.ID)
	if err != nil {
		return nil, err
	}
	w, err := s.watch(ctx, ids, p)
	if err != nil {
		return nil, err
	}
	points := make([]Point, len(parts))
	for i, part := range parts {
		u := figures.Measure(part, w)
		points[i] = Point{From: part.From, To: part.To, Availability: u.Availability, DowntimeSeconds: u.In(figures.Down), Failures: u.Failures, Buckets: bucketsOf(u)}
	}
	return points, nil
}

// Table reports many items, one line each.
func (s *Service) Table(ctx context.Context, f estate.CatalogFilter, p figures.Span) ([]Line, string, error) {
	if s.catalog == nil {
		return nil, "", errs.New(errs.Unavailable, "The list of items is not available.")
	}
	page := f.Limit
	f.Limit++
	items, err := s.catalog.Catalog(ctx, s.db.Reader(), f)
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(items) > page {
		items = items[:page]
		next = items[page-1].Name
	}
	lines := make([]Line, len(items))
	// The questions of a line are short; a few lines at once hide their latency.
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for n, it := range items {
		g.Go(func() error {
			ids, err := s.set(gctx, it.ID)
			if err != nil {
				return err
			}
			w, err := s.watch(gctx, ids, p)
			if err != nil {
				return err
			}
			is, err := s.incidents.Between(gctx, s.db.Reader(), ids, p.From, p.To)
			if err != nil {
				return err
			}
			u := figures.Measure(p, w)
			lines[n] = Line{Item: it.Name, Title: it.Title, Kind: it.Kind, Availability: u.Availability, DowntimeSeconds: u.In(figures.Down), Failures: u.Failures, Incidents: len(is)}
			return nil
		})
	}
	return lines, next, g.Wait()
}
