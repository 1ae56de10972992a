package outside

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/event"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

type itemsFake struct{ estate.Items }

func (itemsFake) ByName(_ context.Context, _ bun.IDB, name string) (estate.Item, error) {
	if name == "db-1" {
		return estate.Item{ID: "i1", Name: name, OwnerTeamID: "t1"}, nil
	}
	return estate.Item{}, errs.New(errs.NotFound, "no")
}

type fixture struct {
	t   *testing.T
	s   *Service
	d   *db.DB
	mux *http.ServeMux
}

func setUp(t *testing.T, d *db.DB) *fixture {
	t.Helper()
	require.NoError(t, d.Migrate(t.Context(), []db.Migrations{audit.Migrations(), event.Migrations(), {Module: "detect.outside", FS: migrations}}))
	logger := slog.New(slog.DiscardHandler)
	deps := module.Deps{DB: d, Config: config.Default(), Logger: logger, Metrics: prometheus.NewRegistry(), Health: module.NewHealth(), Wire: module.NewWire(), Live: live.NewHub(), Events: event.New(d, logger)}
	in, err := Module().New(deps)
	require.NoError(t, err)
	module.Provide[estate.Items](deps, itemsFake{})
	require.NoError(t, deps.Wire.Join())
	f := &fixture{t: t, s: in.(*Service), d: d, mux: http.NewServeMux()}
	f.s.Routes(httpapi.New(f.mux, "test", logger))
	return f
}

func (f *fixture) ask(method, path, body string, into any) int {
	f.t.Helper()
	r := httptest.NewRequestWithContext(access.With(f.t.Context(), &access.Principal{ID: "ada", Name: "Ada", Role: access.Operator}), method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	rec := httptest.NewRecorder()
	f.mux.ServeHTTP(rec, r)
	if into != nil {
		require.NoError(f.t, json.Unmarshal(rec.Body.Bytes(), into), rec.Body.String())
	}
	return rec.Code
}

func (f *fixture) facts() []string {
	f.t.Helper()
	var out []string
	require.NoError(f.t, f.d.Reader().NewRaw("SELECT name FROM events ORDER BY seq").Scan(f.t.Context(), &out))
	for i := range out {
		out[i] = strings.TrimPrefix(out[i], "detect.signal_")
	}
	return out
}

var prom = signal.Source{Protocol: "alertmanager", Sender: "prom"}

func (f *fixture) take(from signal.Source, as ...signal.Alert) {
	f.t.Helper()
	r, err := f.s.TakeAlerts(access.AsSystem(f.t.Context()), from, as)
	require.NoError(f.t, err)
	require.Equal(f.t, len(as), r.Taken)
}

func (f *fixture) list(query string) []Alert {
	f.t.Helper()
	var out struct{ Items []Alert }
	require.Equal(f.t, http.StatusOK, f.ask("GET", "/api/v1/outside-alerts"+query, "", &out))
	return out.Items
}

func TestLifeOfAnAlert(t *testing.T) {
	t.Parallel()
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		f := setUp(t, d)
		now := d.Clock().Now().UTC()
		disk := signal.Alert{Key: "k", Name: "DiskFull", Severity: signal.SeverityCritical, Item: "db-1", Began: now.Add(-time.Hour), Ends: now.Add(time.Hour), Labels: []signal.Field{{Name: "mount", Value: "/var"}}, Link: "http://prom/g"}
		f.take(prom, disk)
		got := f.list("?state=firing&item=db-1")
		require.Len(t, got, 1)
		require.Equal(t, "DiskFull on db-1", got[0].Title, "one without a title is named by its rule and item")
		require.Equal(t, map[string]string{"mount": "/var"}, got[0].Labels)
		require.WithinDuration(t, now.Add(-time.Hour), got[0].StartedAt, time.Second)
		require.NotNil(t, got[0].ExpiresAt)

		// A repeat is counted and not told again; what changed is told.
		f.take(prom, disk)
		require.Equal(t, []string{"raised"}, f.facts())
		disk.Text = "2 % are left"
		f.take(prom, disk)
		require.Equal(t, []string{"raised", "raised"}, f.facts())
		require.Equal(t, int64(3), f.list("")[0].Received)

		// The same key of another sender is another alert.
		f.take(signal.Source{Protocol: "alertmanager", Sender: "other"}, disk)
		require.Len(t, f.list("?state=firing"), 2)

		// It ends when the sender says so, and not before it began.
		disk.Over, disk.Ends = true, now.Add(-2*time.Hour)
		f.take(prom, disk, disk)
		got = f.list("?state=ended")
		require.Len(t, got, 1)
		require.False(t, got[0].EndedAt.Before(got[0].StartedAt))
		require.Equal(t, []string{"raised", "raised", "raised", "cleared"}, f.facts(), "the second end says nothing")

		// Then it is a new one.
		disk.Over, disk.Ends, disk.Began = false, time.Time{}, now.Add(24*time.Hour)
		f.take(prom, disk)
		got = f.list("?sender=prom&state=firing")
		require.Len(t, got, 1)
		require.False(t, got[0].StartedAt.After(d.Clock().Now()), "nothing begins in the future")
		require.Nil(t, got[0].ExpiresAt)

		// A person ends what the program forgot.
		require.Equal(t, http.StatusNoContent, f.ask("POST", "/api/v1/outside-alerts/"+got[0].ID+"/end", "", nil))
		require.Equal(t, http.StatusConflict, f.ask("POST", "/api/v1/outside-alerts/"+got[0].ID+"/end", "", nil))
		var one Alert
		require.Equal(t, http.StatusOK, f.ask("GET", "/api/v1/outside-alerts/"+got[0].ID, "", &one))
		require.Equal(t, "Ada ended it.", one.Reason)
		require.Equal(t, http.StatusNotFound, f.ask("GET", "/api/v1/outside-alerts/none", "", nil))
	})
}

