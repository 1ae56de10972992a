package sweep

import (
	"context"
	"net/netip"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/icmp"
)

// question is an echo request under way.
type question struct {
	index int
	addr  netip.Addr
	name  string
	token uint64
	sock  *icmp.Socket
	tries int
	until time.Time
}

// asker sends echo requests at the rate of the plan and sorts targets into those
// that are there and those that are silent.
type asker struct {
	*Sweep
	ctx     context.Context
	live    chan<- *Host
	replies chan icmp.Reply
	waiting map[int]*question
	// line holds questions in the order in which they end.
	line  []*question
	again []*question
	// refused is set once when this process may not send echo requests.
	refused bool
}

// ask gives every target to live that is there or has to be looked at anyway.
func (s *Sweep) ask(ctx context.Context, live chan<- *Host) {
	a := &asker{Sweep: s, ctx: ctx, live: live, replies: make(chan icmp.Reply, 8192), waiting: map[int]*question{}}
	defer a.drop()
	names := s.resolve(ctx)
	a.plan.Targets.each(a.plan.From, func(i int, addr netip.Addr, name string) bool {
		if name != "" {
			if addr = names.address(ctx, name); !addr.IsValid() {
				if ctx.Err() == nil {
					s.plan.Say("The name " + name + " leads to no address.")
					s.led.mark(i)
				}
				return ctx.Err() == nil
			}
		}
		if !allowed(addr) {
			s.led.mark(i)
			return true
		}
		a.put(&question{index: i, addr: addr, name: name})
		for len(a.again) > 0 && ctx.Err() == nil {
			q := a.again[0]
			a.again = a.again[1:]
			a.put(q)
		}
		return ctx.Err() == nil
	})
	for ctx.Err() == nil && (len(a.waiting) > 0 || len(a.again) > 0) {
		if len(a.again) > 0 {
			q := a.again[0]
			a.again = a.again[1:]
			a.put(q)
			continue
		}
		a.idle(time.Until(a.line[0].until))
	}
}

// put sends a question once its moment has come.
func (a *asker) put(q *question) {
	if !a.plan.Ping || a.refused {
		a.silent(q)
		return
	}
	a.idle(a.pace.reserve())
	if a.ctx.Err() != nil {
		return
	}
	sock, err := a.net.Ping.Of(q.addr)
	if err != nil {
		a.refused = true
		a.plan.Say("Echo requests cannot be sent: " + err.Error() + ". Addresses are tried by TCP instead.")
		a.silent(q)
		return
	}
	q.sock, q.tries, q.until = sock, q.tries+1, time.Now().Add(a.plan.Timeout)
	a.waiting[q.index] = q
	a.sent.Add(1)
	if q.token, err = sock.Send(q.addr, q.index, a.replies); err != nil {
		// There is no way to the address, or its host said that nobody is there.
		delete(a.waiting, q.index)
		a.silent(q)
		return
	}
	a.line = append(a.line, q)
}

// idle takes answers and ends questions for d, at least those that are due now.
func (a *asker) idle(d time.Duration) {
	for {
		select {
		case r := <-a.replies:
			a.answered1(r)
			continue
		default:
		}
		break
	}
	a.expire()
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	for {
		select {
		case r := <-a.replies:
			a.answered1(r)
		case <-t.C:
			a.expire()
			return
		case <-a.ctx.Done():
			return
		}
	}
}

func (a *asker) answered1(r icmp.Reply) {
	q := a.waiting[r.Seq]
	if q == nil {
		return
	}
	delete(a.waiting, r.Seq)
	a.hand(&Host{Index: q.index, Address: q.addr, Asked: q.name, SeenBy: "icmp", RTT: r.RTT})
}

// expire ends the questions whose time is over.
func (a *asker) expire() {
	now := time.Now()
	n := 0
	for n < len(a.line) && (a.waiting[a.line[n].index] != a.line[n] || !a.line[n].until.After(now)) {
		q := a.line[n]
		n++
		if a.waiting[q.index] != q {
			continue
		}
		delete(a.waiting, q.index)
		q.sock.Forget(q.token)
		if q.tries < a.plan.Tries {
			a.again = append(a.again, &question{index: q.index, addr: q.addr, name: q.name, tries: q.tries})
			continue
		}
		a.silent(q)
	}
	a.line = a.line[n:]
	if len(a.line) == 0 {
		a.line = nil
	}
}

// silent is for an address that gave no echo: ARP may know it, and the plan may
// want it tried anyway. A name is always looked at: somebody typed it.
func (a *asker) silent(q *question) {
	h := &Host{Index: q.index, Address: q.addr, Asked: q.name}
	if a.mac(q.addr) != "" {
		h.SeenBy = "arp"
	}
	blind := !a.plan.Ping || a.refused
	if h.SeenBy == "" && !a.plan.Everything && !blind && q.name == "" {
		a.led.mark(q.index)
		return
	}
	a.hand(h)
}

func (a *asker) hand(h *Host) {
	select {
	case a.live <- h:
	case <-a.ctx.Done():
	}
}

// drop forgets what is under way when the sweep ends early.
func (a *asker) drop() {
	for _, q := range a.waiting {
		q.sock.Forget(q.token)
	}
}
