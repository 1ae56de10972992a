package unusual

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"
)

// Tick judges the window so far, and ends it when it is over. It is called every few
// seconds with the present time.
func (e *Engine) Tick(now time.Time) (raised []Finding, ended []Ended) {
	if e.start.IsZero() {
		return nil, nil
	}
	judged := e.judge(now)
	// The worst come first when there is not room for all.
	slices.SortFunc(judged, func(a, b Finding) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Key, b.Key)) })
	for _, f := range judged {
		id := string(f.Kind) + " " + f.Key
		if o := e.open[id]; o != nil {
			o.seen = true
			continue
		}
		if len(e.open) >= maxOpen {
			e.Skipped++
			continue
		}
		e.open[id] = &open{f, true}
		raised = append(raised, f)
	}
	if now.Before(e.start.Add(Window)) {
		return raised, nil
	}
	e.learn(now)
	for id, o := range e.open {
		if !o.seen || e.rules.off[o.Kind] || in(e.rules.ignore, o.Subject) {
			delete(e.open, id)
			ended = append(ended, Ended{o.Kind, o.Key, now, over(o.Kind, e.rules.off[o.Kind] || in(e.rules.ignore, o.Subject))})
		} else {
			o.seen = false
		}
	}
	slices.SortFunc(ended, func(a, b Ended) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Key, b.Key)) })
	e.clear()
	e.start = now.Truncate(Window)
	return raised, ended
}

func over(k Kind, unwanted bool) string {
	switch {
	case unwanted:
		return "It is not judged any more."
	case k == NewTalker:
		return "It was told once; from now on the two are known to talk."
	}
	return "Nothing of the kind was seen for five minutes."
}

// judge tells what is over its limit in the window so far.
func (e *Engine) judge(now time.Time) []Finding {
	var out []Finding
	add := func(f Finding) {
		if e.rules.off[f.Kind] || now.Sub(e.begun) < e.rules.learning() {
			return
		}
		f.Began, f.At = cmp.Or(f.Began, e.start), cmp.Or(f.At, now)
		out = append(out, f)
	}
	for _, f := range e.met {
		add(f)
	}
	e.met = nil
	busy := map[netip.Addr]bool{} // a scanner has many peers, which is not told twice
	for k, ports := range e.pairs {
		if n := ports.count(); n >= float64(e.rules.ScanPorts) {
			busy[k.src] = true
			add(Finding{
				Kind: PortScan, Key: k.src.String() + " " + k.dst.String(), Subject: k.src, Peer: k.dst, Critical: in(e.rules.inside, k.src),
				Title:  fmt.Sprintf("%s scans the ports of %s", k.src, k.dst),
				Reason: fmt.Sprintf("%s tried about %s ports of %s in %s, with packets of little content. The limit is %d in five minutes.", k.src, about(n), k.dst, e.so(now), e.rules.ScanPorts),
			})
		}
	}
	for k, hosts := range e.tries {
		n := hosts.count()
		was := e.usualOf(k.src).Tries
		if n < float64(e.rules.SweepHosts) || n < was*e.rules.Factor {
			continue
		}
		busy[k.src] = true
		add(Finding{
			Kind: Sweep, Key: fmt.Sprintf("%s %d", k.src, k.port), Subject: k.src, Port: k.port, Critical: in(e.rules.inside, k.src),
			Title:  fmt.Sprintf("%s tries port %d of many addresses", k.src, k.port),
			Reason: fmt.Sprintf("%s tried port %d of about %s addresses in %s, with packets of little content. %s The limit is %d in five minutes.", k.src, k.port, about(n), e.so(now), usually(was, "address", "addresses"), e.rules.SweepHosts),
		})
	}
	for a, h := range e.hosts {
		e.judgeHost(now, a, h, busy[a], add)
	}
	return out
}