func TestSeverities(t *testing.T) {
	t.Parallel()
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		f := setUp(t, d)
		a := signal.Alert{Key: "k", Title: "Certificate", Severity: signal.SeverityInfo}
		f.take(prom, a)
		require.Empty(t, f.facts(), "information is listed and wakes nobody")
		a.Severity = signal.SeverityWarning
		f.take(prom, a)
		a.Severity = signal.SeverityInfo
		f.take(prom, a)
		a.Over = true
		f.take(prom, a)
		require.Equal(t, []string{"raised", "cleared"}, f.facts())
	})
	for word, want := range map[string]string{"Disaster": "critical", "P2": "critical", " page ": "critical", "average": "warning", "": "warning", "Information": "info", "none": "info"} {
		require.Equal(t, want, signal.SeverityOf(word), word)
	}
}

func TestNotRepeated(t *testing.T) {
	t.Parallel()
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		f := setUp(t, d)
		now := d.Clock().Now()
		var many []signal.Alert
		for i := range batch + 50 {
			many = append(many, signal.Alert{Key: fmt.Sprint(i), Name: "Gone", Severity: signal.SeverityWarning, Ends: now.Add(-time.Second)})
		}
		f.take(prom, many...)
		f.take(prom, signal.Alert{Key: "stays", Name: "Stays", Severity: signal.SeverityWarning, Ends: now.Add(time.Hour)}, signal.Alert{Key: "ever", Name: "Ever", Severity: signal.SeverityWarning})
		require.NoError(t, f.s.expire(access.AsSystem(t.Context())))
		require.Len(t, f.list("?state=firing&limit=500"), 2)
		got := f.list("?state=ended&limit=500")
		require.Len(t, got, batch+50)
		require.Equal(t, "The sender did not repeat it in time.", got[0].Reason)
	})
}

const backups = `{"key":"{{$.system}} {{job.id}}","each":"jobs","title":"Backup of {{job.name|job.id}} {{status}}","state":"{{status}}","over":["OK","Success"],"severity":"{{level}}",
	"host":"{{target}}","began":"{{at}}","link":"https://backup/{{job.id}}","labels":{"system":"{{$.system}}"},"end_after":"24h"}`

const nightly = `{"system":"veem","jobs":[
	{"job":{"id":7,"name":"shop"},"status":"Failed","level":"high","target":"https://db-1:9000/x","at":1763884800},
	{"job":{"id":8},"status":"ok"},
	{"status":"Failed"}]}`

