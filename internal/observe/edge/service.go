package edge

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/module"
	"github.com/mainstay-ops/mainstay/internal/estate"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Service is the use cases around edges.
type Service struct {
	d   module.Deps
	hub *hub

	items   estate.Items
	sites   estate.Discoverer
	makes   observe.CheckMaker
	results observe.ResultTaker
	checks  observe.PlacedChecks
	devices observe.PlacedDevices
	paths   observe.PlacedPaths
	flows   observe.PlacedFlows
	traps   observe.PlacedTraps
	trust   observe.Enrolment
	orders  orders
	remotes remotes

	// generation grows when what edges run may have changed.
	generation atomic.Int64
	changes    chan struct{}
	ctx        context.Context
	cancel     context.CancelFunc
	wg         sync.WaitGroup
	// started is when edges could begin to say hello to this process.
	started time.Time

	mu sync.Mutex
	// live holds what is remembered of each edge that sends.
	live map[string]*session
	// ids are those of edges by name.
	ids map[string]string
	// told are the places as checks know them; pushing keeps them in order.
	pushing sync.Mutex
	told    map[string]observe.Place
}

// session is what the server remembers of an edge while it sends; all of it can be
// made again from the edge and the tables.
type session struct {
	// busy is held while a batch of the edge is taken: batches follow each other.
	busy sync.Mutex

	mu     sync.Mutex
	hello  edgewire.Hello
	heard  time.Time
	behind bool
	// config is what the edge is to run, made at a generation.
	config     []byte
	revision   string
	generation int64
}

func (x *session) said() (h edgewire.Hello, behind bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.hello, x.behind
}

func (s *Service) now() time.Time { return s.d.DB.Clock().Now().UTC() }

func (s *Service) session(edgeID string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.live[edgeID]
	if x == nil {
		x = &session{generation: -1}
		s.live[edgeID] = x
	}
	return x
}

func (s *Service) forget(edgeID string) {
	s.mu.Lock()
	delete(s.live, edgeID)
	s.mu.Unlock()
}

// tell sends a result of the edge's own check.
func (s *Service) tell(ctx context.Context, r *edgeRow, st observe.Status, output string) {
	err := s.results.SendResult(ctx, r.CheckName, observe.Result{Status: st, Start: s.now(), Output: output})
	if err != nil && !errs.Is(err, errs.NotFound) {
		s.d.Logger.Warn("a sign of life could not be told", "edge", r.Name, "error", err)
	}
}

// ChecksChanged implements observe.Places.
func (s *Service) ChecksChanged() {
	s.generation.Add(1)
	select {
	case s.changes <- struct{}{}:
	default:
	}
}
