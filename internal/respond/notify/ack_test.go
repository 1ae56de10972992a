package notify

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

func (w *world) do(p *access.Principal, method, path, body string) *httptest.ResponseRecorder {
	w.t.Helper()
	req := httptest.NewRequestWithContext(access.With(context.WithoutCancel(w.t.Context()), p), method, path, strings.NewReader(body))
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	rec := httptest.NewRecorder()
	w.mux.ServeHTTP(rec, req)
	return rec
}

func (w *world) link() string {
	w.t.Helper()
	w.notify(respond.Target{AccountID: w.acc.ID}, respond.ReasonProblem, "k1")
	n := w.all()[0]
	return w.token(&n)
}

func TestLookingAtALinkAcknowledgesNothing(t *testing.T) {
	t.Parallel()
	w := build(t)
	token := w.link()
	for range 3 {
		rec := w.do(nil, "GET", "/ack/"+token, "")
		require.Equal(t, http.StatusOK, rec.Code)
		require.Contains(t, rec.Body.String(), `<form method="post">`)
		require.Contains(t, rec.Body.String(), "shop-http critical")
		require.NotContains(t, rec.Body.String(), "<script")
		require.Contains(t, rec.Header().Get("Content-Security-Policy"), "default-src 'none'")
		require.Equal(t, "no-referrer", rec.Header().Get("Referrer-Policy"))
	}
	require.Empty(t, w.book.acked)
}

func TestALinkWorksOnceAndInThePersonsName(t *testing.T) {
	t.Parallel()
	w := build(t)
	token := w.link()
	rec := w.do(nil, "POST", "/ack/"+token, "")
	require.Equal(t, http.StatusOK, rec.Code)
	require.Contains(t, rec.Body.String(), "You have it")
	require.Equal(t, []string{"i1 link " + w.acc.ID + " ada via email"}, w.book.acked)

	// Also after the incident is open again, the link is used up.
	w.book.set(incident("i1", "INC-1"))
	rec = w.do(nil, "POST", "/ack/"+token, "")
	require.Contains(t, rec.Body.String(), "This link was used")
	rec = w.do(nil, "POST", "/api/v1/ack/"+token, "")
	require.Equal(t, http.StatusOK, rec.Code)
	require.Contains(t, rec.Body.String(), `"result":"used"`)
	require.Len(t, w.book.acked, 1)
}

func TestTheAPITakesTheLinkToo(t *testing.T) {
	t.Parallel()
	w := build(t)
	rec := w.do(nil, "POST", "/api/v1/ack/"+w.link(), "")
	require.Equal(t, http.StatusOK, rec.Code, rec.Body.String())
	require.Contains(t, rec.Body.String(), `"result":"acknowledged"`)
}

func TestForgedAndOldLinks(t *testing.T) {
	t.Parallel()
	w := build(t)
	token := w.link()
	raw, err := base64.RawURLEncoding.DecodeString(token)
	require.NoError(t, err)
	require.Len(t, raw, tokenBytes)
	for i := range raw {
		bad := append([]byte(nil), raw...)
		bad[i] ^= 1
		rec := w.do(nil, "POST", "/ack/"+base64.RawURLEncoding.EncodeToString(bad), "")
		require.Equal(t, http.StatusNotFound, rec.Code, "byte %d", i)
	}
	for _, bad := range []string{"x", token[:len(token)-1], token + "A", strings.Repeat("A", len(token))} {
		require.Equal(t, http.StatusNotFound, w.do(nil, "POST", "/ack/"+bad, "").Code)
		require.Equal(t, http.StatusNotFound, w.do(nil, "POST", "/api/v1/ack/"+bad, "").Code)
	}
	w.clock.add(linkLife - time.Second)
	require.Equal(t, http.StatusOK, w.do(nil, "GET", "/ack/"+token, "").Code)
	w.clock.add(time.Second)
	rec := w.do(nil, "POST", "/ack/"+token, "")
	require.Equal(t, http.StatusNotFound, rec.Code)
	require.Contains(t, rec.Body.String(), "expired")
	require.Empty(t, w.book.acked)
}

func TestALinkOfAnIncidentThatIsOver(t *testing.T) {
	t.Parallel()
	w := build(t)
	token := w.link()
	i := incident("i1", "INC-1")
	i.State, i.Title = "resolved", "<script>alert(1)</script>"
	w.book.set(i)
	rec := w.do(nil, "GET", "/ack/"+token, "")
	require.Contains(t, rec.Body.String(), "nothing to acknowledge")
	require.NotContains(t, rec.Body.String(), "<script")
	require.NotContains(t, rec.Body.String(), "<form")
}

func FuzzReadToken(f *testing.F) {
	s := &Service{ackKey: []byte("key")}
	now := time.Unix(1_800_000_000, 0)
	f.Add(s.token(&Notification{ID: "0198b6a0-0000-7000-8000-000000000000", CreatedAt: now.Add(-linkLife)}))
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		if id, err := s.readToken(token, now); err == nil {
			t.Fatalf("a token that was never signed was taken: %s", id)
		}
	})
}

