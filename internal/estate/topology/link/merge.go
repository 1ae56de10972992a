package link

import (
	"cmp"
	"math"
	"slices"
	"time"
)

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// pair is two devices and a layer.
type pair struct{ layer, a, b string }

// half is a claim turned so that A comes first; reversed says that B made it.
type half struct {
	a, b     End
	reversed bool
	ev       Evidence
}

// merge makes one link out of all claims about the same two ports.
func merge(claims []claim, staleBefore time.Time) []Link {
	by := map[pair][]half{}
	for _, c := range claims {
		h := half{a: c.from, b: c.to, ev: c.ev}
		if c.layer != Service && c.to.id() < c.from.id() {
			h = half{a: c.to, b: c.from, reversed: true, ev: c.ev}
		}
		k := pair{c.layer, h.a.id(), h.b.id()}
		by[k] = append(by[k], h)
	}
	var out []Link
	for k, hs := range by {
		for _, l := range joinPair(hs) {
			l.Layer = k.layer
			out = append(out, l)
		}
	}
	out = supersede(out)
	support(out)
	for i := range out {
		out[i].finish(staleBefore)
	}
	slices.SortFunc(out, func(x, y Link) int {
		return cmp.Or(cmp.Compare(x.Layer, y.Layer), cmp.Compare(x.A.id(), y.A.id()), cmp.Compare(x.B.id(), y.B.id()), cmp.Compare(x.A.Port, y.A.Port), cmp.Compare(x.B.Port, y.B.Port))
	})
	return out
}

type ports struct{ a, b string }

// joinPair joins the claims about two devices. A claim that does not know one port
// joins the only link that has the other port; two claims of which each knows
// another port join when they are the only ones.
func joinPair(hs []half) []Link {
	groups := map[ports][]half{}
	for _, h := range hs {
		k := ports{h.a.Port, h.b.Port}
		groups[k] = append(groups[k], h)
	}
	keys := func(fits func(ports) bool) []ports {
		var out []ports
		for k := range groups {
			if fits(k) {
				out = append(out, k)
			}
		}
		slices.SortFunc(out, func(x, y ports) int { return cmp.Or(cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b)) })
		return out
	}
	move := func(from, to ports) {
		groups[to] = append(groups[to], groups[from]...)
		delete(groups, from)
	}
	full := func(k ports) bool { return k.a != "" && k.b != "" }
	onlyA := func(k ports) bool { return k.a != "" && k.b == "" }
	onlyB := func(k ports) bool { return k.a == "" && k.b != "" }
	for _, k := range keys(onlyA) {
		if f := keys(func(o ports) bool { return full(o) && o.a == k.a }); len(f) == 1 {
			move(k, f[0])
		}
	}
	for _, k := range keys(onlyB) {
		if f := keys(func(o ports) bool { return full(o) && o.b == k.b }); len(f) == 1 {
			move(k, f[0])
		}
	}
	if as, bs := keys(onlyA), keys(onlyB); len(as) == 1 && len(bs) == 1 {
		to := ports{as[0].a, bs[0].b}
		move(as[0], to)
		move(bs[0], to)
	}
	if _, bare := groups[ports{}]; bare {
		if rest := keys(func(k ports) bool { return k != ports{} }); len(rest) == 1 {
			move(ports{}, rest[0])
		}
	}
	out := make([]Link, 0, len(groups))
	for _, k := range keys(func(ports) bool { return true }) {
		l := Link{A: groups[k][0].a, B: groups[k][0].b}
		l.A.Port, l.B.Port = k.a, k.b
		for _, h := range groups[k] {
			l.A.Label, l.B.Label = better(l.A.Label, h.a.Label), better(l.B.Label, h.b.Label)
			l.add(h.ev, h.reversed)
			said := current
			if h.ev.Gone {
				said = former
			}
			if h.reversed {
				l.saidB, l.lastB = max(l.saidB, said), later(l.lastB, h.ev.Last)
			} else {
				l.saidA, l.lastA = max(l.saidA, said), later(l.lastA, h.ev.Last)
			}
		}
		out = append(out, l)
	}
	return out
}

