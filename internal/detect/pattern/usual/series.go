package usual

import (
	"math"
	"slices"
	"time"
)

// Hours is how long counts are remembered.
const Hours = 7 * 24

// recentMinutes is what counts as now.
const recentMinutes = 10

// series is what is remembered of one template on one item.
type series struct {
	// Ring holds the counts by hour since 1970, modulo Hours. Hour is the newest.
	Ring [Hours]uint32
	Hour int64
	// Last holds the counts of the last minutes, modulo recentMinutes.
	Last [recentMinutes]uint32
	Min  int64
	// First and Seen are minutes since 1970.
	First, Seen int64
	State       State
	// Since is when the state began, in minutes since 1970.
	Since int64
}

func minuteOf(t time.Time) int64 { return t.Unix() / 60 }

// advance moves the rings on to a minute; what lies between had no lines.
func (s *series) advance(m int64) {
	if m <= s.Min {
		return
	}
	if s.Min == 0 {
		s.Min, s.Hour = m, m/60
		return
	}
	for i := max(s.Min+1, m-recentMinutes+1); i <= m; i++ {
		s.Last[i%recentMinutes] = 0
	}
	for h := max(s.Hour+1, m/60-Hours+1); h <= m/60; h++ {
		s.Ring[h%Hours] = 0
	}
	s.Min, s.Hour = m, m/60
}

func (s *series) add(m int64, n uint64) {
	s.advance(m)
	s.Last[m%recentMinutes] = plus(s.Last[m%recentMinutes], n)
	s.Ring[s.Hour%Hours] = plus(s.Ring[s.Hour%Hours], n)
	s.Seen = m
	if s.First == 0 {
		s.First = m
	}
}

// join takes in what is remembered of a series that turned out to be the same.
func (s *series) join(o *series) {
	m := max(s.Min, o.Min)
	s.advance(m)
	o.advance(m)
	for i := range s.Ring {
		s.Ring[i] = plus(s.Ring[i], uint64(o.Ring[i]))
	}
	for i := range s.Last {
		s.Last[i] = plus(s.Last[i], uint64(o.Last[i]))
	}
	s.First, s.Seen = min(s.First, o.First), max(s.Seen, o.Seen)
}

func plus(a uint32, n uint64) uint32 { return uint32(min(uint64(a)+n, math.MaxUint32)) }

func (s *series) recent() float64 {
	n := 0.0
	for _, v := range s.Last {
		n += float64(v)
	}
	return n
}

// known is the number of whole hours that lie behind, at most Hours-1.
func (s *series) known() int64 { return min(s.Hour-s.First/60-1, Hours-1) }

// hour gives the count of the hour so many hours ago.
func (s *series) hour(ago int64) float64 { return float64(s.Ring[(s.Hour-ago)%Hours]) }

// normal gives the median of what is usual in one hour and the spread about it: the
// median absolute deviation times 1.4826, which is the standard deviation of values that
// are normally distributed. It looks at the same hour of earlier days, or the hour before
// or after it if those have more, so that a job may run a little early or late; and at all
// hours while fewer than 3 days are known. ok is false with less than 3 whole hours.
func (s *series) normal() (median, spread float64, ok bool) {
	known := s.known()
	if known < 3 {
		return 0, 0, false
	}
	var best []float64
	for shift := int64(-1); shift <= 1; shift++ {
		var same []float64
		for ago := 24 + shift; ago <= known; ago += 24 {
			same = append(same, s.hour(ago))
		}
		if len(same) < 3 {
			best = nil
			break
		}
		if m := middle(same); best == nil || m > median {
			best, median = same, m
		}
	}
	if best == nil {
		for ago := int64(1); ago <= known; ago++ {
			best = append(best, s.hour(ago))
		}
		median = middle(best)
	}
	for i, v := range best {
		best[i] = math.Abs(v - median)
	}
	return median, 1.4826 * middle(best), true
}

// middle is the median; it sorts v.
func middle(v []float64) float64 {
	slices.Sort(v)
	n := len(v)
	if n%2 == 1 {
		return v[n/2]
	}
	return (v[n/2-1] + v[n/2]) / 2
}
