package state

import (
	"fmt"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

// run drives one check with a clock of its own; ids are p1, p2 and so on.
type run struct {
	cfg Config
	s   State
	now time.Time
	ids int
	fx  []Effect // of the last step
	log []string // what people were told, and what was withheld
}

func newRun(change func(*Config)) *run {
	cfg := Defaults()
	cfg.Attempts, cfg.Flapping, cfg.Grace = 1, false, 0
	if change != nil {
		change(&cfg)
	}
	return &run{cfg: cfg, now: time.Unix(1_000_000, 0).UTC()}
}

func (r *run) event(ev Event) *run {
	if ev.NewID == "" && (ev.Kind == Result || ev.Kind == Missed) {
		ev.NewID = fmt.Sprintf("n%d", r.ids)
		r.ids++
	}
	r.s, r.fx = Step(r.cfg, r.s, ev, r.now)
	for _, e := range r.fx {
		if l := line(e); l != "" {
			r.log = append(r.log, l)
		}
	}
	return r
}

// results delivers results ten seconds apart.
func (r *run) results(sts ...observe.Status) *run {
	for _, st := range sts {
		r.now = r.now.Add(10 * time.Second)
		r.event(Event{Kind: Result, Status: st, Start: r.now})
	}
	return r
}

func (r *run) do(kinds ...EventKind) *run {
	for _, k := range kinds {
		r.event(Event{Kind: k})
	}
	return r
}

func (r *run) reach(v Reach, confirmed bool) *run {
	return r.event(Event{Kind: ParentChange, Reach: v, Confirmed: confirmed})
}

func (r *run) ack(a Ack) *run {
	return r.event(Event{Kind: AckSet, ProblemID: r.s.ProblemID, Ack: a})
}

func (r *run) wait(d time.Duration) *run {
	r.now = r.now.Add(d)
	return r.event(Event{Kind: Tick})
}

func (r *run) count(k EffectKind) int {
	n := 0
	for _, e := range r.fx {
		if e.Kind == k {
			n++
		}
	}
	return n
}

// line is a notice in one line; other effects give nothing.
func line(e Effect) string {
	switch e.Kind {
	case Notify:
		s := fmt.Sprintf("%s %s>%s %s", e.Notice, e.From, e.To, e.ProblemID)
		if e.Unconfirmed {
			s += " unconfirmed"
		}
		return s
	case Withheld:
		return fmt.Sprintf("(%s %s %s)", e.Notice, e.ProblemID, strings.Join(e.Reasons.Names(), "+"))
	}
	return ""
}

const (
	ok   = observe.OK
	warn = observe.Warning
	crit = observe.Critical
	unk  = observe.Unknown
)
