package log

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
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
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

type catalogFake struct{}

func (catalogFake) Catalog(_ context.Context, _ bun.IDB, f estate.CatalogFilter) ([]estate.Item, error) {
	if f.OwnerTeamID == "shop" {
		return []estate.Item{{Name: "web-1"}}, nil
	}
	return nil, nil
}

type fixture struct {
	s   *Service
	mux *http.ServeMux
}

func setUp(t *testing.T, d *db.DB) *fixture {
	t.Helper()
	require.NoError(t, d.Migrate(t.Context(), []db.Migrations{audit.Migrations(), {Module: "observe.log", FS: migrations}}))
	cfg := config.Default()
	cfg.Data = t.TempDir()
	deps := module.Deps{DB: d, Config: cfg, Logger: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Health: module.NewHealth(), Wire: module.NewWire()}
	in, err := Module().New(deps)
	require.NoError(t, err)
	module.Provide[estate.Catalog](deps, catalogFake{})
	require.NoError(t, deps.Wire.Join())
	f := &fixture{s: in.(*Service), mux: http.NewServeMux()}
	f.s.Routes(httpapi.New(f.mux, "test", deps.Logger))
	require.NotEmpty(t, deps.Health.Problems(), "not started")
	require.NoError(t, f.s.Start(t.Context()))
	t.Cleanup(func() { f.s.Stop(context.Background()) })
	require.Empty(t, deps.Health.Problems())
	return f
}

var (
	viewer    = &access.Principal{ID: "ada", Name: "Ada", Role: access.Viewer}
	responder = &access.Principal{ID: "bo", Name: "Bo", Role: access.Responder}
	saver     = &access.Principal{ID: "ed", Name: "Ed", Role: access.Responder}
	ofShop    = &access.Principal{ID: "cy", Name: "Cy", Teams: map[string]access.Role{"shop": access.Viewer}}
	ofNothing = &access.Principal{ID: "di", Name: "Di", Teams: map[string]access.Role{"other": access.Viewer}}
)

func (f *fixture) do(t *testing.T, p *access.Principal, method, path string, body any) *httptest.ResponseRecorder {
	t.Helper()
	var b bytes.Buffer
	if body != nil {
		require.NoError(t, json.NewEncoder(&b).Encode(body))
	}
	r := httptest.NewRequestWithContext(access.With(t.Context(), p), method, path, &b)
	r.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	f.mux.ServeHTTP(rec, r)
	return rec
}

func (f *fixture) query(t *testing.T, p *access.Principal, query string, more ...string) []map[string]string {
	t.Helper()
	v := url.Values{"query": {query}}
	for i := 0; i < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	rec := f.do(t, p, http.MethodGet, "/api/v1/logs/query?"+v.Encode(), nil)
	require.Equal(t, http.StatusOK, rec.Code, rec.Body)
	require.Equal(t, "application/x-ndjson", rec.Header().Get("Content-Type"))
	out := []map[string]string{}
	for _, l := range strings.Split(strings.TrimSpace(rec.Body.String()), "\n") {
		if l == "" {
			continue
		}
		m := map[string]string{}
		require.NoError(t, json.Unmarshal([]byte(l), &m), l)
		out = append(out, m)
	}
	return out
}

var source = signal.Source{Protocol: "test", Sender: "t"}

func (f *fixture) take(t *testing.T, lines ...signal.Line) signal.Receipt {
	t.Helper()
	rec, err := f.s.TakeLines(t.Context(), source, lines)
	require.NoError(t, err)
	st, err := f.s.open()
	require.NoError(t, err)
	require.NoError(t, st.Flush())
	return rec
}

func lineOf(item, text string, at time.Time) signal.Line {
	return signal.Line{At: at, Message: text, Level: "info", Stream: []signal.Field{{Name: "app", Value: "shop"}, {Name: "item", Value: item}}}
}

