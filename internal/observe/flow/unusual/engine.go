package unusual

import (
	"net/netip"
	"time"
)

// Window is the length of time over which traffic is judged.
const Window = 5 * time.Minute

// The limits of memory: addresses with a memory of what is usual, pairs and ports that
// one window counts, talkers of one important address, and open findings.
const (
	maxHosts   = 50_000
	maxPairs   = 100_000
	maxTries   = 100_000
	maxTalkers = 2_000
	maxOpen    = 500
)

// Record is a report of traffic in one direction.
type Record struct {
	At       time.Time
	Src, Dst netip.Addr
	Protocol uint8
	DstPort  uint16
	// ToServer tells that it goes from a client to a server.
	ToServer       bool
	Flags          uint16 // of TCP
	Bytes, Packets uint64
	Service        string // for people: "tcp/443"
}

// Finding is something unusual that began.
type Finding struct {
	Kind Kind `json:"kind"`
	// Key tells it apart from others of its kind for as long as it lasts.
	Key     string     `json:"key"`
	Subject netip.Addr `json:"subject"` // who does it; of a flood, to whom it is done
	Peer    netip.Addr `json:"peer"`    // zero where there are many
	Port    uint16     `json:"port"`
	// Title and Reason are for people; Reason has the figures.
	Title, Reason string
	Critical      bool
	Began         time.Time // of its window
	At            time.Time // when it was over the limit
}

// Ended is a finding that is over.
type Ended struct {
	Kind   Kind
	Key    string
	At     time.Time
	Reason string
}

type pairKey struct{ src, dst netip.Addr }

type tryKey struct {
	src  netip.Addr
	port uint16
}

// usual is what is known of an address: the highest figures of windows, which fade
// with a half-life of about a day.
type usual struct {
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
	Peers   float64   `json:"peers"`
	Out     float64   `json:"out"`
	Packets float64   `json:"packets"`
	Sources float64   `json:"sources"`
	Tries   float64   `json:"tries"` // addresses of which one port was tried
}

// fade is by how much figures fade in a window: a half in a day.
const fade = 0.9976

// host is what an address did in the window.
type host struct {
	peers   bitmap // it sent to
	sources bitmap // that sent to it
	out     uint64 // bytes to the outside
	outTo   netip.Addr
	outMost uint64
	packets uint64 // that it was sent
}

type open struct {
	Finding
	seen bool // in this window
}

// Engine learns and judges. It is used by one goroutine at a time.
type Engine struct {
	rules rules
	hash  hasher
	begun time.Time // when learning began
	start time.Time // of the window

	usual map[netip.Addr]*usual
	hosts map[netip.Addr]*host
	pairs map[pairKey]*bitmap // ports that one tried of another
	tries map[tryKey]*bitmap  // addresses of which one tried a port
	open  map[string]*open

	important map[netip.Addr]bool
	talkers   map[netip.Addr]map[netip.Addr]time.Time
	met       []Finding // new talkers of this window

	// Skipped counts what was not judged because memory is limited.
	Skipped uint64
}

// New makes an engine that begins to learn.
func New(s Settings) *Engine {
	e := &Engine{
		rules: newRules(s), hash: newHasher(), usual: map[netip.Addr]*usual{}, open: map[string]*open{},
		important: map[netip.Addr]bool{}, talkers: map[netip.Addr]map[netip.Addr]time.Time{},
	}
	e.clear()
	return e
}

func (e *Engine) clear() {
	e.hosts, e.pairs, e.tries = map[netip.Addr]*host{}, map[pairKey]*bitmap{}, map[tryKey]*bitmap{}
}

// Change puts other settings in force.
func (e *Engine) Change(s Settings) { e.rules = newRules(s) }

// SetImportant says which addresses belong to important items.
func (e *Engine) SetImportant(addrs []netip.Addr) {
	e.important = make(map[netip.Addr]bool, len(addrs))
	for _, a := range addrs {
		e.important[a] = true
	}
	for a := range e.talkers {
		if !e.important[a] {
			delete(e.talkers, a)
		}
	}
}

