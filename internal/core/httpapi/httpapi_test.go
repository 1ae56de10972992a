package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
)

var write = access.Permission{Name: "thing.write", Title: "Change things", Least: access.Operator}

// people knows two tokens and one session.
type people struct{}

func (people) ByToken(_ context.Context, v string) (*access.Principal, error) {
	switch v {
	case "operator", "other":
		return &access.Principal{Kind: access.Token, ID: v, Role: access.Operator}, nil
	case "viewer":
		return &access.Principal{Kind: access.Token, ID: v, Role: access.Viewer}, nil
	case "broken":
		return nil, errors.New("the disk is on fire")
	}
	return nil, errs.New(errs.Unauthorized, "The token is not valid.")
}

func (people) BySession(_ context.Context, v string) (*access.Principal, error) {
	if v == "session" {
		return &access.Principal{Kind: access.Person, ID: "p", Role: access.Operator}, nil
	}
	return nil, errs.New(errs.Unauthorized, "The session has ended. Sign in again.")
}

type thingIn struct {
	IfMatch string `header:"If-Match"`
	Body    struct {
		Name  string `json:"name" minLength:"2"`
		Count int    `json:"count,omitempty" maximum:"5"`
	}
}

type thing struct {
	N int64 `json:"n"`
}

type site struct {
	http.Handler
	made    atomic.Int64
	entered chan struct{} // if set, a call tells that it runs and waits
	leave   chan struct{}
	log     bytes.Buffer
	logMu   sync.Mutex
}

func (s *site) Write(b []byte) (int, error) {
	s.logMu.Lock()
	defer s.logMu.Unlock()
	return s.log.Write(b)
}

