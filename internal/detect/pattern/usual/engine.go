package usual

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// State of a template on an item.
type State string

// The states. A template is learning until three whole hours of it are known.
const (
	Learning  State = "learning"
	Usual     State = "usual"
	New       State = "new"
	Exploding State = "exploding"
	Vanished  State = "vanished"
)

const (
	// learnFor is how long an item is listened to before a template on it can be new.
	learnFor = 60
	// newFor is how long a template stays new, in minutes.
	newFor = 24 * 60
	// least is how many lines in ten minutes can be too many.
	least = 20
	// steady is how many lines an hour a template must have at the median, and in nine
	// of ten hours of the last day at least one, so that it can vanish.
	steady = 10
	// maxKeys bounds the templates on items that are remembered; those not seen for the
	// longest time go first.
	maxKeys = 50_000
)

// Key is a template on an item.
type Key struct{ Pattern, Item string }

// Count is how many lines came in a minute.
type Count struct {
	Key

	Lines uint64
}

// Change is a step from one state to another.
type Change struct {
	Key

	From, To State
	At       time.Time
	// Recent lines in ten minutes, and how many of them are expected.
	Recent, Expected float64
	// Why is a sentence.
	Why string
}

// Engine remembers. The zero value knows nothing. It is not safe for several goroutines.
type Engine struct {
	Keys map[Key]*series
	// Items is when each item was heard first and last, in minutes since 1970.
	Items map[string][2]int64
	// Patterns is when each template was seen first anywhere.
	Patterns map[string]int64
}

// Minute takes what was counted in a minute and tells what changed, by template and item.
// Minutes must not go back.
func (e *Engine) Minute(at time.Time, counts []Count, joined map[string]string) []Change {
	if e.Keys == nil {
		e.Keys, e.Items, e.Patterns = map[Key]*series{}, map[string][2]int64{}, map[string]int64{}
	}
	m := minuteOf(at)
	var out []Change
	out = e.join(out, at, joined)
	for _, c := range counts {
		item, heard := e.Items[c.Item]
		if !heard {
			item[0] = m
		}
		_, old := e.Patterns[c.Pattern]
		if !old {
			e.Patterns[c.Pattern] = m
		}
		s := e.Keys[c.Key]
		if s == nil {
			s = &series{State: Learning, Since: m}
			e.Keys[c.Key] = s
			// What a new item says is all new, and says nothing.
			if !old && m-item[0] >= learnFor {
				s.State = New
				out = append(out, Change{Key: c.Key, From: Learning, To: New, At: at, Recent: float64(c.Lines), Why: "No line of this kind was ever seen before."})
			}
		}
		s.add(m, c.Lines)
		item[1] = m
		e.Items[c.Item] = item
	}
	for k, s := range e.Keys {
		s.advance(m)
		if c, changed := e.judge(k, s, m); changed {
			c.At = at
			s.State, s.Since = c.To, m
			out = append(out, c)
		}
		if m-s.Seen > Hours*60 {
			e.forget(k)
		}
	}
	e.limit()
	slices.SortStableFunc(out, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Pattern, b.Pattern), cmp.Compare(a.Item, b.Item))
	})
	return out
}

// judge gives the state that a template has now.
func (e *Engine) judge(k Key, s *series, m int64) (Change, bool) {
	c := Change{Key: k, From: s.State, Recent: s.recent()}
	median, spread, known := s.normal()
	c.Expected = median / 6
	to := func(st State, format string, args ...any) (Change, bool) {
		c.To, c.Why = st, fmt.Sprintf(format, args...)
		return c, true
	}
	switch s.State {
	case Learning:
		if known {
			s.State, s.Since = Usual, m // nobody needs to be told
		}
	case New:
		if m-s.Since >= newFor {
			return to(Usual, "It is known for a day.")
		}
	case Exploding:
		if c.Recent <= max(least/2, 2*c.Expected) {
			return to(Usual, "It comes as often as usual again: %.0f lines in 10 minutes.", c.Recent)
		}
		return c, false
	case Vanished:
		if s.Seen == m {
			return to(Usual, "It is there again.")
		}
		return c, false
	}
	if !known || s.State == New {
		return c, false
	}
	if limit := e.Limit(median, spread); c.Recent >= least && c.Recent > limit {
		return to(Exploding, "%.0f lines in 10 minutes; %.0f are usual at this hour, and more than %.0f are too many.", c.Recent, c.Expected, limit)
	}
	quiet := m - s.Seen
	if rate, gone := e.gone(k, s, m, median, quiet); gone {
		return to(Vanished, "No line for %d minutes; %.0f an hour are usual, and the item still says other things.", quiet, rate)
	}
	return c, false
}

