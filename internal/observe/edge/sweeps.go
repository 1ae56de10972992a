package edge

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
)

const (
	// tellAgain is how often an edge is told of a sweep until it begins, and
	// sweepSilence how long it may say nothing of one.
	tellAgain    = 5 * time.Second
	sweepSilence = 30 * time.Second
)

// order is a sweep that an edge was asked for.
type order struct {
	edgeID  string
	reports chan *edgewire.Swept
	done    chan struct{}
	// mu keeps reports in order; last is the number of the newest.
	mu   sync.Mutex
	last int64
}

// orders are those under way.
type orders struct {
	mu   sync.Mutex
	byID map[string]*order
}

func (o *orders) get(id, edgeID string) *order {
	o.mu.Lock()
	defer o.mu.Unlock()
	if x := o.byID[id]; x != nil && x.edgeID == edgeID {
		return x
	}
	return nil
}

// Outposts implements estate.Outposts.
func (s *Service) Outposts() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.ids))
}

// Away implements estate.Outposts.
func (s *Service) Away(name string) string {
	s.mu.Lock()
	id := s.ids[name]
	s.mu.Unlock()
	if id == "" {
		return "does not exist"
	}
	e, err := s.known(access.AsSystem(s.ctx), id)
	if err != nil {
		return "was revoked"
	}
	x := s.session(id)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.heard.IsZero() || s.now().Sub(x.heard) > lateAfter {
		return s.place(e, s.now(), x.heard, x.behind).Why
	}
	return ""
}

// Sweep implements estate.Outposts.
func (s *Service) Sweep(ctx context.Context, name string, o edgewire.Sweep, took func(*edgewire.Swept)) error {
	s.mu.Lock()
	edgeID := s.ids[name]
	s.mu.Unlock()
	if edgeID == "" {
		return errs.New(errs.Unavailable, "There is no edge %s.", name)
	}
	body, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if len(body) > edgewire.MaxMessage-(1<<20) {
		return errs.New(errs.TooLarge, "The job is too large for an edge: it has more than %d MiB of targets.", edgewire.MaxMessage>>20)
	}
	x := &order{edgeID: edgeID, reports: make(chan *edgewire.Swept), done: make(chan struct{})}
	s.orders.mu.Lock()
	s.orders.byID[o.ID] = x
	s.orders.mu.Unlock()
	defer func() {
		s.orders.mu.Lock()
		delete(s.orders.byID, o.ID)
		s.orders.mu.Unlock()
		close(x.done)
	}()
	silent := time.NewTimer(sweepSilence)
	defer silent.Stop()
	again := time.NewTicker(tellAgain)
	defer again.Stop()
	told := edgewire.Subject(edgeID, edgewire.ToldSweep)
	s.hub.publish(told, body)
	begun := false
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.ctx.Done():
			return errs.New(errs.Unavailable, "The server stops.")
		case <-again.C:
			if !begun {
				s.hub.publish(told, body)
			}
		case <-silent.C:
			return errs.New(errs.Unavailable, "Edge %s says nothing of what it looks for since %s.", name, sweepSilence)
		case r := <-x.reports:
			begun = true
			took(r)
			silent.Reset(sweepSilence) // taking may have been slow
			if r.Error != "" {
				return errs.New(errs.Invalid, "Edge %s cannot look for this: %s", name, r.Error)
			}
			if r.End {
				return nil
			}
		}
	}
}

// swept takes a report. It is answered when whoever wants it has it.
func (s *Service) swept(ctx context.Context, e *edgeRow, m *nats.Msg) (any, error) {
	r, err := readSwept(m.Data)
	if err != nil {
		return nil, err
	}
	unwanted := errs.New(errs.NotFound, "This sweep is not wanted any more.")
	x := s.orders.get(r.ID, e.ID)
	if x == nil {
		return nil, unwanted
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if r.Seq <= x.last {
		return struct{}{}, nil
	}
	select {
	case x.reports <- r:
		x.last = r.Seq
		return struct{}{}, nil
	case <-x.done:
		return nil, unwanted
	case <-ctx.Done():
		return nil, errs.New(errs.Unavailable, "The server is not ready for more.")
	}
}

// readSwept unpacks and bounds a report.
func readSwept(data []byte) (*edgewire.Swept, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, errs.New(errs.Invalid, "The report is not gzip.")
	}
	raw, err := io.ReadAll(io.LimitReader(z, edgewire.MaxBatch+1))
	if err != nil || len(raw) > edgewire.MaxBatch {
		return nil, errs.New(errs.Invalid, "The report is damaged, or larger than %d MiB when unpacked.", edgewire.MaxBatch>>20)
	}
	var r edgewire.Swept
	if err := json.Unmarshal(raw, &r); err != nil {
		return nil, errs.New(errs.Invalid, "The report is not what an edge sends.")
	}
	for i := range r.Hosts {
		h := &r.Hosts[i].Host
		if !h.Address.IsValid() || h.Index < 0 {
			return nil, errs.New(errs.Invalid, "The report has a host without an address.")
		}
	}
	for i := range r.Notes {
		n := &r.Notes[i]
		n.Address, n.Method, n.Text = clip(n.Address, 100), clip(n.Method, 20), clip(n.Text, 2000)
	}
	r.Error = clip(r.Error, 1000)
	return &r, nil
}
