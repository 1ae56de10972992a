package path

import (
	"context"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/netpath"
	"github.com/mainstay-ops/mainstay/internal/estate"
)

// Figures sum up the answers of a hop or of a target. Times are in milliseconds.
type Figures struct {
	Sent   int64    `json:"sent"`
	Lost   int64    `json:"lost"`
	Loss   float64  `json:"loss" doc:"0 to 1."`
	Last   *float64 `json:"last_ms,omitempty" doc:"Of the last answer. This and the other times are absent without an answer."`
	Mean   *float64 `json:"mean_ms,omitempty"`
	Min    *float64 `json:"min_ms,omitempty"`
	Max    *float64 `json:"max_ms,omitempty"`
	StdDev *float64 `json:"stddev_ms,omitempty"`
	Jitter *float64 `json:"jitter_ms,omitempty" doc:"Mean of the absolute differences between one answer and the next."`
}

func figures(s *netpath.Stats) Figures {
	f := Figures{Sent: s.Sent, Lost: s.Lost, Loss: round(s.Loss(), 6)}
	if s.Answers() == 0 {
		return f
	}
	f.Last, f.Mean, f.Min, f.Max, f.StdDev, f.Jitter = ms(s.Last()), ms(s.Mean()), ms(s.Min), ms(s.Max), ms(s.Deviation()), ms(s.Jitter())
	return f
}

func ms(d time.Duration) *float64 { v := round(d.Seconds()*1000, 3); return &v }

func round(v float64, digits int) float64 {
	p := math.Pow10(digits)
	return math.Round(v*p) / p
}

// Timeline is a series of equal parts of the window. -1 stands for parts without an
// answer, or without a probe.
type Timeline struct {
	Mean []float64 `json:"mean_ms"`
	Min  []float64 `json:"min_ms"`
	Max  []float64 `json:"max_ms"`
	Loss []float64 `json:"loss" doc:"0 to 1."`
}

// Address is who answered at a hop.
type Address struct {
	Address string  `json:"address"`
	Name    string  `json:"name,omitempty" doc:"By reverse DNS."`
	Item    string  `json:"item,omitempty" doc:"Item of the estate with this address."`
	Network string  `json:"network,omitempty" doc:"AS that announces it, and its name, where the settings allow to ask."`
	Share   float64 `json:"share" doc:"Of the answers of this hop, 0 to 1."`
}

// HopRow is one distance.
type HopRow struct {
	TTL       int       `json:"ttl"`
	Addresses []Address `json:"addresses"`
	Target    bool      `json:"target,omitempty" doc:"The target answers here."`
	Figures
	Mark     string   `json:"mark,omitempty" doc:"What the last answer refused, as traceroute writes it: !N, !H, !P, !X, !F, !U."`
	Note     string   `json:"note,omitempty" doc:"What the figures of this hop mean, where they mislead."`
	Timeline Timeline `json:"timeline"`
}

// ChangeOut is a change of the route.
type ChangeOut struct {
	At   time.Time   `json:"at"`
	Text string      `json:"text"`
	Hops []ChangeHop `json:"hops"`
}

// ChangeHop is one distance of it.
type ChangeHop struct {
	TTL  int      `json:"ttl"`
	From []string `json:"from" doc:"Empty when the hop is new."`
	To   []string `json:"to" doc:"Empty when the hop is gone."`
}

// Report is everything about a path in a window.
type Report struct {
	Path     Spec        `json:"path"`
	Address  string      `json:"address,omitempty" doc:"Of the target, now."`
	Problem  string      `json:"problem,omitempty" doc:"Why nothing is measured."`
	From     time.Time   `json:"from"`
	To       time.Time   `json:"to"`
	Step     float64     `json:"step_seconds" doc:"Length of one part of the timelines."`
	Rounds   int64       `json:"rounds"`
	Distance int         `json:"distance" doc:"Hops to the target, in the last round in which it answered; 0 when it never did."`
	End      Figures     `json:"end" doc:"Of the target itself."`
	MOS      float64     `json:"mos" doc:"Voice quality, 1 to 4.4; 0 without a probe."`
	Timeline Timeline    `json:"timeline"`
	Hops     []HopRow    `json:"hops"`
	Changes  []ChangeOut `json:"changes" doc:"Of the route, the newest first."`
	Comments []Comment   `json:"comments" doc:"The newest first."`
	Findings []string    `json:"findings" doc:"What the figures mean, in sentences."`
}