func TestLinesAndQueries(t *testing.T) {
	t.Parallel()
	f := setUp(t, testkit.SQLite(t))
	now := time.Now()
	rec := f.take(t,
		lineOf("web-1", "one <b> \"quoted\" ü\n", now.Add(-3*time.Second)),
		signal.Line{Message: "two", Level: "error", Fields: []signal.Field{{Name: "_odd", Value: "x"}, {Name: "level", Value: "other"}}},
		lineOf("db-1", "three", now.AddDate(0, 0, 3)),
		signal.Line{},
		signal.Line{Message: strings.Repeat("ä", maxMessage), At: now.Add(-2 * time.Second)},
		signal.Line{Message: "bad \xff text", At: now.Add(-time.Second)},
	)
	require.Equal(t, signal.Receipt{Taken: 5, Dropped: 1, Why: "The line is empty."}, rec)

	got := f.query(t, viewer, "one", "start", "1h")
	require.Len(t, got, 1)
	require.Equal(t, "one <b> \"quoted\" ü", got[0]["_msg"])
	require.Equal(t, "web-1", got[0]["item"])
	require.Equal(t, "test", got[0]["protocol"])
	got = f.query(t, viewer, "two", "end", fmt.Sprint(now.Add(time.Minute).Unix()))
	require.Equal(t, "x", got[0]["odd"])
	require.Equal(t, "error", got[0]["level"])
	got = f.query(t, viewer, "three", "end", now.Add(time.Minute).Format(time.RFC3339))
	require.NotEmpty(t, got[0]["sent_time"], "a clock that is ahead does not hide a line")
	got = f.query(t, viewer, "cut_bytes:*")
	require.Equal(t, fmt.Sprint(maxMessage), got[0]["cut_bytes"])
	require.Len(t, f.query(t, viewer, `"bad \ufffd text"`), 1)
	require.Len(t, f.query(t, viewer, "*", "limit", "2"), 2)
	require.Equal(t, "one <b> \"quoted\" ü", f.query(t, viewer, "", "order", "oldest", "limit", "1")[0]["_msg"])

	for path, field := range map[string]string{
		"query?query=a:=":              "cannot be read near character",
		"query?start=yesterday":        "an age such as 15m",
		"query?start=now&end=1h":       "before the end",
		"query?limit=0":                "between 1 and 50000",
		"query?order=up":               "newest or oldest",
		"tail?query=a+%7C+sort+by+(x)": "takes a filter only",
		"hits?step=abc":                "must be a width",
		"hits?query=(":                 "cannot be read",
		"context?stream_id=x&time=1":   "_time of a line",
	} {
		rec := f.do(t, viewer, http.MethodGet, "/api/v1/logs/"+path, nil)
		require.Equal(t, http.StatusUnprocessableEntity, rec.Code, path)
		require.Contains(t, rec.Body.String(), field, path)
	}
	require.Equal(t, http.StatusUnauthorized, f.do(t, nil, http.MethodGet, "/api/v1/logs/query", nil).Code)
	require.Equal(t, http.StatusForbidden, f.do(t, &access.Principal{}, http.MethodGet, "/api/v1/logs/query", nil).Code)
}

func TestKnownFormatsAndPatterns(t *testing.T) {
	t.Parallel()
	f := setUp(t, testkit.SQLite(t))
	now := time.Now()
	sshd := signal.Line{At: now, Message: "Failed password for invalid user ada from 192.0.2.7 port 51234 ssh2", Stream: []signal.Field{{Name: "app", Value: "sshd"}}}
	again := sshd
	again.Message = strings.ReplaceAll(sshd.Message, "51234", "51999")
	f.take(t, sshd, again,
		signal.Line{At: now, Message: `198.51.100.4 - - [23/Nov/2026:09:00:00 +0000] "GET /x HTTP/1.1" 500 12 "-" "curl/8"`},
		signal.Line{At: now, Message: `{"level":"warn","msg":"hi","a":{"b":1},"host":"mine"}`, Stream: []signal.Field{{Name: "host", Value: "web1"}}},
		signal.Line{At: now, Message: "nothing known"},
	)
	until := []string{"end", now.Add(time.Second).Format(time.RFC3339)}
	got := f.query(t, viewer, "format:sshd", until...)
	require.Len(t, got, 2)
	require.NotEmpty(t, got[0]["src_ip"])
	require.NotEmpty(t, got[0]["pattern"])
	require.Equal(t, got[0]["pattern"], got[1]["pattern"])
	got = f.query(t, viewer, "status:500", until...)
	require.Equal(t, "error", got[0]["level"])
	got = f.query(t, viewer, "format:json", until...)
	require.Equal(t, "hi", got[0]["_msg"])
	require.Equal(t, "web1", got[0]["host"], "what the sender said stays")
	require.Equal(t, "warning", got[0]["level"])
	require.Len(t, f.query(t, viewer, `_msg:="nothing known"`, until...), 1)

	var l httpapi.List[Pattern]
	require.NoError(t, json.Unmarshal(f.do(t, viewer, http.MethodGet, "/api/v1/logs/patterns", nil).Body.Bytes(), &l))
	require.Equal(t, uint64(2), l.Items[0].Lines)
	require.Equal(t, http.StatusForbidden, f.do(t, ofShop, http.MethodGet, "/api/v1/logs/patterns", nil).Code)

	id := l.Items[0].ID
	f.s.Stop(t.Context())
	require.NoError(t, f.s.Start(t.Context()))
	require.Equal(t, id, f.s.patterns.of(sshd.Message).ID, "ids stay the same after a restart")
}

