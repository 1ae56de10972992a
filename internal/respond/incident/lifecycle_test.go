package incident

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/respond"
)

func TestLifeOfAnIncident(t *testing.T) {
	t.Parallel()
	both(t, testLifeOfAnIncident)
}

func testLifeOfAnIncident(t *testing.T, w *world) {
	w.plan.add("a", estate.High)
	start := w.clock.Now()
	alert := w.fire("a", "critical")
	w.clock.forward(time.Minute)
	code, body := w.do("POST", "/api/v1/incidents/INC-1/acknowledge", "")
	require.Equal(t, 200, code, body)
	first := w.clock.Now()
	w.clock.forward(time.Minute)
	code, _ = w.do("POST", "/api/v1/incidents/INC-1/acknowledge", "{}")
	require.Equal(t, 200, code)
	code, _ = w.do("POST", "/api/v1/incidents/INC-1/work", "{}")
	require.Equal(t, 200, code)
	work := w.clock.Now()
	w.clock.forward(time.Minute)
	w.clear(alert)
	restored := w.clock.Now()
	v := w.all()[0]
	require.Equal(t, Restored, v.State)

	// It fails again, is cleared again: what was written first stays.
	w.clock.forward(time.Minute)
	again := w.fire("a", "critical")
	v = w.all()[0]
	require.Equal(t, Acknowledged, v.State)
	require.Nil(t, v.RestoredAt)
	require.Contains(t, w.timeline("INC-1"), "It failed again after it was restored at "+restored.Format("2006-01-02 15:04:05"))
	w.clock.forward(time.Minute)
	w.clear(again)
	last := w.clock.Now()
	w.clock.forward(6 * time.Minute)
	w.runTimers()
	v = w.all()[0]
	require.Equal(t, Resolved, v.State)
	require.Equal(t, "Recovered by itself.", v.ResolutionNote)
	require.Equal(t, "recovered", v.CauseCode)
	require.Equal(t, "Olga", v.AcknowledgedBy)
	require.Equal(t, start.Add(-10*time.Second), v.ImpactStartedAt)
	require.Equal(t, start, v.DetectedAt)
	require.Equal(t, first, *v.AcknowledgedAt)
	require.Equal(t, work, *v.WorkStartedAt)
	require.Equal(t, last, *v.RestoredAt)
	require.Equal(t, w.clock.Now(), *v.ResolvedAt)
	w.clock.forward(8 * 24 * time.Hour)
	w.runTimers()
	require.Equal(t, Closed, w.all()[0].State)
	require.Len(t, w.facts("respond.incident_opened"), 1)
	require.Len(t, w.facts("respond.incident_changed"), 6)
}

func TestATimerOfAnEarlierRestorationIsVoid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.plan.add("a", estate.High)
	w.clear(w.fire("a", "critical"))
	w.clock.forward(4 * time.Minute)
	w.clear(w.fire("a", "critical"))
	w.clock.forward(2 * time.Minute)
	w.runTimers()
	require.Equal(t, Restored, w.all()[0].State, "two minutes, not six, have passed")
	w.clock.forward(4 * time.Minute)
	w.runTimers()
	require.Equal(t, Resolved, w.all()[0].State)
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	both(t, testPolicies)
}

func testPolicies(t *testing.T, w *world) {
	w.plan.add("a", estate.High)
	w.plan.add("b", estate.High)
	w.role = access.Operator
	code, body := w.do("POST", "/api/v1/policies", `{"name":"default","escalation":"nobody"}`)
	require.Equal(t, 422, code)
	require.Contains(t, body, "is not the name of an escalation")
	code, body = w.do("POST", "/api/v1/policies", `{"name":"default","escalation":"web"}`)
	require.Equal(t, 201, code, body)
	code, body = w.do("POST", "/api/v1/policies", `{"name":"slow","match":{"item":"b"},"resolve":"manual","restore_for":"1m"}`)
	require.Equal(t, 201, code, body)
	w.fire("a", "critical")
	b := w.fire("b", "critical")
	vs := w.all()
	require.Equal(t, "slow", vs[0].Policy)
	require.Equal(t, "default", vs[1].Policy)
	require.Equal(t, "web", vs[1].Escalation)
	require.Contains(t, w.facts("respond.incident_opened")[0], `"escalation":"web"`)
	cleared := w.clock.Now()
	w.clear(b)
	require.Equal(t, New, w.all()[0].State)
	w.clock.forward(time.Minute)
	w.runTimers()
	v := w.all()[0]
	require.Equal(t, Restored, v.State)
	require.Equal(t, cleared, *v.RestoredAt, "it worked since the alerts cleared")
	w.clock.forward(time.Hour)
	w.runTimers()
	require.Equal(t, Restored, w.all()[0].State, "manual waits for a person")
	w.role = access.Responder
	code, _ = w.do("DELETE", "/api/v1/policies/slow", "")
	require.Equal(t, 403, code)
}

func TestPoliciesInFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	res := w.s.Resources()[0]
	w.tx(func(ctx context.Context, tx *db.Tx) error {
		for _, want := range []string{"created", "unchanged"} {
			c, err := res.Apply(ctx, tx, &Policy{Name: "default", Escalation: "web"})
			require.NoError(t, err)
			require.Equal(t, want, string(c.Outcome))
		}
		c, err := res.Apply(ctx, tx, &Policy{Name: "default", Escalation: "web", Resolve: manual})
		require.NoError(t, err)
		require.Equal(t, []string{"resolve: auto → manual"}, c.Fields)
		out, err := res.Export(ctx, tx)
		require.NoError(t, err)
		p := out[0].(Policy)
		c, err = res.Apply(ctx, tx, &p)
		require.Equal(t, "unchanged", string(c.Outcome))
		return err
	})
}