const (
	maxParts  = 300
	maxWindow = 400 * 24 * time.Hour
)

// part is one part of a timeline.
type part struct {
	sent, lost    int32
	sum, min, max time.Duration
}

func (p *part) take(h netpath.Hop, arrived bool) {
	if h.Code == netpath.NotSent {
		return
	}
	p.sent++
	if !arrived {
		p.lost++
		return
	}
	if p.sent-p.lost == 1 || h.RTT < p.min {
		p.min = h.RTT
	}
	p.max = max(p.max, h.RTT)
	p.sum += h.RTT
}

func timeline(ps []part) Timeline {
	t := Timeline{Mean: make([]float64, len(ps)), Min: make([]float64, len(ps)), Max: make([]float64, len(ps)), Loss: make([]float64, len(ps))}
	for i, p := range ps {
		t.Mean[i], t.Min[i], t.Max[i], t.Loss[i] = -1, -1, -1, -1
		if p.sent > 0 {
			t.Loss[i] = round(float64(p.lost)/float64(p.sent), 4)
		}
		if n := p.sent - p.lost; n > 0 {
			t.Mean[i], t.Min[i], t.Max[i] = *ms(p.sum / time.Duration(n)), *ms(p.min), *ms(p.max)
		}
	}
	return t
}

// hopSum is what is gathered of one distance.
type hopSum struct {
	netpath.Stats
	parts  []part
	addrs  map[netip.Addr]int64
	target int64
	last   netpath.Code
}

// gathered is what is gathered of a window.
type gathered struct {
	from     time.Time
	step     time.Duration
	n        int
	rounds   int64
	distance int
	end      netpath.Stats
	parts    []part
	hops     []*hopSum
	route    netpath.Route
}

func newGathered(from, to time.Time, every time.Duration) *gathered {
	step := max(to.Sub(from)/maxParts, every).Truncate(time.Millisecond)
	n := int((to.Sub(from) + step - 1) / step)
	return &gathered{from: from, step: step, n: n, parts: make([]part, n)}
}

func (g *gathered) take(r *netpath.Round) {
	i := int(r.At.Sub(g.from) / g.step)
	if i < 0 || i >= g.n {
		return
	}
	g.rounds++
	g.end.TakeEnd(r)
	g.parts[i].take(r.End, r.Arrived)
	if r.Distance() > 0 {
		g.distance = len(r.Hops)
	}
	for ttl, h := range r.Hops {
		for len(g.hops) <= ttl {
			g.hops = append(g.hops, &hopSum{parts: make([]part, g.n), addrs: map[netip.Addr]int64{}})
		}
		x := g.hops[ttl]
		x.Take(h)
		x.parts[i].take(h, h.Answered())
		if h.Answered() {
			x.last = h.Code
		}
		if h.Code == netpath.Reached {
			x.target++
		}
		if h.Addr.IsValid() && (len(x.addrs) < 200 || x.addrs[h.Addr] > 0) {
			x.addrs[h.Addr]++
		}
	}
	g.route.Take(r)
}

