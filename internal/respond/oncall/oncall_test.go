package oncall

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/job"
)

const ops = `
schedules:
  - {name: web-primary, time_zone: Europe/Berlin, rotations: [{members: [ada@example.org, bob@example.org], every: 168h, starts: "2026-11-02T09:00:00"}]}
  - {name: empty, rotations: [{members: [ada@example.org], every: 24h, starts: "2030-01-01T09:00:00"}]}
escalations:
  - {name: web, steps: [{notify: [{schedule: web-primary}, {channel: web-hook}], after: 0s}, {notify: [{channel: web-mail}], after: 5m}]}
  - {name: again, repeat: 1, repeat_after: 10m, catch_all: web-mail, steps: [{notify: [{person: eve@example.org}, {schedule: web-primary}], after: 0s}]}
  - {name: gap, catch_all: web-hook, steps: [{notify: [{schedule: empty}], after: 0s}, {notify: [{channel: web-mail}], after: 10m}, {notify: [{person: eve@example.org}], after: 20m}]}
`

// runStep and runCatch run a job only when its moment has come, as the queue does.
func (w *world) runStep(args string) {
	w.t.Helper()
	var a stepArgs
	require.NoError(w.t, json.Unmarshal([]byte(args), &a))
	var r run
	require.NoError(w.t, w.db.Reader().NewSelect().Model(&r).Where("id = ?", a.Run).Scan(w.ctx()))
	if r.DueAt.After(w.clock.Now()) {
		return
	}
	// At least once: a job may run twice.
	for range 2 {
		require.NoError(w.t, w.stepDue(w.ctx(), a, job.Meta{}))
	}
}

func (w *world) runCatch(args string) {
	w.t.Helper()
	var a catchArgs
	require.NoError(w.t, json.Unmarshal([]byte(args), &a))
	for range 2 {
		require.NoError(w.t, w.catchAll(w.ctx(), a, job.Meta{}))
	}
}

func TestApplyAndExportRoundTrip(t *testing.T) {
	t.Parallel()
	w := build(t)
	cs, err := w.apply(ops)
	require.NoError(t, err)
	require.Len(t, cs, 5)
	for _, c := range cs {
		require.Equal(t, apply.Created, c.Outcome)
	}
	out, err := w.engine.Export(w.ctx())
	require.NoError(t, err)
	cs, err = w.apply(string(out))
	require.NoError(t, err, string(out))
	for _, c := range cs {
		require.Equal(t, apply.Unchanged, c.Outcome, string(out))
	}
	a, err := account.ByEmail(w.ctx(), w.db.Reader(), "bob@example.org")
	require.NoError(t, err)
	require.Equal(t, access.Responder, a.Role)
}

func TestBadFilesNameEveryMistake(t *testing.T) {
	t.Parallel()
	w := build(t)
	_, err := w.apply(`
schedules:
  - {name: web-primary, time_zone: Europe/Berlni, rotations: [{members: [ada@example.org], every: 1s, starts: soon}]}
  - {name: good, rotations: [{members: [nobody], every: 24h, starts: "2026-01-01T09:00:00"}]}
  - {name: fine, rotations: [{members: [ada@example.org], every: 24h, starts: "2026-01-01T09:00:00"}]}
escalations:
  - {name: a, steps: [{notify: [{schedule: fien}, {channel: web-hok}], after: 5m}, {notify: [{channel: web-mail}], after: 10m}]}
  - {name: b, steps: [{notify: [{schedule: fine, channel: web-mail}, {}], after: 5m}, {notify: [{channel: web-mail}], after: 1m}]}
`)
	got := map[string]string{}
	for _, f := range errs.FieldsOf(err) {
		require.NotZero(t, f.Line, f.Path)
		got[f.Path] = f.Message
	}
	require.Contains(t, got["schedules[0].time_zone"], "IANA")
	require.Contains(t, got["schedules[0].rotations[0].every"], "between")
	require.Contains(t, got["schedules[0].rotations[0].starts"], "local time")
	require.Contains(t, got["schedules[1].rotations[0].members[0]"], "e-mail")
	require.Contains(t, got["escalations[0].steps[0].notify[0].schedule"], "did you mean fine?")
	require.Contains(t, got["escalations[0].steps[0].notify[1].channel"], "did you mean web-hook?")
	require.Contains(t, got["escalations[1].steps[0].notify[0]"], "exactly one")
	require.Contains(t, got["escalations[1].steps[0].notify[1]"], "exactly one")
	require.Contains(t, got["escalations[1].steps[1].after"], "earlier")
	require.Len(t, got, 9)
	names, err := scheduleNames(w.ctx(), w.db.Reader())
	require.NoError(t, err)
	require.Empty(t, names)
}

