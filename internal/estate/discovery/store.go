package discovery

import (
	"context"
	"encoding/json"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/account"
	"github.com/mainstay-ops/mainstay/internal/core/apply"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/id"
	"github.com/mainstay-ops/mainstay/internal/core/strict"
)

// Job is a row of discovery_jobs.
type Job struct {
	ID                   string
	Spec                 JobSpec
	Paused               bool
	NextAt               time.Time
	CreatedAt, UpdatedAt time.Time
	Version              int64
}

type jobRow struct {
	ID, Name, Spec       string
	Paused               bool
	NextAt               *time.Time
	CreatedAt, UpdatedAt time.Time
	Version              int64
}

func (r jobRow) job() (Job, error) {
	j := Job{ID: r.ID, Paused: r.Paused, CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(), Version: r.Version}
	if r.NextAt != nil {
		j.NextAt = r.NextAt.UTC()
	}
	err := json.Unmarshal([]byte(r.Spec), &j.Spec)
	j.Spec.Name = r.Name
	return j, err
}

func jobsOf(rows []jobRow) ([]Job, error) {
	out := make([]Job, len(rows))
	for i, r := range rows {
		var err error
		if out[i], err = r.job(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *Service) jobs(ctx context.Context, q bun.IDB, after string, limit int) ([]Job, error) {
	var rows []jobRow
	if err := q.NewRaw("SELECT * FROM discovery_jobs WHERE name > ? ORDER BY name LIMIT ?", after, limit).Scan(ctx, &rows); err != nil {
		return nil, err
	}
	return jobsOf(rows)
}

func (s *Service) job(ctx context.Context, q bun.IDB, name string) (Job, error) {
	var r jobRow
	if err := q.NewRaw("SELECT * FROM discovery_jobs WHERE name = ? OR id = ?", name, name).Scan(ctx, &r); err != nil {
		var known []string
		if e := q.NewRaw("SELECT name FROM discovery_jobs ORDER BY name LIMIT 200").Scan(ctx, &known); e != nil {
			return Job{}, e
		}
		return Job{}, db.NotFound(err, "There is no discovery job %s%s.", name, strict.DidYouMean(name, known))
	}
	return r.job()
}

// saveJob makes or changes the job of that name.
func (s *Service) saveJob(ctx context.Context, tx *db.Tx, in JobSpec, ifMatch func(int64) error) (apply.Outcome, error) {
	bad := errs.FieldsOf(second(in.check()))
	for i, c := range in.Credentials {
		if _, _, err := s.credential(ctx, tx, c); errs.Is(err, errs.NotFound) {
			bad = append(bad, errs.Field{Path: "credentials[" + itoa(i) + "]", Value: c, Message: errs.Message(err)})
		} else if err != nil && !errs.Is(err, errs.Unavailable) {
			return "", err
		}
	}
	bad = append(bad, errs.FieldsOf(account.CheckName("name", in.Name))...)
	bad = append(bad, s.checkFrom(in.From)...)
	if err := errs.Fields(bad...); err != nil {
		return "", err
	}
	before, err := s.job(ctx, tx, in.Name)
	found := err == nil
	if err != nil && !errs.Is(err, errs.NotFound) {
		return "", err
	}
	if err := ifMatch(before.Version); err != nil {
		return "", err
	}
	text, err := json.Marshal(in)
	if err != nil {
		return "", err
	}
	var next *time.Time
	if n := in.Schedule.next(tx.Now()); !n.IsZero() {
		next = &n
	}
	ch := audit.Change{Action: "discovery_job.create", Ref: entity.Ref{Kind: "discovery_job", ID: before.ID}, Name: in.Name, After: in}
	outcome := apply.Created
	if found {
		was, err := json.Marshal(before.Spec)
		if err != nil {
			return "", err
		}
		if string(was) == string(text) {
			return apply.Unchanged, nil
		}
		ch.Action, ch.Before, outcome = "discovery_job.update", before.Spec, apply.Updated
		_, err = tx.NewRaw("UPDATE discovery_jobs SET spec = ?, next_at = ?, updated_at = ?, version = version + 1 WHERE id = ?", string(text), next, tx.Now(), before.ID).Exec(ctx)
		if err != nil {
			return "", err
		}
	} else {
		ch.Ref.ID = id.New()
		if _, err := tx.NewRaw("INSERT INTO discovery_jobs (id, name, spec, paused, next_at, created_at, updated_at, version) VALUES (?, ?, ?, ?, ?, ?, ?, 1)", ch.Ref.ID, in.Name, string(text), false, next, tx.Now(), tx.Now()).Exec(ctx); err != nil {
			return "", err
		}
	}
	s.say(tx, "jobs", in.Name)
	return outcome, audit.Write(ctx, tx, ch)
}

func second[A any](_ A, err error) error { return err }

func (s *Service) deleteJob(ctx context.Context, tx *db.Tx, name string) (Job, error) {
	j, err := s.job(ctx, tx, name)
	if err != nil {
		return j, err
	}
	if open, err := s.openRun(ctx, tx, j.ID); err != nil {
		return j, err
	} else if open != nil && open.State == running {
		return j, errs.New(errs.Conflict, "A run of %s is under way. Cancel it first.", name)
	}
	for _, q := range []string{
		"DELETE FROM discovery_log WHERE run_id IN (SELECT id FROM discovery_runs WHERE job_id = ?)",
		"DELETE FROM discovery_findings WHERE job_id = ?", "DELETE FROM discovery_hosts WHERE job_id = ?",
		"DELETE FROM discovery_runs WHERE job_id = ?", "DELETE FROM discovery_jobs WHERE id = ?",
	} {
		if _, err := tx.NewRaw(q, j.ID).Exec(ctx); err != nil {
			return j, err
		}
	}
	s.say(tx, "jobs", name)
	return j, audit.Write(ctx, tx, audit.Change{Action: "discovery_job.delete", Ref: entity.Ref{Kind: "discovery_job", ID: j.ID}, Name: name, Before: j.Spec})
}

// The states of a run.
const (
	waiting  = "waiting"
	running  = "running"
	paused   = "paused"
	finished = "done"
	failed   = "failed"
	canceled = "canceled"
)

// Run is one execution of a job.
type Run struct {
	ID        string `json:"id"`
	Job       string `json:"job" doc:"Name of the job."`
	State     string `json:"state" enum:"waiting,running,paused,done,failed,canceled"`
	Trigger   string `json:"trigger" doc:"schedule, or who asked for it."`
	Message   string `json:"message,omitempty" doc:"Why it waits or failed, or that it went on after a restart."`
	Total     int    `json:"total" doc:"Addresses to ask."`
	Done      int    `json:"done"`
	Sent      int64  `json:"packets_sent"`
	Resumed   int    `json:"resumed" doc:"How often it went on after an interruption."`
	Found     int    `json:"found" doc:"Addresses at which something answered."`
	New       int    `json:"new"`
	Changed   int    `json:"changed"`
	Vanished  int    `json:"vanished"`
	Unchanged int    `json:"unchanged"`
	// Rate and ETA are given while it runs.
	Rate      float64    `json:"addresses_per_second,omitempty"`
	ETA       int        `json:"eta_seconds,omitempty"`
	Seconds   float64    `json:"seconds" doc:"Time that it was at work."`
	CreatedAt time.Time  `json:"created_at"`
	StartedAt *time.Time `json:"started_at,omitempty"`
	EndedAt   *time.Time `json:"ended_at,omitempty"`
	Spec      JobSpec    `json:"spec" doc:"The job as it was when the run began."`

	jobID    string
	safe     int
	workedMS int64
}

type runRow struct {
	ID, JobID, State, TriggerBy, Message, Spec, Job string
	Total, Done, Safe, Resumed                      int
	Sent, WorkedMS                                  int64
	NNew, NChanged, NVanished, NUnchanged           int
	CreatedAt                                       time.Time
	StartedAt, EndedAt                              *time.Time
}

const runQuery = "SELECT r.*, j.name AS job FROM discovery_runs r JOIN discovery_jobs j ON j.id = r.job_id "

func (r runRow) run() (Run, error) {
	v := Run{
		ID: r.ID, Job: r.Job, State: r.State, Trigger: r.TriggerBy, Message: r.Message, Total: r.Total, Done: r.Done, Sent: r.Sent, Resumed: r.Resumed,
		New: r.NNew, Changed: r.NChanged, Vanished: r.NVanished, Unchanged: r.NUnchanged, Found: r.NNew + r.NChanged + r.NUnchanged,
		Seconds: float64(r.WorkedMS) / 1000, CreatedAt: r.CreatedAt.UTC(), StartedAt: utc(r.StartedAt), EndedAt: utc(r.EndedAt), jobID: r.JobID, safe: r.Safe, workedMS: r.WorkedMS,
	}
	return v, json.Unmarshal([]byte(r.Spec), &v.Spec)
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

func (s *Service) runsBy(ctx context.Context, q bun.IDB, where string, args ...any) ([]Run, error) {
	var rows []runRow
	if err := q.NewRaw(runQuery+where, args...).Scan(ctx, &rows); err != nil {
		return nil, err
	}
	out := make([]Run, len(rows))
	for i, r := range rows {
		var err error
		if out[i], err = r.run(); err != nil {
			return nil, err
		}
		s.runs.live(&out[i])
	}
	return out, nil
}

func (s *Service) run1(ctx context.Context, q bun.IDB, runID string) (Run, error) {
	rs, err := s.runsBy(ctx, q, "WHERE r.id = ?", runID)
	if err == nil && len(rs) == 0 {
		err = errs.New(errs.NotFound, "There is no such discovery run. Old runs are removed: of each job the last %d are kept.", keepRuns)
	}
	if err != nil {
		return Run{}, err
	}
	return rs[0], nil
}

// openRun gives the run of a job that has not ended, if there is one.
func (s *Service) openRun(ctx context.Context, q bun.IDB, jobID string) (*Run, error) {
	rs, err := s.runsBy(ctx, q, "WHERE r.job_id = ? AND r.state IN ('waiting', 'running', 'paused') ORDER BY r.id DESC LIMIT 1", jobID)
	if err != nil || len(rs) == 0 {
		return nil, err
	}
	return &rs[0], nil
}

func (s *Service) addRun(ctx context.Context, tx *db.Tx, j Job, by string) (string, error) {
	ts, err := j.Spec.check()
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(j.Spec)
	if err != nil {
		return "", err
	}
	runID := id.New()
	_, err = tx.NewRaw(`INSERT INTO discovery_runs (id, job_id, state, trigger_by, message, spec, total, done, safe, sent, resumed, n_new, n_changed, n_vanished, n_unchanged, worked_ms, created_at) VALUES (?, ?, 'waiting', ?, '', ?, ?, 0, 0, 0, 0, 0, 0, 0, 0, 0, ?)`,
		runID, j.ID, by, string(text), ts.Count(), tx.Now()).Exec(ctx)
	s.say(tx, "jobs", j.Spec.Name)
	tx.AfterCommit(s.runs.wakeUp)
	return runID, err
}