func TestChannelsOverTheAPI(t *testing.T) {
	t.Parallel()
	w := build(t)
	op := &access.Principal{Kind: access.Token, Role: access.Operator}
	viewer := &access.Principal{Kind: access.Token, Role: access.Viewer}
	put := `{"webhook":{"url":"https://hooks.example.org/secret-path","secret":"s3cret","headers":{"Authorization":"Bearer t0ken"}}}`
	require.Equal(t, http.StatusForbidden, w.do(viewer, "PUT", "/api/v1/channels/hook", put).Code)
	rec := w.do(op, "PUT", "/api/v1/channels/hook", put)
	require.Equal(t, http.StatusOK, rec.Code, rec.Body.String())
	for _, p := range []*access.Principal{op, viewer} {
		body := w.do(p, "GET", "/api/v1/channels/hook", "").Body.String()
		require.Contains(t, body, `"secret_set":true`)
		require.NotContains(t, body, "s3cret")
		require.NotContains(t, body, "t0ken")
		require.Equal(t, p == op, strings.Contains(body, "secret-path"), "only those who may change it see the path")
	}
	// Values left empty stay; to another host they do not go along.
	require.Equal(t, http.StatusOK, w.do(op, "PUT", "/api/v1/channels/hook", `{"webhook":{"url":"https://hooks.example.org/other","headers":{"Authorization":""}}}`).Code)
	c, err := w.stored("hook")
	require.NoError(t, err)
	require.Equal(t, &respond.WebhookSettings{URL: "https://hooks.example.org/other", Secret: "s3cret", Headers: map[string]string{"Authorization": "Bearer t0ken"}}, c.Webhook)
	rec = w.do(op, "PUT", "/api/v1/channels/hook", `{"webhook":{"url":"https://evil.example.net/","headers":{"Authorization":""}}}`)
	require.Equal(t, http.StatusUnprocessableEntity, rec.Code)

	for body, field := range map[string]string{
		`{}`: "exactly one",
		`{"email":{"to":["a@b.c"]},"slack":{"url":"https://x.org"}}`:      "exactly one",
		`{"email":{"to":["no"]}}`:                                         "email.to[0]",
		`{"webhook":{"url":"ftp://x"}}`:                                   "webhook.url",
		`{"webhook":{"url":"https://x.org","headers":{"A\r\nB":"c"}}}`:    "webhook.headers",
		`{"webhook":{"url":"https://x.org","headers":{"A":"c\r\nB: d"}}}`: "webhook.headers.A",
		`{"webhook":{"url":"https://x.org","headers":{"host":"c"}}}`:      "webhook.headers.host",
	} {
		rec := w.do(op, "PUT", "/api/v1/channels/bad", body)
		require.Equal(t, http.StatusUnprocessableEntity, rec.Code, body)
		require.Contains(t, rec.Body.String(), field, body)
	}
	entries, err := audit.List(w.ctx(), w.db.Reader(), audit.Filter{Limit: 100})
	require.NoError(t, err)
	text, err := json.Marshal(entries)
	require.NoError(t, err)
	require.Contains(t, string(text), "channel.create")
	for _, s := range []string{"s3cret", "t0ken", "secret-path"} {
		require.NotContains(t, string(text), s)
	}
	require.Equal(t, http.StatusNoContent, w.do(op, "DELETE", "/api/v1/channels/hook", "").Code)
	require.Equal(t, http.StatusNotFound, w.do(op, "GET", "/api/v1/channels/hook", "").Code)
}

func (w *world) stored(name string) (channel, error) {
	return w.Service.channel(w.ctx(), w.db.Reader(), name)
}

func TestTheMailPasswordIsWriteOnly(t *testing.T) {
	t.Parallel()
	w := build(t)
	op := &access.Principal{Kind: access.Token, Role: access.Operator}
	set := func(body string) *httptest.ResponseRecorder { return w.do(op, "PUT", "/api/v1/smtp", body) }
	rec := set(`{"host":"mail.example.org","port":587,"from":"m@example.org","username":"u","password":"hunter22"}`)
	require.Equal(t, http.StatusOK, rec.Code, rec.Body.String())
	require.Contains(t, rec.Body.String(), `"password_set":true`)
	require.NotContains(t, w.do(op, "GET", "/api/v1/smtp", "").Body.String(), "hunter22")
	set(`{"host":"mail.example.org","port":587,"from":"n@example.org","username":"u"}`)
	var m respond.MailServer
	_, _, err := w.setting(w.ctx(), w.db.Reader(), smtpSetting, &m)
	require.NoError(t, err)
	require.Equal(t, []string{"hunter22", "n@example.org"}, []string{m.Password, m.From})
	set(`{"host":"evil.example.net","port":587,"from":"n@example.org","username":"u"}`)
	_, _, err = w.setting(w.ctx(), w.db.Reader(), smtpSetting, &m)
	require.NoError(t, err)
	require.NotContains(t, w.do(op, "GET", "/api/v1/smtp", "").Body.String(), `"password_set":true`)
	require.Equal(t, http.StatusUnprocessableEntity, set(`{"host":"x","from":"a@b.c\r\nBcc: d@e.f"}`).Code)

	for _, r := range w.Resources() {
		out, err := r.Export(w.ctx(), w.db.Reader())
		require.NoError(t, err)
		text, err := json.Marshal(out)
		require.NoError(t, err)
		require.NotContains(t, string(text), "hunter22")
	}
	var sealed string
	require.NoError(t, w.db.Reader().NewRaw("SELECT value FROM notify_settings WHERE name = 'smtp'").Scan(w.ctx(), &sealed))
	require.NotContains(t, sealed, "example")
}

