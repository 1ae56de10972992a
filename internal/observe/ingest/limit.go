package ingest

import "time"

// burst is how much of its rate a sender may use at once after a pause.
const burst = 5 * time.Second

// bucket is a limit of a rate. It lets a batch of any size pass while there is
// anything left, and then waits until the debt is paid, so that a large batch is
// neither refused for ever nor free.
type bucket struct {
	left float64
	at   time.Time
}

// take takes n out of the bucket; ok is false when the rate per second was used up.
// A rate of 0 is no limit.
func (b *bucket) take(now time.Time, n, perSecond int64) (ok bool) {
	if perSecond <= 0 {
		return true
	}
	top := float64(perSecond) * burst.Seconds()
	if b.at.IsZero() {
		b.left = top
	} else if d := now.Sub(b.at).Seconds(); d > 0 {
		b.left = min(top, b.left+d*float64(perSecond))
	}
	b.at = now
	if b.left <= 0 {
		return false
	}
	b.left -= float64(n)
	return true
}

// wait is how long until something may pass again.
func (b *bucket) wait(perSecond int64) time.Duration {
	if perSecond <= 0 || b.left > 0 {
		return 0
	}
	return time.Duration(-b.left/float64(perSecond)*float64(time.Second)) + time.Second
}
