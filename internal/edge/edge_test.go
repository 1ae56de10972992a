package edge

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/agent/identity"
	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/testkit"
	"github.com/mainstay-ops/mainstay/internal/testkit/apptest"
)

func onBoth(t *testing.T, f func(t *testing.T, s *apptest.Server)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); f(t, apptest.Start(t)) })
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		u := testkit.PostgresURL(t)
		f(t, apptest.Start(t, func(c *config.Config) { c.Database.URL = u }))
	})
}

func token(t *testing.T, s *apptest.Server, kind string) string {
	t.Helper()
	st, b := s.Do("POST", "/api/v1/agent-tokens", map[string]any{"kind": kind, "labels": map[string]string{"site": "north"}})
	require.Equal(t, 201, st, "%s", b)
	var out struct{ Token, Line string }
	require.NoError(t, json.Unmarshal(b, &out))
	if kind == "edge" {
		require.Contains(t, out.Line, "edge enroll")
	}
	return out.Token
}

func join(t *testing.T, s *apptest.Server, dir, name, tok string) error {
	t.Helper()
	in := agentwire.EnrollRequest{Token: tok, Name: name, Hostname: "box-" + name, MachineID: "m-" + name, OS: "linux", Arch: "amd64", Version: "1"}
	_, err := Enroll(t.Context(), dir, s.URL, identity.Trust{}, true, in)
	return err
}

// runEdge runs an edge until the test ends or stop is called.
func runEdge(t *testing.T, dir string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, Options{Dir: dir, Version: "1.2", BufferBytes: 16 << 20, Logger: testkit.Logger(t)})
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-done)
	})
	t.Cleanup(stop)
	return stop
}

type edgeView struct {
	Name, Item, State, Version, Check string
	Labels                            map[string]string
	Checks                            int
}

func edges(s *apptest.Server) []edgeView {
	var out struct{ Items []edgeView }
	s.Get("/api/v1/edges", &out)
	return out.Items
}

type checkView struct {
	State, From, Away, Output string
	Hard                      bool
	LastResult                struct {
		Output string
		At     time.Time
	} `json:"last_result"`
	RunsAt []string `json:"runs_at"`
	Places []struct{ Name, State string }
}

func look(s *apptest.Server, name string) checkView {
	var v checkView
	s.Get("/api/v1/checks/"+url.PathEscape(name), &v)
	return v
}