func TestTeamsSeeTheirItems(t *testing.T) {
	t.Parallel()
	f := setUp(t, testkit.SQLite(t))
	now := time.Now()
	f.take(t, lineOf("web-1", "ours", now), lineOf("db-1", "theirs", now), signal.Line{Message: "of nobody", At: now})
	until := []string{"end", now.Add(time.Second).Format(time.RFC3339)}
	require.Len(t, f.query(t, viewer, "*", until...), 3)
	got := f.query(t, ofShop, "*", until...)
	require.Len(t, got, 1)
	require.Equal(t, "ours", got[0]["_msg"])
	require.Empty(t, f.query(t, ofNothing, "*", until...))
	require.Equal(t, "1", f.query(t, ofShop, "* | union (*) | stats count() as n | math n / 2 as n", until...)[0]["n"])
	rec := f.do(t, ofShop, http.MethodGet, "/api/v1/logs/fields/item/values?"+url.Values{"end": {until[1]}}.Encode(), nil)
	require.JSONEq(t, `{"items":[{"value":"web-1","rows":1}]}`, rec.Body.String())

	var n int
	require.NoError(t, f.s.QueryLogs(access.AsSystem(t.Context()), observe.LogQuery{From: now.Add(-time.Minute), To: now.Add(time.Minute)}, func([]signal.Field) error { n++; return nil }))
	require.Equal(t, 3, n)
}

func TestHitsFieldsAndContext(t *testing.T) {
	t.Parallel()
	f := setUp(t, testkit.SQLite(t))
	t0 := time.Now().Add(-10 * time.Minute).Truncate(time.Minute)
	for i := range 30 {
		l := lineOf("web-1", fmt.Sprintf("line %d", i), t0.Add(time.Duration(i)*time.Second))
		if i == 7 {
			l.Level = "error"
		}
		f.take(t, l)
	}
	span := url.Values{"start": {t0.Format(time.RFC3339)}, "end": {t0.Add(time.Minute).Format(time.RFC3339)}}
	var h Hits
	span.Set("step", "15s")
	require.NoError(t, json.Unmarshal(f.do(t, viewer, http.MethodGet, "/api/v1/logs/hits?"+span.Encode(), nil).Body.Bytes(), &h))
	require.Equal(t, uint64(30), h.Total)
	require.Equal(t, []uint64{14, 15, 0, 0}, h.Series[0].Rows)
	require.Equal(t, "error", h.Series[1].Value)
	require.Equal(t, int64(15000), h.StepMS)
	require.Contains(t, f.do(t, viewer, http.MethodGet, "/api/v1/logs/fields?"+span.Encode(), nil).Body.String(), `{"value":"app","rows":30}`)

	seven := f.query(t, viewer, "level:error")[0]
	v := url.Values{"stream_id": {seven["_stream_id"]}, "time": {seven["_time"]}, "before": {"2"}, "after": {"3"}}
	var c Context
	require.NoError(t, json.Unmarshal(f.do(t, viewer, http.MethodGet, "/api/v1/logs/context?"+v.Encode(), nil).Body.Bytes(), &c))
	texts := func(rows []map[string]string) (out []string) {
		for _, r := range rows {
			out = append(out, r["_msg"])
		}
		return out
	}
	require.Equal(t, []string{"line 5", "line 6"}, texts(c.Before))
	require.Equal(t, []string{"line 7", "line 8", "line 9"}, texts(c.After))

	var st Status
	require.NoError(t, json.Unmarshal(f.do(t, viewer, http.MethodGet, "/api/v1/logs/status", nil).Body.Bytes(), &st))
	require.Equal(t, uint64(30), st.Rows)
	require.InDelta(t, 720, st.KeepHours, 0)
}

