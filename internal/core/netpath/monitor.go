package netpath

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

// Job is a path to measure all the time. The address of Target is found by its host.
type Job struct {
	ID, Host string
	// Family is 4 or 6; empty is 4 if there is one.
	Family string
	Target Target
}

// Monitor measures the paths of a place: it finds the addresses of hosts and runs the
// engine over the sockets of the machine.
type Monitor struct {
	// Lookup finds the addresses of a host; network is ip, ip4 or ip6.
	Lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)
	// Allow refuses addresses that must not be asked; nil allows all.
	Allow func(netip.Addr) error
	// Found takes the rounds; see Sink.
	Found  Sink
	Logger *slog.Logger

	mu   sync.Mutex
	jobs map[string]*watched
	kick chan struct{}
	wire *Sockets
	eng  *Engine
	// shut says why the sockets cannot be opened.
	shut error
}

type watched struct {
	job     Job
	addr    netip.Addr
	problem string
	next    time.Time // of the next look-up
}

const (
	lookAgain  = time.Minute
	lookFailed = 10 * time.Second
	lookWithin = 5 * time.Second
	tickEvery  = 2 * time.Second
)

// Set makes jobs what is measured. Those that did not change go on.
func (m *Monitor) Set(jobs []Job) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.jobs == nil {
		m.jobs, m.kick = map[string]*watched{}, make(chan struct{}, 1)
	}
	want := map[string]bool{}
	for _, j := range jobs {
		j.Target.normal()
		j.Target.Addr = netip.Addr{}
		want[j.ID] = true
		old := m.jobs[j.ID]
		if old != nil && old.job == j {
			continue
		}
		w := &watched{job: j}
		if old != nil && old.job.Host == j.Host && old.job.Family == j.Family {
			w.addr = old.addr
		}
		m.jobs[j.ID] = w
	}
	for id := range m.jobs {
		if !want[id] {
			delete(m.jobs, id)
			if m.eng != nil {
				m.eng.Remove(id)
			}
		}
	}
	select {
	case m.kick <- struct{}{}:
	default:
	}
}

// State tells the address of a job and, if it cannot be measured, why.
func (m *Monitor) State(id string) (addr netip.Addr, problem string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.jobs[id]
	if w == nil {
		return netip.Addr{}, ""
	}
	return w.addr, w.problem
}

// States is State of all jobs that have a problem.
func (m *Monitor) States() map[string]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string]string{}
	for id, w := range m.jobs {
		if w.problem != "" {
			out[id] = w.problem
		}
	}
	return out
}

// Unsent is how many probes this machine could not send.
func (m *Monitor) Unsent() int64 {
	m.mu.Lock()
	e := m.eng
	m.mu.Unlock()
	if e == nil {
		return 0
	}
	return e.Unsent()
}

// Run measures until ctx ends. Sockets are opened when there is a first job.
func (m *Monitor) Run(ctx context.Context) {
	m.Set(m.list())
	var wg sync.WaitGroup
	t := time.NewTicker(tickEvery)
	defer t.Stop()
	var tried time.Time
	for ctx.Err() == nil {
		m.mu.Lock()
		due := m.due(time.Now())
		open := m.eng == nil && len(m.jobs) > 0 && time.Since(tried) > 30*time.Second
		m.mu.Unlock()
		if open {
			tried = time.Now()
			if m.open() {
				wg.Go(func() { m.eng.Run(ctx) })
			}
		}
		for _, j := range due {
			m.resolve(ctx, j)
		}
		select {
		case <-ctx.Done():
		case <-t.C:
		case <-m.kick:
		}
	}
	wg.Wait()
	m.mu.Lock()
	w := m.wire
	m.mu.Unlock()
	if w != nil {
		w.Close()
	}
}

func (m *Monitor) list() []Job {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]Job, 0, len(m.jobs))
	for _, w := range m.jobs {
		out = append(out, w.job)
	}
	return out
}

func (m *Monitor) open() bool {
	var e *Engine
	ready := make(chan struct{})
	w, err := Open(func(a Answer) { <-ready; e.Hear(a) })
	if err == nil {
		e = New(w, m.Found)
		close(ready)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shut = err
	if err != nil {
		m.Logger.Error("network paths cannot be measured: no sockets can be opened", "error", err)
		for _, x := range m.jobs {
			x.problem = "No sockets can be opened: " + err.Error()
		}
		return false
	}
	if !w.Raw() {
		m.Logger.Warn("network paths are measured by UDP only: CAP_NET_RAW is missing")
	}
	m.wire, m.eng = w, e
	for _, x := range m.jobs {
		x.next = time.Time{}
	}
	return true
}

// due are the jobs whose address is to be looked up, at most some at a time.
func (m *Monitor) due(now time.Time) []Job {
	var out []Job
	for _, w := range m.jobs {
		if !now.Before(w.next) {
			w.next = now.Add(lookAgain)
			out = append(out, w.job)
		}
	}
	return out
}

// resolve finds the address of a job and begins it. An address that is still one of
// the host stays, since each change of it is another path.
func (m *Monitor) resolve(ctx context.Context, j Job) {
	addrs, err := m.look(ctx, j)
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.jobs[j.ID]
	if w == nil || w.job != j || ctx.Err() != nil {
		return
	}
	if err != nil {
		w.next = time.Now().Add(lookFailed)
		if !w.addr.IsValid() {
			w.problem = errs.Message(err)
			return
		}
	} else if !slices.Contains(addrs, w.addr) {
		w.addr = pick(addrs, j.Family)
	}
	if m.eng == nil {
		return
	}
	if err := m.wire.Can(j.Target.Proto); err != nil {
		w.problem = err.Error()
		return
	}
	if m.Allow != nil {
		if err := m.Allow(w.addr); err != nil {
			w.problem = err.Error()
			m.eng.Remove(j.ID)
			return
		}
	}
	w.problem = ""
	t := j.Target
	t.Addr = w.addr
	m.eng.Put(j.ID, t)
}

func (m *Monitor) look(ctx context.Context, j Job) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(j.Host); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	as, err := m.Lookup(ctx, "ip"+j.Family, j.Host)
	if err != nil || len(as) == 0 {
		return nil, errs.Wrap(errs.Invalid, err, "The address of %s cannot be found.", j.Host)
	}
	for i := range as {
		as[i] = as[i].Unmap()
	}
	return as, nil
}

func pick(as []netip.Addr, family string) netip.Addr {
	for _, a := range as {
		if family != "6" && a.Is4() {
			return a
		}
	}
	return as[0]
}
