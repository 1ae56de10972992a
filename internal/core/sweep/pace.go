package sweep

import (
	"context"
	"sync"
	"time"
)

// catchUp is how late packets may be sent at once: timers wake some milliseconds
// late, and the rate is still to be met.
const catchUp = 20 * time.Millisecond

// pacer hands out moments to send at, one for each packet, at an even rate.
type pacer struct {
	mu    sync.Mutex
	every time.Duration
	next  time.Time
}

func newPacer(perSecond float64) *pacer {
	return &pacer{every: time.Duration(float64(time.Second) / max(perSecond, 0.1))}
}

// reserve takes the next moment and gives how long it is until then.
func (p *pacer) reserve() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if oldest := now.Add(-catchUp); p.next.Before(oldest) {
		p.next = oldest
		if p.every > catchUp {
			p.next = now
		}
	}
	d := p.next.Sub(now)
	p.next = p.next.Add(p.every)
	return d
}

// wait reserves and waits.
func (p *pacer) wait(ctx context.Context) error {
	d := p.reserve()
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// ledger knows up to which index everything is done.
type ledger struct {
	mu   sync.Mutex
	bits []uint64
	low  int
	n    int
	done int
}

func newLedger(n, from int) *ledger {
	return &ledger{bits: make([]uint64, n/64+1), low: from, n: n, done: from}
}

// mark notes that index i is done.
func (l *ledger) mark(i int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i < l.low || i >= l.n || l.bits[i/64]&(1<<(i%64)) != 0 {
		return
	}
	l.bits[i/64] |= 1 << (i % 64)
	l.done++
	for l.low < l.n && l.bits[l.low/64]&(1<<(l.low%64)) != 0 {
		l.low++
	}
}

// state gives how many are done, and the first index that is not.
func (l *ledger) state() (done, low int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.done, l.low
}
