package discovery_test

import (
	"database/sql"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/app"
	"github.com/mainstay-ops/mainstay/internal/core/config"
	"github.com/mainstay-ops/mainstay/internal/estate/discovery"
	"github.com/mainstay-ops/mainstay/internal/testkit"
	"github.com/mainstay-ops/mainstay/internal/testkit/apptest"
)

// A host that falls silent counts as vanished after as many runs as the job says,
// once; one that is no longer asked does not.
func TestVanished(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	// Nobody answers at 240.0.0.1 and 240.0.0.2: as if they had answered before.
	v := do[discovery.JobView](t, s, 201, "POST", "/api/v1/discovery-jobs", map[string]any{"name": "lab", "targets": []string{"127.52.0.1", "240.0.0.1"}, "methods": []string{"ping"}, "vanished_after": 2, "start": false})
	d, err := sql.Open("sqlite", "file:"+filepath.Join(s.Dir, "mainstay.db")+"?_pragma=busy_timeout(10000)")
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	for _, a := range []string{"240.0.0.1", "240.0.0.2"} {
		_, err = d.ExecContext(t.Context(), `INSERT INTO discovery_hosts (job_id, address, facts, credential, item_id, item, last_run, first_seen, last_seen, missed) VALUES (?, ?, '{"name":"old-switch"}', '', '', '', '', '2026-11-01 10:00:00+00:00', '2026-11-01 10:00:00+00:00', 0)`, v.ID, a)
		require.NoError(t, err)
	}
	for i, want := range []int{0, 1, 0} {
		r := again(t, s, "lab")
		require.Equal(t, "done", r.State)
		require.Equal(t, want, r.Vanished, "run %d", i+1)
		if want == 1 {
			fs := do[findings](t, s, 200, "GET", "/api/v1/discovery-runs/"+r.ID+"/findings?outcome=vanished&outcome=changed", nil)
			require.Len(t, fs.Items, 1)
			require.Equal(t, "240.0.0.1", fs.Items[0].Address)
			require.Equal(t, "old-switch", fs.Items[0].Name)
			require.NotEmpty(t, fs.Items[0].LastSeen)
		}
	}
}

// A service of this machine that ended while the program was down is missed after the
// next start, and one that still listens is not.
func TestMissedWhileDown(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	start := func(host bool) *apptest.Server {
		cfg := config.Default()
		cfg.Listen.HTTP, cfg.Data, cfg.Discovery.Host = "127.0.0.1:0", dir, host
		a, err := app.New(t.Context(), app.Options{Config: cfg, Version: "test", Logger: testkit.Logger(t), BootstrapToken: apptest.Token})
		require.NoError(t, err)
		require.NoError(t, a.Start(t.Context()))
		return apptest.Around(t, a)
	}
	s := start(false)
	s.Apply("items: [{name: 'old@here:9', kind: application}]\n")
	s.Stop(t.Context())
	d, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "mainstay.db"))
	require.NoError(t, err)
	_, err = d.ExecContext(t.Context(), `INSERT INTO discovery_listeners (item, gone_since) VALUES ('old@here:9', '2026-11-01 10:00:00+00:00')`)
	require.NoError(t, err)

	s = start(true)
	var item struct {
		Attributes map[string]any `json:"attributes"`
	}
	testkit.Eventually(t, 60*time.Second, "it is marked", func() bool {
		s.Get("/api/v1/items/"+url.PathEscape("old@here:9"), &item)
		return item.Attributes["not_listening_since"] == "2026-11-01T10:00:00Z"
	})
	var n, waiting int
	require.NoError(t, d.QueryRowContext(t.Context(), "SELECT COUNT(*), COUNT(gone_since) FROM discovery_listeners").Scan(&n, &waiting))
	require.Positive(t, n, "what listens here is kept")
	require.Zero(t, waiting)
	require.NoError(t, d.Close())
	s.Stop(t.Context())
}
