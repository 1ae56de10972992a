package state

import "github.com/mainstay-ops/mainstay/internal/observe"

// owed is the notice that people lack, if any. People are told of a state of one
// problem: the same status of another problem is news (rules 48, 55 and 57).
func (m *machine) owed() (Effect, bool) {
	s := &m.s
	e := Effect{Kind: Notify, From: s.Told, To: s.HardStat, At: s.HardSince, Hard: true}
	if s.HardStat == observe.OK {
		e.Notice, e.ProblemID, e.Since = Recovery, s.ToldProblem, s.ToldSince
		return e, s.Told != observe.OK
	}
	e.Notice, e.ProblemID, e.Since = Problem, s.ProblemID, s.FirstBad
	if s.ToldProblem != s.ProblemID {
		e.From, e.Replaces = observe.OK, s.ToldProblem
		return e, true
	}
	return e, s.HardStat != s.Told || s.Again
}

// tell gives the owed notice, or records why it is held back.
func (m *machine) tell() {
	s := &m.s
	e, owed := m.owed()
	if !owed {
		s.Noted = false
		return
	}
	blocked := s.Reasons & withheldBy[e.Notice]
	if e.Notice == Problem && blocked == Acknowledged && s.HardStat.Worse(s.AckWorst) {
		s.Why.add(49)
		blocked = 0
	}
	if blocked != 0 {
		if !s.Noted {
			s.Why.add(54)
			e.Kind, e.Reasons = Withheld, blocked
			m.emit(e)
		}
		s.Again, s.Noted, s.ConfirmBy = false, true, 0
		return
	}
	s.Noted = false
	if s.FreshBy != 0 {
		s.Why.add(56)
		return
	}
	if e.Notice == Problem && s.ToldProblem != s.ProblemID && m.cfg.Parents && !s.Confirmed {
		if s.ConfirmBy == 0 {
			s.ConfirmBy = m.now + Stamp(m.cfg.ConfirmMax)
			m.askParents()
			m.emit(Effect{Kind: Deadline, At: s.ConfirmBy})
		}
		if m.now < s.ConfirmBy {
			s.Why.add(37)
			return
		}
		s.Why.add(38)
		e.Unconfirmed = true
	}
	s.Why.add(55)
	if e.Replaces != "" || e.Notice == Recovery && e.ProblemID != s.ProblemID {
		s.Why.add(57)
	}
	m.emit(e)
	s.Told, s.Again, s.ConfirmBy = s.HardStat, false, 0
	s.ToldProblem, s.ToldSince = "", 0
	if s.Told != observe.OK {
		s.ToldProblem, s.ToldSince = s.ProblemID, s.FirstBad
	}
	if s.Reasons&Acknowledged != 0 && s.HardStat.Worse(s.AckWorst) {
		s.AckWorst = s.HardStat
	}
}
