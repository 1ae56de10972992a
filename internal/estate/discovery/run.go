package discovery

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/icmp"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/core/sweep"
)

const (
	// maxRuns is how many runs are at work at once; others wait.
	maxRuns = 2
	// keepRuns of each job are kept with their findings.
	keepRuns  = 20
	pingTries = 2
	pingWait  = time.Second
	tickEvery = time.Second
	// foundBuffer is how many hosts may wait to be stored, so that a slow moment of
	// the disk does not slow down the sweep.
	foundBuffer = 16384
	// progressEvery is how often browsers hear of progress; it is stored every
	// fourth time.
	progressEvery = 500 * time.Millisecond
)

// runner starts what is due and looks after what is under way.
type runner struct {
	s      *Service
	net    sweep.Net
	wake   chan struct{}
	mu     sync.Mutex
	active map[string]*active
	wg     sync.WaitGroup
}

func newRunner(s *Service) *runner {
	var d net.Dialer
	return &runner{
		s: s, wake: make(chan struct{}, 1), active: map[string]*active{},
		net: sweep.Net{Ping: &icmp.Sockets{}, Dial: d.DialContext, Resolver: net.DefaultResolver, ARP: sweep.ReadARP},
	}
}

func (r *runner) wakeUp() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func itoa(n int) string { return strconv.Itoa(n) }

// loop runs until ctx ends. Runs that a stop of the server interrupted go on.
func (r *runner) loop(ctx context.Context) {
	ctx = access.AsSystem(ctx)
	if err := r.takeBack(ctx); err != nil && ctx.Err() == nil {
		r.s.d.Logger.Error("interrupted discovery runs cannot be taken up", "error", err)
	}
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for {
		if err := r.turn(ctx); err != nil && ctx.Err() == nil {
			r.s.d.Logger.Error("discovery jobs cannot be started", "error", err)
		}
		select {
		case <-ctx.Done():
			r.mu.Lock()
			for _, a := range r.active {
				a.stop(waiting, "")
			}
			r.mu.Unlock()
			r.wg.Wait()
			return
		case <-tick.C:
		case <-r.wake:
		}
	}
}

func (r *runner) takeBack(ctx context.Context) error {
	return r.s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		rs, err := r.s.runsBy(ctx, tx, "WHERE r.state = 'running'")
		if err != nil {
			return err
		}
		for _, run := range rs {
			if err := setRun(ctx, tx, run.ID, waiting, "Interrupted by a stop of the server."); err != nil {
				return err
			}
		}
		return nil
	})
}

func setRun(ctx context.Context, tx *db.Tx, runID, state, message string) error {
	_, err := tx.NewRaw("UPDATE discovery_runs SET state = ?, message = ? WHERE id = ?", state, message, runID).Exec(ctx)
	return err
}

// turn starts due jobs and waiting runs, and holds those whose quiet hours begin.
func (r *runner) turn(ctx context.Context) error {
	now := r.s.d.DB.Clock().Now().UTC()
	if err := r.due(ctx, now); err != nil {
		return err
	}
	r.mu.Lock()
	for _, a := range r.active {
		if until, quiet := a.run.Spec.Schedule.quietUntil(now); quiet {
			a.stop(waiting, quietSentence(a.run.Spec.Schedule, until))
		}
	}
	r.mu.Unlock()
	rs, err := r.s.runsBy(ctx, r.s.d.DB.Reader(), "WHERE r.state = 'waiting' ORDER BY r.id LIMIT 100")
	if err != nil {
		return err
	}
	for _, run := range rs {
		message := ""
		if until, quiet := run.Spec.Schedule.quietUntil(now); quiet {
			message = quietSentence(run.Spec.Schedule, until)
		} else if r.full() {
			message = fmt.Sprintf("Waits for its turn: %d runs are under way.", maxRuns)
		} else if why := r.s.away(run.Spec.From); why != "" {
			message = "Waits for the edge: " + why
		}
		if message == "" {
			if err := r.begin(ctx, run); err != nil {
				return err
			}
			continue
		}
		if message != run.Message {
			if err := r.s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
				r.s.say(tx, "jobs", run.Job)
				return setRun(ctx, tx, run.ID, waiting, message)
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

func quietSentence(s *Schedule, until time.Time) string {
	return fmt.Sprintf("Waits until %s, the end of the quiet hours.", until.In(s.zone()).Format("Mon 15:04"))
}

func (r *runner) full() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.active) >= maxRuns
}

// due makes runs of jobs whose time has come. A job whose last run is still under
// way is left out this time.
func (r *runner) due(ctx context.Context, now time.Time) error {
	var n int
	if err := r.s.d.DB.Reader().NewRaw("SELECT COUNT(*) FROM discovery_jobs WHERE next_at <= ? AND paused = ?", now, false).Scan(ctx, &n); err != nil || n == 0 {
		return err
	}
	return r.s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		var rows []jobRow
		if err := tx.NewRaw("SELECT * FROM discovery_jobs WHERE next_at <= ? AND paused = ? ORDER BY next_at LIMIT 100", now, false).Scan(ctx, &rows); err != nil {
			return err
		}
		js, err := jobsOf(rows)
		if err != nil {
			return err
		}
		for _, j := range js {
			var next *time.Time
			if t := j.Spec.Schedule.next(now); !t.IsZero() {
				next = &t
			}
			if _, err := tx.NewRaw("UPDATE discovery_jobs SET next_at = ? WHERE id = ?", next, j.ID).Exec(ctx); err != nil {
				return err
			}
			if open, err := r.s.openRun(ctx, tx, j.ID); err != nil {
				return err
			} else if open != nil {
				continue
			}
			if _, err := r.s.addRun(ctx, tx, j, "schedule"); err != nil {
				return err
			}
		}
		return nil
	})
}

