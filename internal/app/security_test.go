package app_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/app"
	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/core/httpapi"
	"github.com/mainstay-ops/mainstay/internal/testkit"
	"github.com/mainstay-ops/mainstay/internal/testkit/apptest"
)

// browser sends requests with a cookie and headers of its own.
type browser struct {
	t      *testing.T
	url    string
	cookie string
	origin string
}

func (b *browser) do(method, path string, body any) (*http.Response, string) {
	b.t.Helper()
	j, err := json.Marshal(body)
	require.NoError(b.t, err)
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, bytes.NewReader(j))
	require.NoError(b.t, err)
	req.Header.Set("Content-Type", "application/json")
	if b.cookie != "" {
		req.AddCookie(&http.Cookie{Name: httpapi.CookieName, Value: b.cookie})
	}
	if b.origin != "" {
		req.Header.Set("Origin", b.origin)
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(b.t, err)
	defer res.Body.Close()
	out, err := io.ReadAll(res.Body)
	require.NoError(b.t, err)
	return res, string(out)
}

func session(res *http.Response) *http.Cookie {
	for _, c := range res.Cookies() {
		if c.Name == httpapi.CookieName {
			return c
		}
	}
	return nil
}

const annsPassword = "anns very own password"

func withAnn(t *testing.T, s *apptest.Server) {
	t.Helper()
	st, b := s.Do("POST", "/api/v1/people", map[string]any{"email": "ann@example.org", "role": "admin", "password": annsPassword})
	require.Equal(t, 201, st, string(b))
	require.NotContains(t, string(b), "argon2", "a hash is never shown")
}

func login(password string) map[string]string {
	return map[string]string{"email": "ann@example.org", "password": password}
}

// The value of the cookie is made anew at each login: one that was planted before
// is worth nothing after.
func TestSessionFixation(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	withAnn(t, s)
	b := &browser{t: t, url: s.URL, cookie: "planted-by-somebody-else"}
	res, body := b.do("POST", "/api/v1/session", login(annsPassword))
	require.Equal(t, 200, res.StatusCode, body)
	c := session(res)
	require.NotNil(t, c)
	require.NotEqual(t, b.cookie, c.Value)
	require.True(t, c.HttpOnly)
	require.Equal(t, http.SameSiteLaxMode, c.SameSite)
	require.NotContains(t, body, c.Value)
	res, _ = b.do("GET", "/api/v1/session", nil)
	require.Equal(t, 401, res.StatusCode, "the planted value")
	b.cookie = c.Value
	res, _ = b.do("GET", "/api/v1/session", nil)
	require.Equal(t, 200, res.StatusCode)
	// Signing in again while signed in gives another one; an ended one does not
	// stand in the way.
	res, _ = b.do("POST", "/api/v1/session", login(annsPassword))
	require.NotEqual(t, c.Value, session(res).Value)
	res, _ = b.do("DELETE", "/api/v1/session", nil)
	require.Equal(t, 204, res.StatusCode)
	res, body = b.do("POST", "/api/v1/session", login(annsPassword))
	require.Equal(t, 200, res.StatusCode, body)
}

func TestCrossSiteRequests(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	withAnn(t, s)
	b := &browser{t: t, url: s.URL}
	res, _ := b.do("POST", "/api/v1/session", login(annsPassword))
	b.cookie, b.origin = session(res).Value, "https://evil.example"
	res, body := b.do("POST", "/api/v1/tokens", map[string]string{"name": "mine", "role": "admin"})
	require.Equal(t, 403, res.StatusCode)
	require.Contains(t, body, "another site")
	b.origin = s.URL
	res, body = b.do("POST", "/api/v1/tokens", map[string]string{"name": "mine", "role": "admin"})
	require.Equal(t, 201, res.StatusCode, body)
}

type capture struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (c *capture) Write(p []byte) (int, error) { c.mu.Lock(); defer c.mu.Unlock(); return c.b.Write(p) }

