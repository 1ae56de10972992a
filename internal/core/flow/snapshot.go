package flow

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"time"
)

// Snapshot is what a Decoder learned from exporters, to be kept over a restart.
// It marshals to JSON. Data that waits for a template is not in it.
type Snapshot struct {
	Sources []SourceSnapshot `json:"sources"`
}

// SourceSnapshot is what is known about one source.
type SourceSnapshot struct {
	Source
	Seen      time.Time          `json:"seen"`
	Boot      time.Time          `json:"boot,omitzero"`
	Templates []TemplateSnapshot `json:"templates,omitempty"`
	Samplers  []SamplerSnapshot  `json:"samplers,omitempty"`
}

// TemplateSnapshot is a template. The first Scope fields say what options data is about.
type TemplateSnapshot struct {
	ID      uint16          `json:"id"`
	Options bool            `json:"options,omitempty"`
	Scope   int             `json:"scope,omitempty"`
	Fields  []FieldSnapshot `json:"fields"`
}

// FieldSnapshot is a field of a template; length 65535 is variable.
type FieldSnapshot struct {
	Enterprise uint32 `json:"enterprise,omitempty"`
	ID         uint16 `json:"id"`
	Length     uint16 `json:"length"`
}

// SamplerSnapshot is a sampling rate: one of N packets.
type SamplerSnapshot struct {
	ID uint64 `json:"id"` // sampler or selector; 0: the whole source
	N  uint64 `json:"n"`
}

// Snapshot gives what was learned, in an order that does not change between calls.
func (d *Decoder) Snapshot() Snapshot {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := Snapshot{Sources: make([]SourceSnapshot, 0, len(d.cache.sources))}
	for _, s := range d.cache.sources {
		if len(s.templates) == 0 && len(s.samplers) == 0 {
			continue
		}
		ss := SourceSnapshot{Source: s.key, Seen: s.seen.UTC(), Boot: s.boot}
		for _, id := range slices.Sorted(maps.Keys(s.templates)) {
			t := s.templates[id]
			ts := TemplateSnapshot{ID: id, Options: t.options}
			for _, f := range t.fields {
				if f.scope {
					ts.Scope++
				}
				ts.Fields = append(ts.Fields, FieldSnapshot{f.enterprise, f.id, f.length})
			}
			ss.Templates = append(ss.Templates, ts)
		}
		for _, k := range slices.Sorted(maps.Keys(s.samplers)) {
			ss.Samplers = append(ss.Samplers, SamplerSnapshot{uint64(k), s.samplers[k]})
		}
		out.Sources = append(out.Sources, ss)
	}
	slices.SortFunc(out.Sources, func(a, b SourceSnapshot) int {
		return cmp.Or(a.Exporter.Compare(b.Exporter), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Domain, b.Domain))
	})
	return out
}

// Restore adds what a Snapshot says, within the limits. Entries that make no
// sense are left out and counted in Stats.Refused. What is known already stays.
func (d *Decoder) Restore(s Snapshot) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.cache
	// The latest come last, so that they stay when there are too many.
	slices.SortStableFunc(s.Sources, func(a, b SourceSnapshot) int { return a.Seen.Compare(b.Seen) })
	for _, ss := range s.Sources {
		if !validSource(ss.Source) {
			c.stats.Refused++
			continue
		}
		src := c.of(ss.Source, ss.Seen)
		if src.boot.IsZero() {
			src.boot = ss.Boot
		}
		for _, ts := range ss.Templates {
			t := &template{id: ts.ID, options: ts.Options}
			for i, f := range ts.Fields {
				scope := i < ts.Scope
				t.fields = append(t.fields, spec{elementOf(ss.Version, f.Enterprise, f.ID, scope), f.Enterprise, f.ID, f.Length, scope})
			}
			if src.templates[ts.ID] != nil {
				continue
			}
			if !d.usable(t) {
				c.stats.Refused++
				continue
			}
			c.learn(src, t)
		}
		for _, sm := range ss.Samplers {
			if _, there := src.samplers[samplerKey(sm.ID)]; !there {
				c.sample(src, samplerKey(sm.ID), sm.N)
			}
		}
	}
}

func validSource(s Source) bool {
	if s.Exporter == (netip.Addr{}) {
		return false
	}
	return s.Version == NetFlow5 || s.Version == NetFlow9 || s.Version == IPFIX || s.Version == SFlow5
}
