package httpapi_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
)

// from knows the address of the client, as inputs may.
type from struct{ address string }

func (f *from) Resolve(ctx huma.Context) []error { f.address = ctx.RemoteAddr(); return nil }

type line struct {
	Unit  string `json:"unit,omitempty" default:"piece"`
	Count int    `json:"count,omitempty" default:"1"`
}

type everything struct {
	httpapi.Page
	from
	Name  string    `path:"name" maxLength:"8"`
	Tags  []string  `query:"tag,explode" maxItems:"2"`
	Words []string  `query:"words"`
	Since time.Time `query:"since"`
	Ratio float64   `query:"ratio" maximum:"1"`
	Big   uint64    `query:"big"`
	Deep  bool      `query:"deep"`
	Match string    `header:"If-Match" required:"true"`
	Body  struct {
		Title string `json:"title"`
		Main  *line  `json:"main,omitempty"`
		Lines []line `json:"lines,omitempty"`
	}
}

type sheet struct {
	RawBody []byte `contentType:"text/csv"`
}

type unreadable struct {
	When map[string]string `query:"when"`
}

type seen struct {
	ETag   string      `header:"ETag"`
	Cookie http.Cookie `header:"Set-Cookie"`
	Status int
	Body   map[string]any
}

func bound(t *testing.T) http.Handler {
	t.Helper()
	mux := http.NewServeMux()
	api := httpapi.New(mux, "1", slog.New(slog.DiscardHandler))
	httpapi.Handle(api, httpapi.Op{ID: "bind", Method: "PUT", Path: "/api/v1/bind/{name}", Public: true, Tag: "bind", Summary: "Bind", MaxBody: 300},
		func(_ context.Context, in *everything) (*seen, error) {
			out := &seen{ETag: `"1"`, Status: http.StatusAccepted, Body: map[string]any{
				"limit": in.Limit, "name": in.Name, "tags": in.Tags, "words": in.Words, "since": in.Since, "ratio": in.Ratio,
				"big": in.Big, "deep": in.Deep, "match": in.Match, "main": in.Body.Main, "lines": in.Body.Lines, "address": in.address != "",
			}}
			if in.Deep {
				out.Cookie = http.Cookie{Name: "c", Value: "v"}
			}
			return out, nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "raw", Method: "PUT", Path: "/api/v1/raw", Public: true, Tag: "bind", Summary: "Raw"},
		func(_ context.Context, in *sheet) (*huma.StreamResponse, error) {
			return &huma.StreamResponse{Body: func(ctx huma.Context) {
				ctx.SetHeader("Content-Type", "text/plain")
				_, _ = ctx.BodyWriter().Write([]byte(strings.ToUpper(string(in.RawBody))))
			}}, nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "nothing", Method: "DELETE", Path: "/api/v1/raw", Public: true, Tag: "bind", Summary: "Nothing"},
		func(context.Context, *struct{}) (*struct{}, error) { return nil, nil })
	return mux
}