func TestContactsBelongToThePerson(t *testing.T) {
	t.Parallel()
	w := build(t)
	ada := &access.Principal{Kind: access.Person, ID: w.acc.ID, Role: access.Responder}
	other := &access.Principal{Kind: access.Person, ID: "other", Role: access.Operator}
	path := "/api/v1/people/" + w.acc.ID + "/contacts"
	require.Contains(t, w.do(ada, "GET", path, "").Body.String(), "ada@example.org")
	require.Equal(t, http.StatusForbidden, w.do(other, "GET", path, "").Code)
	body := `{"methods":[{"email":{"to":["a@example.org"]}},{"teams":{"url":"https://t.example.org/x"},"delay":"5m"}]}`
	require.Equal(t, http.StatusForbidden, w.do(other, "PUT", path, body).Code)
	rec := w.do(ada, "PUT", path, body)
	require.Equal(t, http.StatusOK, rec.Code, rec.Body.String())
	require.Contains(t, rec.Body.String(), `"delay":"5m0s"`)
	rec = w.do(ada, "PUT", path, `{"methods":[{"email":{"to":["a@example.org","b@example.org"]}}]}`)
	require.Contains(t, rec.Body.String(), "methods[0].email.to")
}

func TestTheListAndTheTest(t *testing.T) {
	t.Parallel()
	w := build(t)
	op := &access.Principal{Kind: access.Token, Role: access.Operator}
	box := newMailbox(t, nil)
	w.smtp(box.server())
	rec := w.do(op, "POST", "/api/v1/smtp/test", `{"to":"x@example.org"}`)
	require.Equal(t, http.StatusOK, rec.Code, rec.Body.String())
	require.Contains(t, rec.Body.String(), `"state":"sent"`)
	w.channel("team", respond.ChannelSettings{Email: &respond.EmailSettings{To: []string{"a@example.org", "b@example.org"}}})
	require.Equal(t, 2, strings.Count(w.do(op, "POST", "/api/v1/channels/team/test", "").Body.String(), `"state":"sent"`))
	w.notify(respond.Target{Channel: "team"}, respond.ReasonProblem, "k")

	type page struct {
		Items []map[string]any `json:"items"`
		Next  string           `json:"next"`
	}
	read := func(query string) (p page) {
		rec := w.do(op, "GET", "/api/v1/notifications"+query, "")
		require.Equal(t, http.StatusOK, rec.Code, rec.Body.String())
		require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &p))
		return p
	}
	p := read("?limit=3")
	require.Len(t, p.Items, 3)
	rest := read("?limit=3&cursor=" + p.Next)
	require.Len(t, rest.Items, 2)
	require.Empty(t, rest.Next)
	p = read("?incident=INC-1&state=queued&channel=team")
	require.Len(t, p.Items, 2)
	require.Equal(t, "INC-1", p.Items[0]["incident"])
	require.Empty(t, read("?incident=INC-1&state=failed").Items)
	id := rest.Items[1]["id"].(string)
	require.Contains(t, w.do(op, "GET", "/api/v1/notifications/"+id, "").Body.String(), `"history":[{`)
	require.Equal(t, http.StatusConflict, w.do(op, "POST", "/api/v1/notifications/"+id+"/retry", "").Code)
	mails, _ := box.got()
	require.Len(t, mails, 3)
}

func TestTheHeartbeat(t *testing.T) {
	t.Parallel()
	w := build(t)
	beats := make(chan struct{}, 10)
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { beats <- struct{}{} }))
	defer srv.Close()
	require.NoError(t, w.Start(w.ctx()))
	w.tx(func(ctx context.Context, tx *db.Tx) error {
		_, err := w.saveHeartbeat(ctx, tx, heartbeat{URL: srv.URL})
		return err
	})
	<-beats
	require.Eventually(t, func() bool {
		b, err := w.heartbeat(w.ctx())
		return err == nil && b.Body.LastSuccess != nil
	}, 5*time.Second, time.Millisecond)
	w.Stop(w.ctx())
	for len(beats) > 0 {
		<-beats
	}
	w.health.Add("db", func() error { return context.Canceled })
	require.Error(t, w.callHome(w.ctx(), srv.URL))
	require.Empty(t, beats)
}