func TestMapping(t *testing.T) {
	t.Parallel()
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		f := setUp(t, d)
		require.Equal(t, http.StatusOK, f.ask("PUT", "/api/v1/alert-mappings/backups", backups, nil))
		got, err := f.s.MapAlerts(t.Context(), "backups", signal.Payload{Body: []byte(nightly)})
		require.NoError(t, err)
		require.Len(t, got.Alerts, 2)
		a, b := got.Alerts[0], got.Alerts[1]
		require.Equal(t, "veem 7", a.Key)
		require.Equal(t, "Backup of shop Failed", a.Title)
		require.Equal(t, "critical", a.Severity)
		require.Equal(t, "db-1", a.Hints.Host)
		require.Equal(t, "https://backup/7", a.Link)
		require.Equal(t, int64(1763884800), a.Began.Unix())
		require.WithinDuration(t, d.Clock().Now().Add(24*time.Hour), a.Ends, time.Minute)
		require.Equal(t, []signal.Field{{Name: "system", Value: "veem"}}, a.Labels)
		require.False(t, a.Over)
		require.True(t, b.Over)
		require.Equal(t, "Backup of 8 ok", b.Title, "the first that has something counts")
		require.Equal(t, []string{"Alert 3: the key {{$.system}} {{job.id}} is not complete there."}, got.Bad)

		var tried Tried
		body, err := json.Marshal(map[string]any{"mapping": json.RawMessage(strings.Replace(backups, "{{$.system}} {{job.id}}", "{{job.id}}", 1)), "payload": nightly})
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, f.ask("POST", "/api/v1/alert-mappings/query/try", string(body), &tried))
		require.Len(t, tried.Alerts, 2)
		require.Equal(t, []string{"Alert 3: the key {{job.id}} is not complete there."}, tried.Bad)
		require.Equal(t, "ended", tried.Alerts[1].State)
		require.Equal(t, http.StatusUnprocessableEntity, f.ask("POST", "/api/v1/alert-mappings/query/try", `{"program":"nagios","payload":"{}"}`, nil))
		require.Empty(t, f.list(""), "a try keeps nothing")

		var p httpapi.Problem
		require.Equal(t, http.StatusUnprocessableEntity, f.ask("PUT", "/api/v1/alert-mappings/bad", `{"key":"{{id","title":"","state":"{{s}}","end_after":"soon"}`, &p))
		var paths []string
		for _, e := range p.Errors {
			paths = append(paths, e.Location)
		}
		require.Equal(t, []string{"end_after", "key", "over", "title"}, paths)
		for _, body := range []string{"", "{", `{"jobs":{}}`, strings.Repeat("[", 200) + strings.Repeat("]", 200)} {
			_, err := f.s.MapAlerts(t.Context(), "backups", signal.Payload{Body: []byte(body)})
			require.Equal(t, errs.Invalid, errs.CodeOf(err), body)
		}
		_, err = f.s.MapAlerts(t.Context(), "other", signal.Payload{})
		require.Equal(t, errs.NotFound, errs.CodeOf(err))
		require.Equal(t, http.StatusNoContent, f.ask("DELETE", "/api/v1/alert-mappings/backups", "", nil))
		require.Equal(t, http.StatusNotFound, f.ask("GET", "/api/v1/alert-mappings/backups", "", nil))
	})
}

func FuzzMapping(f *testing.F) {
	f.Add("{{a.b}} {{$.c|d}}", "x.#.y", `{"a":{"b":1}}`)
	f.Add("{{@this}}", "@reverse", `[1,2]`)
	f.Fuzz(func(t *testing.T, template, each, body string) {
		m := Mapping{Name: "m", Key: template, Title: template, Each: each, State: template, Over: []string{"ok"}}
		got, err := m.Read([]byte(body), time.Unix(0, 0))
		if err != nil {
			return
		}
		for _, a := range got.Alerts {
			if strings.TrimSpace(a.Key) == "" {
				t.Fatal("an alert without a key")
			}
		}
	})
}
