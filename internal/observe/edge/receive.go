package edge

import (
	"context"
	"encoding/json"
	"net/netip"
	"slices"
	"time"

	"github.com/mainstay-ops/mainstay/internal/core/access"
	"github.com/mainstay-ops/mainstay/internal/core/audit"
	"github.com/mainstay-ops/mainstay/internal/core/db"
	"github.com/mainstay-ops/mainstay/internal/core/edgewire"
	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/live"
	"github.com/mainstay-ops/mainstay/internal/observe"
)

// Receive says what an edge takes from senders of its site.
type Receive struct {
	Listen  map[string]string `json:"listen" required:"false" doc:"Address and port to open, by name: netflow, ipfix, sflow and trap. What is absent is closed."`
	Allowed []string          `json:"allowed" required:"false" maxItems:"200" doc:"Networks that may send, such as 10.0.0.0/8. The machine of the edge always may."`
}

// PortView is how a port of an edge is.
type PortView struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	Problem string `json:"problem,omitempty" doc:"Why it is not open."`
	Taken   int64  `json:"taken" doc:"Datagrams since the edge started."`
	Refused int64  `json:"refused" doc:"From addresses that may not send."`
	Dropped int64  `json:"dropped" doc:"Not understood, or faster than they can be kept."`
}

func (r *edgeRow) receive() edgewire.Receive {
	var v edgewire.Receive
	_ = json.Unmarshal([]byte(r.Receive), &v) // written by this package only
	return v
}

func receiveView(v edgewire.Receive) Receive {
	out := Receive{Listen: v.Listen, Allowed: make([]string, 0, len(v.Allowed))}
	if out.Listen == nil {
		out.Listen = map[string]string{}
	}
	for _, p := range v.Allowed {
		out.Allowed = append(out.Allowed, p.String())
	}
	return out
}

// maxPorts bounds what an edge says of its ports.
const maxPorts = 20

func portViews(ps []edgewire.PortState) []PortView {
	out := make([]PortView, 0, len(ps))
	for _, p := range ps[:min(len(ps), maxPorts)] {
		out = append(out, PortView{Name: clip(p.Name, 20), Address: clip(p.Address, 100), Problem: clip(p.Problem, 500), Taken: p.Taken, Refused: p.Refused, Dropped: p.Dropped})
	}
	return out
}

// parse reads what a person wrote.
func (in Receive) parse() (edgewire.Receive, error) {
	v := edgewire.Receive{Listen: map[string]string{}}
	for name, addr := range in.Listen {
		if addr != "" {
			v.Listen[name] = addr
		}
	}
	for _, text := range in.Allowed {
		p, err := netip.ParsePrefix(text)
		if a, aerr := netip.ParseAddr(text); aerr == nil {
			p, err = a.Prefix(a.BitLen())
		}
		if err != nil {
			return v, errs.Fields(errs.Field{Path: "allowed", Value: text, Message: "must be a network such as 10.0.0.0/8, or an address"})
		}
		if p = p.Masked(); !slices.Contains(v.Allowed, p) {
			v.Allowed = append(v.Allowed, p)
		}
	}
	return v, v.Check()
}

// setReceive changes what an edge takes; it hears of it at once when it is connected.
func (s *Service) setReceive(ctx context.Context, name string, in Receive) error {
	v, err := in.parse()
	if err != nil {
		return err
	}
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.d.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := s.readable(ctx, tx, name)
		if err != nil {
			return err
		}
		if err := access.Check(ctx, WriteEdges, r.TeamID); err != nil {
			return err
		}
		if r.Receive == string(body) {
			return nil
		}
		if _, err := tx.NewRaw("UPDATE edges SET receive = ?, updated_at = ? WHERE id = ?", string(body), tx.Now(), r.ID).Exec(ctx); err != nil {
			return err
		}
		tx.AfterCommit(func() {
			s.ChecksChanged()
			s.d.Live.Send(live.Note{Topic: "edges", Kind: "changed", ID: r.Name})
		})
		return audit.Write(ctx, tx, audit.Change{Action: "edge.receive", Ref: ref(r.ID), Name: r.Name, Before: receiveView(r.receive()), After: receiveView(v)})
	})
}

// takeSite takes what senders of the site gave to the edge.
func (s *Service) takeSite(ctx context.Context, e *edgeRow, n observe.Delivery, b *edgewire.Batch) error {
	if s.flows != nil && len(b.Flows) > 0 {
		if err := s.flows.TakeFlows(ctx, e.Name, n, b.Flows); err != nil {
			return err
		}
	}
	if s.traps != nil && len(b.Traps)+len(b.TrapRefusals) > 0 {
		return s.traps.TakeTraps(ctx, e.Name, n, b.Traps, b.TrapRefusals)
	}
	return nil
}

// plausible tells whether an edge can have seen a moment.
func plausible(t time.Time) bool { return t.Year() >= 2000 && t.Year() <= 2200 }

// checkSite bounds what senders of the site gave.
func checkSite(b *edgewire.Batch) error {
	bad := func(what string) error { return errs.New(errs.Invalid, "The batch has %s.", what) }
	records, options := 0, 0
	for i := range b.Flows {
		x := &b.Flows[i]
		if !x.Exporter.IsValid() || !x.Sender.IsValid() || x.Skipped < 0 || len(x.Version) > 20 {
			return bad("flows without an exporter")
		}
		records += len(x.Records)
		options += len(x.Options)
		if len(x.Sources) > edgewire.MaxFlowSources {
			return bad("too many sources of flows")
		}
		for j := range x.Records {
			r := &x.Records[j]
			if !r.Src.IsValid() || !r.Dst.IsValid() || !plausible(time.Unix(0, r.At)) || len(r.App) > 100 {
				return bad("a flow without addresses or a time")
			}
		}
	}
	if len(b.Flows) > edgewire.MaxFlowBlocks || records > edgewire.MaxFlows || options > edgewire.MaxFlowOptions {
		return bad("more flows than one may hold")
	}
	if len(b.Traps) > edgewire.MaxTraps || len(b.TrapRefusals) > edgewire.MaxTraps {
		return bad("more traps than one may hold")
	}
	for i := range b.Traps {
		if t := &b.Traps[i]; !t.From.IsValid() || !plausible(t.At) || len(t.Version) > 4 {
			return bad("a trap without a sender or a time")
		}
	}
	for i := range b.TrapRefusals {
		if t := &b.TrapRefusals[i]; !t.From.IsValid() || !plausible(t.At) {
			return bad("a refused trap without a sender or a time")
		}
	}
	return nil
}
