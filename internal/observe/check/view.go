package check

import (
	"time"

	"github.com/mainstay-ops/mainstay/internal/observe"
	"github.com/mainstay-ops/mainstay/internal/observe/check/state"
)

// View is a check as lists show it.
type View struct {
	Name string `json:"name"`
	Item string `json:"item"`
	Type string `json:"type"`
	// Target is what is probed, without secrets.
	Target     string      `json:"target,omitempty"`
	State      string      `json:"state" enum:"ok,warning,critical,unknown,pending,unreachable"`
	Hard       bool        `json:"hard" doc:"True when as many attempts as configured agree."`
	Since      *time.Time  `json:"since,omitempty" doc:"When the present state began."`
	LastResult *lastResult `json:"last_result,omitempty"`
	Attempt    int         `json:"attempt"`
	Attempts   int         `json:"attempts"`
	Flapping   bool        `json:"flapping"`
	InDowntime bool        `json:"in_downtime"`
	// Withheld says why people are not told, if they are not.
	Withheld  []string         `json:"withheld,omitempty"`
	ProblemID string           `json:"problem_id,omitempty"`
	Every     observe.Duration `json:"every"`
	Enabled   bool             `json:"enabled"`
	From      string           `json:"from,omitempty" doc:"Where it runs: the name of an edge, any or all; the server if empty."`
	RunsAt    []string         `json:"runs_at,omitempty" doc:"Edges that run it now."`
	// Away says why no result can come.
	Away string `json:"away,omitempty" doc:"Why no result can come from where it runs."`
	// Broken says why the check cannot run.
	Broken string `json:"broken,omitempty"`
}

// noteOf locks e; note expects it locked.
func (g *Engine) noteOf(e *entry) View {
	e.mu.Lock()
	defer e.mu.Unlock()
	return g.note(e)
}

func (g *Engine) note(e *entry) View {
	v := View{
		Name: e.name, Item: e.item, Type: e.spec.Type, Target: e.target, State: state.Display(e.st), Hard: e.st.Hard, Attempt: int(e.st.Attempt), Attempts: e.spec.Attempts,
		Flapping: e.st.Reasons&state.Flapping != 0, InDowntime: e.st.Depth > 0, Withheld: e.st.Reasons.Names(), ProblemID: e.st.ProblemID, Every: e.spec.Every, Enabled: !e.spec.Disabled, From: e.from, RunsAt: g.runsAt(e), Away: g.away(e), Broken: e.broken,
	}
	if e.st.Known {
		t := e.st.Since.Time()
		v.Since = &t
	}
	if !e.last.At.IsZero() {
		l := e.last
		l.Detail = ""
		v.LastResult = &l
	}
	return v
}

// WaitingChecks implements observe.WaitingChecks.
func (s *Service) WaitingChecks() []observe.WaitingCheck {
	var out []observe.WaitingCheck
	for _, e := range s.engine.list() {
		if e.spec.Probe != nil && observe.Waits(e.spec.Probe) && !e.spec.Disabled {
			out = append(out, observe.WaitingCheck{ID: e.id, Name: e.name, ItemID: e.itemID, Config: e.spec.Probe})
		}
	}
	return out
}
