package agent

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Service is the use cases around agents.
type Service struct {
	d        module.Deps
	ca       authorities
	end      *endpoint
	throttle throttle

	items     estate.Items
	places    estate.Discoverer
	network   estate.Network
	proposals estate.Proposals
	metrics   observe.Appender
	makes     observe.CheckMaker
	results   observe.ResultTaker
	checks    observe.PlacedChecks
	intake    signal.Intake
	logs      observe.Logs
	programs  *programs

	downloads chan struct{}

	// rules are those for logs; generation grows when what agents do may have changed.
	rules      atomic.Pointer[[]LogRule]
	generation atomic.Int64
	started    time.Time
	stop       context.CancelFunc
	wg         sync.WaitGroup
	// toldPlaces are the agents as checks know them; pushing keeps them in order.
	pushing    sync.Mutex
	toldPlaces map[string]observe.Place

	mu sync.Mutex
	// live holds what is remembered of each agent that sends.
	live map[string]*session
	// runs are checks that agents are to run soon, by place.
	runs map[string][]string
}

// session is what the server remembers of an agent while it sends; all of it can be
// made again from the tables.
type session struct {
	// busy is held while a batch of the agent is taken: batches follow each other.
	busy   sync.Mutex
	series map[string]observe.SeriesID
	// told is the name of the item in the labels of series.
	told string
	// pieces is the batch of lines that was stored last, stored how many of its pieces;
	// unsure says that a process before this one may have stored some.
	pieces string
	stored int
	unsure bool
	// config is what the agent is to do, made at generation for who.
	config     *agentwire.Config
	generation int64
	who        string
	// behind says that it delivers what it kept.
	behind atomic.Bool

	mu sync.Mutex
	// sent are the times of the batches of the last minute.
	sent []time.Time
}

func (s *Service) now() time.Time { return s.d.DB.Clock().Now().UTC() }

func (s *Service) session(agentID string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.live[agentID]
	if x == nil {
		x = &session{series: map[string]observe.SeriesID{}, unsure: true}
		s.live[agentID] = x
	}
	return x
}

// forget releases what is remembered of an agent that is gone.
func (s *Service) forget(agentID string) {
	s.mu.Lock()
	delete(s.live, agentID)
	s.mu.Unlock()
	s.metrics.Forget(source(agentID))
}

func source(agentID string) string { return "agent/" + agentID }

// throttle makes an address wait whose enrolments were refused too often.
type throttle struct {
	mu sync.Mutex
	m  map[string][]time.Time
}

const (
	maxRefusals     = 10
	refusalWindow   = 15 * time.Minute
	maxRememberedIP = 10_000
)

// wait tells how long the address must wait; 0 is not at all.
func (t *throttle) wait(address string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.recent(address, now)
	if len(f) < maxRefusals {
		return 0
	}
	return f[len(f)-maxRefusals].Add(refusalWindow).Sub(now)
}

func (t *throttle) refused(address string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.m == nil || len(t.m) > maxRememberedIP {
		t.m = map[string][]time.Time{}
	}
	f := append(t.recent(address, now), now)
	t.m[address] = f[max(0, len(f)-maxRefusals):]
}

func (t *throttle) recent(address string, now time.Time) []time.Time {
	f := t.m[address]
	for len(f) > 0 && now.Sub(f[0]) > refusalWindow {
		f = f[1:]
	}
	if len(f) == 0 {
		delete(t.m, address)
	}
	return f
}