// Limit is how many lines in ten minutes are usual at most: four times the median, and
// five spreads above it. The spread is at least that of a Poisson process, the square
// root of what is expected.
func (*Engine) Limit(median, spread float64) float64 {
	expected := median / 6
	return max(4*expected, expected+5*max(spread/6, math.Sqrt(expected)))
}

// gone tells whether a template that came steadily has vanished. With a rate of r an hour
// a silence of T hours has the probability exp(-rT) in a Poisson process; rT must be at
// least 20, and T at least half an hour.
func (e *Engine) gone(k Key, s *series, m int64, median float64, quiet int64) (rate float64, gone bool) {
	if quiet < 30 || quiet > 24*60 || s.known() < 24 || m-e.Items[k.Item][1] > recentMinutes {
		return 0, false
	}
	with := 0
	// The hours before it fell silent.
	from := s.Hour - s.Seen/60 + 1
	for ago := from; ago < from+24 && ago <= s.known(); ago++ {
		if s.hour(ago) > 0 {
			with++
		}
	}
	rate = s.before(from)
	return rate, with >= 22 && rate >= steady && median > 0 && rate*float64(quiet)/60 >= 20
}

// before is the median of the day that ended so many hours ago.
func (s *series) before(from int64) float64 {
	v := make([]float64, 0, 24)
	for ago := from; ago < from+24 && ago <= s.known(); ago++ {
		v = append(v, s.hour(ago))
	}
	if len(v) == 0 {
		return 0
	}
	return middle(v)
}

// join moves what is remembered of templates that were joined with others.
func (e *Engine) join(out []Change, at time.Time, joined map[string]string) []Change {
	if len(joined) == 0 {
		return out
	}
	for k, s := range e.Keys {
		to, ok := joined[k.Pattern]
		if !ok || to == k.Pattern {
			continue
		}
		if s.State != Usual && s.State != Learning {
			out = append(out, Change{Key: k, From: s.State, To: Usual, At: at, Why: "Its lines are counted under another template now."})
		}
		delete(e.Keys, k)
		into := Key{to, k.Item}
		if t := e.Keys[into]; t != nil {
			t.join(s)
		} else {
			s.State = Usual
			e.Keys[into] = s
		}
	}
	for from, to := range joined {
		if first, ok := e.Patterns[from]; ok {
			if old, ok := e.Patterns[to]; !ok || first < old {
				e.Patterns[to] = first
			}
			delete(e.Patterns, from)
		}
	}
	return out
}

func (e *Engine) forget(k Key) {
	delete(e.Keys, k)
	// A template that is not seen for a week stays known: when it comes again it is rare,
	// not new. The table is bounded in limit.
}

// limit keeps the tables within bounds.
func (e *Engine) limit() {
	if len(e.Keys) > maxKeys {
		type aged struct {
			k    Key
			seen int64
		}
		all := make([]aged, 0, len(e.Keys))
		for k, s := range e.Keys {
			all = append(all, aged{k, s.Seen})
		}
		slices.SortFunc(all, func(a, b aged) int { return cmp.Compare(a.seen, b.seen) })
		for _, a := range all[:len(all)-maxKeys*7/8] {
			delete(e.Keys, a.k)
		}
	}
	if len(e.Patterns) > 2*maxKeys {
		seen := make(map[string]bool, len(e.Keys))
		for k := range e.Keys {
			seen[k.Pattern] = true
		}
		for p := range e.Patterns {
			if !seen[p] {
				delete(e.Patterns, p)
			}
		}
	}
	if len(e.Items) > maxKeys {
		for i, t := range e.Items {
			if t[1] < minuteNewest(e.Items)-Hours*60 {
				delete(e.Items, i)
			}
		}
	}
}

func minuteNewest(items map[string][2]int64) int64 {
	var m int64
	for _, t := range items {
		m = max(m, t[1])
	}
	return m
}
