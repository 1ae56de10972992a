package kpi

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/clock"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/report/kpi/figures"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func ago(s int) time.Time { return now.Add(-time.Duration(s) * time.Second) }

// house answers the questions of the module: shop needs shop-web; blog stands alone.
type house struct {
	estate.Items
	respond.Incidents
	watch map[string]observe.Watch // by item id
	is    []respond.Incident
}

var known = []estate.Item{{ID: "3", Name: "blog", Kind: "service"}, {ID: "1", Name: "shop", Title: "The shop", Kind: "service"}, {ID: "2", Name: "shop-web", Kind: "application"}}

func (h *house) ByName(_ context.Context, _ bun.IDB, name string) (estate.Item, error) {
	for _, i := range known {
		if i.Name == name {
			return i, nil
		}
	}
	return estate.Item{}, errs.New(errs.NotFound, "There is no item named %q.", name)
}

func (h *house) ByIDs(_ context.Context, _ bun.IDB, ids []string) (map[string]estate.Item, error) {
	out := map[string]estate.Item{}
	for _, i := range known {
		for _, id := range ids {
			if i.ID == id {
				out[id] = i
			}
		}
	}
	return out, nil
}

func (h *house) Needs(_ context.Context, _ bun.IDB, ids []string) ([]estate.Reached, error) {
	if ids[0] == "1" {
		return []estate.Reached{{Item: known[2], Distance: 1, Path: []string{"1", "2"}}}, nil
	}
	return nil, nil
}

func (h *house) Catalog(_ context.Context, _ bun.IDB, f estate.CatalogFilter) ([]estate.Item, error) {
	var out []estate.Item
	for _, i := range known {
		if i.Name > f.After && (f.Kind == "" || i.Kind == f.Kind) && len(out) < f.Limit {
			out = append(out, i)
		}
	}
	return out, nil
}

func (h *house) Watched(_ context.Context, _ bun.IDB, ids []string, _, _ time.Time) (observe.Watch, error) {
	var w observe.Watch
	for _, id := range ids {
		x := h.watch[id]
		w.Outages = append(w.Outages, x.Outages...)
		w.Planned = append(w.Planned, x.Planned...)
		if !x.First.IsZero() {
			w.First = x.First
		}
	}
	return w, nil
}

func (h *house) Between(_ context.Context, _ bun.IDB, ids []string, from, to time.Time) ([]respond.Incident, error) {
	var out []respond.Incident
	for _, i := range h.is {
		for _, id := range ids {
			if i.ItemIDs[0] == id && !i.ImpactStartedAt.Before(from) && i.ImpactStartedAt.Before(to) {
				out = append(out, i)
			}
		}
	}
	return out, nil
}

type client struct {
	t   *testing.T
	mux *http.ServeMux
	as  *access.Principal
}