// An edge enrolls, gets its checks, delivers, hears of changes, and is refused when it
// was revoked.
func TestEdge(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *apptest.Server) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		dir := t.TempDir()
		require.NoError(t, join(t, s, dir, "west", token(t, s, "edge")))
		require.Equal(t, "waiting", edges(s)[0].State)
		stop := runEdge(t, dir)
		testkit.Eventually(t, 20*time.Second, "the edge is up", func() bool { return edges(s)[0].State == "up" })
		e := edges(s)[0]
		require.Equal(t, edgeView{Name: "west", Item: "box-west", State: "up", Version: "1.2", Check: "west edge", Labels: map[string]string{"site": "north"}}, e)
		testkit.Eventually(t, 30*time.Second, "its own check hears of it", func() bool { return look(s, "west edge").State == "ok" })

		s.Apply(fmt.Sprintf(`checks:
  - {name: port, from: west, every: 1s, tcp: {address: %q}}
  - {name: closed, from: any, every: 1s, retry_every: 500ms, tcp: {address: "127.0.0.1:1"}}
  - {name: program, from: all, every: 1s, script: {shell: "test \"$WORD\" = hush && echo \"fine | speed=7\"", env: {WORD: hush}}}
  - {name: here, every: 1s, tcp: {address: %q}}`, l.Addr(), l.Addr()))
		testkit.Eventually(t, 20*time.Second, "results arrive", func() bool {
			return look(s, "port").State == "ok" && look(s, "closed").Hard && look(s, "program").State == "ok"
		})
		require.Equal(t, "critical", look(s, "closed").State)
		p := look(s, "program")
		require.Equal(t, []string{"west"}, p.RunsAt)
		require.Equal(t, "ok", p.Places[0].State)
		require.Equal(t, "fine", p.Output, "the secret came with the check")
		var list struct{ Items []struct{ Name string } }
		s.Get("/api/v1/checks?from=west", &list)
		require.Len(t, list.Items, 3)
		s.Get("/api/v1/checks?from=server", &list)
		require.Len(t, list.Items, 2, "here, and the check of the edge itself")
		var q struct {
			Data struct {
				Result []struct{ Metric map[string]string }
			}
		}
		testkit.Eventually(t, 10*time.Second, "figures say where they come from", func() bool {
			s.Get("/prometheus/api/v1/query?query="+url.QueryEscape(`probe_perfdata{check="program"}`), &q)
			return len(q.Data.Result) == 1
		})
		require.Equal(t, "west", q.Data.Result[0].Metric["from"])
		st, b := s.Do("POST", "/api/v1/checks/port/run", nil)
		require.Equal(t, 202, st, "%s", b)
		st, b = s.Do("GET", "/api/v1/export", nil)
		require.Equal(t, 200, st)
		require.Contains(t, string(b), "from: west")
		info, err := os.Stat(filepath.Join(dir, configFile))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "it holds secrets")

		require.ErrorContains(t, join(t, s, t.TempDir(), "west", token(t, s, "edge")), "and it delivers")
		st, b = s.Do("DELETE", "/api/v1/edges/west", nil)
		require.Equal(t, 409, st)
		require.Contains(t, string(b), "1 check that run from this edge")
		st, b = s.Do("POST", "/api/v1/edges/west/revoke", nil)
		require.Equal(t, 204, st, "%s", b)
		testkit.Eventually(t, 10*time.Second, "its checks are unreachable", func() bool { return look(s, "port").State == "unreachable" })
		require.Equal(t, "Edge west was revoked.", look(s, "port").Away)
		testkit.Eventually(t, 10*time.Second, "somebody hears of it", func() bool { return look(s, "west edge").State == "critical" })
		st, b = s.Do("POST", "/api/v1/checks/port/run", nil)
		require.Equal(t, 409, st, "%s", b)
		stop()

		// A new machine takes the name over, and the checks with it.
		dir = t.TempDir()
		require.NoError(t, join(t, s, dir, "west", token(t, s, "edge")))
		runEdge(t, dir)
		testkit.Eventually(t, 20*time.Second, "the checks go on", func() bool { return look(s, "port").State == "ok" && look(s, "west edge").State == "ok" })
	})
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	dir := t.TempDir()
	err := Run(t.Context(), Options{Dir: dir, Logger: testkit.Logger(t)})
	require.True(t, errs.Is(err, errs.NotFound), err)
	require.ErrorContains(t, err, "mainstay edge enroll")
	st, b := s.Do("POST", edgewire.EnrollPath, map[string]any{}, "-")
	require.Equal(t, 403, st, "who has no token learns nothing else: %s", b)
	require.ErrorContains(t, join(t, s, dir, "west", "mse_wrong"), "is not known here")
	require.ErrorContains(t, join(t, s, dir, "west", token(t, s, "host")), "for a host with an agent")
	require.ErrorContains(t, join(t, s, dir, "all", token(t, s, "edge")), "has a meaning of its own")
	tok := token(t, s, "edge")
	st, b = s.Do("POST", agentwire.EnrollPath, agentwire.EnrollRequest{Token: tok, Hostname: "h", CSR: "x"}, "-")
	require.Equal(t, 401, st)
	require.Contains(t, string(b), "mainstay edge enroll")
	require.NoError(t, join(t, s, dir, "west", tok), "that did not use it up")
	require.ErrorContains(t, join(t, s, t.TempDir(), "east", tok), "was used once")
	st, b = s.Do("POST", "/api/v1/apply", "checks: [{name: x, from: wets, tcp: {address: \"a:1\"}}]")
	require.Equal(t, 422, st)
	require.Contains(t, string(b), "did you mean west")

	off := apptest.Start(t, func(c *config.Config) { c.Edges.Listen = "off" })
	require.ErrorContains(t, join(t, off, t.TempDir(), "west", token(t, off, "edge")), "edges.listen")
}