// active is a run at work.
type active struct {
	r     *runner
	run   Run
	spec  JobSpec
	creds []Credential
	sw    sweeping
	begun time.Time

	cancel context.CancelFunc
	found  chan *sweep.Host

	mu sync.Mutex
	// next is the state after an early end, with the sentence for it.
	next, why string
	failure   error
	log       []LogLine
	logged    int
	claims    map[string]claim
	serials   map[string]string
	worked    map[string]string
	// first is the address at which a thing was met first in this run.
	first map[string]string
	// devices are the hardware addresses of those that were read.
	devices map[string]bool
}

// stop ends the work early; the run is then in the state.
func (a *active) stop(state, why string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.next == "" {
		a.next, a.why = state, why
		a.cancel()
	}
}

func (r *runner) begin(ctx context.Context, run Run) error {
	targets, err := run.Spec.check()
	a := &active{r: r, run: run, spec: run.Spec.filled(), begun: time.Now(), found: make(chan *sweep.Host, foundBuffer), claims: map[string]claim{}, serials: map[string]string{}, first: map[string]string{}, devices: map[string]bool{}}
	if err != nil {
		return r.end(ctx, a, failed, "The targets can no longer be read: "+err.Error())
	}
	if a.spec.has("snmp") {
		for _, name := range a.spec.Credentials {
			c, _, err := r.s.credential(ctx, r.s.d.DB.Reader(), name)
			if err != nil {
				a.note("", "snmp", false, errs.Message(err))
				continue
			}
			a.creds = append(a.creds, c)
		}
	}
	if a.worked, err = r.s.lastCredentials(ctx, run.jobID); err != nil {
		return err
	}
	message := ""
	if run.StartedAt != nil {
		run.Resumed++
		message = fmt.Sprintf("Went on after an interruption, at address %d of %d.", run.safe+1, run.Total)
		a.note("", "run", true, message)
	}
	started := false
	if err := r.s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		r.s.say(tx, "jobs", run.Job)
		res, err := tx.NewRaw("UPDATE discovery_runs SET state = 'running', message = ?, resumed = ?, total = ?, started_at = COALESCE(started_at, ?) WHERE id = ? AND state = 'waiting'", message, run.Resumed, targets.Count(), tx.Now(), run.ID).Exec(ctx)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		started = n == 1
		return err
	}); err != nil || !started { // it was paused or canceled meanwhile
		return err
	}
	a.run.State, a.run.Message, a.run.Resumed, a.run.Total = running, message, run.Resumed, targets.Count()
	plan := sweep.Plan{
		Targets: targets, From: min(run.safe, targets.Count()), Rate: float64(a.spec.Rate), Ping: a.spec.has("ping"), Tries: pingTries, Timeout: pingWait,
		Names: a.spec.has("names"), Everything: a.spec.Everything, Say: func(t string) { a.note("", "sweep", false, t) },
		Found: func(h *sweep.Host) { a.found <- h },
	}
	if a.spec.has("ports") {
		plan.Ports = a.spec.Ports
	}
	if len(a.creds) > 0 {
		plan.Visit = a.visitor().Visit
	}
	if a.spec.From == "" {
		a.sw = sweep.New(r.net, plan)
	} else {
		a.sw = newRemote(a, plan)
	}
	work, cancel := context.WithCancel(access.AsSystem(context.WithoutCancel(ctx)))
	a.cancel = cancel
	r.mu.Lock()
	r.active[run.ID] = a
	r.mu.Unlock()
	r.wg.Add(1)
	go func() {
		defer r.wg.Done()
		defer cancel()
		a.work(work)
		r.mu.Lock()
		delete(r.active, run.ID)
		r.mu.Unlock()
		r.wakeUp()
	}()
	return nil
}