// supersede drops links that were left behind when something moved. Nobody sees them
// any more, or the device of a port does not, and something else is on the port now;
// or one end does not, and the other was seen elsewhere after it was last heard.
// A link that was only cut stays until it is old.
func supersede(ls []Link) []Link {
	key := func(e End) string { return e.id() + "\x00" + e.Port }
	now, own, since := map[string]bool{}, map[string]bool{}, map[string]time.Time{}
	for _, l := range ls {
		if l.Layer != Physical {
			continue
		}
		a, b := l.says(true), l.says(false)
		if a == current || b == current {
			for _, k := range []string{key(l.A), key(l.B)} {
				now[k] = true
				since[k] = later(since[k], l.from())
			}
		}
		if a == current {
			own[key(l.A)] = true
		}
		if b == current {
			own[key(l.B)] = true
		}
	}
	return slices.DeleteFunc(ls, func(l Link) bool {
		if l.Layer != Physical {
			return false
		}
		a, b := l.says(true), l.says(false)
		left := a != current && b != current && (now[key(l.A)] || now[key(l.B)])
		moved := a == former && b == current && since[key(l.B)].After(l.lastB) || b == former && a == current && since[key(l.A)].After(l.lastA)
		return left || moved || a == former && own[key(l.A)] || b == former && own[key(l.B)]
	})
}

// from is when what is said of a link now was said first.
func (l *Link) from() time.Time {
	var at time.Time
	for _, e := range l.Evidence {
		if !e.Gone && (at.IsZero() || e.First.Before(at)) {
			at = e.First
		}
	}
	return at
}

// What an end says of a link.
const (
	nothing = iota
	former
	current
)

// says tells what side A, or B, says of the link now.
func (l *Link) says(sideA bool) int {
	if sideA {
		return l.saidA
	}
	return l.saidB
}

// better chooses between labels so that the order of claims does not matter: a name
// comes before a hardware address, and the longer one says more.
func better(a, b string) string {
	if a != "" && b != "" && (MAC(a) == "") != (MAC(b) == "") {
		if MAC(a) == "" {
			return a
		}
		return b
	}
	if len(b) > len(a) || len(b) == len(a) && b < a {
		return b
	}
	return a
}

// add joins evidence of the same protocol.
func (l *Link) add(e Evidence, fromB bool) {
	e.FromA, e.FromB = !fromB, fromB
	for i := range l.Evidence {
		if l.Evidence[i].Protocol == e.Protocol {
			l.Evidence[i].join(e)
			return
		}
	}
	l.Evidence = append(l.Evidence, e)
}

func (e *Evidence) join(o Evidence) {
	e.FromA, e.FromB = e.FromA || o.FromA, e.FromB || o.FromB
	e.Weight = max(e.Weight, o.Weight)
	e.Gone = e.Gone && o.Gone
	e.First, e.Last = earlier(e.First, o.First), later(e.Last, o.Last)
	if e.VLAN == 0 || o.VLAN != 0 && o.VLAN < e.VLAN {
		e.VLAN = o.VLAN
	}
	e.Ports, e.Processes = union(e.Ports, o.Ports), union(e.Processes, o.Processes)
}

func union[T cmp.Ordered](a, b []T) []T {
	out := append(slices.Clone(a), b...)
	slices.Sort(out)
	out = slices.Compact(out)
	return out[:min(len(out), 50)]
}

// support lets an address table speak for a link between the same devices over the
// same port.
func support(ls []Link) {
	arp := map[[2]string][]Link{}
	for _, l := range ls {
		if l.Layer == Adjacent {
			k := [2]string{l.A.Device, l.B.Device}
			arp[k] = append(arp[k], l)
		}
	}
	for i := range ls {
		l := &ls[i]
		if l.Layer != Physical || l.A.Device == "" || l.B.Device == "" {
			continue
		}
		for _, o := range arp[[2]string{l.A.Device, l.B.Device}] {
			if o.A.Port != "" && o.A.Port != l.A.Port || o.B.Port != "" && o.B.Port != l.B.Port {
				continue
			}
			for _, e := range o.Evidence {
				if e.Protocol != ARP {
					continue
				}
				if e.FromA {
					l.add(e, false)
				}
				if e.FromB {
					l.add(e, true)
				}
			}
		}
	}
}

// finish gives the link its times and confidence: 1 - Π(1 - w), over every
// direction of every protocol, where w is the weight of the evidence, halved when
// it is older than staleBefore.
func (l *Link) finish(staleBefore time.Time) {
	slices.SortFunc(l.Evidence, func(a, b Evidence) int { return cmp.Compare(rank(a.Protocol), rank(b.Protocol)) })
	doubt := 1.0
	for i, e := range l.Evidence {
		w := e.Weight
		if e.Last.Before(staleBefore) {
			w *= old
		}
		if e.FromA {
			doubt *= 1 - w
		}
		if e.FromB {
			doubt *= 1 - w
		}
		if i == 0 {
			l.First, l.Last = e.First, e.Last
		}
		l.First, l.Last = earlier(l.First, e.First), later(l.Last, e.Last)
	}
	l.Confidence = math.Round((1-doubt)*1000) / 1000
}

func rank(protocol string) int {
	return slices.Index([]string{LLDP, CDP, Bridge, ARP, Route, Connection}, protocol)
}