func (c *capture) String() string { c.mu.Lock(); defer c.mu.Unlock(); return c.b.String() }

// At the most talkative level, nothing that lets somebody in is in the log.
func TestNoSecretInTheLog(t *testing.T) {
	t.Parallel()
	log := &capture{}
	cfg := config.Default()
	cfg.Listen.HTTP, cfg.Data, cfg.Discovery.Host = "127.0.0.1:0", t.TempDir(), false
	a, err := app.New(t.Context(), app.Options{Config: cfg, Version: "test", BootstrapToken: apptest.Token, Logger: slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	require.NoError(t, err)
	defer a.Stop(t.Context())
	require.NoError(t, a.Start(t.Context()))
	b := &browser{t: t, url: "http://" + a.Address()}
	secrets := map[string]string{"bootstrap token": apptest.Token, "password": annsPassword, "wrong password": "the wrong password", "mail password": "smtp-hunter2", "signing secret": "hook-hunter2", "header": "header-hunter2"}
	asAdmin := func(method, path, contentType, body string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, b.url+path, strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+apptest.Token)
		req.Header.Set("Content-Type", contentType)
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer res.Body.Close()
		out, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		return res.StatusCode, string(out)
	}
	st, out := asAdmin("POST", "/api/v1/people", "application/json", `{"email":"ann@example.org","role":"admin","password":"`+annsPassword+`"}`)
	require.Equal(t, 201, st, out)
	st, out = asAdmin("POST", "/api/v1/tokens", "application/json", `{"name":"ci","role":"viewer"}`)
	require.Equal(t, 201, st, out)
	var tok struct{ Token string }
	require.NoError(t, json.Unmarshal([]byte(out), &tok))
	secrets["new token"] = tok.Token
	res, _ := b.do("POST", "/api/v1/session", login("the wrong password"))
	require.Equal(t, 401, res.StatusCode)
	res, _ = b.do("POST", "/api/v1/session", login(annsPassword))
	b.cookie = session(res).Value
	secrets["session"] = b.cookie
	for _, path := range []string{"/api/v1/session", "/api/v1/incidents/INC-999", "/api/v1/nothing"} {
		b.do("GET", path, nil)
		b.do("POST", path, map[string]string{"password": annsPassword})
	}
	st, out = asAdmin("POST", "/api/v1/apply", "application/yaml", "smtp: {host: 127.0.0.1, port: 1, from: m@example.org, username: u, password: smtp-hunter2, tls: starttls}\nchannels:\n  - {name: hook, webhook: {url: \"http://127.0.0.1:1/x\", secret: hook-hunter2, headers: {X-Key: header-hunter2}}}\n")
	require.Equal(t, 200, st, out)
	for range 2 {
		asAdmin("POST", "/api/v1/channels/hook/test", "application/json", `{}`)
		st, out = asAdmin("GET", "/api/v1/export", "application/json", "")
		require.Equal(t, 200, st)
	}
	for _, path := range []string{"/api/v1/audit?limit=500", "/api/v1/channels", "/api/v1/smtp", "/api/v1/tokens", "/api/v1/people"} {
		_, more := asAdmin("GET", path, "application/json", "")
		out += more
	}
	a.Stop(t.Context())
	require.NotEmpty(t, log.String())
	for what, v := range secrets {
		require.NotContains(t, log.String(), v, "log: %s", what)
		require.NotContains(t, out, v, "API: %s", what)
	}
}

// Whatever is in the path of a file, only files of the server come out.
func TestNoWayOutOfTheServersFiles(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	st, b := s.Do("POST", "/api/v1/incidents", map[string]any{"title": "x"})
	require.Equal(t, 201, st, string(b))
	var inc struct{ Number string }
	require.NoError(t, json.Unmarshal(b, &inc))
	base := "/api/v1/incidents/" + inc.Number + "/attachments"
	req, err := http.NewRequestWithContext(t.Context(), "POST", s.URL+base+"?name="+url.QueryEscape("../../../evil\r\nX-Bad: 1.html"), strings.NewReader("<script>alert(1)</script>"))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+apptest.Token)
	req.Header.Set("Content-Type", "application/octet-stream")
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	var att struct{ ID, Name string }
	require.NoError(t, json.NewDecoder(res.Body).Decode(&att))
	require.NoError(t, res.Body.Close())
	require.Equal(t, 201, res.StatusCode)
	require.Equal(t, "evilX-Bad 1.html", att.Name)
	req, err = http.NewRequestWithContext(t.Context(), "GET", s.URL+base+"/"+att.ID, nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+apptest.Token)
	res, err = http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, 200, res.StatusCode)
	require.Equal(t, "application/octet-stream", res.Header.Get("Content-Type"), "never shown as a page of ours")
	require.True(t, strings.HasPrefix(res.Header.Get("Content-Disposition"), "attachment"))
	require.Contains(t, res.Header.Get("Content-Security-Policy"), "sandbox")
	require.Empty(t, res.Header.Get("X-Bad"))
	require.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"))
	for _, path := range []string{base + "/..%2f..%2fsecret.key", base + "/%2e%2e%2fmainstay.db", "/..%2fsecret.key", "/%2e%2e/%2e%2e/etc/passwd", "/assets/..%2f..%2f..%2fetc/passwd", "/..%5c..%5csecret.key"} {
		_, b := s.Do("GET", path, nil)
		require.NotContains(t, string(b), "AGE-SECRET-KEY", path)
		require.NotContains(t, string(b), "root:", path)
		require.NotContains(t, string(b), "SQLite format", path)
	}
}

