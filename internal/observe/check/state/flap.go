package state

import (
	"github.com/mainstay-ops/mainstay/internal/observe"
)

const flapBits = 20

// FlapPercent is the share of changes in the last 20 results, 0 to 99, with the
// weights 0.80 (oldest) to 1.18 (newest) of Icinga 2.
func FlapPercent(bits uint32) float64 {
	sum := 0
	for age := range flapBits {
		if bits&(1<<age) != 0 {
			sum += 118 - 2*age
		}
	}
	return float64(sum) / 20
}

// flap shifts one result into the ring. Results inside a downtime neither count
// nor become "the one before" (rule 23).
func (m *machine) flap(st observe.Status, known bool) {
	s := &m.s
	if s.Reasons&Downtime != 0 {
		if !known {
			s.FlapPrev = st
		}
		return
	}
	s.Flaps = s.Flaps << 1 & (1<<flapBits - 1)
	if known && st != s.FlapPrev {
		s.Flaps |= 1
		s.LastChange = m.now
	}
	s.FlapPrev = st
	m.flapLimits(st)
}

// flapLimits enters and leaves flapping by share and by time (rules 24 to 26).
func (m *machine) flapLimits(st observe.Status) {
	s := &m.s
	end := s.LastChange + Stamp(m.cfg.FlapWindow)
	if s.Flaps != 0 && m.cfg.FlapWindow > 0 && m.now >= end {
		s.Flaps = 0
		if s.Reasons&Flapping != 0 {
			s.Why.add(26)
		}
	}
	p := FlapPercent(s.Flaps)
	switch is := s.Reasons&Flapping != 0; {
	case !is && m.cfg.Flapping && p > m.cfg.FlapHigh:
		s.Reasons |= Flapping
		s.Why.add(24)
		s.FlapTold = m.flapNotice(FlappingStart, st)
		m.flapDeadline()
	case is && (!m.cfg.Flapping || p <= m.cfg.FlapLow):
		s.Reasons &^= Flapping
		s.Why.add(25)
		if s.FlapTold {
			m.flapNotice(FlappingEnd, st)
		}
		s.FlapTold = false
	}
}

// flapDeadline asks for a Tick when flapping ends if no result changes any more.
func (m *machine) flapDeadline() {
	if m.s.Reasons&Flapping != 0 && m.cfg.FlapWindow > 0 {
		m.emit(Effect{Kind: Deadline, At: m.s.LastChange + Stamp(m.cfg.FlapWindow)})
	}
}

func (m *machine) flapNotice(n Notice, st observe.Status) bool {
	e := Effect{Kind: Notify, Notice: n, From: m.s.Told, To: st, ProblemID: m.s.ProblemID, At: m.now}
	if r := m.s.Reasons & withheldBy[n]; r != 0 {
		e.Kind, e.Reasons = Withheld, r
		m.s.Why.add(54)
	}
	m.emit(e)
	return e.Kind == Notify
}
