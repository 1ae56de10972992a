package state

import (
	"slices"
	"time"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Step applies one event. It returns the next state and what is to be done, in
// order; the slice is nil when there is nothing to do. The same input always
// gives the same output.
func Step(cfg Config, s State, ev Event, now time.Time) (State, []Effect) {
	n := At(now)
	s.Why = 0
	if ev.Kind == Result && ev.Status == observe.OK && s.Known && s.Status == observe.OK && s.Hard &&
		s.Told == observe.OK && s.Flaps == 0 && s.FlapPrev == observe.OK && !s.NoData && s.FreshBy == 0 {
		if st := At(ev.Start); st > s.LastStart {
			s.LastStart, s.LastAt = st, n
			return s, nil
		}
	}
	m := machine{cfg: cfg, s: s, now: n}
	m.apply(ev)
	return m.s, m.fx
}

type machine struct {
	cfg Config
	s   State
	now Stamp
	fx  []Effect
	// asked says that this step asked for results of the parents already.
	asked bool
}

func (m *machine) emit(e Effect) { m.fx = append(m.fx, e) }

func (m *machine) apply(ev Event) {
	s := &m.s
	switch ev.Kind {
	case Result:
		st := At(ev.Start)
		if s.Known && st <= s.LastStart && s.LastStart <= m.now {
			s.Why.add(11)
			return
		}
		s.LastStart, s.LastAt, s.NoData = st, m.now, false
		m.measured(ev.Status, st, ev.NewID, false)
	case Missed:
		if m.cfg.Freshness <= 0 || s.LastAt+Stamp(m.cfg.Freshness) > m.now {
			return
		}
		s.Why.add(14)
		s.LastAt = m.now
		m.measured(m.cfg.Stale, m.now, ev.NewID, true)
	case NoData:
		s.Why.add(15)
		s.NoData = true
		return
	case ParentChange:
		m.parents(ev)
	case DowntimeStart:
		s.Why.add(42)
		s.Depth++
		m.reason(Downtime, true)
	case DowntimeEnd:
		s.Why.add(42)
		if s.Depth > 0 {
			s.Depth--
			m.reason(Downtime, s.Depth > 0)
		}
	case AckSet:
		if s.ProblemID == "" || ev.ProblemID != s.ProblemID || ev.Ack == NoAck {
			return
		}
		s.Why.add(48)
		s.Ack, s.AckUntil, s.AckWorst = ev.Ack, At(ev.Until), s.Status
		m.reason(Acknowledged, true)
		if s.AckUntil != 0 {
			m.emit(Effect{Kind: Deadline, At: s.AckUntil})
		}
	case AckCleared:
		m.unack()
	case SilenceOn, SilenceOff:
		m.reason(Silenced, ev.Kind == SilenceOn)
	case NotificationsOff, NotificationsOn:
		m.reason(Off, ev.Kind == NotificationsOff)
	case ConfigChange:
		s.Why.add(63)
		if !m.cfg.Parents && s.Reach != Reachable {
			m.parents(Event{Reach: Reachable, Confirmed: true})
		}
	case Restart:
		s.Why.add(61)
		m.resume()
		return
	case Tick:
		if s.AckUntil != 0 && s.AckUntil <= m.now {
			m.unack()
		}
		if s.Reasons&Flapping != 0 {
			m.flapLimits(s.Status)
			m.flapDeadline()
		}
	case Removed:
		if s.ProblemID != "" {
			m.emit(Effect{Kind: ProblemClosed, ProblemID: s.ProblemID, At: m.now, Since: s.FirstBad, Removed: true})
		}
		if s.ToldProblem != "" && s.ToldProblem != s.ProblemID {
			m.emit(Effect{Kind: ProblemClosed, ProblemID: s.ToldProblem, At: m.now, Since: s.ToldSince, Removed: true})
		}
		*s = State{}
		return
	}
	m.settle()
}

// resume asks again for what was waited for when the program stopped (rule 61).
func (m *machine) resume() {
	s := &m.s
	if s.ConfirmBy != 0 {
		m.emit(Effect{Kind: RecheckParents, Since: s.FirstBad})
	}
	if s.FreshBy != 0 {
		m.emit(Effect{Kind: CheckNow, At: s.FreshAfter})
	}
	due := []Stamp{s.ConfirmBy, s.FreshBy, s.AckUntil}
	if s.Reasons&Flapping != 0 && m.cfg.FlapWindow > 0 {
		due = append(due, s.LastChange+Stamp(m.cfg.FlapWindow))
	}
	slices.Sort(due)
	for _, at := range due {
		if at != 0 {
			m.emit(Effect{Kind: Deadline, At: at})
		}
	}
}

// measured turns a result into certainty and counts flapping.
func (m *machine) measured(st observe.Status, start Stamp, newID string, force bool) {
	s := &m.s
	from, wasHard, wasKnown := s.Status, s.Hard, s.Known
	hardFrom := s.HardStat
	s.Known = true
	m.flap(st, wasKnown)
	if st != from || !wasKnown {
		s.Since = start
	}
	s.Status = st
	if st == observe.OK {
		s.Attempt, s.Hard, s.HardStat = 0, true, observe.OK
		s.ConfirmBy, s.Confirmed, s.Again = 0, false, false
	} else {
		if s.ProblemID == "" {
			s.Why.add(3)
			s.ProblemID, s.FirstBad, s.Attempt, s.Hard = newID, start, 0, false
			m.emit(Effect{Kind: ProblemOpened, ProblemID: newID, At: start})
			if m.cfg.Parents {
				s.Why.add(10)
				m.askParents()
			}
		}
		if s.Attempt < 1<<15 {
			s.Attempt++
		}
		if force || m.cfg.Volatile || s.Hard || int(s.Attempt) >= m.cfg.Attempts {
			s.Hard, s.HardStat = true, st
			if m.cfg.Volatile {
				s.Why.add(8)
				s.Again, s.Noted = true, false
			}
		} else {
			s.Why.add(5)
		}
	}
	hardChange := s.Hard && s.HardStat != hardFrom
	if hardChange || !wasKnown && s.Hard {
		s.HardSince = start
	}
	if hardChange {
		s.Noted = false
		if wasHard && st != observe.OK && hardFrom != observe.OK {
			s.Why.add(7)
		}
	}
	if st != from || s.Hard != wasHard || !wasKnown {
		f := from
		if hardChange {
			f = hardFrom
		}
		m.emit(Effect{Kind: StateChanged, From: f, To: st, Hard: hardChange, ProblemID: s.ProblemID, At: start, Since: s.FirstBad})
	}
	if st == observe.OK && s.ProblemID != "" {
		s.Why.add(6)
	}
	if hardChange && s.Ack == AckUntilChange && st != s.AckWorst {
		m.unack()
	}
}

func (m *machine) askParents() {
	if !m.asked {
		m.asked = true
		m.emit(Effect{Kind: RecheckParents, Since: m.s.FirstBad})
	}
}

func (m *machine) parents(ev Event) {
	s := &m.s
	s.Why.add(28)
	was := s.Reach
	s.Reach = ev.Reach
	if ev.Reach != Reachable {
		// What was known of the parents is no longer true (rule 37).
		s.Reasons |= Unreachable
		s.Confirmed, s.ConfirmBy = false, 0
		return
	}
	s.Reasons &^= Unreachable
	if was != Reachable {
		m.waitFresh(m.now + Stamp(m.cfg.Grace))
	}
	if s.ProblemID != "" && ev.Confirmed {
		s.Confirmed, s.ConfirmBy = true, 0
	}
}

// reason switches a reason. When the last one ends that is not about people, the
// comparison waits for a fresh result (rule 56).
func (m *machine) reason(r Reasons, on bool) {
	s := &m.s
	was := s.Reasons
	if on {
		s.Reasons |= r
		return
	}
	s.Reasons &^= r
	if was != s.Reasons && s.Reasons&^Acknowledged == 0 && s.Known && (s.Status != observe.OK || s.Told != observe.OK) {
		m.waitFresh(m.now)
	}
}

// waitFresh holds the comparison until a result that started at after or later. A
// wait that lasts longer already stands.
func (m *machine) waitFresh(after Stamp) {
	s := &m.s
	if s.FreshBy != 0 && s.FreshAfter >= after {
		return
	}
	s.FreshAfter, s.FreshBy = after, after+Stamp(m.cfg.ConfirmMax)
	m.emit(Effect{Kind: CheckNow, At: s.FreshAfter})
	m.emit(Effect{Kind: Deadline, At: s.FreshBy})
}

func (m *machine) unack() {
	m.s.Ack, m.s.AckUntil, m.s.AckWorst = NoAck, 0, observe.OK
	m.s.Reasons &^= Acknowledged
}

// settle compares the hard state with what people were told (rules 37, 49, 55, 56).
func (m *machine) settle() {
	s := &m.s
	if s.FreshBy != 0 && (s.LastStart >= s.FreshAfter || m.now >= s.FreshBy) {
		s.FreshAfter, s.FreshBy = 0, 0
	}
	if s.Known && s.Hard {
		m.tell()
	}
	if s.Status == observe.OK && s.ProblemID != "" {
		m.emit(Effect{Kind: ProblemClosed, ProblemID: s.ProblemID, At: s.Since, Since: s.FirstBad})
		s.ProblemID, s.FirstBad = "", 0
		m.unack()
	}
}
