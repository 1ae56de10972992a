package agent

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/clock"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/secret"
)

// Each line is in rising order, as dpkg --compare-versions says.
func TestVersions(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"1.0~rc1 1.0 1.0-1 1.0-1ubuntu1 1.0a 1.0+b 1.0.1 1.1 1.10 2 1:0.1 2:0",
		"3.0.2-0ubuntu1.10 3.0.2-0ubuntu1.12 3.0.9-1 3.0.11-1~deb12u1 3.0.11-1~deb12u2 3.0.11-1",
		"~~ ~~a ~ 0a", "9 10 10000000000000000000001 10000000000000000000002",
	} {
		vs := strings.Fields(line)
		for i, a := range vs {
			for j, b := range vs {
				got := compareVersions(a, b)
				require.Equal(t, i < j, got < 0, "%s %s", a, b)
				require.Equal(t, i == j, got == 0, "%s %s", a, b)
				if dpkg, err := exec.LookPath("dpkg"); err == nil && a[0] != '~' && b[0] != '~' {
					require.Equal(t, exec.Command(dpkg, "--compare-versions", a, "lt", b).Run() == nil, got < 0, "dpkg: %s %s", a, b)
				}
			}
		}
	}
	require.Zero(t, compareVersions("1.0", "0:1.00"))
}

func FuzzVersions(f *testing.F) {
	f.Add("1.0~rc1-2", "1:2.0+b")
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := compareVersions(a, b), compareVersions(b, a)
		if (x < 0) != (y > 0) || (x == 0) != (y == 0) || compareVersions(a, a) != 0 {
			t.Fatalf("%q %q: %d %d", a, b, x, y)
		}
	})
}

// Whatever is sent, it is a bounded batch or a refusal.
func FuzzBatch(f *testing.F) {
	f.Add([]byte(`{"boot":"b","seq":1,"at":"2026-01-01T00:00:00Z","series":[{"n":"x","l":{"a":"b"}}],"points":[{"s":0,"t":1,"v":1}],"inventory":{"packages":[{"name":"p","version":"1"}],"ports":[{"protocol":"tcp","port":1}],"interfaces":[{"addresses":["10.0.0.1/8"]}]}}`))
	f.Add([]byte(`{"points":[{"s":-1}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := parseBatch(raw)
		if err != nil {
			return
		}
		for _, p := range b.Points {
			_ = b.Series[p.Series]
		}
		if b.Inventory == nil {
			return
		}
		for _, l := range factsOf(b.Inventory) {
			for _, x := range l.facts {
				if strings.ContainsRune(x.Key+x.Name+x.Version, 0) || len(x.Name) > maxText {
					t.Fatalf("%q", x)
				}
				if _, err := json.Marshal(x.Detail); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, p := range b.Inventory.Ports {
			_, _ = portName(p.Process, "h", p.Protocol, p.Port), reachable(p, b.Inventory, &agentRow{Address: "10.0.0.1"})
		}
	})
}

func TestReachable(t *testing.T) {
	t.Parallel()
	at := func(server string, addrs ...string) string {
		return reachable(agentwire.Port{Port: 80, Addresses: addrs}, nil, &agentRow{Address: server})
	}
	require.Equal(t, "10.0.0.5:80", at("10.0.0.5", "0.0.0.0"))
	require.Equal(t, "10.0.0.7:80", at("10.0.0.5", "127.0.0.1", "10.0.0.7"))
	require.Empty(t, at("10.0.0.5", "127.0.0.1", "::1"))
	require.Equal(t, "127.0.0.1:80", at("127.0.0.1", "127.0.0.1"))
	require.Equal(t, "[2001:db8::1]:80", at("2001:db8::1", "::"))
	require.Empty(t, at("10.0.0.5", "nonsense"))
}

// step is a clock that a test moves.
type step struct{ at time.Time }

func (s *step) Now() time.Time { return s.at }

var _ clock.Clock = (*step)(nil)

// A new authority comes before the old one ends; both are trusted, and the server
// goes on with the one that every agent knows.
func TestAuthorities(t *testing.T) {
	t.Parallel()
	c := &step{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	d, err := db.Open(t.Context(), db.Options{Dir: t.TempDir(), Clock: c})
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	require.NoError(t, d.Migrate(t.Context(), []db.Migrations{audit.Migrations(), {Module: "observe.agent", FS: migrations}}))
	box, err := secret.Open(t.TempDir())
	require.NoError(t, err)
	var a authorities
	refresh := func() int {
		require.NoError(t, a.refresh(t.Context(), d, box))
		return len(a.all)
	}
	require.Equal(t, 1, refresh())
	require.Equal(t, 1, refresh(), "it is kept")
	first := a.all[0].pem
	c.at = c.at.Add(authorityLife - authorityRenew - 2*time.Hour)
	require.Equal(t, 1, refresh())
	c.at = c.at.Add(3 * time.Hour)
	require.Equal(t, 2, refresh())
	require.Equal(t, 2, strings.Count(a.bundle(), "BEGIN CERTIFICATE"))
	n, err := a.newest()
	require.NoError(t, err)
	require.NotEqual(t, first, n.pem, "the new one signs agents at once")
	require.Equal(t, first, settled(a.all, c.at).pem)
	cert, err := a.serverCertificate(c.at, []string{"a.example.org", "10.0.0.1"})
	require.NoError(t, err)
	same, err := a.serverCertificate(c.at.Add(39*24*time.Hour), nil)
	require.NoError(t, err)
	require.Same(t, cert, same)
	other, err := a.serverCertificate(c.at.Add(41*24*time.Hour), nil)
	require.NoError(t, err)
	require.NotSame(t, cert, other)
	c.at = c.at.Add(authoritySettles)
	require.NotEqual(t, first, settled(a.all, c.at).pem)
	c.at = c.at.Add(authorityRenew)
	require.Equal(t, 1, refresh(), "the old one has ended")

	// The key is sealed: with another key file nothing opens, and it is said.
	wrong, err := secret.Open(t.TempDir())
	require.NoError(t, err)
	var b authorities
	require.ErrorContains(t, b.refresh(t.Context(), d, wrong), "cannot be opened")
}

func TestThrottle(t *testing.T) {
	t.Parallel()
	var th throttle
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for range maxRefusals {
		require.Zero(t, th.wait("a", now))
		th.refused("a", now)
	}
	require.Equal(t, refusalWindow, th.wait("a", now))
	require.Zero(t, th.wait("b", now))
	require.Zero(t, th.wait("a", now.Add(refusalWindow+time.Second)))
}

func TestStates(t *testing.T) {
	t.Parallel()
	now := time.Now()
	ago := func(d time.Duration) *time.Time { x := now.Add(-d); return &x }
	for want, r := range map[string]agentRow{
		StateWaiting: {}, StateUp: {LastSeenAt: ago(lateAfter)}, StateLate: {LastSeenAt: ago(lateAfter + time.Second)},
		StateOffline: {LastSeenAt: ago(offlineAfter + time.Second)}, StateRevoked: {LastSeenAt: ago(0), RevokedAt: ago(0)},
	} {
		require.Equal(t, want, r.state(now))
	}
}

// The script is safe whatever stands in the address.
func TestQuote(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "a b", "it's", "$(id)`id`\\", "a\nb"} {
		out, err := exec.Command("sh", "-c", "printf %s "+quote(s)).Output()
		require.NoError(t, err)
		require.Equal(t, s, string(out))
	}
	require.False(t, tokenRE.MatchString("mse_0123456789'; id #"))
}
