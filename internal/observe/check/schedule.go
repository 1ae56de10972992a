package check

import (
	"container/heap"
	"hash/fnv"
	"time"
)

// due is one thing to do at a moment: run a probe, look for a missing result, or
// let the machine see that a deadline has passed.
type due struct {
	at   time.Time
	e    *entry
	kind dueKind
	// seq makes an older entry of the same kind void.
	seq uint32
}

type dueKind uint8

const (
	dueRun dueKind = iota
	dueMissed
	dueTick
	dueKinds
)

type queue []due

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].at.Before(q[j].at) }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(due)) }
func (q *queue) Pop() any {
	old := *q
	x := old[len(old)-1]
	old[len(old)-1] = due{}
	*q = old[:len(old)-1]
	return x
}

// phase spreads checks with the same interval over it, the same way after every
// restart: the name decides, not the moment of the start.
func phase(id string, every time.Duration) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id))
	return time.Duration(h.Sum64() % uint64(every))
}

// next is the first moment after now that has the phase of the check. Moments
// carry now's monotonic reading, so a step of the wall clock moves nothing.
func next(id string, every time.Duration, now time.Time) time.Time {
	p := phase(id, every)
	into := (time.Duration(now.UnixNano()%int64(every)) - p + every) % every
	return now.Add(every - into)
}

func (g *Engine) schedule(e *entry, kind dueKind, at time.Time) {
	g.qmu.Lock()
	e.seq[kind]++
	heap.Push(&g.q, due{at: at, e: e, kind: kind, seq: e.seq[kind]})
	first := g.q[0].at.Equal(at)
	g.qmu.Unlock()
	if first {
		select {
		case g.kick <- struct{}{}:
		default:
		}
	}
}

// cancel makes everything that waits for e void.
func (g *Engine) cancel(e *entry) {
	g.qmu.Lock()
	for k := range e.seq {
		e.seq[k]++
	}
	g.qmu.Unlock()
}

// loop takes what is due and hands it out until stop.
func (g *Engine) loop() {
	defer g.wg.Done()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		now := time.Now()
		g.qmu.Lock()
		wait := time.Hour
		var d due
		have := false
		if len(g.q) > 0 {
			if wait = g.q[0].at.Sub(now); wait <= 0 {
				d = heap.Pop(&g.q).(due)
				have = d.e.seq[d.kind] == d.seq
				wait = 0
			}
		}
		g.qmu.Unlock()
		if have {
			g.begin(d, now)
		}
		if wait <= 0 {
			if g.ctx.Err() != nil {
				return
			}
			continue
		}
		timer.Reset(wait)
		select {
		case <-g.ctx.Done():
			return
		case <-g.kick:
		case <-timer.C:
		}
	}
}

// begin starts one due thing. Executions are bounded: when too many run, the loop
// waits for one to end, and the lateness shows in mainstay_check_lateness_seconds.
func (g *Engine) begin(d due, now time.Time) {
	if d.kind != dueRun {
		g.wg.Add(1)
		go func() {
			defer g.wg.Done()
			g.deadline(d.e, d.kind)
		}()
		return
	}
	slots := g.slots
	if d.e.heavy {
		slots = g.heavySlots
	}
	select {
	case slots <- struct{}{}:
	default:
		if d.e.heavy {
			// Programs are few at a time; others must not wait for them.
			g.wg.Add(1)
			go func() {
				defer g.wg.Done()
				select {
				case slots <- struct{}{}:
					g.late.Observe(time.Since(d.at).Seconds())
					g.execute(d.e)
					<-slots
				case <-g.ctx.Done():
				}
			}()
			return
		}
		select {
		case slots <- struct{}{}:
		case <-g.ctx.Done():
			return
		}
	}
	g.late.Observe(time.Since(d.at).Seconds())
	g.wg.Add(1)
	go func() {
		defer g.wg.Done()
		g.execute(d.e)
		<-slots
	}()
}
