// Package stats counts over the packets and sessions of a capture: what was
// noteworthy, which protocols there are, who talked, and with whom.
package stats

import (
	"cmp"
	"slices"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/packet"
)

// Finding is one kind of finding with the packets that show it.
type Finding struct {
	Kind     packet.FindingKind `json:"kind"`
	Severity packet.Severity    `json:"severity"`
	Title    string             `json:"title"`
	Meaning  string             `json:"meaning"`
	Count    int                `json:"count"`
	First    time.Time          `json:"first"`
	Last     time.Time          `json:"last"`
	Examples []Example          `json:"examples"` // the first few
}

// Example is one packet with a finding.
type Example struct {
	Number int       `json:"number"`
	Time   time.Time `json:"time"`
	Src    string    `json:"src"`
	Dst    string    `json:"dst"`
	Detail string    `json:"detail,omitempty"`
}

// Findings gathers findings.
type Findings struct {
	examples int
	kinds    map[packet.FindingKind]*Finding
}

// NewFindings keeps at most so many examples of each kind.
func NewFindings(examples int) *Findings {
	return &Findings{examples: examples, kinds: map[packet.FindingKind]*Finding{}}
}

// Add takes the findings of a packet.
func (f *Findings) Add(p *packet.Packet) {
	for _, x := range p.Findings {
		k := f.kinds[x.Kind]
		if k == nil {
			e := packet.Explain(x.Kind)
			k = &Finding{Kind: x.Kind, Severity: e.Severity, Title: e.Title, Meaning: e.Meaning, First: p.Time, Examples: []Example{}}
			f.kinds[x.Kind] = k
		}
		k.Count++
		k.Last = p.Time
		if len(k.Examples) < f.examples {
			src, dst := p.Ends()
			k.Examples = append(k.Examples, Example{p.Number, p.Time, src, dst, x.Detail})
		}
	}
}

var rank = map[packet.Severity]int{packet.Error: 0, packet.Warning: 1, packet.Note: 2}

// List gives the findings, the most severe first, then the most frequent.
func (f *Findings) List() []*Finding {
	out := make([]*Finding, 0, len(f.kinds))
	for _, k := range f.kinds {
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b *Finding) int {
		return cmp.Or(cmp.Compare(rank[a.Severity], rank[b.Severity]), cmp.Compare(b.Count, a.Count), cmp.Compare(a.Kind, b.Kind))
	})
	return out
}
