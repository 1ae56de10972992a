package flow

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// SourceStats is what was met of one source since the Decoder was made. The
// counters only grow.
type SourceStats struct {
	Source
	Seen time.Time
	// Units were received, Lost are missing, both by the sequence numbers: datagrams of
	// NetFlow 9 and sFlow, records of NetFlow 5 and IPFIX.
	Units, Lost uint64
	Restarts    uint64 // it started again
	NoTemplate  uint64 // sets that came before their template
	Recovered   uint64 // of these, sets that were read later
	Changed     uint64 // templates that came again with other fields
	Templates   int    // kept now
	Waiting     int    // sets that wait now
	// Samplers are the sampling rates that options data told: n of "one of n", by
	// sampler, 0 for the source as a whole.
	Samplers []SamplerSnapshot
}

// Sources tells about the sources of an exporter, or of all when it is the zero Addr.
func (d *Decoder) Sources(exporter netip.Addr) []SourceStats {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []SourceStats
	for key, s := range d.cache.sources {
		if exporter.IsValid() && key.Exporter != exporter {
			continue
		}
		v := s.count
		v.Source, v.Seen, v.Templates, v.Waiting = key, s.seen, len(s.templates), len(s.waiting)
		for k, n := range s.samplers {
			v.Samplers = append(v.Samplers, SamplerSnapshot{uint64(k), n})
		}
		slices.SortFunc(v.Samplers, func(a, b SamplerSnapshot) int { return cmp.Compare(a.ID, b.ID) })
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b SourceStats) int {
		return cmp.Or(a.Exporter.Compare(b.Exporter), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Domain, b.Domain))
	})
	return out
}

// Learned counts the changes of what a Snapshot would hold, so that it need not be
// taken when nothing is new.
func (d *Decoder) Learned() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cache.learned
}
