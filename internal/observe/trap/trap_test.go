package trap_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // to turn back the clock of an event

	"github.com/mainstay-ops/mainstay/internal/app"
	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/testkit"
	"github.com/mainstay-ops/mainstay/internal/testkit/apptest"
)

const (
	linkDown = "1.3.6.1.6.3.1.1.5.3"
	linkUp   = "1.3.6.1.6.3.1.1.5.4"
)

type ev struct {
	ID, Kind, Address, Via, Item, Version, Credential, OID, Name, State string
	Inform                                                              bool
	Count                                                               int64
	Vars                                                                []struct{ OID, Name, Index, Text string }
}

type list[T any] struct {
	Items []T
	Next  string
}

type src struct {
	Address, Item, Why                 string
	Pinned                             bool
	Taken, Limited, Refused, Malformed int64
}

func events(s *apptest.Server, query string) []ev {
	var out list[ev]
	s.Get("/api/v1/traps?limit=500"+query, &out)
	return out.Items
}

type receiver struct {
	Listening                                    string
	EngineID                                     string `json:"engine_id"`
	Taken, Refused, Malformed, Repeated, Limited int64
}

func status(s *apptest.Server) (r receiver) {
	s.Get("/api/v1/trap-receiver", &r)
	return r
}

func listening(c *config.Config) { c.Listen.Ports = map[string]string{"trap": "127.0.0.1:0"} }

func each(t *testing.T, f func(t *testing.T, s *apptest.Server)) {
	t.Helper()
	for _, p := range []string{"snmptrap", "snmpinform"} {
		if _, err := exec.LookPath(p); err != nil {
			testkit.Missing(t, p+" is not installed")
		}
	}
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); f(t, apptest.Start(t, listening)) })
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		dsn := testkit.PostgresURL(t)
		f(t, apptest.Start(t, listening, func(c *config.Config) { c.Database.URL = dsn }))
	})
}

