package agent_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/testkit"
	"github.com/mainstay-ops/mainstay/internal/testkit/apptest"
)

// A host enrolls, delivers, and is on the map with what it has.
func TestDeliver(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *apptest.Server) {
		h := enroll(t, s, "Web 1.example.org", "m1", map[string]any{"labels": map[string]string{"site": "north"}, "kind": "virtual_machine"})
		require.Equal(t, "web-1.example.org", h.answer.Item)
		as := agents(s)
		require.Len(t, as, 1)
		require.Equal(t, "waiting", as[0].State)
		require.Equal(t, "north", as[0].Labels["site"])
		now := time.Now()
		inv := &agentwire.Inventory{
			At: now, Host: &agentwire.Host{Hostname: "web-1", OS: "Debian 13", CPUs: 4, Serial: "S\x001"},
			Packages:  []agentwire.Package{{Name: "openssl", Version: "3.0.9-1", Arch: "amd64"}, {Name: "bash", Version: "5.2", Arch: "amd64"}, {Name: "bash", Version: "5.2", Arch: "amd64"}},
			Ports:     []agentwire.Port{{Protocol: "tcp", Port: 5432, Addresses: []string{"127.0.0.1"}, Process: "postgres"}, {Protocol: "tcp", Port: 99999, Process: "odd"}},
			Users:     []agentwire.User{{Name: "root", Admin: true}},
			Databases: []agentwire.Database{{Engine: "postgres", Name: "main", Version: "17.2", Port: 5432}},
		}
		b := agentwire.Batch{
			Seq: 1, Version: "1.2", Inventory: inv,
			Series:    []agentwire.Series{{Name: "host_load1"}, {Name: "bad name"}, {Name: "host_cpu", Labels: map[string]string{"mode": "user", "item": "forged"}}},
			Points:    []agentwire.Point{{Series: 0, At: now.UnixMilli(), Value: 0.5}, {Series: 1, At: now.UnixMilli(), Value: 1}, {Series: 2, At: now.UnixMilli(), Value: 7}},
			Processes: []agentwire.Process{{PID: 1, Name: "init", MemoryBytes: 10}},
		}
		require.False(t, h.send(b).Duplicate)
		require.True(t, h.send(b).Duplicate, "the same batch again")
		as = agents(s)
		require.Equal(t, "up", as[0].State)
		require.Equal(t, "1.2", as[0].Version)
		var item struct {
			Kind       string
			Attributes map[string]any
		}
		s.Get("/api/v1/items/"+h.answer.Item, &item)
		require.Equal(t, "virtual_machine", item.Kind)
		s.Get("/api/v1/items/"+url.PathEscape("postgres@"+h.answer.Item+":5432"), &item)
		require.Equal(t, "database", item.Kind)
		require.Equal(t, []factView{{h.answer.Item, "package", "bash amd64", "bash", "5.2"}, {h.answer.Item, "package", "openssl amd64", "openssl", "3.0.9-1"}}, facts(s, "kind=package&limit=1"))
		require.Len(t, facts(s, "kind=package&name=openssl&below=3.0.11"), 1)
		require.Empty(t, facts(s, "kind=package&name=openssl&below=3.0.9-1"))
		st, body := s.Do("GET", "/api/v1/agent-facts?kind=package&below=3", nil)
		require.Equal(t, 422, st, "%s", body)
		var procs struct{ Processes []agentwire.Process }
		s.Get("/api/v1/agents/"+h.answer.Item+"/processes", &procs)
		require.Len(t, procs.Processes, 1)
		require.Equal(t, "0.5", metric(s, `host_load1{item="web-1.example.org"}`))
		require.Equal(t, "7", metric(s, `host_cpu{item="web-1.example.org",mode="user"}`), "a host cannot speak for another")
		var check struct{ State string }
		testkit.Eventually(t, 5*time.Second, "the check is ok", func() bool {
			s.Get("/api/v1/checks/"+url.PathEscape(h.answer.Item+" agent"), &check)
			return check.State == "ok"
		})

		// What changes is told.
		inv.At = now.Add(time.Second)
		inv.Packages[0].Version = "3.0.11-1"
		inv.Packages = append(inv.Packages[:1], agentwire.Package{Name: "curl", Version: "8", Arch: "amd64"})
		inv.Ports = []agentwire.Port{}
		inv.Users = nil
		h.send(agentwire.Batch{Seq: 2, Inventory: inv})
		var changes struct {
			Items []struct{ Kind, Name, What, From, To string }
		}
		s.Get("/api/v1/agent-changes?kind=package&agent="+h.answer.Item, &changes)
		got := []string{}
		for _, c := range changes.Items {
			got = append(got, c.Name+" "+c.What+" "+c.From+" "+c.To)
		}
		require.ElementsMatch(t, []string{"openssl upgraded 3.0.9-1 3.0.11-1", "bash removed 5.2 ", "curl installed  8"}, got)
		require.Len(t, facts(s, "kind=user"), 1, "a list that was not looked at stays")
		s.Get("/api/v1/items/"+url.PathEscape("postgres@"+h.answer.Item+":5432"), &item)
		require.NotEmpty(t, item.Attributes["not_listening_since"])

		// Another boot counts from one again; an old inventory turns nothing back.
		inv.At = now.Add(-time.Hour)
		inv.Packages = []agentwire.Package{}
		require.False(t, h.send(agentwire.Batch{Boot: "two", Seq: 1, Inventory: inv}).Duplicate)
		require.Len(t, facts(s, "kind=package"), 2)
	})
}

