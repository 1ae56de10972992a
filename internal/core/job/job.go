// Package job is work that must happen, now or later, whatever else happens:
// notifications, escalation steps, timers. A job is inserted in the transaction
// that justifies it and is tried until it succeeds or gives up. It stands on
// River, on the same database; nothing outside this package knows that.
package job

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"

	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/quiet"
)

// Args are the arguments of one job; Kind is stable and unique, for example
// "notify.send". They are stored as JSON, so they hold ids, not objects.
type Args interface{ Kind() string }

// Meta tells a handler about the attempt.
type Meta struct {
	// Attempt counts from 1.
	Attempt     int
	MaxAttempts int
}

// Options of one insertion.
type Options struct {
	// At is when to run; zero means now.
	At time.Time
	// Queue keeps slow work apart: each queue has workers of its own. Empty means
	// "default".
	Queue string
	// MaxAttempts before the job is given up; 0 means 12.
	MaxAttempts int
	// Unique makes a second insertion with the same arguments have no effect while
	// the first waits or runs.
	Unique bool
}

// Queues with their number of workers. A queue that hangs holds up only itself.
var Queues = map[string]int{"default": 8, "escalation": 4, "mail": 8, "webhook": 16, "maintenance": 1}

// pollEvery bounds how late a job is picked up that nobody announced: a retry, or
// one of another node. New jobs of this process are announced, see wake.go.
const pollEvery = 2 * time.Second

// Runner runs the jobs of one server.
type Runner struct {
	db      *db.DB
	client  *river.Client[*sql.Tx]
	workers *river.Workers
	logger  *slog.Logger
	driver  riverdriver.Driver[*sql.Tx]
	bus     *wakeBus
	poll    time.Duration
	period  []*river.PeriodicJob
	owner   string
	cancel  context.CancelFunc
	wg      sync.WaitGroup
}

// New makes the runner. Handlers are registered before Start. The owner names this
// server among those that share a database, and is the same after a restart; when it is
// empty, jobs that a crash left behind on PostgreSQL wait for five minutes.
func New(d *db.DB, logger *slog.Logger, owner string) *Runner {
	r := &Runner{db: d, workers: river.NewWorkers(), logger: logger.With("component", "job"), bus: newWakeBus(), poll: pollEvery, owner: owner}
	if d.Dialect() == db.Postgres {
		r.driver = riverdatabasesql.New(d.SQL())
	} else {
		r.driver = riversqlite.New(d.SQL())
	}
	return r
}

// Migrate brings the tables of the queue up to date.
func (r *Runner) Migrate(ctx context.Context) error {
	m, err := rivermigrate.New(r.driver, &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("job tables: %w", err)
	}
	return nil
}

// Build fixes the set of handlers and makes insertion possible.
func (r *Runner) Build() error {
	queues := map[string]river.QueueConfig{}
	for q, n := range Queues {
		queues[q] = river.QueueConfig{MaxWorkers: n}
	}
	c, err := river.NewClient(wakingDriver{r.driver, r.bus}, &river.Config{
		ID:     r.owner,
		Queues: queues, Workers: r.workers, PeriodicJobs: r.period,
		FetchCooldown: 20 * time.Millisecond, FetchPollInterval: r.poll,
		JobTimeout: 2 * time.Minute, RescueStuckJobsAfter: 5 * time.Minute,
		CompletedJobRetentionPeriod: 24 * time.Hour, DiscardedJobRetentionPeriod: 30 * 24 * time.Hour,
		RetryPolicy: backoff{}, Logger: quiet.Logger(r.logger), SkipUnknownJobCheck: false,
	})
	if err != nil {
		return fmt.Errorf("jobs: %w", err)
	}
	r.client = c
	return nil
}

// Start begins to work. Jobs that a crash left "running" are taken back first: a
// server that starts on SQLite is alone on its database, on PostgreSQL it knows its own.
func (r *Runner) Start(ctx context.Context) error {
	began := time.Now()
	if err := r.takeBack(ctx, began); err != nil {
		return fmt.Errorf("take back jobs: %w", err)
	}
	ctx = context.WithoutCancel(ctx)
	if r.db.Dialect() == db.Postgres {
		var again context.Context
		again, r.cancel = context.WithCancel(ctx)
		r.wg.Go(func() { r.takeBackAgain(again, began) })
	}
	return r.client.Start(ctx)
}

