package netpath

import (
	"container/heap"
	"context"
	"hash/fnv"
	"sync"
	"time"
)

// Wire sends probes and hears answers.
type Wire interface {
	// Send sends one probe and tells when it left. The error says why it could not.
	Send(p *Probe) (time.Time, error)
	// Can tells whether probes of this kind can be sent; the error is for people.
	Can(p Proto) error
}

// Sink takes what the engine finds. It is called from one goroutine at a time per
// target and must not block for long.
type Sink func(id string, r *Round)

const (
	// grain joins what is due at nearly the same time, so that the engine wakes at most
	// 200 times a second however many targets there are.
	grain = 5 * time.Millisecond
	// gap is the longest time between two probes of a round.
	gap = 50 * time.Millisecond
	// silentEnd is how many silent hops in a row end the search for more.
	silentEnd = 6
	// lookEvery rounds the whole way is looked at again, also beyond the target.
	lookEvery = 10
	// endTTL is that of the probe to the target itself.
	endTTL = 64
)

// Engine runs the rounds of all targets.
type Engine struct {
	wire Wire
	sink Sink

	mu      sync.Mutex
	targets map[string]*state
	queue   tasks
	tokens  [1 << 16]*probe
	next    uint16
	busy    int
	wake    chan struct{}
	unsent  int64
}

// New makes an engine over a wire. Answers of the wire go to Hear.
func New(w Wire, sink Sink) *Engine {
	return &Engine{wire: w, sink: sink, targets: map[string]*state{}, wake: make(chan struct{}, 1)}
}

// state is what is known of a target.
type state struct {
	id   string
	t    Target
	gone bool
	// distance of the target, 0 while unknown; heard the farthest hop that answered.
	distance, heard int
	// route is who answered last at each distance.
	route []Hop
	count int
	// longer counts looks that found the target farther away.
	longer int
	// looked is the round that last looked at the whole way; look asks for another.
	looked int
	look   bool
}

type probe struct {
	r     *round
	ttl   int // 0 is the probe to the target itself
	token uint16
	sent  time.Time
}

// round is one under way.
type round struct {
	st      *state
	at      time.Time
	explore bool
	hops    []Hop // by distance
	end     Hop
	// stop is the nearest distance from which there is no farther.
	stop    int
	waiting map[uint16]*probe
	sending int // tasks that are still to send
	closed  bool
	arrived int // nearest distance at which the target answered a probe for a hop
}

// Put begins or changes a target. One that did not change goes on as it is.
func (e *Engine) Put(id string, t Target) {
	t.normal()
	e.mu.Lock()
	defer e.mu.Unlock()
	if old := e.targets[id]; old != nil {
		if old.t == t {
			return
		}
		old.gone = true
	}
	st := &state{id: id, t: t}
	e.targets[id] = st
	// Targets that begin together are spread over their interval, by name, so that the
	// order of two starts of the program is the same.
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	spread := time.Duration(h.Sum32()) % t.Every
	e.push(task{at: time.Now().Add(min(spread, 2*time.Second)), st: st})
}

// Remove ends a target.
func (e *Engine) Remove(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if st := e.targets[id]; st != nil {
		st.gone = true
		delete(e.targets, id)
	}
}

// Keep removes the targets for which keep is false.
func (e *Engine) Keep(keep func(id string) bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for id, st := range e.targets {
		if !keep(id) {
			st.gone = true
			delete(e.targets, id)
		}
	}
}

// Unsent is how many probes this machine could not send.
func (e *Engine) Unsent() int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.unsent
}

// Run runs until ctx ends.
func (e *Engine) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		next := e.due(time.Now())
		timer.Reset(next)
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-e.wake:
		}
	}
}

// due does what is due and tells how long there is nothing to do.
func (e *Engine) due(now time.Time) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	for len(e.queue) > 0 && !e.queue[0].at.After(now) {
		t := heap.Pop(&e.queue).(task)
		switch {
		case t.r == nil:
			e.begin(t.st, t.at, now)
		case t.finish:
			e.finish(t.r)
		default:
			e.send(t.r, t.ttl, now)
		}
	}
	if len(e.queue) == 0 {
		return time.Hour
	}
	return max(time.Until(e.queue[0].at), grain)
}

