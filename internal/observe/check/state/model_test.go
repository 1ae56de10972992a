package state

import (
	"fmt"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/observe"
)

// model is the specification once more, written plainly and slowly: it keeps every
// result and works out the rest from the beginning each time.
type model struct {
	cfg     Config
	results []observe.Status
	forced  map[int]bool

	lastStart, lastAt time.Time
	changes           []bool // of counted results, the newest last
	changedAt         time.Time
	before            observe.Status
	flapping, flapSay bool

	problem, toldProblem string
	told                 observe.Status
	reach                Reach
	depth                int
	silence, off         bool
	ack                  Ack
	ackWorst             observe.Status
	ackUntil             time.Time

	confirmed, again, noted        bool
	confirmBy, freshAfter, freshBy time.Time
	now                            time.Time
	out                            []string
}

func (m *model) say(format string, a ...any) { m.out = append(m.out, fmt.Sprintf(format, a...)) }

// certainty reads all results from the first.
func (m *model) certainty() (hard observe.Status, sure bool) {
	bad := 0
	for i, st := range m.results {
		if st == observe.OK {
			hard, sure, bad = observe.OK, true, 0
			continue
		}
		if bad++; bad == 1 {
			sure = false
		}
		if sure || m.forced[i] || m.cfg.Volatile || bad >= m.cfg.Attempts {
			hard, sure = st, true
		}
	}
	return hard, sure
}

func (m *model) latest() observe.Status {
	if len(m.results) == 0 {
		return observe.OK
	}
	return m.results[len(m.results)-1]
}

// reasons that withhold a notice of that name, in the order of the specification.
func (m *model) reasons(notice string) string {
	var out []string
	for _, r := range []struct {
		name string
		on   bool
		not  string
	}{
		{"unreachable", m.reach != Reachable, "flapping_start flapping_end"},
		{"downtime", m.depth > 0, "recovery"},
		{"acknowledged", m.ack != NoAck, "recovery flapping_start flapping_end"},
		{"flapping", m.flapping, "flapping_start flapping_end"},
		{"silence", m.silence, ""},
		{"notifications_off", m.off, ""},
	} {
		if r.on && !strings.Contains(r.not, notice) {
			out = append(out, r.name)
		}
	}
	return strings.Join(out, "+")
}

func (m *model) step(ev Event, now time.Time) []string {
	m.now, m.out = now, nil
	switch ev.Kind {
	case Result:
		if len(m.results) > 0 && !ev.Start.After(m.lastStart) && !m.lastStart.After(now) {
			return nil
		}
		m.lastStart, m.lastAt = ev.Start, now
		m.measure(ev.Status, ev.NewID, false)
	case Missed:
		if m.cfg.Freshness == 0 || m.lastAt.Add(m.cfg.Freshness).After(now) {
			return nil
		}
		m.lastAt = now
		m.measure(m.cfg.Stale, ev.NewID, true)
	case ParentChange:
		m.parents(ev.Reach, ev.Confirmed)
	case DowntimeStart:
		m.depth++
	case DowntimeEnd:
		if m.depth > 0 {
			if m.depth--; m.depth == 0 {
				m.ended()
			}
		}
	case AckSet:
		if m.problem == "" || ev.ProblemID != m.problem {
			return nil
		}
		m.ack, m.ackUntil, m.ackWorst = ev.Ack, ev.Until, m.latest()
	case AckCleared:
		m.ack = NoAck
	case SilenceOn:
		m.silence = true
	case SilenceOff:
		if m.silence {
			m.silence = false
			m.ended()
		}
	case NotificationsOff:
		m.off = true
	case NotificationsOn:
		if m.off {
			m.off = false
			m.ended()
		}
	case ConfigChange:
		if !m.cfg.Parents && m.reach != Reachable {
			m.parents(Reachable, true)
		}
	case Tick:
		if m.ack != NoAck && !m.ackUntil.IsZero() && !m.ackUntil.After(now) {
			m.ack = NoAck
		}
		if m.flapping {
			m.flapLimits(m.latest())
		}
	default:
		return nil
	}
	m.compare()
	return m.out
}

func (m *model) measure(st observe.Status, id string, forced bool) {
	wasHard, _ := m.certainty()
	if m.depth == 0 {
		m.changes = append(m.changes, len(m.results) > 0 && st != m.before)
		if m.changes[len(m.changes)-1] {
			m.changedAt = m.now
		}
		m.before = st
		m.flapLimits(st)
	} else if len(m.results) == 0 {
		m.before = st
	}
	m.results = append(m.results, st)
	m.forced[len(m.results)-1] = forced
	if st != observe.OK && m.problem == "" {
		m.problem = id
		m.say("opened %s", id)
	}
	hard, sure := m.certainty()
	if hard != wasHard {
		m.noted = false
		m.say("hard %s>%s", wasHard, hard)
		if m.ack == AckUntilChange && st != m.ackWorst {
			m.ack = NoAck
		}
	}
	if st == observe.OK {
		m.confirmed, m.again, m.confirmBy = false, false, time.Time{}
	} else if m.cfg.Volatile && sure {
		m.again, m.noted = true, false
	}
}

