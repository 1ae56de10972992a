package edge

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/core/netguard"
	"github.com/mainstay-ops/mainstay/internal/core/netpath"
)

const (
	// pathsEvery is how long rounds are collected into one block.
	pathsEvery = 10 * time.Second
	// maxPathRounds bounds what is collected of one path.
	maxPathRounds = 500
	leastPath     = time.Second
)

// paths measures network paths.
type paths struct {
	monitor *netpath.Monitor

	mu   sync.Mutex
	meta bool
	// rounds wait to be packed; said is the problem of each path as the server knows it.
	rounds map[string][]*netpath.Round
	said   map[string]string
	ids    []string
	packed time.Time
}

func newPaths(e *edge) *paths {
	p := &paths{rounds: map[string][]*netpath.Round{}, said: map[string]string{}}
	p.monitor = &netpath.Monitor{Lookup: net.DefaultResolver.LookupNetIP, Allow: p.allow, Found: p.found, Logger: e.o.Logger}
	return p
}

// allow keeps to what the server permits.
func (p *paths) allow(a netip.Addr) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return netguard.Guard{AllowMetadata: p.meta}.Check(a)
}

// set makes ps what is measured.
func (p *paths) set(ps []edgewire.Path) {
	jobs := make([]netpath.Job, 0, len(ps))
	var ids []string
	meta := false
	for _, x := range ps {
		meta = x.AllowMeta
		ids = append(ids, x.ID)
		jobs = append(jobs, netpath.Job{ID: x.ID, Host: x.Host, Family: x.Family, Target: netpath.Target{
			Proto: netpath.Proto(x.Proto), Port: x.Port, Every: max(time.Duration(x.EveryMS)*time.Millisecond, leastPath), MaxTTL: x.MaxHops, Size: x.Size, DSCP: x.DSCP,
		}})
	}
	p.mu.Lock()
	p.meta, p.ids = meta, ids
	p.mu.Unlock()
	p.monitor.Set(jobs)
}

func (p *paths) found(id string, r *netpath.Round) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.rounds[id]) < maxPathRounds {
		p.rounds[id] = append(p.rounds[id], r)
	}
}

// take gives what was measured since the last time, when that is long enough ago.
func (p *paths) take(now time.Time) []edgewire.PathBlock {
	p.mu.Lock()
	if now.Sub(p.packed) < pathsEvery {
		p.mu.Unlock()
		return nil
	}
	p.packed = now
	rounds, ids := p.rounds, p.ids
	p.rounds = map[string][]*netpath.Round{}
	p.mu.Unlock()
	var out []edgewire.PathBlock
	for _, id := range ids {
		addr, problem := p.monitor.State(id)
		rs := rounds[id]
		if len(rs) == 0 && p.said[id] == problem {
			continue
		}
		p.said[id] = problem
		b := edgewire.PathBlock{Path: id, Start: now.UTC(), Problem: problem}
		if addr.IsValid() {
			b.Address = addr.String()
		}
		if len(rs) > 0 {
			for _, r := range rs {
				if r.At.Before(b.Start) {
					b.Start = r.At.UTC().Truncate(time.Second)
				}
			}
			b.Data = netpath.Pack(b.Start, rs)
		}
		out = append(out, b)
	}
	return out
}

// hurry lets the next take give what there is, however little.
func (p *paths) hurry() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.packed = time.Time{}
}