// begin plans a round.
func (e *Engine) begin(st *state, due, now time.Time) {
	if st.gone {
		return
	}
	next := due.Add(st.t.Every)
	if next.Before(now) {
		next = now.Add(st.t.Every) // the machine slept; what was missed is not made up for
	}
	e.push(task{at: next, st: st})
	st.count++
	since := st.count - st.looked
	explore := st.count == 1 || since >= lookEvery || (st.distance == 0 && since >= 3) || (st.look && since >= 3)
	last := st.distance - 1
	if explore {
		st.looked, st.look = st.count, false
		last = st.t.MaxTTL
	}
	last = max(last, 0)
	r := &round{st: st, at: now, explore: explore, hops: make([]Hop, last), stop: st.t.MaxTTL + 1, waiting: map[uint16]*probe{}}
	if !explore && st.distance == 0 {
		// Nobody knows how far the target is: the hops that answered are asked.
		r.hops = make([]Hop, min(st.heard, st.t.MaxTTL))
		last = len(r.hops)
	}
	for i := range r.hops {
		r.hops[i].Code = NotSent // until it is
	}
	step := min(gap, st.t.Every*6/10/time.Duration(last+1))
	r.sending = last + 1
	e.push(task{at: now, st: st, r: r})
	for ttl := 1; ttl <= last; ttl++ {
		e.push(task{at: now.Add(step * time.Duration(ttl)), st: st, r: r, ttl: ttl})
	}
	e.push(task{at: now.Add(step*time.Duration(last) + Wait), st: st, r: r, finish: true})
}

// send sends one probe of a round, unless it is known already that nobody is there.
func (e *Engine) send(r *round, ttl int, _ time.Time) {
	r.sending--
	if r.closed || r.st.gone {
		return
	}
	if r.explore && ttl > 0 && (ttl > r.stop || (ttl > r.st.distance && r.quiet(ttl))) {
		e.maybeClose(r)
		return
	}
	p := &probe{r: r, ttl: ttl}
	if !e.token(p) {
		e.fail(r, ttl)
		return
	}
	t := r.st.t
	x := Probe{Addr: t.Addr, Proto: t.Proto, Port: t.Port, TTL: ttl, Size: t.Size, DSCP: t.DSCP, Token: p.token}
	if ttl == 0 {
		x.TTL = endTTL
	}
	at, err := e.wire.Send(&x)
	if err != nil {
		e.release(p)
		e.fail(r, ttl)
		return
	}
	p.sent = at
	r.waiting[p.token] = p
	if ttl > 0 {
		r.hops[ttl-1].Code = Silent
	}
}

// fail notes that a probe could not be sent.
func (e *Engine) fail(r *round, ttl int) {
	e.unsent++
	if ttl == 0 {
		r.end.Code = NotSent
	} else {
		r.hops[ttl-1].Code = NotSent
	}
	e.maybeClose(r)
}

// quiet tells whether the hops before ttl are silent for so long that no more is
// expected. Answers that are still under way count as silence; the next round knows.
func (r *round) quiet(ttl int) bool {
	if ttl <= silentEnd || ttl <= r.st.heard+silentEnd {
		return false
	}
	for i := ttl - 1 - silentEnd; i < ttl-1; i++ {
		if r.hops[i].Answered() {
			return false
		}
	}
	return true
}

// token gives a probe a number that no other probe under way has.
func (e *Engine) token(p *probe) bool {
	if e.busy >= len(e.tokens)-2 {
		return false
	}
	for {
		e.next++
		if e.next != 0 && e.tokens[e.next] == nil {
			p.token = e.next
			e.tokens[e.next] = p
			e.busy++
			return true
		}
	}
}

func (e *Engine) release(p *probe) {
	if e.tokens[p.token] == p {
		e.tokens[p.token] = nil
		e.busy--
	}
}

// Hear takes an answer from the wire.
func (e *Engine) Hear(a Answer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.tokens[a.Token]
	if p == nil || p.sent.IsZero() || a.To.WithZone("") != p.r.st.t.Addr.WithZone("") {
		return
	}
	e.release(p)
	r := p.r
	delete(r.waiting, p.token)
	h := Hop{Addr: a.From, RTT: max(a.At.Sub(p.sent), 0), Code: a.Code}
	if p.ttl == 0 {
		r.end = h
	} else {
		r.hops[p.ttl-1] = h
		r.st.heard = max(r.st.heard, p.ttl)
		if a.Code == Reached && (r.arrived == 0 || p.ttl < r.arrived) {
			r.arrived = p.ttl
			if r.st.distance == 0 || p.ttl < r.st.distance {
				r.st.distance = p.ttl // rounds that begin before this one ends need it
			}
		}
		if a.Code != Exceeded {
			r.stop = min(r.stop, p.ttl)
		}
	}
	e.maybeClose(r)
}

