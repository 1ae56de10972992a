package discovery

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/strict"
	"github.com/mainstay-ops/mainstay/internal/core/sweep"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

// sweeping is a sweep, of this server or of an edge.
type sweeping interface {
	Run(ctx context.Context) error
	Progress() sweep.Progress
	Done(h *sweep.Host)
	MACs(a netip.Addr) []string
}

// checkFrom refuses an edge that does not exist.
func (s *Service) checkFrom(place string) []errs.Field {
	if place == "" {
		return nil
	}
	var known []string
	if s.sites != nil {
		known = s.sites.Outposts()
	}
	switch {
	case len(known) == 0:
		return []errs.Field{{Path: "from", Value: place, Message: "needs an edge, and there is none yet; add one under Observe, Edges"}}
	case !slices.Contains(known, place):
		return []errs.Field{{Path: "from", Value: place, Message: "is not the name of an edge" + strict.DidYouMean(place, known)}}
	}
	return nil
}

// away says why an edge cannot look now; empty when it can, and for the server.
func (s *Service) away(place string) string {
	if place == "" {
		return ""
	}
	if s.sites == nil || !slices.Contains(s.sites.Outposts(), place) {
		return fmt.Sprintf("there is no edge %s.", place)
	}
	if why := s.sites.Away(place); why != "" {
		return fmt.Sprintf("%s %s.", place, why)
	}
	return ""
}

// remote is a sweep that an edge does. What it reports is kept here; when the edge
// falls silent the run waits, and goes on after the last address that is kept.
type remote struct {
	a     *active
	sites estate.Outposts
	order edgewire.Sweep

	mu   sync.Mutex
	last sweep.Progress
	// newest is how many hosts the last report had; they are not in its progress.
	newest int
	// open are the indexes of hosts that were reported and are not kept yet.
	open map[int]bool
	macs map[netip.Addr][]string
}

func newRemote(a *active, p sweep.Plan) *remote {
	o := edgewire.Sweep{
		ID: fmt.Sprintf("%s-%d", a.run.ID, a.run.Resumed), Targets: a.spec.Targets, Exclude: a.spec.Exclude, From: p.From, Rate: p.Rate, Ping: p.Ping, Tries: p.Tries, Timeout: p.Timeout,
		Ports: p.Ports, Everything: p.Everything, Names: p.Names, Worked: a.worked, Credentials: a.visitor().Credentials,
	}
	return &remote{a: a, sites: a.r.s.sites, order: o, open: map[int]bool{}, macs: map[netip.Addr][]string{}, last: sweep.Progress{Total: p.Targets.Count(), Done: p.From, Safe: p.From}}
}

// Run implements sweeping.
func (r *remote) Run(ctx context.Context) error {
	err := r.sites.Sweep(ctx, r.a.spec.From, r.order, func(s *edgewire.Swept) {
		for _, n := range s.Notes {
			r.a.note(n.Address, n.Method, n.OK, n.Text)
		}
		r.mu.Lock()
		r.last, r.newest = s.Progress, len(s.Hosts)
		for i := range s.Hosts {
			r.open[s.Hosts[i].Host.Index] = true
			if m := s.Hosts[i].MACs; len(m) > 1 {
				r.macs[s.Hosts[i].Host.Address] = m
			}
		}
		r.mu.Unlock()
		for i := range s.Hosts {
			h := s.Hosts[i].Host
			if rd := s.Hosts[i].Reading; rd != nil && rd.Device != nil {
				h.Extra = rd
			}
			r.a.found <- &h
		}
	})
	if err != nil && ctx.Err() == nil {
		why := errs.Message(err)
		r.a.note("", "run", false, why)
		if errs.Is(err, errs.Unavailable) {
			r.a.stop(waiting, why)
		} else {
			r.a.stop(failed, why)
		}
	}
	return err
}

// Progress implements sweeping.
func (r *remote) Progress() sweep.Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.last
	p.Done = min(p.Total, p.Done+r.newest-len(r.open))
	for i := range r.open {
		p.Safe = min(p.Safe, i)
	}
	return p
}

// MACs implements sweeping.
func (r *remote) MACs(a netip.Addr) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.macs[a]
}

// Done implements sweeping.
func (r *remote) Done(h *sweep.Host) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, h.Index)
}
