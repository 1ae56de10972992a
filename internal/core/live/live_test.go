package live_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/testkit"
)

var (
	read   = access.Permission{Name: "incident.read", Title: "See", Least: access.Viewer}
	secret = access.Permission{Name: "account.read", Title: "See people", Least: access.Admin}
)

// browser is a connection whose reading can be held up.
type browser struct {
	mu     sync.Mutex
	text   strings.Builder
	gate   chan struct{} // each write takes one; nil lets all through
	ended  chan struct{}
	cancel context.CancelFunc
}

func (b *browser) Header() http.Header              { return http.Header{} }
func (b *browser) WriteHeader(int)                  {}
func (b *browser) FlushError() error                { return nil }
func (b *browser) SetWriteDeadline(time.Time) error { return nil }
func (b *browser) saw(s string) bool                { return b.count(s) > 0 }
func (b *browser) count(s string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.text.String(), s)
}

func (b *browser) Write(p []byte) (int, error) {
	if b.gate != nil {
		<-b.gate
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

const hello = `"kind":"hello"`

func open(t *testing.T, h *live.Hub, p *access.Principal, query string, slow bool) *browser {
	t.Helper()
	b := &browser{ended: make(chan struct{})}
	if slow {
		b.gate = make(chan struct{})
	}
	ctx, cancel := context.WithCancel(access.With(t.Context(), p))
	b.cancel = cancel
	r := httptest.NewRequest("GET", "/api/v1/live"+query, nil).WithContext(ctx)
	go func() { defer close(b.ended); h.ServeHTTP(b, r) }()
	t.Cleanup(cancel)
	if slow {
		b.gate <- struct{}{} // the greeting goes through
	}
	testkit.Eventually(t, 5*time.Second, "hello", func() bool { return b.saw(hello) })
	return b
}

func hub() *live.Hub {
	h := live.NewHub()
	h.Topic("incidents", read)
	h.Topic("people", secret)
	return h
}

func TestTopicsNeedTheirPermission(t *testing.T) {
	t.Parallel()
	h := hub()
	admin := open(t, h, &access.Principal{Role: access.Admin}, "", false)
	viewer := open(t, h, &access.Principal{Role: access.Viewer}, "", false)
	asking := open(t, h, &access.Principal{Role: access.Viewer}, "?topics=people,incidents", false)
	narrow := open(t, h, &access.Principal{Role: access.Admin}, "?topics=people", false)
	scoped := open(t, h, &access.Principal{Role: access.Admin, Scopes: []string{"account."}}, "", false)
	member := open(t, h, &access.Principal{Teams: map[string]access.Role{"t1": access.Admin}}, "", false)
	require.True(t, h.Wanted("people"))
	require.False(t, h.Wanted("no-such-topic"))
	h.Send(live.Note{Topic: "no-such-topic", ID: "ghost"})
	h.Send(live.Note{Topic: "people", Kind: "changed", ID: "ann"})
	h.Send(live.Note{Topic: "incidents", Kind: "changed", ID: "INC-1"})
	for _, b := range []*browser{admin, viewer, asking} {
		testkit.Eventually(t, 5*time.Second, "INC-1", func() bool { return b.saw("INC-1") })
	}
	for _, b := range []*browser{admin, narrow, scoped} {
		testkit.Eventually(t, 5*time.Second, "ann", func() bool { return b.saw(`"ann"`) })
	}
	h.Close()
	for name, b := range map[string]*browser{"viewer": viewer, "asking": asking, "member of a team": member} {
		<-b.ended
		require.False(t, b.saw(`"ann"`), name)
	}
	for _, b := range []*browser{narrow, scoped, member} {
		<-b.ended
		require.False(t, b.saw("INC-1"))
	}
	require.False(t, admin.saw("ghost"))
}

func TestNobodyIsRefused(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	hub().ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/live", nil))
	require.Equal(t, 401, w.Code)
}

// A browser that does not read holds nobody up. When it reads again it gets what
// was kept and is told that something is missing, although nothing more is sent.
func TestSlowReaderIsToldWhatItLost(t *testing.T) {
	t.Parallel()
	h := hub()
	slow := open(t, h, &access.Principal{Role: access.Viewer}, "", true)
	quick := open(t, h, &access.Principal{Role: access.Viewer}, "", false)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for i := range 3000 {
			h.Send(live.Note{Topic: "incidents", ID: fmt.Sprintf("n%d.", i)})
			if i%500 == 0 { // the other one keeps up
				testkit.Eventually(t, 5*time.Second, "the quick one", func() bool { return quick.saw(fmt.Sprintf("n%d.", i)) })
			}
		}
	}()
	select {
	case <-sent:
	case <-time.After(20 * time.Second):
		t.Fatal("Send waits for a browser that does not read")
	}
	close(slow.gate)
	testkit.Eventually(t, 5*time.Second, "told of the loss", func() bool { return slow.saw(`"kind":"lost"`) })
	require.True(t, slow.saw("n0."))
	require.False(t, slow.saw("n2999."))
	h.Send(live.Note{Topic: "incidents", ID: "after"})
	testkit.Eventually(t, 5*time.Second, "what comes after", func() bool { return slow.saw("after") })
	require.Equal(t, 1, slow.count(`"kind":"lost"`))
	testkit.Eventually(t, 5*time.Second, "all for the quick one", func() bool { return quick.saw("n2999.") })
	require.False(t, quick.saw(`"kind":"lost"`))
}

func TestCloseEndsAllStreams(t *testing.T) {
	t.Parallel()
	h := hub()
	a, b := open(t, h, &access.Principal{Role: access.Viewer}, "", false), open(t, h, &access.Principal{Role: access.Viewer}, "", false)
	a.cancel()
	<-a.ended
	h.Close()
	<-b.ended
	h.Close()
	h.Send(live.Note{Topic: "incidents", ID: "late"})
	require.False(t, h.Wanted("incidents"))
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/api/v1/live", nil)
	h.ServeHTTP(w, r.WithContext(access.With(t.Context(), &access.Principal{Role: access.Admin})))
	require.Equal(t, 503, w.Code)
}