func TestStepsFollowUntilSomebodyAnswers(t *testing.T) {
	t.Parallel()
	w := build(t)
	_, err := w.apply(ops)
	require.NoError(t, err)
	w.open("web")
	// The turn changes on Monday at 09:00 in Berlin, seven hours from now.
	sent, notes := w.o.take()
	require.Equal(t, []string{"problem ada@example.org", "problem web-hook"}, sent)
	require.Equal(t, []string{"Step 1: told ada (web-primary) and channel web-hook."}, notes)
	w.at(5*time.Minute - time.Microsecond)
	sent, _ = w.o.take()
	require.Empty(t, sent)
	w.at(5 * time.Minute)
	sent, notes = w.o.take()
	require.Equal(t, []string{"escalation web-mail"}, sent)
	require.Equal(t, []string{"Step 2: told channel web-mail."}, notes)
	w.at(time.Hour)
	sent, _ = w.o.take()
	require.Empty(t, sent)

	w.move("restored", "web")
	sent, _ = w.o.take()
	require.Equal(t, []string{"restored ada@example.org", "restored web-hook", "restored web-mail"}, sent)
	w.move("resolved", "web")
	sent, _ = w.o.take()
	require.Len(t, sent, 3)
	w.move("closed", "web")
	sent, _ = w.o.take()
	require.Empty(t, sent)
}

func TestAnAnswerStopsTheRunAndANewStartBeginsAgain(t *testing.T) {
	t.Parallel()
	w := build(t)
	_, err := w.apply(ops)
	require.NoError(t, err)
	w.open("web")
	w.o.take()
	w.move("acknowledged", "web")
	w.at(10 * time.Minute)
	sent, notes := w.o.take()
	require.Empty(t, sent)
	require.Empty(t, notes)
	w.move("new", "web")
	sent, notes = w.o.take()
	require.Equal(t, []string{"problem ada@example.org", "problem web-hook"}, sent, "the keys of the first run do not hold up the second")
	require.Equal(t, "Round 2, step 1: told ada (web-primary) and channel web-hook.", notes[0])
	w.at(15 * time.Minute)
	sent, _ = w.o.take()
	require.Equal(t, []string{"escalation web-mail"}, sent, "after counts from the new beginning")
}

func TestRoundsAndTheCatchAll(t *testing.T) {
	t.Parallel()
	w := build(t)
	_, err := w.apply(ops)
	require.NoError(t, err)
	w.open("again")
	sent, _ := w.o.take()
	require.Equal(t, []string{"problem eve@example.org", "problem ada@example.org"}, sent)
	w.at(10 * time.Minute)
	sent, _ = w.o.take()
	require.Equal(t, []string{"reminder eve@example.org", "reminder ada@example.org"}, sent)
	w.at(20 * time.Minute)
	sent, notes := w.o.take()
	require.Equal(t, []string{"escalation web-mail"}, sent)
	require.Equal(t, []string{"Nobody has answered. Told the catch-all channel web-mail."}, notes)
	w.at(time.Hour)
	sent, _ = w.o.take()
	require.Empty(t, sent)
}

func TestTheCatchAllIsSparedWhenSomebodyAnswered(t *testing.T) {
	t.Parallel()
	w := build(t)
	_, err := w.apply(ops)
	require.NoError(t, err)
	w.open("again")
	w.at(10 * time.Minute)
	w.o.take()
	w.move("acknowledged", "again")
	w.at(20 * time.Minute)
	sent, _ := w.o.take()
	require.Empty(t, sent)
}

func TestAGapGoesToTheNextStepAtOnce(t *testing.T) {
	t.Parallel()
	w := build(t)
	_, err := w.apply(ops)
	require.NoError(t, err)
	w.open("gap")
	sent, notes := w.o.take()
	require.Equal(t, []string{"problem web-hook", "escalation web-mail"}, sent)
	require.Equal(t, []string{"Step 1: nobody could be told. Nobody is on call in empty. Told the catch-all channel web-hook.", "Step 2: told channel web-mail."}, notes)
	w.at(10 * time.Minute)
	sent, _ = w.o.take()
	require.Empty(t, sent)
	w.at(20 * time.Minute)
	sent, _ = w.o.take()
	require.Equal(t, []string{"escalation eve@example.org"}, sent)
}

func TestWhatWasLateIsTakenAfterARestart(t *testing.T) {
	t.Parallel()
	w := build(t)
	_, err := w.apply(ops)
	require.NoError(t, err)
	w.open("web")
	w.o.take()
	_, err = w.db.SQL().ExecContext(w.ctx(), "DELETE FROM river_job")
	require.NoError(t, err)
	w.clock.set(start.Add(5*time.Minute + lateBy))
	require.NoError(t, w.sweep(w.ctx(), sweepArgs{}, job.Meta{}))
	sent, _ := w.o.take()
	require.Empty(t, sent, "not late enough to count as lost")
	w.clock.set(start.Add(5*time.Minute + lateBy + time.Second))
	for range 2 {
		require.NoError(t, w.sweep(w.ctx(), sweepArgs{}, job.Meta{}))
	}
	sent, _ = w.o.take()
	require.Equal(t, []string{"escalation web-mail"}, sent)
}