func (e *Engine) judgeHost(now time.Time, a netip.Addr, h *host, scans bool, add func(Finding)) {
	u := e.usualOf(a)
	fresh := u.First.IsZero() || now.Sub(u.First) < e.rules.learning()
	if n := h.peers.count(); !scans && !fresh && n >= float64(e.rules.FanOutHosts) && n >= u.Peers*e.rules.Factor {
		add(Finding{
			Kind: FanOut, Key: a.String(), Subject: a, Title: fmt.Sprintf("%s talks to many more addresses than usual", a),
			Reason: fmt.Sprintf("%s talked to about %s addresses in %s. %s", a, about(n), e.so(now), usually(u.Peers, "address", "addresses")),
		})
	}
	if least := float64(e.rules.OutflowMB) * 1e6; !fresh && float64(h.out) >= least && float64(h.out) >= u.Out*e.rules.Factor {
		add(Finding{
			Kind: Outflow, Key: a.String(), Subject: a, Peer: h.outTo, Critical: true, Title: fmt.Sprintf("%s sends much more to the outside than usual", a),
			Reason: fmt.Sprintf("%s sent %s to the outside in %s, the most at once to %s. At its usual peak it sends %s in five minutes.", a, megabytes(float64(h.out)), e.so(now), h.outTo, megabytes(u.Out)),
		})
	}
	seconds := max(now.Sub(e.start).Seconds(), 60)
	perSecond := float64(h.packets) / seconds
	// What floods somebody else's address is not ours to judge.
	if !in(e.rules.inside, a) && !e.important[a] {
		return
	}
	n := h.sources.count()
	many := n >= float64(e.rules.FloodSources) && n >= u.Sources*e.rules.Factor
	if perSecond >= float64(e.rules.FloodPackets) && perSecond >= u.Packets*e.rules.Factor || many {
		add(Finding{
			Kind: Flood, Key: a.String(), Subject: a, Critical: true, Title: fmt.Sprintf("%s is flooded with traffic", a),
			Reason: fmt.Sprintf("%s got %s packets per second from about %s senders in %s. At its usual peak it gets %s packets per second from %s senders.", a, about(perSecond), about(n), e.so(now), about(u.Packets), about(u.Sources)),
		})
	}
}

// so is the time that the figures of the window are about.
func (e *Engine) so(now time.Time) string {
	m := int(math.Ceil(now.Sub(e.start).Minutes()))
	if m <= 1 {
		return "one minute"
	}
	return fmt.Sprintf("%d minutes", min(m, 5))
}

func (e *Engine) usualOf(a netip.Addr) usual {
	if u := e.usual[a]; u != nil {
		return *u
	}
	return usual{}
}

// learn takes the window into what is usual. What an open finding tells is not learned:
// an attack that lasts must not become usual.
func (e *Engine) learn(now time.Time) {
	strange := map[netip.Addr]bool{}
	for _, o := range e.open {
		if o.Kind != NewTalker {
			strange[o.Subject] = true
		}
	}
	tries := map[netip.Addr]float64{}
	for k, b := range e.tries {
		tries[k.src] = max(tries[k.src], b.count())
	}
	seconds := max(now.Sub(e.start).Seconds(), 60)
	for a, h := range e.hosts {
		u := e.usual[a]
		if u == nil {
			if len(e.usual) >= maxHosts {
				e.forget()
			}
			u = &usual{First: e.start}
			e.usual[a] = u
		}
		u.Last = now
		if strange[a] {
			continue
		}
		u.Peers = max(h.peers.count(), u.Peers*fade)
		u.Out = max(float64(h.out), u.Out*fade)
		u.Packets = max(float64(h.packets)/seconds, u.Packets*fade)
		u.Sources = max(h.sources.count(), u.Sources*fade)
		u.Tries = max(tries[a], u.Tries*fade)
	}
}

// forget makes room: a tenth of the addresses, those silent longest.
func (e *Engine) forget() {
	type old struct {
		a  netip.Addr
		at time.Time
	}
	all := make([]old, 0, len(e.usual))
	for a, u := range e.usual {
		all = append(all, old{a, u.Last})
	}
	slices.SortFunc(all, func(x, y old) int { return x.at.Compare(y.at) })
	for _, o := range all[:max(len(all)/10, 1)] {
		delete(e.usual, o.a)
	}
}

// about writes an estimate: two figures are what it is good for.
func about(n float64) string {
	if n < 100 {
		return fmt.Sprintf("%.0f", n)
	}
	p := math.Pow(10, math.Floor(math.Log10(n))-1)
	return fmt.Sprintf("%.0f", math.Round(n/p)*p)
}

func usually(n float64, one, many string) string {
	if n < 1 {
		return "Usually it is none."
	}
	if n < 1.5 {
		return "At its usual peak it is one " + one + "."
	}
	return fmt.Sprintf("At its usual peak it is about %s %s.", about(n), many)
}

func megabytes(n float64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", n/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.0f MB", n/1e6)
	}
	return fmt.Sprintf("%.1f MB", n/1e6)
}

func days(d time.Duration) string {
	if n := int(d.Hours() / 24); n >= 2 {
		return fmt.Sprintf("%d days", n)
	}
	if n := int(d.Hours()); n >= 2 {
		return fmt.Sprintf("%d hours", n)
	}
	return fmt.Sprintf("%d minutes", max(int(d.Minutes()), 1))
}
