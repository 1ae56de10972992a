package discovery

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/entity"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// JobView is a job with what it is doing.
type JobView struct {
	JobSpec
	ID        string     `json:"id"`
	State     string     `json:"state" enum:"idle,waiting,running,paused" doc:"Of the run that is open; paused also when the schedule is held."`
	Addresses int        `json:"addresses" doc:"How many the targets are."`
	NextAt    *time.Time `json:"next_at,omitempty" doc:"When it runs by itself next."`
	Run       *Run       `json:"run,omitempty" doc:"The newest run, with its progress."`
	Hosts     int        `json:"hosts" doc:"Addresses that answered in the last runs."`
	CreatedAt time.Time  `json:"created_at"`
	UpdatedAt time.Time  `json:"updated_at"`

	version int64
}

func (s *Service) jobView(ctx context.Context, q bun.IDB, j Job) (JobView, error) {
	v := JobView{JobSpec: j.Spec, ID: j.ID, State: "idle", CreatedAt: j.CreatedAt, UpdatedAt: j.UpdatedAt, version: j.Version}
	// A job of an older version of the program may hold what is refused today; it is
	// shown all the same.
	if ts, err := j.Spec.check(); err == nil {
		v.Addresses = ts.Count()
	}
	if !j.NextAt.IsZero() && !j.Paused {
		v.NextAt = &j.NextAt
	}
	if err := q.NewRaw("SELECT COUNT(*) FROM discovery_hosts WHERE job_id = ? AND missed < ?", j.ID, j.Spec.filled().VanishedAfter).Scan(ctx, &v.Hosts); err != nil {
		return v, err
	}
	rs, err := s.runsBy(ctx, q, "WHERE r.job_id = ? ORDER BY r.id DESC LIMIT 1", j.ID)
	if err != nil {
		return v, err
	}
	if len(rs) > 0 {
		v.Run = &rs[0]
		if s := rs[0].State; s == waiting || s == running || s == paused {
			v.State = s
		}
	}
	if j.Paused && v.State == "idle" {
		v.State = paused
	}
	return v, nil
}

// control runs one of the verbs on a job and gives it as it is then.
func (s *Service) control(ctx context.Context, name, verb string) (JobView, error) {
	var v JobView
	var stop func()
	err := s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		stop = nil
		j, err := s.job(ctx, tx, name)
		if err != nil {
			return err
		}
		open, err := s.openRun(ctx, tx, j.ID)
		if err != nil {
			return err
		}
		who := access.From(ctx).Actor()
		switch verb {
		case "run":
			if open != nil {
				return errs.New(errs.Conflict, "A run of %s is open already (%s). Wait for its end, resume it or cancel it.", name, open.State)
			}
			if _, err := s.addRun(ctx, tx, j, who); err != nil {
				return err
			}
		case "pause":
			if open != nil && open.State != paused {
				if stop, err = s.leave(ctx, tx, open, paused, fmt.Sprintf("Paused by %s.", who)); err != nil {
					return err
				}
			}
			if _, err := tx.NewRaw("UPDATE discovery_jobs SET paused = ? WHERE id = ?", true, j.ID).Exec(ctx); err != nil {
				return err
			}
			j.Paused = true
		case "resume":
			if open != nil && open.State == paused {
				if err := setRun(ctx, tx, open.ID, waiting, ""); err != nil {
					return err
				}
			}
			var next *time.Time
			if t := j.Spec.Schedule.next(tx.Now()); !t.IsZero() {
				next, j.NextAt = &t, t
			}
			if _, err := tx.NewRaw("UPDATE discovery_jobs SET paused = ?, next_at = ? WHERE id = ?", false, next, j.ID).Exec(ctx); err != nil {
				return err
			}
			j.Paused = false
			tx.AfterCommit(s.runs.wakeUp)
		case "cancel":
			if open == nil {
				return errs.New(errs.Conflict, "No run of %s is open.", name)
			}
			if stop, err = s.leave(ctx, tx, open, canceled, fmt.Sprintf("Canceled by %s.", who)); err != nil {
				return err
			}
		}
		s.say(tx, "jobs", name)
		if err := audit.Write(ctx, tx, audit.Change{Action: "discovery_job." + verb, Ref: entity.Ref{Kind: "discovery_job", ID: j.ID}, Name: name}); err != nil {
			return err
		}
		v, err = s.jobView(ctx, tx, j)
		return err
	})
	if err == nil && stop != nil {
		stop()
	}
	return v, err
}

// leave ends a run early. One at work is told to stop after the transaction, and
// stores its state itself.
func (s *Service) leave(ctx context.Context, tx *db.Tx, r *Run, state, why string) (func(), error) {
	s.runs.mu.Lock()
	a := s.runs.active[r.ID]
	s.runs.mu.Unlock()
	if a != nil {
		return func() { a.stop(state, why) }, nil
	}
	if err := setRun(ctx, tx, r.ID, state, why); err != nil {
		return nil, err
	}
	if state == canceled {
		_, err := tx.NewRaw("UPDATE discovery_runs SET ended_at = ? WHERE id = ?", tx.Now(), r.ID).Exec(ctx)
		return nil, err
	}
	return nil, nil
}