func serve(t *testing.T, h *house) client {
	t.Helper()
	d, err := db.Open(t.Context(), db.Options{Dir: t.TempDir(), Clock: clock.Fixed(now)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	deps := module.Deps{DB: d, Wire: module.NewWire()}
	inst, err := Module().New(deps)
	require.NoError(t, err)
	module.Provide[estate.Items](deps, h)
	module.Provide[estate.Catalog](deps, h)
	module.Provide[observe.History](deps, h)
	module.Provide[respond.Incidents](deps, h)
	require.NoError(t, deps.Wire.Join())
	mux := http.NewServeMux()
	inst.(module.HasRoutes).Routes(httpapi.New(mux, "test", slog.New(slog.DiscardHandler)))
	return client{t, mux, &access.Principal{Role: access.Viewer}}
}

func (c client) get(path string, q url.Values) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	c.mux.ServeHTTP(rec, httptest.NewRequestWithContext(access.With(c.t.Context(), c.as), http.MethodGet, "/api/v1/reports/"+path+"?"+q.Encode(), nil))
	return rec
}

func (c client) json(path string, q url.Values, into any) {
	c.t.Helper()
	rec := c.get(path, q)
	require.Equal(c.t, http.StatusOK, rec.Code, rec.Body.String())
	require.NoError(c.t, json.Unmarshal(rec.Body.Bytes(), into))
}

// young is a server that started 100 seconds ago and has seen 8 seconds of outage.
func young() *house {
	ack, restored := ago(50), ago(52)
	return &house{
		watch: map[string]observe.Watch{"2": {First: ago(100), Checks: 2, Outages: []observe.Outage{
			{CheckID: "c", Check: "shop-http", ItemID: "2", Start: ago(60), HardAt: ago(59), End: ago(52), Worst: "critical"},
			{CheckID: "d", Check: "shop-port", ItemID: "2", Start: ago(58), HardAt: ago(57), End: ago(54), Worst: "critical"},
			{CheckID: "e", Check: "shop-load", ItemID: "2", Start: ago(30), HardAt: ago(29), Worst: "warning"},
		}}},
		is: []respond.Incident{{ID: "i", Number: "INC-1", Title: "=shop", State: "restored", ImpactStartedAt: ago(60), DetectedAt: ago(59), AcknowledgedAt: &ack, RestoredAt: &restored, ItemIDs: []string{"2"}}},
	}
}

func TestReportOfYoungServer(t *testing.T) {
	t.Parallel()
	c := serve(t, young())
	var r map[string]any
	c.json("availability", url.Values{"item": {"shop"}}, &r)
	require.Equal(t, "1", r["rules_version"])
	require.InDelta(t, 0.92, r["availability"], 1e-9)
	require.InDelta(t, 8, r["downtime_seconds"], 1e-9)
	require.InDelta(t, 1, r["incidents"], 0)
	require.InDelta(t, 1, r["failures"], 0)
	require.InDelta(t, 1, r["mttd_seconds"], 1e-9)
	require.InDelta(t, 9, r["mtta_seconds"], 1e-9)
	require.InDelta(t, 8, r["mttr_seconds"], 1e-9)
	require.InDelta(t, 7, r["mttr_respond_seconds"], 1e-9)
	require.InDelta(t, 92, r["mtbf_seconds"], 1e-9)
	require.Contains(t, r, "mttr_repair_seconds")
	require.Nil(t, r["mttr_repair_seconds"])
	require.Nil(t, r["mttr_resolve_seconds"])
	require.Equal(t, "2026-10-24T12:00:00Z", r["from"])
	sum := 0.0
	for _, v := range r["buckets"].(map[string]any) {
		sum += v.(float64)
	}
	require.InDelta(t, 30*24*3600, sum, 1e-6)
	outages := r["outages"].([]any)
	require.Len(t, outages, 3)
	first := outages[0].(map[string]any)
	require.Equal(t, "shop-web", first["item"])
	require.Equal(t, true, first["counts_as_down"])
	require.Equal(t, false, outages[2].(map[string]any)["counts_as_down"])
	require.Nil(t, outages[2].(map[string]any)["end"])
	require.Equal(t, "INC-1", r["incident_list"].([]any)[0].(map[string]any)["number"])

	// A token for reports alone does not see the titles of incidents.
	c.as = &access.Principal{Role: access.Admin, Scopes: []string{"report."}}
	c.json("availability", url.Values{"item": {"shop"}}, &r)
	require.Empty(t, r["incident_list"])
	require.InDelta(t, 1, r["incidents"], 0)
}

func TestPlannedOutage(t *testing.T) {
	t.Parallel()
	h := young()
	w := h.watch["2"]
	w.Planned = []observe.Span{{From: ago(70), To: ago(50)}}
	h.watch["2"] = w
	var r Report
	serve(t, h).json("availability", url.Values{"item": {"shop"}}, &r)
	require.InDelta(t, 1, *r.Availability, 0)
	require.Zero(t, r.Failures)
	require.InDelta(t, 20, r.Buckets.PlannedSeconds, 1e-9)
	require.True(t, r.Outages[0].Planned)
	require.False(t, r.Outages[0].CountsAsDown)
	require.False(t, r.Outages[2].Planned)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	c := serve(t, young())
	for _, x := range []struct {
		path, query string
		code        int
		says        string
	}{
		{"availability", "item=nothing", 404, "no item named"},
		{"availability", "", 422, "query.item"},
		{"availability", "item=shop&from=yesterday", 422, "RFC 3339"},
		{"availability", "item=shop&from=2026-11-02T00:00:00Z&to=2026-11-01T00:00:00Z", 422, "before to"},
		{"availability", "item=shop&from=2030-11-02T00:00:00Z", 422, "before to"},
		{"availability", "item=shop&from=2020-11-02T00:00:00Z", 422, "5 years"},
		{"availability.csv", "item=nothing", 404, "no item named"},
		{"trend", "item=shop&step=hour", 422, "day, week or month"},
		{"trend", "item=shop&tz=Mars/Base", 422, "time zone"},
		{"trend", "item=shop&tz=../../etc/passwd", 422, "time zone"},
	} {
		q, err := url.ParseQuery(x.query)
		require.NoError(t, err)
		rec := c.get(x.path, q)
		require.Equal(t, x.code, rec.Code, x.query+rec.Body.String())
		require.Contains(t, rec.Body.String(), x.says)
	}
	for _, path := range []string{"availability", "availability.csv", "items", "trend", "definitions"} {
		c.as = nil
		require.Equal(t, http.StatusUnauthorized, c.get(path, nil).Code, path)
		c.as = &access.Principal{Role: access.Admin, Scopes: []string{"item."}}
		require.Equal(t, http.StatusForbidden, c.get(path, nil).Code, path)
	}
}

func TestCSV(t *testing.T) {
	t.Parallel()
	rec := serve(t, young()).get("availability.csv", url.Values{"item": {"shop"}})
	require.Equal(t, http.StatusOK, rec.Code, rec.Body.String())
	require.Equal(t, "text/csv; charset=utf-8", rec.Header().Get("Content-Type"))
	require.Equal(t, `attachment; filename="availability-shop-2026-10-24-2026-11-23.csv"`, rec.Header().Get("Content-Disposition"))
	rows, err := csv.NewReader(rec.Body).ReadAll()
	require.NoError(t, err)
	values := map[string]string{}
	for _, r := range rows[1:] {
		values[r[4]] = r[6]
	}
	require.Equal(t, "0.92", values["availability"])
	require.Equal(t, "8", values["downtime"])
	require.Equal(t, "9", values["mtta"])
	require.Equal(t, "", values["mttr_repair"])
	require.Equal(t, "2592000", values["period"])
}

func TestCSVHoldsNoFormulas(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"} {
		b, err := writeCSV(Report{Item: name, Definitions: figures.Definitions()})
		require.NoError(t, err)
		rows, err := csv.NewReader(strings.NewReader(string(b))).ReadAll()
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(rows[1][0], "'"), "%q became %q", name, rows[1][0])
	}
	require.Equal(t, "availability-a____b-0001-01-01-0001-01-01.csv", fileName(Report{Item: "a\"\r\n/b"}))
}

