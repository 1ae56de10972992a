package netpath

import (
	"math"
	"time"
)

// Stats sums up the answers from one distance, or of a target. The zero value is ready.
type Stats struct {
	Sent, Lost int64
	Min, Max   time.Duration
	sum        time.Duration
	squares    float64
	last       time.Duration
	diffs      time.Duration
	pairs      int64
}

// Add takes an answer.
func (s *Stats) Add(rtt time.Duration) {
	s.Sent++
	n := s.Answers()
	if n == 1 || rtt < s.Min {
		s.Min = rtt
	}
	if rtt > s.Max {
		s.Max = rtt
	}
	s.sum += rtt
	s.squares += rtt.Seconds() * rtt.Seconds()
	if n > 1 {
		s.diffs += (rtt - s.last).Abs()
		s.pairs++
	}
	s.last = rtt
}

// Lose takes a probe without an answer.
func (s *Stats) Lose() { s.Sent++; s.Lost++ }

// Take adds a hop of a round; probes that this machine could not send do not count.
func (s *Stats) Take(h Hop) {
	switch {
	case h.Answered():
		s.Add(h.RTT)
	case h.Code == Silent:
		s.Lose()
	}
}

// TakeEnd adds what became of the probe to the target. That somebody on the way refused
// it is a loss.
func (s *Stats) TakeEnd(r *Round) {
	switch {
	case r.Arrived:
		s.Add(r.End.RTT)
	case r.End.Code != NotSent:
		s.Lose()
	}
}

// Answers is how many there were.
func (s *Stats) Answers() int64 { return s.Sent - s.Lost }

// Loss is lost divided by sent, 0 to 1; 0 without any.
func (s *Stats) Loss() float64 {
	if s.Sent == 0 {
		return 0
	}
	return float64(s.Lost) / float64(s.Sent)
}

// Mean of the round trip times; 0 without any.
func (s *Stats) Mean() time.Duration {
	if s.Answers() == 0 {
		return 0
	}
	return s.sum / time.Duration(s.Answers())
}

// Last is the round trip time of the last answer.
func (s *Stats) Last() time.Duration { return s.last }

// Deviation is the standard deviation of the round trip times.
func (s *Stats) Deviation() time.Duration {
	n := float64(s.Answers())
	if n < 2 {
		return 0
	}
	m := s.sum.Seconds() / n
	return time.Duration(math.Sqrt(max(0, s.squares/n-m*m)) * float64(time.Second))
}

// Jitter is the mean of the absolute differences between one answer and the next. It
// can be told for any window; the running estimate of RFC 3550 cannot.
func (s *Stats) Jitter() time.Duration {
	if s.pairs == 0 {
		return 0
	}
	return s.diffs / time.Duration(s.pairs)
}

// MOS is MOS of these answers, and 0 when nothing was sent.
func (s *Stats) MOS() float64 {
	if s.Sent == 0 {
		return 0
	}
	if s.Answers() == 0 {
		return 1
	}
	return MOS(s.Mean(), s.Jitter(), s.Loss())
}

// MOS estimates how people would judge a call, 1 (bad) to 4.41, by a simplified
// E-model (ITU-T G.107) for G.711 with concealment of lost packets:
//
//	d  = rtt/2 + 2*jitter (a buffer that evens the jitter out), in ms
//	Id = 0.024*d + 0.11*(d-177.3) where d > 177.3 (Cole and Rosenbluth, 2001)
//	Ie = 95*loss/(loss+25.1), loss in percent (G.107, Ie = 0; Bpl of G.113 appendix I)
//	R  = 93.2 - Id - Ie
//	MOS = 1 + 0.035*R + R*(R-60)*(100-R)*7e-6
func MOS(rtt, jitter time.Duration, loss float64) float64 {
	d := rtt.Seconds()*1000/2 + 2*jitter.Seconds()*1000
	id := 0.024 * d
	if d > 177.3 {
		id += 0.11 * (d - 177.3)
	}
	p := loss * 100
	r := 93.2 - id - 95*p/(p+25.1)
	if r <= 0 {
		return 1
	}
	return max(1, 1+0.035*r+r*(r-60)*(100-r)*7e-6)
}