func TestCommentsAreSafeHTML(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	st, b := s.Do("POST", "/api/v1/incidents", map[string]any{"title": "<script>alert(1)</script>"})
	require.Equal(t, 201, st, string(b))
	var inc struct{ Number string }
	require.NoError(t, json.Unmarshal(b, &inc))
	st, b = s.Do("POST", "/api/v1/incidents/"+inc.Number+"/comments", map[string]string{"body": "**b** <script>alert(1)</script> [x](javascript:alert(1)) ![p](https://evil.test/p.png) <img src=x onerror=alert(1)>"})
	require.Equal(t, 201, st, string(b))
	var page struct{ Items []struct{ HTML string } }
	s.Get("/api/v1/incidents/"+inc.Number+"/timeline", &page)
	html := page.Items[len(page.Items)-1].HTML
	require.Contains(t, html, "<strong>b</strong>")
	for _, bad := range []string{"<script", "<img", "onerror", `href="javascript`} {
		require.NotContains(t, html, bad)
	}
}

// What answers with credentials of the cloud is not asked, neither by a check nor
// by a webhook, and the refusal says why.
func TestMetadataAddressesAreNotAsked(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	st, b := s.Do("POST", "/api/v1/apply", "checks:\n  - {name: meta, every: 1s, attempts: 1, http: {url: \"http://169.254.169.254/latest/meta-data/\", timeout: 2s}}\n")
	if st == 200 {
		testkit.Eventually(t, 20*time.Second, "the check is refused", func() bool {
			_, b = s.Do("GET", "/api/v1/checks/meta", nil)
			return strings.Contains(string(b), "metadata")
		})
	} else {
		require.Equal(t, 422, st, string(b))
	}
	require.Contains(t, string(b), "169.254.169.254")
	require.Contains(t, string(b), "metadata")
	st, b = s.Do("POST", "/api/v1/apply", "channels:\n  - {name: hook, webhook: {url: \"http://169.254.169.254/latest/meta-data/\"}}\n")
	if st == 200 {
		st, b = s.Do("POST", "/api/v1/channels/hook/test", map[string]any{})
		require.Less(t, st, 300, string(b))
		testkit.Eventually(t, 20*time.Second, "the webhook is refused", func() bool {
			_, b = s.Do("GET", "/api/v1/notifications?limit=5", nil)
			return strings.Contains(string(b), "metadata")
		})
	}
	require.Contains(t, string(b), "metadata")
}
