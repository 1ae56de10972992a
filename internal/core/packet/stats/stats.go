package stats

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/packet"
	"github.com/mainstay-ops/mainstay/internal/core/packet/session"
)

// Layer is a protocol in the hierarchy: its packets and what they carry.
type Layer struct {
	Name    string   `json:"name"`
	Packets int      `json:"packets"`
	Bytes   int      `json:"bytes"` // whole frames
	Last    int      `json:"last"`  // packets in which nothing is above it
	Above   []*Layer `json:"above,omitempty"`
}

// Hierarchy counts packets by their protocols, from the link upwards.
type Hierarchy struct{ root Layer }

// Add counts a packet. A protocol that stands several times in a row, such as
// records of TLS, counts once.
func (h *Hierarchy) Add(p *packet.Packet) {
	const deepest, widest = 16, 200
	at := &h.root
	last := ""
	depth := 0
	for name := range strings.SplitSeq(p.Protocols(), ":") {
		if name == last || name == "" || depth >= deepest {
			continue
		}
		last = name
		depth++
		i := slices.IndexFunc(at.Above, func(l *Layer) bool { return l.Name == name })
		if i < 0 {
			if len(at.Above) >= widest {
				break
			}
			at.Above = append(at.Above, &Layer{Name: name})
			i = len(at.Above) - 1
		}
		at = at.Above[i]
		at.Packets++
		at.Bytes += p.Length
	}
	if at != &h.root {
		at.Last++
	}
}

// Layers gives the lowest protocols; the most frequent first on every level.
func (h *Hierarchy) Layers() []*Layer {
	var order func([]*Layer)
	order = func(ls []*Layer) {
		slices.SortFunc(ls, func(a, b *Layer) int { return cmp.Or(cmp.Compare(b.Packets, a.Packets), cmp.Compare(a.Name, b.Name)) })
		for _, l := range ls {
			order(l.Above)
		}
	}
	order(h.root.Above)
	return h.root.Above
}

// Endpoint is an address with what it sent and received.
type Endpoint struct {
	Address         string `json:"address"`
	SentPackets     uint64 `json:"sent_packets"`
	SentBytes       uint64 `json:"sent_bytes"`
	ReceivedPackets uint64 `json:"received_packets"`
	ReceivedBytes   uint64 `json:"received_bytes"`
	Sessions        int    `json:"sessions"`
}

// Endpoints sums sessions by address, the busiest first.
func Endpoints(sessions iter.Seq[*session.Session]) []*Endpoint {
	all := map[string]*Endpoint{}
	of := func(a string) *Endpoint {
		if all[a] == nil {
			all[a] = &Endpoint{Address: a}
		}
		return all[a]
	}
	for s := range sessions {
		src, dst := of(s.Src), of(s.Dst)
		src.Sessions++
		if dst != src {
			dst.Sessions++
		}
		src.SentPackets += s.SrcPackets
		src.SentBytes += s.SrcBytes
		src.ReceivedPackets += s.DstPackets
		src.ReceivedBytes += s.DstBytes
		dst.SentPackets += s.DstPackets
		dst.SentBytes += s.DstBytes
		dst.ReceivedPackets += s.SrcPackets
		dst.ReceivedBytes += s.SrcBytes
	}
	return slices.SortedFunc(maps.Values(all), func(a, b *Endpoint) int {
		return cmp.Or(cmp.Compare(b.SentBytes+b.ReceivedBytes, a.SentBytes+a.ReceivedBytes), cmp.Compare(a.Address, b.Address))
	})
}

// Conversation is two addresses with what went between them, over all ports.
type Conversation struct {
	A        string    `json:"a"` // who began the first session
	B        string    `json:"b"`
	APackets uint64    `json:"a_packets"` // sent by A
	ABytes   uint64    `json:"a_bytes"`
	BPackets uint64    `json:"b_packets"`
	BBytes   uint64    `json:"b_bytes"`
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
	Sessions int       `json:"sessions"`
}

// Conversations sums sessions by their two addresses, the busiest first.
func Conversations(sessions iter.Seq[*session.Session]) []*Conversation {
	all := map[[2]string]*Conversation{}
	for s := range sessions {
		c, back := all[[2]string{s.Src, s.Dst}], false
		if c == nil {
			if c = all[[2]string{s.Dst, s.Src}]; c != nil {
				back = true
			}
		}
		if c == nil {
			c = &Conversation{A: s.Src, B: s.Dst, First: s.First}
			all[[2]string{s.Src, s.Dst}] = c
		}
		c.Sessions++
		if s.First.Before(c.First) {
			c.First = s.First
		}
		if s.Last.After(c.Last) {
			c.Last = s.Last
		}
		ap, ab, bp, bb := s.SrcPackets, s.SrcBytes, s.DstPackets, s.DstBytes
		if back {
			ap, ab, bp, bb = bp, bb, ap, ab
		}
		c.APackets += ap
		c.ABytes += ab
		c.BPackets += bp
		c.BBytes += bb
	}
	return slices.SortedFunc(maps.Values(all), func(a, b *Conversation) int {
		return cmp.Or(cmp.Compare(b.ABytes+b.BBytes, a.ABytes+a.BBytes), cmp.Compare(a.A, b.A), cmp.Compare(a.B, b.B))
	})
}
