package agent

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/agentwire"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

const (
	lookEvery = 5 * time.Second
	// behindAfter is how old a batch is when it is sent that tells that the agent
	// delivers what it kept.
	behindAfter = 30 * time.Second
)

// AgentsChanged implements observe.AgentPlaces: what agents run may have changed. They
// hear it with the answer to their next batch.
func (s *Service) AgentsChanged() { s.generation.Add(1) }

// RunOnAgent implements observe.AgentPlaces.
func (s *Service) RunOnAgent(place, checkID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.runs[place]; len(l) < agentwire.MaxChecks && !slices.Contains(l, checkID) {
		s.runs[place] = append(l, checkID)
	}
}

// runsOf takes what a place is to run soon.
func (s *Service) runsOf(place string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.runs[place]
	delete(s.runs, place)
	return l
}

// asPlace is r as checks see it.
func (s *Service) asPlace(r *agentRow, now time.Time, behind bool) observe.Place {
	p := observe.Place{Name: observe.AgentPlace(r.Name)}
	switch {
	case r.RevokedAt != nil:
		p.Why = "was revoked"
	case r.LastSeenAt == nil:
		p.Why = "was not heard of yet"
	case now.Sub(*r.LastSeenAt) > lateAfter && now.Sub(s.started) < lateAfter:
		p.Present = true // this process has just begun to listen
	case now.Sub(*r.LastSeenAt) > lateAfter:
		p.Why = "is silent"
	case behind:
		p.Why = "delivers what it kept while it was cut off"
	default:
		p.Present = true
	}
	return p
}

// refreshPlaces tells checks how the agents are.
func (s *Service) refreshPlaces(ctx context.Context) error {
	if s.checks == nil {
		return nil
	}
	s.pushing.Lock()
	defer s.pushing.Unlock()
	var rows []agentRow
	if err := s.d.DB.Reader().NewSelect().Model(&rows).Column("id", "name", "last_seen_at", "revoked_at").Scan(access.AsSystem(ctx)); err != nil {
		return err
	}
	now := s.now()
	next, list := map[string]observe.Place{}, make([]observe.Place, 0, len(rows))
	for i := range rows {
		s.mu.Lock()
		x := s.live[rows[i].ID]
		s.mu.Unlock()
		p := s.asPlace(&rows[i], now, x != nil && x.behind.Load())
		next[p.Name] = p
		list = append(list, p)
	}
	if s.toldPlaces != nil && maps.Equal(s.toldPlaces, next) {
		return nil
	}
	s.toldPlaces = next
	s.checks.SetAgents(list)
	return nil
}

// watch looks for silence.
func (s *Service) watch(ctx context.Context) {
	defer s.wg.Done()
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if err := s.refreshPlaces(ctx); err != nil && ctx.Err() == nil {
			s.d.Logger.Warn("the states of agents cannot be read", "error", err)
		}
	}
}

// placed hands on what checks of the configuration found. Results that come again change
// nothing.
func (s *Service) placed(ctx context.Context, x *session, a *agentRow, b *agentwire.Batch) error {
	late := !b.SentAt.IsZero() && b.SentAt.Sub(b.At) > behindAfter
	if x.behind.Swap(late) != late || a.LastSeenAt == nil {
		if err := s.refreshPlaces(ctx); err != nil {
			return err
		}
	}
	if len(b.Results) == 0 || s.checks == nil {
		return nil
	}
	out := make([]observe.PlacedResult, 0, len(b.Results))
	for _, r := range b.Results {
		p := observe.PlacedResult{CheckID: r.Check, Result: observe.Result{
			Status: observe.Status(r.Status), Output: clean(r.Output, agentwire.MaxOutput), Detail: clean(r.Detail, agentwire.MaxDetail), Start: r.Start, Duration: time.Duration(r.DurationNS),
		}}
		for _, m := range r.Measures[:min(len(r.Measures), agentwire.MaxMeasures)] {
			p.Measures = append(p.Measures, observe.Measure{Name: m.Name, Labels: m.Labels, Value: m.Value})
		}
		out = append(out, p)
	}
	return s.checks.TakeResults(ctx, observe.AgentPlace(a.Name), out)
}

// reported is what the agent said of itself last.
func reported(text string) agentwire.State {
	var st agentwire.State
	_ = json.Unmarshal([]byte(text), &st)
	return st
}
