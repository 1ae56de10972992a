package unusual

import (
	"hash/maphash"
	"net/netip"
	"time"
)

func newHasher() hasher { return hasher{maphash.MakeSeed()} }

// Snapshot is what was learned, to be kept over a restart; it marshals to JSON. The
// window that runs is not in it.
type Snapshot struct {
	Begun   time.Time                               `json:"begun"`
	Usual   map[netip.Addr]usual                    `json:"usual"`
	Talkers map[netip.Addr]map[netip.Addr]time.Time `json:"talkers"`
	Open    []Finding                               `json:"open"`
}

// Snapshot gives what was learned.
func (e *Engine) Snapshot() Snapshot {
	s := Snapshot{Begun: e.begun, Usual: make(map[netip.Addr]usual, len(e.usual)), Talkers: map[netip.Addr]map[netip.Addr]time.Time{}}
	for a, u := range e.usual {
		s.Usual[a] = *u
	}
	for a, m := range e.talkers {
		c := make(map[netip.Addr]time.Time, len(m))
		for k, v := range m {
			c[k] = v
		}
		s.Talkers[a] = c
	}
	for _, o := range e.open {
		s.Open = append(s.Open, o.Finding)
	}
	return s
}

// Restore gives an engine that has seen nothing what was learned.
func (e *Engine) Restore(s Snapshot) {
	e.begun = s.Begun
	for a, u := range s.Usual {
		if len(e.usual) >= maxHosts {
			break
		}
		e.usual[a] = &u
	}
	for a, m := range s.Talkers {
		c := make(map[netip.Addr]time.Time, len(m))
		for k, v := range m {
			if len(c) < maxTalkers {
				c[k] = v
			}
		}
		e.talkers[a] = c
	}
	for _, f := range s.Open {
		if len(e.open) < maxOpen {
			e.open[string(f.Kind)+" "+f.Key] = &open{f, true}
		}
	}
}