func (e *Engine) maybeClose(r *round) {
	if r.sending == 0 && len(r.waiting) == 0 {
		e.finish(r)
	}
}

// finish sums a round up.
func (e *Engine) finish(r *round) {
	if r.closed {
		return
	}
	r.closed = true
	for _, p := range r.waiting {
		e.release(p)
	}
	r.waiting = nil
	if r.st.gone {
		return
	}
	e.sink(r.st.id, r.st.take(r))
}

// take learns from a round and gives it as others see it.
func (st *state) take(r *round) *Round {
	out := &Round{At: r.at, End: r.end, Arrived: r.end.Code == Reached}
	far := 0
	for i, h := range r.hops[:min(len(r.hops), r.stop)] {
		if h.Answered() {
			far = i + 1
		}
	}
	if r.explore {
		st.heard = far
	} else {
		st.heard = max(st.heard, far)
	}
	switch {
	case r.arrived > 0:
		// Beyond this distance is nobody. A round that does not look so far cannot know
		// that the way became longer, a look at the whole way can.
		st.setDistance(r)
	case r.explore && out.Arrived:
		st.look = true // the probe to the right distance was lost
	}
	n := st.distance
	if n == 0 || (!out.Arrived && far > n) {
		n = far
	}
	out.Hops = make([]Hop, n)
	// Who refuses does so at every distance from his own on.
	for i := copy(out.Hops, r.hops[:min(len(r.hops), r.stop)]); i < n; i++ {
		out.Hops[i].Code = NotSent
	}
	// While the distance is not known, only the answer of the target is told.
	if st.distance > 0 && (out.Arrived || out.Hops[st.distance-1].Code == Reached || !out.Hops[st.distance-1].Answered()) {
		// The row of the target is that of the probe with hops to spare.
		out.Hops[st.distance-1] = Hop{Code: r.end.Code}
		if out.Arrived {
			out.Hops[st.distance-1] = out.End
		} else if r.end.Answered() {
			out.Hops[st.distance-1].Code = Silent // somebody before it refused
		}
	}
	st.changed(out)
	return out
}

// setDistance learns how far the target is. That it is farther than before is believed
// when somebody else answered at the old distance, or at the third time: a lost probe
// looks the same.
func (st *state) setDistance(r *round) {
	if st.distance > 0 && r.arrived > st.distance && r.hops[st.distance-1].Code != Exceeded {
		if st.longer++; st.longer < 3 {
			st.look = true
			return
		}
	}
	st.distance, st.longer = r.arrived, 0
}

// changed asks for a look at the whole way when it is not what it was.
func (st *state) changed(r *Round) {
	if !r.Arrived {
		st.look = true
	}
	for len(st.route) < len(r.Hops) {
		st.route = append(st.route, Hop{})
	}
	for i, h := range r.Hops {
		if !h.Answered() {
			continue
		}
		if st.route[i].Addr.IsValid() && st.route[i].Addr != h.Addr {
			st.look = true
		}
		st.route[i] = h
	}
}

// task is something to do at a time: begin a round, send a probe of it, or end it.
type task struct {
	at     time.Time
	st     *state
	r      *round
	ttl    int
	finish bool
}

func (e *Engine) push(t task) {
	heap.Push(&e.queue, t)
	if e.queue[0].at.Equal(t.at) {
		select {
		case e.wake <- struct{}{}:
		default:
		}
	}
}

type tasks []task

func (q tasks) Len() int           { return len(q) }
func (q tasks) Less(i, j int) bool { return q[i].at.Before(q[j].at) }
func (q tasks) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }

// Push implements heap.Interface.
func (q *tasks) Push(x any) { *q = append(*q, x.(task)) }

// Pop implements heap.Interface.
func (q *tasks) Pop() any {
	old := *q
	t := old[len(old)-1]
	old[len(old)-1] = task{}
	*q = old[:len(old)-1]
	return t
}