// send runs a program of net-snmp.
func send(t *testing.T, args ...string) error {
	t.Helper()
	c := exec.CommandContext(t.Context(), args[0], args[1:]...)
	c.Env = []string{"PATH=/usr/bin:/bin", "MIBS=", "SNMP_PERSISTENT_DIR=" + t.TempDir()}
	out, err := c.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

func link(oid, index string) []string {
	return []string{"", oid, "1.3.6.1.2.1.2.2.1.1." + index, "i", index, "1.3.6.1.2.1.2.2.1.2." + index, "s", "Gi0/" + index, "1.3.6.1.2.1.2.2.1.8." + index, "i", map[string]string{linkDown: "2", linkUp: "1"}[oid]}
}

func v2(addr, community string, rest ...string) []string {
	return append([]string{"snmptrap", "-v2c", "-c", community, addr}, rest...)
}

const setup = `
items: [{name: 127.0.0.1, kind: host}, {name: other, kind: host}]
trap_credentials:
  - {name: lan, version: 2c, community: lab-secret}
  - {name: core, version: "3", user: ops, auth_protocol: SHA256, auth_password: auth-password, priv_protocol: AES, priv_password: priv-password}
checks:
  - {name: links, item: 127.0.0.1, trap: {traps: [linkDown], clear: [linkUp], per: ifIndex, text: "{ifDescr} is {ifOperStatus}"}}
  - {name: others, item: other, trap: {traps: [linkDown]}}
  - {name: anyone, trap: {traps: [authenticationFailure], state: warning, reset_after: 1s}}
`

func state(s *apptest.Server, name string) (string, string) {
	var v struct {
		State      string
		LastResult *struct{ Output string } `json:"last_result"`
	}
	s.Get("/api/v1/checks/"+name, &v)
	if v.LastResult == nil {
		return v.State, ""
	}
	return v.State, v.LastResult.Output
}

// A link goes down and comes up: two events, an alert that opens and ends.
func TestLinkDownAndUp(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *apptest.Server) {
		s.Apply(setup)
		addr := status(s).Listening
		require.NoError(t, send(t, v2(addr, "lab-secret", link(linkDown, "3")...)...))
		testkit.Eventually(t, 10*time.Second, "the check is critical", func() bool { st, _ := state(s, "links"); return st == "critical" })
		_, said := state(s, "links")
		require.Equal(t, "Gi0/3 is down", said)
		got := events(s, "")
		require.Len(t, got, 1)
		e := got[0]
		require.Equal(t, []string{"linkDown", "127.0.0.1", "127.0.0.1", "2c", "lan", "critical"}, []string{e.Name, e.Item, e.Address, e.Version, e.Credential, e.State})
		require.Equal(t, "ifOperStatus 3 down", e.Vars[2].Name+" "+e.Vars[2].Index+" "+e.Vars[2].Text)
		var alerts list[struct{ Status string }]
		testkit.Eventually(t, 10*time.Second, "an alert", func() bool {
			s.Get("/api/v1/alerts", &alerts)
			return len(alerts.Items) == 1 && alerts.Items[0].Status == "firing"
		})

		// A second interface is a problem of its own, and one coming up is not the other.
		require.NoError(t, send(t, v2(addr, "lab-secret", link(linkDown, "4")...)...))
		testkit.Eventually(t, 10*time.Second, "two problems", func() bool { _, o := state(s, "links"); return o == "2 problems: Gi0/3 is down" })
		require.NoError(t, send(t, "snmptrap", "-v1", "-c", "lab-secret", addr, "1.3.6.1.4.1.8072", "127.0.0.1", "3", "0", "1", "1.3.6.1.2.1.2.2.1.1.3", "i", "3"))
		testkit.Eventually(t, 10*time.Second, "one problem", func() bool { _, o := state(s, "links"); return o == "Gi0/4 is down" })
		st, _ := state(s, "links")
		require.Equal(t, "critical", st)
		require.NoError(t, send(t, v2(addr, "lab-secret", link(linkUp, "4")...)...))
		testkit.Eventually(t, 10*time.Second, "it is ok", func() bool { st, _ := state(s, "links"); return st == "ok" })
		testkit.Eventually(t, 10*time.Second, "the alert has ended", func() bool {
			s.Get("/api/v1/alerts", &alerts)
			return len(alerts.Items) == 1 && alerts.Items[0].Status == "resolved"
		})
		st, _ = state(s, "others")
		require.Equal(t, "pending", st, "the trap of another item")
		require.Len(t, events(s, "&trap=LINKUP"), 2)
		require.Len(t, events(s, "&trap=1.3.6.1.6.3.1.1.5.3&state=critical&item=127.0.0.1&q=gi0/3"), 1)
		require.Empty(t, events(s, "&known=no"))
		require.Empty(t, events(s, "&item=nothing"))

		var page list[ev]
		s.Get("/api/v1/traps?limit=3", &page)
		require.Len(t, page.Items, 3)
		var rest list[ev]
		s.Get("/api/v1/traps?limit=3&cursor="+page.Next, &rest)
		require.Len(t, rest.Items, 1)
		require.Empty(t, rest.Next)
		var one ev
		s.Get("/api/v1/traps/"+rest.Items[0].ID, &one)
		require.Equal(t, rest.Items[0], one)
	})
}