func metric(s *apptest.Server, query string) string {
	var out struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	s.Get("/prometheus/api/v1/query?query="+url.QueryEscape(query), &out)
	if len(out.Data.Result) != 1 {
		return fmt.Sprintf("%d results", len(out.Data.Result))
	}
	return fmt.Sprint(out.Data.Result[0].Value[1])
}

// Each way in which a token is no good has its sentence, and guessing ends.
func TestTokens(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *apptest.Server) {
		csr := request(t, newKey(t))
		try := func(tok string) (int, string) {
			st, _, p := tryEnroll(t, s, agentwire.EnrollRequest{Token: tok, CSR: csr, Hostname: "h"})
			return st, p.Detail
		}
		once := token(t, s, nil)
		st, _ := try(once)
		require.Equal(t, 200, st)
		st, msg := try(once)
		require.Equal(t, 401, st)
		require.Contains(t, msg, "was used once")
		twice := token(t, s, map[string]any{"max_uses": 2})
		for range 2 {
			st, msg = try(twice)
			require.Equal(t, 200, st, msg)
		}
		st, msg = try(twice)
		require.Equal(t, 401, st)
		require.Contains(t, msg, "was used 2 times")
		revoked := token(t, s, map[string]any{"name": "to revoke"})
		var list struct {
			Items []struct{ ID, Name, State string }
		}
		s.Get("/api/v1/agent-tokens", &list)
		for _, i := range list.Items {
			if i.Name == "to revoke" {
				require.Equal(t, "usable", i.State)
				st, b := s.Do("DELETE", "/api/v1/agent-tokens/"+i.ID, nil)
				require.Equal(t, 204, st, "%s", b)
			}
		}
		st, msg = try(revoked)
		require.Equal(t, 401, st)
		require.Contains(t, msg, "was revoked")
		// A bad request costs no use.
		kept := token(t, s, nil)
		st, _, _ = tryEnroll(t, s, agentwire.EnrollRequest{Token: kept, CSR: "nonsense", Hostname: "h"})
		require.Equal(t, 422, st)
		st, msg = try(kept)
		require.Equal(t, 200, st, msg)
		for range 7 {
			st, msg = try("mse_0000000000000000")
			require.Equal(t, 401, st)
			require.Contains(t, msg, "is not known here")
		}
		st, msg = try("mse_0000000000000000")
		require.Equal(t, 429, st)
		require.Contains(t, msg, "Try again in")
		st, b := s.Do("POST", "/api/v1/agent-tokens", map[string]any{"max_uses": -1, "kind": "toaster", "expires": "1s", "team": "nobody"})
		require.Equal(t, 422, st)
		for _, f := range []string{"max_uses", "kind", "expires"} {
			require.Contains(t, string(b), f)
		}
		st, _ = s.Do("POST", "/api/v1/agent-tokens", map[string]any{}, s.TokenFor("responder"))
		require.Equal(t, 403, st)
	})
}