// Learning tells until when nothing is told.
func (e *Engine) Learning() time.Time {
	if e.begun.IsZero() {
		return time.Time{}
	}
	return e.begun.Add(e.rules.learning())
}

func (e *Engine) host(a netip.Addr) *host {
	h := e.hosts[a]
	if h == nil {
		if len(e.hosts) >= maxHosts {
			e.Skipped++
			return nil
		}
		h = &host{}
		e.hosts[a] = h
	}
	return h
}

// Observe counts a record.
func (e *Engine) Observe(r Record) {
	if e.start.IsZero() {
		e.start = r.At.Truncate(Window)
	}
	if e.begun.IsZero() {
		e.begun = r.At
	}
	if nobody(r.Dst) || nobody(r.Src) || r.Src == r.Dst {
		return
	}
	if !in(e.rules.ignore, r.Src) {
		e.source(r)
	}
	if h := e.host(r.Dst); h != nil && !in(e.rules.ignore, r.Dst) && !in(e.rules.ignore, r.Src) {
		h.packets += r.Packets
		h.sources.add(e.hash.addr(r.Src))
	}
	e.talker(r)
}

// source counts what the sender of a record does.
func (e *Engine) source(r Record) {
	h := e.host(r.Src)
	if h == nil {
		return
	}
	// Only who begins counts: a server has many peers because they came to it.
	attempt := r.ToServer || r.Protocol == 6 && r.Flags == 2
	if attempt {
		h.peers.add(e.hash.addr(r.Dst))
	}
	if in(e.rules.inside, r.Src) && !in(e.rules.inside, r.Dst) {
		h.out += r.Bytes
		if r.Bytes > h.outMost {
			h.outMost, h.outTo = r.Bytes, r.Dst
		}
	}
	// A try is a flow of few packets: a conversation is none.
	if !attempt && !(r.Protocol == 17 && r.DstPort != 0 && r.ToServer) || r.Bytes/max(r.Packets, 1) > 200 || r.DstPort == 0 {
		return
	}
	pk := pairKey{r.Src, r.Dst}
	p := e.pairs[pk]
	if p == nil && len(e.pairs) < maxPairs {
		p = &bitmap{}
		e.pairs[pk] = p
	}
	tk := tryKey{r.Src, r.DstPort}
	t := e.tries[tk]
	if t == nil && len(e.tries) < maxTries {
		t = &bitmap{}
		e.tries[tk] = t
	}
	if p == nil || t == nil {
		e.Skipped++
	}
	if p != nil {
		p.add(e.hash.port(r.DstPort))
	}
	if t != nil {
		t.add(e.hash.addr(r.Dst))
	}
}

// talker notes who talks to an important address from the inside, and to whom outside
// an important address begins to talk.
func (e *Engine) talker(r Record) {
	if len(e.important) == 0 || !r.ToServer || in(e.rules.ignore, r.Src) || in(e.rules.ignore, r.Dst) {
		return
	}
	note := func(of, other netip.Addr, text string) {
		m := e.talkers[of]
		if m == nil {
			m = map[netip.Addr]time.Time{}
			e.talkers[of] = m
		}
		_, was := m[other]
		if !was && len(m) >= maxTalkers {
			e.Skipped++ // so many talk to it that one more says nothing
			return
		}
		m[other] = r.At
		if was || r.At.Sub(e.begun) < e.rules.learning() || len(e.met) >= maxOpen {
			return
		}
		e.met = append(e.met, Finding{
			Kind: NewTalker, Key: of.String() + " " + other.String(), Subject: other, Peer: of, Port: r.DstPort, Began: r.At, At: r.At,
			Title: text, Reason: text + " over " + r.Service + ". In the " + days(r.At.Sub(e.begun)) + " since traffic is watched, the two never talked.",
		})
	}
	switch {
	case e.important[r.Dst] && in(e.rules.inside, r.Src):
		note(r.Dst, r.Src, r.Src.String()+" talks to "+r.Dst.String()+" for the first time")
	case e.important[r.Src] && !in(e.rules.inside, r.Dst):
		note(r.Src, r.Dst, r.Src.String()+" talks to "+r.Dst.String()+" on the outside for the first time")
	}
}