func newSite() *site {
	s := &site{}
	logger := slog.New(slog.NewTextHandler(s, nil))
	mux := http.NewServeMux()
	api := httpapi.New(mux, "1", logger)
	httpapi.Handle(api, httpapi.Op{ID: "make-thing", Method: "POST", Path: "/api/v1/things", Need: write, Tag: "things", Summary: "Make", Status: 201, MaxBody: 500},
		func(_ context.Context, in *thingIn) (*httpapi.Body[thing], error) {
			if s.entered != nil {
				s.entered <- struct{}{}
				<-s.leave
			}
			switch in.Body.Name {
			case "panic":
				panic("very secret internals")
			case "internal":
				return nil, errors.New("very secret internals")
			case "fields":
				return nil, errs.Fields(errs.Field{Path: "name", Value: "fields", Message: "must be another", Line: 7})
			}
			n := s.made.Add(1)
			return &httpapi.Body[thing]{ETag: httpapi.ETag(n), Body: thing{n}}, nil
		})
	httpapi.Handle(api, httpapi.Op{ID: "change-thing", Method: "PATCH", Path: "/api/v1/things", Need: write, Tag: "things", Summary: "Change"},
		func(_ context.Context, in *thingIn) (*httpapi.Body[thing], error) {
			return &httpapi.Body[thing]{}, httpapi.CheckMatch(in.IfMatch, 3)
		})
	mux.Handle("GET /api/v1/plain", api.Guard(write, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	s.Handler = httpapi.Wrap(mux, people{}, logger)
	return s
}

type header map[string]string

func (s *site) do(method, path, body string, h header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://mainstay.test"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer operator")
	for k, v := range h {
		if v == "" {
			r.Header.Del(k)
		} else {
			r.Header.Set(k, v)
		}
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func problem(t *testing.T, w *httptest.ResponseRecorder, status int, code string) httpapi.Problem {
	t.Helper()
	require.Equal(t, status, w.Code, w.Body.String())
	require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
	var p httpapi.Problem
	dec := json.NewDecoder(w.Body)
	dec.DisallowUnknownFields()
	require.NoError(t, dec.Decode(&p))
	require.Equal(t, status, p.Status)
	require.Equal(t, code, p.Code)
	require.Equal(t, http.StatusText(status), p.Title)
	require.NotEmpty(t, p.Detail)
	return p
}

func TestProblems(t *testing.T) {
	t.Parallel()
	s := newSite()
	post := func(body string) *httptest.ResponseRecorder { return s.do("POST", "/api/v1/things", body, nil) }
	p := problem(t, post(`{"name":"fields"}`), 422, "invalid")
	require.Equal(t, []httpapi.ProblemField{{Location: "name", Message: "must be another", Value: "fields", Line: 7}}, p.Errors)
	require.NotEmpty(t, p.Request)
	p = problem(t, post(`{"name":"x","count":9}`), 422, "invalid")
	require.Len(t, p.Errors, 2, "every mistake at once: %+v", p.Errors)
	for _, f := range p.Errors {
		require.Contains(t, []string{"body.name", "body.count"}, f.Location)
		require.NotEmpty(t, f.Message)
	}
	p = problem(t, post(`{"name":"good","other":1}`), 422, "invalid")
	require.Equal(t, "body.other", p.Errors[0].Location)
	problem(t, post(`{"name":`), 400, "invalid")
	problem(t, post(`{"name":"`+strings.Repeat("x", 600)+`"}`), 413, "too_large")
	p = problem(t, post(`{"name":"internal"}`), 500, "internal")
	require.NotContains(t, p.Detail, "secret")
	require.Contains(t, s.log.String(), "very secret internals", "the log has what people are not shown")
	require.Contains(t, s.log.String(), p.Request)
	p = problem(t, post(`{"name":"panic"}`), 500, "internal")
	require.NotContains(t, p.Detail, "secret")
	require.Contains(t, s.log.String(), "a handler panicked")
	require.Zero(t, s.made.Load())
}

func TestWhoMay(t *testing.T) {
	t.Parallel()
	s := newSite()
	for name, c := range map[string]struct {
		auth string
		want int
		code string
	}{
		"nobody": {"", 401, "unauthorized"}, "viewer": {"Bearer viewer", 403, "forbidden"}, "bad token": {"Bearer x", 401, "unauthorized"},
		"basic": {"Basic b3BlcmF0b3I6", 401, "unauthorized"}, "empty": {"Bearer ", 401, "unauthorized"}, "store fails": {"Bearer broken", 500, "internal"},
	} {
		for _, path := range []string{"/api/v1/things", "/api/v1/plain"} {
			method := "POST"
			if path == "/api/v1/plain" {
				method = "GET"
			}
			w := s.do(method, path, `{"name":"good"}`, header{"Authorization": c.auth})
			p := problem(t, w, c.want, c.code)
			require.NotContains(t, p.Detail, "fire", name)
			if c.want == 401 {
				require.Equal(t, "Bearer", w.Header().Get("WWW-Authenticate"), name)
			}
		}
	}
	require.Zero(t, s.made.Load())
}

// Each request has an id of its own; one that the client sends is not believed.
func TestRequestID(t *testing.T) {
	t.Parallel()
	s := newSite()
	a := s.do("GET", "/api/v1/plain", "", header{"X-Request-Id": "mine\nforged"}).Header().Get("X-Request-Id")
	b := s.do("GET", "/api/v1/plain", "", nil).Header().Get("X-Request-Id")
	require.Len(t, a, 36)
	require.NotEqual(t, a, b)
}

// A cookie counts only for requests from our own pages; a token is sent by no
// browser on its own.
func TestCrossSiteRequestsAreRefused(t *testing.T) {
	t.Parallel()
	cookie := header{"Authorization": "", "Cookie": httpapi.CookieName + "=session"}
	for name, c := range map[string]struct {
		h      header
		cookie bool
		want   int
	}{
		"cookie, own origin":      {header{"Origin": "http://mainstay.test"}, true, 201},
		"cookie, same origin":     {header{"Sec-Fetch-Site": "same-origin"}, true, 201},
		"cookie, other origin":    {header{"Origin": "https://evil.test"}, true, 403},
		"cookie, cross-site":      {header{"Sec-Fetch-Site": "cross-site"}, true, 403},
		"cookie, other subdomain": {header{"Sec-Fetch-Site": "same-site"}, true, 403},
		"cookie, null origin":     {header{"Origin": "null"}, true, 403},
		"token, other origin":     {header{"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"}, false, 201},
	} {
		s := newSite()
		h := header{}
		if c.cookie {
			for k, v := range cookie {
				h[k] = v
			}
		}
		for k, v := range c.h {
			h[k] = v
		}
		w := s.do("POST", "/api/v1/things", `{"name":"good"}`, h)
		require.Equal(t, c.want, w.Code, "%s: %s", name, w.Body)
		require.Equal(t, c.want == 201, s.made.Load() == 1, name)
		if c.want == 403 {
			problem(t, w, 403, "forbidden")
		}
	}
	s := newSite()
	w := s.do("GET", "/api/v1/plain", "", header{"Authorization": "", "Cookie": httpapi.CookieName + "=session", "Origin": "https://evil.test"})
	require.Equal(t, 200, w.Code, "reading changes nothing, and the browser does not show it to the other site")
	require.Empty(t, w.Header().Get("Access-Control-Allow-Origin"))
}

func TestIfMatch(t *testing.T) {
	t.Parallel()
	s := newSite()
	for h, want := range map[string]int{`"3"`: 200, `W/"3"`: 200, "*": 200, `"2"`: 412, `3`: 412, `"33"`: 412} {
		w := s.do("PATCH", "/api/v1/things", `{"name":"good"}`, header{"If-Match": h})
		require.Equal(t, want, w.Code, h)
	}
	require.Equal(t, 200, s.do("PATCH", "/api/v1/things", `{"name":"good"}`, nil).Code, "without the header")
	problem(t, s.do("PATCH", "/api/v1/things", `{"name":"good"}`, header{"If-Match": `"9"`}), 412, "precondition")
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	s := newSite()
	post := func(key, body string, h header) *httptest.ResponseRecorder {
		all := header{"Idempotency-Key": key}
		for k, v := range h {
			all[k] = v
		}
		return s.do("POST", "/api/v1/things", body, all)
	}
	first := post("k1", `{"name":"good"}`, nil)
	require.Equal(t, 201, first.Code)
	again := post("k1", `{"name":"good"}`, nil)
	require.Equal(t, 201, again.Code)
	require.Equal(t, first.Body.String(), again.Body.String())
	require.Equal(t, first.Header().Get("ETag"), again.Header().Get("ETag"))
	require.Equal(t, "true", again.Header().Get("Idempotent-Replay"))
	require.EqualValues(t, 1, s.made.Load())
	problem(t, post("k1", `{"name":"different"}`, nil), 409, "conflict")
	require.EqualValues(t, 1, s.made.Load(), "another body under the same key is refused, not answered with the first")
	problem(t, s.do("POST", "/api/v1/things?x=1", `{"name":"good"}`, header{"Idempotency-Key": "k1"}), 409, "conflict")
	require.Equal(t, 201, post("k1", `{"name":"good"}`, header{"Authorization": "Bearer other"}).Code)
	require.EqualValues(t, 2, s.made.Load(), "keys belong to who sends them")
	// What failed inside may be tried again; what was refused is refused again.
	require.Equal(t, 500, post("k2", `{"name":"internal"}`, nil).Code)
	require.Empty(t, post("k2", `{"name":"internal"}`, nil).Header().Get("Idempotent-Replay"))
	require.Equal(t, 500, post("k3", `{"name":"panic"}`, nil).Code)
	require.Equal(t, 201, post("k3", `{"name":"good"}`, nil).Code, "a panic leaves no key behind")
	problem(t, post("k4", `{"name":"`+strings.Repeat("x", 600)+`"}`, nil), 413, "too_large")
	require.Equal(t, 201, post("k4", `{"name":"good"}`, nil).Code)
}

// Two at once with one key do the work once.
func TestIdempotencyKeyAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite()
	s.entered, s.leave = make(chan struct{}, 8), make(chan struct{})
	const n = 8
	got := make(chan string, n)
	for range n {
		go func() {
			got <- s.do("POST", "/api/v1/things", `{"name":"good"}`, header{"Idempotency-Key": "same"}).Body.String()
		}()
	}
	<-s.entered
	close(s.leave)
	for range n {
		require.JSONEq(t, `{"n":1}`, <-got)
	}
	require.EqualValues(t, 1, s.made.Load())
}

// The limit holds without a length told in advance.
func TestBodyLimitOfAStream(t *testing.T) {
	t.Parallel()
	s := newSite()
	srv := httptest.NewServer(s)
	defer srv.Close()
	for _, key := range []string{"", "k"} {
		r, err := http.NewRequestWithContext(t.Context(), "POST", srv.URL+"/api/v1/things", io.MultiReader(strings.NewReader(`{"name":"`), io.LimitReader(endless{}, 1<<20), strings.NewReader(`"}`)))
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer operator")
		r.Header.Set("Content-Type", "application/json")
		if key != "" {
			r.Header.Set("Idempotency-Key", key)
		}
		res, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.Equal(t, 413, res.StatusCode)
		require.NoError(t, res.Body.Close())
	}
	require.Zero(t, s.made.Load())
}

type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	return len(b), nil
}