func (m *model) flapLimits(st observe.Status) {
	if m.cfg.FlapWindow > 0 && now20(m.changes) > 0 && !m.now.Before(m.changedAt.Add(m.cfg.FlapWindow)) {
		m.changes = nil
	}
	share := now20(m.changes)
	if !m.flapping && m.cfg.Flapping && share > m.cfg.FlapHigh+1e-9 {
		m.flapSay = m.notice("flapping_start", m.told, st, m.problem)
		m.flapping = true
	} else if m.flapping && share <= m.cfg.FlapLow+1e-9 {
		m.flapping = false
		if m.flapSay {
			m.notice("flapping_end", m.told, st, m.problem)
		}
		m.flapSay = false
	}
}

// now20 is the formula of rule 22 with its weights as printed there.
func now20(changes []bool) float64 {
	last := changes[max(0, len(changes)-20):]
	sum := 0.0
	for i, c := range last {
		if c {
			sum += 0.80 + 0.02*float64(i+20-len(last))
		}
	}
	return 100.0 / 20 * sum
}

func (m *model) notice(name string, from, to observe.Status, id string) bool {
	if r := m.reasons(name); r != "" {
		m.say("(%s %s %s)", name, id, r)
		return false
	}
	m.say("%s %s>%s %s", name, from, to, id)
	return true
}

func (m *model) parents(v Reach, confirmed bool) {
	was := m.reach
	m.reach = v
	if v != Reachable {
		m.confirmed, m.confirmBy = false, time.Time{}
		return
	}
	if was != Reachable {
		m.fresh(m.now.Add(m.cfg.Grace))
	}
	if m.problem != "" && confirmed {
		m.confirmed, m.confirmBy = true, time.Time{}
	}
}

// ended is called when a reason other than an acknowledgement ended.
func (m *model) ended() {
	if m.reach == Reachable && m.depth == 0 && !m.silence && !m.off && !m.flapping && len(m.results) > 0 &&
		(m.latest() != observe.OK || m.told != observe.OK) {
		m.fresh(m.now)
	}
}

func (m *model) fresh(after time.Time) {
	if m.freshBy.IsZero() || m.freshAfter.Before(after) {
		m.freshAfter, m.freshBy = after, after.Add(m.cfg.ConfirmMax)
	}
}

func (m *model) compare() {
	if !m.lastStart.Before(m.freshAfter) || !m.now.Before(m.freshBy) {
		m.freshAfter, m.freshBy = time.Time{}, time.Time{}
	}
	if hard, sure := m.certainty(); sure {
		m.people(hard)
	}
	if m.latest() == observe.OK && m.problem != "" {
		m.say("closed %s", m.problem)
		m.problem, m.ack = "", NoAck
	}
}

func (m *model) people(hard observe.Status) {
	name, from, id := "problem", m.told, m.problem
	switch {
	case hard == observe.OK && m.told == observe.OK:
		m.noted = false
		return
	case hard == observe.OK:
		name, id = "recovery", m.toldProblem
	case m.problem != m.toldProblem:
		from = observe.OK
	case hard == m.told && !m.again:
		m.noted = false
		return
	}
	why := m.reasons(name)
	if name == "problem" && why == "acknowledged" && hard.Worse(m.ackWorst) {
		why = ""
	}
	if why != "" {
		if !m.noted {
			m.say("(%s %s %s)", name, id, why)
		}
		m.again, m.noted, m.confirmBy = false, true, time.Time{}
		return
	}
	m.noted = false
	if !m.freshBy.IsZero() {
		return
	}
	end := ""
	if name == "problem" && m.problem != m.toldProblem && m.cfg.Parents && !m.confirmed {
		if m.confirmBy.IsZero() {
			m.confirmBy = m.now.Add(m.cfg.ConfirmMax)
		}
		if m.now.Before(m.confirmBy) {
			return
		}
		end = " unconfirmed"
	}
	m.say("%s %s>%s %s%s", name, from, hard, id, end)
	m.told, m.toldProblem, m.again, m.confirmBy = hard, m.problem, false, time.Time{}
	if hard == observe.OK {
		m.toldProblem = ""
	}
	if m.ack != NoAck && hard.Worse(m.ackWorst) {
		m.ackWorst = hard
	}
}