func TestTablePages(t *testing.T) {
	t.Parallel()
	c := serve(t, young())
	var page Table
	c.json("items", url.Values{"limit": {"2"}}, &page)
	require.Len(t, page.Items, 2)
	require.Equal(t, "shop", page.Next)
	require.Nil(t, page.Items[0].Availability, "nothing watches blog")
	require.InDelta(t, 0.92, *page.Items[1].Availability, 1e-9)
	require.Equal(t, 1, page.Items[1].Incidents)
	var last Table
	c.json("items", url.Values{"limit": {"2"}, "cursor": {page.Next}}, &last)
	require.Len(t, last.Items, 1)
	require.Empty(t, last.Next)
	require.InDelta(t, 8, last.Items[0].DowntimeSeconds, 1e-9)
	c.json("items", url.Values{"kind": {"application"}}, &page)
	require.Len(t, page.Items, 1)
}

func TestTrendOverClockChange(t *testing.T) {
	t.Parallel()
	h := young()
	h.watch["2"] = observe.Watch{First: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), Outages: []observe.Outage{
		{Check: "shop-http", ItemID: "2", Start: time.Date(2026, 10, 25, 21, 0, 0, 0, time.UTC), End: time.Date(2026, 10, 26, 1, 0, 0, 0, time.UTC), Worst: "critical"},
	}}
	c := serve(t, h)
	q := url.Values{"item": {"shop"}, "tz": {"Europe/Berlin"}, "from": {"2026-10-24T00:00:00+02:00"}, "to": {"2026-10-27T00:00:00+01:00"}}
	var tr Trend
	c.json("trend", q, &tr)
	require.Len(t, tr.Points, 3)
	require.Equal(t, []time.Duration{24 * time.Hour, 25 * time.Hour, 24 * time.Hour}, []time.Duration{tr.Points[0].To.Sub(tr.Points[0].From), tr.Points[1].To.Sub(tr.Points[1].From), tr.Points[2].To.Sub(tr.Points[2].From)})
	require.InDelta(t, 1, *tr.Points[0].Availability, 0)
	require.InDelta(t, 23.0/25, *tr.Points[1].Availability, 1e-9)
	require.InDelta(t, 22.0/24, *tr.Points[2].Availability, 1e-9)
	require.Equal(t, 1, tr.Points[1].Failures)
	require.Equal(t, 0, tr.Points[2].Failures)

	q.Set("step", "week")
	c.json("trend", q, &tr)
	require.Len(t, tr.Points, 2)
	require.Equal(t, "2026-10-25T23:00:00Z", tr.Points[0].To.Format(time.RFC3339), "Monday in Berlin")
	q.Set("step", "month")
	q.Set("from", "2026-10-24T00:00:00+02:00")
	q.Set("to", "2026-11-02T00:00:00+01:00")
	c.json("trend", q, &tr)
	require.Len(t, tr.Points, 2)
	require.Equal(t, "2026-10-31T23:00:00Z", tr.Points[0].To.Format(time.RFC3339))
}
