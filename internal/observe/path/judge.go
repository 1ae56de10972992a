package path

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/netpath"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// heldCheck is what is known of a check of the type path between two judgments.
type heldCheck struct {
	states map[string]observe.Status
	status observe.Status
	output string
	judged time.Time
	sent   time.Time
	path   string
	state  string
	began  time.Time
}

const (
	judgeEvery = 5 * time.Second
	// resendAfter keeps a check fresh whose state does not change.
	resendAfter = time.Minute
)

// judge gives the figures of paths to the checks that judge them.
func (s *Service) judge(ctx context.Context, now time.Time) {
	seen := map[string]bool{}
	for _, c := range s.checks.WaitingChecks() {
		cfg, ok := c.Config.(observe.PathJudge)
		if !ok {
			continue
		}
		seen[c.ID] = true
		s.mu.Lock()
		h := s.held[c.ID]
		if h == nil {
			h = &heldCheck{states: map[string]observe.Status{}, began: now}
			s.held[c.ID] = h
		}
		s.mu.Unlock()
		if now.Sub(h.judged) < judgeEvery {
			continue
		}
		f, sure := s.figuresFor(cfg, now)
		if !sure && now.Sub(h.began) < min(cfg.Window(), time.Minute) {
			continue // it has just begun
		}
		status, output := cfg.JudgePath(f, now, h.states)
		s.mu.Lock()
		h.judged, h.path, h.state = now, cfg.PathName(), status.String()
		send := status != h.status || h.sent.IsZero() || now.Sub(h.sent) >= resendAfter
		s.mu.Unlock()
		if !send {
			continue
		}
		h.status, h.output, h.sent = status, output, now
		if err := s.results.SendResult(ctx, c.Name, observe.Result{Status: status, Output: output, Start: now}); err != nil && !errs.Is(err, errs.NotFound) && ctx.Err() == nil {
			s.d.Logger.Warn("the state of a network path could not be told", "check", c.Name, "error", err)
			h.sent = time.Time{}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.held {
		if !seen[id] {
			delete(s.held, id)
		}
	}
}

// figuresFor sums up what a check judges; sure is false while there is too little.
func (s *Service) figuresFor(cfg observe.PathJudge, now time.Time) (f observe.PathFigures, sure bool) {
	k, r := s.byName(cfg.PathName())
	if k == nil {
		f.Problem = fmt.Sprintf("There is no network path named %q.", cfg.PathName())
		return f, true
	}
	if k.spec.Off {
		f.Problem = "The path is switched off."
		return f, true
	}
	st := r.figures(now.Add(-cfg.Window()))
	f.Rounds, f.Loss, f.Mean, f.Jitter, f.MOS = st.Sent, st.Loss(), st.Mean(), st.Jitter(), st.MOS()
	if _, p := s.state(k); p != "" && st.Sent == 0 {
		f.Problem = p
	}
	r.mu.Lock()
	f.ChangedAt, f.Changed = r.last.At, changeText(r.last)
	r.mu.Unlock()
	return f, st.Sent >= 5 || f.Problem != ""
}

func (s *Service) byName(name string) (*kept, *recorder) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, k := range s.rows {
		if k.Name == name {
			return k, s.rec[id]
		}
	}
	return nil, nil
}

// changeText says a change of the route in words.
func changeText(c netpath.RouteChange) string {
	var parts []string
	for _, h := range c.Hops {
		if len(parts) == 3 {
			parts = append(parts, fmt.Sprintf("and %d more hops", len(c.Hops)-3))
			break
		}
		switch {
		case len(h.To) == 0:
			parts = append(parts, fmt.Sprintf("hop %d (%s) is gone", h.TTL, h.From[0]))
		case len(h.From) == 0:
			parts = append(parts, fmt.Sprintf("hop %d (%s) is new", h.TTL, h.To[0]))
		default:
			parts = append(parts, fmt.Sprintf("hop %d was %s and is %s", h.TTL, h.From[0], h.To[0]))
		}
	}
	return strings.Join(parts, ", ")
}