// Who is not known is refused and listed; a problem that nothing ends is reset.
func TestSendersAndReset(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *apptest.Server) {
		s.Apply(setup)
		addr := status(s).Listening
		require.NoError(t, send(t, v2(addr, "guess", link(linkDown, "3")...)...))
		conn, err := net.Dial("udp", addr)
		require.NoError(t, err)
		defer conn.Close()
		_, err = conn.Write([]byte("GET / HTTP/1.1\r\n"))
		require.NoError(t, err)
		testkit.Eventually(t, 10*time.Second, "both are counted", func() bool { r := status(s); return r.Refused == 1 && r.Malformed == 1 })
		var sources list[src]
		testkit.Eventually(t, 10*time.Second, "the sender is listed", func() bool {
			s.Get("/api/v1/trap-sources?only=refused", &sources)
			return len(sources.Items) == 1 && sources.Items[0].Malformed == 1
		})
		require.Equal(t, src{Address: "127.0.0.1", Item: "127.0.0.1", Why: "It is not SNMP.", Refused: 1, Malformed: 1}, sources.Items[0])
		require.Empty(t, events(s, ""))

		v3 := []string{"-v3", "-u", "ops", "-l", "authPriv", "-a", "SHA-256", "-A", "auth-password", "-x", "AES", "-X", "priv-password"}
		require.NoError(t, send(t, append(append([]string{"snmptrap", "-e", "0x8000000001020304"}, v3...), addr, "", "1.3.6.1.6.3.1.1.5.5")...))
		testkit.Eventually(t, 10*time.Second, "a warning", func() bool { st, _ := state(s, "anyone"); return st == "warning" })
		testkit.Eventually(t, 10*time.Second, "which ends by itself", func() bool { st, _ := state(s, "anyone"); return st == "ok" })
		_, said := state(s, "anyone")
		require.Equal(t, "No trap ended it within 1s, so it is taken for ended.", said)
		require.NoError(t, send(t, append(append([]string{"snmpinform", "-r0", "-t10"}, v3...), addr, "", "1.3.6.1.6.3.1.1.5.1")...), "an inform is answered")
		got := events(s, "&trap=coldStart")
		require.Len(t, got, 1, "and stored before")
		require.Equal(t, []string{"3", "core"}, []string{got[0].Version, got[0].Credential})
		require.True(t, got[0].Inform)

		// A trap that came through another device is that device's.
		require.NoError(t, send(t, "snmptrap", "-v1", "-c", "lab-secret", addr, "1.3.6.1.4.1.318", "192.0.2.9", "6", "5", "1"))
		testkit.Eventually(t, 10*time.Second, "it is listed", func() bool { return len(events(s, "&known=no")) == 1 })
		require.Equal(t, []string{"upsOnBattery", "192.0.2.9", "127.0.0.1"}, []string{events(s, "&known=no")[0].Name, events(s, "&known=no")[0].Address, events(s, "&known=no")[0].Via})

		// A person says which item an address is.
		st, b := s.Do("PUT", "/api/v1/trap-sources/127.0.0.1", map[string]string{"item": "other"})
		require.Equal(t, 204, st, "%s", b)
		require.NoError(t, send(t, v2(addr, "lab-secret", link(linkDown, "9")...)...))
		testkit.Eventually(t, 10*time.Second, "the other item has it", func() bool { st, _ := state(s, "others"); return st == "critical" })
		st, _ = s.Do("PUT", "/api/v1/trap-sources/127.0.0.1", map[string]string{"item": "nothing"})
		require.Equal(t, 422, st)
		st, _ = s.Do("DELETE", "/api/v1/trap-sources/127.0.0.1", nil)
		require.Equal(t, 204, st)
		testkit.Eventually(t, 10*time.Second, "it is forgotten", func() bool { s.Get("/api/v1/trap-sources", &sources); return len(sources.Items) == 0 })
	})
}

// The same trap again is counted; what is over the limit is one event with a number,
// and checks hear it nevertheless.
func TestStorm(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *apptest.Server) {
		s.Apply(setup)
		addr := status(s).Listening
		for range 3 {
			require.NoError(t, send(t, v2(addr, "lab-secret", link(linkDown, "3")...)...))
		}
		testkit.Eventually(t, 10*time.Second, "one event for three", func() bool { e := events(s, ""); return len(e) == 1 && e[0].Count == 3 })
		st, b := s.Do("PUT", "/api/v1/trap-settings", map[string]any{"retention_days": 30, "max_events": 1000, "per_second": 1, "burst": 5})
		require.Equal(t, 200, st, "%s", b)
		for i := range 40 {
			oid := linkDown
			if i%2 == 0 {
				oid = linkUp
			}
			require.NoError(t, send(t, v2(addr, "lab-secret", link(oid, "3")...)...))
		}
		require.NoError(t, send(t, v2(addr, "lab-secret", link(linkUp, "3")...)...))
		testkit.Eventually(t, 10*time.Second, "all are counted", func() bool {
			n := int64(0)
			for _, e := range events(s, "") {
				n += e.Count
			}
			return n == 44
		})
		r := status(s)
		require.Greater(t, r.Limited, int64(5))
		var storm []ev
		for _, e := range events(s, "") {
			if e.Kind == "storm" {
				storm = append(storm, e)
			}
		}
		require.Len(t, storm, 1)
		require.Equal(t, r.Limited, storm[0].Count)
		testkit.Eventually(t, 10*time.Second, "the last one was heard", func() bool { st, _ := state(s, "links"); return st == "ok" })
	})
}