func TestTail(t *testing.T) {
	t.Parallel()
	f := setUp(t, testkit.SQLite(t))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mux.ServeHTTP(w, r.WithContext(access.With(r.Context(), viewer)))
	}))
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/api/v1/logs/tail?query=level:error", nil)
	require.NoError(t, err)
	res, err := server.Client().Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	sc := bufio.NewScanner(res.Body)
	require.True(t, sc.Scan())
	require.Equal(t, ": tail", sc.Text())
	// The tail stands a moment after its first line; lines come until one is seen.
	seen := make(chan string)
	go func() {
		for sc.Scan() {
			if data, ok := strings.CutPrefix(sc.Text(), "data: "); ok {
				seen <- data
			}
		}
		close(seen)
	}()
	var data string
	for i := 0; data == ""; i++ {
		f.take(t, lineOf("web-1", "fine", time.Now()), signal.Line{Message: fmt.Sprintf("broken %d", i), Level: "error"})
		select {
		case data = <-seen:
		case <-time.After(100 * time.Millisecond):
			require.Less(t, i, 300)
		}
	}
	require.Contains(t, data, `"_msg":"broken`)
	require.NotContains(t, data, "fine")
	require.Contains(t, data, `"skipped":0`)
	f.s.end()
	for range seen {
	}
}

func TestViews(t *testing.T) {
	t.Parallel()
	testkit.Databases(t, func(t *testing.T, d *db.DB) {
		f := setUp(t, d)
		const path = "/api/v1/logs/views"
		made := func(p *access.Principal, in ViewSpec) View {
			rec := f.do(t, p, http.MethodPost, path, in)
			require.Equal(t, http.StatusCreated, rec.Code, rec.Body)
			var v View
			require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &v))
			return v
		}
		own := made(saver, ViewSpec{Name: " Mine ", Query: "level:error", Fields: []string{"host"}})
		require.Equal(t, "Mine", own.Name)
		require.Equal(t, "1h", own.Since)
		require.True(t, own.Mine)
		shared := made(responder, ViewSpec{Name: "Ours", Query: "", Since: "7d", Shared: true})

		require.Equal(t, http.StatusForbidden, f.do(t, viewer, http.MethodPost, path, ViewSpec{Name: "x", Shared: true}).Code)
		rec := f.do(t, saver, http.MethodPost, path, ViewSpec{Name: " ", Query: "(", Since: "soon"})
		require.Equal(t, http.StatusUnprocessableEntity, rec.Code)
		for _, want := range []string{"name", "query", "since"} {
			require.Contains(t, rec.Body.String(), `"`+want+`"`)
		}
		list := func(p *access.Principal) (out []string) {
			var l httpapi.List[View]
			require.NoError(t, json.Unmarshal(f.do(t, p, http.MethodGet, path, nil).Body.Bytes(), &l))
			for _, v := range l.Items {
				out = append(out, v.Name)
			}
			return out
		}
		require.Equal(t, []string{"Mine", "Ours"}, list(saver))
		require.Equal(t, []string{"Ours"}, list(responder))
		require.Equal(t, []string{"Ours"}, list(viewer))
		require.Equal(t, http.StatusNotFound, f.do(t, responder, http.MethodPut, path+"/"+own.ID, ViewSpec{Name: "taken"}).Code)
		require.Equal(t, http.StatusForbidden, f.do(t, viewer, http.MethodDelete, path+"/"+shared.ID, nil).Code)
		require.Equal(t, http.StatusOK, f.do(t, saver, http.MethodPut, path+"/"+own.ID, ViewSpec{Name: "Renamed", Since: "2d"}).Code)
		require.Equal(t, http.StatusNoContent, f.do(t, responder, http.MethodDelete, path+"/"+shared.ID, nil).Code)
		require.Equal(t, []string{"Renamed"}, list(saver))
	})
}

func FuzzMoment(f *testing.F) {
	for _, s := range []string{"now", "15m", "2d", "1700000000", "1700000000123", "2026-01-02T03:04:05Z", "-1h", "1e300", "NaN"} {
		f.Add(s)
	}
	now := time.Unix(1_700_000_000, 0).UTC()
	f.Fuzz(func(t *testing.T, s string) {
		at, err := moment("start", s, now)
		if err == nil && !strings.Contains(s, "T") && !at.IsZero() && s != "" {
			require.Greater(t, at.Year(), 1600, s)
			require.Less(t, at.Year(), 5200, s)
		}
	})
}
