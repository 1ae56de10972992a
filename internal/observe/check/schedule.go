package check

import (
	"time"
)

// due is one thing to do at a moment: run a probe, look for a missing result, or
// let the machine see that a deadline has passed.
type due struct {
	at   time.Duration // since Engine.epoch, by the monotonic clock
	e    *entry
	kind dueKind
}

type dueKind uint8

const (
	dueRun dueKind = iota
	dueMissed
	dueTick
	dueKinds
)

// queue is a heap with the earliest moment first. Each check has at most one place
// for each kind and knows it, so that a later moment replaces an earlier one and
// nothing void stays behind.
type queue []due

func (q queue) place(i int) { q[i].e.pos[q[i].kind] = int32(i) + 1 }

func (q queue) swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q.place(i)
	q.place(j)
}

// settle moves the element at i to where it belongs.
func (q queue) settle(i int) {
	for i > 0 && q[i].at < q[(i-1)/2].at {
		q.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
	for {
		low := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(q); c++ {
			if q[c].at < q[low].at {
				low = c
			}
		}
		if low == i {
			return
		}
		q.swap(i, low)
		i = low
	}
}

// set gives e its place for kind, instead of the one it has.
func (q *queue) set(e *entry, kind dueKind, at time.Duration) {
	if p := e.pos[kind]; p > 0 {
		i := int(p) - 1
		(*q)[i].at = at
		q.settle(i)
		return
	}
	*q = append(*q, due{at: at, e: e, kind: kind})
	i := len(*q) - 1
	q.place(i)
	q.settle(i)
}

// take removes the place of e for kind.
func (q *queue) take(e *entry, kind dueKind) {
	p := e.pos[kind]
	if p == 0 {
		return
	}
	i, last := int(p)-1, len(*q)-1
	if i != last {
		q.swap(i, last)
	}
	e.pos[kind] = 0
	(*q)[last] = due{}
	*q = (*q)[:last]
	if i != last {
		q.settle(i)
	}
}

// schedule sets the moment of e for kind. A check that is gone gets none.
func (g *Engine) schedule(e *entry, kind dueKind, at time.Time) {
	g.qmu.Lock()
	if e.dead {
		g.qmu.Unlock()
		return
	}
	g.q.set(e, kind, at.Sub(g.epoch))
	first := e.pos[kind] == 1
	g.qmu.Unlock()
	if first {
		select {
		case g.kick <- struct{}{}:
		default:
		}
	}
}

// cancel takes e out of the queue for good.
func (g *Engine) cancel(e *entry) {
	g.qmu.Lock()
	defer g.qmu.Unlock()
	e.dead = true
	for k := range dueKinds {
		g.q.take(e, k)
	}
}

// loop takes what is due and hands it out until stop.
func (g *Engine) loop() {
	defer g.wg.Done()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for g.ctx.Err() == nil {
		wait := time.Hour
		var d due
		g.qmu.Lock()
		if len(g.q) > 0 {
			if wait = g.q[0].at - time.Since(g.epoch); wait <= 0 {
				d = g.q[0]
				g.q.take(d.e, d.kind)
			}
		}
		g.qmu.Unlock()
		if d.e != nil {
			g.begin(d)
			continue
		}
		timer.Reset(wait)
		select {
		case <-g.ctx.Done():
		case <-g.kick:
		case <-timer.C:
		}
	}
}

// begin starts one due thing. Executions are bounded: when too many run, the loop
// waits for one to end, and the lateness shows in mainstay_check_lateness_seconds.
func (g *Engine) begin(d due) {
	if d.kind != dueRun {
		g.wg.Add(1)
		go func() {
			defer g.wg.Done()
			g.deadline(d.e, d.kind)
		}()
		return
	}
	if d.e.heavy {
		// Programs are few at a time; others must not wait for them.
		g.wg.Add(1)
		go func() {
			defer g.wg.Done()
			select {
			case g.heavySlots <- struct{}{}:
				g.run(d, g.heavySlots)
			case <-g.ctx.Done():
			}
		}()
		return
	}
	select {
	case g.slots <- struct{}{}:
	case <-g.ctx.Done():
		return
	}
	g.wg.Add(1)
	go func() {
		defer g.wg.Done()
		g.run(d, g.slots)
	}()
}

// run executes d and gives its slot back.
func (g *Engine) run(d due, slots chan struct{}) {
	g.late.Observe((time.Since(g.epoch) - d.at).Seconds())
	g.execute(d.e)
	<-slots
}