func TestAnUnknownEscalationIsSaid(t *testing.T) {
	t.Parallel()
	w := build(t)
	w.open("")
	w.open("nope")
	sent, notes := w.o.take()
	require.Empty(t, sent)
	require.Equal(t, []string{"Nobody is told: There is no escalation nope."}, notes)
}

func TestOnCallShiftsAndOverrides(t *testing.T) {
	t.Parallel()
	w := build(t)
	_, err := w.apply(ops)
	require.NoError(t, err)
	ctx := context.WithoutCancel(w.ctx())
	bob, err := account.ByEmail(ctx, w.db.Reader(), "bob@example.org")
	require.NoError(t, err)
	me := &access.Principal{Kind: access.Person, ID: bob.ID, Role: access.Responder}
	var now struct{ Items []duty }
	read := func() map[string]duty {
		rec := w.do(me, "GET", "/api/v1/oncall", "")
		require.Equal(t, http.StatusOK, rec.Code, rec.Body.String())
		now.Items = nil
		require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &now))
		out := map[string]duty{}
		for _, d := range now.Items {
			out[d.Schedule] = d
		}
		return out
	}
	d := read()
	require.Equal(t, "ada@example.org", d["web-primary"].Person.Email)
	require.Equal(t, "bob@example.org", d["web-primary"].Next.Email)
	require.Equal(t, time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC), *d["web-primary"].Until)
	require.Nil(t, d["empty"].Person)

	path := "/api/v1/schedules/web-primary/overrides"
	body := `{"from":"2026-11-23T00:30:00Z","to":"2026-11-23T04:00:00Z"}`
	require.Equal(t, http.StatusForbidden, w.do(&access.Principal{ID: bob.ID, Role: access.Viewer}, "POST", path, body).Code)
	require.Equal(t, http.StatusForbidden, w.do(me, "POST", path, `{"person":"ada@example.org","from":"2026-11-23T00:30:00Z","to":"2026-11-23T04:00:00Z"}`).Code)
	require.Equal(t, http.StatusUnprocessableEntity, w.do(me, "POST", path, `{"from":"2026-11-23T04:00:00Z","to":"2026-11-23T04:00:00Z"}`).Code)
	rec := w.do(me, "POST", path, body)
	require.Equal(t, http.StatusCreated, rec.Code, rec.Body.String())
	d = read()
	require.Equal(t, "bob@example.org", d["web-primary"].Person.Email)
	require.True(t, d["web-primary"].Override)

	var sh shiftsBody
	rec = w.do(me, "GET", "/api/v1/schedules/web-primary/shifts?from=2026-11-23T01:00:00Z&to=2026-11-24T00:00:00Z", "")
	require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &sh), rec.Body.String())
	require.Len(t, sh.Items, 3)
	require.Equal(t, []any{true, -1, "bob@example.org"}, []any{sh.Items[0].Override, sh.Items[0].Layer, sh.Items[0].Person.Email})
	require.Equal(t, []any{false, 0, "ada@example.org"}, []any{sh.Items[1].Override, sh.Items[1].Layer, sh.Items[1].Person.Email})
	require.Empty(t, sh.Gaps)
	rec = w.do(me, "GET", "/api/v1/schedules/empty/shifts", "")
	sh = shiftsBody{}
	require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &sh), rec.Body.String())
	require.Len(t, sh.Gaps, 1)
	rec = w.do(me, "GET", "/api/v1/schedules/web-primary/shifts?from=2026-11-23T01:00:00Z&to=2026-11-24T00:00:00Z", "")
	require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &sh))
	require.Equal(t, http.StatusNoContent, w.do(me, "DELETE", path+"/"+sh.Items[0].OverrideID, "").Code)
	require.False(t, read()["web-primary"].Override)

	op := &access.Principal{Role: access.Operator}
	rec = w.do(op, "DELETE", "/api/v1/schedules/web-primary", "")
	require.Equal(t, http.StatusConflict, rec.Code)
	require.Equal(t, http.StatusForbidden, w.do(me, "DELETE", "/api/v1/escalations/web", "").Code)
	for _, e := range []string{"web", "again"} {
		require.Equal(t, http.StatusNoContent, w.do(op, "DELETE", "/api/v1/escalations/"+e, "").Code)
	}
	require.Equal(t, http.StatusNoContent, w.do(op, "DELETE", "/api/v1/schedules/web-primary", "").Code)
	by, err := w.UsesChannel(ctx, w.db.Reader(), "web-hook")
	require.NoError(t, err)
	require.Equal(t, "gap", by)
}