// Revoking and deleting work at once, on connections that are open as well.
func TestRevoke(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *apptest.Server) {
		h := enroll(t, s, "a", "m", nil)
		h.send(agentwire.Batch{Seq: 1})
		st, b := s.Do("POST", "/api/v1/agents/a/revoke", nil)
		require.Equal(t, 204, st, "%s", b)
		for _, path := range []string{agentwire.BatchPath, agentwire.CertificatePath} {
			st, b = h.post(path, packed(t, agentwire.Batch{Boot: "boot", Seq: 2, At: time.Now()}), "gzip")
			require.Equal(t, 403, st)
			require.Contains(t, string(b), "was revoked")
		}
		require.Equal(t, "revoked", agents(s)[0].State)
		st, _ = s.Do("GET", "/api/v1/checks/a%20agent", nil)
		require.Equal(t, 404, st, "its silence is meant")
		st, _ = s.Do("DELETE", "/api/v1/agents/a", nil)
		require.Equal(t, 204, st)
		st, b = h.post(agentwire.BatchPath, packed(t, agentwire.Batch{Boot: "boot", Seq: 2, At: time.Now()}), "gzip")
		require.Equal(t, 403, st)
		require.Contains(t, string(b), "was deleted")
		st, _ = s.Do("GET", "/api/v1/items/a", nil)
		require.Equal(t, 200, st, "the item stays")
	})
}

// A clone is kept apart from what it was cloned from, and both are marked.
func TestTwins(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *apptest.Server) {
		one := enroll(t, s, "web", "same", nil)
		one.send(agentwire.Batch{Seq: 1})
		two := enroll(t, s, "web", "same", nil)
		require.Equal(t, "web-2", two.answer.Item)
		two.send(agentwire.Batch{Seq: 1, Inventory: &agentwire.Inventory{At: time.Now(), Packages: []agentwire.Package{{Name: "x", Version: "2"}}}})
		one.send(agentwire.Batch{Seq: 2, Inventory: &agentwire.Inventory{At: time.Now(), Packages: []agentwire.Package{{Name: "x", Version: "1"}}}})
		as := agents(s)
		require.Len(t, as, 2)
		require.Equal(t, []string{"web-2"}, as[0].Twins)
		require.Equal(t, []string{"web"}, as[1].Twins)
		require.Equal(t, []factView{{"web", "package", "x ", "x", "1"}}, facts(s, "kind=package&agent=web"))
		require.Equal(t, []factView{{"web-2", "package", "x ", "x", "2"}}, facts(s, "kind=package&agent=web-2"))
		// The same machine enrolls again after its agent was revoked: it gets its item back.
		st, _ := s.Do("POST", "/api/v1/agents/web/revoke", nil)
		require.Equal(t, 204, st)
		again := enroll(t, s, "web", "same", nil)
		require.Equal(t, "web", again.answer.Item)
		require.NotEqual(t, one.answer.AgentID, again.answer.AgentID)
		require.Len(t, agents(s), 2)
	})
}

// Renewal gives a certificate that works; without one, or with another's, there is
// no way in.
func TestCertificates(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	h := enroll(t, s, "a", "m", nil)
	key := newKey(t)
	body, err := json.Marshal(agentwire.CertificateRequest{CSR: request(t, key)})
	require.NoError(t, err)
	st, b := h.post(agentwire.CertificatePath, body, "")
	require.Equal(t, 200, st, "%s", b)
	var out agentwire.CertificateResponse
	require.NoError(t, json.Unmarshal(b, &out))
	h.http = client(t, out.CA, out.Certificate, key)
	h.send(agentwire.Batch{Seq: 1})
	_, err = client(t, out.CA, "", nil).Post(h.answer.URL+agentwire.BatchPath, "application/json", strings.NewReader("{}"))
	require.ErrorContains(t, err, "certificate required")
	other := apptest.Start(t)
	stranger := enroll(t, other, "a", "m", nil)
	stranger.answer.URL = h.answer.URL
	_, err = stranger.http.Post(h.answer.URL+agentwire.BatchPath, "application/json", strings.NewReader("{}"))
	require.Error(t, err, "the authority of another server")
}