func ask(h http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestBind(t *testing.T) {
	t.Parallel()
	h := bound(t)
	w := ask(h, "PUT", "/api/v1/bind/a%20b?tag=x&tag=y,z&words=a,b&since=2026-11-23T08:00:00Z&ratio=0.5&big=18446744073709551615&deep=true&unknown=1",
		`{"title":"t","main":{"count":3},"lines":[{},{"unit":"m"}]}`, "If-Match", `"7"`)
	require.Equal(t, http.StatusAccepted, w.Code, w.Body.String())
	require.Equal(t, `"1"`, w.Header().Get("ETag"))
	require.Equal(t, "c=v", w.Header().Get("Set-Cookie"))
	require.JSONEq(t, `{"limit":50,"name":"a b","tags":["x","y,z"],"words":["a","b"],"since":"2026-11-23T08:00:00Z","ratio":0.5,
		"big":18446744073709551615,"deep":true,"match":"\"7\"","main":{"unit":"piece","count":3},
		"lines":[{"unit":"piece","count":1},{"unit":"m","count":1}],"address":true}`, w.Body.String())

	w = ask(h, "PUT", "/api/v1/bind/a?limit=7", `{"title":"t"}`, "If-Match", "x")
	require.Equal(t, http.StatusAccepted, w.Code)
	require.NotContains(t, w.Header(), "Set-Cookie", "an empty header is left out")
	require.Contains(t, w.Body.String(), `"limit":7`)

	w = ask(h, "PUT", "/api/v1/raw", "a;b", "Content-Type", "text/csv")
	require.Equal(t, "A;B", w.Body.String())
	require.Equal(t, http.StatusNoContent, ask(h, "DELETE", "/api/v1/raw", "").Code)
}

func TestBindRefuses(t *testing.T) {
	t.Parallel()
	h := bound(t)
	for name, c := range map[string]struct {
		target, body, location string
		headers                []string
		status                 int
	}{
		"word for a number":  {"/api/v1/bind/a?limit=many", `{"title":"t"}`, "query.limit", nil, 422},
		"beyond the limit":   {"/api/v1/bind/a?limit=501", `{"title":"t"}`, "query.limit", nil, 422},
		"below zero":         {"/api/v1/bind/a?big=-1", `{"title":"t"}`, "query.big", nil, 422},
		"no time":            {"/api/v1/bind/a?since=yesterday", `{"title":"t"}`, "query.since", nil, 422},
		"no truth":           {"/api/v1/bind/a?deep=perhaps", `{"title":"t"}`, "query.deep", nil, 422},
		"too large a number": {"/api/v1/bind/a?ratio=1.5", `{"title":"t"}`, "query.ratio", nil, 422},
		"too many":           {"/api/v1/bind/a?tag=1&tag=2&tag=3", `{"title":"t"}`, "query.tag", nil, 422},
		"too long":           {"/api/v1/bind/abcdefghi", `{"title":"t"}`, "path.name", nil, 422},
		"header left out":    {"/api/v1/bind/a", `{"title":"t"}`, "header.If-Match", []string{"If-Match", ""}, 422},
		"field left out":     {"/api/v1/bind/a", `{}`, "body", nil, 422},
		"unknown field":      {"/api/v1/bind/a", `{"title":"t","x":1}`, "body.x", nil, 422},
		"not JSON":           {"/api/v1/bind/a", `{`, "body", nil, 400},
		"other form":         {"/api/v1/bind/a", `<a/>`, "body", []string{"Content-Type", "text/xml"}, 415},
		"no body":            {"/api/v1/bind/a", ``, "", nil, 400},
		"too large a body":   {"/api/v1/bind/a", `{"title":"` + strings.Repeat("t", 300) + `"}`, "", nil, 413},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := ask(h, "PUT", c.target, c.body, append([]string{"If-Match", "x"}, c.headers...)...)
			require.Equal(t, c.status, w.Code, w.Body.String())
			require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
			var p httpapi.Problem
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
			require.NotEmpty(t, p.Detail)
			require.Equal(t, c.status, p.Status)
			if c.location != "" {
				require.Len(t, p.Errors, 1)
				require.Equal(t, c.location, p.Errors[0].Location)
				require.NotEmpty(t, p.Errors[0].Message)
			}
		})
	}
	w := ask(h, "PUT", "/api/v1/bind/a?limit=x&big=y", `{"title":1}`, "If-Match", "x")
	var p httpapi.Problem
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
	require.Len(t, p.Errors, 3, "every mistake at once")
}

func TestATypeThatCannotBeReadIsRefusedAtTheStart(t *testing.T) {
	t.Parallel()
	api := httpapi.New(http.NewServeMux(), "1", slog.New(slog.DiscardHandler))
	require.Panics(t, func() {
		httpapi.Handle(api, httpapi.Op{ID: "bad", Method: "GET", Path: "/bad", Public: true, Tag: "bad", Summary: "Bad"},
			func(context.Context, *unreadable) (*struct{}, error) { return nil, nil })
	})
}