// The engine keeps its id, open problems last over a restart, and secrets do not come
// out.
func TestRestartAndSecrets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := config.Default()
	cfg.Listen.HTTP, cfg.Data, cfg.Discovery.Host = "127.0.0.1:0", dir, false
	listening(&cfg)
	start := func() (*apptest.Server, func()) {
		a, err := app.New(t.Context(), app.Options{Config: cfg, Version: "test", Logger: testkit.Logger(t), BootstrapToken: apptest.Token})
		require.NoError(t, err)
		require.NoError(t, a.Start(t.Context()))
		return apptest.Around(t, a), func() { a.Stop(context.Background()) }
	}
	s, stop := start()
	s.Apply(setup)
	engine := status(s).EngineID
	require.NoError(t, send(t, v2(status(s).Listening, "lab-secret", link(linkDown, "3")...)...))
	require.NoError(t, send(t, v2(status(s).Listening, "lab-secret", link(linkDown, "4")...)...))
	testkit.Eventually(t, 10*time.Second, "two problems", func() bool { _, o := state(s, "links"); return strings.HasPrefix(o, "2 problems") })
	stop()
	// What is too old goes; the program looks when it starts.
	d, err := sql.Open("sqlite", filepath.Join(dir, "mainstay.db"))
	require.NoError(t, err)
	_, err = d.ExecContext(t.Context(), "UPDATE trap_events SET last_at = '2020-01-01 00:00:00+00:00' WHERE words LIKE '%gi0/3%'")
	require.NoError(t, err)
	require.NoError(t, d.Close())
	s, stop = start()
	defer func() { stop() }()
	testkit.Eventually(t, 20*time.Second, "the old event is gone", func() bool { e := events(s, ""); return len(e) == 1 && e[0].Vars[1].Text == "Gi0/4" })
	require.Equal(t, engine, status(s).EngineID)
	require.NoError(t, send(t, v2(status(s).Listening, "lab-secret", link(linkUp, "4")...)...))
	testkit.Eventually(t, 10*time.Second, "one is left", func() bool { _, o := state(s, "links"); return o == "Gi0/3 is down" })

	_, list := s.Do("GET", "/api/v1/trap-credentials", nil)
	_, file := s.Do("GET", "/api/v1/export", nil)
	_, audit := s.Do("GET", "/api/v1/audit?limit=500", nil)
	for _, b := range [][]byte{list, file, audit} {
		require.NotContains(t, string(b), "lab-secret")
		require.NotContains(t, string(b), "password\":\"auth")
		require.NotContains(t, string(b), "auth-password")
	}
	require.Contains(t, string(file), "trap_credentials")
	s.Apply(strings.ReplaceAll(strings.ReplaceAll(setup, ", community: lab-secret", ""), ", auth_password: auth-password", ""))
	require.NoError(t, send(t, v2(status(s).Listening, "lab-secret", link(linkUp, "3")...)...))
	testkit.Eventually(t, 10*time.Second, "the community was kept", func() bool { st, _ := state(s, "links"); return st == "ok" })

	for body, field := range map[string]string{
		`{"version":"2c"}`: "community", `{"version":"3"}`: "user", `{"version":"3","user":"x","auth_protocol":"SHA","auth_password":"short"}`: "auth_password", `{"version":"2c","community":"x","user":"y"}`: "version",
	} {
		var v map[string]any
		require.NoError(t, json.Unmarshal([]byte(body), &v))
		st, b := s.Do("PUT", "/api/v1/trap-credentials/"+url.PathEscape("new one"), v)
		require.Equal(t, 422, st, body)
		require.Contains(t, string(b), field)
	}
	viewer := s.TokenFor("viewer")
	for path, want := range map[string]int{"/api/v1/traps": 200, "/api/v1/trap-sources": 200, "/api/v1/trap-credentials": 403} {
		st, _ := s.Do("GET", path, nil, viewer)
		require.Equal(t, want, st, path)
	}
	st, _ := s.Do("PUT", "/api/v1/trap-settings", map[string]any{"retention_days": 1, "max_events": 1000, "per_second": 1, "burst": 5}, viewer)
	require.Equal(t, 403, st)
	st, _ = s.Do("DELETE", "/api/v1/trap-credentials/core", nil)
	require.Equal(t, 204, st)
	st, _ = s.Do("DELETE", "/api/v1/trap-credentials/core", nil)
	require.Equal(t, 404, st)
}

func TestOff(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	require.Empty(t, status(s).Listening)
	require.Empty(t, events(s, ""))
	taken, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	cfg := config.Default()
	cfg.Listen.HTTP, cfg.Data, cfg.Discovery.Host = "127.0.0.1:0", t.TempDir(), false
	cfg.Listen.Ports = map[string]string{"trap": taken.LocalAddr().String()}
	a, err := app.New(t.Context(), app.Options{Config: cfg, Version: "test", Logger: testkit.Logger(t), BootstrapToken: apptest.Token})
	require.NoError(t, err)
	defer a.Stop(context.Background())
	require.ErrorContains(t, a.Start(t.Context()), "listen.trap")
}