// work sweeps and keeps what was found, until all is done or stop was called.
func (a *active) work(ctx context.Context) {
	keeping := make(chan struct{})
	go func() { defer close(keeping); a.keepAll(context.WithoutCancel(ctx)) }()
	err := a.sw.Run(ctx)
	close(a.found)
	<-keeping
	ctx = context.WithoutCancel(ctx)
	a.mu.Lock()
	state, why := a.next, a.why
	if a.failure != nil {
		state, why = failed, "What was found could not be stored. The log of the server says why."
		a.r.s.d.Logger.Error("findings of a discovery run could not be stored", "job", a.run.Job, "error", a.failure)
	}
	a.mu.Unlock()
	if state == "" && err == nil {
		state = finished
		if e := a.conclude(ctx); e != nil {
			state, why = failed, "The run could not be concluded. The log of the server says why."
			a.r.s.d.Logger.Error("a discovery run could not be concluded", "job", a.run.Job, "error", e)
		}
	}
	if e := a.r.end(ctx, a, state, why); e != nil {
		a.r.s.d.Logger.Error("the end of a discovery run could not be stored", "job", a.run.Job, "error", e)
	}
}

// end stores how a run ended, or that it waits.
func (r *runner) end(ctx context.Context, a *active, state, why string) error {
	if state == finished {
		why = a.run.Message
	}
	return r.s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := a.flushLog(ctx, tx); err != nil {
			return err
		}
		if err := a.saveProgress(ctx, tx); err != nil {
			return err
		}
		if err := setRun(ctx, tx, a.run.ID, state, why); err != nil {
			return err
		}
		if state == finished || state == failed || state == canceled {
			if _, err := tx.NewRaw("UPDATE discovery_runs SET ended_at = ? WHERE id = ?", tx.Now(), a.run.ID).Exec(ctx); err != nil {
				return err
			}
		}
		tx.AfterCommit(func() {
			r.s.d.Live.Send(live.Note{Topic: "discovery", Kind: "ended", ID: a.run.ID})
			r.s.d.Live.Send(live.Note{Topic: "discovery", Kind: "jobs", ID: a.run.Job})
		})
		return nil
	})
}

func (a *active) saveProgress(ctx context.Context, tx *db.Tx) error {
	if a.sw == nil {
		return nil
	}
	p := a.sw.Progress()
	_, err := tx.NewRaw("UPDATE discovery_runs SET done = ?, safe = ?, sent = ?, worked_ms = ? WHERE id = ?", p.Done, p.Safe, a.run.Sent+p.Sent, a.run.workedMS+time.Since(a.begun).Milliseconds(), a.run.ID).Exec(ctx)
	return err
}

// live lays what is known of a run at work over what was stored.
func (r *runner) live(v *Run) {
	r.mu.Lock()
	a := r.active[v.ID]
	r.mu.Unlock()
	if a == nil {
		return
	}
	p := a.sw.Progress()
	took := time.Since(a.begun)
	v.Done, v.Sent, v.Seconds = p.Done, a.run.Sent+p.Sent, float64(a.run.workedMS+took.Milliseconds())/1000
	if n := p.Done - min(a.run.safe, p.Done); n > 0 && took > 200*time.Millisecond {
		v.Rate = float64(n) / took.Seconds()
		v.ETA = int(float64(p.Total-p.Done)/v.Rate + 0.5)
	}
}