// report computes everything about a path in a window.
func (s *Service) report(ctx context.Context, name string, from, to time.Time) (*Report, error) {
	now := s.now()
	if to.IsZero() || to.After(now.Add(time.Minute)) {
		to = now
	}
	if from.IsZero() {
		from = to.Add(-10 * time.Minute)
	}
	from, to = from.UTC(), to.UTC()
	if !from.Before(to) || to.Sub(from) > maxWindow {
		return nil, errs.Fields(errs.Field{Path: "query.from", Value: from.Format(time.RFC3339), Message: "must be before `to`, and at most 400 days before it"})
	}
	q := s.d.DB.Reader()
	r, err := readable(ctx, q, name)
	if err != nil {
		return nil, err
	}
	spec, err := r.spec()
	if err != nil {
		return nil, err
	}
	g := newGathered(from, to, spec.Every.D())
	if err := s.rounds(ctx, q, r.ID, from, to, g.take); err != nil {
		return nil, err
	}
	out := &Report{
		Path: spec, From: from, To: to, Step: g.step.Seconds(), Rounds: g.rounds, Distance: g.distance, End: figures(&g.end), MOS: round(g.end.MOS(), 2),
		Timeline: timeline(g.parts), Hops: []HopRow{}, Changes: []ChangeOut{}, Findings: []string{},
	}
	out.Address, out.Problem = s.state(&kept{row: *r, spec: spec})
	for i, h := range g.hops {
		x := HopRow{TTL: i + 1, Addresses: s.addresses(ctx, h.addrs), Target: h.target > 0, Figures: figures(&h.Stats), Mark: h.last.String(), Timeline: timeline(h.parts)}
		out.Hops = append(out.Hops, x)
	}
	// Beyond the target nobody answered: it was looked there while it was silent.
	for n := len(out.Hops); n > max(g.distance, 1) && out.Hops[n-1].Sent == out.Hops[n-1].Lost; n-- {
		out.Hops = out.Hops[:n-1]
	}
	for i := len(g.route.Changes) - 1; i >= 0; i-- {
		out.Changes = append(out.Changes, changeOut(g.route.Changes[i]))
	}
	if out.Comments, err = comments(ctx, q, r.ID, from, to); err != nil {
		return nil, err
	}
	explain(out)
	return out, nil
}

func changeOut(c netpath.RouteChange) ChangeOut {
	o := ChangeOut{At: c.At.UTC(), Text: changeText(c), Hops: []ChangeHop{}}
	for _, h := range c.Hops {
		o.Hops = append(o.Hops, ChangeHop{h.TTL, texts(h.From), texts(h.To)})
	}
	return o
}

func texts(as []netip.Addr) []string {
	out := make([]string, len(as))
	for i, a := range as {
		out[i] = a.String()
	}
	return out
}

// addresses lists who answered, the most frequent first.
func (s *Service) addresses(ctx context.Context, counts map[netip.Addr]int64) []Address {
	total := int64(0)
	as := make([]netip.Addr, 0, len(counts))
	for a, n := range counts {
		total += n
		as = append(as, a)
	}
	slices.SortFunc(as, func(a, b netip.Addr) int {
		if counts[a] != counts[b] {
			return int(counts[b] - counts[a])
		}
		return a.Compare(b)
	})
	set := s.settings()
	out := make([]Address, 0, min(len(as), 20))
	for _, a := range as[:min(len(as), 20)] {
		x := Address{Address: a.String(), Share: round(float64(counts[a])/float64(total), 4), Item: s.itemAt(ctx, a)}
		if set.ReverseDNS {
			x.Name = s.names.Of(a)
		}
		if set.OriginLookup {
			x.Network = s.origins.of(a)
		}
		out = append(out, x)
	}
	return out
}

// ownItem is the item of an address, as it was known a moment ago.
type ownItem struct {
	name, team string
	until      time.Time
}

const ownFor = time.Minute

// itemAt is the name of the item with an address, if there is one that whoever acts
// may see.
func (s *Service) itemAt(ctx context.Context, a netip.Addr) string {
	if s.owners == nil {
		return ""
	}
	now := time.Now()
	s.mu.Lock()
	x, ok := s.byWho[a]
	s.mu.Unlock()
	if !ok || now.After(x.until) {
		x = ownItem{until: now.Add(ownFor)}
		q := s.d.DB.Reader()
		if id, err := s.owners.ItemAt(ctx, q, a.String()); err == nil {
			if its, err := s.items.ByIDs(ctx, q, []string{id}); err == nil {
				x.name, x.team = its[id].Name, its[id].OwnerTeamID
			}
		}
		s.mu.Lock()
		if len(s.byWho) > 20_000 {
			clear(s.byWho)
		}
		s.byWho[a] = x
		s.mu.Unlock()
	}
	if x.name == "" || access.Check(ctx, estate.ReadItems, x.team) != nil {
		return ""
	}
	return x.name
}