// takeBack makes jobs available that this server had begun before a moment.
func (r *Runner) takeBack(ctx context.Context, before time.Time) error {
	var err error
	switch {
	case r.db.Dialect() == db.SQLite:
		_, err = r.db.SQL().ExecContext(ctx, "UPDATE river_job SET state = 'available', scheduled_at = CURRENT_TIMESTAMP WHERE state = 'running'")
	case r.owner != "":
		_, err = r.db.SQL().ExecContext(ctx, "UPDATE river_job SET state = 'available', scheduled_at = now() WHERE state = 'running' AND attempted_at < $1 AND attempted_by[array_upper(attempted_by, 1)] = $2", before, r.owner)
	}
	return err
}

// takeBackAgain looks for what PostgreSQL was still writing for the server that was
// killed when this one began.
func (r *Runner) takeBackAgain(ctx context.Context, before time.Time) {
	for _, d := range []time.Duration{2 * time.Second, 10 * time.Second, time.Minute} {
		select {
		case <-ctx.Done():
			return
		case <-time.After(d):
		}
		if err := r.takeBack(ctx, before); err != nil && ctx.Err() == nil {
			r.logger.Warn("jobs of before the start could not be taken back", "error", err)
		}
	}
}

// Stop lets running jobs end until ctx does, then cancels them; they are tried
// again after the next start.
func (r *Runner) Stop(ctx context.Context) {
	if r.client == nil {
		return
	}
	if r.cancel != nil {
		r.cancel()
		r.wg.Wait()
	}
	soft, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := r.client.Stop(soft); err != nil {
		_ = r.client.StopAndCancel(ctx)
	}
}

// Insert adds a job as part of tx.
func (r *Runner) Insert(ctx context.Context, tx *db.Tx, a Args, o Options) error {
	opts := &river.InsertOpts{Queue: o.Queue, ScheduledAt: o.At, MaxAttempts: o.MaxAttempts}
	if opts.MaxAttempts == 0 {
		opts.MaxAttempts = 12
	}
	if o.Unique {
		opts.UniqueOpts = river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
			rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable, rivertype.JobStateRunning, rivertype.JobStateScheduled,
		}}
	}
	if _, err := r.client.InsertTx(ctx, tx.Tx.Tx, a, opts); err != nil {
		return fmt.Errorf("insert job %s: %w", a.Kind(), err)
	}
	if !o.At.After(tx.Now()) {
		queue := cmp.Or(o.Queue, "default")
		tx.AfterCommit(func() { r.bus.wake(queue) })
	}
	return nil
}

// Handle registers the handler of one kind of job.
func Handle[A Args](r *Runner, h func(ctx context.Context, a A, m Meta) error) {
	river.AddWorker(r.workers, river.WorkFunc(func(ctx context.Context, j *river.Job[A]) error {
		err := h(ctx, j.Args, Meta{Attempt: j.Attempt, MaxAttempts: j.MaxAttempts})
		var ra *retryAfter
		var ca *cancel
		switch {
		case errors.As(err, &ra):
			return river.JobSnooze(ra.d)
		case errors.As(err, &ca):
			return river.JobCancel(ca.err)
		}
		return err
	}))
}

// Every registers a job that runs again and again, also right after the start
// when atStart is set.
func Every[A Args](r *Runner, every time.Duration, atStart bool, a A) {
	r.period = append(r.period, river.NewPeriodicJob(river.PeriodicInterval(every),
		func() (river.JobArgs, *river.InsertOpts) {
			return a, &river.InsertOpts{Queue: "maintenance", MaxAttempts: 3, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
				rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable, rivertype.JobStateRunning, rivertype.JobStateScheduled,
			}}}
		}, &river.PeriodicJobOpts{RunOnStart: atStart}))
}

type retryAfter struct{ d time.Duration }

func (e *retryAfter) Error() string { return "job: again after " + e.d.String() }

// Later makes a handler run again after d without counting a failed attempt.
func Later(d time.Duration) error { return &retryAfter{d} }

type cancel struct{ err error }

func (e *cancel) Error() string { return e.err.Error() }
func (e *cancel) Unwrap() error { return e.err }

// GiveUp ends a job for good with err as the reason.
func GiveUp(err error) error { return &cancel{err} }

// Pause is how long to wait before attempt n+1 (n counts from 1): 2 s, 6 s, 18 s,
// 54 s … at most 15 minutes.
func Pause(n int) time.Duration {
	return min(15*time.Minute, time.Duration(2*math.Pow(3, float64(min(n, 10)-1)))*time.Second)
}

type backoff struct{}

func (backoff) NextRetry(j *rivertype.JobRow) time.Time {
	return time.Now().UTC().Add(Pause(max(1, len(j.Errors)+1)))
}