// What is malformed or too big is refused with a reason, and what was kept stays.
func TestBadBatches(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	h := enroll(t, s, "a", "m", nil)
	for name, c := range map[string]struct {
		body     []byte
		encoding string
		status   int
		says     string
	}{
		"no json":      {[]byte("{"), "", 422, "not what an agent sends"},
		"not gzip":     {[]byte("{}"), "gzip", 422, "not gzip"},
		"cut gzip":     {packed(t, agentwire.Batch{Boot: "b", Seq: 1, At: time.Now()})[:30], "gzip", 422, "too early"},
		"encoding":     {[]byte("{}"), "br", 422, "gzip or plain"},
		"no boot":      {[]byte(`{"seq":1}`), "", 422, "boot"},
		"seq":          {[]byte(`{"boot":"b","seq":0}`), "", 422, "seq"},
		"no time":      {[]byte(`{"boot":"b","seq":1}`), "", 422, "must be a time"},
		"bad point":    {[]byte(`{"boot":"b","seq":1,"at":"2026-01-01T00:00:00Z","points":[{"s":5,"t":1,"v":1}]}`), "", 422, "not in the batch"},
		"too long":     {bytes.Repeat([]byte("x"), agentwire.MaxWire+1), "", 413, "larger than"},
		"a zip bomb":   {packed(t, strings.Repeat("x", agentwire.MaxBody+10)), "gzip", 413, "when unpacked"},
		"without body": {nil, "", 422, "not what an agent sends"},
	} {
		st, b := h.post(agentwire.BatchPath, c.body, c.encoding)
		require.Equal(t, c.status, st, "%s: %s", name, b)
		require.Contains(t, string(b), c.says, name)
	}
	require.Equal(t, "waiting", agents(s)[0].State)
	h.send(agentwire.Batch{Seq: 1, SentAt: time.Now().Add(-2 * time.Minute)})
	require.InDelta(t, -120_000, agents(s)[0].SkewMS, 5000)
	testkit.Eventually(t, 5*time.Second, "the clock is warned of", func() bool {
		_, b := s.Do("GET", "/api/v1/checks/a%20agent", nil)
		return strings.Contains(string(b), "clock of the host differs by")
	})
}

// An agent that was away for a day delivers its figures.
func TestLateDelivery(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	h := enroll(t, s, "a", "m", nil)
	now := time.Now()
	send := func(seq int64, at time.Time) {
		h.send(agentwire.Batch{Seq: seq, At: at, Series: []agentwire.Series{{Name: "host_x"}}, Points: []agentwire.Point{{At: at.UnixMilli(), Value: float64(seq)}}})
	}
	other := enroll(t, s, "b", "m2", nil)
	other.send(agentwire.Batch{Seq: 1, Series: []agentwire.Series{{Name: "host_x"}}, Points: []agentwire.Point{{At: now.UnixMilli(), Value: 1}}})
	for i := range int64(24) {
		send(i+1, now.Add(time.Duration(i-23)*time.Hour))
	}
	require.Equal(t, "24", metric(s, `count_over_time(host_x{item="a"}[25h])`))
}

// With agents.listen off nothing enrolls, and the sentence says why.
func TestOff(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t, func(c *config.Config) { c.Agents.Listen = config.AgentsOff })
	st, _, p := tryEnroll(t, s, agentwire.EnrollRequest{Token: token(t, s, nil), CSR: request(t, newKey(t)), Hostname: "h"})
	require.Equal(t, 503, st)
	require.Contains(t, p.Detail, "agents.listen")
}
