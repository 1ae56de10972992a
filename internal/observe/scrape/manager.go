package scrape

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/prometheus/model/relabel"

	"github.com/mainstay-ops/mainstay/internal/core/netguard"
)

// job is a job at work.
type job struct {
	s           *Service
	spec        Spec
	client      *http.Client
	rules       []*relabel.Config
	metricRules []*relabel.Config
	said        map[string][]group
	// ending tells that targets end because they are gone, and not because the server
	// stops: a server that comes back goes on with the same series.
	ending atomic.Bool

	mu      sync.Mutex
	targets map[string]*running
	problem string

	cancel context.CancelFunc
	done   chan struct{}
}

type running struct {
	t      *target
	cancel context.CancelFunc
	done   chan struct{}
}

func (s *Service) newJob(spec Spec) (*job, error) {
	j := &job{s: s, spec: spec, said: map[string][]group{}, targets: map[string]*running{}, done: make(chan struct{})}
	var err error
	if j.rules, err = configs(spec.Relabel); err != nil {
		return nil, err
	}
	if j.metricRules, err = configs(spec.MetricRelabel); err != nil {
		return nil, err
	}
	j.client, err = newClient(&spec, netguard.Guard{AllowMetadata: s.d.Config.Outbound.AllowMetadata})
	return j, err
}

func (j *job) start(ctx context.Context) {
	ctx, j.cancel = context.WithCancel(ctx)
	go func() {
		defer close(j.done)
		defer j.client.CloseIdleConnections()
		tick := time.NewTicker(refreshEvery)
		defer tick.Stop()
		for {
			j.refresh(ctx)
			select {
			case <-ctx.Done():
				j.keep(ctx, nil)
				return
			case <-tick.C:
			}
		}
	}()
}

// stop ends the job; gone tells that its series have ended with it.
func (j *job) stop(gone bool) {
	j.ending.Store(gone)
	j.cancel()
	<-j.done
}

// refresh looks for targets and starts and ends their loops.
func (j *job) refresh(ctx context.Context) {
	groups, err := j.discover(ctx)
	if ctx.Err() != nil {
		return
	}
	fs, bad := j.spec.targets(groups, j.rules)
	problem := ""
	if err = cmp.Or(err, bad); err != nil {
		problem = err.Error()
	}
	j.mu.Lock()
	j.problem = problem
	j.mu.Unlock()
	j.keep(ctx, fs)
}

// keep runs exactly these targets.
func (j *job) keep(ctx context.Context, fs []found) {
	want := map[string]found{}
	for _, f := range fs {
		want[f.key()] = f
	}
	j.mu.Lock()
	var over []*running
	for k, r := range j.targets {
		if _, stays := want[k]; !stays {
			over = append(over, r)
			delete(j.targets, k)
		}
	}
	stopping := ctx.Err() != nil
	for k, f := range want {
		if j.targets[k] == nil && !stopping {
			j.targets[k] = j.run(ctx, f)
		}
	}
	j.mu.Unlock()
	if !stopping {
		j.ending.Store(true)
		defer j.ending.Store(false)
	}
	for _, r := range over {
		r.cancel()
	}
	for _, r := range over {
		<-r.done
	}
}

func (j *job) run(ctx context.Context, f found) *running {
	ctx, cancel := context.WithCancel(ctx)
	r := &running{t: &target{found: f, job: j, known: map[string]*known{}, state: State{URL: f.url, Labels: f.labels.String()}}, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		defer cancel()
		r.t.run(ctx)
	}()
	return r
}

// states gives the targets by address, and what went wrong in looking for them.
func (j *job) states() ([]State, string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := make([]State, 0, len(j.targets))
	for _, r := range slices.Collect(maps.Values(j.targets)) {
		r.t.mu.Lock()
		out = append(out, r.t.state)
		r.t.mu.Unlock()
	}
	slices.SortFunc(out, func(a, b State) int { return cmp.Or(cmp.Compare(a.URL, b.URL), cmp.Compare(a.Labels, b.Labels)) })
	return out, j.problem
}

// sync runs the jobs that are in the database.
func (s *Service) sync(ctx context.Context) error {
	s.syncing.Lock()
	defer s.syncing.Unlock()
	rows, err := s.all(ctx, s.d.DB.Reader())
	if err != nil {
		return err
	}
	want := map[string]row{}
	for _, r := range rows {
		want[r.ID] = r
	}
	s.mu.Lock()
	var over []*active
	for id, a := range s.jobs {
		if r, stays := want[id]; !stays || r.Version != a.version || s.run == nil {
			over = append(over, a)
			delete(s.jobs, id)
		}
	}
	s.mu.Unlock()
	for _, a := range over {
		a.j.stop(true)
	}
	if s.run == nil || s.run.Err() != nil {
		return nil
	}
	for id, r := range want {
		s.mu.Lock()
		_, runs := s.jobs[id]
		s.mu.Unlock()
		if runs {
			continue
		}
		spec, err := r.open(s.d.Secrets)
		if err == nil && spec.Paused {
			continue
		}
		var j *job
		if err == nil {
			j, err = s.newJob(spec)
		}
		if err != nil {
			s.d.Logger.Error("a scrape job cannot run", "job", r.Name, "error", err)
			continue
		}
		j.start(s.run)
		s.mu.Lock()
		s.jobs[id] = &active{j, r.Version}
		s.mu.Unlock()
	}
	return nil
}