// A revoked edge is told so.
func TestRevokedIsTold(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	dir := t.TempDir()
	require.NoError(t, join(t, s, dir, "west", token(t, s, "edge")))
	st, _ := s.Do("POST", "/api/v1/edges/west/revoke", nil)
	require.Equal(t, 204, st)
	who, err := identity.Load(dir)
	require.NoError(t, err)
	l, err := openLink(who, testkit.Logger(t), func(string, []byte) {})
	require.NoError(t, err)
	defer l.close()
	err = l.settled(t.Context())
	require.True(t, errs.Is(err, errs.Forbidden), err)
	require.ErrorContains(t, err, "was revoked or deleted")
}

// An edge reaches and hears only what is its own.
func TestEdgesAreApart(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	links := map[string]*link{}
	for _, n := range []string{"east", "west"} {
		dir := t.TempDir()
		require.NoError(t, join(t, s, dir, n, token(t, s, "edge")))
		who, err := identity.Load(dir)
		require.NoError(t, err)
		l, err := openLink(who, testkit.Logger(t), func(string, []byte) {})
		require.NoError(t, err)
		defer l.close()
		require.NoError(t, l.settled(t.Context()))
		links[n] = l
	}
	east, west := links["east"], links["west"]
	hello, err := json.Marshal(edgewire.Hello{SentAt: time.Now()})
	require.NoError(t, err)
	spy, err := west.conn.SubscribeSync(">")
	require.NoError(t, err)
	require.NoError(t, west.conn.Flush())
	own := edgewire.Subject(west.id, edgewire.AskHello)
	testkit.Eventually(t, 10*time.Second, "the way for its own is there", func() bool {
		_, err := west.conn.Request(own, hello, time.Second)
		return err == nil
	})
	_, err = west.conn.Request(edgewire.Subject(east.id, edgewire.AskHello), hello, time.Second)
	require.Error(t, err, "in the name of another")
	require.NoError(t, west.conn.PublishRequest(edgewire.Subject(east.id, edgewire.AskHello), "edges."+west.id+".inbox.x", hello))
	var w edgewire.Config
	testkit.Eventually(t, 10*time.Second, "east is served", func() bool { return east.ask(t.Context(), edgewire.AskConfig, nil, nil, &w) == nil })
	for _, e := range edges(s) {
		want := map[string]string{"east": "waiting", "west": "up"}[e.Name]
		require.Equal(t, want, e.State, e.Name)
	}
	for {
		m, err := spy.NextMsg(200 * time.Millisecond)
		if err != nil {
			break
		}
		require.False(t, strings.HasPrefix(m.Subject, "edges."+east.id+".inbox"), m.Subject)
	}
}

// The certificate renews itself over the connection, and the edge goes on with it.
func TestRenew(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	dir := t.TempDir()
	require.NoError(t, join(t, s, dir, "west", token(t, s, "edge")))
	who, err := identity.Load(dir)
	require.NoError(t, err)
	e := &edge{o: Options{Dir: dir, Logger: testkit.Logger(t)}, who: who}
	u := newUplink(e, "")
	u.link, err = openLink(who, e.o.Logger, u.told)
	require.NoError(t, err)
	require.NoError(t, u.link.settled(t.Context()))
	testkit.Eventually(t, 10*time.Second, "renewed", func() bool {
		u.renew(t.Context())
		return u.link == nil
	})
	now, err := identity.Load(dir)
	require.NoError(t, err)
	require.NotEqual(t, who.Certificate, now.Certificate)
	require.NotEqual(t, who.Key, now.Key)
	l, err := openLink(e.who, e.o.Logger, u.told)
	require.NoError(t, err)
	defer l.close()
	require.NoError(t, l.settled(t.Context()))
}

func TestMadeAt(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	p, err := pack(&edgewire.Batch{At: at, Results: []edgewire.Result{{Check: "a", Output: strings.Repeat("x", 5000)}}})
	require.NoError(t, err)
	got, err := madeAt(p)
	require.NoError(t, err)
	require.Equal(t, at, got)
	_, err = madeAt([]byte("no"))
	require.Error(t, err)
}
