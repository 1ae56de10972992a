package incident

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

func parseArgs(t *testing.T, s string) timerArgs {
	t.Helper()
	var a timerArgs
	require.NoError(t, json.Unmarshal([]byte(s), &a))
	return a
}

func TestStormOnATreeIsOneIncident(t *testing.T) {
	t.Parallel()
	both(t, testStormOnATreeIsOneIncident)
}

func testStormOnATreeIsOneIncident(t *testing.T, w *world) {
	w.plan.add("core", estate.Medium)
	for i := 1; i < 200; i++ {
		parent := "core"
		if i > 10 {
			parent = fmt.Sprintf("n%d", i/10)
		}
		c := estate.Low
		if i == 199 {
			c = estate.Critical
		}
		w.plan.add(fmt.Sprintf("n%d", i), c, parent)
	}
	// The leaves are seen first, the cause last.
	for i := 199; i >= 1; i-- {
		w.fire(fmt.Sprintf("n%d", i), respond.SeverityWarning)
	}
	w.fire("core", respond.SeverityCritical)
	open := w.opened()
	require.Len(t, open, 1)
	require.Equal(t, "core: core-http critical", open[0].Title)
	require.Equal(t, 200, open[0].AlertsFiring)
	require.Equal(t, 1, open[0].Priority)
	require.Len(t, open[0].Items, 200)
	require.Contains(t, w.timeline(open[0].Number), "core is the deeper cause")
	for _, v := range w.all() {
		if v.State == Resolved {
			require.Equal(t, "duplicate", v.CauseCode)
		}
	}
}

// groups gives the sets of alerts of the open incidents, in a form that compares.
func (w *world) groups() []string {
	w.t.Helper()
	var rows []struct{ RecordID, Fingerprint string }
	require.NoError(w.t, w.d.Reader().NewRaw("SELECT a.record_id, a.fingerprint FROM incident_alerts a JOIN records r ON r.id = a.record_id WHERE r.open = ? ORDER BY a.fingerprint", true).Scan(context.Background(), &rows))
	m := map[string][]string{}
	for _, r := range rows {
		m[r.RecordID] = append(m[r.RecordID], r.Fingerprint)
	}
	var out []string
	for _, fs := range m {
		out = append(out, strings.Join(fs, " "))
	}
	sort.Strings(out)
	return out
}

func TestTheOrderOfAlertsDoesNotMatter(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(7, 11))
	for round := range 4 {
		// A random map without cycles: an item needs only those before it.
		needs := map[string][]string{}
		var names []string
		for i := range 7 {
			n := fmt.Sprintf("i%d", i)
			for j := range i {
				if rnd.IntN(4) == 0 {
					needs[n] = append(needs[n], fmt.Sprintf("i%d", j))
				}
			}
			names = append(names, n)
		}
		var want []string
		for try := range 4 {
			w := newWorld(t)
			for _, n := range names {
				w.plan.add(n, estate.Medium, needs[n]...)
			}
			order := slices.Clone(names)
			rnd.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
			for _, n := range order[:] {
				w.fire(n, respond.SeverityCritical)
			}
			got := w.groups()
			if try == 0 {
				want = got
			}
			require.Equal(t, want, got, "round %d, order %v, needs %v", round, order, needs)
		}
	}
}

func TestUnrelatedItemsHaveTheirOwnIncidents(t *testing.T) {
	t.Parallel()
	both(t, testUnrelatedItemsHaveTheirOwnIncidents)
}

func testUnrelatedItemsHaveTheirOwnIncidents(t *testing.T, w *world) {
	w.plan.add("a", estate.High)
	w.plan.add("b", estate.Low)
	w.fire("a", respond.SeverityCritical)
	w.fire("b", respond.SeverityWarning)
	open := w.opened()
	require.Len(t, open, 2)
	require.Equal(t, "INC-2", open[0].Number)
	require.Equal(t, 5, open[0].Priority)
	require.Equal(t, 1, open[1].Priority)
	// An alert without an item groups with its own fingerprint only.
	for range 2 {
		w.tx(func(ctx context.Context, tx *db.Tx) error {
			return w.s.alertFired(ctx, tx, respond.AlertFired{AlertID: fmt.Sprint("x", tx.Now().UnixMicro(), rand.Int()), Fingerprint: "api:backup", Severity: "critical", Title: "Backup failed", ImpactStartedAt: tx.Now(), DetectedAt: tx.Now()})
		})
	}
	require.Len(t, w.opened(), 3)
}

func TestPriorityFollowsWhatDependsOnItAndWorsens(t *testing.T) {
	t.Parallel()
	both(t, testPriorityFollowsWhatDependsOnItAndWorsens)
}

func testPriorityFollowsWhatDependsOnItAndWorsens(t *testing.T, w *world) {
	w.plan.add("disk", estate.Low)
	w.plan.add("shop", estate.Critical, "disk")
	id := w.fire("disk", respond.SeverityWarning)
	require.Equal(t, 3, w.opened()[0].Priority)
	w.tx(func(ctx context.Context, tx *db.Tx) error {
		return w.s.alertChanged(ctx, tx, respond.AlertChanged{AlertID: id, Severity: "critical", From: "warning", At: tx.Now()})
	})
	v := w.opened()[0]
	require.Equal(t, 1, v.Priority)
	require.Equal(t, "disk: disk-http critical", v.Title)
	code, _ := w.do("PATCH", "/api/v1/incidents/INC-1", `{"impact":3,"title":"Disk of the shop"}`)
	require.Equal(t, 200, code)
	w.fire("shop", respond.SeverityCritical)
	v = w.opened()[0]
	require.Equal(t, 3, v.Priority, "what a person set stays")
	require.Equal(t, "Disk of the shop", v.Title)
}

func TestRecursAfterResolution(t *testing.T) {
	t.Parallel()
	both(t, testRecursAfterResolution)
}

func testRecursAfterResolution(t *testing.T, w *world) {
	w.plan.add("a", estate.High)
	w.clear(w.fire("a", "critical"))
	w.clock.forward(6 * time.Minute)
	w.runTimers()
	require.Equal(t, Resolved, w.all()[0].State)
	w.fire("a", "critical")
	require.Len(t, w.all(), 2)
	require.Contains(t, w.timeline("INC-2"), "The trouble of INC-1 came back.")
}