func TestAccessAndBodies(t *testing.T) {
	t.Parallel()
	both(t, testAccessAndBodies)
}

func testAccessAndBodies(t *testing.T, w *world) {
	w.plan.add("a", estate.High)
	w.fire("a", "critical")
	for _, c := range []struct {
		role               access.Role
		method, path, body string
		want               int
	}{
		{access.None, "GET", "/api/v1/incidents", "", 401},
		{access.None, "POST", "/api/v1/incidents/INC-1/acknowledge", "", 401},
		{access.Viewer, "GET", "/api/v1/incidents?state=new,closed&limit=3", "", 200},
		{access.Viewer, "GET", "/api/v1/incidents?state=solved", "", 422},
		{access.Viewer, "GET", "/api/v1/incidents/INC-1/timeline", "", 200},
		{access.Responder, "POST", "/api/v1/incidents/INC-1/comments", `{"body":"hello"}`, 201},
		{access.Viewer, "GET", "/api/v1/incidents?open=true&sort=priority", "", 200},
		{access.Viewer, "GET", "/api/v1/incidents?cursor=nonsense", "", 422},
		{access.Viewer, "POST", "/api/v1/incidents/INC-1/acknowledge", "", 403},
		{access.Viewer, "PATCH", "/api/v1/incidents/INC-1", `{"title":"x"}`, 403},
		{access.Viewer, "POST", "/api/v1/incidents", `{"title":"x"}`, 403},
		{access.Responder, "POST", "/api/v1/incidents/INC-9/acknowledge", "", 404},
		{access.Responder, "GET", "/api/v1/incidents/INC-x", "", 404},
		{access.Responder, "PATCH", "/api/v1/incidents/INC-1", `{"priority":5}`, 422},
		{access.Responder, "PATCH", "/api/v1/incidents/INC-1", `{"assignee":"nobody@example.org"}`, 422},
		{access.Responder, "POST", "/api/v1/incidents/INC-1/close", "", 409},
		{access.Responder, "POST", "/api/v1/incidents/INC-1/resolve", `{"cause_code":"magic"}`, 422},
		{access.Responder, "POST", "/api/v1/incidents/INC-1/resolve", "{}", 200},
		{access.Responder, "POST", "/api/v1/incidents/INC-1/reopen", "", 200},
		{access.Responder, "POST", "/api/v1/incidents/INC-1/resolve", "", 200},
		{access.Responder, "POST", "/api/v1/incidents/INC-1/close", "", 200},
		{access.Responder, "POST", "/api/v1/incidents", `{"title":"By hand","items":["a"]}`, 201},
		{access.Responder, "POST", "/api/v1/incidents", `{"title":"By hand","items":["z"]}`, 422},
	} {
		w.role = c.role
		code, body := w.do(c.method, c.path, c.body)
		require.Equal(t, c.want, code, "%s %s as %q: %s", c.method, c.path, c.role, body)
	}
	_, body := w.do("GET", "/api/v1/incidents/INC-1", "")
	require.Contains(t, body, `"state":"closed"`)
	require.Contains(t, body, `"resolution_note":"Resolved by hand."`)
	require.Contains(t, body, `"reopens":1`)
}

func TestContractAndNotifications(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.plan.add("a", estate.High)
	w.fire("a", "critical")
	var inc respond.Incident
	w.tx(func(ctx context.Context, tx *db.Tx) error {
		list, err := w.s.Between(ctx, tx, []string{"a"}, tx.Now().Add(-time.Hour), tx.Now())
		require.NoError(t, err)
		require.Len(t, list, 1)
		inc = list[0]
		person := access.With(ctx, &access.Principal{Kind: access.Link, ID: "p2", Name: "Otto", Role: access.Responder})
		done, err := w.s.Acknowledge(person, tx, inc.ID, "e-mail")
		require.NoError(t, err)
		require.True(t, done)
		done, err = w.s.Acknowledge(person, tx, inc.ID, "e-mail")
		require.NoError(t, err)
		require.False(t, done)
		for _, state := range []string{"sent", "failed"} {
			err := w.s.notified(ctx, tx, respond.NotificationDone{IncidentID: inc.ID, Channel: "E-mail", To: "ops@example.org", State: state, Attempts: 3, Error: "refused"})
			require.NoError(t, err)
		}
		return w.s.notified(ctx, tx, respond.NotificationDone{IncidentID: "gone", Channel: "E-mail", State: "sent"})
	})
	require.Equal(t, []string{"a"}, inc.Items)
	text := w.timeline("INC-1")
	for _, s := range []string{"Opened with priority P1 (impact 1, urgency 1).", "Acknowledged by Otto by e-mail.", "E-mail to ops@example.org sent.", "E-mail to ops@example.org failed after 3 attempts: refused"} {
		require.Contains(t, text, s)
	}
	var plan []struct {
		ID, Parent, Notused int64
		Detail              string
	}
	require.NoError(t, w.d.Reader().NewRaw("EXPLAIN QUERY PLAN SELECT r.id FROM records r WHERE r.kind = 'incident' AND r.state = 'new' AND 1 = 1 AND r.number < 5 ORDER BY number DESC LIMIT 51").Scan(context.Background(), &plan))
	require.True(t, strings.Contains(plan[0].Detail, "USING INDEX") || strings.Contains(plan[0].Detail, "COVERING INDEX"), plan)
}
