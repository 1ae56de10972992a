package usual

import (
	"cmp"
	"slices"
	"time"
)

// Summary is what is remembered of a template.
type Summary struct {
	State State
	Since time.Time
	// Day and Week are lines in the last 24 and 168 hours, First and Seen when it came.
	Day, Week   uint64
	First, Seen time.Time
	// Spark holds the lines of the last 24 hours by hour, the oldest first.
	Spark []uint32
	// Items tell it apart by item, those with most lines in the week first.
	Items []ItemSummary
}

// ItemSummary is a template on one item.
type ItemSummary struct {
	Item      string
	State     State
	Day, Week uint64
	Seen      time.Time
	// Expected and Limit are lines in ten minutes: what is usual, and what is too much;
	// Learned is false while that is not known.
	Expected, Limit float64
	Learned         bool
}

var weight = map[State]int{Exploding: 4, New: 3, Vanished: 2, Usual: 1, Learning: 0}

// Summaries gives all templates.
func (e *Engine) Summaries() map[string]*Summary {
	out := make(map[string]*Summary, len(e.Patterns))
	for k, s := range e.Keys {
		sum := out[k.Pattern]
		if sum == nil {
			sum = &Summary{State: Learning, First: time.Unix(e.Patterns[k.Pattern]*60, 0).UTC(), Spark: make([]uint32, 24)}
			out[k.Pattern] = sum
		}
		i := ItemSummary{Item: k.Item, State: s.State, Seen: time.Unix(s.Seen*60, 0).UTC()}
		for ago := range int64(Hours) {
			n := s.Ring[(s.Hour-ago+Hours)%Hours]
			i.Week += uint64(n)
			if ago < 24 {
				i.Day += uint64(n)
				sum.Spark[23-ago] = plus(sum.Spark[23-ago], uint64(n))
			}
		}
		if median, spread, ok := s.normal(); ok {
			i.Expected, i.Limit, i.Learned = median/6, max(e.Limit(median, spread), least), true
		}
		if weight[s.State] >= weight[sum.State] {
			sum.State = s.State
			sum.Since = time.Unix(s.Since*60, 0).UTC()
		}
		sum.Day += i.Day
		sum.Week += i.Week
		if i.Seen.After(sum.Seen) {
			sum.Seen = i.Seen
		}
		sum.Items = append(sum.Items, i)
	}
	for _, s := range out {
		slices.SortFunc(s.Items, func(a, b ItemSummary) int {
			return cmp.Or(cmp.Compare(b.Week, a.Week), cmp.Compare(a.Item, b.Item))
		})
	}
	return out
}

// ByHour gives the lines of a template in the last 168 hours, the oldest first, and when
// the first hour began.
func (e *Engine) ByHour(pattern string) (from time.Time, lines []uint32) {
	lines = make([]uint32, Hours)
	var hour int64
	for k, s := range e.Keys {
		if k.Pattern != pattern {
			continue
		}
		hour = max(hour, s.Hour)
		for ago := range int64(Hours) {
			i := Hours - 1 - ago
			lines[i] = plus(lines[i], uint64(s.Ring[(s.Hour-ago+Hours)%Hours]))
		}
	}
	return time.Unix((hour-Hours+1)*3600, 0).UTC(), lines
}

// Known ends that a template is new.
func (e *Engine) Known(pattern string, at time.Time) []Change {
	var out []Change
	for k, s := range e.Keys {
		if k.Pattern == pattern && s.State == New {
			s.State, s.Since = Usual, minuteOf(at)
			out = append(out, Change{Key: k, From: New, To: Usual, At: at, Why: "Somebody marked it as known."})
		}
	}
	return out
}
