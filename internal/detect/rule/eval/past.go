package eval

import (
	"context"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Limits of a trial on the past.
const (
	MaxPastSteps = 20_000
	// chunk is how many steps are read at once, which bounds memory.
	chunk = 2_000
	// maxPastEpisodes are told one by one; more are only counted.
	maxPastEpisodes = 2_000
)

// Episode is one time that a rule would have fired.
type Episode struct {
	Labels map[string]string `json:"labels"`
	// Since is when the question was first answered, FiredAt when it would have fired.
	Since   time.Time `json:"since"`
	FiredAt time.Time `json:"fired_at"`
	// EndedAt is zero while it goes on at the end of the period.
	EndedAt time.Time `json:"ended_at,omitzero"`
	// Value at the moment it fired.
	Value  float64 `json:"value"`
	NoData bool    `json:"no_data,omitempty"`
}

// Past is what a rule would have done.
type Past struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// Step is the time between two questions, in seconds.
	Step  float64 `json:"step_seconds"`
	Steps int     `json:"steps"`
	// Fired counts episodes; Episodes holds the first of them.
	Fired    int       `json:"fired"`
	Episodes []Episode `json:"episodes"`
	// Pending counts instances that were pending and never fired.
	Pending int `json:"pending_only"`
	// Seconds of all episodes together.
	Seconds float64 `json:"firing_seconds"`
	// Most is how many instances fired at once.
	Most int `json:"most_at_once"`
}

// TryPast asks the question at every step from from to to, as if the rule had been
// there with no instance at the beginning.
func TryPast(ctx context.Context, m observe.Metrics, q Question, t Timing, from, to time.Time, step time.Duration) (Past, error) {
	out := Past{From: from, To: to, Step: step.Seconds(), Episodes: []Episode{}}
	if step <= 0 || !to.After(from) {
		return out, errs.New(errs.Invalid, "The end of the period must be after its beginning.")
	}
	if n := int64(to.Sub(from) / step); n > MaxPastSteps {
		return out, errs.New(errs.Invalid, "The period has %d steps of %s; at most %d are tried. Take a shorter period or ask less often.", n, step, MaxPastSteps)
	}
	r := &replay{machine: NewMachine(t, nil), open: map[string]int{}, past: &out}
	for at := from; !at.After(to); {
		end := at.Add((chunk - 1) * step)
		if end.After(to) {
			end = to
		}
		block, err := readBlock(ctx, m, q, at, end, step)
		if err != nil {
			return out, err
		}
		for i := 0; !at.After(end); i++ {
			if n := len(block.active[i]); n > MaxInstances {
				return out, errs.New(errs.TooMany, "At %s the question has %d answers; a rule may have %d.", at.Format(time.RFC3339), n, MaxInstances)
			}
			r.step(at, Reading{Active: block.active[i], Recovered: block.recovered[i], Present: block.present[i]})
			at = at.Add(step)
		}
	}
	r.finish(to)
	return out, nil
}

type block struct{ active, recovered, present [][]Value }

func readBlock(ctx context.Context, m observe.Metrics, q Question, from, to time.Time, step time.Duration) (block, error) {
	n := int(to.Sub(from)/step) + 1
	read := func(expr string) ([][]Value, error) {
		out := make([][]Value, n)
		if expr == "" {
			return out, nil
		}
		ss, err := m.Range(ctx, expr, from, to, step)
		if err != nil {
			return nil, err
		}
		for _, s := range ss {
			labels := withoutName(s.Labels)
			for _, p := range s.Points {
				if i := int(p.At.Sub(from) / step); i >= 0 && i < n {
					out[i] = append(out[i], Value{Labels: labels, Value: p.Value})
				}
			}
		}
		return out, nil
	}
	var b block
	var err error
	if b.active, err = read(q.Expr); err != nil {
		return b, err
	}
	if b.recovered, err = read(q.Recovery); err != nil {
		return b, err
	}
	b.present, err = read(q.Presence)
	return b, err
}

type replay struct {
	machine *Machine
	// open holds the index of the episode of each firing instance; -1 when it is only
	// counted.
	open map[string]int
	past *Past
}

func (r *replay) step(at time.Time, in Reading) {
	r.past.Steps++
	for _, c := range r.machine.Step(at, in) {
		switch {
		case c.To == Firing:
			r.past.Fired++
			r.open[c.Instance.Key] = -1
			if len(r.past.Episodes) < maxPastEpisodes {
				r.open[c.Instance.Key] = len(r.past.Episodes)
				i := c.Instance
				r.past.Episodes = append(r.past.Episodes, Episode{Labels: i.Labels, Since: i.ActiveAt, FiredAt: at, Value: i.Value, NoData: i.NoData})
			}
		case c.From == Firing:
			r.past.Seconds += at.Sub(c.Instance.FiredAt).Seconds()
			if n := r.open[c.Instance.Key]; n >= 0 {
				r.past.Episodes[n].EndedAt = at
			}
			delete(r.open, c.Instance.Key)
		case c.From == Pending && c.To == Inactive:
			r.past.Pending++
		}
	}
	r.past.Most = max(r.past.Most, len(r.open))
}

// finish counts what goes on at the end.
func (r *replay) finish(to time.Time) {
	for key := range r.open {
		r.past.Seconds += to.Sub(r.machine.Instances[key].FiredAt).Seconds()
	}
}

// AtNight counts the episodes that fired between 22:00 and 06:00 in a zone.
func (p Past) AtNight(zone *time.Location) int {
	n := 0
	for _, e := range p.Episodes {
		if h := e.FiredAt.In(zone).Hour(); h >= 22 || h < 6 {
			n++
		}
	}
	return n
}
